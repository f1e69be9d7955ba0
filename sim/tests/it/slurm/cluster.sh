# The first process of a cluster's process namespace. It starts the daemons and ends with the first of them that ends, or with the
# pipe on its standard input; and with it ends all that runs in the namespace. $1 is the cluster's folder.
exec 3<&0
cat <&3 >/dev/null &
munged --socket="$1/munge.socket" --key-file="$1/munge.key" --pid-file="$1/munge.pid" --log-file="$1/munge.log" \
  --seed-file="$1/munge.seed" || exit
slurmctld -D -c -f "$1/slurm.conf" &
slurmd -D -N one -f "$1/slurm.conf" &
slurmd -D -N two -f "$1/slurm.conf" &
wait -n
