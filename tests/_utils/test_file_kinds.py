"""First bytes in words."""

import gzip
import pickle

import pytest

from sklux._utils.file_kinds import KINDS, beginning_in_words


@pytest.mark.parametrize(("start", "kind"), KINDS)
def test_beginning_in_words_names_the_kind(start, kind):
    assert beginning_in_words(start + b"rest").endswith(f"({kind})")


def test_beginning_in_words_of_other_files():
    assert beginning_in_words(b"") == "It is empty"
    assert beginning_in_words(b"id,text\n") == r"It begins with b'id,text\n'"
    assert len(beginning_in_words(b"x" * 1000)) < 60
    assert "gzip" in beginning_in_words(gzip.compress(b"a"))
    assert "pickle" in beginning_in_words(pickle.dumps([1]))
