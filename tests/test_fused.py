"""Documents to vectors in one kernel, with the same vectors as through the matrix."""

import copy
import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import reference
from _lexical.test_matrix import make_index, make_tokens
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import is_fused, random_model, random_projection, unfused
from pieces_reference import TRAINING_TEXTS, bert_tokenizer
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklux._kernels.fused import Scratch, embed_range, project_tokens
from sklux._kernels.layers import DenseLayers
from strategies import awkward_texts, kernel_settings, seeds, token_documents, widths

import sklux._fused
import sklux._lexical.buffers
import sklux._lexical.lookup
import sklux._lexical.tokens
import sklux._student.network
import sklux._vectorizer
from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux._fused import FusedTransform, term_weighing
from sklux._lexical.buffers import text_buffers
from sklux._lexical.matrix import Weighing
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._student.network import WEIGHT_DTYPES, Network
from sklux._utils.memory import is_mapped

TEXTS = [
    "a red apple, the green apple",
    "the unhappy car of na\u00efve \u00c9t\u00e9; R or C",
    "\u4e2d\u6587 \ud55c\uad6d apple apple apple \U0001f34e don't",
    "one two three one two three one two",
    "aa ab b a cry the x1 \u03a3\u0391\u03a3 abcdefgh abcdefghijklmnopq",
]
QUERIES = [*TEXTS, "", "nothing of this", "apple two " * 9, "three cars, two apples"]
MANY_JOBS = [2, 3, -1]
# Tolerance for sums of ten thousand terms with random signs: they lose one more digit.
LONG_SUMS = 5e-6


def assert_close(actual, expected, atol=1e-6):
    """Fail unless vectors agree, except for the rounding of sums in another order."""
    assert actual.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def assert_fused_equals_unfused(model, documents):
    """Fail unless the model is fused, with the same vectors as through the matrix."""
    assert is_fused(model)
    assert_close(model.transform(documents), unfused(model, documents))


