"""Results, notes and counts."""

import json
import os

import pytest

from _commands.running import run_outside
from sklux._commands import console
from sklux._commands.info import print_info


def test_show_with_closed_standard_output(folder, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(ValueError, match="Standard output is closed"):
        print_info(folder / "model.sklux", False)


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_characters_outside_the_encoding_are_escaped(folder, tmp_path, option):
    text = "apple n\u00e4ve \ud83d"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}))
    for encoding in ("ascii", "utf-8"):
        result = run_outside(
            *("neighbors", folder / "model.sklux", tmp_path / "a.jsonl", "apple"),
            *option,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )
        assert result.returncode == 0, result.stderr
        if option:
            assert json.loads(result.stdout)["nearest"][0]["text"] == text
        else:
            assert r"\ud83d" in result.stdout


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 documents"), (1, "1 document"), (2000, "2,000 documents")],
)
def test_counted_has_the_right_number(number, expected):
    assert console.counted(number, "document") == expected


def test_printable_replaces_control_characters():
    assert console.printable("a\x1b[0m\x9b\n\u00e4") == r"a\x1b[0m\x9b\x0a" + "\u00e4"


def test_show_table_aligns_its_columns(capsys):
    """Brackets are text, not markup."""
    rows = [("a", "1"), ("[b]", "20")]
    console.show_table(rows, ("", "n"), "Some [x]")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Some [x]"
    assert {"  a      1", "  [b]   20"} <= set(lines)


def test_counter_without_a_bar():
    counter = console.Counter(None, None)
    counter.add(1, None)
    assert counter.summary().startswith("1 document in ")
    counter.add(2, 0.5)
    assert counter.summary().startswith("3 documents in ")
