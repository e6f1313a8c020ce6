"""CSV as different programs write it."""

import csv
import io

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux._commands import csv_rows
from sklux._commands.csv_rows import CsvTable, check_delimiter

TEXTS = ["plain", 'say "hi"', "a, b; c | d", "two\nlines", "back\\slash\\", "tab\there"]


def table(content, wanted=("text",), **options):
    found = CsvTable("a.csv")
    found.open(io.StringIO(content, newline=""), wanted, **options)
    return found


def texts_of(content, **options):
    found = table(content, **options)
    place = found.names.index("text")
    return [row[place] for row in found.rows()]


def written(rows, **options):
    file = io.StringIO()
    csv.writer(file, **options).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_delimiter_is_in_the_header(delimiter, end):
    """No matter how many commas the texts have."""
    rows = [["id", "text"], *([i, text] for i, text in enumerate(TEXTS))]
    content = written(rows, delimiter=delimiter, lineterminator=end)
    found = table(content)
    assert (found.delimiter, found.quotes) == (delimiter, "doubled")
    assert texts_of(content) == TEXTS


def test_csv_delimiter_that_splits_off_the_wanted_column():
    assert table("title, long;text\na, b;c\n").delimiter == ";"
    assert table("a,b|text\n1,2|3\n").names == ["a,b", "text"]
    # A file with one column has no delimiter.
    assert texts_of('text\n"a; b"\nc;d\n') == ["a; b", "c;d"]


def test_csv_delimiter_if_no_column_is_found():
    """The message shows the columns of the best guess."""
    assert table("id;body;url\n").names == ["id", "body", "url"]


def test_csv_delimiter_may_be_given():
    content = "id:text\n1:a,b\n"
    assert texts_of(content, delimiter=":") == ["a,b"]
    with pytest.raises(ValueError, match="Line 2 of a.csv has 2 instead of 1 columns"):
        list(table("text;id\n1,2\n", delimiter=",").rows())


def test_csv_separator_of_excel():
    assert texts_of("sep=;\r\nid;text\r\n1;a,b\r\n") == ["a,b"]
    assert table('"sep=:"\nid:text\n').delimiter == ":"


def spark_field(value):
    """A value as Spark's defaults write it."""
    if any(c in value for c in ',"\n'):
        value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    return value


SPARK_TEXTS = [
    'say "hi"',
    '"',
    'ends with "',
    '"all"',
    'x",y',
    "C:\\dir, here",
    "plain \\d",
    "two\nlines",
]


@pytest.mark.parametrize("n_before", [0, 50])
def test_csv_quotes_after_backslashes(n_before):
    """As Spark writes them; other backslashes stay."""
    texts = ["plain"] * n_before + SPARK_TEXTS
    lines = [f"{i},{spark_field(text)}\n" for i, text in enumerate(texts)]
    content = "id,text\n" + "".join(lines)
    assert table(content).quotes == "backslash"
    assert texts_of(content) == texts
    with pytest.raises(ValueError, match="--quotes backslash"):
        texts_of(content, quotes="doubled")


def test_csv_quotes_after_backslashes_by_pandas():
    frame = pandas.DataFrame({"id": range(len(TEXTS)), "text": TEXTS})
    content = frame.to_csv(index=False, doublequote=False, escapechar="\\")
    assert texts_of(content) == TEXTS


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(st.sampled_from('ab\\",;\n\t|'), max_size=8), max_size=6),
    st.sampled_from(",;\t|"),
)
def test_csv_what_the_csv_module_writes_is_read_as_it_was(texts, delimiter):
    """Whatever the texts are, they are not taken for another way of writing."""
    content = written(
        [["text", "id"], *([text, "0"] for text in texts)], delimiter=delimiter
    )
    assert texts_of(content) == texts


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from('ab\\",\n'), max_size=8), max_size=6))
def test_csv_what_spark_writes_is_read_as_it_was(texts):
    # Without quotes, Spark writes backslashes as they are.
    texts = [text for text in texts if "\\\\" not in text or '"' in text]
    content = "text,id\n" + "".join(f"{spark_field(text)},0\n" for text in texts)
    assert texts_of(content, quotes="backslash") == texts


def test_csv_quotes_without_a_meaning():
    """As tables of tabs often have them."""
    content = 'id\ttext\n1\t"Foo" is a word\n2\tan inch is 1"\n3\t"open\n'
    assert table(content).quotes == "none"
    assert texts_of(content) == ['"Foo" is a word', 'an inch is 1"', '"open']
    with pytest.raises(ValueError, match="--quotes none"):
        texts_of(content, quotes="doubled")
    # With commas, such a file is damaged.
    with pytest.raises(ValueError, match="Line 2 of a.csv cannot be read as CSV"):
        texts_of(content.replace("\t", ","))


def test_csv_first_lines_decide_also_if_they_end_in_a_row(monkeypatch):
    monkeypatch.setattr(csv_rows, "N_SAMPLE_LINES", 3)
    long = "a\nb\nc\nd"
    content = f'id\ttext\n1\tx\n2\t"{long}"\n3\ty\n'
    assert table(content).quotes == "doubled"
    assert texts_of(content) == ["x", long, "y"]
    # A quote that is not closed for long does not begin a row.
    monkeypatch.setattr(csv_rows, "N_CUT_LINES", 2)
    assert table('id\ttext\n1\t"a\n2\tb\n3\tc\n4\td\n').quotes == "none"


def test_csv_sample_is_limited_by_its_characters(monkeypatch):
    read = []

    def lines():
        for number in range(10_000):
            read.append(number)
            yield "text\n" if number == 0 else "x" * 100 + "\n"

    monkeypatch.setattr(csv_rows, "N_SAMPLE_CHARACTERS", 1000)
    CsvTable("a.csv").open(lines(), ["text"])
    assert len(read) < 15


def test_csv_errors_have_the_number_of_the_line():
    content = "\n\ntext,id\n" + '"a\nb",1\n' * 3 + "a,b,c\n"
    with pytest.raises(ValueError, match="Line 10 of a.csv has 3 instead of 2 columns"):
        texts_of(content)


def test_csv_unclosed_quote_is_stopped(monkeypatch):
    monkeypatch.setattr(csv_rows, "MAX_FIELD_CHARACTERS", 100)
    limit = csv.field_size_limit()
    with pytest.raises(ValueError, match="cannot be read as CSV: field larger than"):
        texts_of('text,id\n"a' + "x\n" * 1000)
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("content", ["", "\n\n", "\r\n"])
def test_csv_empty_file(content):
    with pytest.raises(ValueError, match="a.csv is empty. A CSV file begins with a he"):
        table(content)


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_check_delimiter_invalid(delimiter):
    with pytest.raises(ValueError, match="--delimiter .* must be one character"):
        check_delimiter(delimiter)


def test_check_delimiter_names_of_the_tab():
    found = [check_delimiter(one) for one in ("tab", r"\t", "\t", ";", None)]
    assert found == ["\t", "\t", "\t", ";", None]
