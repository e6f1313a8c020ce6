"""The report of a fit: numbers by hand, its forms, its HTML in a notebook."""

import json
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from sklux._student import report as report_module
from sklux._student.report import FitReport, fit_report
from sklux._utils.html import ReportReprMixin
from sklux.metrics import (
    effective_rank,
    mean_cosine,
    neighbor_recall_score,
    similarity_correlation,
)

REPORT = FitReport(
    n_documents=1500,
    n_components=256,
    held_out=True,
    neighbor_recall=0.369,
    similarity_correlation=0.835,
    student_effective_rank=60.14,
    teacher_effective_rank=114.1,
    student_mean_cosine=0.434,
    teacher_mean_cosine=0.279,
)
COLLAPSED = replace(REPORT, student_effective_rank=18.4)


class Shown(ReportReprMixin, TransformerMixin, BaseEstimator):
    """An estimator with a report after fit."""

    def fit(self, X, y=None):
        self.report_ = REPORT
        return self

    def transform(self, X):
        return X


class ShownByProperty(ReportReprMixin, BaseEstimator):
    """An estimator that shows the report of a part, like LuxicalVectorizer."""

    @property
    def report_(self):
        return self.part_.report_


def pair(n_samples=60, seed=0):
    random_state = np.random.RandomState(seed)
    teacher = random_state.standard_normal((n_samples, 8))
    return teacher[:, :5] + 0.3 * random_state.standard_normal((n_samples, 5)), teacher


def test_fit_report_holds_the_public_measures():
    student, teacher = pair()
    report = fit_report(student, teacher, held_out=True, random_state=0)
    assert report == FitReport(
        n_documents=60,
        n_components=5,
        held_out=True,
        neighbor_recall=neighbor_recall_score(teacher, student),
        similarity_correlation=similarity_correlation(teacher, student, random_state=0),
        student_effective_rank=effective_rank(student),
        teacher_effective_rank=effective_rank(teacher),
        student_mean_cosine=mean_cosine(student),
        teacher_mean_cosine=mean_cosine(teacher),
    )


def test_fit_report_by_hand():
    """The student maps e_2 and -e_2 to e_1.

    Teacher: e_1, -e_1, e_2, -e_2. The sum is zero, the covariance is diag(1/2, 1/2),
    the rank is 2, and the mean cosine is (0 - 4) / 12. Student: e_1, -e_1, e_1, e_1.
    There is one direction, the rank is 1, the sum is 2 e_1, and the mean cosine is
    (4 - 4) / 12.
    """
    teacher = np.array([[1, 0], [-2, 0], [0, 3], [0, -4]])
    student = np.array([[1, 0], [-1, 0], [1, 0], [1, 0]])
    report = fit_report(student, teacher, held_out=False, random_state=0)
    assert report.student_effective_rank == pytest.approx(1)
    assert report.teacher_effective_rank == pytest.approx(2)
    assert report.student_mean_cosine == pytest.approx(0)
    assert report.teacher_mean_cosine == pytest.approx(-1 / 3)
    assert (report.n_documents, report.n_components, report.held_out) == (4, 2, False)


def test_fit_report_of_the_teacher_itself_is_perfect():
    _, teacher = pair()
    report = fit_report(7 * teacher, teacher, held_out=True, random_state=0)
    assert report.neighbor_recall == 1
    assert report.similarity_correlation == pytest.approx(1)
    assert report.student_effective_rank == pytest.approx(report.teacher_effective_rank)
    assert not report.is_collapsed


def test_fit_report_leaves_out_zero_rows_of_either_side():
    student, teacher = pair()
    expected = fit_report(student[4:], teacher[4:], held_out=True, random_state=0)
    student[:2], teacher[2:4] = 0, 0
    assert fit_report(student, teacher, held_out=True, random_state=0) == expected


