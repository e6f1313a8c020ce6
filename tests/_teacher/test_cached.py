"""Teachers with a cache and without: their vectors, identity and words."""

import json
import pickle
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.validation import check_is_fitted

from _teacher.teachers import (
    TEXTS,
    Recorder,
    Scaled,
    Stateless,
    fitted_pipeline,
    large,
    letter_counts,
    recorded,
    run_python,
    tenths,
)
from sklux import CachedTeacher, LuxicalVectorizer
from sklux._teacher import batches
from sklux._teacher.cache import VectorCache
from sklux._teacher.cached import count_cached, teacher_identity, teacher_vectors


def test_cached_teacher_second_transform_embeds_nothing(tmp_path):
    teacher = recorded(tmp_path)
    first = teacher.transform(TEXTS)
    assert sorted(teacher.model.texts) == sorted(TEXTS)
    second = teacher.transform(TEXTS)
    assert len(teacher.model.texts) == len(TEXTS)
    assert second.tobytes() == first.tobytes()


def test_cached_teacher_another_object_of_the_same_cache_embeds_nothing(tmp_path):
    expected = recorded(tmp_path).transform(TEXTS)
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform(TEXTS[::-1]), expected[::-1])
    assert teacher.model.batches == []


def test_cached_teacher_embeds_only_new_documents(tmp_path):
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS[:3])
    teacher.model.batches.clear()
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))
    assert sorted(teacher.model.texts) == sorted(TEXTS[3:])


def test_cached_teacher_embeds_duplicates_once(tmp_path):
    teacher = recorded(tmp_path, batch_size=1)
    documents = ["a", "b", "a", "a", "b"]
    np.testing.assert_array_equal(
        teacher.transform(documents), letter_counts(documents)
    )
    assert sorted(teacher.model.texts) == ["a", "b"]


def test_cached_teacher_calls_the_model_with_the_documents_only(tmp_path):
    """No probe text is embedded to find the width."""
    teacher = recorded(tmp_path)
    assert teacher.transform([]).shape == (0, 0)
    assert teacher.model.batches == []
    teacher.transform(["abc"])
    assert teacher.transform([]).shape == (0, 3)
    assert teacher.model.batches == [["abc"]]


def test_cached_teacher_lone_surrogates(tmp_path):
    texts = ["\ud83c", "\ud83c\udf4e", "\U0001f34e"]
    teacher = recorded(tmp_path)
    seen = ["\ufffd", "\U0001f34e", "\U0001f34e"]
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(seen))
    assert sorted(teacher.model.texts) == sorted(seen)


@pytest.mark.parametrize(
    "kind", [tuple, iter, np.array, pd.Series], ids=lambda kind: kind.__name__
)
def test_cached_teacher_kinds_of_documents(tmp_path, kind):
    vectors = recorded(tmp_path).transform(kind(TEXTS))
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_cached_teacher_refuses_a_bare_string(tmp_path):
    with pytest.raises(ValueError, match="Got a single str instead"):
        recorded(tmp_path).transform("one document")


def test_cached_teacher_names_a_document_that_is_not_a_str(tmp_path):
    with pytest.raises(TypeError, match="Got int at position 1"):
        recorded(tmp_path).transform(["a", 3])


def test_cached_teacher_names_a_missing_document(tmp_path):
    with pytest.raises(ValueError, match=r"missing value \(None\) at position 1"):
        recorded(tmp_path).transform(["a", None])