def lexical(documents=TEXTS, **params):
    """A fitted lexical stage; warnings for unused parameters are ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LexicalVectorizer(**params).fit(documents)


def words_and_pairs(**params):
    return lexical(ngram_range=(1, 2), token_pattern=r"\w+", **params)


# The oracle: the same model through the matrix

repeated_words = st.lists(
    st.tuples(
        st.sampled_from(["apple", "the", "one two", "\u4e2d\u6587", "zzz", "a,b"]),
        st.sampled_from([1, 2, 3, 254, 255, 256, 257, 600]),
    ),
    max_size=4,
).map(lambda pairs: " ".join(f"{word} " * count for word, count in pairs))
documents_to_embed = st.lists(awkward_texts | repeated_words, min_size=1, max_size=7)
kernel_parameters = st.fixed_dictionaries(
    {
        "analyzer": st.sampled_from(
            ["word", "char", "char_wb", "subword", "word+subword"]
        ),
        "ngram_range": st.sampled_from([(1, 1), (1, 2), (2, 3), (1, 5)]),
        "norm": st.sampled_from(["l1", "l2", None]),
        "dtype": st.sampled_from([np.float32, np.float64]),
    },
    optional={
        "sublinear_tf": st.booleans(),
        "binary": st.booleans(),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
        "stop_words": st.sampled_from([None, "english", ["the", "a", "b"]]),
        "token_pattern": st.sampled_from([r"\w+", r"(?u)\b\w\w+\b", r"\b\w{3,}\b"]),
        "segmentation": st.sampled_from(["regex", "unicode"]),
        "subwords_of": st.sampled_from(["all", "unknown"]),
        "position_weight": st.sampled_from([0.5, 3.0]),
        "position_decay": st.sampled_from([0.7, 12.0]),
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kernel_parameters,
    documents_to_embed,
    st.booleans(),
    st.sampled_from([(32,), (48, 24), (32, 40, 24)]),
    st.sampled_from(WEIGHT_DTYPES),
    st.booleans(),
    seeds,
)
def test_embedding_fused_equals_unfused(
    params, documents, learns_pieces, sizes, dtype, in_order, seed
):
    """The layers are wide, so no vector depends on a single unit after the ReLU."""
    if "subword" in params["analyzer"]:
        params |= {"n_subwords": 60}
        params |= {} if learns_pieces else {"tokenizer": bert_tokenizer()}
    stage = lexical([*TEXTS, *documents[::2]], **params)
    model = random_model(stage, sizes, seed, in_order=in_order).quantize(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_fused_equals_unfused(model, documents)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("sublinear_tf", [False, True])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("analyzer", ["word", "word+subword"])
def test_embedding_counts_of_every_size(dtype, sublinear_tf, binary, analyzer):
    """The kernel has a table for counts below 256, the matrix for 16 bits."""
    counts = [1, 2, 254, 255, 256, 257, 511, 512, 65_534, 65_535, 65_536, 70_001]
    documents = [f"{'apple ' * count} two the" for count in counts]
    stage = words_and_pairs(
        sublinear_tf=sublinear_tf, binary=binary, analyzer=analyzer, n_subwords=60
    )
    model = random_model(stage).quantize(dtype)
    assert_fused_equals_unfused(model, documents)


def test_embedding_default_stage():
    stage = default_lexical_stage().fit(TEXTS)
    assert_fused_equals_unfused(random_model(stage, (384, 256)), QUERIES)


@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_embedding_documents_of_one_part(norm):
    """Documents with only pieces, with only words, with both, and with neither."""
    vocabulary = ["subword__apple", "subword__the", "word__one", "word__one two"]
    stage = lexical(
        analyzer="word+subword",
        ngram_range=(1, 2),
        tokenizer=bert_tokenizer(),
        vocabulary=vocabulary,
        norm=norm,
    )
    model = random_model(stage, (32,))
    documents = ["apple the", "one two", "one two apple apple", "", "zzz"]
    assert_fused_equals_unfused(model, documents)
    lengths = np.linalg.norm(model.transform(documents), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 0, 0], atol=1e-6)


@pytest.mark.parametrize("kind", ["bpe", "unigram", "letters"])
def test_embedding_pieces_of_the_tokenizers_library(kind):
    from pieces_reference import other_tokenizer

    stage = lexical(
        TRAINING_TEXTS, analyzer="word+subword", tokenizer=other_tokenizer(kind)
    )
    assert_fused_equals_unfused(random_model(stage), [*QUERIES, *TRAINING_TEXTS])


@pytest.mark.parametrize("factor", [1e-100, 1e-44, 1e-30, 1e-10, 1e10, 1e30, 1e39])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_embedding_idf_of_any_magnitude(factor, norm):
    """The matrix has float64 weights, and its rows have a norm."""
    model = random_model(words_and_pairs(norm=norm))
    expected = model.transform(QUERIES)
    model.lexical_.idf_ = model.lexical_.idf_ * factor
    vectors = model.transform(QUERIES)
    assert_close(vectors, unfused(model, QUERIES))
    assert_close(vectors, expected)


def test_embedding_idf_that_is_negative_or_zero():
    model = random_model(words_and_pairs())
    idf = np.random.default_rng(0).standard_normal(len(model.lexical_.idf_))
    idf[::3] = 0
    model.lexical_.idf_ = idf
    assert_fused_equals_unfused(model, QUERIES)


def test_embedding_same_vectors_as_scikit_learns_stage():
    """A check of the oracle: TfidfVectorizer in the place of LexicalVectorizer."""
    params = {"ngram_range": (1, 2), "sublinear_tf": True, "token_pattern": r"\w+"}
    model = random_model(LexicalVectorizer(**params).fit(TEXTS))
    other = random_model(TfidfVectorizer(**params).fit(TEXTS))
    assert not is_fused(other)
    assert_fused_equals_unfused(model, QUERIES)
    assert_close(model.transform(QUERIES), other.transform(QUERIES))


# The kernel against its slow twin


@st.composite
def token_layers(draw):
    """Documents of two kinds of words, with terms, idf, and stored weights."""
    documents = draw(token_documents)
    others = [draw(st.lists(st.sampled_from("wxyz"), max_size=9)) for _ in documents]
    has_second = draw(st.booleans())
    terms = draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
    second_terms = draw(st.lists(st.sampled_from("wxyz"), min_size=1, unique=True))
    rng = np.random.default_rng(draw(seeds))
    n_features = len(terms) + has_second * len(second_terms)
    rows = rng.standard_normal((n_features, draw(widths))).astype(np.float32)
    network = Network(rows)
    if draw(st.booleans()):
        network = network.by_frequency(rng.random(n_features))
    network = network.quantized(draw(st.sampled_from(WEIGHT_DTYPES)))
    idf = np.array(
        draw(
            st.lists(
                st.sampled_from([0.0, 0.5, 1.0, 3.25, -2.0]),
                min_size=n_features,
                max_size=n_features,
            )
        )
    )
    return documents, others, terms, second_terms, has_second, network, idf


@settings(kernel_settings, max_examples=250)
@given(
    token_layers(),
    st.sampled_from(["l1", "l2", None]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 2, 256]),
    st.data(),
)
def test_embedding_kernel_equals_reference(
    example, norm, sublinear_tf, binary, n_tabulated, data
):
    documents, others, terms, second_terms, has_second, network, idf = example
    how = {"sublinear_tf": sublinear_tf, "binary": binary}
    places = np.arange(len(idf)) if network.places is None else network.places
    indexes, streams = [make_index(terms, columns=places[: len(terms)])], []
    streams.append(make_tokens(indexes[0], documents))
    columns = {(term,): i for i, term in enumerate(terms)}
    counts = reference.count_rows(documents, columns, (1, 1))
    if has_second:
        indexes.append(make_index(second_terms, columns=places[len(terms) :]))
        streams.append(make_tokens(indexes[1], [[words] for words in others]))
        columns = {(term,): len(terms) + i for i, term in enumerate(second_terms)}
        second = reference.count_rows([[words] for words in others], columns, (1, 1))
        counts = [one | other for one, other in zip(counts, second)]
    second_part = len(terms) if has_second else 0
    weighing = Weighing(np.float64, idf=idf, norm=norm, second_part=second_part, **how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._fused, "TABULATED_COUNTS", n_tabulated)
        kernel_weighing = term_weighing(weighing, network)
    first = data.draw(st.integers(0, len(documents)))
    last = data.draw(st.integers(first, len(documents)))
    out = np.full((last - first, network.n_components), np.nan, dtype=np.float32)
    project_tokens(
        Scratch(kernel_weighing, network.weight_rows),
        tuple(indexes),
        tuple(stream.numbers for stream in streams),
        tuple(stream.ends for stream in streams),
        first,
        out,
    )
    weights = reference.weight_rows(network.rows, network.scales, network.places)
    expected, bounds = reference.token_sums(
        counts, idf, weights, norm, second_part, **how
    )
    assert np.all(abs(out - expected[first:last]) <= bounds[first:last] + 1e-36)


# Around powers of two, and more terms than a group of documents holds.
NUMBERS_OF_TERMS = [0, 1, 6, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 256, 4095, 8193]


@pytest.mark.parametrize("n_terms", NUMBERS_OF_TERMS)
@pytest.mark.parametrize("n_columns", [8193, 20_000])
@pytest.mark.parametrize("n_repeats", [0, 3, 9_000])
def test_embedding_kernel_merges_any_number_of_terms(n_terms, n_columns, n_repeats):
    """Two documents of n terms, in any order, some of them many times."""
    rng = np.random.default_rng(n_terms)
    names = np.array([str(i) for i in range(n_columns)])
    documents, expected = [], []
    weights = rng.standard_normal((n_columns, 3)).astype(np.float32)
    for _ in range(2):
        columns = rng.choice(n_columns, n_terms, replace=False)
        again = rng.choice(columns, n_repeats if n_terms else 0)
        columns = rng.permutation(np.concatenate([columns, again])).astype(int)
        documents.append([names[columns].tolist()])
        expected.append(np.bincount(columns, minlength=n_columns) @ weights)
    network = Network(weights)
    index = make_index(names.tolist())
    tokens = make_tokens(index, documents)
    out = np.full((2, 3), np.nan, dtype=np.float32)
    weighing = term_weighing(Weighing(np.float32), network)
    project_tokens(
        Scratch(weighing, network.weight_rows),
        (index,),
        (tokens.numbers,),
        (tokens.ends,),
        0,
        out,
    )
    scale = np.sqrt(n_terms + 1) * (1 + n_repeats)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("n_left", [0, 1, 20, 100])
def test_embedding_kernel_after_the_last_number_of_a_place(n_left):
    """The numbers have 32 bits: they run out after four thousand million terms."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((20, 3)).astype(np.float32)
    network = Network(weights)
    index = make_index([str(i) for i in range(20)])
    documents = [[[str(i) for i in rng.integers(20, size=30)]] for _ in range(9)]
    tokens = make_tokens(index, documents)
    weighing = term_weighing(Weighing(np.float32), network)
    scratch = Scratch(weighing, network.weight_rows)
    out = np.empty((2, 9, 3), dtype=np.float32)
    for sums in out:
        project_tokens(
            scratch,
            (index,),
            (tokens.numbers,),
            (tokens.ends,),
            0,
            sums,
        )
        # Marks of the places of these documents are in the scratch memory.
        scratch.next_number = 2**32 - 1 - n_left
    np.testing.assert_array_equal(out[0], out[1])


