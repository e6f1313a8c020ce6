"""Parts of error messages."""

# The parameter that sets the folder of the cache. The commands put their option here.
CACHE_PATH = "the path of CachedTeacher"


def as_sentence(error: Exception) -> str:
    """Text of an error that another message quotes, with a full stop at its end.

    Parameters
    ----------
    error : Exception
        The error, often of another package.

    Returns
    -------
    str
        Its text, or its type if it has no text.
    """
    text = str(error).strip() or type(error).__name__
    return text if text[-1] in ".!?" else f"{text}."
