"""Import of optional packages."""

import sys

import pytest

from sklux._utils.optional import import_optional


def test_optional_installed_module_is_returned():
    module = import_optional("json.decoder", extra="plot", purpose="A test")
    assert module is sys.modules["json.decoder"]


def test_optional_missing_module_names_purpose_module_and_extra():
    with pytest.raises(ImportError) as caught:
        import_optional("no_such_module", extra="plot", purpose="A test")
    assert str(caught.value) == (
        "A test needs the optional package 'no_such_module', which could not be "
        "imported (No module named 'no_such_module'). Install it with: pip install "
        "'sklux[plot]'"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_optional_module_that_fails_to_import_shows_its_own_error(
    tmp_path, monkeypatch
):
    """A package may be installed, but lack something that it needs."""
    (tmp_path / "broken_for_test.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"\(No module named 'no_such_library'\)"):
        import_optional("broken_for_test", extra="plot", purpose="A test")


def test_optional_other_errors_of_a_module_are_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "faulty_for_test.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        import_optional("faulty_for_test", extra="plot", purpose="A test")
