"""Options that several commands share."""

import os

import pytest

from _commands.running import succeeded
from sklux._commands import csv_rows, document_paths, options


@pytest.mark.parametrize(("option", "expected"), [("-q", "1"), (None, None)])
def test_quiet_silences_the_bars_of_other_libraries(
    folder, tmp_path, monkeypatch, option, expected
):
    """On a terminal, too."""
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)
    arguments = folder / "model.sklux", folder / "documents.txt", tmp_path / "v.npy"
    succeeded("embed", *arguments, *filter(None, [option]))
    assert os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS") == expected


def test_options_have_the_values_of_the_readers():
    assert [value.value for value in options.Format] == list(document_paths.FORMATS)
    assert [value.value for value in options.Quotes] == list(csv_rows.QUOTES)
