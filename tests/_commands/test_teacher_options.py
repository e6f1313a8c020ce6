"""The options that describe a teacher."""

import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer


@pytest.mark.parametrize("options", [(), ("-t", "")])
def test_fit_without_a_teacher(folder, options):
    message = failed("fit", folder / "documents.txt", folder / "none.sklux", *options)
    assert "--teacher" in message and "--embeddings" in message


def test_precompute_without_a_teacher(folder):
    """It has no option --embeddings."""
    message = failed("precompute", folder / "documents.txt")
    assert "--teacher" in message and "--embeddings" not in message


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("fit", ("--teacher", "x")),
        ("fit", ("--windows", 2)),
        ("fit", ("--cache", "x")),
        ("fit", ("--teacher-sample-size", 50)),
        ("fit", ("--prompt", "query")),
        ("fit", ("--no-words",)),
        ("evaluate", ("--teacher", "x")),
    ],
)
def test_embeddings_with_options_of_a_teacher(folder, command, options):
    files = {
        "fit": (folder / "documents.txt", folder / "none.sklux"),
        "evaluate": (folder / "model.sklux", folder / "documents.txt"),
    }[command]
    message = failed(command, *files, "-e", folder / "teacher.npy", *options)
    assert f"replaces the teacher, so {options[0]} cannot be used" in message


@pytest.mark.parametrize("option", ["0", "some", "-3"])
def test_teacher_sample_size_is_not_a_number(folder, option):
    message = failed(
        *("fit", folder / "documents.txt", folder / "none.sklux"),
        *("-e", folder / "teacher.npy", f"--teacher-sample-size={option}"),
    )
    assert "--teacher-sample-size must be 'auto' (at most 10,000), 'all'" in message
    assert f"or a number from 1. Got {option!r}" in message


def test_precompute_and_fit_pass_the_prompt_on(folder, tmp_path, monkeypatch):
    """With embeddings in place of a teacher, a prompt is refused."""
    seen = set()

    class Model:
        prompts = {"document": "passage: "}

        def encode(self, texts, prompt_name=None, **options):
            seen.add(prompt_name)
            return [[text.count(c) + 0.1 for c in "aeiourstln"] for text in texts]

    monkeypatch.setattr(
        "sklux._teacher.models.load_sentence_transformer", lambda name, device: Model()
    )
    options = ("-t", "prompted", "--cache", tmp_path, "--prompt", "document")
    documents, model = folder / "documents.txt", tmp_path / "model.sklux"
    succeeded("precompute", documents, *options)
    succeeded("fit", documents, model, *options, "--no-words")
    assert seen == {"document"}
    assert LuxicalVectorizer.load(model).teacher_id_ == (
        "name:prompted, prompt 'document'"
    )
    vectors = ("-e", folder / "teacher.npy", "--prompt", "document")
    message = failed("fit", documents, model, *vectors)
    assert "replaces the teacher, so --prompt cannot be used" in message
