"""Links from the HTML representation to the reference."""

from email.message import Message
from pathlib import Path

import pytest
from sklearn.pipeline import make_pipeline

import sklux
from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._utils import html

ESTIMATORS = [LuxicalVectorizer, LexicalVectorizer, ReLUProjection, CachedTeacher]
REFERENCE = Path(__file__).parents[2] / "doc" / "api" / "index.rst"


def declare(monkeypatch, *urls):
    """Replace the project URLs in the metadata of the package."""
    message = Message()
    for url in urls:
        message["Project-URL"] = url
    monkeypatch.setattr(html, "metadata", lambda name: message)


def made(estimator):
    return estimator("a teacher") if estimator is CachedTeacher else estimator()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("site", ["https://sklux.example/stable", "https://a.example/"])
def test_html_link_to_the_page_of_the_reference(monkeypatch, estimator, site):
    declare(monkeypatch, "Source, https://b.example", f"Documentation, {site}")
    page = f"api/generated/sklux.{estimator.__name__}.html"
    link = f'href="{site.rstrip("/")}/{page}"'
    assert link in made(estimator)._repr_html_()
    assert link in make_pipeline(made(estimator))._repr_html_()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("urls", [[], ["Source, https://b.example"]])
def test_html_no_link_without_a_site(monkeypatch, estimator, urls):
    declare(monkeypatch, *urls)
    assert made(estimator)._get_doc_link() == ""
    assert "Documentation for" not in made(estimator)._repr_html_()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_html_linked_pages_are_pages_of_the_reference(estimator):
    """autosummary names the pages by module and class."""
    lines = [
        line.strip() for line in REFERENCE.read_text(encoding="utf-8").splitlines()
    ]
    assert f".. currentmodule:: {sklux.__name__}" in lines
    assert ":toctree: generated" in lines
    assert estimator.__name__ in lines


def test_html_and_dir_of_a_teacher_without_an_id(tmp_path):
    """They do not open the cache."""
    teacher = CachedTeacher(lambda texts: texts, path=tmp_path / "cache")
    assert "CachedTeacher" in teacher._repr_html_()
    assert "CachedTeacher" in LuxicalVectorizer(teacher)._repr_html_()
    assert "transform" in dir(teacher)
    assert not list(tmp_path.iterdir())


def test_html_site_in_the_metadata_of_the_package():
    """The metadata may have an address, or none."""
    site = html.documentation_site()
    assert site == "" or site.startswith("https://")
