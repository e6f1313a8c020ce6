"""Text that has to become UTF-8."""


def replace_surrogates(document: str) -> str:
    """Replace each lone surrogate by U+FFFD, and each pair by its character.

    A text that was cut in the middle of a character has lone surrogates. Tokenizers and
    services refuse them.

    Parameters
    ----------
    document : str
        Any str.

    Returns
    -------
    str
        A str that can be encoded; the same if it has no surrogates.
    """
    try:
        document.encode()
    except UnicodeEncodeError:
        return document.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return document