# Same bits: threads, ranges, groups, batches, containers


@pytest.fixture(scope="module")
def crowd():
    """300 documents; one of them has more terms than a group holds."""
    rng = np.random.default_rng(0)
    documents = [
        " ".join(f"w{i}" for i in rng.zipf(1.2, 80) % 9_000) for _ in range(300)
    ]
    documents[150] = " ".join(f"w{i}" for i in range(9_000))
    documents[151] = ""
    return documents


@pytest.fixture(scope="module", params=["float32", "float16", "int8", "linear", "deep"])
def crowd_model(request, crowd):
    """A fused model of some kind; tests must not change it."""
    sizes = {"linear": (40,), "deep": (40, 400, 30)}.get(request.param, (40, 24))
    stage = default_lexical_stage().set_params(n_subwords=500)
    model = random_model(stage.fit(crowd), sizes)
    assert len(stage.get_feature_names_out()) > 9_000
    assert is_fused(model)
    return model.quantize(request.param) if len(sizes) == 2 else model


@pytest.fixture(scope="module")
def crowd_vectors(crowd, crowd_model):
    return crowd_model.transform(crowd)


def copy_with(model, **params):
    """The same fitted model with other parameters."""
    return pickle.loads(pickle.dumps(model)).set_params(**params)


def test_embedding_same_bits_in_one_call_and_step_by_step(crowd, crowd_model):
    model = copy_with(crowd_model)
    fused = model._fused_transform()
    assert fused.in_one_call
    vectors = model.transform(crowd)
    fused.in_one_call = False
    reference.assert_same_bits(model.transform(crowd), vectors)


@pytest.mark.parametrize(
    ("analyzer", "subwords_of", "in_one_call"),
    [
        ("word", "all", True),
        ("char_wb", "all", True),
        ("word+subword", "unknown", True),
        ("word+subword", "all", False),
        ("subword", "all", False),
    ],
)
def test_embedding_in_one_call_if_one_analysis_reads_the_text(
    analyzer, subwords_of, in_one_call
):
    stage = LexicalVectorizer(analyzer=analyzer, subwords_of=subwords_of, n_subwords=60)
    model = random_model(stage.fit(TEXTS))
    assert model._fused_transform().in_one_call == in_one_call


@pytest.mark.parametrize("n_values", [1, 10**6])
@pytest.mark.parametrize("subwords_of", ["unknown", "none"])
def test_embedding_same_bits_of_documents_that_python_prepares(
    monkeypatch, subwords_of, n_values
):
    """Documents out of normal form at any place: first, last, neighbours."""
    monkeypatch.setattr(sklux._student.network, "HIDDEN_VALUES", n_values)
    stage = default_lexical_stage().set_params(n_subwords=60)
    if subwords_of == "none":
        stage = LexicalVectorizer(segmentation="unicode")
    model = random_model(stage.fit(TEXTS))
    apart = "na\u0131\u0308ve e\u0301t\u0065\u0301 apple \u1112\u1161\u11ab"
    plain = ["one apple", "\u00c9t\u00e9 two", "", "unknownword"] * 20
    documents = [apart, *plain, apart, apart + " red", *plain, apart]
    asked = []
    read = model._fused_transform()._embed_steps

    def spy(block, analyses, out, start, stop):
        asked.extend(range(start, stop))
        read(block, analyses, out, start, stop)

    monkeypatch.setattr(model._fused_transform(), "_embed_steps", spy)
    vectors = model.transform(documents)
    assert asked == [0, 81, 82, 163]
    alone = [model.transform([document]) for document in documents]
    reference.assert_same_bits(vectors, np.concatenate(alone))
    assert_close(vectors, unfused(model, documents))


