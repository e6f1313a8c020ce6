"""What sklux adds to scikit-learn's diagram of an estimator: a link, and the report."""

from importlib.metadata import metadata
from typing import Any


class DocLinkMixin:
    """Links the question mark of the diagram to the estimator's page of the reference.

    The pages are where the package says: under its project URL "Documentation", as
    `make doc` builds them. While it names none there is no link. It stands before
    BaseEstimator among the bases.
    """

    _doc_link_module = "sklux"

    @property
    def _doc_link_template(self) -> str:
        site = documentation_site()
        if not site:
            return ""
        return f"{site}/api/generated/{{estimator_module}}.{{estimator_name}}.html"


def documentation_site() -> str:
    """Address of the published pages, by the package's own metadata; or empty."""
    urls = metadata("sklux").get_all("Project-URL") or []
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "").rstrip("/")


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
