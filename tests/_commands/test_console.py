"""Results, notes and counts."""

import json
import os
import re
import threading

import pytest

from _commands.running import run_outside
from sklux._commands import console
from sklux._commands.info import print_info
from sklux._utils import progress


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
    counter = console.Counter("embedding")
    assert counter.line().startswith("embedding: 0 documents, 0 per second")
    counter.add(1, None)
    assert counter.summary().startswith("1 document in ")
    assert re.fullmatch(r"embedding: 1 document, [\d,]+ per second", counter.line())
    counter.add(2, 0.5)
    assert counter.summary().startswith("3 documents in ")
    line = r"embedding: 3 documents, [\d,]+ per second, \d\d:\d\d left"
    assert re.fullmatch(line, counter.line())


@pytest.mark.parametrize(("begin", "end"), [(0.2, 0.4), (None, None)])
def test_piece_counter_moves_with_the_batches(begin, end):
    """Documents that no batch has were in the cache."""
    counter, steps = console.Counter("embedding"), []
    counter.add = lambda n, position: steps.append((n, position))
    piece = console.PieceCounter(counter, 10, begin, end)
    piece.update(5)
    piece.set_postfix(loss=1.0)
    piece.finish()
    positions = [None, None] if begin is None else pytest.approx([0.3, 0.4])
    assert [n for n, _ in steps] == [5, 5]
    assert [position for _, position in steps] == positions


def test_counting_prints_lines_in_a_log(capsys, monkeypatch):
    """Every so often, from a thread; nothing when quiet."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    printed = threading.Event()
    monkeypatch.setattr(
        console, "print_line", lambda text: (progress.print_line(text), printed.set())
    )
    with console.counting("embedding", quiet=False) as counter:
        counter.add(3, 0.5)
        assert printed.wait(30)
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("embedding: ") for line in lines)
    with console.counting("embedding", quiet=True) as counter:
        counter.add(3, 0.5)
    assert capsys.readouterr().err == ""
