"""Text from files: decompressed and decoded, with messages that show what was found."""

import codecs
import io
from collections.abc import Iterator
from typing import IO, AnyStr, BinaryIO

from sklux._utils.file_kinds import beginning_in_words
from sklux._utils.optional import import_optional

# Further suffixes of compressed files, with the names of the codecs in Arrow.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
# First bytes of compressed files. No text in UTF-8 begins with them, except BZh.
SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
# After "BZh" and a digit, a file of bzip2 begins with these digits of pi.
BZIP2_BLOCK = b"1AY&SY"
# The longer marks come first: UTF-32 begins as UTF-16 does.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEAD_BYTES = 64
# A line of more bytes or characters is refused. Without a limit, a line that never
# ends, such as a few megabytes of compressed zeros, would fill the memory.
MAX_LINE = 2**28
# Bytes around an undecodable byte that a message shows.
N_AROUND = 12


class TextInput:
    """The text of a file that is open.

    Parameters
    ----------
    file : binary file
        The file.
    name : str
        Its name in messages.
    encoding : str or None
        Its encoding; None means UTF-8. A byte order mark has precedence.
    compression : str or None
        A value of `COMPRESSIONS`; None means that the first bytes show it.

    Attributes
    ----------
    head : bytes
        The first bytes, decompressed.
    encoding : str
        The encoding.

    Raises
    ------
    ValueError
        If the text seems to be UTF-16 without a byte order mark.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        encoding: str | None = None,
        compression: str | None = None,
    ):
        self.name = name
        self._given = encoding
        head, file = looked_at(file)
        compression = compression or compression_of(head)
        if compression is not None:
            head, file = looked_at(decompressed(file, compression))
        self.head, self._file = head, file
        self.encoding = encoding_of(head, encoding, name)

    def first_character(self) -> str:
        """First character of the text that is not blank; '' if none is near."""
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")
        return decoder.decode(self.head).strip()[:1]

    def lines(self) -> Iterator[str]:
        """Yield the lines, each with its end; only a line feed ends a line.

        Yields
        ------
        str
            A line.

        Raises
        ------
        ValueError
            If a line cannot be decoded.
        """
        place = "The text"
        try:
            if "\n".encode(self._plain()) == b"\n":
                for number, line in enumerate(self._limited(self._file), start=1):
                    place = f"Line {number}"
                    # A file may begin with a byte order mark.
                    yield line.decode(self.encoding if number == 1 else self._plain())
            else:
                for number, text in enumerate(self.decoded_lines("\n"), start=1):
                    # The text is decoded some lines ahead.
                    place = f"The text after line {number}"
                    yield text
        except UnicodeError as error:
            raise self.decode_error(place, error) from error

    def decoded_lines(self, newline: str = "") -> Iterator[str]:
        """Yield the lines of `stream`, whose errors of decoding are not in words.

        Parameters
        ----------
        newline : str
            What ends a line, as for `open`.

        Yields
        ------
        str
            A line.

        Raises
        ------
        ValueError
            If a line is too long.
        """
        yield from self._limited(self.stream(newline))

    def _limited(self, file: IO[AnyStr]) -> Iterator[AnyStr]:
        """The lines of a file, up to one that is too long."""
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise ValueError(
                    f"Line {number} of {self.name} has more than {MAX_LINE:,} "
                    "characters. Check the format of the file, or cut the text."
                )
            yield line

    def stream(self, newline: str = "") -> io.TextIOWrapper:
        """The text as a file, whose errors are not in words."""
        return io.TextIOWrapper(self._file, encoding=self.encoding, newline=newline)

    def decode_error(self, place: str, error: UnicodeError) -> ValueError:
        """Make the error for a text that is not in the encoding.

        Parameters
        ----------
        place : str
            Where the text is.
        error : UnicodeError
            What the decoder found.

        Returns
        -------
        ValueError
            An error that shows the bytes and names the remedy.
        """
        found = str(error)
        if isinstance(error, UnicodeDecodeError):
            around = slice(max(error.start - N_AROUND, 0), error.start + N_AROUND)
            found = f"{error.reason} in {bytes(error.object)[around]!r}"
        begins = beginning_in_words(self.head)
        kind = f"{begins}. " if begins.endswith(")") else ""
        name = self._plain().upper() if self._given is None else self._given
        return ValueError(
            f"{place} of {self.name} is not {name}: {found}. {kind}Give the encoding "
            "of the file with --encoding, such as --encoding cp1252 or utf-16."
        )

    def _plain(self) -> str:
        """The encoding after a byte order mark."""
        return self.encoding.removesuffix("-sig")


def looked_at(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """Read the first bytes of a file that may be a pipe.

    Parameters
    ----------
    file : binary file
        The file.

    Returns
    -------
    head : bytes
        At most `HEAD_BYTES` bytes.
    whole : binary file
        The whole file, with these bytes.
    """
    head = file.read(HEAD_BYTES)
    return head, io.BufferedReader(Rejoined(head, file), buffer_size=2**20)


class Rejoined(io.RawIOBase):
    """A file whose first bytes have been read, with these bytes.

    Parameters
    ----------
    head : bytes
        The first bytes.
    rest : binary file
        The file after them.
    """

    def __init__(self, head: bytes, rest: BinaryIO):
        self.head, self.rest = head, rest

    def readable(self) -> bool:
        """Whether bytes can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read bytes into a buffer; return their number."""
        found = self.head[: len(buffer)] or self.rest.read1(len(buffer))  # type: ignore
        self.head = self.head[len(buffer) :]
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the file."""
        self.rest.close()
        super().close()


