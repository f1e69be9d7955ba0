"""The model of `sim` in plain Python: one heap with the next tick of every machine, the earliest first.

Prints the number of ticks of all runs together.
"""

import random
from collections import deque
from heapq import heapify, heappop, heapreplace

import command_line
from command_line import Experiment, Write

SECOND_NS = 1_000_000_000


def simulate(experiment: Experiment, run: int, write: Write | None) -> int:
    """Makes one run. Returns its number of ticks."""
    draw = random.random
    rates, internal = experiment.rates, experiment.internal
    end_ns = experiment.duration_s * SECOND_NS
    machines = len(rates)
    # A machine that sends has as many equally likely choices as there are machines: each of the others, and all others together.
    choice_probability = (1 - internal) / machines
    clocks = [0] * machines
    # A message is a tuple of its stamp (the sender's clock), its sender, and the sender's tick at which it was sent.
    queues: list[deque[tuple[int, int, int]]] = [deque() for _ in rates]
    others = [[queue for queue in queues if queue is not own] for own in queues]
    # The time of each machine's first tick: random, within its first period.
    phases_ns = [int(draw() * SECOND_NS / rate) for rate in rates]
    # The next tick of each machine: its time, the machine, and the number of the tick.
    agenda = [(phase_ns, machine, 0) for machine, phase_ns in enumerate(phases_ns)]
    heapify(agenda)
    ticks = 0
    while agenda:
        now_ns, machine, tick = agenda[0]
        queue = queues[machine]
        if queue:
            stamp, sender, sent_tick = queue.popleft()
            clock = max(clocks[machine], stamp) + 1
            if write:
                # The columns of a row are in `command_line.COLUMNS`.
                write(f"{run},{machine},{tick},receive,{now_ns},{clock},{len(queue)},{sender},{stamp},{sent_tick}\n")
        else:
            clock = clocks[machine] + 1
            # A random number below `internal` means an internal event. The numbers from `internal` to 1 are divided equally among the choices.
            drawn = draw() - internal
            if drawn < 0:
                if write:
                    write(f"{run},{machine},{tick},internal,{now_ns},{clock},0,,,\n")
            else:
                choice = int(drawn / choice_probability)
                # The choice `machines - 1` means all other machines. Through rounding, `choice` can also be `machines`.
                if choice >= machines - 1:
                    # In the log, `*` stands for all other machines.
                    recipients, peers = others[machine], "*"
                else:
                    recipients = others[machine][choice : choice + 1]
                    # With machines 0, 1 and 2, the others of machine 1 are 0 and 2: its choice 0 is machine 0, its choice 1 is machine 2.
                    peers = str(choice if choice < machine else choice + 1)
                for recipient in recipients:
                    recipient.append((clock, machine, tick))
                if write:
                    write(f"{run},{machine},{tick},send,{now_ns},{clock},0,{peers},{clock},\n")
        clocks[machine] = clock
        ticks += 1
        next_ns = phases_ns[machine] + (tick + 1) * SECOND_NS // rates[machine]
        if next_ns < end_ns:
            # Removes this tick from the heap, and adds the machine's next tick.
            heapreplace(agenda, (next_ns, machine, tick + 1))
        else:
            heappop(agenda)
    return ticks


def main() -> None:
    experiment = command_line.read()
    random.seed(experiment.seed)
    with command_line.event_log(experiment.log) as write:
        print(sum(simulate(experiment, run, write) for run in range(experiment.runs)))


if __name__ == "__main__":
    main()
