"""Word pieces: learnt on the documents, or taken from a given tokenizer."""

import json
import os
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from sklux._kernels.tokens import CLASS_BITS, Analysis, TokenStream
from sklux._kernels.wordpiece import PieceTrie
from sklux._kernels.words import WordTable
from sklux._lexical.buffers import TextBuffers, text_buffers
from sklux._lexical.characters import (
    N_CODE_POINTS,
    CharacterTables,
    PagedBytes,
    changed_by,
    make_tables,
)
from sklux._lexical.segmentation import (
    composition_pages,
    normal_form,
    piece_tables,
    piece_words,
)
from sklux._lexical.tokens import Strings, Tokens, pack_strings
from sklux._utils.messages import as_sentence
from sklux._utils.optional import import_optional
from sklux._utils.threads import interruptible

# Word pieces are learnt on about this many characters, spread over the documents.
LEARNT_CHARACTERS = 30_000_000
UNKNOWN_PIECE = "[UNK]"
# Only this many characters have a piece, the most frequent ones.
MAX_ALPHABET = 1000
MAX_PIECES = 2**24
# No pieces are learnt from longer words, such as files in base64: they are read as
# unknown, and the time to learn from a word grows with the square of its length.
MAX_WORD_CHARACTERS = 100


class PieceTables(NamedTuple):
    """The pieces of one tokenizer, ready for the kernel.

    Attributes
    ----------
    trie : PieceTrie
        The pieces.
    characters : CharacterTables
        Rules for each character.
    composing : PagedBytes or None
        How each character takes part in the normal form; None: the rules of the
        running Python are made when they are needed.
    """

    trie: PieceTrie
    characters: CharacterTables
    composing: PagedBytes | None = None


