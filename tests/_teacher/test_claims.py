"""Claims: no two threads of a process embed the same document at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from _teacher.teachers import letter_counts
from sklux import CachedTeacher
from sklux._teacher.claims import Claim, registry_of

# Ends a test that waits for ever; no test depends on how long it takes.
PATIENCE_S = 60


def test_claim_divides_keys_among_threads(tmp_path):
    with ThreadPoolExecutor(1) as pool, Claim(tmp_path, [b"1", b"2"]) as first:
        second = pool.submit(Claim, tmp_path, [b"2", b"3"]).result()
        assert first.keys == [b"1", b"2"]
        assert first.keys_of_others == []
        assert second.keys == [b"3"]
        assert second.keys_of_others == [b"2"]
        waiting = pool.submit(second.wait_for_others)
        assert not waiting.done()
        first.release([b"2"])
        waiting.result(PATIENCE_S)
        second.release([b"3"])
    assert registry_of(tmp_path).owners == {}


def test_claim_of_the_same_thread_does_not_wait(tmp_path):
    """A teacher that calls another teacher with the same cache."""
    with Claim(tmp_path, [b"1"]) as outer:
        with Claim(tmp_path, [b"1", b"2"]) as inner:
            assert inner.keys == [b"1", b"2"]
        # The inner claim ends without ending the outer one.
        assert list(registry_of(tmp_path).owners) == [b"1"]
        assert outer.keys == [b"1"]
    assert registry_of(tmp_path).owners == {}


def test_claim_ends_with_an_error(tmp_path):
    with pytest.raises(RuntimeError), Claim(tmp_path, [b"1"]):
        raise RuntimeError
    assert registry_of(tmp_path).owners == {}


def test_claims_on_two_files_are_independent(tmp_path):
    with Claim(tmp_path / "one", [b"1"]), ThreadPoolExecutor(1) as pool:
        other = pool.submit(Claim, tmp_path / "two", [b"1"]).result()
        assert other.keys == [b"1"]


def test_claims_of_a_forked_process_are_its_own(monkeypatch):
    """The threads of its parent do not exist there."""
    file = Path("a file")
    parent = registry_of(file)
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert registry_of(file) is not parent
    assert registry_of(file) is registry_of(file)


def meeting(barrier):
    """Return an embedding that waits until all parties of a barrier embed."""

    def embed(documents):
        barrier.wait(PATIENCE_S)
        return letter_counts(documents)

    return embed


def test_two_models_with_one_cache_file_do_not_wait_for_each_other(tmp_path):
    """Each model waits inside its call until the other one is called, too."""
    barrier = threading.Barrier(2)
    teachers = [
        CachedTeacher(meeting(barrier), path=tmp_path, model_id=name)
        for name in ("one", "two")
    ]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda t: t.transform(["a", "b"]), teachers)
    np.testing.assert_array_equal(first, letter_counts(["a", "b"]))
    np.testing.assert_array_equal(second, first)


def test_two_calls_of_one_model_wait_for_the_same_texts_only(tmp_path):
    """The second call comes while the first one is in its last batch."""
    texts_of_batches, started, other_done = [], threading.Event(), threading.Event()

    def embed(documents):
        texts_of_batches.append(list(documents))
        if documents == ["a"]:
            started.set()
            assert other_done.wait(PATIENCE_S)
        return letter_counts(documents)

    def teacher():
        # Two objects that the model's lock does not join.
        model = lambda documents: embed(documents)  # noqa: E731
        return CachedTeacher(model, path=tmp_path, model_id="m", batch_size=1)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(teacher().transform, ["ccc", "bb", "a"])
        assert started.wait(PATIENCE_S)
        # The first call is not at its end, but these vectors are stored.
        np.testing.assert_array_equal(
            teacher().transform(["bb", "dddd"]), letter_counts(["bb", "dddd"])
        )
        second = pool.submit(teacher().transform, ["a"])
        other_done.set()
        np.testing.assert_array_equal(second.result(), letter_counts(["a"]))
        np.testing.assert_array_equal(first.result(), letter_counts(["ccc", "bb", "a"]))
    assert sorted(texts_of_batches) == [["a"], ["bb"], ["ccc"], ["dddd"]]


def test_a_thread_embeds_what_another_thread_failed_to_embed(tmp_path):
    started, fail = threading.Event(), threading.Event()

    def failing(documents):
        started.set()
        assert fail.wait(PATIENCE_S)
        raise RuntimeError("the model is gone")

    def teacher(embed):
        return CachedTeacher(embed, path=tmp_path, model_id="m")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(teacher(failing).transform, ["a"])
        assert started.wait(PATIENCE_S)
        second = pool.submit(teacher(letter_counts).transform, ["a"])
        fail.set()
        with pytest.raises(RuntimeError, match="the model is gone"):
            first.result()
        np.testing.assert_array_equal(second.result(), letter_counts(["a"]))


def test_a_teacher_may_call_a_teacher_of_the_same_cache(tmp_path):
    """The inner call embeds the documents of the outer call, in the same thread."""
    inner = CachedTeacher(letter_counts, path=tmp_path, model_id="m")
    outer = CachedTeacher(inner.transform, path=tmp_path, model_id="m")
    with ThreadPoolExecutor(1) as pool:
        vectors = pool.submit(outer.transform, ["a"]).result(PATIENCE_S)
    np.testing.assert_array_equal(vectors, letter_counts(["a"]))