def test_embedding_ascii_and_other_texts_in_turn():
    """The rules for ASCII have no tables of other characters."""
    model = random_model(default_lexical_stage().set_params(n_subwords=60).fit(TEXTS))
    for document in ["apple", "\u00c9t\u00e9", "apple", "\u4e2d\u6587"] * 2:
        assert_close(model.transform([document]), unfused(model, [document]))


def test_embedding_kernel_refuses_what_leads_outside():
    model = random_model(default_lexical_stage().set_params(n_subwords=60).fit(TEXTS))
    fused = model._fused_transform()
    (block,) = text_buffers(QUERIES)
    layers, analysis = fused._network.dense_layers, fused._analysis(block)
    source = fused.reader.sources[1]
    out = np.empty((len(QUERIES), 24), dtype=np.float32)

    def embed(stop, analysis, layers, out, indexes=fused.reader.indexes):
        with fused._scratch.borrow() as scratch:
            embed_range(scratch, indexes, analysis, layers, block, 0, stop, 100, out)

    embed(len(QUERIES), analysis, layers, out)
    with pytest.raises(ValueError, match="stop is behind the last document"):
        embed(len(QUERIES) + 1, analysis, layers, out)
    with pytest.raises(ValueError, match="the shape of out does not fit"):
        embed(len(QUERIES), analysis, layers, out[:-1])
    with pytest.raises(ValueError, match="the shape of out does not fit"):
        embed(len(QUERIES), analysis, layers, out[:, :-1].copy())
    with pytest.raises(ValueError, match="shapes of the layers do not fit"):
        embed(1, analysis, DenseLayers(24, (), False), out)
    with pytest.raises(ValueError, match="must have a Rest if there are two sets"):
        embed(1, source.analysis(block), layers, out)
    with pytest.raises(ValueError, match="must have a Rest if there are two sets"):
        embed(1, analysis, layers, out, fused.reader.indexes[1:])


def test_embedding_not_fitted_any_more():
    model = random_model(words_and_pairs())
    model.transform(QUERIES)
    del model.projection_
    with pytest.raises(AttributeError, match="projection_"):
        model.transform(QUERIES)
    for name in [name for name in vars(model) if name.endswith("_")]:
        delattr(model, name)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.transform(QUERIES)


def test_embedding_n_jobs_of_one_text_is_checked():
    model = random_model(words_and_pairs())
    model.transform(["apple"])
    with pytest.raises(ValueError, match="'n_jobs' parameter must be None or an int"):
        model.set_params(n_jobs=0).transform(["apple"])


def test_embedding_of_many_documents_equals_unfused(crowd, crowd_model, crowd_vectors):
    expected = unfused(crowd_model, crowd)
    is_long = np.array([len(text) > 10_000 for text in crowd])
    assert is_long.sum() == 1
    assert_close(crowd_vectors[~is_long], expected[~is_long])
    assert_close(crowd_vectors[is_long], expected[is_long], LONG_SUMS)


@pytest.mark.parametrize("n_jobs", MANY_JOBS)
def test_embedding_same_bits_for_any_n_jobs(n_jobs, crowd, crowd_model, crowd_vectors):
    model = copy_with(crowd_model, n_jobs=n_jobs)
    reference.assert_same_bits(model.transform(crowd), crowd_vectors)


@pytest.mark.parametrize("n_bytes", [1, 700, 5_000, 10**9])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_embedding_same_bits_for_any_ranges(
    monkeypatch, n_jobs, n_bytes, crowd, crowd_model, crowd_vectors
):
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", n_bytes)
    monkeypatch.setattr(sklux._lexical.tokens, "MIN_BYTES_PER_RANGE", n_bytes)
    model = copy_with(crowd_model, n_jobs=n_jobs)
    reference.assert_same_bits(model.transform(crowd), crowd_vectors)


@pytest.mark.parametrize("n_values", [1, 40 * 101])
def test_embedding_same_bits_for_any_number_of_rows_at_a_time(
    monkeypatch, n_values, crowd, crowd_model, crowd_vectors
):
    """One range of documents passes through the dense layers in several steps."""
    monkeypatch.setattr(sklux._student.network, "HIDDEN_VALUES", n_values)
    assert crowd_model.projection_._network.rows_at_a_time <= 101
    reference.assert_same_bits(crowd_model.transform(crowd), crowd_vectors)


def test_embedding_same_bits_in_any_batch(crowd, crowd_model, crowd_vectors):
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 4, 5, 63, 64, 65, 130):
        rows = rng.permutation(len(crowd))[:size]
        vectors = crowd_model.transform([crowd[row] for row in rows])
        reference.assert_same_bits(vectors, crowd_vectors[rows])


def test_embedding_same_bits_alone(crowd, crowd_model, crowd_vectors):
    for row in range(120, 180):
        vectors = crowd_model.transform([crowd[row]])
        reference.assert_same_bits(vectors, crowd_vectors[row : row + 1])


