# Starts the daemons of a Slurm cluster for tests: two nodes, `one` and `two`, on this computer. $1 is the cluster's folder. This script
# is the first process of a process namespace: when the script ends, the system ends everything else in the namespace.
# The script waits until a command in the background (&) ends: a Slurm daemon, or `cat`. The test can end `cat`: it closes the pipe on the
# script's standard input. A command in the background does not get this standard input, so `cat` reads the pipe by its second number, 3.
exec 3<&0
cat <&3 >/dev/null &
# munged goes into the background by itself.
munged --socket="$1/munge.socket" --key-file="$1/munge.key" --pid-file="$1/munge.pid" --log-file="$1/munge.log" \
  --seed-file="$1/munge.seed" || exit
slurmctld -D -c -f "$1/slurm.conf" &
slurmd -D -N one -f "$1/slurm.conf" &
slurmd -D -N two -f "$1/slurm.conf" &
wait -n
