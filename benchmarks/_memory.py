"""Peak memory of a call, measured in a fresh process."""

import ctypes
import gc
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

# Documents in the warm-up call that precedes the measured call.
N_WARM = 100


def peak_memory(
    call: Callable[[list[str]], object], documents: Callable[[], list[str]]
) -> tuple[str, str]:
    """Peak memory of a call in MB, without and with the model and its package.

    The call runs in a fresh process. Both values are '-' if the system does not report
    memory as Linux does.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pickled = pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
        sizes = pool.submit(peak_bytes, pickled, documents).result()
    if sizes is None:
        return "-", "-"
    return f"{sizes[0] / 1e6:,.0f}", f"{sizes[1] / 1e6:,.0f}"


def peak_bytes(
    pickled: bytes, make_documents: Callable[[], list[str]]
) -> tuple[int, int] | None:
    """Peak memory during a call, minus the memory before it and before the model."""
    documents = make_documents()
    before_model = memory_in_use()
    call = pickle.loads(pickled)
    call(documents[:N_WARM])
    before_call = memory_in_use()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    result = call(documents)
    peak = memory_bytes("VmHWM")
    del result
    return peak - before_call, peak - before_model


def memory_in_use() -> int:
    """Memory of this process, after it has returned free memory to the system."""
    gc.collect()
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    return memory_bytes("VmRSS")


def memory_bytes(field: str) -> int:
    """One field of ``/proc/self/status``, in bytes; 0 on systems other than Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else [f"{field}: 0"]
    fields = dict(line.split(":", 1) for line in lines)
    return 1024 * int(fields[field].split()[0])
