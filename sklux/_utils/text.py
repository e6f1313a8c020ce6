"""Text that has to become UTF-8."""


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold, by the replacement character.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text itself if it has none.

    Examples
    --------
    >>> from sklux._utils.text import without_surrogates
    >>> without_surrogates("a \\ud800 b")
    'a \\ufffd b'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
