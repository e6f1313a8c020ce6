"""Documents of any type that are accepted, and objects that are refused."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklux._lexical.buffers import text_buffers
from sklux._utils.documents import (
    check_documents,
    copy_groups,
    first_of_groups,
    halves_in_turn,
    is_missing,
    read_nulls,
    split_halves,
)

TEXTS = ["", "a red apple", "\U0001f34e", "na\u00efve"]


def as_generator(texts):
    """The texts, which can be read only once."""
    return (text for text in texts)


KINDS = {
    "list": list,
    "tuple": tuple,
    "generator": as_generator,
    "dict_keys": dict.fromkeys,
    "numpy_str": lambda texts: np.array(texts),
    "numpy_object": lambda texts: np.array(texts, dtype=object),
    "numpy_string_dtype": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
    "pandas_series": pd.Series,
    "pandas_object_series": lambda texts: pd.Series(texts, dtype=object),
    "pandas_other_index": lambda texts: pd.Series(texts, index=[7, 7, 3, 0]),
    "polars_series": pl.Series,
    "arrow_array": pa.array,
    "arrow_large_array": lambda texts: pa.array(texts, type=pa.large_string()),
    "arrow_dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "arrow_chunked_array": lambda texts: pa.chunked_array([texts[:1], [], texts[1:]]),
    "numpy_column": lambda texts: np.array(texts, dtype=object)[:, None],
    "pandas_frame": lambda texts: pd.DataFrame({"text": texts}, index=[7, 7, 3, 0]),
    "polars_frame": lambda texts: pl.DataFrame({"text": texts}),
    "arrow_table": lambda texts: pa.table({"text": texts}),
    "arrow_batch": lambda texts: pa.record_batch({"text": texts}),
    "arrow_reader": lambda texts: pa.table({"text": texts}).to_reader(max_chunksize=3),
}
# NumPy has StringDType since version 2.
if not hasattr(np.dtypes, "StringDType"):
    del KINDS["numpy_string_dtype"]


@pytest.mark.parametrize("kind", KINDS)
def test_documents_of_any_type_become_the_same_list(kind):
    documents = check_documents(KINDS[kind](TEXTS))
    assert type(documents) is list
    assert documents == TEXTS
    assert all(isinstance(document, str) for document in documents)


@pytest.mark.parametrize(
    "empty", [[], (), np.array([], dtype=str), pd.Series([], dtype=str), pa.array([])]
)
def test_documents_empty_input_is_an_empty_list(empty):
    assert check_documents(empty) == []


def test_documents_list_is_not_changed():
    """The caller may change the returned list."""
    texts = list(TEXTS)
    check_documents(texts).append("more")
    assert texts == TEXTS


def test_documents_lone_surrogate_is_text():
    assert check_documents(["\ud800"]) == ["\ud800"]


def test_documents_numpy_str_scalar_is_text():
    assert check_documents([np.str_("a")]) == ["a"]


@pytest.mark.parametrize("single", ["one document", "", np.str_("one document")])
def test_documents_bare_string_is_refused(single):
    with pytest.raises(
        ValueError,
        match=r"raw_documents must be an iterable of documents\. Got a single .*str"
        r".* instead\. To use one document, put it in a list: \[document\]",
    ):
        check_documents(single)


def test_documents_bare_bytes_are_refused():
    with pytest.raises(ValueError, match=r"Got a single bytes instead\. .*in a list"):
        check_documents(b"one document")


@pytest.mark.parametrize(
    ("table", "shape"),
    [
        (np.array(TEXTS).reshape(2, 2), (2, 2)),
        (np.array(TEXTS, dtype=object).reshape(4, 1, 1), (4, 1, 1)),
        (np.array("one document"), ()),
    ],
    ids=["array", "three", "scalar"],
)
def test_documents_other_than_one_dimension_is_refused(table, shape):
    message = (
        f"raw_documents must have one dimension, one string per document. Got "
        f"{type(table).__name__} of shape {shape} instead. Select one column of text"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check_documents(table)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_documents_table_of_several_columns_is_refused(make):
    """A loop over a data frame gives the names of its columns."""
    table = make({"title": TEXTS, "body": TEXTS})
    message = (
        "raw_documents must be one column of text, and not a table: a table is read "
        f"column by column. Got {type(table).__name__} with the columns 'title', "
        "'body'. Select one: table['text'], by its name in a scikit-learn "
        "ColumnTransformer, or by cols= in skrub's ApplyToCols"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check_documents(table)
    with pytest.raises(ValueError, match="Got .* with no columns. Select one"):
        check_documents(make({}))


def test_documents_in_batches_of_several_columns_are_refused():
    reader = pa.table({"title": TEXTS, "body": TEXTS}).to_reader()
    message = "Got RecordBatchReader with the columns 'title', 'body'. Select one"
    with pytest.raises(ValueError, match=message):
        check_documents(reader)


def test_documents_lazy_frame_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Got LazyFrame instead\. Collect it first"):
        check_documents(pl.LazyFrame({"text": TEXTS}))


@pytest.mark.parametrize("number", [3, 2.5, None, object()])
def test_documents_not_iterable_is_refused(number):
    name = type(number).__name__
    with pytest.raises(
        TypeError, match=rf"raw_documents must be an iterable of str\. Got {name} inst"
    ):
        check_documents(number)


@pytest.mark.parametrize(
    ("documents", "kind", "position"),
    [
        ([b"a"], "bytes", 0),
        (["a", 3], "int", 1),
        (["a", ["b"]], "list", 1),
        (as_generator(["a", "b", "c", 3]), "int", 3),
        (np.array(["a", 3], dtype=object), "int", 1),
        (np.array([1.5, 2.5]), "float64", 0),
        (np.array([b"a", b"b"]), "bytes_", 0),
        (pd.Series(["a", 3], index=[9, 4], dtype=object), "int", 1),
        (pl.Series(["a", b"b"], dtype=pl.Object), "bytes", 1),
        (pa.array([b"a"]), "bytes", 0),
    ],
)
def test_documents_other_than_str_is_named_with_its_position(documents, kind, position):
    with pytest.raises(
        TypeError,
        match=rf"^raw_documents must hold only str\. Got {kind} at position {position}:"
        r" .*\. [A-Z].*\.$",
    ):
        check_documents(documents)


@pytest.mark.parametrize(
    ("document", "remedy"),
    [
        (
            ["red", "apple"],
            r"tokens of a document, join them: ' '\.join\(document\)\.$",
        ),
        (("red", "apple"), r"' '\.join\(document\)\.$"),
        (np.array(["red", "apple"]), r"' '\.join\(document\)\.$"),
        ({"text": "a red apple"}, r"Take its text, such as document\['text'\]\.$"),
        (b"a red apple", r"Decode it: document\.decode\(\)\.$"),
        (3, r"Convert it to a str, or leave it out\.$"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_documents_other_than_str_have_a_remedy(document, remedy):
    with pytest.raises(TypeError, match=remedy):
        check_documents(["a", document])
    with pytest.raises(TypeError, match=remedy):
        list(text_buffers(["a", document]))


@pytest.mark.parametrize(
    "table",
    [{"text": ["a red apple"], "year": [1999]}, {"text": "a red apple", "year": 1999}],
)
def test_documents_in_a_mapping_are_refused(table):
    """Its keys would be read as the documents."""
    message = "a dict with the keys 'text', 'year', ... instead. Give its values"
    with pytest.raises(ValueError, match=message):
        check_documents(table)
    with pytest.raises(ValueError, match=message):
        list(text_buffers(table))


@pytest.mark.parametrize(
    ("documents", "shown", "position"),
    [
        (["a", None, "b"], "None", 1),
        (["a", "b", float("nan")], "nan", 2),
        (["a", "b", np.float64("nan")], r"np\.float64\(nan\)|nan", 2),
        (["a", pd.NaT], "NaT", 1),
        (["a", np.datetime64("NaT", "s")], ".*NaT.*", 1),
        (["a", pd.NA], "<NA>", 1),
        (as_generator(["a", "b", "c", None]), "None", 3),
        (np.array(["a", None], dtype=object), "None", 1),
        (pd.Series(["a", np.nan], dtype=object), "nan", 1),
        (pd.Series(["a", None], index=[9, 4], dtype=object), "None", 1),
        (pd.Series(["a", pd.NA], dtype="string"), "<NA>", 1),
        (pd.Series(["a", np.nan], dtype="str"), "nan", 1),
        (pl.Series(["a", None]), "None", 1),
        (pa.array(["a", "b", None]), "None", 2),
        (pa.chunked_array([["a"], ["b", None]]), "None", 2),
        (np.ma.array(["a", "b"], mask=[False, True]), ".*", 1),
        (["a", pa.scalar(None, pa.string())], ".*None.*", 1),
        (pd.DataFrame({"text": ["a", None]}), "None|nan", 1),
        (pl.DataFrame({"text": ["a", None]}), "None", 1),
    ],
)
def test_documents_missing_is_named_with_its_position(documents, shown, position):
    with pytest.raises(
        ValueError,
        match=rf"raw_documents has a missing value \(({shown})\) at position {position}"
        r"\. Drop or fill missing values\.$",
    ):
        check_documents(documents)
    if hasattr(documents, "__next__"):
        return
    empty = check_documents(documents, "empty")
    assert empty[position] == ""
    assert empty[:position] == ["a", "b", "c"][:position]


def test_documents_missing_are_counted_and_the_remedy_is_named():
    """A function without the parameter does not name it."""
    message = (
        "raw_documents has a missing value (None) at position 1, the first of 3. Drop "
        "or fill missing values"
    )
    documents = ["a", None, "b", np.nan, pd.NA]
    remedy = ", or set null_documents='empty'"
    with pytest.raises(ValueError, match=f"^{re.escape(message + remedy)}.$"):
        check_documents(documents, "error")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}.$"):
        check_documents(documents)


def test_documents_empty_for_missing_ones_does_not_hide_others():
    with pytest.raises(TypeError, match="must hold only str. Got int at position 2"):
        check_documents(["a", None, 3, None], "empty")


@pytest.mark.parametrize(
    "document",
    ["", b"", [], (), np.array([]), np.array([np.nan]), 0, 1.5, {}, pa.scalar("")],
)
def test_documents_that_are_not_missing(document):
    assert not is_missing(document)


def test_documents_read_nulls():
    assert list(read_nulls([1, None, 2], "empty", read=str)) == ["1", "", "2"]
    assert list(read_nulls([None], "empty", empty=list)) == [[]]
    reader = read_nulls([1, None, 2], "error")
    assert next(reader) == 1
    with pytest.raises(ValueError, match="position 1.*set null_documents='empty'"):
        next(reader)


def test_documents_nan_is_refused_with_the_message_of_scikit_learn():
    with pytest.raises(ValueError, match="^np.nan is an invalid document, expected"):
        check_documents([np.nan])


def test_documents_error_shows_only_the_start_of_a_long_document():
    with pytest.raises(TypeError, match="position 0") as caught:
        check_documents([b"a" * 10_000])
    assert len(str(caught.value)) < 300


def test_halves_in_turn_are_all_first_halves_then_all_second_halves():
    documents = ["one two three", "word", "", "a b"]
    found = halves_in_turn(documents)
    assert iter(found) is found
    first, second = split_halves(documents)
    assert list(found) == first + second


@pytest.mark.parametrize("kind", KINDS)
def test_copy_groups_differ_in_white_space_and_case_alone(kind):
    texts = ["A  stra\u00dfe", "astrasse", " a\tSTRASSE\n", "a strasse."]
    assert copy_groups(KINDS[kind](texts)).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([], []),
        (["a", b"A ", "\ud800", "\ud800 ", b"\xff", b"\xff"], [0, 0, 1, 1, 2, 2]),
        # A missing document is like an empty one.
        ([None, float("nan"), pd.NA, pd.NaT, " ", "a"], [0, 0, 0, 0, 0, 1]),
        ([["a", "b"], ("a", "b"), ["a b"], "a b"], [0, 0, 1, 2]),
        ([{"a": 1, "b": "x"}, {"b": "X", "a": 1}, {"a": 2}], [0, 0, 1]),
        # These cannot be compared.
        ([np.zeros(2), np.zeros(2), {"a": {1}}, {"a": {1}}], [0, 1, 2, 3]),
        ([1, 1.0, 2, (1, 2), (1, 2)], [0, 0, 1, 2, 2]),
    ],
)
def test_copy_groups_of_documents_of_other_kinds(documents, expected):
    groups = copy_groups(documents)
    assert groups.tolist() == expected
    assert groups.dtype == np.intp


def test_first_of_groups():
    assert first_of_groups(np.array([3, 0, 3, 1, 0, 7])).tolist() == [0, 1, 3, 5]
    assert first_of_groups(copy_groups([])).tolist() == []