@pytest.mark.parametrize(
    "kind",
    [
        list,
        tuple,
        lambda texts: np.array(texts, dtype=object),
        np.array,
        pd.Series,
        lambda texts: pd.Series(texts, index=texts[::-1], dtype="string"),
        lambda texts: pytest.importorskip("polars").Series(texts),
        pa.array,
        lambda texts: pa.array(texts, type=pa.large_string()),
        lambda texts: pa.chunked_array([texts[:7], [], texts[7:]]),
        lambda texts: pa.array(["left out", *texts])[1:],
        iter,
        lambda texts: (text for text in texts),
        dict.fromkeys,
    ],
)
def test_embedding_same_bits_from_any_container(kind):
    model = random_model(default_lexical_stage().fit(TEXTS))
    documents = [*dict.fromkeys(QUERIES), "\U0001f34e caf\u00e9 \u4e2d"]
    reference.assert_same_bits(
        model.transform(kind(documents)), model.transform(documents)
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_embedding_same_bits_from_a_generator_of_many_blocks(
    monkeypatch, n_jobs, crowd, crowd_model, crowd_vectors
):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 7)
    model = copy_with(crowd_model, n_jobs=n_jobs)
    vectors = model.transform(text for text in crowd)
    reference.assert_same_bits(vectors, crowd_vectors)


def test_embedding_generator_is_read_block_by_block(monkeypatch):
    """The text of earlier blocks is not kept."""
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 10)
    model = random_model(words_and_pairs())
    n_given, n_given_before_embedding = 0, []

    def documents():
        nonlocal n_given
        for _ in range(45):
            n_given += 1
            yield "apple"

    embed = FusedTransform._embed_block

    def spy(self, block, n_jobs):
        n_given_before_embedding.append(n_given)
        return embed(self, block, n_jobs)

    monkeypatch.setattr(FusedTransform, "_embed_block", spy)
    assert model.transform(documents()).shape == (45, 24)
    assert n_given_before_embedding == [10, 20, 30, 40, 45]


def test_embedding_error_in_a_later_block_names_its_document(monkeypatch):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 2)
    model = random_model(words_and_pairs())
    with pytest.raises(ValueError, match="missing value .* at position 3"):
        model.transform(iter(["apple", "two", "one", None]))


@pytest.mark.parametrize("max_kept_bytes", [0, 10**9])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_embedding_same_bits_with_and_without_kept_memory(
    monkeypatch, max_kept_bytes, n_jobs, crowd, crowd_model, crowd_vectors
):
    """A stream's memory of one range must not change the next range."""
    monkeypatch.setattr(sklux._utils.threads, "MAX_KEPT_BYTES", max_kept_bytes)
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", 3_000)
    model = copy_with(crowd_model, n_jobs=n_jobs)
    for rows in (slice(None), slice(7, 90), slice(None, None, -1), slice(None)):
        vectors = model.transform(crowd[rows])
        reference.assert_same_bits(vectors, crowd_vectors[rows])


def test_embedding_same_bits_after_an_error():
    model = random_model(default_lexical_stage().fit(TEXTS))
    expected = model.transform(QUERIES)
    text = b"apple two one " * 3
    offsets = np.array([0, len(text), len(text) + 1, len(text) + 1], dtype=np.int32)
    damaged = pa.StringArray.from_buffers(
        3, pa.py_buffer(offsets), pa.py_buffer(text + b"\xff")
    )
    for _ in range(3):
        with pytest.raises(ValueError, match="Document 1 is not valid UTF-8"):
            model.transform(damaged)
        reference.assert_same_bits(model.transform(QUERIES), expected)


