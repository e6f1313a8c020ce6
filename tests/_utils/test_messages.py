"""Parts of error messages."""

import pytest

from sklux._utils.messages import as_sentence


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no memory"), "no memory."),
        (ValueError("No memory. Free some."), "No memory. Free some."),
        (ValueError("no memory!\n"), "no memory!"),
        (RuntimeError(), "RuntimeError."),
        (KeyError("a"), "'a'."),
    ],
)
def test_messages_as_sentence(error, expected):
    assert as_sentence(error) == expected
