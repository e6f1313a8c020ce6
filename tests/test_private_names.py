"""No folder uses a private name of another folder: shared names are public."""

import ast
from pathlib import Path

import pytest

import sklux

PACKAGE = Path(sklux.__file__).parent
OWN = {"self", "cls"}
# Private names of other libraries that have no public equivalent.
OF_LIBRARIES = {
    # scikit-learn: validation, callbacks, state that `clone` keeps, the part of a
    # TfidfVectorizer that holds the idf.
    "_fit_context",
    "_init_callback_context",
    "_metadata_request",
    "_sklearn_output_config",
    "_skl_callbacks",
    "_parameter_constraints",
    "_validate_params",
    "_validate_ngram_range",
    "_tfidf",
    # Python: the frames of callers, and named tuples; IPython: views of objects.
    "_getframe",
    "_replace",
    "_fields",
    "_repr_html_",
}


def folders():
    """Each folder, or module at the top, with its files."""
    for entry in sorted(PACKAGE.iterdir()):
        if entry.is_dir() and (entry / "__init__.py").exists():
            yield entry.name, sorted(entry.rglob("*.py"))
        elif entry.suffix == ".py":
            yield entry.stem, [entry]


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def defined_names(tree):
    """Private names that a file defines: functions, classes, variables, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id in OWN:
                yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg


def breaches(trees):
    """Uses of private names that none of these files defines, with their lines."""
    own = {name for _, tree in trees for name in defined_names(tree)} | OF_LIBRARIES
    for name, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                is_own_object = isinstance(node.value, ast.Name) and (
                    node.value.id in OWN
                )
                is_super = isinstance(node.value, ast.Call) and (
                    getattr(node.value.func, "id", None) == "super"
                )
                if not (is_own_object or is_super) and node.attr not in own:
                    yield f"{name}:{node.lineno}: {ast.unparse(node)}"
            elif isinstance(node, ast.ImportFrom) and node.module:
                if not node.module.startswith("sklux"):
                    continue
                for alias in node.names:
                    # Folders may have private names; names imported from them may not.
                    if is_private(alias.name) and node.module != "sklux":
                        yield f"{name}:{node.lineno}: {alias.name}"


def parsed(files):
    return [(file.name, ast.parse(file.read_text(encoding="utf-8"))) for file in files]


@pytest.mark.parametrize(
    "files", [pytest.param(files, id=folder) for folder, files in folders()]
)
def test_folders_use_no_private_name_of_another(files):
    assert list(breaches(parsed(files))) == []


def test_a_breach_is_found():
    code = """
from sklux._student.network import _free_scratch
class Door:
    def __init__(self):
        self._own = 1
    def open(self, model, other):
        super()._open()
        other._own += self._inherited
        return model._network
"""
    found = list(breaches([("door.py", ast.parse(code))]))
    assert found == ["door.py:2: _free_scratch", "door.py:9: model._network"]
