"""skrub's tables: each column of text has a student of its own."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import small_vectorizer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher

skrub = pytest.importorskip("skrub")

LIBRARIES = [pytest.param(pd, id="pandas"), pytest.param(pl, id="polars")]


def letters(texts):
    return [[text.count(c) + 1 for c in "aeioulnr"] for text in texts]


@pytest.fixture
def columns(documents, topics):
    """Columns of a table: two of text, and a number."""
    return {
        "title": [text[:20] for text in documents],
        "body": documents,
        "price": np.arange(len(documents), dtype=float),
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_apply_to_one_column(library, columns):
    table = library.DataFrame(columns)
    student = small_vectorizer(letters)
    transformer = skrub.ApplyToCols(student, cols="body")
    out = transformer.fit_transform(table)
    assert type(out) is type(table)
    names = [f"luxicalvectorizer{i}" for i in range(4)]
    assert list(out.columns) == ["title", *names, "price"]
    vectors = student.fit_transform(columns["body"])
    np.testing.assert_array_equal(out[names].to_numpy(), vectors)
    again = transformer.transform(table[:7])
    assert type(again) is type(table)
    np.testing.assert_array_equal(again[names].to_numpy(), vectors[:7])


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_apply_to_each_of_two_columns(library, columns):
    table = library.DataFrame(columns)
    transformer = skrub.ApplyToCols(small_vectorizer(letters), cols=["title", "body"])
    out = transformer.fit_transform(table)
    assert out.shape == (len(table), 4 + 4 + 1)
    assert len(set(out.columns)) == 9
    assert list(transformer.get_feature_names_out()) == list(out.columns)


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_table_vectorizer(library, columns, topics):
    """In front of a classifier, with the other columns of the table."""
    table = library.DataFrame(columns)
    encoder = skrub.TableVectorizer(high_cardinality=small_vectorizer(letters))
    out = encoder.fit_transform(table)
    assert type(out) is type(table)
    assert encoder.kind_to_columns_["high_cardinality"] == ["title", "body"]
    assert out.shape == (len(table), 9)
    pipeline = make_pipeline(encoder, LogisticRegression(max_iter=2000))
    assert pipeline.fit(table, topics).score(table, topics) > 0.5


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_table_vectorizer_with_a_student_for_one_column(library, columns):
    table = library.DataFrame(columns)
    encoder = skrub.TableVectorizer(
        specific_transformers=[(small_vectorizer(letters), ["body"])]
    )
    names = [name for name in encoder.fit_transform(table).columns if "luxical" in name]
    assert len(names) == 4
    assert encoder.kind_to_columns_["specific"] == ["body"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_missing_documents(library, columns):
    table = library.DataFrame({"body": [None, *columns["body"][1:]]})
    student = small_vectorizer(letters)
    with pytest.raises(ValueError, match="at position 0.*null_documents='empty'"):
        skrub.ApplyToCols(student).fit_transform(table)
    student.set_params(null_documents="empty")
    out = skrub.ApplyToCols(student).fit_transform(table)
    assert not out.to_numpy()[0].any()


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_pipeline_and_teacher(library, columns, tmp_path):
    """A pipeline is given columns if its first step is; a teacher needs no fit."""
    table = library.DataFrame(columns)
    pipeline = make_pipeline(small_vectorizer(letters), PCA(3, random_state=0))
    out = skrub.ApplyToCols(pipeline, cols=["title", "body"]).fit_transform(table)
    assert out.shape == (len(table), 3 + 3 + 1)
    teacher = CachedTeacher(letters, model_id="letters", path=tmp_path)
    out = skrub.ApplyToCols(teacher, cols="title").fit_transform(table)
    assert out.shape == (len(table), 8 + 2)


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_data_operations(library, columns, topics):
    """A plan of operations is fitted as a whole, and applied to new tables."""
    table = library.DataFrame(columns)
    vectors = skrub.X(table).skb.apply(small_vectorizer(letters), cols="body")
    assert vectors.skb.eval().shape == (len(table), 1 + 4 + 1)
    plan = vectors.skb.drop("title").skb.apply(
        LogisticRegression(max_iter=2000), y=skrub.y(topics)
    )
    learner = plan.skb.make_learner(fitted=True)
    assert (learner.predict({"X": table}) == topics).mean() > 0.5
    assert len(learner.predict({"X": table[:3]})) == 3


@pytest.mark.parametrize("library", LIBRARIES)
def test_skrub_column_of_numbers_is_named(library, columns):
    """A TableVectorizer gives the student columns of text only."""
    table = library.DataFrame(columns)
    with pytest.raises(TypeError, match="Got float at position 0") as error:
        skrub.ApplyToCols(small_vectorizer(letters)).fit_transform(table)
    assert "failed on column 'price'" in "".join(error.value.__notes__)
