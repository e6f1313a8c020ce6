"""The page of dependencies agrees with pyproject.toml and with installed licences."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "doc" / "dependencies.md"
# A source distribution has both; an installed sklux has neither.
if not PAGE.is_file():
    pytest.skip("not in a checkout", allow_module_level=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROW = re.compile(r"^\| ([\w.-]+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", re.MULTILINE)
# Licences of all parts of the packages that users install.
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("ISC", "LLVM-exception", "MIT", "MPL-2.0", "PSF-2.0", "Python-2.0", "Zlib"),
}
# Identifiers for the words of older metadata.
CLASSIFIERS = {
    "Apache Software License": {"Apache-2.0"},
    "BSD License": {"BSD-2-Clause", "BSD-3-Clause"},
    "MIT License": {"MIT"},
    "Mozilla Public License 2.0 (MPL 2.0)": {"MPL-2.0"},
    "Python Software Foundation License": {"PSF-2.0"},
}
WORD = r"[A-Za-z0-9][A-Za-z0-9.-]*"
EXPRESSION = re.compile(rf"{WORD}(?: (?:AND|OR|WITH) {WORD})*")


def normal(name):
    """The name of a package as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    """Each declared package, with its extras; none for the packages of all users."""
    found, project = {}, PROJECT["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    lists["build"] = PROJECT["build-system"]["requires"]
    for extra, requirements in lists.items():
        for requirement in requirements:
            name = normal(re.match(r"[\w.-]+", requirement)[0])
            if name != "sklux":
                found.setdefault(name, set()).add(extra)
    return found


def listed():
    """Each package of the page, with its licences, its reasons and its extras."""
    found = {}
    for name, licence, reason, extras in ROW.findall(PAGE.read_text(encoding="utf-8")):
        if name != "package":
            row = (
                set(licence.strip().split(" and ")),
                reason.strip(),
                set(extras.strip().split(", ")),
            )
            found.setdefault(normal(name), []).append(row)
    return found


def stated(package):
    """Licences in the metadata of an installed package; None if they state none.

    The second value holds whether each of them applies, not one of them.
    """
    fields = metadata(package)
    expression = fields["License-Expression"] or fields["License"] or ""
    identifiers = set(re.findall(WORD, expression)) - {"AND", "OR", "WITH"}
    is_known = EXPRESSION.fullmatch(expression) and identifiers & PERMISSIVE
    if fields["License-Expression"] or is_known:
        return identifiers, True
    classifiers = fields.get_all("Classifier") or []
    names = {line.rsplit(" :: ", 1)[1] for line in classifiers if "License ::" in line}
    sets = [CLASSIFIERS[name] for name in names if name in CLASSIFIERS]
    return (set().union(*sets), False) if sets else None


def test_dependencies_are_listed_with_their_extras():
    extras = {
        name: set().union(*(row[2] for row in rows)) for name, rows in listed().items()
    }
    assert extras == declared()
    assert len(extras) > 50


def test_dependencies_have_a_reason():
    for name, rows in listed().items():
        for licences, reason, _ in rows:
            assert reason and licences, name


def test_dependencies_have_the_licence_of_their_metadata():
    compared = set()
    for name, rows in listed().items():
        try:
            found = stated(name)
        except PackageNotFoundError:
            continue
        if found is not None:
            compared.add(name)
            for licences, _, _ in rows:
                assert licences <= found[0], name
    assert {"numpy", "scipy", "scikit-learn", "joblib", "tqdm"} <= compared


def test_dependencies_of_users_have_permissive_licences():
    extras = PROJECT["project"]["optional-dependencies"]
    others = {"benchmark", "build", "doc", "lint", "mutants"}
    others |= {extra for extra in extras if extra.startswith("test")}
    assert others <= {*extras, "build"}
    for name, rows in listed().items():
        for licences, _, used_in in rows:
            if used_in <= others:
                continue
            assert licences <= PERMISSIVE, name
            try:
                found = stated(name)
            except PackageNotFoundError:
                continue
            # All parts of a package, also the libraries in its wheel.
            if found is not None and found[1]:
                assert found[0] <= PERMISSIVE, name


def test_dependencies_licences_of_metadata(monkeypatch):
    """The three ways in which metadata state a licence, and none."""
    from email.message import Message

    def read(**fields):
        message = Message()
        for name, value in fields.items():
            message[name.replace("_", "-")] = value
        monkeypatch.setitem(globals(), "metadata", lambda _: message)
        return stated("any")

    both = {"MIT", "Zlib"}
    assert read(License_Expression="MIT AND Zlib") == (both, True)
    assert read(License_Expression="GPL-3.0-only") == ({"GPL-3.0-only"}, True)
    assert read(License="MIT AND Zlib") == (both, True)
    assert read(License="Copyright (c) 2025 A. B.") is None
    classifier = "License :: OSI Approved :: MIT License"
    assert read(License="Copyright MIT, all", Classifier=classifier) == ({"MIT"}, False)
    assert read(Classifier="License :: OSI Approved") is None
    assert read() is None