@pytest.mark.parametrize(
    ("n_documents", "n_neighbors"), [(3, 1), (4, 2), (11, 5), (20, 10), (5000, 10)]
)
def test_fit_report_compares_at_most_half_of_the_documents(n_documents, n_neighbors):
    """Any student finds n - 1 neighbours among n - 1 other documents."""
    assert replace(REPORT, n_documents=n_documents).n_neighbors == n_neighbors


def test_fit_report_of_three_documents_by_hand():
    """Nearest to documents 0, 1, 2: teacher 1, 0, 1; student 2, 2, 1."""
    degrees = {"teacher": [0, 10, 30], "student": [0, 60, 40]}
    student, teacher = (
        np.stack([np.cos(np.radians(d)), np.sin(np.radians(d))], axis=1)
        for d in (degrees["student"], degrees["teacher"])
    )
    report = fit_report(student, teacher, held_out=True, random_state=0)
    assert report.neighbor_recall == pytest.approx(1 / 3)


@pytest.mark.parametrize("n_documents", [0, 1, 2])
def test_fit_report_of_few_documents_has_no_numbers(n_documents):
    student, teacher = pair(n_documents)
    report = fit_report(student, teacher, held_out=False)
    assert report == FitReport(n_documents, 5, False)
    assert report.neighbor_recall is report.teacher_mean_cosine is None
    assert not report.is_collapsed
    assert "too few to compare" in str(report)
    assert "too few to compare" in report._repr_html_()
    assert FitReport.from_dict(report.as_dict()) == report


@pytest.mark.parametrize("random_state", [3, np.random.RandomState(3)])
def test_fit_report_follows_its_random_state(random_state):
    student, teacher = pair()
    again = fit_report(student, teacher, held_out=True, random_state=3)
    assert fit_report(student, teacher, held_out=True, random_state=random_state) == (
        again
    )


def test_fit_report_refuses_different_numbers_of_documents():
    student, teacher = pair()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fit_report(student[1:], teacher, held_out=True)


@pytest.mark.parametrize(
    ("student_rank", "teacher_rank", "n_components", "expected"),
    [
        (28, 114, 256, True),
        (29, 114, 256, False),
        # Half of the 16 components, but less than a tenth of the teacher's rank.
        (8, 100, 16, False),
        (3.9, 100, 16, True),
        (0, 100, 16, True),
        (0, 0, 16, False),
    ],
)
def test_fit_report_collapse_is_below_a_quarter_of_the_possible_rank(
    student_rank, teacher_rank, n_components, expected
):
    report = replace(
        REPORT,
        student_effective_rank=student_rank,
        teacher_effective_rank=teacher_rank,
        n_components=n_components,
    )
    assert report.is_collapsed is expected


def test_fit_report_collapse_does_not_depend_on_a_common_direction():
    """The mean is removed. A narrow cone is not a collapse; lost directions are one."""
    teacher = np.random.RandomState(0).standard_normal((400, 30))
    cone = np.hstack([teacher, np.full((400, 1), 20.0)])
    assert not fit_report(cone, teacher, held_out=True, random_state=0).is_collapsed
    flat = cone.copy()
    flat[:, 2:30] = 0
    report = fit_report(flat, cone, held_out=True, random_state=0)
    assert report.is_collapsed
    assert report.student_mean_cosine > 0.9


@pytest.mark.parametrize(
    ("n_documents", "recall", "correlation", "expected"),
    [
        # 10 of 24 others: 0.417 by chance, and two standard errors are 0.066.
        (25, 0.388, -0.09, True),
        (25, 0.48, 0.19, True),
        (25, 0.49, 0.0, False),
        (25, 0.388, 0.21, False),
        # The least number of documents: 0.526, and two standard errors are 0.071.
        (20, 0.59, 0.2, True),
        (20, 0.61, 0.2, False),
        (19, 0.3, -0.5, False),
        # 0.005, and two standard errors are 0.0014.
        (2000, 0.006, 0.02, True),
        (2000, 0.007, 0.02, False),
        (2000, 0.006, 0.03, False),
        (2000, 0.4, 0.8, False),
    ],
)
def test_fit_report_chance_is_within_two_standard_errors(
    n_documents, recall, correlation, expected
):
    report = replace(
        REPORT,
        n_documents=n_documents,
        neighbor_recall=recall,
        similarity_correlation=correlation,
    )
    assert report.is_no_better_than_chance is expected
    assert ("no better than chance" in str(report)) is expected
    assert ("no better than chance" in report._repr_html_()) is expected
    assert not replace(report, held_out=False).is_no_better_than_chance


