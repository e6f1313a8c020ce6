"""`ReLUProjection` as a scikit-learn user meets it."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import reference
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklux import ReLUProjection

torch = pytest.importorskip("torch")

LOSSES = ["cosine", "similarity_kl"]

# These call fit with class labels, and do not look at the tag for a
# two-dimensional y as the other checks do. They run below, with a column.
CHECKS_OF_ONE_DIMENSIONAL_Y = [
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
    "check_transformer_n_iter",
]


def expected_failed_checks(estimator):
    reason = "gives a y of one dimension to an estimator that needs teacher vectors"
    return {name: reason for name in CHECKS_OF_ONE_DIMENSIONAL_Y}


@parametrize_with_checks(
    [ReLUProjection(hidden_layer_sizes=(8,), max_iter=2, loss=loss) for loss in LOSSES],
    expected_failed_checks=expected_failed_checks,
)
def test_projection_stock_check(estimator, check):
    check(estimator)


class ColumnProjection(ReLUProjection):
    """Takes a y of one dimension for a column."""

    def fit(self, X, y):
        return super().fit(X, np.asarray(y).reshape(-1, 1))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", CHECKS_OF_ONE_DIMENSIONAL_Y)
def test_projection_stock_check_with_column(name, loss):
    estimator = ColumnProjection(hidden_layer_sizes=(8,), max_iter=2, loss=loss)
    getattr(estimator_checks, name)("ColumnProjection", estimator)


def test_projection_stock_check_with_column_read_only():
    estimator = ColumnProjection(hidden_layer_sizes=(8,), max_iter=2)
    estimator_checks.check_transformer_general(
        "ColumnProjection", estimator, readonly_memmap=True
    )


@pytest.fixture(scope="module")
def documents():
    return reference.topic_documents(600)


@pytest.fixture(scope="module")
def fitted(documents):
    return small_projection().fit(*documents)


def small_projection(**changes):
    defaults = dict(
        n_components=6, hidden_layer_sizes=(16,), max_iter=2, random_state=0
    )
    return ReLUProjection(**(defaults | changes))


def assert_same_model(first, second):
    assert len(first.coefs_) == len(second.coefs_)
    for weights, expected in zip(first.coefs_, second.coefs_):
        reference.assert_same_bits(weights, expected)


def test_projection_rows_have_unit_length(documents, fitted):
    Z = fitted.transform(documents[0])
    assert Z.shape == (600, 6)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-6)


def test_projection_transform_equals_reference(documents, fitted):
    np.testing.assert_allclose(
        fitted.transform(documents[0]),
        reference.network(documents[0], fitted.coefs_),
        atol=2e-6,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "cosine"},
        {"loss": "similarity_kl"},
        {"loss": "similarity_kl", "temperature": 0.05},
        {"learning_rate_init": 0.1},
        {"batch_size": "auto"},
        {"batch_size": 64},
        {"early_stopping": True},
        {"early_stopping": False},
        {"early_stopping": "auto"},
        {"validation_fraction": 0.3},
        {"n_iter_no_change": 1},
        {"tol": 0},
        {"device": "cpu"},
        {"n_jobs": 2},
        {"random_state": np.random.RandomState(0)},
        {"random_state": None},
        {"verbose": False},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (1,)},
        {"hidden_layer_sizes": [20, 9]},
        {"hidden_layer_sizes": np.array([9, 20, 12])},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_projection_option_runs(documents, changes):
    X, y = documents
    projection = small_projection(**changes).fit(X, y)
    lengths = np.linalg.norm(projection.transform(X), axis=1)
    # The ReLU of a single unit leaves nothing of some documents.
    assert np.all((lengths == 0) | (abs(lengths - 1) < 1e-5))
    assert np.isfinite(projection.loss_curve_).all()


@pytest.mark.parametrize("changes", [{"loss": "similarity_kl"}, {"batch_size": 64}])
def test_projection_option_changes_the_model(documents, fitted, changes):
    other = small_projection(**changes).fit(*documents)
    assert not np.array_equal(other.coefs_[0], fitted.coefs_[0])


def test_projection_temperature_changes_the_similarity_model(documents):
    models = [
        small_projection(loss="similarity_kl", temperature=temperature).fit(*documents)
        for temperature in (3.0, 0.05)
    ]
    assert not np.array_equal(models[0].coefs_[0], models[1].coefs_[0])


def test_projection_batch_size_auto_is_within_bounds(documents):
    """600 / 96 is below the least size, 32."""
    X, y = documents
    models = [
        small_projection(batch_size=batch_size, early_stopping=False).fit(X, y)
        for batch_size in ("auto", 32)
    ]
    assert_same_model(*models)


@pytest.mark.parametrize(
    ("hidden_layer_sizes", "expected"),
    [
        ((), [(60, 6)]),
        ((16,), [(60, 16), (16, 6)]),
        ((9, 20), [(60, 9), (9, 20), (20, 6)]),
    ],
)
def test_projection_coefs_shapes(documents, hidden_layer_sizes, expected):
    projection = small_projection(hidden_layer_sizes=hidden_layer_sizes)
    coefs = projection.fit(*documents).coefs_
    assert [weights.shape for weights in coefs] == expected
    assert all(weights.dtype == np.float32 for weights in coefs)
    assert all(weights.flags.c_contiguous for weights in coefs)


@pytest.mark.parametrize(
    ("n_samples", "n_teacher_components", "expected"),
    [(600, 16, 16), (10, 16, 10), (600, 300, 256)],
)
def test_projection_default_n_components_is_reduced(
    n_samples, n_teacher_components, expected
):
    X, y = reference.topic_documents(
        n_samples, n_teacher_components=n_teacher_components
    )
    projection = ReLUProjection(hidden_layer_sizes=(8,), max_iter=1).fit(X, y)
    assert projection.n_components_ == expected
    assert projection.transform(X).shape == (n_samples, expected)
    assert projection.n_components == 256


@pytest.mark.parametrize(("n_samples", "limit"), [(600, 16), (9, 9)])
def test_projection_n_components_too_large(documents, n_samples, limit):
    X, y = documents
    with pytest.raises(
        ValueError, match=rf"n_components=17 must be at most {limit}: there are"
    ):
        small_projection(n_components=17).fit(X[:n_samples], y[:n_samples])


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_projection_history_with_held_out_documents(documents, early_stopping):
    projection = small_projection(early_stopping=early_stopping, max_iter=3, tol=0)
    projection.fit(*documents)
    assert projection.n_iter_ == len(projection.loss_curve_)
    assert projection.n_iter_ == len(projection.validation_scores_)
    assert 1 <= projection.n_iter_ <= 3
    assert all(0 <= score <= 1 for score in projection.validation_scores_)


def test_projection_history_without_held_out_documents(documents):
    projection = small_projection(early_stopping=False).fit(*documents)
    assert projection.n_iter_ == len(projection.loss_curve_) == 2
    assert projection.validation_scores_ is None


@pytest.mark.parametrize(("n_samples", "held_out"), [(380, False), (400, True)])
def test_projection_auto_early_stopping_needs_twenty(documents, n_samples, held_out):
    """5 % of 400 documents are 20."""
    X, y = documents
    projection = small_projection().fit(X[:n_samples], y[:n_samples])
    assert (projection.validation_scores_ is not None) is held_out


def test_projection_early_stopping_stops(documents):
    """No score rises by more than tol=1."""
    projection = small_projection(
        early_stopping=True, n_iter_no_change=1, tol=1.0, max_iter=5
    )
    assert projection.fit(*documents).n_iter_ == 2


def test_projection_early_stopping_too_few_documents(documents):
    X, y = documents
    with pytest.raises(
        ValueError, match="would hold out 5 of 100 documents, but needs 20"
    ):
        small_projection(early_stopping=True).fit(X[:100], y[:100])


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_projection_held_out_documents_leave_none_to_train(documents, early_stopping):
    X, y = documents
    projection = small_projection(
        validation_fraction=0.99, early_stopping=early_stopping
    )
    with pytest.raises(ValueError, match="validation_fraction=0.99"):
        projection.fit(X[:25], y[:25])


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_training_helps(documents, loss):
    """Half the documents are new to the student."""
    X, y = documents
    projection = small_projection(
        n_components=8,
        loss=loss,
        temperature=0.1,
        max_iter=10,
        hidden_layer_sizes=(48,),
    ).fit(X[:300], y[:300])
    overlap = reference.neighbor_overlap(y[300:], projection.transform(X[300:]), 10)
    # By chance: 10 of 299.
    assert overlap > 0.3


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_project_teacher_finds_the_document(documents, loss):
    X, y = documents
    projection = small_projection(
        n_components=8,
        loss=loss,
        temperature=0.1,
        max_iter=10,
        hidden_layer_sizes=(48,),
    ).fit(X[:300], y[:300])
    queries = projection.project_teacher(y[300:])
    similarities = queries @ projection.transform(X[300:]).T
    ranks = (similarities > np.diag(similarities)[:, None]).sum(axis=1)
    # By chance: half of the 300 documents are nearer.
    assert np.median(ranks) < 15


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_project_teacher_full_width_keeps_cosines(documents, loss):
    X, y = documents
    projection = small_projection(n_components=16, loss=loss, max_iter=1).fit(X, y)
    projected = projection.project_teacher(3 * y)
    np.testing.assert_allclose(projected @ projected.T, y @ y.T, atol=1e-5)


def test_projection_project_teacher_rows(documents, fitted):
    projected = fitted.project_teacher(np.vstack([documents[1][:5], np.zeros((1, 16))]))
    assert projected.shape == (6, 6)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(projected[:5], axis=1), 1, rtol=1e-6)
    assert not projected[5].any()


def test_projection_project_teacher_no_rows(fitted):
    assert fitted.project_teacher(np.empty((0, 16))).shape == (0, 6)


def test_projection_project_teacher_wrong_width(fitted):
    with pytest.raises(
        ValueError, match="embeddings has 15 columns, but the teacher .* had 16"
    ):
        fitted.project_teacher(np.ones((2, 15)))


def test_projection_project_teacher_nan(fitted):
    with pytest.raises(ValueError, match="Input embeddings contains NaN"):
        fitted.project_teacher(np.full((2, 16), np.nan))


def test_projection_project_teacher_not_fitted():
    with pytest.raises(NotFittedError, match="This ReLUProjection instance is not"):
        ReLUProjection().project_teacher(np.ones((2, 16)))


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_teacher_components_are_orthonormal(documents, loss):
    components = small_projection(loss=loss).fit(*documents).teacher_components_
    assert components.shape == (6, 16)
    np.testing.assert_allclose(components @ components.T, np.eye(6), atol=1e-6)


def test_projection_teacher_length_does_not_count(documents, fitted):
    """Only up to rounding: lengths are taken out before anything else."""
    X, y = documents
    scaled = y * np.random.RandomState(0).uniform(0.1, 10, size=(600, 1))
    other = small_projection().fit(X, scaled)
    np.testing.assert_allclose(other.transform(X), fitted.transform(X), atol=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_zero_rows(documents, loss):
    X, y = documents[0].toarray(), documents[1].copy()
    X[::7] = 0
    y[::5] = 0
    projection = small_projection(loss=loss).fit(X, y)
    assert np.isfinite(projection.loss_curve_).all()
    Z = projection.transform(X)
    assert not Z[::7].any()
    assert np.isfinite(Z).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_projection_very_few_documents(documents, loss, n_samples):
    X, y = (part[:n_samples] for part in documents)
    projection = ReLUProjection(hidden_layer_sizes=(8,), max_iter=2, loss=loss)
    assert np.isfinite(projection.fit(X, y).transform(X)).all()


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_projection_extreme_features(documents, factor):
    X, y = documents
    projection = small_projection(max_iter=1).fit(X * np.float32(factor), y)
    assert np.isfinite(projection.loss_curve_).all()
    assert np.isfinite(projection.transform(X * np.float32(factor))).all()


def test_projection_no_rows(fitted):
    assert fitted.transform(sparse.csr_matrix((0, 60))).shape == (0, 6)
    assert fitted.transform(np.empty((0, 60))).shape == (0, 6)


@pytest.mark.parametrize("container", ["toarray", "tocsc", "tocoo", "csr_array"])
def test_projection_fit_any_container_same_bits(documents, fitted, container):
    X, y = documents
    other = sparse.csr_array(X) if container == "csr_array" else getattr(X, container)()
    projection = small_projection().fit(other, y)
    assert_same_model(projection, fitted)
    reference.assert_same_bits(projection.transform(other), fitted.transform(X))


def test_projection_int64_indices_same_bits(documents, fitted):
    X, y = documents
    other = X.copy()
    other.indices, other.indptr = X.indices.astype("i8"), X.indptr.astype("i8")
    projection = small_projection().fit(other, y)
    assert_same_model(projection, fitted)
    reference.assert_same_bits(projection.transform(other), fitted.transform(X))


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_projection_n_jobs_same_bits(documents, fitted, n_jobs):
    X = documents[0]
    expected = fitted.transform(X)
    reference.assert_same_bits(
        clone_of_fitted(fitted).set_params(n_jobs=n_jobs).transform(X), expected
    )


def clone_of_fitted(projection):
    return pickle.loads(pickle.dumps(projection))


def test_projection_same_seed_same_bits(documents, fitted):
    assert_same_model(small_projection().fit(*documents), fitted)


def test_projection_other_seed_other_weights(documents, fitted):
    other = small_projection(random_state=1).fit(*documents)
    assert not np.array_equal(other.coefs_[0], fitted.coefs_[0])


def test_projection_clone_is_not_fitted(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(np.ones((1, 60)))


def test_projection_pickle_same_bits(documents, fitted):
    reference.assert_same_bits(
        clone_of_fitted(fitted).transform(documents[0]), fitted.transform(documents[0])
    )


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_projection_joblib_same_bits(documents, fitted, tmp_path, mmap_mode):
    joblib.dump(fitted, tmp_path / "projection.joblib")
    loaded = joblib.load(tmp_path / "projection.joblib", mmap_mode=mmap_mode)
    reference.assert_same_bits(
        loaded.transform(documents[0]), fitted.transform(documents[0])
    )


def test_projection_feature_names_out(fitted):
    names = fitted.get_feature_names_out()
    assert list(names) == [f"reluprojection{i}" for i in range(6)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_projection_set_output(documents, fitted, library):
    pytest.importorskip(library)
    X = documents[0][:5]
    frame = clone_of_fitted(fitted).set_output(transform=library).transform(X)
    assert type(frame).__module__.split(".")[0] == library
    assert list(frame.columns) == list(fitted.get_feature_names_out())
    np.testing.assert_array_equal(frame.to_numpy(), fitted.transform(X))


def test_projection_feature_names_in(documents):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(
        documents[0][:50].toarray(), columns=[f"word{i}" for i in range(60)]
    )
    projection = small_projection().fit(X, documents[1][:50])
    assert list(projection.feature_names_in_) == list(X.columns)


@pytest.mark.parametrize("verbose", [True, False, None])
def test_projection_verbose_shows_a_bar(capsys, documents, verbose):
    small_projection(verbose=verbose).fit(*documents)
    captured = capsys.readouterr()
    assert ("training" in captured.err) is bool(verbose)
    assert captured.out == ""


@pytest.mark.parametrize("device", ["nonsense", "meta", "hpu", "cuda:99"])
def test_projection_device_that_is_not_there(documents, device):
    with pytest.raises(ValueError, match=f"'device' parameter.*Got '{device}' instead"):
        small_projection(device=device).fit(*documents)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("loss", LOSSES)
def test_projection_device_cuda(documents, loss):
    X, y = documents
    on_cpu, on_gpu = (
        small_projection(loss=loss, device=device).fit(X, y).transform(X)
        for device in ("cpu", "cuda")
    )
    assert (on_cpu * on_gpu).sum(axis=1).mean() > 0.99


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_components", 0),
        ("n_components", 2.5),
        ("hidden_layer_sizes", 5),
        ("hidden_layer_sizes", (0,)),
        ("hidden_layer_sizes", (2.5,)),
        ("hidden_layer_sizes", "ab"),
        ("loss", "euclidean"),
        ("temperature", 0),
        ("learning_rate_init", 0),
        ("batch_size", 0),
        ("batch_size", "all"),
        ("max_iter", 0),
        ("early_stopping", "yes"),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1),
        ("device", None),
        ("n_jobs", "all"),
        ("random_state", "seed"),
        ("verbose", "yes"),
    ],
)
def test_projection_parameter_out_of_range(documents, parameter, value):
    with pytest.raises(
        ValueError, match=f"The '{parameter}' parameter of ReLUProjection must be"
    ):
        small_projection(**{parameter: value}).fit(*documents)


def test_projection_learning_diverges(documents):
    with pytest.raises(ValueError, match="learning_rate_init"):
        small_projection(learning_rate_init=1e30).fit(*documents)


def test_projection_y_of_one_dimension(documents):
    X, y = documents
    with pytest.raises(ValueError, match=r"y must hold .* Got shape \(600,\) instead"):
        small_projection().fit(X, y[:, 0])


def test_projection_y_of_wrong_length(documents):
    X, y = documents
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples.*600, 599"):
        small_projection().fit(X, y[:-1])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_projection_y_not_finite(documents, bad):
    X, y = documents
    y = y.copy()
    y[3, 2] = bad
    with pytest.raises(ValueError, match="Input y contains"):
        small_projection().fit(X, y)


def test_projection_y_missing(documents):
    with pytest.raises(ValueError, match="requires y to be passed"):
        small_projection().fit(documents[0], None)


def test_projection_y_sparse(documents):
    X, y = documents
    with pytest.raises(TypeError, match="[Ss]parse"):
        small_projection().fit(X, sparse.csr_matrix(y))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_projection_x_not_finite(fitted, bad):
    with pytest.raises(ValueError, match="Input X contains"):
        fitted.transform(np.full((2, 60), bad))


def test_projection_x_of_wrong_width(fitted):
    with pytest.raises(ValueError, match="X has 59 features, but .* is expecting 60"):
        fitted.transform(np.ones((2, 59)))


def test_projection_transform_column_out_of_range(documents, fitted):
    X = documents[0].copy()
    X.indices[3] = 60
    with pytest.raises(ValueError, match="indices"):
        fitted.transform(X)


def test_projection_fit_column_out_of_range():
    """In a process of its own: a column that nobody checks ends the process."""
    program = """