class Subwords:
    """The pieces of one tokenizer, and how text becomes pieces.

    Parameters
    ----------
    tokenizer_json : str
        The tokenizer in the JSON form of the tokenizers library. Truncation, padding
        and dropout do not count.
    packed_tables : dict of str to ndarray, or None
        The rules of the tokenizer's normalizer for each character, in the form of
        `CharacterTables.packed`. None: they are found with the tokenizers library,
        or made by the rules of the segmentation.
    segmentation : {'regex', 'unicode'}, default='regex'
        'unicode' if the words that are cut into pieces follow the rules of
        `segmentation.piece_words`, 'regex' if the tokenizer decides.
    tables : PieceTables or None, default=None
        What the kernel needs, if it has been made before. Then the JSON is parsed only
        if something else is asked.
    """

    def __init__(
        self,
        tokenizer_json: str,
        packed_tables: dict[str, np.ndarray] | None = None,
        segmentation: str = "regex",
        tables: PieceTables | None = None,
    ):
        self.tokenizer_json = tokenizer_json
        self.segmentation = segmentation
        self._given_tables = packed_tables
        self._ready = tables

    @cached_property
    def _state(self) -> dict:
        """The tokenizer, parsed on first use to let a model file open quickly."""
        return json.loads(self.tokenizer_json)

    @cached_property
    def in_kernel(self) -> bool:
        """Whether the kernel reads text; otherwise the tokenizers library does."""
        is_ready = self._is_unicode or self._ready is not None
        return is_ready or is_bert_like(self._state)

    @property
    def _is_unicode(self) -> bool:
        """Whether text is cut into words by the rules of the module segmentation."""
        return self.segmentation == "unicode"

    @cached_property
    def packed_tables(self) -> dict[str, np.ndarray] | None:
        """Rules for each character, packed; None if the library reads text."""
        if not self.in_kernel or self._given_tables is not None:
            return self._given_tables
        if self._is_unicode:
            return piece_tables().packed()
        parts = (json.dumps(self._state[k]) for k in ("normalizer", "pre_tokenizer"))
        return _library_tables(*parts).packed()

    @cached_property
    def pieces(self) -> Strings:
        """Pieces by id; unused ids have an empty string."""
        return pack_strings(self._pieces_by_id(self._state))

    @property
    def _model(self) -> dict:
        """The model's part of the tokenizer."""
        return self._state["model"]

    @cached_property
    def _added(self) -> dict[str, int]:
        """Added tokens with their ids."""
        added = self._state.get("added_tokens") or []
        return {token["content"]: token["id"] for token in added}

    def __reduce__(self):
        return Subwords, (self.tokenizer_json, self.packed_tables, self.segmentation)

    def _pieces_by_id(self, state: dict) -> list[str]:
        """Pieces in the order of their ids."""
        if self.in_kernel:
            vocabulary = dict(state["model"]["vocab"])
            for token in state.get("added_tokens") or []:
                known = vocabulary.setdefault(token["content"], token["id"])
                if known != token["id"]:
                    raise ValueError(
                        "The 'tokenizer' parameter of LexicalVectorizer gives the "
                        f"piece {token['content']!r} two ids, {known} and "
                        f"{token['id']}. Save the tokenizer again."
                    )
        else:
            vocabulary = self.library.get_vocab(with_added_tokens=True)
        if not vocabulary:
            raise ValueError(
                "The 'tokenizer' parameter of LexicalVectorizer has no pieces. Train "
                "the tokenizer first."
            )
        numbers = vocabulary.values()
        if not all(type(n) is int and 0 <= n < MAX_PIECES for n in numbers):
            raise ValueError(
                "The 'tokenizer' parameter of LexicalVectorizer has a piece whose id "
                f"is not an int from 0 to {MAX_PIECES - 1}. Save the tokenizer again."
            )
        pieces = [""] * (max(numbers) + 1)
        for piece, number in vocabulary.items():
            pieces[number] = piece
        return pieces

    @cached_property
    def library(self):
        """The tokenizer as an object of the tokenizers library."""
        return load_tokenizer(self.tokenizer_json)

    @cached_property
    def _tables(self) -> CharacterTables:
        """Rules for each character."""
        return CharacterTables.unpacked(self.packed_tables)

    @cached_property
    def tables(self) -> PieceTables:
        """What the kernel needs."""
        if self._ready is not None:
            return self._ready
        trie = PieceTrie(*self._pieces_in_words(), *self.trie_rules)
        return PieceTables(trie, self._tables)

    def _pieces_in_words(self) -> tuple[np.ndarray, np.ndarray, bytes]:
        """The pieces of words, and the prefix of continuing pieces."""
        words = self.pieces.tolist()
        for piece, number in self._added.items():
            # Added pieces are found in the text, not inside words.
            if piece not in self._model["vocab"]:
                words[number] = ""
        return *pack_strings(words), self._model["continuing_subword_prefix"].encode()

    @property
    def trie_rules(self) -> tuple[int, int, np.ndarray, np.ndarray]:
        """Number of the unknown piece, longest word, and marks, for the kernel."""
        normalize = self._normalized_mark
        marks = pack_strings([normalize(piece) for piece in self._added])
        return (
            self._model["vocab"][self._model["unk_token"]],
            self._model["max_input_chars_per_word"],
            *marks,
        )

    def _normalized_mark(self, content: str) -> str:
        """An added piece in the form that it has in normalized text."""
        replacement = self._tables.replacement
        return "".join(chr(c) for old in content for c in replacement(ord(old)))

    def analysis(
        self, is_careful: bool = False, is_ascii: bool = False
    ) -> Analysis | None:
        """Return the kernel's rules; None if the library has to read.

        Parameters
        ----------
        is_careful : bool, default=False
            Whether the text is prepared as in `careful_tokens`, so the kernel reads
            everything.
        is_ascii : bool, default=False
            Whether the text is known to be ASCII.

        Returns
        -------
        Analysis or None
            Rules that hold for every text, or for the text described.
        """
        if not self.in_kernel:
            return None
        trie, characters, composing = self.tables
        checks_form = self._is_unicode and not (is_careful or is_ascii)
        return Analysis(
            "piece",
            1,
            0,
            False,
            False,
            characters,
            trie,
            is_careful,
            (composing or composition_pages()) if checks_form else None,
        )

    def read_all(self) -> None:
        """Make everything that is made on first use, to find out what is damaged."""
        _ = self.pieces, self.analysis()
        if self.in_kernel and not (self._is_unicode or is_bert_like(self._state)):
            raise ValueError("its tables are of a tokenizer of another kind")
        # A copy makes its own tables, also if a file holds them.
        if self.in_kernel:
            _ = self._tables
            PieceTrie(*self._pieces_in_words(), *self.trie_rules)

    def careful_tokens(self, document: str) -> np.ndarray:
        """Return the pieces of a document with an added piece or with rare marks.

        Successive marks have a canonical order, which the kernel does not establish.
        Added pieces are cut out of the original text. With the segmentation 'unicode',
        the document may not be in normal form.

        Parameters
        ----------
        document : str
            The document.

        Returns
        -------
        ndarray of shape (n_tokens,), dtype=np.uint32
            Ids of pieces.
        """
        if self._is_unicode:
            return self._read(normal_form(document))
        longest_first = sorted(self._added, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        parts = re.split(f"({pattern})", document) if pattern else [document]
        tokens = []
        for place, part in enumerate(parts):
            if place % 2:
                tokens.append(np.array([self._added[part]], dtype=np.uint32))
            else:
                tokens.append(self._read(self._canonical(part)))
        return np.concatenate(tokens)

    def _canonical(self, text: str) -> str:
        """A text with marks in canonical order, if the tokenizer decomposes accents.

        The tokenizer drops control characters first, so marks around a control
        character are successive.
        """
        if self._normalized_mark("\u00e9") == "\u00e9":
            return text
        kept = (
            c
            for c in text
            if unicodedata.category(c) == "Mn" or self._normalized_mark(c)
        )
        return unicodedata.normalize("NFD", "".join(kept))

    def _read(self, text: str) -> np.ndarray:
        """Pieces of one text, found by the kernel alone."""
        (buffers,) = text_buffers([text])
        stream = TokenStream()
        ends = np.empty(1, dtype=np.int64)
        stream.read(self.analysis(True), WordTable(), False, *buffers[:3], ends)
        tokens = np.empty(len(stream), dtype=np.uint32)
        stream.copy_tokens(tokens)
        return tokens

    def library_tokens(self, documents: list[str]) -> Tokens:
        """Return the pieces of documents, found by the tokenizers library.

        Parameters
        ----------
        documents : list of str
            Documents.

        Returns
        -------
        Tokens
            Ids of pieces; special pieces are not added.
        """
        # The library refuses lone surrogates.
        clean = [text.encode("utf-8", "replace").decode() for text in documents]
        try:
            with panics_as_errors():
                encodings = self.library.encode_batch(clean, add_special_tokens=False)
        except Exception as error:  # the library raises the base class
            remedy = "Set its unknown token (unk_token)."
            if isinstance(error, ValueError):  # of a panic
                remedy = "Use a tokenizer without the step that fails."
            raise ValueError(
                "The 'tokenizer' parameter of LexicalVectorizer is a tokenizer that "
                f"cannot read a document: {as_sentence(error)} {remedy}"
            ) from error
        ids = [encoding.ids for encoding in encodings]
        ends = np.cumsum([len(part) for part in ids], dtype=np.int64)
        numbers = np.array([number for part in ids for number in part], dtype=np.uint32)
        return Tokens(numbers, ends)


def _library():
    """The tokenizers library."""
    return import_optional(
        "tokenizers", extra="subword", purpose="LexicalVectorizer with subwords"
    )


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Make a ValueError of a panic of the tokenizers library.

    The library raises a class of its own for them, which no ``except Exception``
    catches.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"The tokenizers library failed: {error}.") from error


