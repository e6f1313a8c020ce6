"""Outputs of every kind: complete or not at all, and never lost."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from sklux._utils import output_file
from sklux._utils.output_file import (
    NotReplacedError,
    check_output_file,
    destination,
    replaced_when_whole,
)

unix = pytest.mark.skipif(os.name == "nt", reason="Windows has other files")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path):
    """A folder for outputs."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def write(path, content=b"new"):
    with replaced_when_whole(path) as partial:
        partial.write_bytes(content)


def refuse_renames(monkeypatch, number):
    def refuse(source, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_output_file_appears_when_it_is_complete(folder):
    path = folder / "a"
    for content in (b"first", b"second, longer", b"3"):
        before = path.read_bytes() if path.exists() else None
        with replaced_when_whole(path) as partial:
            partial.write_bytes(content)
            assert (path.read_bytes() if path.exists() else None) == before
        assert path.read_bytes() == content
    assert names(folder) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_output_file_failing_write_leaves_the_old_file(folder, error):
    (folder / "a").write_bytes(b"old")
    with pytest.raises(error), replaced_when_whole(folder / "a") as partial:
        partial.write_bytes(b"ne")
        raise error
    assert (folder / "a").read_bytes() == b"old"
    assert names(folder) == ["a"]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EPERM])
@pytest.mark.parametrize("content", [b"", b"1", b"much longer than before"])
def test_output_file_that_cannot_be_renamed_is_copied(
    folder, monkeypatch, number, content
):
    """The same file gets the content, such as a file that is mounted."""
    path = folder / "a"
    path.write_bytes(b"old and long")
    inode = path.stat().st_ino
    refuse_renames(monkeypatch, number)
    write(path, content)
    assert path.read_bytes() == content
    assert path.stat().st_ino == inode
    assert names(folder) == ["a"]


def test_output_file_on_a_file_system_without_renames(folder, monkeypatch):
    refuse_renames(monkeypatch, errno.ENOSYS)
    write(folder / "a")
    assert (folder / "a").read_bytes() == b"new"
    assert names(folder) == ["a"]


def test_output_file_complete_result_survives_the_next_write(folder, monkeypatch):
    """Also if it was killed while the result was copied."""
    (folder / "a").write_bytes(b"old")

    def full(source, target, length):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        refuse_renames(patch, errno.EBUSY)
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(NotReplacedError):
            write(folder / "a", b"complete")
    write(folder / "a", b"next")
    (kept,) = folder.glob(".*.partial")
    assert kept.read_bytes() == b"complete"
    kept.rename(folder / "b")
    write(folder / "a", b"last")
    assert names(folder) == ["a", "b"]


@unix
def test_output_file_and_its_folder_are_synced(folder, monkeypatch):
    """The content before the rename, the folder after it."""
    steps, sync, replace = [], os.fsync, os.replace

    def noted_sync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if is_folder else "content")
        sync(descriptor)

    def noted_replace(source, target):
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write(folder / "a")
    assert steps == ["content", "rename", "folder"]


def test_output_file_complete_result_is_never_deleted(folder, monkeypatch):
    """Neither by an error of the last step nor by Ctrl-C; the message names it."""
    refuse_renames(monkeypatch, errno.EBUSY)
    (folder / "a").write_bytes(b"old")

    def full(source, target, length):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(
        NotReplacedError, match="cannot be replaced: No space left.*: move it"
    ) as caught:
        write(folder / "a")
    (kept,) = folder.glob(".*.partial")
    assert str(kept) in str(caught.value) and str(folder / "a") in str(caught.value)
    assert kept.read_bytes() == b"new"
    kept.unlink()

    def interrupt(source, target, length):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt) as stopped:
        write(folder / "a")
    (kept,) = folder.glob(".*.partial")
    assert str(kept) in stopped.value.__notes__[0]
    assert kept.read_bytes() == b"new"


