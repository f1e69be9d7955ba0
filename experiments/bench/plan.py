"""How much is measured: the full size, and the quick size."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """Sizes of all parts. The cells of a part are measured in turn, `rounds` times. Tables show medians."""

    name: str
    rounds: int
    sweep_rounds: int
    # Systems of three machines in real time.
    machines: tuple[int, ...]
    machines_s: float
    # Virtual time: runs of one minute.
    virtual_rounds: int
    virtual_runs: int
    # The same 60 runs all at once and one after another.
    sweep_time_scale: float
    # Full meshes: number of all machines, numbers of machines in a run, numbers of runs, and the duration.
    mesh_rounds: int
    mesh_machines: int
    mesh_sizes: tuple[int, ...]
    mesh_runs: tuple[int, ...]
    mesh_s: float
    # Sizes of the datasets to read, in millions of events.
    reading_rounds: int
    reading_millions: tuple[int, ...]
    # Intervals: configurations of ten runs a regime; then how many of these contrasts are averaged.
    coverage_configurations: int
    coverage_averages: int


FULL = Plan(
    name="full",
    rounds=5,
    sweep_rounds=3,
    machines=(300, 1_200, 3_000, 9_600),
    machines_s=15,
    virtual_rounds=5,
    virtual_runs=10_000,
    sweep_time_scale=20,
    mesh_rounds=5,
    mesh_machines=256,
    mesh_sizes=(2, 4, 8, 16, 32, 64),
    mesh_runs=(16, 64, 256, 1_024),
    mesh_s=10,
    reading_rounds=5,
    reading_millions=(1, 10, 100),
    coverage_configurations=2_000,
    coverage_averages=500,
)

QUICK = replace(
    FULL,
    name="quick",
    rounds=2,
    sweep_rounds=1,
    machines=(300, 3_000, 9_600),
    machines_s=3,
    virtual_rounds=2,
    virtual_runs=1_000,
    sweep_time_scale=200,
    mesh_rounds=1,
    mesh_sizes=(2, 8, 64),
    mesh_runs=(16, 1_024),
    mesh_s=4,
    reading_rounds=3,
    reading_millions=(1, 10),
    coverage_configurations=400,
    coverage_averages=100,
)