def test_fit_report_without_a_held_out_vector_is_chance():
    """No held-out document shares a feature with a training document."""
    report = FitReport(0, 8, held_out=True)
    assert report.is_no_better_than_chance
    assert "the documents have terms in common" in " ".join(str(report).split())
    assert not FitReport(0, 8, held_out=False).is_no_better_than_chance
    assert not FitReport(1, 8, held_out=True).is_no_better_than_chance


def reports_of_noise(monkeypatch, n_documents, strength):
    """Reports of 40 students: the teacher's vectors times a factor, plus noise."""
    monkeypatch.setattr(report_module, "N_PAIRS", 5000)
    for seed in range(40):
        rng = np.random.RandomState(seed)
        teacher, noise = rng.standard_normal((2, n_documents, 12)) + seed % 3
        student = strength * teacher + noise
        yield fit_report(student, teacher, held_out=True, random_state=0)


@pytest.mark.parametrize("n_documents", [20, 100])
def test_fit_report_of_random_students_is_chance(monkeypatch, n_documents):
    """Nearly always, also if teacher and student have a direction in common."""
    reports = reports_of_noise(monkeypatch, n_documents, 0)
    assert sum(report.is_no_better_than_chance for report in reports) >= 36


@pytest.mark.parametrize("n_documents", [20, 100])
def test_fit_report_of_useful_students_is_never_chance(monkeypatch, n_documents):
    """The noise is as large as the teacher's vectors."""
    for report in reports_of_noise(monkeypatch, n_documents, 1):
        assert not report.is_no_better_than_chance
        assert report.neighbor_recall < 0.85


def test_fit_report_of_few_documents_is_not_chance():
    report = FitReport(2, 5, True)
    assert not report.is_no_better_than_chance


def test_fit_report_as_text():
    assert str(REPORT) == (
        "Student and teacher: 1,500 held-out documents\n"
        "teacher's 10 nearest found 36.9 % (by chance 0.7 %), correlation of cosines "
        "0.835\n"
        "effective rank 60.1 (teacher 114.1), mean cosine 0.43 (teacher 0.28)"
    )
    assert str(COLLAPSED).splitlines()[3].startswith("The student's vectors have coll")
    trained_on = str(replace(COLLAPSED, held_out=False)).splitlines()
    assert trained_on[3] == (
        "The student was trained on these documents, and is less like its teacher on "
        "others. By default, if 400 or more documents have a teacher embedding, some "
        "of them are held out for this report."
    )
    assert trained_on[4].startswith("The student's vectors have collapsed")
    near_zero = replace(REPORT, teacher_mean_cosine=-0.001)
    assert "(teacher 0.00)" in str(near_zero)
    assert str(FitReport(1, 5, False)) == (
        "Student and teacher: 1 training document, too few to compare."
    )


def test_fit_report_as_html():
    html = REPORT._repr_html_()
    assert html.count("<tr>") == html.count("</tr>") == 5
    assert "<td>60.1</td><td>114.1</td>" in html
    assert "teacher&#x27;s 10 nearest found" in html
    assert "<p>" not in html
    assert "<p>The student&#x27;s vectors have collapsed" in COLLAPSED._repr_html_()
    html = replace(REPORT, held_out=False)._repr_html_()
    assert "<p>The student was trained on these documents" in html


