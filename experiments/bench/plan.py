"""How much the benchmark measures: the full plan (half an hour), and the quick plan (`--quick`, two minutes)."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """The sizes of all parts of the benchmark. README.md in this folder says what each part measures.

    A part compares several cases, for example several numbers of machines. In each round, every case is measured once. The tables show
    the medians over the rounds.
    """

    # The name of the plan: full or quick.
    name: str
    # Part machines: number of rounds.
    rounds: int
    # Part machines: the cases. Each case is a number of machines that run at the same time, three in each run.
    machines: tuple[int, ...]
    # Part machines: the duration of each run in seconds.
    machines_s: float
    # Part virtual: number of rounds.
    virtual_rounds: int
    # Part virtual: number of runs. Each run lasts one minute of model time.
    virtual_runs: int
    # Part sweep: number of rounds.
    sweep_rounds: int
    # Part sweep: how many times faster than real time the runs are.
    sweep_time_scale: float
    # Part mesh: number of rounds.
    mesh_rounds: int
    # Part mesh, first table: the number of machines in all runs together, the same in every case.
    mesh_machines: int
    # Part mesh, first table: the cases. Each case is a number of machines per run.
    mesh_sizes: tuple[int, ...]
    # Part mesh, second table: the cases. Each case is a number of runs at the same time, with four machines each.
    mesh_runs: tuple[int, ...]
    # Part mesh: the duration of each run in seconds.
    mesh_s: float
    # Part reading: number of rounds.
    reading_rounds: int
    # Part reading: the cases, which are the sizes of datasets in millions of events.
    reading_millions: tuple[int, ...]
    # Part coverage (how many 95 % intervals contain the true mean): the number of samples for each of four
    # sets of rates. Each sample has ten runs of its own and gives one interval for each measure.
    coverage_samples: int
    # Part coverage, averages of contrasts: the number of samples. A contrast is the difference of a measure between two sets of rates, for
    # one machine. For each sample, `analyze` prints the average of the contrasts of the three machines, with an interval. The part counts
    # how many of these intervals contain the true mean.
    coverage_averages: int


FULL = Plan(
    name="full",
    rounds=5,
    machines=(300, 1_200, 3_000, 9_600),
    machines_s=15,
    virtual_rounds=5,
    virtual_runs=10_000,
    sweep_rounds=3,
    sweep_time_scale=20,
    mesh_rounds=5,
    mesh_machines=256,
    mesh_sizes=(2, 4, 8, 16, 32, 64),
    mesh_runs=(16, 64, 256, 1_024),
    mesh_s=10,
    reading_rounds=5,
    reading_millions=(1, 10, 100),
    coverage_samples=2_000,
    coverage_averages=500,
)

QUICK = replace(
    FULL,
    name="quick",
    rounds=2,
    machines=(300, 3_000, 9_600),
    machines_s=3,
    virtual_rounds=2,
    virtual_runs=1_000,
    sweep_rounds=1,
    sweep_time_scale=200,
    mesh_rounds=1,
    mesh_sizes=(2, 8, 64),
    mesh_runs=(16, 1_024),
    mesh_s=4,
    reading_rounds=3,
    reading_millions=(1, 10),
    coverage_samples=400,
    coverage_averages=100,
)
