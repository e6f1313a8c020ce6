"""Docstrings read from sources: the texts, their order, and that no source is run."""

import sys

import numpy as np
import pytest

from sklux.datasets import load_docstrings

SOURCE = '''"""The module's first paragraph,
on two lines.

A second paragraph.
"""
raise RuntimeError("this module must not be run")


class Shape:
    """A shape with corners."""

    def area(self):
        """The area inside the corners.

        Parameters
        ----------
        none : None
        """

    def _hidden(self):
        """Hidden, but documented as well."""


async def wait():
    """Args:
        nothing: at all
    """


def example():
    """>>> 1 + 1
    2
    """


def undocumented():
    pass
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package on the path that fails when it is imported."""
    root = tmp_path / "shapes_for_test"
    (root / "tests").mkdir(parents=True)
    (root / "__init__.py").write_text('"""Shapes, all of them, in one package."""')
    (root / "module.py").write_text(SOURCE)
    (root / "broken.py").write_text("def (:\n")
    (root / "nowhere.py").symlink_to(root / "missing.py")
    (root / "tests" / "test_module.py").write_text('"""A test of the module."""')
    monkeypatch.syspath_prepend(tmp_path)
    return "shapes_for_test"


def test_datasets_docstrings_of_a_package_in_order(package):
    docstrings = load_docstrings(packages=[package], min_characters=1)
    assert dict(zip(docstrings.object_names, docstrings.data)) == {
        "shapes_for_test": "Shapes, all of them, in one package.",
        "shapes_for_test.module": "The module's first paragraph, on two lines.",
        "shapes_for_test.module.Shape": "A shape with corners.",
        "shapes_for_test.module.Shape.area": "The area inside the corners.",
        "shapes_for_test.module.Shape._hidden": "Hidden, but documented as well.",
    }
    assert docstrings.target_names == [package]
    np.testing.assert_array_equal(docstrings.target, np.zeros(5))
    assert package not in sys.modules


def test_datasets_docstrings_second_paragraph_stops_at_a_section(package):
    docstrings = load_docstrings(packages=[package], n_paragraphs=2, min_characters=1)
    texts = dict(zip(docstrings.object_names, docstrings.data))
    assert texts["shapes_for_test.module"].endswith("on two lines. A second paragraph.")
    assert texts["shapes_for_test.module.Shape.area"] == "The area inside the corners."


def test_datasets_docstrings_min_characters(package):
    docstrings = load_docstrings(packages=[package], min_characters=30)
    assert [len(text) >= 30 for text in docstrings.data] == [True] * 3


def test_datasets_docstrings_max_per_package_is_evenly_spaced(package):
    docstrings = load_docstrings(
        packages=[package], min_characters=1, max_per_package=3
    )
    assert [name.split(".")[-1] for name in docstrings.object_names] == [
        "shapes_for_test",
        "Shape",
        "_hidden",
    ]


def test_datasets_docstrings_are_the_same_at_each_call():
    first, second = (load_docstrings(packages=["joblib", "tqdm"]) for _ in range(2))
    assert first.data == second.data
    assert first.object_names == second.object_names
    assert first.target_names == ["joblib", "tqdm"]
    assert len(set(first.data)) == len(first.data)
    assert set(first.target) == {0, 1}


def test_datasets_docstrings_of_all_installed_packages(tmp_path, monkeypatch):
    """Folders whose names end in -packages hold the installed packages."""
    folder = tmp_path / "site-packages"
    for name in ("zebra_for_test", "ant_for_test", "_private_for_test", "no-name"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f'"""About {name}, at length."""')
    monkeypatch.setattr(sys, "path", [str(folder)])
    docstrings = load_docstrings(min_characters=1)
    assert docstrings.target_names == ["ant_for_test", "zebra_for_test"]
    np.testing.assert_array_equal(docstrings.target, [0, 1])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"packages": "numpy"}, r"must be a list of names.*\['numpy'\]"),
        ({"packages": ["no_such_package"]}, "'no_such_package', which is not an inst"),
        ({"packages": ["__main__"]}, "'__main__', which is not an installed package"),
        ({"packages": ["a b"]}, "'a b', which is not an installed package"),
        ({"packages": 5}, "must be a list of names. Got 5"),
        ({"packages": [None]}, "must be a list of names. Got None among them"),
        ({"packages": b"joblib"}, "must be a list of names. Got 106 among them"),
        ({"packages": ["joblib"], "n_paragraphs": 0}, "'n_paragraphs' parameter of"),
        ({"packages": ["joblib"], "n_paragraphs": None}, "'n_paragraphs' parameter"),
        ({"packages": ["joblib"], "n_paragraphs": 1.5}, "'n_paragraphs' parameter of"),
        ({"packages": ["joblib"], "max_per_package": 0}, "'max_per_package' parameter"),
        ({"packages": ["joblib"], "min_characters": "a"}, "'min_characters' parameter"),
        ({"packages": ["joblib"], "min_characters": 10**6}, "No docstring of at least"),
    ],
)
def test_datasets_docstrings_bad_input(params, message):
    with pytest.raises(ValueError, match=message):
        load_docstrings(**params)