def test_embedding_large_documents_among_small_documents():
    """Documents of megabytes, in the middle and at the end, change no other vector."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(3_000)]
    small = [" ".join(rng.choice(words, 6)) for _ in range(200)]
    large = [" ".join(rng.choice(words, size)) for size in (500_000, 900_000)]
    model = random_model(lexical([large[0]], ngram_range=(1, 2), max_features=20_000))
    documents = [*small[:99], large[0], *small[99:], large[1]]
    expected = np.concatenate([model.transform([text]) for text in documents])
    for n_jobs in (1, 2):
        vectors = copy_with(model, n_jobs=n_jobs).transform(documents)
        reference.assert_same_bits(vectors, expected)
    assert_close(expected, unfused(model, documents), LONG_SUMS)


def test_embedding_ranges_with_much_text_begin_first(monkeypatch):
    """A large document at the end does not run alone after all others."""
    seen = []
    run_ranges = sklux._fused.run_ranges

    def spy(work, edges, n_jobs, costs):
        seen.append((edges, list(costs)))
        run_ranges(work, edges, n_jobs, costs)

    monkeypatch.setattr(sklux._fused, "run_ranges", spy)
    model = copy_with(random_model(words_and_pairs()), n_jobs=2)
    documents = ["apple two " * 3_000] * 20 + ["apple two " * 100_000]
    model.transform(documents)
    ((edges, costs),) = seen
    assert len(costs) == len(edges) - 1 > 2
    assert costs[-1] > 1_000_000 > 2 * max(costs[:-1])


# Which models are fused


class Reversed(LexicalVectorizer):
    def transform(self, raw_documents):
        return super().transform([text[::-1] for text in raw_documents])


class Padded(LexicalVectorizer):
    def build_tokenizer(self):
        return str.split


class Plain(LexicalVectorizer):
    """A subclass without changes."""


FUSED_STAGES = {
    "default": default_lexical_stage(),
    "words": LexicalVectorizer(),
    "char": LexicalVectorizer(analyzer="char", ngram_range=(1, 3)),
    "char_wb": LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
    "subword": LexicalVectorizer(analyzer="subword", n_subwords=80),
    "no idf": LexicalVectorizer(use_idf=False, norm="l1"),
    "vocabulary": LexicalVectorizer(vocabulary=["apple", "two"]),
    "subclass": Plain(),
}
OTHER_STAGES = {
    "counts": CountVectorizer(),
    "scikit-learn": TfidfVectorizer(),
    "own transform": Reversed(),
    "own tokenizer method": Padded(),
    "tokenizer": LexicalVectorizer(tokenizer=str.split, token_pattern=None),
    "preprocessor": LexicalVectorizer(preprocessor=str.lower),
    "analyzer": LexicalVectorizer(analyzer=str.split),
    "pattern": LexicalVectorizer(token_pattern=r"[a-z]+"),
    "strip_accents": LexicalVectorizer(strip_accents=str.swapcase),
}
BATCHES = [[], ["apple two"], [""], QUERIES * 40]


@pytest.mark.parametrize("stage", FUSED_STAGES.values(), ids=FUSED_STAGES)
def test_embedding_fused_model_never_makes_a_matrix(monkeypatch, stage):
    model = random_model(clone(stage).fit(TEXTS))
    expected = [unfused(model, batch) if batch else None for batch in BATCHES]

    def refuse(self, raw_documents):
        pytest.fail("the lexical stage made a matrix")

    monkeypatch.setattr(LexicalVectorizer, "transform", refuse)
    for batch, vectors in zip(BATCHES, expected):
        found = model.transform(batch)
        assert found.shape == (len(batch), 24)
        assert found.dtype == np.float32
        if batch:
            assert_close(found, vectors)


@pytest.mark.filterwarnings("ignore:The parameter 'token_pattern':UserWarning")
@pytest.mark.parametrize("stage", OTHER_STAGES.values(), ids=OTHER_STAGES)
def test_embedding_other_model_is_never_fused(monkeypatch, stage):
    model = random_model(clone(stage).fit(TEXTS))

    def refuse(self, *args):
        pytest.fail("the fused transform was called")

    monkeypatch.setattr(sklux._fused.FusedTransform, "__init__", refuse)
    monkeypatch.setattr(sklux._fused.FusedTransform, "__call__", refuse)
    for batch in BATCHES:
        found = model.transform(batch)
        assert found.shape == (len(batch), 24)
        assert found.dtype == np.float32
        if batch:
            reference.assert_same_bits(found, unfused(model, batch))


@pytest.mark.parametrize("name", ["filename", "file"])
def test_embedding_model_that_reads_files_is_never_fused(name):
    model = random_model(words_and_pairs())
    model.lexical_.set_params(input=name)
    assert not is_fused(model)


def test_embedding_tables_are_made_once(monkeypatch):
    """The look-up tables are kept between calls."""
    made = []
    make = FusedTransform.__init__

    def spy(self, *args):
        made.append(1)
        make(self, *args)

    monkeypatch.setattr(FusedTransform, "__init__", spy)
    model = random_model(words_and_pairs(stop_words=["red"]))
    for batch in (QUERIES, [], ["apple"], iter(QUERIES)):
        model.transform(batch)
    model.lexical_.get_feature_names_out()
    _ = model.lexical_.vocabulary_
    model.lexical_.transform(QUERIES)
    model.set_params(n_jobs=2).lexical_.set_params(n_jobs=2)
    model.transform(QUERIES)
    assert len(made) == 1


# Changes after the first transform


def set_vocabulary(model):
    names = model.lexical_.get_feature_names_out()
    model.lexical_.vocabulary_ = {name: i for i, name in enumerate(names[::-1])}


def set_idf(model):
    model.lexical_.idf_ = model.lexical_.idf_**3


def refit(model):
    others = [" ".join(reversed(text.split())) for text in TEXTS]
    n_features = model.projection_.n_features_in_
    words = {f"w{i}" for i in range(n_features)}
    model.lexical_.fit([*others, *words] * 2)
    model.lexical_.set_params(max_features=n_features).fit([*others, *others, *words])


def set_coefs(model):
    model.projection_.coefs_ = [-w for w in model.projection_.coefs_]


def replace_projection(model):
    n_features = model.projection_.n_features_in_
    model.projection_ = random_projection(n_features, (16, 24), seed=9)


def replace_stage(model):
    others = [text.replace("apple", "pear") for text in TEXTS]
    model.lexical_ = words_and_pairs(documents=others, stop_words=["or", "car"])


def params(**values):
    def change(model):
        model.lexical_.set_params(**values)

    return change


def extend_stop_words(model):
    model.lexical_.stop_words.append("apple")


# Changes, and whether they change the vectors. Parameters of the fit, such as norm, do
# not, as in scikit-learn.
CHANGES = {
    "idf": (set_idf, True),
    "vocabulary": (set_vocabulary, True),
    "refit": (refit, True),
    "coefs": (set_coefs, True),
    "projection": (replace_projection, True),
    "stage": (replace_stage, True),
    "stop words in place": (extend_stop_words, True),
    "stop words": (params(stop_words=["two"]), True),
    "no stop words": (params(stop_words=None), True),
    "ngram_range": (params(ngram_range=(1, 1)), True),
    "longer ngrams": (params(ngram_range=(1, 3)), False),
    "binary": (params(binary=True), True),
    "lowercase": (params(lowercase=False), True),
    "strip_accents": (params(strip_accents="ascii"), True),
    "token_pattern": (params(token_pattern=r"\w{4,}"), True),
    "other pattern": (params(token_pattern=r"[a-m]+"), True),
    "tokenizer": (params(tokenizer=lambda text: [text[:5]]), True),
    "analyzer": (params(analyzer="char"), True),
    "dtype": (params(dtype=np.float32), False),
    "norm": (params(norm="l1"), False),
    "no norm": (params(norm=None), False),
    "sublinear_tf": (params(sublinear_tf=True), False),
    "use_idf": (params(use_idf=False), False),
    "smooth_idf": (params(smooth_idf=False), False),
    "max_features": (params(max_features=1), False),
    "n_jobs": (params(n_jobs=2), False),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("change, differs", CHANGES.values(), ids=CHANGES)
def test_embedding_follows_a_change(change, differs):
    model = random_model(words_and_pairs(stop_words=["or", "car"]))
    queries = [*QUERIES, "The \u00c9t\u00e9 of R or C; apple, car or Apple", "w1 w2"]
    before = model.transform(queries)
    change(model)
    after = model.transform(queries)
    assert_close(after, unfused(model, queries))
    assert (abs(after - before).max() > 1e-3) == differs
    # The second time, from the cache.
    reference.assert_same_bits(model.transform(queries), after)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_embedding_follows_a_change_that_is_taken_back():
    model = random_model(words_and_pairs())
    before = model.transform(QUERIES)
    model.lexical_.set_params(lowercase=False, ngram_range=(1, 1))
    model.transform(QUERIES)
    model.lexical_.set_params(lowercase=True, ngram_range=(1, 2))
    reference.assert_same_bits(model.transform(QUERIES), before)


def test_embedding_follows_a_change_to_an_object_with_an_old_address():
    """A new object may get the address of the object that it replaces."""
    model = random_model(words_and_pairs())
    n_features = model.projection_.n_features_in_
    for seed in range(30):
        model.projection_ = random_projection(n_features, (16,), seed=seed)
        model.lexical_.idf_ = model.lexical_.idf_ * (1 + seed % 3)
        assert_fused_equals_unfused(model, QUERIES[:4])


def test_embedding_idf_cannot_be_changed_in_place():
    """Tables that are made from it do not follow a change; a new array is followed."""
    model = random_model(words_and_pairs())
    model.transform(QUERIES)
    with pytest.raises(ValueError, match="read-only"):
        model.lexical_.idf_[0] = 9


@pytest.mark.parametrize("use_idf", [True, False])
@pytest.mark.parametrize("n_more", [-1, 1, 40])
def test_embedding_stage_of_another_width_is_refused(use_idf, n_more):
    """Without a check, the kernel reads outside of the weights."""
    model = random_model(words_and_pairs(use_idf=use_idf))
    model.transform(QUERIES)
    n_features = model.projection_.n_features_in_
    words = [f"w{i}" for i in range(n_features + n_more)]
    model.lexical_ = lexical(words, use_idf=use_idf)
    message = f"X has {n_features + n_more} features, but the network was fitted on"
    for batch in (words, words[:1], []):
        with pytest.raises(ValueError, match=message):
            model.transform(batch)


def test_embedding_refit_stage_of_another_width_is_refused():
    model = random_model(words_and_pairs(use_idf=False))
    model.transform(QUERIES)
    model.lexical_.fit([*TEXTS, "some more words"])
    with pytest.raises(ValueError, match="features, but the network was fitted on"):
        model.transform(QUERIES)


def test_embedding_follows_a_stage_that_needs_a_new_fit():
    """The lexical stage itself raises the same error."""
    model = random_model(words_and_pairs())
    model.transform(QUERIES)
    model.lexical_.set_params(analyzer="subword")
    with pytest.raises(NotFittedError, match="fitted with another analyzer"):
        model.transform(QUERIES)


# Copies, and many threads


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: pickle.loads(pickle.dumps(model, protocol=5)),
    ],
    ids=["copy", "deepcopy", "pickle", "pickle 5"],
)
@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("is_used", [False, True])
def test_embedding_copies_give_the_same_bits(duplicate, dtype, is_used):
    model = random_model(default_lexical_stage().fit(TEXTS)).quantize(dtype)
    if is_used:
        model.transform(QUERIES)
    twin = duplicate(model)
    assert is_fused(twin)
    assert twin.projection_._network.dtype == dtype
    reference.assert_same_bits(twin.transform(QUERIES), model.transform(QUERIES))


def test_embedding_transform_does_not_change_a_pickle():
    model = random_model(default_lexical_stage().fit(TEXTS))
    before = pickle.dumps(model)
    model.transform(QUERIES)
    assert len(pickle.dumps(model)) == len(before)


def test_embedding_deep_copy_is_independent():
    model = random_model(words_and_pairs())
    expected = model.transform(QUERIES)
    twin = copy.deepcopy(model)
    set_idf(twin)
    twin.projection_._network.rows[...] = 1
    assert_fused_equals_unfused(twin, QUERIES)
    reference.assert_same_bits(model.transform(QUERIES), expected)


def test_embedding_clone_is_not_fitted():
    model = random_model(words_and_pairs()).set_params(lexical=LexicalVectorizer())
    model.transform(QUERIES)
    twin = clone(model)
    assert twin.lexical is not model.lexical
    with pytest.raises(NotFittedError):
        twin.transform(QUERIES)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_embedding_joblib_gives_the_same_bits(tmp_path, dtype, mmap_mode):
    model = random_model(default_lexical_stage().fit(TEXTS)).quantize(dtype)
    expected = model.transform(QUERIES)
    joblib.dump(model, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    network = twin.projection_._network
    assert is_mapped(network.rows) == (mmap_mode is not None)
    assert is_fused(twin)
    reference.assert_same_bits(twin.transform(QUERIES), expected)
    # joblib's worker processes get such pickles.
    again = pickle.loads(pickle.dumps(twin))
    reference.assert_same_bits(again.transform(QUERIES), expected)


@pytest.fixture
def hasty_threads():
    """Threads take turns a thousand times more often than by default."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("way", ["pickle", "file"])
