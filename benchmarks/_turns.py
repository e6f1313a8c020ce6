"""Timing: contenders take turns, and the rounds that were disturbed least count."""

import os
import subprocess
import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np

# In a round, a call is repeated until its runs have taken MIN_SECONDS in total.
MIN_SECONDS = 0.3
# A round is quiet if other processes use less than the share QUIET of the machine. To
# find enough quiet rounds, up to MAX_REPEATS times the requested number is run.
QUIET, MAX_REPEATS = 0.03, 2
# Threads of BLAS keep spinning for a while after their work. Until they sleep, they
# occupy a core that the next contender needs.
PAUSE = 0.2


@dataclass
class Timing:
    """Seconds of each contender per round, and the largest share of other processes."""

    seconds: dict[Hashable, np.ndarray]
    others: float

    @property
    def note(self) -> str:
        """A sentence on how busy other processes kept the machine."""
        share = f"{100 * self.others:.0f} % of the machine"
        return f"Other processes used at most {share} in any round."


def take_turns(
    contenders: dict[Hashable, Callable[[], object]], n_rounds: int
) -> Timing:
    """Time the contenders round by round; keep the least disturbed rounds."""

    def one_round() -> list[float]:
        return [seconds_of(run) for run in contenders.values()]

    return quiet_rounds(list(contenders), one_round, n_rounds)


def quiet_rounds(
    names: Sequence[Hashable], one_round: Callable[[], list[float]], n_rounds: int
) -> Timing:
    """Seconds by name, of the rounds that other processes disturbed least."""
    rounds: list[tuple[float, list[float]]] = []
    n_quiet = 0
    while n_quiet < n_rounds and len(rounds) < MAX_REPEATS * n_rounds + 1:
        begin, others = perf_counter(), busy_seconds() - process_time()
        seconds = one_round()
        others = busy_seconds() - process_time() - others
        others = max(0.0, others / (os.cpu_count() * (perf_counter() - begin)))
        rounds.append((others, seconds))
        # The first round compiles and fills caches, so it does not count.
        n_quiet += others < QUIET and len(rounds) > 1
        progress(
            f"  round {len(rounds) - 1}: {perf_counter() - begin:.1f} s, "
            f"other processes {100 * others:.0f} %"
        )
    kept = sorted(rounds[1:], key=lambda item: item[0])[:n_rounds]
    table = np.array([seconds for _, seconds in kept])
    return Timing(dict(zip(names, table.T)), kept[-1][0])


def seconds_of(run: Callable[[], object]) -> float:
    """Median seconds of a call; short calls are repeated."""
    seconds: list[float] = []
    sleep(PAUSE)
    while sum(seconds) < MIN_SECONDS:
        start = perf_counter()
        run()
        seconds.append(perf_counter() - start)
    return float(np.median(seconds))


def run_fresh(program: str, *arguments: str) -> list[float]:
    """Run a program in a fresh process and return the numbers that it prints."""
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(value) for value in result.stdout.split()]


def busy_seconds() -> float:
    """Processor time of all processes; of this process only if /proc is missing."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return process_time()
    ticks = [int(value) for value in statistics.read_text().split()[1:9]]
    user, nice, system, _idle, _waiting, *interrupts_and_steal = ticks
    busy = user + nice + system + sum(interrupts_and_steal)
    return busy / os.sysconf("SC_CLK_TCK")


def progress(line: str) -> None:
    """Print a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def rounds_text(n_rounds: int) -> str:
    """A number of rounds, with its noun."""
    return f"{n_rounds} round{'s' if n_rounds != 1 else ''}"


def speed(times: np.ndarray, n_documents: int) -> str:
    """Documents per second."""
    return f"{n_documents / np.median(times):,.0f}"


def spread(times: np.ndarray, n_documents: int) -> str:
    """Documents per second in the slowest and in the fastest round."""
    return f"{n_documents / times.max():,.0f} - {n_documents / times.min():,.0f}"


def megabytes(times: np.ndarray, n_bytes: int) -> str:
    """MB of text per second."""
    return f"{n_bytes / np.median(times) / 1e6:.1f}"


def ratio(times: np.ndarray, others: np.ndarray) -> str:
    """Speed relative to another contender."""
    value = np.median(others / times)
    return f"{value:.1f}" if value >= 0.1 else f"{value:.3f}"