@pytest.mark.parametrize("kind", ["function", "transformer"])
def test_cached_teacher_in_a_restarted_program_embeds_nothing(tmp_path, kind):
    """The model of the second program fails if it is called."""
    (tmp_path / "some_models.py").write_text(
        textwrap.dedent(
            """
            import os
            from sklearn.feature_extraction.text import TfidfVectorizer

            def encode(documents):
                assert "FORBIDDEN" not in os.environ
                return [[len(text), 1] for text in documents]

            class Tfidf(TfidfVectorizer):
                def transform(self, documents):
                    assert "FORBIDDEN" not in os.environ
                    return super().transform(documents)

            MODELS = {
                "function": encode,
                "transformer": Tfidf(stop_words="english").fit(["red apple", "car"]),
            }
            """
        )
    )
    code = """
        import json, sys
        from sklux import CachedTeacher
        from some_models import MODELS
        teacher = CachedTeacher(MODELS[sys.argv[1]], path="cache")
        print(teacher.transform(json.loads(sys.argv[2])).tolist())
        assert not {"torch", "sentence_transformers"} & set(sys.modules)
    """
    first = run_python(code, kind, json.dumps(TEXTS), cwd=tmp_path)
    second = run_python(code, kind, json.dumps(TEXTS), cwd=tmp_path, FORBIDDEN="1")
    assert first == second


def test_cached_teacher_threads_embed_each_document_once(tmp_path):
    """The second thread waits for the vectors of the first one."""
    model = Recorder()
    start = threading.Barrier(2)

    def embed(texts):
        teacher = CachedTeacher(model, path=tmp_path, model_id="m", batch_size=2)
        start.wait(timeout=60)
        return teacher.transform(texts)

    many = [str(number) for number in range(40)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(embed, [many, many[::-1]])
    np.testing.assert_array_equal(first, letter_counts(many))
    np.testing.assert_array_equal(second, first[::-1])
    assert sorted(model.texts) == sorted(many)


def interrupted_at(batch):
    """Embed by letter counts, with an interrupt at a batch."""
    n_calls = 0

    def embed(documents):
        nonlocal n_calls
        n_calls += 1
        if n_calls == batch:
            raise KeyboardInterrupt
        return letter_counts(documents)

    return embed


def kept_after_interrupt(path, batch):
    """Texts of ten batches of two that a second run does not embed again."""
    texts = [str(10**length) for length in range(20)]
    with pytest.raises(KeyboardInterrupt):
        recorded(path, interrupted_at(batch), batch_size=2).transform(texts)
    teacher = recorded(path, batch_size=2)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    return set(texts) - set(teacher.model.texts)


def test_cached_teacher_interrupt_in_the_third_batch_keeps_two(tmp_path):
    """An interrupted run keeps the vectors that it has."""
    assert len(kept_after_interrupt(tmp_path, batch=3)) == 4


@pytest.mark.parametrize("texts", [["a", None], ["a", 3], "a", ["bb", "a"]], ids=repr)
def test_cached_teacher_failed_call_changes_nothing(tmp_path, texts):
    teacher = recorded(tmp_path, interrupted_at(1)).fit()
    before = dict(vars(teacher))
    with pytest.raises((KeyboardInterrupt, TypeError, ValueError)):
        teacher.transform(texts)
    assert vars(teacher) == before


def test_cached_teacher_documents_that_are_lost_while_reading(tmp_path):
    """A generator that fails stops the call before a document is embedded."""

    def documents():
        yield "a"
        raise RuntimeError("the disk is gone")

    teacher = recorded(tmp_path)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        teacher.transform(documents())
    assert teacher.model.batches == []


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_cached_teacher_rounds_vectors_to_dtype(tmp_path, dtype):
    """The first output has the same bits as the cache."""
    first = CachedTeacher(tenths, path=tmp_path, dtype=dtype).transform(TEXTS)
    second = CachedTeacher(tenths, path=tmp_path, dtype=dtype).transform(TEXTS)
    expected = tenths(TEXTS).astype(np.float32).astype(dtype).astype(np.float32)
    assert first.dtype == second.dtype == np.float32
    assert first.tobytes() == second.tobytes() == expected.tobytes()


def test_cached_teacher_stores_dtypes_apart(tmp_path):
    half = recorded(tmp_path, tenths, dtype="float16").transform(TEXTS)
    single = recorded(tmp_path, tenths, dtype="float32")
    assert not np.array_equal(single.transform(TEXTS), half)
    assert len(single.model.texts) == len(TEXTS)


def test_cached_teacher_stores_models_apart(tmp_path):
    one = CachedTeacher(Scaled(1), path=tmp_path).transform(TEXTS)
    two = CachedTeacher(Scaled(2), path=tmp_path).transform(TEXTS)
    np.testing.assert_array_equal(two, 2 * one)


def test_cached_teacher_other_width_than_the_cache_holds(tmp_path):
    recorded(tmp_path).transform(TEXTS)
    with pytest.raises(
        ValueError,
        match=r"vectors of width 2, but the cache .* holds vectors of width 3 for the "
        r"same model \(recorder\)\. Give the changed model another model_id",
    ):
        recorded(tmp_path, large, dtype="float32").transform(["another text"])


def test_cached_teacher_full_disk_keeps_earlier_vectors(tmp_path, monkeypatch):
    texts = [f"text {number}" for number in range(3000)]
    connect = VectorCache._connect

    def connect_to_small_disk(self):
        connection = connect(self)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(VectorCache, "_connect", connect_to_small_disk)
        with pytest.raises(OSError, match=r"teacher cache '.*' cannot .* is full\."):
            recorded(tmp_path).transform(texts)
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    assert 0 < len(teacher.model.texts) < len(texts)


def test_cached_teacher_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLUX_DATA_HOME", str(tmp_path / "home"))
    CachedTeacher(letter_counts).transform(TEXTS)
    assert list((tmp_path / "home").iterdir())


@pytest.mark.parametrize(
    "params",
    [
        {"batch_size": 2},
        {"verbose": True},
        {"device": "cpu"},
        {"n_concurrent": 2},
        {"n_retries": 0},
        {"invalid_vectors": "leave_out"},
    ],
)
def test_cached_teacher_other_settings_find_the_same_vectors(tmp_path, params):
    recorded(tmp_path).transform(TEXTS)
    teacher = recorded(tmp_path, **params)
    teacher.transform(TEXTS)
    assert teacher.model.batches == []


def test_cached_teacher_model_id_wins_over_the_model(tmp_path):
    """The user knows that two objects are one model."""
    one = CachedTeacher(Scaled(1), path=tmp_path, model_id="m").transform(TEXTS)
    two = CachedTeacher(Scaled(2), path=tmp_path, model_id="m").transform(TEXTS)
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_mixin_order,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_estimator_tags_renamed,
    ],
    ids=lambda check: check.__name__,
)
def test_cached_teacher_stock_checks_without_data(check):
    check("CachedTeacher", CachedTeacher(letter_counts))