def compression_of(head: bytes) -> str | None:
    """Compression of a file, by its first bytes.

    Parameters
    ----------
    head : bytes
        The first bytes.

    Returns
    -------
    str or None
        A value of `COMPRESSIONS`; None if there is none.
    """
    for signature, compression in SIGNATURES.items():
        if head.startswith(signature):
            is_text = compression == "bz2" and head[4:10] != BZIP2_BLOCK
            return None if is_text else compression
    return None


def decompressed(file: BinaryIO, compression: str) -> BinaryIO:
    """The bytes in a compressed file; closing them closes the file.

    Parameters
    ----------
    file : binary file
        The file.
    compression : str
        A value of `COMPRESSIONS`.

    Returns
    -------
    binary file
        The bytes.
    """
    arrow = import_optional("pyarrow", extra="cli", purpose="Reading compressed files")
    stream = arrow.CompressedInputStream(file, compression)
    return io.BufferedReader(stream, buffer_size=2**20)


def encoding_of(head: bytes, given: str | None, name: str) -> str:
    """Encoding of a text: by its byte order mark, as given, or UTF-8.

    Parameters
    ----------
    head : bytes
        The first bytes.
    given : str or None
        The option ``--encoding``.
    name : str
        Name of the file, for the message.

    Returns
    -------
    str
        The encoding.

    Raises
    ------
    ValueError
        If none is given, and the text seems to be UTF-16.
    """
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if given is not None:
        return given
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = head[first::2]
        # The high bytes of Latin letters are zero.
        if len(half) > 1 and 2 * half.count(0) > len(half):
            raise ValueError(
                f"{name} seems to be UTF-16 without a byte order mark. "
                f"{beginning_in_words(head)}. Give its encoding with --encoding "
                f"{encoding}."
            )
    return "utf-8"


def check_encoding(encoding: str | None) -> None:
    """Refuse an encoding that Python does not have.

    Parameters
    ----------
    encoding : str or None
        The option ``--encoding``.

    Raises
    ------
    ValueError
        If it is not the name of an encoding of text.
    """
    if encoding is None:
        return
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ValueError(
            f"--encoding {encoding} is not an encoding of text that Python has. Give "
            "for instance utf-8, utf-16, cp1252 or latin-1."
        ) from error
