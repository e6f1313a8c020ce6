"""Run fuzzers for some time, and count inputs and faults.

    PYTHONPATH=tests python -m fuzz [--seconds 3600] [--targets fuzz.texts ...]

Each target runs in a process of its own, which tries its corpus and then random
inputs. These are faults: a process that ends (a crash, a report of a sanitizer), an
input that takes longer than a limit (of processor time), memory beyond the `MEMORY_MB`
of the target, and any exception that the target does not expect. The input of each
fault is written to a file; put it into ``tests/fuzz/corpus`` when the fault is gone.
The last line is a JSON object with the counts. The status is 1 if there is a fault.
"""

import argparse
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
TARGETS = (
    "fuzz.texts",
    "fuzz.model_files",
    "fuzz.luxical_files",
    "fuzz.arrow_columns",
    "fuzz.document_files",
)
# Inputs of one seed, which hypothesis keeps different from each other.
N_INPUTS = 100
MAX_FAULTS = 20
LIMIT_S = 20


class Folder:
    """Where a process and the one that started it exchange files.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path):
        self.path = path
        self._case, self._count = path / "case", path / "count"

    def record(self, case):
        """Write an input before it is tried."""
        self._case.write_text(json.dumps(case))

    def add(self, n_inputs):
        """Add to the number of inputs."""
        self._count.write_text(str(self.n_inputs + n_inputs))

    @property
    def n_inputs(self):
        """Number of inputs so far."""
        return int(self._count.read_text()) if self._count.exists() else 0

    @property
    def case(self):
        """The last input; None before the first one."""
        return json.loads(self._case.read_text()) if self._case.exists() else None


def corpus_of(target):
    """Inputs of a target that are kept in the repository, by their names."""
    folder = CORPUS / target.rpartition(".")[2]
    return {p.stem: json.loads(p.read_text("ascii")) for p in sorted(folder.glob("*"))}


def work(target, folder, seconds, seed, limit_s):
    """Try inputs until the time is over; an exception or an exit is a fault."""
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    module = import_module(target)
    prepared = module.prepare(folder.path)
    # What later inputs need, too, is allocated before the limit counts.
    for is_limited in (False, True):
        if is_limited:
            limit_memory(module.MEMORY_MB)
        for case in corpus_of(target).values():
            try_case(module, prepared, case, folder, limit_s)
    end = time.monotonic() + seconds
    for number in count(seed):
        if time.monotonic() > end:
            return
        explore(module, prepared, number, N_INPUTS, folder, limit_s)


def explore(module, prepared, number, n_inputs, folder, limit_s=None):
    """Try random inputs of a seed, and reduce the first one that fails."""
    import hypothesis

    @hypothesis.seed(number)
    @hypothesis.settings(
        max_examples=n_inputs,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        report_multiple_bugs=False,
    )
    @hypothesis.given(module.cases(prepared))
    def run(case):
        try_case(module, prepared, case, folder, limit_s)

    run()


def try_case(module, prepared, case, folder, limit_s=None):
    """Try one input, as a file of the corpus would hold it."""
    folder.record(case)
    folder.add(1)
    with time_limit(limit_s):
        module.check(prepared, json.loads(json.dumps(case)), folder.path)


@contextmanager
def time_limit(seconds):
    """End the process after so much time of processors, or ten times of the clock."""
    if seconds is None:
        yield
        return
    faulthandler.dump_traceback_later(10 * seconds, exit=True)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()


def limit_memory(megabytes):
    """Allow so much more address space than this process has now.

    AddressSanitizer needs terabytes of it, and has its own limit of an allocation.
    """
    if "san" in os.environ.get("LD_PRELOAD", ""):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def fuzz(target, seconds, seed, limit_s, faults):
    """Run a target for some time; return its number of inputs, and its faults."""
    end, found, n_inputs = time.monotonic() + seconds, set(), 0
    with tempfile.TemporaryDirectory() as name:
        for number in range(MAX_FAULTS):
            folder = Folder(Path(name) / str(number))
            folder.path.mkdir()
            remaining = end - time.monotonic()
            if number and remaining < 1:
                break
            command = [sys.executable, "-P", "-m", "fuzz", "--targets", target]
            command += ["--folder", str(folder.path), "--seconds", str(remaining)]
            command += ["--seed", str(seed + number * 10**6), "--limit", str(limit_s)]
            with open(folder.path / "log", "wb") as stream:
                status = subprocess.run(command, stdout=stream, stderr=stream)
            n_inputs += folder.n_inputs
            if status.returncode == 0:
                break
            found.add(keep_fault(target, folder, status.returncode, faults))
    return {"inputs": n_inputs, "faults": sorted(found)}


def keep_fault(target, folder, status, faults):
    """Write the input of a fault, and what its process printed; return its name."""
    faults.mkdir(exist_ok=True)
    text = (folder.path / "log").read_text(errors="replace")
    text += f"\nexit status {status}\n"
    name = f"{target.rpartition('.')[2]}-{abs(hash_of(folder.case)):016x}"
    (faults / f"{name}.json").write_text(json.dumps(folder.case, indent=1))
    (faults / f"{name}.log").write_text(text)
    print(f"{name}: exit status {status}", file=sys.stderr)
    return name


def hash_of(case):
    """A number for an input."""
    from hashlib import blake2b

    digest = blake2b(json.dumps(case, sort_keys=True).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def main(arguments=None):
    """Run the targets one after the other, and print the counts."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600, help="for all targets")
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument(
        "--limit", type=float, default=LIMIT_S, help="of one input, in seconds"
    )
    parser.add_argument("--faults", type=Path, default=Path("faults"), help="folder")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.folder is not None:
        folder = Folder(chosen.folder)
        work(chosen.targets[0], folder, chosen.seconds, chosen.seed, chosen.limit)
        return 0
    counts = {"seed": chosen.seed}
    for target in chosen.targets:
        seconds = chosen.seconds / len(chosen.targets)
        counts[target] = fuzz(target, seconds, chosen.seed, chosen.limit, chosen.faults)
        print(target, json.dumps(counts[target]), file=sys.stderr)
    print(json.dumps(counts))
    return int(any(counts[target]["faults"] for target in chosen.targets))


if __name__ == "__main__":
    sys.exit(main())