def load_tokenizer(tokenizer_json: str):
    """Return the tokenizers library's object for a JSON text.

    Parameters
    ----------
    tokenizer_json : str
        The tokenizer.

    Returns
    -------
    tokenizers.Tokenizer
        Without truncation, padding and the dropout of a BPE model.

    Raises
    ------
    ValueError
        If the JSON is not a tokenizer.
    ImportError
        If tokenizers is not installed.
    """
    tokenizers = _library()
    try:
        with panics_as_errors():
            tokenizer = tokenizers.Tokenizer.from_str(tokenizer_json)
    except Exception as error:  # the library raises the base class
        raise ValueError(
            "The 'tokenizer' parameter of LexicalVectorizer must hold a tokenizer of "
            "the tokenizers library. Got JSON that the library refuses: "
            f"{as_sentence(error)} Save the tokenizer again with tokenizer.save(path)."
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if getattr(tokenizer.model, "dropout", None) is not None:
        # It makes other pieces of a text each time.
        tokenizer.model.dropout = None
    return tokenizer


def read_tokenizer(tokenizer: object) -> str:
    """Return the JSON of a given tokenizer.

    Parameters
    ----------
    tokenizer : str, path-like or tokenizers.Tokenizer
        A JSON text, a JSON file, or an object with ``to_str``.

    Returns
    -------
    str
        JSON that the tokenizers library reads, without truncation, padding and dropout.

    Raises
    ------
    ValueError
        If the file does not exist or does not hold a tokenizer, or an id is too large
        or occurs twice.
    TypeError
        If the tokenizer has another type.
    """
    if hasattr(tokenizer, "to_str"):
        with panics_as_errors():
            text = tokenizer.to_str()
    elif isinstance(tokenizer, str) and tokenizer.lstrip().startswith("{"):
        text = tokenizer
    elif isinstance(tokenizer, (str, os.PathLike)):
        try:
            with open(tokenizer, encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            raise ValueError(
                "The 'tokenizer' parameter of LexicalVectorizer must be a JSON file or "
                f"text of the tokenizers library. Got {os.fspath(tokenizer)[:80]!r}, "
                f"which cannot be read: {as_sentence(error)}"
            ) from error
    else:
        raise TypeError(
            "The 'tokenizer' parameter of LexicalVectorizer must be a JSON file, a "
            "JSON text or a tokenizers.Tokenizer when the analyzer is 'subword' or "
            f"'word+subword'. Got {type(tokenizer).__name__} instead."
        )
    library = load_tokenizer(text)
    with panics_as_errors():
        numbers = library.get_vocab(with_added_tokens=True).values()
    # The library drops one of two pieces with the same id, and takes very long to
    # write large ids.
    if len(set(numbers)) < len(numbers) or max(numbers, default=0) >= MAX_PIECES:
        raise ValueError(
            "The 'tokenizer' parameter of LexicalVectorizer gives one id to two "
            f"pieces, or has a piece whose id is {MAX_PIECES} or more. Give each "
            "piece its own id below that number."
        )
    with panics_as_errors():
        return library.to_str()


def learn_wordpieces(
    documents: Iterable[str], n_pieces: int, segmentation: str = "regex"
) -> str:
    """Learn word pieces on documents.

    As in BERT, text is lower-cased, accents are removed, and each punctuation character
    is a word. The same documents give the same pieces. Words with more characters than
    `MAX_WORD_CHARACTERS` are left out.

    Parameters
    ----------
    documents : iterable of str
        Documents.
    n_pieces : int
        Largest number of pieces.
    segmentation : {'regex', 'unicode'}, default='regex'
        How text is cut into words: by the rules of BERT, or by `piece_words`.

    Returns
    -------
    str
        JSON of the tokenizer.

    Raises
    ------
    ImportError
        If tokenizers is not installed.
    """
    tokenizers = _library()
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            unk_token=UNKNOWN_PIECE, max_input_chars_per_word=MAX_WORD_CHARACTERS
        )
    )
    is_unicode, documents = segmentation == "unicode", list(documents)
    cut: Any = tokenizers.pre_tokenizers.BertPreTokenizer()
    if is_unicode:
        # The library cuts at blanks; the pieces are stored without rules of its own.
        documents = [" ".join(piece_words(document)) for document in documents]
        cut = tokenizers.pre_tokenizers.WhitespaceSplit()
    else:
        tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    # The library allocates memory for all n_pieces. There are at most as many pieces as
    # parts of words, plus two for each character.
    n_pieces = min(n_pieces, 2 + 2 * MAX_ALPHABET + sum(map(len, documents)))
    # Each character makes two pieces: one that begins a word, one that continues it.
    n_characters = min(MAX_ALPHABET, (n_pieces - 1) // 2)
    alphabet = _frequent_characters(tokenizer.normalizer, documents)[:n_characters]
    # The library numbers the continuing pieces of one character in no fixed order, and
    # these numbers decide ties. Special pieces are numbered in the given order.
    continuing = ["##" + character for character in alphabet]
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=n_pieces,
        special_tokens=[UNKNOWN_PIECE, *continuing],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    tokenizer.pre_tokenizer = _without_long_words(cut)
    # The library learns for seconds.
    interruptible(lambda: tokenizer.train_from_iterator(documents, trainer))
    tokenizer.pre_tokenizer = cut
    state = json.loads(tokenizer.to_str())
    # The continuing pieces are not special in text.
    added = [] if is_unicode else [UNKNOWN_PIECE]
    state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] in added]
    return json.dumps(state, ensure_ascii=False)


