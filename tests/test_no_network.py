"""No network: importing, loading, embedding and `sklux embed` connect to nothing.

Each program runs in a process of its own, in three ways. With an audit hook, the first
connection or look-up of a name ends the process, in its Python children, too. With
`unshare`, the process has no network. With `strace`, the calls of compiled libraries
are seen, which no hook sees.
"""

import os
import pkgutil
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import sklux

# Python runs it at its start, if its folder is the first in PYTHONPATH.
SITECUSTOMIZE = """
import os, sys
NAMES = {"socket.getaddrinfo", "socket.getnameinfo", "socket.gethostbyname",
         "socket.gethostbyaddr"}
CALLS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
def end(event, arguments):
    # The address of a local socket is not a tuple.
    used = event in CALLS and isinstance(arguments[1], tuple)
    if used or event in NAMES:
        os.write(2, f"network: {event} {arguments}\\n".encode())
        os._exit(77)
sys.addaudithook(end)
"""
NETWORK_USED = 77
IMPORT_ALL = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    module = import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
print(len(sys.argv[1:]))
"""
TRANSFORM = """
import sys
from pathlib import Path
from sklux import LuxicalVectorizer
from sklux.datasets import load_docstrings
from sklux.hub import from_pretrained
path, texts = Path(sys.argv[1]), sys.argv[2:]
models = [LuxicalVectorizer.load(path), LuxicalVectorizer.load(path, mmap_mode="r")]
for model in [*models, from_pretrained(path.parent)]:
    print(model.transform(texts).tobytes().hex())
load_docstrings(packages=["json"])
"""
TEXTS = ["apple car", "a piano and a violin", ""]
# Variables that keep libraries from the network; here sklux alone must do so.
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
WAYS = {
    "hook": (),
    "unshare": ("unshare", "--map-root-user", "--net"),
    "strace": (
        *("strace", "-f", "-qq", "-o", "{folder}/calls"),
        *("-e", "trace=connect,sendto,sendmsg,sendmmsg"),
    ),
}


@pytest.fixture
def run(tmp_path):
    """A function that runs Python without a network, in one of the ways."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    environment = {k: v for k, v in os.environ.items() if k not in OFFLINE}
    paths = [str(folder), *filter(None, sys.path)]
    environment["PYTHONPATH"] = os.pathsep.join(paths)

    def run(*arguments, way="hook"):
        prefix = [part.format(folder=tmp_path) for part in WAYS[way]]
        if prefix:
            tried = shutil.which(prefix[0]) and subprocess.run([*prefix, "true"])
            if not tried or tried.returncode:
                pytest.skip(f"needs {way}, and the right to use it")
        return subprocess.run(
            [*prefix, sys.executable, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def succeeded(run, tmp_path):
    """A function that runs Python, which must succeed without the network."""

    def succeeded(*arguments, way):
        result = run(*arguments, way=way)
        assert result.returncode == 0, result.stderr[-2000:]
        assert "network: " not in result.stderr
        if way == "strace":
            assert "AF_INET" not in (tmp_path / "calls").read_text()
        return result.stdout

    return succeeded


@pytest.fixture
def model(fitted, tmp_path):
    """The file of a model, in a folder as a hub has it."""
    path = tmp_path / "model" / "model.sklux"
    path.parent.mkdir()
    fitted.save(path)
    return path


CONNECT = "import socket; socket.create_connection(('127.0.0.1', 9))"
USES = {
    "connection": CONNECT,
    "name": "import socket; socket.gethostbyname('localhost')",
    "address": "import urllib.request; urllib.request.urlopen('http://sklux.invalid')",
    "datagram": (
        "import socket; socket.socket(type=socket.SOCK_DGRAM)"
        ".sendto(b'a', ('127.0.0.1', 9))"
    ),
    "caught": f"try:\n    {CONNECT}\nexcept BaseException:\n    pass",
}


@pytest.mark.parametrize("use", USES)
def test_no_network_a_use_ends_the_process(run, use):
    """The test itself: each use of the network is found, also if errors are caught."""
    result = run("-c", USES[use])
    assert result.returncode == NETWORK_USED
    assert result.stderr.startswith("network: socket.")


def test_no_network_a_use_in_a_child_is_found(run):
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', {}])"
    result = run("-c", program.format(repr(CONNECT)))
    assert "network: socket." in result.stderr


def test_no_network_a_call_of_a_library_is_found(run, tmp_path):
    """In the way of the kernel: libc's `connect` without Python's sockets."""
    program = (
        "import ctypes, struct; c = ctypes.CDLL(None); "
        "address = struct.pack('=H', 2) + bytes([0, 9, 127, 0, 0, 1, *[0] * 8]); "
        "c.connect(c.socket(2, 1, 0), address, 16)"
    )
    result = run("-c", program, way="strace")
    assert result.returncode == 0, result.stderr
    assert "AF_INET" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize("way", WAYS)
def test_no_network_at_import(succeeded, way):
    """Every public module, with its public names."""
    names = {f"sklux.{found.name}" for found in pkgutil.iter_modules(sklux.__path__)}
    names = {name for name in names if not name.startswith("sklux._")}
    assert {"sklux.hub", "sklux.interop", "sklux.cli", "sklux.maps"} <= names
    if find_spec("sentence_transformers") is None:
        names.discard("sklux.sentence_transformers")
    output = succeeded("-c", IMPORT_ALL, "sklux", *sorted(names), way=way)
    assert output == f"{len(names) + 1}\n"


@pytest.mark.parametrize("way", WAYS)
def test_no_network_at_load_and_transform(succeeded, fitted, model, way):
    output = succeeded("-c", TRANSFORM, model, *TEXTS, way=way)
    expected = fitted.transform(TEXTS).tobytes().hex()
    assert output.split() == [expected] * 3


@pytest.mark.parametrize("way", WAYS)
def test_no_network_in_the_command(succeeded, fitted, model, tmp_path, way):
    """Parquet in, because the library that reads it can reach stores in a network."""
    pytest.importorskip("typer")
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"text": TEXTS}), tmp_path / "texts.parquet")
    words = ("embed", model, tmp_path / "texts.parquet", tmp_path / "vectors.npy")
    succeeded("-m", "sklux", *words, way=way)
    np.testing.assert_array_equal(
        np.load(tmp_path / "vectors.npy"), fitted.transform(TEXTS)
    )
