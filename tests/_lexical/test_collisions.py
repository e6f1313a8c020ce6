"""Text that is made to collide in hash tables: the results of the slow twins."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from collisions import colliding_pairs, colliding_words
from models import random_model, unfused
from pieces_reference import bert_tokenizer, library_ids
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer

WORDS = colliding_words(3000)
NAMES = [f"w{i:04d}" for i in range(1200)]
PAIRS = [f"{NAMES[a]} {NAMES[b]}" for a, b in colliding_pairs(1200, 9)]
DOCUMENTS = [" ".join(WORDS), " ".join(WORDS[::-2]), " ".join(NAMES), *PAIRS]
# Prints a hash of the terms and of the vectors.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from _lexical.test_collisions import digest
print(digest())
"""


def stage(**params):
    return LexicalVectorizer(analyzer="word", ngram_range=(1, 2), **params)


def digest():
    """A hash that depends on each bit of a stage, of its matrix and of the vectors."""
    import hashlib

    lexical = stage().fit(DOCUMENTS)
    X = lexical.transform(DOCUMENTS)
    parts = [X.data, X.indices, X.indptr, random_model(lexical).transform(DOCUMENTS)]
    terms = "\n".join(lexical.get_feature_names_out()).encode()
    return hashlib.sha256(terms + b"".join(p.tobytes() for p in parts)).hexdigest()


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_words_and_pairs_that_collide(n_jobs):
    params = {"max_features": 6000, "dtype": np.float64}
    ours = stage(n_jobs=n_jobs, **params)
    theirs = TfidfVectorizer(ngram_range=(1, 2), **params)
    X, Y = ours.fit_transform(DOCUMENTS), theirs.fit_transform(DOCUMENTS)
    assert ours.vocabulary_ == theirs.vocabulary_
    Y.sort_indices()
    np.testing.assert_array_equal(X.indptr, Y.indptr)
    np.testing.assert_array_equal(X.indices, Y.indices)
    # The rows have thousands of values, which are added up in another order.
    np.testing.assert_allclose(X.data, Y.data, rtol=1e-12)
    assert (X != ours.transform(DOCUMENTS)).nnz == 0


def test_the_fused_way_with_terms_that_collide():
    model = random_model(stage().fit(DOCUMENTS))
    vectors = model.transform(DOCUMENTS)
    np.testing.assert_allclose(vectors, unfused(model, DOCUMENTS), atol=1e-5)
    for n_jobs in (1, 3):
        model.set_params(n_jobs=n_jobs)
        np.testing.assert_array_equal(model.transform(DOCUMENTS), vectors)


def test_pieces_of_words_that_collide():
    """A thread keeps the pieces of words that it has cut, in a table of words."""
    pytest.importorskip("tokenizers")
    tokenizer = bert_tokenizer()
    lexical = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer, norm=None)
    X = lexical.set_params(use_idf=False).fit_transform(DOCUMENTS[:2])
    for row, ids in zip(X.toarray(), library_ids(tokenizer, DOCUMENTS[:2])):
        pieces = map(tokenizer.id_to_token, ids)
        columns = [lexical.vocabulary_[piece] for piece in pieces]
        np.testing.assert_array_equal(
            row, np.bincount(columns, minlength=len(lexical.vocabulary_))
        )


def test_another_process_has_the_same_bits():
    """It has another seed."""
    tests = str(Path(__file__).resolve().parents[1])
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, tests],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == digest()
