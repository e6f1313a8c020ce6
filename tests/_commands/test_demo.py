"""sklux demo: the whole command on few documents, and its parts."""

import os

import numpy as np
import pytest

from _commands.running import run_outside
from sklux import CachedTeacher
from sklux._commands import demo as demo_module
from sklux._commands.demo import Split


@pytest.fixture(scope="module")
def demo(tmp_path_factory, data_home):
    """A small demo, run twice. The second run finds all embeddings in the cache.

    The first run may find words of the teacher there. No other test embeds all of its
    documents.
    """
    folder = tmp_path_factory.mktemp("demo")
    environment = os.environ | {
        "SKLUX_DATA_HOME": str(data_home),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "100",
    }
    arguments = ("demo", "--output", folder / "out", "--documents", "400")
    return folder, [run_outside(*arguments, env=environment) for _ in range(2)]


def test_demo_succeeds(demo):
    _, results = demo
    for result in results:
        assert result.returncode == 0, result.stderr[-2000:]


def test_demo_shows_no_bar_of_the_model(demo):
    """Standard error is not a terminal."""
    _, (first, _) = demo
    assert "Loading weights" not in first.stderr


def test_demo_prints_all_four_rows_and_a_search(demo):
    _, (first, _) = demo
    rows = ("teacher", "student", "TF-IDF", "TF-IDF + SVD")
    assert all(f"\n  {row} " in first.stdout for row in rows)
    assert first.stdout.count("Nearest to") == 4
    assert "gave the same bits for 100 documents" in first.stdout


def test_demo_writes_model_and_map(demo):
    folder, _ = demo
    assert (folder / "out" / "map.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "out" / "map.html").read_text(encoding="utf-8")
    assert "<title>Docstrings of installed packages</title>" in page
    assert (folder / "out" / "student.sklux").stat().st_size > 0


def test_demo_embeds_nothing_the_second_time(demo):
    _, (first, second) = demo
    assert "embeds 0 new texts" not in first.stdout
    assert "embeds 0 new texts" in second.stdout
    # Lines and no bars, because standard error is not a terminal.
    assert "teacher embeddings: begins" in first.stderr
    assert "teacher embeddings" not in second.stderr
    assert "\r" not in first.stderr + second.stderr


def test_demo_repeats_its_figures(demo):
    """All figures but the speed, which is the last column."""
    _, results = demo
    figures = [
        [
            line.split()[:-1]
            for line in result.stdout.splitlines()
            if "  student" in line
        ]
        for result in results
    ]
    assert figures[0]
    assert figures[0] == figures[1]


def letters(documents):
    return [[text.count(c) + 0.1 for c in "aeiou"] for text in documents]


def small_split():
    """300 documents of three classes."""
    texts = [f"{'aei'[i % 3] * 9} number {i}" for i in range(300)]
    labels = np.arange(300) % 3
    names = ["first", "second", "third"]
    return Split(
        texts[:150], texts[150:], labels[:150], labels[150:], texts, names, texts, texts
    )


def test_embed_with_teacher_counts_new_texts(tmp_path, capsys):
    """Equal texts count as one."""
    split = small_split()
    teacher = CachedTeacher(letters, path=tmp_path, model_id="letters")
    teacher.transform(split.train[:100])
    embedding = demo_module.embed_with_teacher(teacher, split)
    printed = " ".join(capsys.readouterr().out.split())
    assert "embeddings of 100 texts. The teacher embeds 200 new texts." in printed
    np.testing.assert_array_equal(embedding.test, teacher.transform(split.test))
    assert embedding.documents_per_second > 0
    again = demo_module.embed_with_teacher(teacher, split)
    assert again.documents_per_second is None


def test_draw_map_writes_a_picture(tmp_path):
    """Without pyplot, which opens a window if there is a screen."""
    pytest.importorskip("matplotlib")
    vectors = np.random.RandomState(0).standard_normal((150, 8)).astype(np.float32)
    demo_module.draw_map(vectors, small_split(), tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_balanced_sample_takes_equal_shares():
    labels = np.repeat([0, 1, 2], [5, 100, 100])
    chosen = demo_module.balanced_sample(labels, 45)
    assert len(set(chosen)) == 45
    assert np.bincount(labels[chosen]).tolist() == [5, 20, 20]
    assert not np.array_equal(chosen, np.sort(chosen))
