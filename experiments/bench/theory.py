"""Measures how good the theory is: runs random configurations in virtual time, and counts predictions of `analyze theory` that are off.

Each prediction is for one measure of one machine. It is *off* if it differs from the measured mean by more than 5 standard errors and by
more than 3 % of the measured mean. It is *labelled* if the theory gives a caveat for it: a reason why it may be wrong.

    cargo build
    python3 experiments/bench/theory.py --seed 1 --configurations 200 --repetitions 300
"""

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
# The measures that the theory predicts: those of a machine's queue, and those of its clock.
QUEUE = ("backlog_growth", "backlog_final", "receive_share")
CLOCK = ("logical_rate", "lag_slope", "lag_final", "jump_mean")
# A prediction is off if it differs from the measured mean by more than both of these limits.
LIMIT_STANDARD_ERRORS = 5
LIMIT_SHARE_OF_MEAN = 0.03


@dataclass(frozen=True)
class Configuration:
    """An experiment with a single configuration, as the text of its file (TOML). The first `warm_up_s` seconds of each run (the warm-up) are
    left out of the measures.
    """

    toml: str
    warm_up_s: float


def main() -> None:
    given = arguments()
    random = Random(given.seed)
    configurations = [draw(random, given.repetitions) for _ in range(given.configurations)]
    with ThreadPoolExecutor(given.jobs) as pool:
        measured = list(pool.map(lambda configuration: records(configuration, given), configurations))
    comparisons = [
        comparison
        for number, (configuration, machine_records) in enumerate(zip(configurations, measured, strict=True))
        for record in machine_records
        for comparison in compared(number, configuration, record)
    ]
    if given.save:
        given.save.write_text(json.dumps({"configurations": [vars(one) for one in configurations], "machines": measured}))
    if given.list:
        print_off(comparisons)
    print_counts(comparisons)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="seed of the random configurations and of their runs")
    parser.add_argument("--configurations", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=300, help="runs of each configuration")
    parser.add_argument("--jobs", type=int, default=2, help="configurations at the same time")
    parser.add_argument("--list", action="store_true", help="print every comparison that is off but not labelled, with its configuration")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write configurations and records as JSON")
    parser.add_argument("--programs", type=Path, default=ROOT / "target/debug", help="folder of `sim` and `analyze`")
    return parser.parse_args()


