"""HTML of a text whose words have colours, for notebooks."""

from collections.abc import Sequence
from html import escape

# Red, green and blue of words with positive and with negative shares. They can be told
# apart in all forms of colour blindness.
POSITIVE, NEGATIVE = (0, 114, 178), (213, 94, 0)
# Opacity of the largest share, which leaves dark and light text readable.
LARGEST_OPACITY = 0.5


def highlighted(text: str, words: Sequence[tuple[int, int, float]]) -> str:
    """Return a text as HTML; the colour of a word shows its share.

    Parameters
    ----------
    text : str
        The text.
    words : sequence of tuple of (int, int, float)
        First character, end and share of each word, in any order. If words
        overlap, the first one is coloured.

    Returns
    -------
    str
        A paragraph. A word shows its share as a tooltip.
    """
    largest = max((abs(share) for _, _, share in words), default=0) or 1
    parts, position = [], 0
    for begin, end, share in sorted(words):
        if begin < position:
            continue
        opacity = LARGEST_OPACITY * abs(share) / largest
        colour = ", ".join(map(str, POSITIVE if share > 0 else NEGATIVE))
        parts.append(plain_html(text[position:begin]))
        parts.append(
            f'<span style="background: rgba({colour}, {opacity:.2f})" '
            f'title="{share:+.3f}">{plain_html(text[begin:end])}</span>'
        )
        position = end
    parts.append(plain_html(text[position:]))
    return f'<p style="white-space: pre-wrap; margin: 4px 0">{"".join(parts)}</p>'


def table_html(rows: Sequence[tuple[object, object, float]]) -> str:
    """Return terms with their shares as a table in HTML.

    Parameters
    ----------
    rows : sequence of tuple of (object, object, float)
        Two texts and a number for each row.

    Returns
    -------
    str
        The table.
    """
    lines = [
        f"<tr><td>{share:+.3f}</td><td>{plain_html(str(first))}</td>"
        f"<td>{plain_html(str(second))}</td></tr>"
        for first, second, share in rows
    ]
    return f"<table>{''.join(lines)}</table>"


def plain_html(text: str) -> str:
    """Write text as HTML; lone surrogates, which no page can hold, are replaced.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
        HTML that shows it.
    """
    return escape(text.encode("utf-8", "replace").decode("utf-8"))
