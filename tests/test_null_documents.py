"""Missing documents: one rule for both vectorizers and the teacher."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import small_vectorizer
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer

MISSING = {
    "None": lambda texts: [None if text == "" else text for text in texts],
    "NaN": lambda texts: [np.nan if text == "" else text for text in texts],
    "NA": lambda texts: [pd.NA if text == "" else text for text in texts],
    "NaT": lambda texts: [pd.NaT if text == "" else text for text in texts],
    "generator": lambda texts: (text or None for text in texts),
    "masked": lambda texts: np.ma.array(texts, mask=[text == "" for text in texts]),
    "pandas": lambda texts: pd.Series([text or None for text in texts]),
    "pandas objects": lambda texts: pd.Series(
        [text or None for text in texts], dtype=object
    ),
    "pandas frame": lambda texts: pd.DataFrame(
        {"text": [text or None for text in texts]}
    ),
    "polars": lambda texts: pl.Series([text or None for text in texts]),
    "Arrow": lambda texts: pa.array([text or None for text in texts]),
    "Arrow chunks": lambda texts: pa.chunked_array(
        [[text or None for text in texts[:2]], [text or None for text in texts[2:]]]
    ),
}


@pytest.fixture(params=MISSING)
def with_nulls(request):
    """Makes a null of each empty text."""
    return MISSING[request.param]


def letters(texts):
    """A teacher that can embed an empty text."""
    return [[text.count(c) + 1 for c in "aeiou"] for text in texts]


def estimators(tmp_path, fitted, documents):
    """One of each kind that reads documents, with its setting for missing ones."""
    fused = LuxicalVectorizer.load(fitted)
    # scikit-learn's class reads the documents of this one.
    unfused = small_vectorizer(letters, lexical=TfidfVectorizer()).fit(documents)
    return [
        fused,
        unfused,
        LexicalVectorizer().fit(documents),
        LexicalVectorizer(preprocessor=str.lower).fit(documents),
        CachedTeacher(letters, model_id="letters", path=tmp_path),
    ]


@pytest.fixture(scope="session")
def model_file(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.sklux"
    fitted.save(path)
    return path


def as_array(X):
    return X.toarray() if hasattr(X, "toarray") else X


TEXTS = ["apple pear", "car", "", "violin cello", ""]


def test_null_documents_are_refused_by_default(
    with_nulls, tmp_path, model_file, documents
):
    """The message names the first position and the remedy."""
    for estimator in estimators(tmp_path, model_file, documents):
        assert estimator.null_documents == "error"
        with pytest.raises(
            ValueError,
            match=r"at position 2(, the first of 2)?\. Drop or fill missing "
            "values, or set null_documents='empty'.$",
        ):
            estimator.transform(with_nulls(TEXTS))


def test_null_documents_as_empty_texts(with_nulls, tmp_path, model_file, documents):
    for estimator in estimators(tmp_path, model_file, documents):
        estimator.set_params(null_documents="empty")
        np.testing.assert_array_equal(
            as_array(estimator.transform(with_nulls(TEXTS))),
            as_array(estimator.transform(TEXTS)),
        )


def test_null_documents_of_a_fit(with_nulls, documents):
    """The student learns from them as from empty texts, and the teacher is asked."""
    texts = [*documents[:30], "", *documents[30:]]
    asked = []

    def teacher(batch):
        asked.extend(batch)
        return letters(batch)

    expected = small_vectorizer(teacher).fit(texts)
    assert asked.count("") == 1
    student = small_vectorizer(teacher, null_documents="empty")
    vectors = student.fit_transform(with_nulls(texts))
    assert asked.count("") == 2
    np.testing.assert_array_equal(vectors, expected.transform(texts))
    assert not vectors[30].any()
    assert student.score(with_nulls(texts)) == expected.score(texts)
    with pytest.raises(ValueError, match="missing value .* at position 30.*'empty'"):
        small_vectorizer(teacher).fit(with_nulls(texts))


def test_null_documents_with_teacher_embeddings(documents, teacher_embeddings):
    """Rows of the two stay together."""
    column = [None, *documents]
    rows = np.vstack([np.full((1, 6), np.nan), teacher_embeddings])
    student = small_vectorizer(null_documents="empty")
    with pytest.warns(UserWarning, match="1 of 121 documents has no teacher"):
        student.fit(column, teacher_embeddings=rows)
    assert student.transform(column).shape == (121, 4)


@pytest.mark.parametrize("inner", ["error", "empty"])
@pytest.mark.parametrize("outer", ["error", "empty"])
def test_null_documents_of_a_vectorizer_and_its_stage(inner, outer, documents):
    """The setting of the whole counts for its stage, which is not changed itself."""
    lexical = LexicalVectorizer(null_documents=inner)
    student = small_vectorizer(letters, lexical=lexical, null_documents=outer)
    student.fit(documents)
    assert student.lexical_.null_documents == outer
    assert lexical.null_documents == inner
    for estimator in (student, student.lexical_):
        if outer == "empty":
            assert not as_array(estimator.transform([None])).any()
        else:
            with pytest.raises(ValueError, match="missing value"):
                estimator.transform([None])


def test_null_documents_of_the_default_stage(documents, teacher_embeddings):
    student = small_vectorizer(null_documents="empty")
    student.fit(documents, teacher_embeddings=teacher_embeddings)
    assert student.lexical_.null_documents == "empty"


def test_null_documents_are_in_the_model_file(fitted, tmp_path):
    """A file of an older version has the default."""
    for setting in ("error", "empty"):
        fitted.truncate(3).set_params(null_documents=setting).save(tmp_path / "m.sklux")
        assert LuxicalVectorizer.load(tmp_path / "m.sklux").null_documents == setting
    old = LuxicalVectorizer.load(Path(__file__).parent / "data/model-format-1.sklux")
    assert old.null_documents == "error"


@pytest.mark.parametrize(
    "estimator", [LuxicalVectorizer(), LexicalVectorizer(), CachedTeacher(letters)]
)
def test_null_documents_has_two_values(estimator):
    estimator.set_params(null_documents="skip")
    with pytest.raises(
        ValueError, match="The 'null_documents' parameter of .* Got 'skip' instead"
    ):
        estimator.fit(["an apple", "a pear"])


def test_null_documents_in_a_column_transformer(documents, model_file):
    """As a column, and as a table with one column."""
    student = LuxicalVectorizer.load(model_file).set_params(
        null_documents="empty", lexical=LexicalVectorizer(), teacher=letters
    )
    table = pd.DataFrame({"text": [*documents, None], "number": 1.0})
    vectors = [
        ColumnTransformer([("text", student, columns)]).fit_transform(table)
        for columns in ("text", ["text"])
    ]
    np.testing.assert_array_equal(*vectors)
    assert not vectors[0][-1].any()
    with pytest.raises(ValueError, match="the columns 'text', 'number'. Select one"):
        student.fit(table)
