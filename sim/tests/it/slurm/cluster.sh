# Starts the daemons of a Slurm cluster for tests: two nodes, `one` and `two`, on this computer. $1 is the cluster's folder. This script
# is the first process of a process namespace: when the script ends, the system ends everything else in the namespace.
# The script ends as soon as one of its commands in the background (&) ends: a Slurm daemon, or `cat`. `cat` ends when the test closes the
# pipe to the script's standard input. But the standard input of a command in the background is empty. It is not this pipe. So the pipe
# also becomes file descriptor 3, and `cat` reads from there.
exec 3<&0
cat <&3 >/dev/null &
# With `munged`, the Slurm daemons check who sent a message. `munged` goes into the background by itself, so it needs no `&`.
munged --socket="$1/munge.socket" --key-file="$1/munge.key" --pid-file="$1/munge.pid" --log-file="$1/munge.log" \
  --seed-file="$1/munge.seed" || exit
slurmctld -D -c -f "$1/slurm.conf" &
slurmd -D -N one -f "$1/slurm.conf" &
slurmd -D -N two -f "$1/slurm.conf" &
wait -n
