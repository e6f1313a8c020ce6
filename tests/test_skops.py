"""Files of skops, which loads the types that are named to it."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import small_vectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ScalarQuantizer
from sklux.datasets import DocumentStream
from sklux.interop import skops_trusted_types

skops = pytest.importorskip("skops.io")

PAGE = Path(__file__).parents[1] / "doc" / "guide" / "serving.md"


def letters(texts):
    return [[text.count(c) + 1 for c in "aeioulnr"] for text in texts]


def updated(model, documents, embeddings):
    return model.partial_fit(documents[:20], teacher_embeddings=embeddings[:20])


def streamed(documents, embeddings):
    pairs = list(zip(documents, embeddings))
    return small_vectorizer().fit(DocumentStream(pairs, embeddings=True))


def mapped(model, folder):
    model.save(folder / "student.sklux")
    return LuxicalVectorizer.load(folder / "student.sklux", mmap_mode="r")


@pytest.fixture(scope="module")
def models(documents, teacher_embeddings, topics, tmp_path_factory):
    """Estimators of all kinds, fitted in all ways."""
    folder = tmp_path_factory.mktemp("skops")

    def fit(**params):
        student = small_vectorizer(**params)
        return student.fit(documents, teacher_embeddings=teacher_embeddings)

    teacher = CachedTeacher("all-MiniLM-L6-v2", path=str(folder))
    classifier = make_pipeline(small_vectorizer(letters), LogisticRegression())
    classifier.fit(documents, topics)
    return {
        "default": fit(),
        "int8": fit().quantize("int8"),
        "truncated": fit().truncate(2),
        "words": fit(lexical=LexicalVectorizer(analyzer="word")),
        "scikit-learn": fit(lexical=TfidfVectorizer()),
        "updated": updated(fit(), documents, teacher_embeddings),
        "streamed": streamed(documents, teacher_embeddings),
        "mapped": mapped(fit(), folder),
        "with teacher": fit().set_params(teacher=teacher),
        "classifier": classifier.set_params(luxicalvectorizer__teacher=None),
        "lexical": LexicalVectorizer().fit(documents),
        "teacher": teacher,
        "quantizer": ScalarQuantizer("int8").fit(teacher_embeddings),
        "not fitted": LuxicalVectorizer(),
    }


TEXT = (
    "default int8 truncated words scikit-learn updated streamed mapped classifier "
    "lexical"
).split()


def outputs(model, documents):
    name = "predict_proba" if hasattr(model, "predict_proba") else "transform"
    found = getattr(model, name)(documents)
    return found.toarray() if hasattr(found, "toarray") else found


@pytest.mark.parametrize("name", TEXT)
def test_skops_loads_what_it_has_stored(models, name, documents):
    content = skops.dumps(models[name])
    loaded = skops.loads(content, trusted=skops_trusted_types())
    assert type(loaded) is type(models[name])
    np.testing.assert_array_equal(
        outputs(loaded, documents), outputs(models[name], documents)
    )


def test_skops_trusted_types_are_all_types_and_no_others(models):
    found = set()
    for model in models.values():
        found.update(skops.get_untrusted_types(data=skops.dumps(model)))
    assert found == set(skops_trusted_types())


def test_skops_trusted_types_are_those_of_the_guide():
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"^(sklux\.\S+)$", page, re.MULTILINE)) == set(
        skops_trusted_types()
    )


def test_skops_without_the_types_names_them(models):
    with pytest.raises(Exception, match=r"Untrusted.*sklux\._lexical\.lexicon\.Lexic"):
        skops.loads(skops.dumps(models["default"]))


def test_skops_a_function_as_teacher_is_named(documents):
    """The model without its teacher has no function."""
    student = small_vectorizer(letters).fit(documents)
    vectors = student.transform(documents)
    with pytest.raises(Exception, match=r"Untrusted.*test_skops\.letters"):
        skops.loads(skops.dumps(student), trusted=skops_trusted_types())
    content = skops.dumps(student.set_params(teacher=None))
    loaded = skops.loads(content, trusted=skops_trusted_types())
    np.testing.assert_array_equal(loaded.transform(documents), vectors)
