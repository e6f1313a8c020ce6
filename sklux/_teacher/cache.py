"""Vectors of documents on disk, in one sqlite3 file, keyed by model and text."""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from sklux._teacher.cache_file import CacheFile
from sklux._teacher.cache_layout import (
    Series,
    known_width,
    read_vectors,
    series_number,
    stored_keys,
    table_names,
    write_vectors,
)
from sklux._teacher.stored_words import read_words, write_words
from sklux._utils.warnings import warn_caller

# Part of every key. Raise it when the meaning of a key changes.
KEY_VERSION = 1


def text_key(identity: str, dtype: str, text: str, windows: int = 1) -> bytes:
    """Key of a document's vector: blake2b-128 of everything that determines it.

    Parameters
    ----------
    identity : str
        Identity of the model, with the options of its calls.
    dtype : str
        Type to which the vector is rounded.
    text : str
        The document; lone surrogates are allowed.
    windows : int, default=1
        Maximum number of windows of a long document.

    Returns
    -------
    bytes of length 16
        Equal for equal arguments only.
    """
    digest = hashlib.blake2b(digest_size=16)
    # A single window is not part of a key: keys are older than windows.
    options = [] if windows == 1 else [f"windows={windows}"]
    for part in (str(KEY_VERSION), identity, dtype, *options, text):
        encoded = part.encode("utf-8", "surrogatepass")
        # The length before each part distinguishes ("ab", "c") from ("a", "bc").
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


