"""A plugin of pytest: hypothesis tries few examples.

    PYTHONPATH=.ci python -m pytest -p few_examples tests/_kernels

For kernels that report each line (`make coverage`), which are slow. Five examples reach
the same lines as many.
"""

from hypothesis import settings

N_EXAMPLES = 5
# Where hypothesis keeps the settings of a test.
KEPT = "_hypothesis_internal_use_settings"


def pytest_collection_modifyitems(items):
    """Reduce the number of examples of each test."""
    for item in items:
        function = getattr(item, "obj", None)
        function = getattr(function, "__func__", function)
        found = getattr(function, KEPT, None)
        if found is not None and found.max_examples > N_EXAMPLES:
            setattr(function, KEPT, settings(found, max_examples=N_EXAMPLES))