@pytest.mark.parametrize("stage", ["default", "words"])
def test_embedding_first_transform_on_many_threads(hasty_threads, tmp_path, stage, way):
    """All threads make the look-up tables at the same time."""
    n_threads = 8
    lexical = default_lexical_stage() if stage == "default" else LexicalVectorizer()
    model = random_model(lexical.fit(TEXTS))
    expected = model.transform(QUERIES)
    model.save(tmp_path / "model")
    content = pickle.dumps(model)
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in range(30):
            if way == "pickle":
                fresh = pickle.loads(content)
            else:
                fresh = LuxicalVectorizer.load(
                    tmp_path / "model", mmap_mode="r", verify=False
                )
            barrier = threading.Barrier(n_threads, timeout=60)

            def work(number, fresh=fresh, barrier=barrier):
                barrier.wait()
                return fresh.transform(QUERIES[number:])

            for number, vectors in enumerate(pool.map(work, range(n_threads))):
                reference.assert_same_bits(vectors, expected[number:])


def test_embedding_on_many_threads_while_a_setting_changes(hasty_threads):
    """A vector has the old setting or the new setting, at the end the last setting."""
    model = random_model(words_and_pairs())
    queries = ["Apple the Two"]
    expected = {}
    for lowercase in (True, False):
        model.lexical_.lowercase = lowercase
        expected[lowercase] = model.transform(queries).tobytes()
    assert len(set(expected.values())) == 2
    stop, found = threading.Event(), set()

    def work():
        while not stop.is_set():
            found.add(model.transform(queries).tobytes())

    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(work) for _ in range(3)]
        try:
            for i in range(200):
                model.lexical_.lowercase = i % 2 == 0
        finally:
            stop.set()
        for task in tasks:
            task.result()
    assert found <= set(expected.values())
    for lowercase in (True, False):
        model.lexical_.lowercase = lowercase
        assert model.transform(queries).tobytes() == expected[lowercase]


