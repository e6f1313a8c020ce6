"""Available memory, from files as Linux and its control groups have them."""

import os

import pytest

from sklux._utils.available_memory import available_memory, release_free_memory

GIB = 2**30


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def machine(tmp_path):
    """A machine with 8 GiB of available memory."""
    meminfo = f"MemTotal: 16777216 kB\nMemAvailable:   {8 * 2**20} kB\nBuffers: 1 kB\n"
    write(tmp_path, {"proc/meminfo": meminfo})
    return tmp_path


def test_available_memory_of_a_machine_without_limits(machine):
    write(machine, {"proc/self/cgroup": "0::/\n"})
    assert available_memory(machine) == 8 * GIB


def test_available_memory_of_a_group_of_version_2(machine):
    """The limit counts, minus what is in use, plus files that can be dropped."""
    folder = "sys/fs/cgroup/user/job/"
    write(
        machine,
        {
            "proc/self/cgroup": "0::/user/job\n",
            folder + "memory.max": f"{4 * GIB}\n",
            folder + "memory.current": f"{3 * GIB}\n",
            folder + "memory.stat": f"anon 5\ninactive_file {GIB // 2}\nfile 7\n",
        },
    )
    assert available_memory(machine) == 1.5 * GIB


def test_available_memory_of_a_group_with_a_limited_parent(machine):
    write(
        machine,
        {
            "proc/self/cgroup": "0::/user/job\n",
            "sys/fs/cgroup/user/job/memory.max": "max\n",
            "sys/fs/cgroup/user/job/memory.current": f"{GIB}\n",
            "sys/fs/cgroup/user/memory.max": f"{3 * GIB}\n",
            "sys/fs/cgroup/user/memory.current": f"{GIB}\n",
        },
    )
    assert available_memory(machine) == 2 * GIB


@pytest.mark.parametrize("path", ["/docker/abc", "/"])
def test_available_memory_of_a_group_of_version_1(machine, path):
    """In a container the group is the root of the mounted file system."""
    write(
        machine,
        {
            "proc/self/cgroup": f"9:cpu:/other\n5:memory:{path}\n0::/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
            "sys/fs/cgroup/memory/memory.stat": f"total_inactive_file {GIB // 4}\n",
        },
    )
    assert available_memory(machine) == 1.25 * GIB


def test_available_memory_is_not_negative(machine):
    write(
        machine,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/memory.current": f"{2 * GIB}\n",
        },
    )
    assert available_memory(machine) == 0


def test_available_memory_without_proc_is_the_memory_of_the_machine(
    monkeypatch, tmp_path
):
    sizes = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__, raising=False)
    assert available_memory(tmp_path) == 4_096_000


def test_available_memory_is_unknown_on_other_systems(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert available_memory(tmp_path) is None


def test_available_memory_of_this_machine():
    found = available_memory()
    assert found is None or found > 0


def test_release_free_memory_takes_no_argument():
    """It has no effect that a program can see."""
    assert release_free_memory() is None
