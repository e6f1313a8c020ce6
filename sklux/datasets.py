"""Texts that are available without a network, and corpora larger than memory."""

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import TypeAlias

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval

from sklux._sources.stream import DocumentStream
from sklux._utils.typing import validate_params

__all__ = ["DocumentStream", "load_docstrings"]

# Folders that hold no docstrings of the package itself.
SKIPPED_FOLDERS = {
    "_vendor",
    "_vendored",
    "extern",
    "externals",
    "test",
    "tests",
    "vendor",
    "vendored",
}

Definition: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# Beginnings of sections without an underlined title.
_SECTION_STARTS = (">>>", ".. ", ":param", ":return", "@param")


@validate_params(
    {
        "packages": "no_validation",
        "n_paragraphs": [Interval(Integral, 1, None, closed="left")],
        "min_characters": [Interval(Integral, 0, None, closed="left")],
        "max_per_package": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def load_docstrings(
    *,
    packages: Sequence[str] | None = None,
    n_paragraphs: int = 1,
    min_characters: int = 60,
    max_per_package: int | None = None,
) -> Bunch:
    """Load the docstrings of installed packages, labelled by package.

    The docstrings are read from the source files; no package is imported or run. The
    order is fixed: by package, file and line. Definitions under an ``if`` or a ``try``
    are left out.

    Parameters
    ----------
    packages : sequence of str or None, default=None
        Top-level packages, such as ``["numpy", "scipy"]``. None means all packages that
        are installed together with sklux.

    n_paragraphs : int, default=1
        Largest number of paragraphs to take from the beginning of a docstring. The text
        ends earlier at a section (Parameters, Args), an example or a directive.

    min_characters : int, default=60
        Shorter texts are left out.

    max_per_package : int or None, default=None
        If a package has more texts, this many evenly spaced texts are taken. None means
        all.

    Returns
    -------
    sklearn.utils.Bunch
        A bunch with these attributes:

        data : list of str of length n_samples
            The texts, each on one line; of texts that differ at most in case, the
            first one.
        target : ndarray of shape (n_samples,), dtype=np.int64
            Package of each text, as a position in ``target_names``.
        target_names : list of str of length n_packages
            Names of the packages that have texts.
        object_names : list of str of length n_samples
            Documented object of each text: module and qualified name.

    Raises
    ------
    ValueError
        If a package is not installed as Python sources, or no text is found.

    Examples
    --------
    >>> from sklux.datasets import load_docstrings
    >>> docstrings = load_docstrings(packages=["joblib"])
    >>> docstrings.target_names
    ['joblib']
    >>> len(docstrings.data) == len(docstrings.target)
    True
    """
    if packages is not None:
        packages = _checked_names(packages)
    seen: set[str] = set()
    data: list[str] = []
    target: list[int] = []
    target_names: list[str] = []
    object_names: list[str] = []
    for package in _installed_packages() if packages is None else packages:
        found = []  # (object name, text); a property's setter has its getter's name
        for object_name, text in _package_texts(package, n_paragraphs):
            if len(text) >= min_characters and text.casefold() not in seen:
                seen.add(text.casefold())
                found.append((object_name, text))
        if max_per_package is not None and len(found) > max_per_package:
            spaced = np.linspace(0, len(found) - 1, max_per_package).astype(int)
            found = [found[i] for i in spaced]
        if found:
            target += [len(target_names)] * len(found)
            target_names.append(package)
            object_names += [object_name for object_name, _ in found]
            data += [text for _, text in found]
    if not data:
        raise ValueError(
            f"No docstring of at least {min_characters} characters was found. Use "
            "other packages, or lower min_characters."
        )
    return Bunch(
        data=data,
        target=np.array(target, dtype=np.int64),
        target_names=target_names,
        object_names=object_names,
    )


def _checked_names(packages: Iterable[str]) -> list[str]:
    """Return the names of packages as a list; refuse anything else."""
    if isinstance(packages, str):
        raise ValueError(
            f"packages must be a list of names. Got {packages!r}; use [{packages!r}]."
        )
    if not isinstance(packages, Iterable):
        raise ValueError(f"packages must be a list of names. Got {packages!r}.")
    names = list(packages)
    bad = [name for name in names if not isinstance(name, str)]
    if bad:
        raise ValueError(
            f"packages must be a list of names. Got {bad[0]!r} among them."
        )
    return names


def _installed_packages() -> list[str]:
    """Top-level packages in the site-packages folders, in alphabetical order."""
    folders = {Path(entry) for entry in sys.path if str(entry).endswith("-packages")}
    names = {
        init.parent.name
        for folder in folders
        for init in folder.glob("*/__init__.py")
        if init.parent.name.isidentifier() and not init.parent.name.startswith("_")
    }
    return sorted(names)


def _package_texts(package: str, n_paragraphs: int) -> Iterator[tuple[str, str]]:
    """Yield name and text of each docstring of a package, file by file."""
    # A program that was not imported from a module has no spec at all.
    is_name = package.isidentifier() and package != "__main__"
    spec = find_spec(package) if is_name else None
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"packages names {package!r}, which is not an installed package. Install "
            "it, or leave it out."
        )
    for location in spec.submodule_search_locations:
        root = Path(location)
        for file in sorted(root.rglob("*.py")):
            relative = file.relative_to(root)
            if SKIPPED_FOLDERS.isdisjoint(relative.parts[:-1]):
                module = ".".join([package, *relative.with_suffix("").parts])
                yield from _file_texts(
                    file, module.removesuffix(".__init__"), n_paragraphs
                )


def _file_texts(
    file: Path, module: str, n_paragraphs: int
) -> Iterator[tuple[str, str]]:
    """Yield name and text of each docstring of a file, in the order of the lines."""
    try:
        with warnings.catch_warnings():
            # Sources of other packages may have invalid escapes; users cannot fix them.
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        # Broken links, templates, and sources for another version of Python.
        return
    waiting: list[tuple[str, ast.Module | Definition]] = [(module, tree)]
    while waiting:
        name, node = waiting.pop()
        docstring = ast.get_docstring(node)
        if docstring:
            yield name, _first_paragraphs(docstring, n_paragraphs)
        children = [child for child in node.body if isinstance(child, Definition)]
        # Reversed, because the last element is taken first.
        waiting += [(f"{name}.{child.name}", child) for child in reversed(children)]


def _first_paragraphs(docstring: str, n_paragraphs: int) -> str:
    """The beginning of a docstring on one line, up to its first section."""
    kept: list[str] = []
    for paragraph in docstring.split("\n\n")[:n_paragraphs]:
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        has_rule = any(line and set(line) <= set("-=~") for line in lines)
        is_header = len(lines) > 1 and lines[0] in ("Args:", "Arguments:", "Returns:")
        if has_rule or is_header or paragraph.lstrip().startswith(_SECTION_STARTS):
            break
        kept += lines
    return " ".join(" ".join(kept).split())
