"""Runs programs one by one. Measures the wall time, processor time and memory of each, and the processor time that everything else on the
computer took meanwhile."""

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time_ns

# Seconds between two checks of a running program. More frequent checks would take more processor time from the simulated machines.
CHECK_INTERVAL_S = 0.25
# With fewer checks than this, processor time per second is not calculated.
FEWEST_SAMPLES = 4
# Times in /proc/stat are in clock ticks of the kernel. One second has this number of them.
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A measurement failed: a program ended with an error, or the measurement was too short."""


@dataclass(frozen=True)
class Sample:
    """The resources that a program had used from its start to the time `unix_ns`."""

    unix_ns: int
    cpu_s: float
    peak_bytes: int
    """The largest resident memory so far."""


@dataclass(frozen=True)
class Usage:
    """The resources that a program used from start to end."""

    wall_s: float
    cpu_s: float
    """Processor time of the program, user and system."""
    softirq_cores: float
    """Processor time of the kernel's soft interrupts on the whole computer, in cores (seconds per second of wall time). It includes work
    for loopback connections. The kernel does not count this time for any program."""
    elsewhere_cores: float
    """Processor time of other programs, in cores. On a virtual machine, it includes steal time: time in which the virtual machine had work
    to do, but the host computer used the processor for something else."""
    samples: list[Sample]
    """The result of each check while the program ran."""

    @property
    def peak_bytes(self) -> int:
        """Returns the largest resident memory of all checks."""
        return max((sample.peak_bytes for sample in self.samples), default=0)

    def cores_between(self, start_ns: int, end_ns: int) -> float:
        """Returns the processor seconds per second in the time in which all runs of a dataset are under way. This time begins at
        `start_ns` (Unix time), when the last run starts. It ends at `end_ns`, when the first run ends. Raises `Failed` if fewer than
        `FEWEST_SAMPLES` checks were made in this time.
        """
        within = [sample for sample in self.samples if start_ns <= sample.unix_ns <= end_ns]
        if len(within) < FEWEST_SAMPLES:
            raise Failed("too short: the last runs had not started when the first were about to end")
        first, last = within[0], within[-1]
        return (last.cpu_s - first.cpu_s) / (last.unix_ns - first.unix_ns) * 1e9


@dataclass(frozen=True)
class ComputerTime:
    """Processor seconds of the whole computer since its start, summed over its cores."""

    cores: int
    idle_s: float
    """Time in which a core did nothing. This includes the time in which programs only waited for a disk. The kernel measures idle times
    exactly, but only samples busy times: it misses programs that work for less than one interval of the sampling. So busy times
    (user, nice and system) are not used."""
    hardirq_s: float
    softirq_s: float

    @classmethod
    def now(cls) -> "ComputerTime":
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        # Each core has a line that begins with `cpu`, such as `cpu0`. Before them is the line `cpu` with the sums over all cores.
        cores = sum(line.startswith("cpu") for line in lines) - 1
        _user, _nice, _system, idle, iowait, hardirq, softirq = (int(field) / CLOCK_TICKS for field in lines[0].split()[1:8])
        return cls(cores, idle + iowait, hardirq, softirq)


class Watch:
    """Checks processor time and memory of a process from time to time while it runs.

    When a process has ended, the system call `wait4` returns the largest memory that it had. This number is not used, because it includes
    the very beginning: a new process first has the memory of the Python program that starts it, and only then loads its own program.
    """

    def __init__(self, process_id: int, interval_s: float) -> None:
        self._interval_s = interval_s
        self._folder = Path(f"/proc/{process_id}")
        self._samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """Ends the checks, and returns the results of all of them."""
        self._ended.set()
        self._thread.join()
        return self._samples

    def _watch(self) -> None:
        while True:
            # The process may end during a check. Then its files cannot be read.
            with suppress(OSError, ValueError):
                self._samples.append(Sample(time_ns(), self._cpu_s(), self._peak_bytes()))
            if self._ended.wait(self._interval_s):
                return

    def _cpu_s(self) -> float:
        # The first number of a thread's `schedstat` is its time on a processor, in nanoseconds.
        tasks = self._folder.glob("task/*/schedstat")
        return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9

    def _peak_bytes(self) -> int:
        lines = (self._folder / "status").read_text(encoding="ascii").splitlines()
        peaks = (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
        return next(peaks, 0)


def run(command: Sequence[str | Path], check_interval_s: float = CHECK_INTERVAL_S) -> tuple[Usage, str]:
    """Runs a program to its end. Returns the resources that it used, and its output."""
    before, started = ComputerTime.now(), perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watch = Watch(process.pid, check_interval_s)
    # The output is read only after the program's end. All programs print less than a pipe's buffer holds, so none has to wait for a reader.
    try:
        _, status, used = os.wait4(process.pid, 0)
        wall_s, after = perf_counter() - started, ComputerTime.now()
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        samples = watch.stop()
    output, errors = process.communicate()
    if process.returncode != 0:
        raise Failed(f"{' '.join(str(part) for part in command)}\nended with {process.returncode}:\n{output}{errors}")
    cpu_s = used.ru_utime + used.ru_stime
    usage = Usage(
        wall_s=wall_s,
        cpu_s=cpu_s,
        softirq_cores=(after.softirq_s - before.softirq_s) / wall_s,
        elsewhere_cores=elsewhere(before, after, wall_s, cpu_s),
        samples=samples,
    )
    return usage, output


def elsewhere(before: ComputerTime, after: ComputerTime, wall_s: float, cpu_s: float) -> float:
    """Returns how many cores other programs used: all cores, without the idle time, the interrupts, and the measured program's `cpu_s`.
    The kernel's steal time (see `Usage.elsewhere_cores`) is not subtracted, so it counts as time of other programs.
    """
    idle_s = after.idle_s - before.idle_s
    interrupts_s = after.hardirq_s + after.softirq_s - before.hardirq_s - before.softirq_s
    return max(0.0, before.cores - (idle_s + interrupts_s + cpu_s) / wall_s)


@dataclass(frozen=True)
class Simulator:
    """The release build of `sim`."""

    program: Path

    @contextmanager
    def sweep(self, experiment: str, *options: str) -> Iterator[tuple[Usage, Path]]:
        """Runs an experiment. Yields the resources that it used and the folder of its dataset, which is deleted afterwards."""
        with TemporaryDirectory(prefix="logical-clock-bench-") as folder:
            file, dataset = Path(folder) / "bench.toml", Path(folder) / "dataset"
            file.write_text(experiment, encoding="utf-8")
            usage, _ = run([self.program, "run", file, "--data", dataset, "--quiet", *options])
            yield usage, dataset