# Bad input


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("kind", [LexicalVectorizer, TfidfVectorizer])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_embedding_infinite_idf_never_returns_nan(kind, norm, dtype):
    """A given term that does not occur, without smoothing."""
    stage = kind(
        vocabulary=["apple", "two", "zzz"], smooth_idf=False, norm=norm, dtype=dtype
    ).fit(TEXTS)
    assert np.isinf(stage.idf_).any()
    model = random_model(stage)
    for batch in (["zzz"], ["apple", "two zzz"]):
        # With a norm, scikit-learn raises the error.
        with pytest.raises(ValueError, match="infinit"):
            model.transform(batch)
    vectors = model.transform(["apple", "two apple", "none"])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], atol=1e-6)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_embedding_infinite_idf_of_pieces_never_returns_nan():
    stage = lexical(
        ["apple"],
        analyzer="subword",
        tokenizer=bert_tokenizer(),
        vocabulary=["##ne", "app", "run", "the"],
        smooth_idf=False,
    )
    assert np.isinf(stage.idf_).any()
    model = random_model(stage)
    with pytest.raises(
        ValueError,
        match="'vocabulary' parameter .* idf of this term is infinite. Set smooth_idf=",
    ):
        model.transform(["the"])


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_embedding_unknown_documents_are_zero(dtype):
    model = random_model(words_and_pairs(stop_words=["the"])).quantize(dtype)
    vectors = model.transform(["", " ", "zzz qqq", "the the", "\ud800", "apple"])
    assert not vectors[:5].any()
    assert np.linalg.norm(vectors[5]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_embedding_without_documents(n_jobs):
    model = random_model(words_and_pairs(), n_jobs=n_jobs)
    for empty in ([], (), iter([]), pa.array([], pa.string()), np.array([], str)):
        vectors = model.transform(empty)
        assert vectors.shape == (0, 24)
        assert vectors.dtype == np.float32


@pytest.mark.parametrize(
    "documents, error, message",
    [
        ("apple", ValueError, "single str"),
        (["apple", b"two"], TypeError, "bytes at position 1"),
        (["apple", 3.5], TypeError, "float at position 1"),
        (["apple", None], ValueError, "missing value .None. at position 1"),
        (np.array([["a", "b"]]), ValueError, "one dimension"),
        (3, TypeError, "iterable"),
    ],
    ids=repr,
)
def test_embedding_refuses_the_same_documents_as_unfused(documents, error, message):
    fused = random_model(LexicalVectorizer().fit(TEXTS))
    other = random_model(TfidfVectorizer().fit(TEXTS))
    assert is_fused(fused) and not is_fused(other)
    for model in (fused, other):
        with pytest.raises(error, match=message):
            model.transform(documents)


@pytest.mark.parametrize("n_terms", [1, 4096, 4097, 100_000])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_embedding_of_many_terms_equals_the_way_through_the_matrix(n_terms, dtype):
    """Both add the same rows in another order: within 1e-6 for 64 dimensions."""
    rng = np.random.default_rng(n_terms)
    words = np.array([f"word{i}" for i in range(n_terms)])
    stage = LexicalVectorizer(dtype=np.float32).fit([" ".join(words)])
    model = random_model(stage, sizes=(64, 64)).quantize(dtype)
    texts = [" ".join(rng.permutation(words)) for _ in range(3)]
    assert is_fused(model)
    np.testing.assert_allclose(
        model.transform(texts), unfused(model, texts), rtol=0, atol=1e-6
    )