def draw(random: Random, repetitions: int) -> Configuration:
    """Draws a random configuration: rates, duration, warm-up, and variants of the model (such as which machines may send to each other)."""
    machines = random.randint(2, 8)
    topology = random.choice(["mesh", "ring", "star", "time-keeper"])
    phase = random.choice(["uniform", "spread", "aligned"])
    # A phase is the time of a machine's first tick. "spread" keeps ticks of different machines apart. It is used only with whole rates:
    # with decimals, ticks may come so close to each other that `sim` refuses the experiment.
    decimals = 0 if phase == "spread" else random.choice([0, 1, 2])
    # Python rounds 0.5 to the whole number 0, which is not a valid rate. `or 1` replaces this 0 by 1.
    rates = [round(random.uniform(0.5, 10), decimals) or 1 for _ in range(machines)]
    duration_s = random.randint(30, 120)
    parameters = {
        "rates": rates,
        "internal": internal(random, machines),
        "topology": topology,
        "sends": sends(random, topology, machines),
        "receive": random.choice(["one", "all"]),
        "stamp": random.choice(["after", "before"]),
        "phase": phase,
        "delay_s": delay(random),
    }
    # Four parameters are taken out (`pop`), and their values are written as they are. The values of the others are written in quotes.
    lines = [
        f"seed = {random.randrange(1_000_000)}",
        f"repetitions = {repetitions}",
        f"duration_s = {duration_s}",
        'engine = "virtual"',
        "[parameters]",
        # In an experiment file, a list gives several values of a parameter: `internal = [0.4, 0.7]` means two configurations. A single
        # value that is a list needs a second pair of brackets: `internal = [[0.4, 0.7]]` is one value, with a probability for each machine.
        f"rates = [{parameters.pop('rates')}]",
        f"internal = [{parameters.pop('internal')}]",
        f"sends = {parameters.pop('sends')}",
        f"delay_s = {parameters.pop('delay_s')}",
        *(f'{name} = "{value}"' for name, value in parameters.items()),
    ]
    warm_up_s = random.choice([0, random.randint(1, duration_s // 2)])
    return Configuration("\n".join(lines) + "\n", warm_up_s)


def sends(random: Random, topology: str, machines: int) -> str:
    """Draws the rule that chooses the recipients of a send. The topology "time-keeper" allows only the rule "mix"."""
    # With `{ multicast = k }`, a send goes to k neighbours (machines that the sender may send to), or to all neighbours if there are fewer
    # than k. So k = 2 is valid with two machines too.
    multicast = f"{{ multicast = {random.randint(2, max(2, machines - 1))} }}"
    drawn = random.choice(['"mix"', '"unicast"', '"broadcast"', multicast])
    # This comes last, so that the same draws are made for every topology.
    if topology == "time-keeper":
        return '"mix"'
    return drawn


def internal(random: Random, machines: int) -> float | list[float]:
    """Draws one probability for all machines, or one for each machine. Some draws are 0 or 1."""

    def one() -> float:
        return random.choice([0.0, 1.0]) if random.random() < 0.05 else round(random.random(), 2)

    return [one() for _ in range(machines)] if random.random() < 0.25 else one()


def delay(random: Random) -> str:
    """Draws the delay of messages: in half of the cases 0, otherwise a distribution with a mean of up to 0.3 s."""
    mean_s = round(random.uniform(0.005, 0.3), 3)
    distributions = [f"{mean_s}", f"{{ uniform = [0, {2 * mean_s:.3f}] }}", f"{{ exponential = {mean_s} }}"]
    # As many zeros as distributions: half of the choices.
    return random.choice(["0"] * len(distributions) + distributions)


def records(configuration: Configuration, given: argparse.Namespace) -> list[dict]:
    """Runs a configuration and returns the records of `analyze theory`, one for each machine."""
    with TemporaryDirectory(prefix="logical-clock-theory-") as folder:
        experiment, dataset = Path(folder) / "experiment.toml", Path(folder) / "dataset"
        experiment.write_text(configuration.toml, encoding="utf-8")
        output(given.programs / "sim", "run", experiment, "--data", dataset, "--quiet", "--jobs", "1")
        warm_up = ["--warm-up", str(configuration.warm_up_s)]
        return json.loads(output(given.programs / "analyze", "theory", dataset, "--no-cache", "--format", "json", *warm_up))


def output(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Comparison:
    """The measured mean and the prediction of one measure, for one machine of one configuration."""

    number: int
    """Index of the configuration: 0 for the first that was drawn."""
    configuration: Configuration
    machine: int
    measure: str
    measured: float
    predicted: float
    z: float | None
    """Difference of measured mean and prediction in standard errors; None if all runs have the same value."""
    caveats: str
    """The theory's reasons why the prediction may be wrong; empty if it gives none."""

    @property
    def is_off(self) -> bool:
        """Returns whether the prediction is off. If `z` is None, the prediction counts as not off."""
        is_many_errors_away = self.z is not None and abs(self.z) > LIMIT_STANDARD_ERRORS
        return is_many_errors_away and abs(self.measured - self.predicted) > LIMIT_SHARE_OF_MEAN * abs(self.measured)


def compared(number: int, configuration: Configuration, record: dict) -> list[Comparison]:
    """Returns the comparisons of one machine: one for each measure that has both a mean and a prediction."""
    return [
        Comparison(
            number,
            configuration,
            record["machine"],
            measure,
            record[f"{measure}_mean"],
            record[f"{measure}_predicted"],
            record[f"{measure}_z"],
            record[f"{measure}_caveats"] or "",
        )
        for measure in QUEUE + CLOCK
        if record[f"{measure}_predicted"] is not None and record[f"{measure}_mean"] is not None
    ]


def print_off(comparisons: list[Comparison]) -> None:
    """Prints each prediction that is off although the theory gives no caveat, with its configuration."""
    for one in comparisons:
        if one.is_off and not one.caveats:
            one_line = one.configuration.toml.replace("\n", "; ")
            print(f"{one.measure} of machine {one.machine}: measured {one.measured:.4g}, predicted {one.predicted:.4g}, z {one.z:+.1f}")
            print(f"    warm-up {one.configuration.warm_up_s} s; {one_line}")


def print_counts(comparisons: list[Comparison]) -> None:
    """Prints a table with a row for each measure and one for all. The columns are: how many predictions were compared, which share of them
    was labelled, which share of the labelled ones was off, and which share of the unlabelled ones was off.
    """
    counts: dict[str, Counter] = defaultdict(Counter)
    for one in comparisons:
        for row in (one.measure, "all"):
            kind = "labelled" if one.caveats else "unlabelled"
            counts[row][kind] += 1
            if one.is_off:
                counts[row][f"{kind} off"] += 1
    print(f"{'measure':16} {'compared':>9} {'labelled':>9} {'of these off':>13} {'off unlabelled':>15}")
    for row in (*QUEUE, *CLOCK, "all"):
        labelled, unlabelled = counts[row]["labelled"], counts[row]["unlabelled"]
        labelled_share = share(labelled, labelled + unlabelled)
        labelled_off_share = share(counts[row]["labelled off"], labelled)
        unlabelled_off_share = share(counts[row]["unlabelled off"], unlabelled)
        print(f"{row:16} {labelled + unlabelled:>9,} {labelled_share:>9} {labelled_off_share:>13} {unlabelled_off_share:>15}")


def share(part: int, whole: int) -> str:
    """Returns the share as a text in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "none"


if __name__ == "__main__":
    main()