def _without_long_words(cut: Any) -> Any:
    """A pre-tokenizer that cuts like the given one, and removes long words."""
    tokenizers = _library()
    long_word = tokenizers.Regex(f".{{{MAX_WORD_CHARACTERS + 1},}}")
    drop_long = tokenizers.pre_tokenizers.Split(long_word, "removed")
    return tokenizers.pre_tokenizers.Sequence([cut, drop_long])


def _frequent_characters(normalizer: Any, documents: list[str]) -> list[str]:
    """Characters of the normalized documents, the most frequent first."""
    counts: Counter[str] = Counter()
    for start in range(0, len(documents), 1000):
        text = "\n".join(documents[start : start + 1000])
        counts.update(text if normalizer is None else normalizer.normalize_str(text))
    frequent = sorted(counts, key=lambda character: (-counts[character], character))
    return [character for character in frequent if not character.isspace()]


def sampled_documents(blocks: list[TextBuffers]) -> Iterator[str]:
    """Yield the documents to learn on: all, or every k-th document of a large corpus.

    Parameters
    ----------
    blocks : list of TextBuffers
        All documents.

    Yields
    ------
    str
        Documents, without lone surrogates.
    """
    n_characters = sum(int(block.lengths.sum()) for block in blocks)
    step = _learning_step(n_characters)
    for block in blocks:
        for place in range(-block.first % step, len(block), step):
            yield _without_surrogates(block.document(place))


