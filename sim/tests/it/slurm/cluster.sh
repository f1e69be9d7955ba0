# The first process of a cluster's process namespace. $1 is the cluster's folder. It starts the daemons. It ends when one of them ends,
# or when the pipe on its standard input closes. Then the system ends everything else in the namespace.
# A command in the background has no standard input, so the pipe gets the number 3 too. `cat` ends when the pipe closes.
exec 3<&0
cat <&3 >/dev/null &
munged --socket="$1/munge.socket" --key-file="$1/munge.key" --pid-file="$1/munge.pid" --log-file="$1/munge.log" \
  --seed-file="$1/munge.seed" || exit
slurmctld -D -c -f "$1/slurm.conf" &
slurmd -D -N one -f "$1/slurm.conf" &
slurmd -D -N two -f "$1/slurm.conf" &
wait -n
