"""The checks of `make lint` that are this project's own find what they should."""

import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[1] / ".ci"


@pytest.fixture
def check(monkeypatch):
    """Import a check by its name, and leave nothing of it behind."""
    monkeypatch.syspath_prepend(CI)

    def load(name):
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = __import__(name)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return load


BAD = {
    "documents that are taught": "taught",
    "test_untaught_documents": "test_untaught_documents",
    "an option --taught 10": "taught",
    "have the words\n# taught": "taught",
    "the weights of the best epoch": "the best epoch",
    "its rows are those of the matrix": "those of",
    "    # its bits are that\n    # of the matrix": "that # of",
    "  - its bits are that\n    of the matrix": "that of",
    'f"its bits are that "\n    f"of {name}"': 'that " f"of',
    "This is no file.": "is no file",
    "Terms are no\n// documents.": "are no // documents",
    "Of 12 documents, 6": "Of 12",
    "It shall be so": "shall",
    "the cache knows it": "cache knows",
    "it cannot be had": "cannot be had",
}
GOOD = """
The teacher embeds documents. Key "n_taught" of model files. It is no longer so.
There is no file; there
# are no files. How is no matter. Besides, that offers those offices. Of course.
The table says so. marshall. The files(tell) names. n_jobs tells_no one.
"""


@pytest.mark.parametrize("text", BAD)
def test_prose_finds(text, check):
    ((line, phrase, remedy),) = check("prose").phrases_in(f"\n\n{text}\n")
    assert phrase == BAD[text]
    first_word = text.index(phrase.split()[0])
    assert line == 3 + text.count("\n", 0, first_word)
    assert remedy


def test_prose_leaves_plain_english_alone(check):
    assert list(check("prose").phrases_in(GOOD)) == []


def test_prose_reads_the_changelog_without_its_code(check, tmp_path):
    path = tmp_path / "CHANGELOG.md"
    path.write_text("`n_taught_` is now `n_teacher_documents_`; nothing is taught.")
    ((line, phrase, _),) = check("prose").phrases_in(check("prose").read(str(path)))
    assert (line, phrase) == (1, "taught")


def test_prose_counts_what_it_prints(check, tmp_path, capsys):
    path = tmp_path / "page.md"
    path.write_text("It shall be.\nIt is no file.\n")
    assert check("prose").main([str(path)]) == 2
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith(f'{path}:1: "shall": ')
    assert second.startswith(f'{path}:2: "is no file": ')


def function_of(n_lines, docstring='    """Do it."""\n'):
    return f"@decorated\ndef run(\n    a,\n):\n{docstring}" + "    a()\n" * n_lines


def test_bodies_counts_without_signature_and_docstring(check):
    found = check("bodies").long_bodies
    assert list(found(function_of(40))) == []
    assert list(found(function_of(41))) == [(2, "run", 41)]
    assert list(found(function_of(40, docstring=""))) == []
    assert list(found(function_of(41, docstring=""))) == [(2, "run", 41)]
    assert list(found(function_of(0))) == []


def test_bodies_prints_the_place(check, tmp_path, capsys):
    path = tmp_path / "module.py"
    path.write_text("class A:\n    async def run(self):\n" + "        a()\n" * 50)
    assert check("bodies").main([str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:2: run has 50 lines")