class LearningSample:
    """The documents of `sampled_documents`, if the corpus is read only once.

    The step is a power of two. So every document of the final step is a document
    of the steps before, too.
    """

    def __init__(self) -> None:
        self.documents: list[str] = []
        self._step, self._n_documents, self._n_characters = 1, 0, 0

    def add(self, documents: Sequence[str]) -> None:
        """Add the next documents of the corpus.

        Parameters
        ----------
        documents : sequence of str
            Documents.
        """
        first = -self._n_documents % self._step
        self.documents += map(_without_surrogates, documents[first :: self._step])
        self._n_documents += len(documents)
        self._n_characters += sum(map(len, documents))
        step = _learning_step(self._n_characters)
        self.documents = self.documents[:: step // self._step]
        self._step = step

    def taken(self) -> list[str]:
        """Return the documents, and forget them.

        Returns
        -------
        list of str
            The documents.
        """
        documents, self.documents = self.documents, []
        return documents


def _learning_step(n_characters: int) -> int:
    """A power of two k: pieces are learnt on every k-th document of a corpus."""
    most = max(1, n_characters // LEARNT_CHARACTERS)
    return 1 << (most - 1).bit_length()


def _without_surrogates(document: str) -> str:
    """A document that the library reads."""
    return document.encode("utf-8", "replace").decode()


def is_bert_like(state: dict) -> bool:
    """Whether the kernel supports a tokenizer: BERT's rules and WordPiece.

    Parameters
    ----------
    state : dict
        The tokenizer's JSON.

    Returns
    -------
    bool
        True if the kernel finds the same pieces.
    """
    model = state.get("model") or {}
    prefix = model.get("continuing_subword_prefix")
    return (
        model.get("type") == "WordPiece"
        and model.get("unk_token") in model.get("vocab", {})
        and isinstance(prefix, str)
        # A continuing piece must not be the beginning of a word. A word that begins
        # with punctuation has one character.
        and len(prefix) > 1
        and prefix[0] in string.punctuation
        and (state.get("normalizer") or {}).get("type") == "BertNormalizer"
        and (state.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
        and all(_is_plain_mark(token) for token in state.get("added_tokens") or [])
    )


def _is_plain_mark(token: dict) -> bool:
    """Whether an added piece is found in the original text, without any option."""
    options = ("single_word", "lstrip", "rstrip", "normalized")
    return (
        not any(token.get(option) for option in options)
        and token["content"][:1] in string.punctuation
        and token["content"] != ""
    )


@lru_cache(maxsize=8)
def _library_tables(normalizer_json: str, pre_tokenizer_json: str) -> CharacterTables:
    """Rules of a normalizer and a pre-tokenizer of the library for each character."""
    shell = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": json.loads(normalizer_json),
        "pre_tokenizer": json.loads(pre_tokenizer_json),
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": UNKNOWN_PIECE,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {UNKNOWN_PIECE: 0},
        },
    }
    tokenizer = load_tokenizer(json.dumps(shell))
    normalize = tokenizer.normalizer.normalize_str

    def normalized(text: str) -> str:
        # The library refuses lone surrogates. They are dropped, like controls.
        with panics_as_errors():
            return normalize("".join(c for c in text if not "\ud800" <= c <= "\udfff"))

    changed = changed_by(normalized)
    with panics_as_errors():
        classes = _piece_classes(tokenizer.pre_tokenizer)
    for code_point, text in list(changed.items()):
        if text == f" {chr(code_point)} ":
            # Blanks around a character make it a word, and so does punctuation.
            del changed[code_point]
            classes[code_point] = CLASS_BITS["punctuation"]
    if normalized("\u00e9") != "\u00e9":
        # Accents are decomposed, and the remaining marks need a canonical order.
        for code_point in range(0x80, N_CODE_POINTS):
            text = changed.get(code_point, chr(code_point))
            if any(unicodedata.combining(c) for c in text):
                classes[code_point] |= CLASS_BITS["odd"]
    return make_tables(changed, classes)


def _piece_classes(pre_tokenizer) -> np.ndarray:
    """Classes of all characters: part of a word, a word alone, or white space."""
    classes = np.full(N_CODE_POINTS, CLASS_BITS["word"], dtype=np.uint8)
    for block in range(0, N_CODE_POINTS, 256):
        code_points = [
            c for c in range(block, block + 256) if not 0xD800 <= c <= 0xDFFF
        ]
        # A character between letters is dropped, alone, or a part of one long word.
        text = "a".join(map(chr, code_points)).join("aa")
        kind = {i: CLASS_BITS["space"] for i in range(1, len(text), 2)}
        for _, (start, stop) in pre_tokenizer.pre_tokenize_str(text):
            alone = stop == start + 1
            for i in range(start, stop):
                kind[i] = CLASS_BITS["punctuation" if alone else "word"]
        for i, code_point in enumerate(code_points):
            classes[code_point] = kind[2 * i + 1]
    return classes
