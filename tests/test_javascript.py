"""The npm package in `js` gives the vectors of `transform`: a short `make test-js`."""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("torch")
JS = Path(__file__).parents[1] / "js"
NODE = shutil.which("node")
OLDEST_NODE = 18
# The page needs a browser, and `npm pack` takes a second.
NOT_HERE = {"browser.test.js", "package.test.js"}

if NODE is None:
    pytest.skip("node is not installed", allow_module_level=True)
VERSION = subprocess.run([NODE, "--version"], capture_output=True, text=True).stdout
if int(re.match(r"v(\d+)", VERSION)[1]) < OLDEST_NODE:
    pytest.skip(f"node {VERSION} is too old", allow_module_level=True)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Folder of the cases with few texts."""
    folder = tmp_path_factory.mktemp("cases")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(JS / "test")
        import_module("write_cases").write_cases(folder, is_short=True)
    return folder


@pytest.mark.parametrize(
    "name",
    sorted(p.name for p in (JS / "test").glob("*.test.js") if p.name not in NOT_HERE),
)
def test_javascript_agrees_with_python(name, cases):
    run = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", JS / "test" / name],
        env=os.environ | {"SKLUX_CASES": str(cases)},
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    # A file whose tests are skipped is not a pass.
    assert re.search(r"^# pass [1-9]", run.stdout, flags=re.MULTILINE), run.stdout


def test_javascript_table_of_characters_is_current(tmp_path, monkeypatch):
    """It is the table of the oldest supported Python."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the table is made by Python 3.11")
    monkeypatch.syspath_prepend(JS)
    make_unicode = import_module("make_unicode")
    monkeypatch.setattr(make_unicode, "OUTPUT", tmp_path / "unicode-data.js")
    make_unicode.main()
    made = make_unicode.OUTPUT.read_text(encoding="ascii")
    committed = (JS / "src" / "unicode-data.js").read_text(encoding="ascii")
    assert made == committed


def test_javascript_rounds_of_the_hash_are_current(tmp_path):
    folder = tmp_path / "js"
    (folder / "src").mkdir(parents=True)
    shutil.copy(JS / "make_blake2b.mjs", folder)
    subprocess.run([NODE, folder / "make_blake2b.mjs"], check=True)
    made = (folder / "src" / "blake2b-round.js").read_text(encoding="utf-8")
    committed = (JS / "src" / "blake2b-round.js").read_text(encoding="utf-8")
    assert made == committed
