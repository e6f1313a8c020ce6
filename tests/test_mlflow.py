"""MLflow: students in its models, as the guide describes them."""

import numpy as np
import pytest
import reference
from conftest import small_vectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux.interop import skops_trusted_types

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("skops", reason="MLflow stores models by it")
# Without these requirements, MLflow would import the model in another process.
OPTIONS = {
    "skops_trusted_types": skops_trusted_types(),
    "pip_requirements": ["sklux", "skops"],
}


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """A folder as the store of runs: a database takes ten seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri((folder / "runs").as_uri())
        yield
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def classifier(fitted, documents, topics):
    pipeline = make_pipeline(FrozenEstimator(fitted), LogisticRegression())
    return pipeline.fit(documents, topics)


class Student(mlflow.pyfunc.PythonModel):
    """The class of the guide."""

    def load_context(self, context):
        path = context.artifacts["student"]
        self.student = LuxicalVectorizer.load(path, mmap_mode="r")

    def predict(self, context, model_input: list[str]):
        return self.student.transform(model_input)


def test_mlflow_logs_a_classifier(tracking, classifier, documents):
    signature = mlflow.models.infer_signature(documents, classifier.predict(documents))
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            classifier, name="classifier", signature=signature, **OPTIONS
        )
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    np.testing.assert_array_equal(
        loaded.predict_proba(documents), classifier.predict_proba(documents)
    )
    function = mlflow.pyfunc.load_model(logged.model_uri)
    assert function.metadata.signature == signature
    expected = classifier.predict(documents)
    np.testing.assert_array_equal(function.predict(documents), expected)
    np.testing.assert_array_equal(function.predict(documents[:1]), expected[:1])
    with pytest.raises(mlflow.MlflowException, match="enforce schema"):
        function.predict([3])
    with pytest.raises(ValueError, match="missing value .* at position 1"):
        function.predict(["an apple", None])


def test_mlflow_logs_a_student(tracking, fitted, documents):
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(fitted, name="student", **OPTIONS)
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    assert type(loaded) is LuxicalVectorizer
    reference.assert_same_bits(loaded.transform(documents), fitted.transform(documents))
    # A student does not predict.
    with pytest.raises(mlflow.MlflowException, match="python_function"):
        mlflow.pyfunc.load_model(logged.model_uri)


def test_mlflow_logs_the_file_of_a_student(tracking, fitted, documents, tmp_path):
    fitted.save(tmp_path / "student.sklux")
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="student",
            python_model=Student(),
            artifacts={"student": str(tmp_path / "student.sklux")},
            pip_requirements=["sklux"],
        )
    (tmp_path / "student.sklux").unlink()
    function = mlflow.pyfunc.load_model(logged.model_uri)
    reference.assert_same_bits(function.predict(documents), fitted.transform(documents))
    with pytest.raises(mlflow.MlflowException, match="Expected type str"):
        function.predict([None])


def test_mlflow_keeps_a_model_in_a_folder(fitted, documents, tmp_path):
    """Without a store of runs."""
    mlflow.sklearn.save_model(fitted, tmp_path / "model", **OPTIONS)
    loaded = mlflow.sklearn.load_model(str(tmp_path / "model"))
    reference.assert_same_bits(loaded.transform(documents), fitted.transform(documents))


def test_mlflow_without_the_types_names_them(fitted, tmp_path):
    with pytest.raises(mlflow.MlflowException, match=r"sklux\._vectorizer\.Luxical"):
        mlflow.sklearn.save_model(
            fitted, tmp_path / "model", pip_requirements=["sklux", "skops"]
        )


def split(text):
    return text.split()


def test_mlflow_a_function_in_a_model_is_named(documents, teacher_embeddings, tmp_path):
    model = small_vectorizer(lexical=LexicalVectorizer(analyzer=split))
    model.fit(documents, teacher_embeddings=teacher_embeddings)
    with pytest.raises(mlflow.MlflowException, match=r"test_mlflow\.split"):
        mlflow.sklearn.save_model(model, tmp_path / "model", **OPTIONS)
