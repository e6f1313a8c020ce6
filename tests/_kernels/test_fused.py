"""From tokens to the sums of the first layer, worked by hand.

`tests/test_fused.py` compares the kernel with plain loops.
"""

import numpy as np
import pytest
from sklux._kernels.fused import Scratch, TermWeighing, project_tokens
from sklux._kernels.layers import WeightRows
from sklux._kernels.terms import TermIndex

from sklux._lexical.tokens import pack_strings

# Rows of the terms a, b, c, d.
WEIGHTS = np.array([[1, 0], [0, 1], [10, 0], [0, 10]], dtype=np.float32)


def make_index(terms, first_row=0):
    rows = np.arange(first_row, first_row + len(terms), dtype=np.int32)
    return TermIndex(
        "blanks",
        *pack_strings([]),
        *pack_strings(terms),
        rows,
        np.arange(len(terms)),
        (1, 1),
        False,
    )


def make_weighing(idf=(1, 1, 1, 1), tf=(0, 1), norm=None, **changes):
    settings = {"binary": False, "sublinear_tf": False} | changes
    idf, tf = (np.array(values, dtype=np.float32) for values in (idf, tf))
    return TermWeighing(idf, tf, *settings.values(), norm)


def project(documents, parts=("abcd",), first=0, n_rows=None, weighing=None):
    """Sums of documents of letters; each part has some of the terms."""
    indexes, tokens, ends, n_terms = [], [], [], 0
    for part in parts:
        indexes.append(make_index([*part], n_terms))
        n_terms += len(part)
        numbers = np.empty(sum(map(len, documents)), dtype=np.uint32)
        indexes[-1].table.find(*pack_strings([*"".join(documents)]), numbers)
        tokens.append(numbers)
        ends.append(np.cumsum([len(document) for document in documents]))
    n_rows = len(documents) - first if n_rows is None else n_rows
    out = np.full((n_rows, 2), np.nan, dtype=np.float32)
    weighing = make_weighing() if weighing is None else weighing
    arguments = tuple(indexes), tuple(tokens), tuple(ends), first
    project_tokens(Scratch(weighing, WeightRows(WEIGHTS)), *arguments, out)
    return out.tolist()


def test_fused_kernel_by_hand():
    """Terms that are not in the index have no effect; empty documents are zero."""
    assert project(["ab", "", "xcx", "aab"]) == [[1, 1], [0, 0], [10, 0], [2, 1]]


def test_fused_kernel_range_of_documents():
    assert project(["a", "b", "c", "d"], first=1, n_rows=2) == [[0, 1], [10, 0]]
    assert project(["a"], first=1) == []


def test_fused_kernel_idf_and_term_frequency():
    """Counts 0 to 2 are in the table, 3 is not."""
    weighing = make_weighing(idf=(2, 3, 1, 1), tf=(0, 1, 5))
    assert project(["aabbb"], weighing=weighing) == [[2 * 5, 3 * 3]]
    weighing = make_weighing(binary=True)
    assert project(["aab"], weighing=weighing) == [[1, 1]]
    weighing = make_weighing(sublinear_tf=True)
    assert project(["aab"], weighing=weighing) == [[np.float32(1 + np.log(2)), 1]]


@pytest.mark.parametrize(
    ("norm", "ratio"), [("l1", 3 / 4), ("l2", (5 / 10) ** 0.5), (None, 1)]
)
def test_fused_kernel_second_part_gets_the_norm_of_the_first(norm, ratio):
    """Values of the first part 1, 2 and of the second 3, 1."""
    weighing = make_weighing(tf=(0, 1, 2, 3), norm=norm)
    found = project(["abbcccd"], parts=("ab", "cd"), weighing=weighing)
    np.testing.assert_allclose(found, [[1 + 30 * ratio, 2 + 10 * ratio]], rtol=1e-6)


def test_fused_kernel_second_part_alone_is_not_scaled():
    weighing = make_weighing(tf=(0, 1, 2, 3), norm="l2")
    assert project(["ccc"], parts=("ab", "cd"), weighing=weighing) == [[30, 0]]


def test_fused_kernel_without_units_writes_nothing():
    weights = WeightRows(np.empty((1, 0), dtype=np.float32))
    project_tokens(
        Scratch(make_weighing(idf=(1,)), weights),
        (make_index(["a"]),),
        (np.zeros(1, np.uint32),),
        (np.ones(1, np.int64),),
        0,
        np.empty((1, 0), dtype=np.float32),
    )


def test_fused_kernel_weights_have_an_idf_for_each_row():
    with pytest.raises(ValueError, match="an idf for each row"):
        Scratch(make_weighing(idf=(1, 1)), WeightRows(WEIGHTS))


def test_fused_kernel_brings_in_the_factors_of_the_rows():
    weights = WeightRows(WEIGHTS.astype(np.int8), np.float32([2, 3, 4, 5]))
    out = np.empty((1, 2), dtype=np.float32)
    index, tokens = make_index([*"abcd"]), np.array([0, 3, 0], dtype=np.uint32)
    scratch = Scratch(make_weighing(idf=(7, 1, 1, 1)), weights)
    project_tokens(scratch, (index,), (tokens,), (np.array([3]),), 0, out)
    assert out.tolist() == [[2 * 2 * 7, 5 * 10]]


def test_fused_kernel_scratch_memory_grows_and_is_kept_when_it_is_cleared():
    scratch = Scratch(make_weighing(), WeightRows(WEIGHTS))
    assert scratch.n_bytes() == 0
    index, out = make_index([*"abcd"]), np.empty((1, 2), dtype=np.float32)
    tokens = np.zeros(1000, dtype=np.uint32)
    project_tokens(scratch, (index,), (tokens,), (np.array([1000]),), 0, out)
    n_bytes = scratch.n_bytes()
    assert n_bytes >= 4 * len(tokens)
    scratch.clear()
    assert scratch.n_bytes() == n_bytes