def test_fit_report_is_frozen_and_pickles():
    with pytest.raises(FrozenInstanceError):
        REPORT.n_documents = 3
    assert pickle.loads(pickle.dumps(REPORT)) == REPORT


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.builds(FitReport, st.integers(0), st.integers(1), st.booleans(), *[numbers] * 6)
)
def test_fit_report_survives_json(report):
    state = json.loads(json.dumps(report.as_dict()))
    assert str(report) and report._repr_html_()
    assert FitReport.from_dict(state) == report
    assert FitReport.from_dict(state | {"a later number": 1}) == report


@given(st.integers(0, 2**32 - 1), st.integers(3, 30))
@settings(max_examples=25, deadline=None)
def test_fit_report_numbers_lie_within_their_bounds(seed, n_samples):
    # Small integers give zero rows and equal rows.
    random_state = np.random.RandomState(seed)
    student = random_state.randint(-1, 2, size=(n_samples, 2))
    teacher = random_state.randint(-1, 2, size=(n_samples, 3))
    report = fit_report(student, teacher, held_out=True, random_state=seed)
    json.dumps(report.as_dict(), allow_nan=False)
    if report.n_documents < 3:
        return
    assert 0 <= report.neighbor_recall <= 1
    assert -1 <= report.similarity_correlation <= 1
    for name, width in (("student", 2), ("teacher", 3)):
        rank = getattr(report, f"{name}_effective_rank")
        assert rank == 0 or 1 - 1e-6 <= rank <= width + 1e-6
        assert -1 <= getattr(report, f"{name}_mean_cosine") <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_documents": "3"}, "'n_documents' of a fit report must be of type int"),
        ({"held_out": None}, "'held_out' of a fit report must be of type bool"),
        ({"neighbor_recall": "x"}, r"must be of type float \| None and finite"),
        ({"neighbor_recall": float("nan")}, "and finite. Got nan instead"),
        ({"student_mean_cosine": float("inf")}, "and finite. Got inf instead"),
    ],
)
def test_fit_report_refuses_a_damaged_state(change, message):
    with pytest.raises(ValueError, match=message):
        FitReport.from_dict(REPORT.as_dict() | change)


def test_fit_report_refuses_a_state_without_a_number():
    state = REPORT.as_dict()
    del state["neighbor_recall"]
    with pytest.raises(ValueError, match="The fit report lacks 'neighbor_recall'"):
        FitReport.from_dict(state)


@pytest.mark.parametrize("estimator", [Shown(), ShownByProperty()])
def test_html_of_an_unfitted_estimator_is_from_scikit_learn(estimator):
    assert "sklux" not in estimator._repr_html_()
    assert "sklux" not in estimator._repr_mimebundle_()["text/html"]


def test_html_has_the_report_once_below_the_diagram():
    fitted = Shown().fit(None)
    part = ShownByProperty()
    part.part_ = fitted
    for estimator in (fitted, part):
        bundle = estimator._repr_mimebundle_(include=None, exclude=None)
        assert bundle["text/plain"] == repr(estimator)
        for html in (estimator._repr_html_(), bundle["text/html"]):
            assert html.endswith(REPORT._repr_html_())
            assert html.count("sklux-fit-report") == 1
            assert html.index("sk-top-container") < html.index("sklux-fit-report")


def test_html_without_a_report_is_from_scikit_learn():
    """A model from a file of an older version, or from a Luxical file."""
    estimator = Shown().fit(None)
    estimator.report_ = None
    assert "sklux-fit-report" not in estimator._repr_html_()


def test_html_follows_the_display_setting():
    estimator = Shown().fit(None)
    with sklearn.config_context(display="text"):
        assert not hasattr(estimator, "_repr_html_")
        assert set(estimator._repr_mimebundle_()) == {"text/plain"}


def test_html_of_a_pipeline_is_from_scikit_learn():
    pipeline = make_pipeline(Shown()).fit([[1.0]])
    html = pipeline._repr_html_()
    assert "Shown" in html
    assert "sklux-fit-report" not in html
