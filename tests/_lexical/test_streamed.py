"""A lexical stage that is fitted batch by batch equals one fitted at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux import LexicalVectorizer
from sklux._lexical.streamed import count_batch, fit_on_batches, reads_batches
from sklux._lexical.vectorizer import default_lexical_stage, fit_with_words

TEXTS = [
    "a red apple, the green apple",
    "",
    "The \u039f\u03a3 of na\u00efve \u0130stanbul; R or C, C and R",
    "\u4e2d\u6587 \ud55c\uad6d apple apple apple \U0001f34e \U0001d7d8\U0001d7d9",
    "one two three one two three one two",
    "lone \ud800 surrogate",
]
documents = st.lists(
    st.sampled_from(TEXTS) | st.lists(st.sampled_from("abcdefgh")).map(" ".join),
    min_size=1,
    max_size=30,
)
KINDS = [
    {},
    {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b", "min_df": 2},
    {"ngram_range": (2, 3), "max_df": 0.7, "stop_words": ["the", "a"]},
    {"analyzer": "char_wb", "ngram_range": (2, 4), "max_features": 20},
    {"analyzer": "subword", "n_subwords": 50, "ngram_range": (1, 2)},
    {"analyzer": "word+subword", "n_subwords": 50, "max_features": 30},
    {"vocabulary": ["apple", "two", "one two"], "ngram_range": (1, 2)},
]


def reader(documents, batch_size):
    """A function that reads the documents in batches."""
    starts = range(0, len(documents), batch_size)
    return lambda: (documents[start : start + batch_size] for start in starts)


def outcome(action):
    """The result of an action, or the message of its ValueError."""
    try:
        return action()
    except ValueError as error:
        return str(error)


def assert_same_stage(stage, expected):
    """Fail unless two stages have the same terms, in the same order, and idf."""
    assert stage.get_feature_names_out().tolist() == (
        expected.get_feature_names_out().tolist()
    )
    assert stage.idf_.dtype == expected.idf_.dtype
    assert stage.idf_.tobytes() == expected.idf_.tobytes()


@settings(max_examples=60, deadline=None)
@given(documents, st.integers(1, 40), st.sampled_from(KINDS))
def test_streamed_terms_and_idf_are_those_of_a_fit_at_once(documents, size, params):
    expected = outcome(lambda: LexicalVectorizer(**params).fit(documents))
    stage = LexicalVectorizer(**params)
    read = reader(documents, size)
    found = outcome(lambda: fit_on_batches(stage, read, [], 10_000))
    if isinstance(expected, str):
        assert found == expected
    else:
        assert_same_stage(stage, expected)
        assert found.n_documents == len(documents)
        assert found.dropped == found.missed == 0


@settings(max_examples=40, deadline=None)
@given(documents, st.integers(1, 40), st.sampled_from([None, 10, 60, 1000]))
def test_streamed_default_stage_with_words_of_a_teacher(documents, size, most):
    words = ["apple", "Pear", "two words", "a", "three", "red"]
    documents = [*documents, "apple tree"]
    expected = default_lexical_stage().set_params(max_features=most)
    _, extension = fit_with_words(expected, documents, words)
    stage = default_lexical_stage().set_params(max_features=most)
    found = fit_on_batches(stage, reader(documents, size), words, 10_000)
    assert_same_stage(stage, expected)
    assert found.extension.added == extension.added
    assert found.extension.lost == extension.lost
    X = stage.set_params(position_weight=0).transform(documents)
    Y = expected.set_params(position_weight=0).transform(documents)
    assert (X != Y).nnz == 0


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_streamed_threads_change_nothing(n_jobs):
    texts = [f"{text} word{i}" for i, text in enumerate(TEXTS * 50)]
    stage = default_lexical_stage().set_params(n_jobs=n_jobs)
    fit_on_batches(stage, reader(texts, 70), [], None)
    assert_same_stage(stage, default_lexical_stage().fit(texts))


def test_streamed_pieces_of_a_given_tokenizer_need_one_pass():
    learnt = LexicalVectorizer(analyzer="subword", n_subwords=60).fit(TEXTS)
    tokenizer = learnt._lexicon.subwords.tokenizer_json
    stage = LexicalVectorizer(analyzer="word+subword", tokenizer=tokenizer)
    passes = []

    def read():
        passes.append(1)
        return iter([TEXTS])

    fit_on_batches(stage, read, [], None)
    assert len(passes) == 1
    expected = LexicalVectorizer(analyzer="word+subword", tokenizer=tokenizer)
    assert_same_stage(stage, expected.fit(TEXTS))


def test_streamed_beyond_the_bound_the_error_is_stated():
    rng = np.random.RandomState(0)
    frequent = [f"frequent{i}" for i in range(20)]
    texts = [
        " ".join([*rng.choice(frequent, 10), *(f"rare{i}-{j}" for j in range(10))])
        for i in range(300)
    ]
    exact = LexicalVectorizer(max_features=20).fit(texts)
    stage = LexicalVectorizer(max_features=20)
    counts, _ = count_batch(stage._sources(None)[0], texts, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklux._lexical.summaries.MIN_WAITING", 100)
        found = fit_on_batches(stage, reader(texts, 10), [], 200)
    assert found.n_terms <= 200
    assert 0 < found.dropped <= counts.tf.sum() / 201
    assert found.missed == 0
    # The frequent terms were there from the beginning, so their counts are exact.
    assert_same_stage(stage, exact)


def test_streamed_stages_that_the_kernels_do_not_read():
    assert reads_batches(default_lexical_stage())
    assert not reads_batches(LexicalVectorizer(tokenizer=str.split))
    assert not reads_batches(LexicalVectorizer(input="filename"))
    assert not reads_batches(object())


def test_streamed_fit_that_fails_changes_nothing():
    stage = LexicalVectorizer().fit(TEXTS)
    names = stage.get_feature_names_out().tolist()

    def read():
        yield TEXTS
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        fit_on_batches(stage, read, [], None)
    assert stage.get_feature_names_out().tolist() == names