import numpy as np
from scipy import sparse
from sklux import ReLUProjection

X = sparse.csr_matrix(np.ones((30, 6), dtype=np.float32))
X.indices[3] = 10**9
try:
    ReLUProjection(n_components=2).fit(X, np.eye(30, 4))
except ValueError as error:
    print("refused:", error)
"""
    assert "refused:" in run_program(program)


def test_projection_missing_torch_names_the_extra(monkeypatch, documents):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        ImportError, match=r"needs .*'torch'.*pip install 'sklux\[train\]"
    ):
        small_projection().fit(*documents)


def test_projection_transforms_without_torch(documents, fitted, tmp_path):
    joblib.dump((fitted, documents[0]), tmp_path / "fitted.joblib")
    program = f"""
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoTorch())
import joblib
import numpy as np

projection, X = joblib.load({str(tmp_path / "fitted.joblib")!r})
np.save({str(tmp_path / "vectors.npy")!r}, projection.transform(X))
"""
    assert run_program(program) == ""
    reference.assert_same_bits(
        np.load(tmp_path / "vectors.npy"), fitted.transform(documents[0])
    )


def run_program(program):
    """Both outputs of a Python program in a new process, whatever way it ended."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout


@pytest.mark.parametrize("value", [np.True_, np.False_])
def test_projection_early_stopping_takes_numpys_bool(value):
    random_state = np.random.RandomState(0)
    X, y = random_state.rand(500, 5), random_state.standard_normal((500, 6))
    projection = ReLUProjection(4, max_iter=1, early_stopping=value).fit(X, y)
    assert (projection.validation_scores_ is not None) == bool(value)


