"""The model of `sim` in SimPy, a Python library for simulations: a process for every machine, a timeout for every tick. Prints the number
of ticks of all runs together.

A message arrives at the moment of its send, and a machine waits for ticks, never for messages. So a queue is a simple deque. SimPy's own
queue, `Store`, is made for processes that wait for items. It would only give SimPy more to simulate.
"""

import random
from collections import deque
from collections.abc import Generator

import simpy

import command_line
from command_line import Experiment, Write

# A message is a tuple of its stamp (the sender's clock), its sender, and the sender's tick at which it was sent.
Message = tuple[int, int, int]


class System:
    """One run. The constructor makes the run from start to end and counts the ticks of all machines together."""

    def __init__(self, experiment: Experiment, run: int, write: Write | None) -> None:
        self.run = run
        self.internal = experiment.internal
        self.write = write
        self.env = simpy.Environment()
        self.queues: list[deque[Message]] = [deque() for _ in experiment.rates]
        self.ticks = 0
        for machine, rate in enumerate(experiment.rates):
            self.env.process(self.machine(machine, 1 / rate))
        self.env.run(until=experiment.duration_s)

    def machine(self, machine: int, period_s: float) -> Generator[simpy.Timeout, None, None]:
        """Runs one machine. It never returns: SimPy stops it at the end of the run."""
        env, run, write, draw = self.env, self.run, self.write, random.random
        queue = self.queues[machine]
        other_queues = [other for other in self.queues if other is not queue]
        machines = len(self.queues)
        # A machine that sends has as many equally likely choices as there are machines: each of the others, and all others together.
        choice_probability = (1 - self.internal) / machines
        clock = tick = 0
        # The first tick is at a random time of the first period (phase `uniform`).
        yield env.timeout(draw() * period_s)
        while True:
            if queue:
                stamp, sender, sent_tick = queue.popleft()
                clock = max(clock, stamp) + 1
                if write:
                    now_ns = int(env.now * 1e9)
                    # The columns are `command_line.COLUMNS`, here and below.
                    write(f"{run},{machine},{tick},receive,{now_ns},{clock},{len(queue)},{sender},{stamp},{sent_tick}\n")
            else:
                clock += 1
                # A random number below `internal` means an internal event. The numbers from `internal` to 1 are divided equally among the
                # choices.
                drawn = draw() - self.internal
                if drawn < 0:
                    if write:
                        write(f"{run},{machine},{tick},internal,{int(env.now * 1e9)},{clock},0,,,\n")
                else:
                    choice = int(drawn / choice_probability)
                    if choice >= machines - 1:
                        # The last choice: a send to all other machines. In the log, `*` stands for them.
                        receiving_queues, peers = other_queues, "*"
                    else:
                        receiving_queues = [other_queues[choice]]
                        # `other_queues` leaves out the sender's queue. So a recipient after the sender has the number `choice + 1`.
                        peers = str(choice if choice < machine else choice + 1)
                    for receiving_queue in receiving_queues:
                        receiving_queue.append((clock, machine, tick))
                    if write:
                        write(f"{run},{machine},{tick},send,{int(env.now * 1e9)},{clock},0,{peers},{clock},\n")
            tick += 1
            self.ticks += 1
            yield env.timeout(period_s)


def main() -> None:
    experiment = command_line.read()
    random.seed(experiment.seed)
    with command_line.event_log(experiment.log) as write:
        print(sum(System(experiment, run, write).ticks for run in range(experiment.runs)))


if __name__ == "__main__":
    main()
