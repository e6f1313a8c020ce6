"""The report of a fit, below scikit-learn's diagram of the estimator."""

from typing import Any


class ReportReprMixin:
    """Shows `report_`, where there is one, in the notebook view of an estimator.

    It stands before BaseEstimator among the bases. Without a `report_`, or with one
    that is None, nothing changes, nor does the view of a Pipeline around it.
    """

    # scikit-learn's own methods, in all versions since 1.6, end in these two.
    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + self._report_html()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._report_html()
        return bundle

    def _report_html(self) -> str:
        """Fragment of HTML; empty without a report."""
        report = getattr(self, "report_", None)
        return "" if report is None else report._repr_html_()
