"""The files of a repository, compared with what sentence-transformers writes."""

import json

import pytest

from sklux._hub.files import SETTINGS, write_settings, write_text


def test_settings_are_those_of_sentence_transformers(fitted, tmp_path):
    """The values that sentence-transformers itself writes, without versions."""
    pytest.importorskip("sentence_transformers.base.modules")
    from sklux.interop import to_sentence_transformer

    to_sentence_transformer(fitted).save_pretrained(str(tmp_path))
    expected = {name: json.loads((tmp_path / name).read_text()) for name in SETTINGS}
    del expected["config_sentence_transformers.json"]["__version__"]
    write_settings(tmp_path)
    assert {name: json.loads((tmp_path / name).read_text()) for name in SETTINGS} == (
        expected
    )


def test_texts_are_utf8_with_plain_ends_of_lines(tmp_path):
    write_text(tmp_path / "text", "é\n")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xa9\n"
