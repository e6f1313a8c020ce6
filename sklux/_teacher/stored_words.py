"""Words of teachers' tokenizers in the file of teacher embeddings.

A fit needs the words of the tokenizer. Loading a teacher for them takes seconds. So a
fit whose embeddings are all stored does not load it.
"""

import hashlib
import json
import sqlite3

from sklux._teacher.cache_layout import CHECKSUM_BYTES, table_names

# The table is made with its first row. It has few rows, so it has no index. If
# `tokenizer_words` finds other words one day, they need a table of another name.
_TABLE = """
CREATE TABLE IF NOT EXISTS words (
    identity TEXT NOT NULL,
    checksum BLOB NOT NULL,
    words BLOB NOT NULL
)
"""


def read_words(connection: sqlite3.Connection, identity: str) -> list[str] | None:
    """Words of a model's tokenizer.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.
    identity : str
        Identity of the model.

    Returns
    -------
    list of str or None
        The words; None if the file does not have them, or if they are damaged.
    """
    if "words" not in table_names(connection):
        return None
    rows = connection.execute(
        "SELECT CAST(checksum AS BLOB), CAST(words AS BLOB) FROM words "
        "WHERE identity = ?",
        (identity,),
    )
    for checksum, stored in rows:
        if words_checksum(identity, stored) == checksum:
            return list(json.loads(stored))
    return None


def write_words(
    connection: sqlite3.Connection, identity: str, words: list[str]
) -> None:
    """Store the words of a model's tokenizer, in the place of other words of it.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file, in a transaction that may write.
    identity : str
        Identity of the model.
    words : list of str
        The words.
    """
    connection.execute(_TABLE)
    remove_words(connection, identity)
    stored = json.dumps(words).encode()
    connection.execute(
        "INSERT INTO words VALUES (?, ?, ?)",
        (identity, words_checksum(identity, stored), stored),
    )


def remove_words(connection: sqlite3.Connection, identity: str) -> None:
    """Remove the words of a model's tokenizer.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file, in a transaction that may write.
    identity : str
        Identity of the model, also with the type that it computes in.
    """
    if "words" in table_names(connection):
        connection.execute(
            "DELETE FROM words WHERE identity = ?1 "
            "OR instr(?1, identity || ', computed in ') = 1",
            (identity,),
        )


def damaged_words(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Find rows of words that are damaged.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.

    Returns
    -------
    list of (int, str)
        The number of each such row, and the identity in it.
    """
    if "words" not in table_names(connection):
        return []
    rows = connection.execute(
        "SELECT rowid, identity, CAST(checksum AS BLOB), CAST(words AS BLOB) FROM words"
    )
    return [
        (number, identity)
        for number, identity, checksum, stored in rows
        if words_checksum(identity, stored) != checksum
    ]


def words_checksum(identity: object, stored: bytes | None) -> bytes:
    """Checksum of a row of words.

    Parameters
    ----------
    identity : object
        Identity of the model; a damaged row can have a value that is not a str.
    stored : bytes or None
        The words as JSON. A damaged row can have a null.

    Returns
    -------
    bytes of length 8
        The checksum.
    """
    digest = hashlib.blake2b(digest_size=CHECKSUM_BYTES)
    digest.update(f"{identity!r} ".encode("utf-8", "surrogatepass"))
    digest.update(stored or b"")
    return digest.digest()
