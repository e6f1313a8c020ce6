"""Arrow columns whose offsets, views, validity maps or dictionaries are damaged."""

import warnings

import numpy as np
import pyarrow
import reference
from hypothesis import strategies as st
from models import random_model
from pieces_reference import TRAINING_TEXTS

from fuzz.changes import byte_changes, with_bytes
from sklux import LexicalVectorizer
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._utils.columns import as_vectors
from sklux.arrow import BatchEmbedder

MEMORY_MB = 256
TEXTS = ["a red apple", None, "", "na\u00efve caf\u00e9 with a longer text", "tree"]
TYPES = {
    "string": pyarrow.string(),
    "large_string": pyarrow.large_string(),
    "string_view": pyarrow.string_view(),
    "binary": pyarrow.binary(),
    "list": pyarrow.list_(pyarrow.float32()),
    "fixed_list": pyarrow.list_(pyarrow.float32(), 2),
}
VECTORS = [[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def prepare(folder):
    """Models whose stages read text in different ways."""
    texts = [text for text in TEXTS if text] + TRAINING_TEXTS
    stages = (LexicalVectorizer(analyzer="char"), default_lexical_stage())
    return [random_model(stage.fit(texts)) for stage in stages]


def array_of(name):
    """A column without damage."""
    is_list = "list" in name
    return pyarrow.array(VECTORS if is_list else TEXTS, TYPES[name])


def contents_of(array):
    """The bytes of the buffers of an array; None for a buffer that it does not have."""
    return [b and b.to_pybytes() for b in array.buffers()]


def cases(prepared):
    """A column, damage of its buffers, a slice of it, and who reads it."""

    def damaged(name):
        contents = contents_of(array_of(name))
        one = st.sampled_from([i for i, b in enumerate(contents) if b]).flatmap(
            lambda i: st.fixed_dictionaries(
                {"buffer": st.just(i), "change": st.none() | byte_changes(contents[i])}
            )
        )
        return st.fixed_dictionaries(
            {
                "type": st.just(name),
                "changes": st.lists(one, max_size=3),
                "length": st.integers(0, 5) | st.sampled_from([5, 5, 5, 6, 10**6]),
                "offset": st.sampled_from([0, 0, 0, 1, 3, 10**6]),
                "null_count": st.sampled_from([-1, -1, 0, 1, 5]),
                "dictionary": st.none()
                | st.lists(st.integers(-2, 9), min_size=5, max_size=5),
                "reader": st.sampled_from(
                    ["vectors", "matrix", "batch", "fit", "list"]
                ),
                "null_documents": st.sampled_from(["error", "empty"]),
                "is_chunked": st.booleans(),
                "source": st.sampled_from(["buffers", "late", "late", "file"]),
            }
        )

    return st.sampled_from(sorted(TYPES)).flatmap(damaged)


def column_of(case):
    """The column of a case; None if Arrow refuses to make it."""
    try:
        if case["source"] == "file":
            column = column_of_file(case)
        else:
            column = column_of_buffers(case)
    except (pyarrow.ArrowException, OSError, TypeError, ValueError):
        return None
    if case["is_chunked"]:
        column = pyarrow.chunked_array([column, column.slice(1)])
    return column


def column_of_file(case):
    """A column of a damaged file of Arrow's, which Arrow reads without many checks."""
    sink = pyarrow.BufferOutputStream()
    batch = pyarrow.record_batch({"text": array_of(case["type"])})
    with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content = sink.getvalue().to_pybytes()
    for change in case["changes"]:
        if change["change"] is not None:
            # The header of the batch and its buffers come last.
            at = len(content) - 1 - change["change"]["at"] % (len(content) // 2)
            content = with_bytes(content, change["change"] | {"at": at})
    with pyarrow.ipc.open_stream(content) as reader:
        return reader.read_next_batch().column(0)


def column_of_buffers(case):
    """A column of damaged buffers, or of buffers that are damaged later."""
    array, is_late = array_of(case["type"]), case["source"] == "late"
    whole = [b and bytearray(b) for b in contents_of(array)]
    buffers = list(whole)
    for change in case["changes"]:
        content = bytes(buffers[change["buffer"]] or b"")
        # pyarrow itself crashes without views.
        is_views = case["type"] == "string_view" and change["buffer"] == 1
        is_gone = change["change"] is None
        if is_gone and is_views:
            continue
        buffers[change["buffer"]] = (
            None if is_gone else bytearray(with_bytes(content, change["change"]))
        )
    used = whole if is_late else buffers
    column = array_from(array, used, case)
    if case["dictionary"] is not None and "list" not in case["type"]:
        numbers = pyarrow.array(case["dictionary"], pyarrow.int32())
        column = pyarrow.DictionaryArray.from_arrays(numbers, column, safe=False)
    if is_late:
        # Arrow checks some of this only when an array is made.
        for own, other in zip(whole, buffers):
            if own is not None and other is not None:
                size = min(len(own), len(other))
                own[:size] = other[:size]
    return column


def array_from(array, buffers, case):
    """An array of buffers, without a copy."""
    buffers = [b if b is None else pyarrow.py_buffer(b) for b in buffers]
    children, n_own = None, len(buffers)
    if "list" in case["type"]:
        n_own = 2 if case["type"] == "list" else 1
        n_numbers = len(buffers[-1] or b"") // 4
        numbers = [None, buffers[-1]]
        children = [pyarrow.Array.from_buffers(pyarrow.float32(), n_numbers, numbers)]
    return pyarrow.Array.from_buffers(
        array.type,
        case["length"],
        buffers[:n_own],
        case["null_count"],
        case["offset"],
        children,
    )


def check(prepared, case, folder):
    """Fail unless the column is refused, or read as Arrow reads it."""
    column = column_of(case)
    if column is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(prepared, column, case)
        except (TypeError, ValueError):
            return
    if is_valid(column):
        expected = column.to_pylist()
        if all(isinstance(text, str) for text in expected):
            for model in prepared:
                found = model.transform(column)
                reference.assert_same_bits(found, model.transform(expected))


def is_valid(column):
    """Whether Arrow finds no damage."""
    try:
        column.validate(full=True)
    except (pyarrow.ArrowInvalid, IndexError):
        return False
    return True


def read(prepared, column, case):
    """Read a column by one of the readers."""
    if case["reader"] == "list" or "list" in case["type"]:
        as_vectors(column, "teacher_embeddings")
        return
    for model in prepared:
        model.null_documents = case["null_documents"]
        model.lexical_.null_documents = case["null_documents"]
        if case["reader"] == "matrix":
            model.lexical_.transform(column)
        elif case["reader"] == "fit":
            stage = LexicalVectorizer(analyzer="char", ngram_range=(1, 2))
            stage.set_params(null_documents=case["null_documents"]).fit(column)
        elif case["reader"] == "batch":
            table = pyarrow.table({"text": column})
            embed = BatchEmbedder(model, columns=[], null_documents="null")
            vectors = embed(table)["embedding"]
            assert len(vectors) == len(column)
        else:
            vectors = model.transform(column)
            assert len(vectors) == len(column)
            assert np.isfinite(vectors).all()