@unix
def test_output_file_link_stays_a_link(folder):
    (folder / "link").symlink_to("middle")
    (folder / "middle").symlink_to("a")
    for content in (b"first", b"second"):
        write(folder / "link", content)
        assert (folder / "a").read_bytes() == content
    assert (folder / "link").is_symlink() and (folder / "middle").is_symlink()
    (folder / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle cannot be written"):
        check_output_file(folder / "circle")


@unix
def test_output_file_other_hard_links_keep_the_old_content(folder):
    """A copy of a snapshot shares its files."""
    (folder / "a").write_bytes(b"old")
    (folder / "b").hardlink_to(folder / "a")
    write(folder / "a")
    assert (folder / "a").read_bytes() == b"new"
    assert (folder / "b").read_bytes() == b"old"


@unix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_output_file_keeps_the_mode(folder, mode):
    path = folder / "a"
    path.touch()
    path.chmod(mode)
    with replaced_when_whole(path) as partial:
        # Nobody else can read it while it is written.
        assert stat.S_IMODE(partial.stat().st_mode) == mode
    assert stat.S_IMODE(path.stat().st_mode) == mode


@unix
def test_output_file_takes_over_owner_and_group(folder, monkeypatch):
    """As far as the system allows it; another group gets no rights of the old group."""
    path, old = folder / "a", os.stat
    path.touch()
    path.chmod(0o664)
    given = []

    def another(path, **options):
        found = list(old(path, **options))
        found[4:6] = [found[4] + 1, found[5] + 2]
        return os.stat_result(found)

    where = output_file.Destination(str(path), path, another(path))
    owner, group = path.stat().st_uid + 1, path.stat().st_gid + 2
    monkeypatch.setattr(output_file, "destination", lambda path: where)
    monkeypatch.setattr(os, "chown", lambda *arguments: given.append(arguments[1:]))
    write(path)
    assert given == [(owner, group)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o664

    def only_group(path, uid, gid):
        given.append((uid, gid))
        if uid != -1:
            raise PermissionError

    monkeypatch.setattr(os, "chown", only_group)
    write(path)
    assert given[1:] == [(owner, group), (-1, group)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o664

    def nothing(path, uid, gid):
        raise PermissionError

    monkeypatch.setattr(os, "chown", nothing)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_output_file_system_without_modes(folder, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    write(folder / "a")
    assert (folder / "a").read_bytes() == b"new"


def test_output_file_refuses_folders_and_missing_folders(folder):
    for check in (check_output_file, write):
        with pytest.raises(IsADirectoryError, match="is a folder. Name a file, such"):
            check(folder)
        with pytest.raises(FileNotFoundError, match="none does not exist. Create it"):
            check(folder / "none" / "a")
        (folder / "file").touch()
        with pytest.raises(OSError, match="file.a cannot be written"):
            check(folder / "file" / "a")
    assert names(folder) == ["file"]


@unix
def test_output_file_name_at_the_length_limit(folder):
    """The name of the temporary file does not depend on it."""
    longest = folder / ("n" * 255)
    check_output_file(longest)
    write(longest)
    assert longest.read_bytes() == b"new"
    with pytest.raises(OSError, match="cannot be written: File name too long"):
        check_output_file(folder / ("n" * 256))


def test_output_file_checks_leave_nothing(folder):
    (folder / "a").write_bytes(b"old")
    before = (folder / "a").stat().st_mtime_ns
    check_output_file(folder / "a")
    check_output_file(folder / "b")
    assert names(folder) == ["a"]
    assert (folder / "a").read_bytes() == b"old"
    assert (folder / "a").stat().st_mtime_ns == before


def as_other_user(function):
    """Run a function as a user without rights of its own."""
    is_root = os.geteuid() == 0
    if is_root:
        os.setegid(65534)
        os.seteuid(65534)
    try:
        function()
    finally:
        if is_root:
            os.seteuid(0)
            os.setegid(0)


@pytest.fixture
def open_folder():
    """A folder that any user can read, with a writable and a read-only file."""
    folder = Path(tempfile.mkdtemp())
    for name, mode in (("writable", 0o666), ("read-only", 0o444)):
        (folder / name).write_bytes(b"the old content")
        (folder / name).chmod(mode)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@unix
def test_output_file_folder_without_the_right_to_make_files(open_folder):
    """An existing file is written to, a new one is refused before any work."""

    def work():
        check_output_file(open_folder / "writable")
        write(open_folder / "writable")
        for check in (check_output_file, write):
            with pytest.raises(PermissionError, match="new cannot be written: Permis"):
                check(open_folder / "new")

    inode = (open_folder / "writable").stat().st_ino
    as_other_user(work)
    assert (open_folder / "writable").read_bytes() == b"new"
    assert (open_folder / "writable").stat().st_ino == inode
    assert names(open_folder) == ["read-only", "writable"]


@unix
def test_output_file_read_only_file_is_refused(open_folder):
    """Also if its folder would allow to replace it."""

    def work():
        for check in (check_output_file, write):
            with pytest.raises(PermissionError, match="read-only cannot be written: P"):
                check(open_folder / "read-only")

    open_folder.chmod(0o777)
    as_other_user(work)
    assert (open_folder / "read-only").read_bytes() == b"the old content"
    assert names(open_folder) == ["read-only", "writable"]


@unix
@pytest.mark.parametrize("is_broken", [False, True])
def test_output_file_pipe(folder, temporary, is_broken):
    pipe, found = folder / "pipe", []
    os.mkfifo(pipe)
    check_output_file(pipe)

    def read():
        with open(pipe, "rb", buffering=0) as file:
            found.append(file.read(1) if is_broken else file.readall())

    reader = threading.Thread(target=read)
    reader.start()
    if is_broken:
        with pytest.raises(NotReplacedError, match="Broken pipe"):
            write(pipe, b"new" * 10**6)
        (kept,) = temporary.iterdir()
        assert kept.read_bytes() == b"new" * 10**6
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    else:
        write(pipe, b"new" * 10**6)
        assert names(temporary) == []
    reader.join()
    assert found == [b"n" if is_broken else b"new" * 10**6]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(folder) == ["pipe"]


@unix
def test_output_file_null_device(temporary):
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert names(temporary) == []


@unix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "link"])
def test_output_file_standard_output_is_continued(folder, temporary, name):
    """Also if it is a file, to which the shell appends."""
    (folder / "link").symlink_to("/dev/stdout")
    program = (
        "import sys\n"
        "from sklux._utils.output_file import *\n"
        "check_output_file(sys.argv[1])\n"
        "with replaced_when_whole(sys.argv[1]) as partial:\n"
        "    partial.write_bytes(b'new\\n')\n"
    )
    with open(folder / "log", "wb") as log:
        log.write(b"first\n")
        log.flush()
        for _ in range(2):
            command = [sys.executable, "-c", program, folder / name]
            subprocess.run(command, stdout=log, check=True)
    assert (folder / "log").read_bytes() == b"first\nnew\nnew\n"
    assert names(folder) == ["link", "log"]


@unix
def test_output_file_disk_is_refused(folder, monkeypatch):
    (folder / "a").touch()
    monkeypatch.setattr(stat, "S_ISREG", lambda mode: False)
    with pytest.raises(OSError, match="neither a file nor a pipe"):
        destination(folder / "a")


MOUNTED = """
mount --bind $1/source $1/folder/a && mount -t tmpfs -o size=300k tmpfs $1/small &&
"$0" - $1 <<'EOF'
import pathlib, sys
from sklux._utils.output_file import *
output = pathlib.Path(sys.argv[1], "folder", "a")
check_output_file(output)
with replaced_when_whole(output) as partial:
    partial.write_bytes(b"new")
assert output.read_bytes() == b"new"
assert [path.name for path in output.parent.iterdir()] == ["a"]
pathlib.Path(sys.argv[1], "small", "a").write_bytes(b"old")
EOF
mount --bind $1/small/a $1/folder/a && "$0" - $1 <<'EOF'
import pathlib, sys
from sklux._utils.output_file import *
output = pathlib.Path(sys.argv[1], "folder", "a")
try:
    with replaced_when_whole(output) as partial:
        partial.write_bytes(bytes(1_000_000))
except NotReplacedError as error:
    assert str(partial) in str(error) and "No space left" in str(error), error
    assert partial.read_bytes() == bytes(1_000_000)
else:
    raise SystemExit("not refused")
EOF
"""


def test_output_file_mount_point(tmp_path):
    """A file that is mounted over another file; the second one is on a full disk."""
    try:
        subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user or system has no mount namespaces")
    (tmp_path / "folder").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "folder" / "a").write_bytes(b"below")
    (tmp_path / "source").write_bytes(b"the old content")
    command = ["unshare", "-m", "sh", "-c", MOUNTED, sys.executable, tmp_path]
    result = subprocess.run(command, capture_output=True, text=True)
    if "permission denied" in result.stderr:
        pytest.skip("this user may not mount files")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "source").read_bytes() == b"new"
    assert (tmp_path / "folder" / "a").read_bytes() == b"below"
