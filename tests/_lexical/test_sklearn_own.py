"""scikit-learn's own tests of its vectorizers, run on LexicalVectorizer."""

import importlib.util
import inspect
import sys

import pytest
from sklearn.feature_extraction import text

from sklux import LexicalVectorizer

WHERE = "sklearn.feature_extraction.tests.test_text"
if importlib.util.find_spec(WHERE) is None:
    pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)

# Tests that expect a warning still catch it.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in (
        "UserWarning",
        "FutureWarning",
        "DeprecationWarning",
        "pytest.PytestWarning",
    )
]
# Tests of behaviour that CountVectorizer has and TfidfVectorizer lacks.
NOT_OF_TFIDF = {
    "test_vectorizer": "TfidfVectorizer does not transform before it is fitted",
}


class Counts(LexicalVectorizer):
    """LexicalVectorizer without weights, in the place of CountVectorizer."""

    def __init__(self, **params):
        super().__init__(**{"use_idf": False, "norm": None, **params})

    @classmethod
    def _get_param_names(cls):
        return LexicalVectorizer._get_param_names()


def own_tests(module_name, replaced, replacement):
    """scikit-learn's tests of a class, with another class in its place.

    The file of tests is executed again, to have the replacement in its parameters too.
    """
    origin = importlib.util.find_spec(WHERE).origin
    spec = importlib.util.spec_from_file_location(module_name, origin)
    module = importlib.util.module_from_spec(spec)
    # Tests pickle functions, which are found by this name.
    sys.modules[module_name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, replaced, replacement)
        spec.loader.exec_module(module)
    return {
        name: function
        for name, function in vars(module).items()
        if name.startswith("test_") and replaced in inspect.getsource(function)
    }


TFIDF = own_tests("sklearn_own_tfidf", "TfidfVectorizer", LexicalVectorizer)
COUNTS = {
    name.replace("test_", "test_counts_", 1): pytest.mark.skip(NOT_OF_TFIDF[name])(
        function
    )
    if name in NOT_OF_TFIDF
    else function
    for name, function in own_tests(
        "sklearn_own_counts", "CountVectorizer", Counts
    ).items()
}
globals().update(TFIDF)
globals().update(COUNTS)


def test_sklearn_own_tests_were_found():
    assert len(TFIDF) > 20
    assert len(COUNTS) > 30