def test_cached_teacher_stock_check_sample_order_invariance(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path / "one", batch_size=2)
    other = CachedTeacher(tenths, path=tmp_path / "two", batch_size=2)
    order = np.random.RandomState(0).permutation(len(TEXTS))
    shuffled = other.transform([TEXTS[i] for i in order])
    np.testing.assert_array_equal(teacher.transform(TEXTS)[order], shuffled)


def test_cached_teacher_stock_check_subset_invariance(tmp_path):
    whole = CachedTeacher(tenths, path=tmp_path / "one").transform(TEXTS)
    teacher = CachedTeacher(tenths, path=tmp_path / "two")
    parts = [teacher.transform([text]) for text in TEXTS]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_cached_teacher_stock_check_dict_unchanged(tmp_path):
    """transform adds and changes no attribute."""
    teacher = CachedTeacher(letter_counts, path=tmp_path).fit(TEXTS)
    before = dict(vars(teacher))
    teacher.transform(TEXTS)
    assert vars(teacher) == before


def test_cached_teacher_stock_check_dont_overwrite_parameters(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    before = dict(vars(teacher))
    assert teacher.fit(TEXTS, [0] * len(TEXTS)) is teacher
    assert vars(teacher) == before


def test_cached_teacher_stock_check_pickle(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    expected = teacher.transform(TEXTS)
    twin = pickle.loads(pickle.dumps(teacher))
    assert twin.get_params() == teacher.get_params()
    np.testing.assert_array_equal(twin.transform(TEXTS), expected)


def test_cached_teacher_stock_check_transformers_unfitted_stateless(tmp_path):
    vectors = CachedTeacher(letter_counts, path=tmp_path).transform(TEXTS)
    assert vectors.shape == (len(TEXTS), 3)


def test_cached_teacher_stock_check_fit_transform(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    expected = teacher.fit(TEXTS).transform(TEXTS)
    np.testing.assert_array_equal(teacher.fit_transform(TEXTS), expected)


def test_cached_teacher_tags():
    tags = get_tags(CachedTeacher(letter_counts))
    assert not tags.requires_fit
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required
    assert tags.transformer_tags is not None


def test_cached_teacher_needs_no_fit():
    check_is_fitted(CachedTeacher(letter_counts))


def test_cached_teacher_fit_embeds_nothing(tmp_path):
    teacher = recorded(tmp_path)
    assert teacher.fit(TEXTS) is teacher
    assert teacher.fit() is teacher
    assert teacher.model.batches == []


def test_cached_teacher_in_a_pipeline(tmp_path):
    pipeline = make_pipeline(
        CachedTeacher(letter_counts, path=tmp_path), StandardScaler()
    )
    expected = StandardScaler().fit_transform(np.array(letter_counts(TEXTS), float))
    np.testing.assert_allclose(pipeline.fit_transform(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(pipeline.transform(TEXTS), expected, atol=1e-5)


def test_cached_teacher_get_params(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path, dtype="float32")
    assert teacher.get_params() == {
        "model": letter_counts,
        "path": tmp_path,
        "model_id": None,
        "dtype": "float32",
        "compute_dtype": "auto",
        "windows": 1,
        "batch_size": 64,
        "n_concurrent": 1,
        "n_retries": 5,
        "invalid_vectors": "error",
        "device": None,
        "prompt_name": None,
        "null_documents": "error",
        "verbose": None,
    }


def test_cached_teacher_set_params_holds_from_the_next_call(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    teacher.transform(TEXTS)
    teacher.set_params(dtype="float32")
    np.testing.assert_array_equal(
        teacher.transform(TEXTS), tenths(TEXTS).astype(np.float32)
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dtype": "float64"}, "The 'dtype' parameter of CachedTeacher must be a str"),
        ({"windows": 0}, r"The 'windows' parameter .* in the range \[1, inf\)"),
        ({"windows": 2.5}, "The 'windows' parameter of CachedTeacher must be an int"),
        ({"batch_size": 0}, r"The 'batch_size' parameter .* in the range \[1, inf\)"),
        ({"batch_size": 1.5}, "The 'batch_size' parameter of CachedTeacher must be an"),
        ({"n_concurrent": 0}, r"The 'n_concurrent' parameter .* range \[1, inf\)"),
        (
            {"n_concurrent": 1.5},
            "The 'n_concurrent' parameter of CachedTeacher must be",
        ),
        ({"n_retries": -1}, r"The 'n_retries' parameter .* in the range \[0, inf\)"),
        (
            {"n_retries": None},
            "The 'n_retries' parameter of CachedTeacher must be an int",
        ),
        (
            {"invalid_vectors": "skip"},
            "The 'invalid_vectors' parameter of CachedTeacher",
        ),
        ({"path": 3}, "The 'path' parameter of CachedTeacher must be an instance of"),
        ({"model_id": 3}, "The 'model_id' parameter of CachedTeacher must be an inst"),
        ({"model_id": "a\ud800"}, r"model_id='a\\ud800' has half of a surrogate pair"),
        ({"prompt_name": "\ud800"}, "prompt_name='.*' has half of a surrogate pair"),
        ({"device": 0}, "The 'device' parameter of CachedTeacher must be an instance"),
        ({"verbose": "yes"}, "The 'verbose' parameter of CachedTeacher must be"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_cached_teacher_invalid_parameters(tmp_path, params, message):
    teacher = CachedTeacher(letter_counts, **({"path": tmp_path} | params))
    with pytest.raises(ValueError, match=message):
        teacher.fit(TEXTS)
    with pytest.raises(ValueError, match=message):
        teacher.transform(TEXTS)


def test_cached_teacher_clone_shares_the_model(tmp_path):
    teacher = CachedTeacher(fitted_pipeline(), path=tmp_path, dtype="float32")
    twin = clone(teacher)
    assert twin is not teacher
    assert twin.model is teacher.model
    assert twin.get_params(deep=False) == teacher.get_params(deep=False)


def test_cached_teacher_clone_does_not_unfit_a_transformer(tmp_path):
    pipeline = fitted_pipeline()
    vectorizer = LuxicalVectorizer(CachedTeacher(pipeline, path=tmp_path))
    twin = clone(make_pipeline(vectorizer))[0]
    check_is_fitted(pipeline)
    assert twin.teacher is not vectorizer.teacher
    assert twin.teacher.model is pipeline


def test_cached_teacher_clone_keeps_set_output(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path).set_output(transform="pandas")
    assert isinstance(clone(teacher).transform(TEXTS), pd.DataFrame)


def test_cached_teacher_get_feature_names_out(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    with pytest.raises(
        ValueError,
        match="No document has been embedded by the teacher yet, so .* Call transform",
    ):
        teacher.get_feature_names_out()
    teacher.transform(TEXTS[:1])
    names = ["cachedteacher0", "cachedteacher1", "cachedteacher2"]
    assert teacher.get_feature_names_out().tolist() == names
    assert teacher.get_feature_names_out(["text"]).tolist() == names


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_cached_teacher_set_output(tmp_path, container):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    frame = teacher.set_output(transform=container).transform(TEXTS)
    assert type(frame).__module__.startswith(container)
    assert list(frame.columns) == teacher.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), letter_counts(TEXTS))


def test_cached_teacher_progress_bar_is_on_stderr(tmp_path, capsys):
    recorded(tmp_path, verbose=True, batch_size=1).transform(TEXTS)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "teacher embeddings" in captured.err
    assert f"{len(TEXTS)} of {len(TEXTS)} documents" in captured.err
    assert "per second" in captured.err


@pytest.mark.parametrize("verbose", [None, False])
def test_cached_teacher_is_quiet(tmp_path, capsys, verbose):
    recorded(tmp_path, verbose=verbose).transform(TEXTS)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_cached_teacher_shows_no_progress_bar_on_a_hit(tmp_path, capsys):
    recorded(tmp_path).transform(TEXTS)
    recorded(tmp_path, verbose=True).transform(TEXTS)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("own", "given", "shown"),
    [(None, True, True), (None, False, False), (False, True, False), (True, 0, True)],
)
def test_cached_teacher_own_verbose_comes_first(tmp_path, capsys, own, given, shown):
    teacher_vectors(recorded(tmp_path, verbose=own), TEXTS, bool(given))
    assert ("teacher embeddings" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(
    "teacher",
    [Stateless(), letter_counts, lambda documents: letter_counts(documents)],
    ids=["encode", "function", "lambda"],
)
def test_teacher_vectors_of_uncached_teachers(teacher):
    vectors = teacher_vectors(teacher, TEXTS, False)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_teacher_vectors_of_a_transformer():
    pipeline = fitted_pipeline()
    expected = pipeline.transform(TEXTS).astype(np.float32)
    vectors = teacher_vectors(pipeline, TEXTS, False)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_teacher_vectors_of_a_name(fake_library):
    vectors = teacher_vectors("some/name", ["ab", "c"], False)
    np.testing.assert_array_equal(vectors[:, 0], [2, 1])
    assert fake_library == [("some/name", None)]


def test_teacher_vectors_of_a_cached_teacher(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    vectors = teacher_vectors(teacher, TEXTS, False)
    np.testing.assert_array_equal(vectors, teacher.transform(TEXTS))


def test_teacher_vectors_show_progress(capsys):
    teacher_vectors(letter_counts, TEXTS, True)
    assert "teacher embeddings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("teacher", "error", "message"),
    [
        (lambda documents: [[1.0]], ValueError, r"shape \(6, n_components\) for 6 doc"),
        (
            lambda documents: [["a"]] * 6,
            ValueError,
            "one vector of numbers in each row",
        ),
        (lambda documents: [[np.nan]] * 6, ValueError, "NaN or infinity for 6 of 6 do"),
        (3, TypeError, "A teacher must be a sentence-transformers name or folder"),
        (Stateless, TypeError, "A teacher must be a sentence-transformers name or"),
    ],
    ids=["rows", "words", "nan", "int", "class"],
)
def test_teacher_vectors_errors(teacher, error, message):
    with pytest.raises(error, match=message):
        teacher_vectors(teacher, TEXTS, False)


def invalid_for(*bad):
    """Return an embedding that gives NaN or infinity for some texts."""

    def embed(documents):
        vectors = np.array(letter_counts(documents), dtype=float)
        vectors[[text in bad for text in documents], :2] = [np.nan, np.inf]
        return vectors

    return embed


def test_cached_teacher_names_all_invalid_vectors_at_once(tmp_path):
    """All other vectors are stored, from the same batch and from later ones."""
    documents = [*TEXTS, "a red apple"]
    with pytest.raises(
        ValueError,
        match=r"infinity for 3 of 7 documents: 'a red apple' at position 0, '' at "
        r"position 4, 'a red apple' at position 6\. The vectors of all other documents "
        r"are stored\. Leave these documents out",
    ):
        recorded(tmp_path, invalid_for("a red apple", ""), batch_size=2).transform(
            documents
        )
    teacher = recorded(tmp_path)
    teacher.transform(documents)
    assert sorted(teacher.model.texts) == ["", "a red apple"]


def test_cached_teacher_leaves_invalid_vectors_out(tmp_path):
    """Their rows are NaN; they are not stored, so the next call tries them again."""
    documents = [*TEXTS, "a red apple"]
    teacher = recorded(
        tmp_path, invalid_for("a red apple", ""), invalid_vectors="leave_out"
    )
    expected = np.array(letter_counts(documents), dtype=np.float32)
    expected[[0, 4, 6]] = np.nan
    for n_calls in (1, 2):
        with pytest.warns(
            UserWarning,
            match=r"infinity for 3 of 7 documents: .* at position 6\. Their rows "
            r"are NaN\.$",
        ) as warned:
            vectors = teacher.transform(documents)
        assert [warning.filename for warning in warned] == [__file__]
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, expected)
        assert teacher.model.texts.count("a red apple") == n_calls
        assert teacher.model.texts.count("an apple") == 1


def test_cached_teacher_leaves_all_vectors_out(tmp_path):
    teacher = recorded(tmp_path, invalid_for("a", "b"), invalid_vectors="leave_out")
    with pytest.warns(UserWarning, match="for 2 of 2 documents"):
        vectors = teacher.transform(["a", "b"])
    np.testing.assert_array_equal(vectors, np.full((2, 3), np.nan))


@pytest.mark.parametrize("n_concurrent", [1, 2])
def test_cached_teacher_stops_if_the_first_vectors_are_all_invalid(
    tmp_path, n_concurrent
):
    """A model that is broken is not called ten thousand times."""
    texts = [str(number) for number in range(1000)]
    teacher = recorded(tmp_path, invalid_for(*texts), n_concurrent=n_concurrent)
    with pytest.raises(
        ValueError,
        match=r"for 128 of 1,000 documents: .* 123 others\. It was not called for the "
        r"other 872\.",
    ):
        teacher.transform(texts)
    assert len(teacher.model.texts) <= 64 * (1 + n_concurrent)


def test_cached_teacher_names_invalid_vectors_by_the_rows_of_the_user(tmp_path):
    teacher = recorded(tmp_path, invalid_for("b"))
    with pytest.raises(ValueError, match="1 of 2 documents: 'b' at position 70"):
        teacher_vectors(teacher, ["a", "b"], False, positions=np.array([3, 70]))
    with pytest.raises(ValueError, match="1 of 2 documents: 'b' at position 70"):
        teacher_vectors(
            invalid_for("b"), ["a", "b"], False, positions=np.array([3, 70])
        )


@pytest.mark.parametrize("invalid_vectors", ["error", "leave_out"])
def test_cached_teacher_embeds_at_the_same_time(tmp_path, invalid_vectors):
    """Three calls wait for each other; the rows are in the order of the documents."""
    barrier = threading.Barrier(3)

    def embed(documents):
        barrier.wait(60)
        return letter_counts(documents)

    texts = [str(10**length) for length in range(9)]
    teacher = CachedTeacher(
        embed,
        path=tmp_path,
        model_id="m",
        batch_size=1,
        n_concurrent=3,
        invalid_vectors=invalid_vectors,
    )
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))


def test_cached_teacher_calls_a_model_from_one_thread_at_a_time(tmp_path):
    """Teachers that share a model object, if they do not say that it allows more."""
    n_running, most = 0, 0
    guard = threading.Lock()

    def embed(documents):
        nonlocal n_running, most
        with guard:
            n_running += 1
            most = max(most, n_running)
        threading.Event().wait(0.002)
        with guard:
            n_running -= 1
        return letter_counts(documents)

    def transform(number):
        teacher = CachedTeacher(
            embed, path=tmp_path, model_id=f"model {number}", batch_size=1
        )
        return teacher.transform(["a", "bb", "ccc"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(transform, range(4)))
    assert most == 1


def test_cached_teacher_keeps_what_is_done_if_one_of_several_calls_fails(tmp_path):
    """The other call that is running comes to its end, and no further one begins."""
    running, failed = threading.Event(), threading.Event()
    called = []

    def embed(documents):
        called.extend(documents)
        if documents == ["ccc"]:
            assert running.wait(60)
            failed.set()
            raise RuntimeError("the model is gone")
        running.set()
        assert failed.wait(60)
        return letter_counts(documents)

    teacher = CachedTeacher(
        embed, path=tmp_path, model_id="recorder", batch_size=1, n_concurrent=2
    )
    with pytest.raises(RuntimeError, match="the model is gone"):
        teacher.transform(["a", "bb", "ccc"])
    assert "a" not in called or "a" in kept(tmp_path, ["a"])
    assert kept(tmp_path, ["a", "bb", "ccc"]) == [t for t in called if t != "ccc"]


def kept(path, texts):
    """Texts whose vectors are in the cache, the longest first."""
    return [
        text
        for text in sorted(texts, key=len, reverse=True)
        if count_cached(recorded(path), [text])
    ]


def test_cached_teacher_interrupt_of_several_calls_does_not_wait_for_them(tmp_path):
    """Ctrl-C comes while both calls wait for their service."""
    release, called = threading.Event(), threading.Barrier(3)

    def embed(documents):
        called.wait(60)
        release.wait(60)
        return letter_counts(documents)

    teacher = CachedTeacher(
        embed, path=tmp_path, model_id="m", batch_size=1, n_concurrent=2
    )

    def interrupt(*_):
        called.wait(60)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            teacher.transform(["a", "bb", "ccc"])
    assert not release.is_set()
    release.set()


@pytest.mark.parametrize("kind", ["name", "torch"])
def test_cached_teacher_refuses_concurrent_calls_of_a_model_in_this_program(
    tmp_path, kind
):
    torch = pytest.importorskip("torch")
    model = "some/name" if kind == "name" else torch.nn.Linear(1, 1)
    teacher = CachedTeacher(model, path=tmp_path, n_concurrent=4)
    for call in (teacher.fit, teacher.transform):
        with pytest.raises(ValueError, match="n_concurrent=4 is for the client of a s"):
            call(TEXTS)


def test_cached_teacher_new_parameters_are_cloned_pickled_and_shown(tmp_path):
    params = {"n_concurrent": 3, "n_retries": 0, "invalid_vectors": "leave_out"}
    teacher = CachedTeacher(letter_counts, path=tmp_path, **params)
    for twin in (clone(teacher), pickle.loads(pickle.dumps(teacher))):
        assert twin.get_params() == teacher.get_params()
    for name in params:
        assert name in teacher._repr_html_()


def test_cached_teacher_takes_documents_by_name(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    assert teacher.transform(raw_documents=["ab"]).shape == (1, 3)


@pytest.mark.parametrize("place", ["", "deep/below"])
def test_cached_teacher_refuses_a_cache_in_the_folder_of_the_model(tmp_path, place):
    (tmp_path / "config.json").write_text("{}")
    teacher = CachedTeacher(tmp_path, path=tmp_path / place)
    with pytest.raises(
        ValueError,
        match="would lie in the folder of the teacher, and each stored vector would "
        "change the teacher's fingerprint",
    ):
        teacher.transform(TEXTS)
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_count_cached_counts_distinct_documents(tmp_path):
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS[:3])
    teacher.model.batches.clear()
    assert count_cached(teacher, [*TEXTS, *TEXTS]) == 3
    assert count_cached(teacher, TEXTS[3:]) == count_cached(teacher, []) == 0
    assert count_cached(clone(teacher).set_params(dtype="float32"), TEXTS) == 0
    assert teacher.model.batches == []


@pytest.mark.parametrize(
    ("teacher", "identity"),
    [
        (CachedTeacher("some/name"), "name:some/name"),
        (CachedTeacher("some/name", prompt_name="q"), "name:some/name, prompt 'q'"),
        (CachedTeacher(letter_counts, model_id="letters"), "letters"),
        ("some/name", "name:some/name"),
        (Path("a", "folder"), f"name:{Path('a', 'folder')}"),
        (letter_counts, None),
        (Stateless(), None),
        (None, None),
    ],
    ids=["cached", "prompt", "model_id", "name", "path", "function", "object", "None"],
)
def test_teacher_identity(teacher, identity):
    assert teacher_identity(teacher) == identity


def test_teacher_vectors_end_with_the_first_batch_that_has_an_invalid_vector():
    """A teacher without a cache keeps nothing, so the error comes at once."""
    model = Recorder(invalid_for("long 0", "long 3"))
    texts = [f"a {number}" for number in range(100)]
    texts += [f"long {number}" for number in range(10)]
    with pytest.raises(
        ValueError,
        match=r"for 2 of 110 documents: 'long 0' at position 100, 'long 3' at position "
        r"103\. It was not called for the documents after this batch\. Leave",
    ):
        teacher_vectors(model, texts, False)
    assert len(model.batches) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, RuntimeError])
def test_cached_teacher_error_says_how_many_vectors_are_stored(tmp_path, error):
    """The next call continues there."""
    seen = []

    def embed(texts):
        seen.append(texts)
        if len(seen) in (1, 4):
            raise error("stopped")
        return [[len(text), 1] for text in texts]

    options = {"model_id": "lengths", "path": tmp_path, "batch_size": 2}
    teacher = CachedTeacher(embed, **options, n_retries=0)
    with pytest.raises(error) as caught:
        teacher.transform(TEXTS)
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(error) as caught:
        teacher.transform(TEXTS)
    (note,) = caught.value.__notes__
    assert f"4 of {len(TEXTS)} new teacher embeddings are stored in {tmp_path}" in note
    before = len(seen)
    teacher.transform(TEXTS)
    assert sum(map(len, seen[before:])) == len(TEXTS) - 4
