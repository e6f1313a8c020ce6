"""The model card: real figures, real names, and a list of what is missing."""

import re
from copy import copy
from dataclasses import replace

import pytest

from sklux._hub.card import Stated, card_text, teacher_name
from sklux.hub import model_card

package = pytest.importorskip("huggingface_hub")


def with_facts(fitted, teacher_id=None, **report):
    """A fitted model with another teacher and other figures."""
    model, projection = copy(fitted), copy(fitted.projection_)
    projection.report_ = replace(fitted.report_, **report)
    model.projection_, model.teacher_id_ = projection, teacher_id
    return model


def rows_of(text):
    """Cells of all tables of a text, by the first cell."""
    lines = re.findall(r"^\| (.+) \|$", text, flags=re.MULTILINE)
    return {
        cells[0].strip(): cells[1:] for cells in (line.split(" | ") for line in lines)
    }


def test_card_has_the_figures_of_the_report(fitted):
    model = with_facts(
        fitted, "name:all-MiniLM-L6-v2", held_out=True, neighbor_recall=0.4321
    )
    text = model_card(model).text
    report = model.report_
    rows = rows_of(text)
    assert f"on {report.n_documents} documents that were held out" in text
    assert rows["teacher's 10 nearest found"][0].startswith("43.2 % (by chance ")
    assert rows["correlation of cosines"][0] == f"{report.similarity_correlation:.3f}"
    assert rows["effective rank"] == [
        f"{report.student_effective_rank:.1f}",
        f"{report.teacher_effective_rank:.1f}",
    ]
    assert rows["dimensions"] == ["4"]
    assert rows["documents of all fits"] == ["120"]
    assert rows["terms"] == [f"{fitted.projection_.n_features_in_:,}"]
    assert "terms embedded by the teacher" not in rows
    assert "On other documents" not in text


def test_card_of_training_documents_has_a_caution(fitted):
    assert not fitted.report_.held_out
    text = model_card(fitted).text
    assert "documents of the training itself" in text
    assert "On other documents the student is less like its teacher." in text


def test_card_without_a_report_has_no_figures(fitted):
    few = with_facts(fitted, neighbor_recall=None)
    for model in (fitted.truncate(2), few):
        text = model_card(model).text
        assert "The model holds no figures" in text
        assert "nearest found" not in text


def test_card_states_what_the_publisher_states(fitted):
    card = model_card(
        fitted,
        repo_id="user/news-student",
        license="cc-by-4.0",
        language=["en", "de"],
        datasets="user/news",
        base_model="intfloat/e5-small",
        description="Trained on **news**.\n",
    )
    data = card.data.to_dict()
    assert data["license"] == "cc-by-4.0"
    assert data["language"] == ["en", "de"]
    assert data["datasets"] == ["user/news"]
    assert data["base_model"] == "intfloat/e5-small"
    assert data["library_name"] == "sklux"
    assert {"sklux", "sentence-transformers"} <= set(data["tags"])
    assert card.text.lstrip().startswith("# news-student\n")
    assert "\n\nTrained on **news**.\n\n## Use" in card.text
    link = "[intfloat/e5-small](https://huggingface.co/intfloat/e5-small)"
    assert rows_of(card.text)["teacher"] == [link]
    assert "Not stated" not in card.text
    # The card is read again as it was written.
    assert package.ModelCard(str(card)).data.to_dict() == data


def test_card_lists_what_is_missing(fitted):
    card = model_card(fitted)
    missing = "The licence, the language, the data, the name of the teacher."
    assert card.text.endswith(f"## Not stated\n\n{missing}\n")
    assert not {"license", "language", "datasets", "base_model"} & set(
        card.data.to_dict()
    )
    assert "a teacher, whose name is not stated, on" in card.text
    assert "teacher" not in rows_of(card.text)
    assert 'from_pretrained("USER/NAME")' in card.text


def test_examples_of_the_card_run(fitted, tmp_path, monkeypatch, capsys):
    pytest.importorskip("sentence_transformers.base.modules")
    from sklux.hub import save_pretrained

    monkeypatch.chdir(tmp_path)
    card = model_card(fitted, repo_id="user/student")
    save_pretrained(fitted, "user/student", card=card)
    blocks = re.findall(r"^```python\n(.*?)^```$", card.text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {})
    assert capsys.readouterr().out == "(1, 4)\n"


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (None, None),
        ("name:all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("name:intfloat/e5-small, prompt 'query'", "intfloat/e5-small"),
        ("name:/models/minilm", None),
        ("name:C:\\models\\minilm", None),
        ("name:a/b/c", None),
        ("folder:0123", None),
        ("my teacher", None),
    ],
)
def test_teacher_name(identity, name):
    assert teacher_name(identity) == name


def test_teacher_name_of_a_folder_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "minilm").mkdir(parents=True)
    assert teacher_name("name:models/minilm") is None


@pytest.mark.parametrize("identity", ["name:/home/me/minilm", "folder:0123456789"])
def test_places_and_fingerprints_are_not_shown(fitted, identity):
    text = card_text(with_facts(fitted, identity), Stated())
    assert "whose name is not stated" in text
    assert identity.split(":")[1] not in text


def test_own_name_of_a_teacher_is_shown(fitted):
    model = with_facts(fitted, "in-house embeddings, May")
    assert rows_of(card_text(model, Stated()))["teacher"] == [
        "`in-house embeddings, May`"
    ]
