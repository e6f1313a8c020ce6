"""Additions to scikit-learn's HTML diagram of an estimator: a link, and the report."""

from importlib.metadata import metadata
from typing import Any


class DocLinkMixin:
    """Link the question mark of the diagram to the estimator's page of the reference.

    The address of the pages, which `make doc` builds, is the project URL
    "Documentation" in the metadata of the package. Without it there is no link. List
    this class before BaseEstimator among the bases.
    """

    _doc_link_module = "sklux"

    @property
    def _doc_link_template(self) -> str:
        site = documentation_site()
        if not site:
            return ""
        return f"{site}/api/generated/{{estimator_module}}.{{estimator_name}}.html"


def documentation_site() -> str:
    """Address of the published pages in the metadata of the package; may be empty."""
    urls = metadata("sklux").get_all("Project-URL") or []
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "").rstrip("/")


class ReportReprMixin:
    """Show `report_` in the notebook view of an estimator.

    Nothing changes if `report_` is missing or None, and the view of a Pipeline around
    the estimator never changes. List this class before BaseEstimator among the bases.
    """

    # In all versions since 1.6, scikit-learn's public methods call one of these two.
    def _repr_html_inner(self) -> str:
        # The method of BaseEstimator, the next class.
        html: str = super()._repr_html_inner()  # type: ignore[misc]
        return html + self._report_html()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        # The method of BaseEstimator, the next class.
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += self._report_html()
        return bundle

    def _report_html(self) -> str:
        """The report as a fragment of HTML; empty without a report."""
        report = getattr(self, "report_", None)
        return "" if report is None else report._repr_html_()