def test_projection_fits_where_gradients_are_switched_off():
    import torch

    random_state = np.random.RandomState(0)
    X, y = random_state.rand(50, 5), random_state.standard_normal((50, 6))
    expected = ReLUProjection(4, max_iter=1, random_state=0).fit(X, y).transform(X)
    with torch.inference_mode():
        got = ReLUProjection(4, max_iter=1, random_state=0).fit(X, y).transform(X)
    np.testing.assert_array_equal(got, expected)


def test_projection_fits_in_threads_leave_the_thread_count():
    import threading

    import torch

    random_state = np.random.RandomState(0)
    X, y = random_state.rand(50, 5), random_state.standard_normal((50, 6))

    def fit():
        for _ in range(3):
            ReLUProjection(4, max_iter=2).fit(X, y)

    before = torch.get_num_threads()
    threads = [threading.Thread(target=fit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.get_num_threads() == before


def test_projection_failed_refit_cannot_read_outside_the_weights():
    random_state = np.random.RandomState(0)
    y = random_state.standard_normal((50, 6))
    projection = ReLUProjection(4, max_iter=1).fit(random_state.rand(50, 5), y)
    wide = sparse.csr_matrix((50, 10_000), dtype=np.float32)
    with pytest.raises(ValueError, match="n_components=4 must be at most 2"):
        projection.fit(wide, y[:, :2])
    with pytest.raises(ValueError, match="but the network was fitted on 5"):
        projection.transform(wide)
