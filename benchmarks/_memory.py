"""Memory: the peak of a call in a process of its own."""

import ctypes
import gc
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

# Documents of the call before the one whose memory is measured.
N_WARM = 100


def peak_memory(
    call: Callable[[list[str]], object], documents: Callable[[], list[str]]
) -> tuple[str, str]:
    """MB that a call takes at its peak; and the same with the model and its package.

    The process is a fresh one; '-' where the system does not tell (Linux does).
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
    """Peak of memory during a call: less that before it, and before the model."""
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
    """Memory of this process, after what is free has been given back."""
    gc.collect()
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    return memory_bytes("VmRSS")


def memory_bytes(field: str) -> int:
    """A field of Linux's account of this process; 0 elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else [f"{field}: 0"]
    fields = dict(line.split(":", 1) for line in lines)
    return 1024 * int(fields[field].split()[0])