class VectorCache(CacheFile):
    """Vectors of one model in one file.

    Parameters
    ----------
    folder : str, path-like or None
        Folder of the file; None means `data_home`.
    identity : str
        Identity of the model, with the options of its calls.
    dtype : str
        Type in which the vectors are stored.
    windows : int, default=1
        Maximum number of windows of a long document.
    compute_dtype : str, default='float32'
        Type in which the model computes. Vectors of another type than float32 have an
        identity of their own.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        identity: str,
        dtype: str,
        windows: int = 1,
        compute_dtype: str = "float32",
    ):
        super().__init__(folder)
        self.compute_dtype = compute_dtype
        self.model_identity = identity
        # float32 is not part of an identity: vectors are older than other types.
        self.identity = (
            identity
            if compute_dtype == "float32"
            else f"{identity}, computed in {compute_dtype}"
        )
        self.dtype = np.dtype(dtype)
        self.windows = windows
        self._reported: set[bytes] = set()

    def key(self, text: str) -> bytes:
        """Key of a document's vector."""
        return text_key(self.identity, self.dtype.name, text, self.windows)

    def n_components(self) -> int | None:
        """Width of the model's vectors, or None if none is stored."""
        with self.reading() as connection:
            if connection is None:
                return None
            return known_width(connection, self.identity)

    def known_compute_dtype(self) -> str | None:
        """Type in which the model computes its vectors for this file, if it is known.

        Returns
        -------
        str or None
            The type that was chosen, or ``'float32'`` if the file holds vectors of the
            model without a choice. None if the file has nothing of the model.
        """
        with self.reading() as connection:
            return None if connection is None else self._chosen(connection)

    def keep_compute_dtype(self, chosen: str) -> str:
        """Store a choice, unless another thread or process was first.

        Parameters
        ----------
        chosen : str
            Type in which the model is to compute.

        Returns
        -------
        str
            The type that holds for this file.

        Raises
        ------
        OSError
            If the disk is full or read-only.
        """
        with self.writing() as connection:
            before = self._chosen(connection)
            if before is None:
                connection.execute(
                    "INSERT INTO compute_dtypes VALUES (?, ?)",
                    (self.model_identity, chosen),
                )
        return before or chosen

    def _chosen(self, connection: sqlite3.Connection) -> str | None:
        """Type that was chosen, or that the stored vectors must have."""
        if "compute_dtypes" in table_names(connection):
            row = connection.execute(
                "SELECT compute_dtype FROM compute_dtypes WHERE identity = ?",
                (self.model_identity,),
            ).fetchone()
            if row:
                return str(row[0])
        # Vectors without a choice are older than choices, or the user chose float32.
        width = known_width(connection, self.model_identity)
        return None if width is None else "float32"

    def known_words(self) -> list[str] | None:
        """Words of the model's tokenizer.

        Returns
        -------
        list of str or None
            The words as `keep_words` stored them; None if the file does not have them,
            or if they are damaged.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        with self.reading() as connection:
            if connection is None:
                return None
            return read_words(connection, self.model_identity)

    def keep_words(self, words: list[str]) -> None:
        """Store the words of the model's tokenizer.

        Parameters
        ----------
        words : list of str
            The words.

        Raises
        ------
        OSError
            If the disk is full or read-only.
        """
        with self.writing() as connection:
            write_words(connection, self.model_identity, words)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Return the stored vectors of some keys.

        Parameters
        ----------
        keys : sequence of bytes
            Keys, as `key` returns them.

        Returns
        -------
        dict of bytes to ndarray of shape (n_components,)
            The vectors that are stored and whole, in the cache's dtype.

        Raises
        ------
        OSError
            If the file cannot be read.

        Warns
        -----
        UserWarning
            If stored vectors are damaged. They are left out.
        """
        with self.reading() as connection:
            if connection is None:
                return {}
            width = known_width(connection, self.identity)
            found, damaged = read_vectors(connection, keys, self.dtype, width)
        self._report(damaged)
        return found

    def _report(self, damaged: set[bytes]) -> None:
        """Warn once of damaged vectors: the disk may have more of them."""
        if new := damaged - self._reported:
            self._reported |= new
            warn_caller(
                f"The teacher cache {str(self.file)!r} has damaged vectors, for "
                f"{len(new):,} of the asked texts. They are not used: the teacher "
                "embeds these texts again. `sklux cache --verify` checks all vectors.",
                UserWarning,
            )

    def count(self, keys: Iterable[bytes]) -> int:
        """Count the keys that have a stored vector, without reading the vectors.

        Parameters
        ----------
        keys : iterable of bytes
            Keys, as `key` returns them. Equal keys count as one.

        Returns
        -------
        int
            Number of distinct keys with a vector.
        """
        with self.reading() as connection:
            if connection is None:
                return 0
            return len(stored_keys(connection, list(dict.fromkeys(keys))))

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Store vectors in one transaction. Whole stored vectors stay.

        Parameters
        ----------
        keys : sequence of bytes of length n_samples
            Keys, as `key` returns them.
        vectors : ndarray of shape (n_samples, n_components)
            Finite vectors, in the cache's dtype.

        Raises
        ------
        ValueError
            If stored vectors of the model have another width.
        OSError
            If the disk is full or read-only. Nothing of this call is stored.
        """
        with self.writing() as connection:
            width = vectors.shape[1]
            self._check_width(known_width(connection, self.identity), width)
            stored, _ = read_vectors(connection, keys, self.dtype, width)
            new: dict[bytes, bytes] = {}
            for key, vector in zip(keys, vectors):
                if key not in stored:
                    new.setdefault(key, vector.tobytes())
            if new:
                series = Series(self.identity, self.dtype.name, self.windows)
                number = series_number(connection, series, width)
                write_vectors(connection, number, new.items())

    def _check_width(self, stored: int | None, width: int) -> None:
        """Refuse vectors of another width than the model's stored vectors have."""
        if stored is None or stored == width:
            return
        raise ValueError(
            f"The teacher returned vectors of width {width}, but "
            f"the cache {str(self.file)!r} holds vectors of width {stored} "
            f"for the same model ({self.identity}). Give the changed model "
            f"another model_id, or set {self.setting} to another folder."
        )

    def lost_error(self, n_lost: int) -> OSError:
        """Error for vectors that were just stored and are not found.

        Parameters
        ----------
        n_lost : int
            Number of the vectors.

        Returns
        -------
        OSError
            The error.
        """
        return OSError(
            f"The teacher cache {str(self.file)!r} does not find {n_lost:,} vectors "
            "that were just stored: its index is damaged, or another program removed "
            "them. `sklux cache --remove-damaged` makes the index again. Or set "
            f"{self.setting} to another folder."
        )
