"""Words of all scripts: marks, normal form, and scripts without spaces."""

import string
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklux._kernels.tokens import CLASS_BITS, EDGE, TokenStream
from sklux._kernels.words import WordTable

from sklux import LexicalVectorizer
from sklux._lexical.analysis import TextSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.characters import character_tables
from sklux._lexical.segmentation import (
    composition_table,
    normal_form,
    piece_tables,
    piece_words,
    unicode_words,
    without_format,
    word_tables,
)
from sklux._lexical.vectorizer import default_lexical_stage

some_examples = settings(max_examples=200, deadline=None)
few_examples = settings(max_examples=50, deadline=None)
# Letters and marks that compose, are reordered, or belong to scripts without spaces;
# signs, digits, format characters, and all widths of CPython's strings.
CHARACTERS = [
    *"ab\u00e9E_1 .,-'\u00df\u0130\u03a3\u03c3\u00b5",
    *"\u0301\u0323\u0302\u0307\u0345\u1ea1\u212b\u0344",  # accents, Angstrom sign
    *"\u0915\u093c\u0947\u0958\u0b95\u0bc6\u0bbe\u0bd7\u09c7\u09be",  # Indic vowels
    *"\u0e2a\u0e37\u0e49\u0e39\u0e33\u0e50\u0eaa\u0ec8\u0eb9",  # Thai, Lao
    *"\u1780\u17d2\u17b6\u1000\u1031\u103a\u1037",  # Khmer, Burmese
    *"\u4e2d\u56fd\u3005\uf900\U0002f800\u304b\u3099\u304c\u30ab\u30fc\uff76",
    *"\u1112\u1161\u11ab\ud55c\uac00",  # Hangul: parts and syllables
    *"\u05e9\u05b8\u0628\u064b",  # Hebrew and Arabic with vowel marks
    *"\u200b\u200c\u200d\u00ad\ufeff\ufe0f\u2764\U0001f34e\u20e3",
    "\ud800",
]
texts = st.text(st.sampled_from(CHARACTERS), max_size=12) | st.text(max_size=8)


def is_in(character, ranges):
    return any(first <= ord(character) <= last for first, last in ranges)


def is_mark(character):
    selectors = [(0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF)]
    return unicodedata.category(character) in ("Mn", "Mc") and not is_in(
        character, selectors
    )


def is_letter_without_spaces(character):
    names = ["THAI", "LAO", "KHMER", "MYANMAR", "HIRAGANA", "KATAKANA", "CJK"]
    names += ["HALFWIDTH KATAKANA", "KATAKANA-HIRAGANA", "BOPOMOFO", "TAI", "NEW TAI"]
    names += ["IDEOGRAPHIC", "HANGZHOU", "VERTICAL KANA", "HENTAIGANA", "MASU"]
    names += ["VERTICAL IDEOGRAPHIC"]
    name = unicodedata.name(character, "")
    # A sign that is written inside Latin text, and a letter of another script.
    others = ["LATIN", "CJK STROKE", "TAI XUAN JING"]
    return (
        unicodedata.category(character) in ("Lo", "Lm", "Nl")
        and any(name.startswith(one) for one in names)
        and not any(name.startswith(one) for one in others)
    )


def test_letters_without_spaces_by_their_names():
    """The table has ranges of code points, and each letter of them is asked for."""
    _, classes = word_tables(False, None).flat()
    in_table = classes & CLASS_BITS["cluster"] != 0
    by_name = [is_letter_without_spaces(chr(c)) for c in range(sys.maxunicode + 1)]
    assert [hex(c) for c in np.flatnonzero(in_table != by_name)] == []


def slow_words(text, least=1):
    """The words of a text, character by character."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(
        c for c in text if unicodedata.category(c) != "Cf" or c == "\u200b"
    ).lower()
    words, word, in_run = [], "", False

    def end_word():
        nonlocal word
        if word and (is_letter_without_spaces(word[0]) or len(word) >= least):
            words.append(word)
        word = ""

    def set_run(is_run):
        nonlocal in_run
        if in_run != is_run and not (is_run and words[-1:] == [EDGE]):
            words.append(EDGE)
        in_run = is_run

    for c in text:
        if is_letter_without_spaces(c):
            end_word()
            set_run(True)
            word = c
        elif is_mark(c) and word:
            word += c
        elif c.isalnum() or c == "_" or is_mark(c):
            if word and is_letter_without_spaces(word[0]):
                end_word()
            if not word:
                set_run(False)
            word += c
        else:
            end_word()
            set_run(False)
    end_word()
    set_run(False)
    return words


def kernel_words(documents, **params):
    """The words of each document, in their order, read by the kernel.

    A term is a whole document, because the n-grams are longer than any document.
    """
    words = LexicalVectorizer(
        segmentation="unicode", token_pattern=r"\w+", ngram_range=(1, 40), **params
    )
    words.fit([*documents, "a"])
    names = words.get_feature_names_out()
    rows = words.transform(documents)
    terms = [names[row.indices] for row in rows]
    return [
        max(found, key=lambda t: t.count(" "), default="").split() for found in terms
    ]


@given(texts)
@example("\u0e40\u0e2a\u0e37\u0e49\u0e2d1 a\u4e2d\u56fdB")
@example("\u4e2d, \u56fd.")
@example("\u0130\u0323")
@some_examples
def test_words_of_the_kernel_are_the_words_of_the_slow_form(text):
    assert kernel_words([text])[0] == slow_words(text)


@given(texts, st.integers(1, 3))
@some_examples
def test_words_of_the_analyzer_are_the_words_of_the_slow_form(text, least):
    vectorizer = LexicalVectorizer(
        segmentation="unicode", token_pattern=rf"\b\w{{{least},}}\b"
    )
    assert vectorizer.build_analyzer()(text) == slow_words(text, least)


@given(st.lists(texts, max_size=4), st.sampled_from(["ascii", "unicode", None]))
@few_examples
def test_matrix_is_the_one_of_scikit_learn_with_the_same_analyzer(documents, accents):
    documents = [*documents, "a b"]
    params = {"strip_accents": accents, "token_pattern": r"\w+", "ngram_range": (1, 2)}
    vectorizer = LexicalVectorizer(segmentation="unicode", **params)
    peer = TfidfVectorizer(analyzer=vectorizer.build_analyzer())
    X, Y = vectorizer.fit_transform(documents), peer.fit_transform(documents)
    assert vectorizer.vocabulary_ == peer.vocabulary_
    np.testing.assert_allclose(X.toarray(), Y.toarray(), atol=1e-12)


@given(texts)
@few_examples
def test_arrow_text_has_the_same_words(text):
    pyarrow = pytest.importorskip("pyarrow")
    text = text.replace("\ud800", "")
    documents = [text, "a b"]
    vectorizer = LexicalVectorizer(segmentation="unicode", token_pattern=r"\w+")
    X = vectorizer.fit_transform(documents)
    for kind in (pyarrow.string(), pyarrow.string_view()):
        Y = vectorizer.transform(pyarrow.array(documents, kind))
        assert (X != Y).nnz == 0


@given(texts)
@few_examples
def test_normal_form_does_not_matter(text):
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    stage = default_lexical_stage().fit([*forms, text, "a b"])
    rows = stage.transform([*forms, text]).toarray()
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])


def read(text, composing):
    """What stops the kernel in a text; None if it reads the text."""
    source = TextSource("word", (1, 1), True, None, segmentation="unicode")
    (block,) = text_buffers([text])
    analysis = source.analysis(block, is_careful=not composing)
    ends = np.empty(1, dtype=np.int64)
    return TokenStream().read(analysis, WordTable(), True, *block[:3], ends)[1]


@given(texts)
@some_examples
def test_kernel_stops_at_text_that_is_not_in_normal_form(text):
    if not unicodedata.is_normalized("NFC", text):
        assert read(text, composing=True) == "care"
    assert read(text, composing=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "caf\u00e9 \u1ea1 \u03c3 \u0439",
        "\u0e40\u0e2a\u0e37\u0e49\u0e2d \u0e14\u0e39\u0e49",  # marks in their order
        "\u0915\u0947\u0932 \u0932\u0921\u093c\u0915\u093e",
        "\u0b95\u0bbe\u0baf\u0bcd \u0d15\u0d3e",
        "\u304c\u30ac \ud55c\uad6d\uc5b4 \u4e2d\u56fd",
    ],
)
def test_kernel_reads_ordinary_text_without_a_stop(text):
    assert unicodedata.is_normalized("NFC", text)
    assert read(text, composing=True) is None


def test_composition_of_each_character_and_of_each_pair():
    table = composition_table()
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        changes = not unicodedata.is_normalized("NFC", character)
        assert (table[code_point] == 255) == changes
    seconds = np.flatnonzero((table != 255) & (table & 128 > 0))
    firsts = np.flatnonzero((table != 255) & (table & 64 > 0))
    composed = {
        unicodedata.normalize("NFD", chr(c))[-1]
        for c in range(sys.maxunicode + 1)
        if len(unicodedata.normalize("NFD", chr(c))) > 1 and table[c] != 255
    }
    assert set(map(chr, seconds)) == composed
    # A mark composes with no other character.
    others = np.setdiff1d(np.flatnonzero(table == 0)[::997], firsts)
    for second in map(chr, seconds):
        joined = "".join(chr(other) + second + " " for other in others.tolist())
        assert unicodedata.is_normalized("NFC", joined)


def slow_piece_words(text):
    """The words that are cut into pieces, character by character."""
    text = unicodedata.normalize("NFC", text)
    words, is_open = [], False
    for c in text:
        lowered = unicodedata.normalize("NFD", c.lower())
        kept = unicodedata.normalize("NFC", "".join(x for x in lowered if keeps(x)))
        for x in kept:
            if x.isspace() or x == "\u200b":
                is_open = False
                continue
            if unicodedata.category(x) in ("Cc", "Cf", "Cs") or x == "\ufffd":
                continue
            if x in string.punctuation or unicodedata.category(x)[0] == "P":
                words.append(x)
                is_open = False
            elif is_letter_without_spaces(x):
                words.append(x)
                is_open = True
            elif is_open and (is_mark(x) or not is_letter_without_spaces(words[-1][0])):
                words[-1] += x
            else:
                words.append(x)
                is_open = True
    return words


def keeps(character):
    """Whether word pieces keep a mark: not the marks that are often left out."""
    blocks = [(0x0300, 0x036F), (0x0483, 0x0487), (0x0591, 0x05C7), (0x0610, 0x061A)]
    blocks += [(0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED), (0x0711, 0x0711)]
    blocks += [(0x0730, 0x074A), (0x08CA, 0x08FF), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF)]
    blocks += [(0x20D0, 0x20FF), (0xFE20, 0xFE2F)]
    return not is_in(character, blocks)


@given(texts)
@some_examples
def test_piece_words_are_the_words_of_the_slow_form(text):
    assert piece_words(text) == slow_piece_words(text)


@pytest.fixture(scope="module")
def stage_of_pieces():
    pytest.importorskip("tokenizers")
    corpus = ["".join(CHARACTERS[:-1]) + " unhappy happy happiness \u0e2a\u0e37"] * 3
    return LexicalVectorizer(analyzer="subword", segmentation="unicode").fit(corpus)


@given(text=texts)
@some_examples
def test_pieces_of_the_kernel_are_the_pieces_of_the_library(text, stage_of_pieces):
    import json

    import tokenizers

    state = json.loads(stage_of_pieces._lexicon.subwords.tokenizer_json)
    assert state["normalizer"] is None and state["added_tokens"] == []
    model = tokenizers.Tokenizer.from_str(json.dumps(state)).model
    expected = [p.value for word in piece_words(text) for p in model.tokenize(word)]
    assert stage_of_pieces._pieces_of(text) == expected


TRIPLES = {
    "thai": ["เสือ", "เสื้อ", "เสื่อ"],
    "hindi": ["\u0915\u0932", "\u0915\u0947\u0932", "\u0915\u093e\u0932"],
    "tamil": ["கல்", "கால்", "குல்"],
    "bengali": ["\u0995\u09b2", "\u0995\u09be\u09b2", "\u0995\u09c1\u09b2"],
    "khmer": ["\u1780\u17b6", "\u1780\u17c4", "\u1780\u17bb"],
    "burmese": ["\u1005\u102c", "\u1005\u102c\u1038", "\u1005\u102d"],
    "vietnamese": ["ma", "ma\u0301", "ma\u0323"],
    "japanese": ["\u304b\u304d", "\u304b\u3099\u304d", "\u304b\u304d\u3099"],
}


@pytest.mark.parametrize("words", TRIPLES.values(), ids=TRIPLES)
@pytest.mark.parametrize("analyzer", ["word+subword", "word"])
def test_words_that_differ_in_marks_are_told_apart(words, analyzer):
    stage = default_lexical_stage().set_params(analyzer=analyzer)
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=150)
    # Every other word says nothing about the label.
    others = rng.choice(["aa", "bb", "cc", "dd"], size=(150, 2))
    documents = [f"{a} {words[k]} {b}" for (a, b), k in zip(others, labels)]
    model = make_pipeline(stage, LogisticRegression(C=10))
    assert (
        model.fit(documents[:100], labels[:100]).score(documents[100:], labels[100:])
        == 1
    )


def test_pieces_alone_keep_the_marks_that_a_script_needs():
    pytest.importorskip("tokenizers")
    for name, words in TRIPLES.items():
        stage = LexicalVectorizer(analyzer="subword", segmentation="unicode")
        rows = stage.fit_transform(words).toarray()
        n_distinct = 1 if name == "vietnamese" else 3
        assert len(np.unique(rows, axis=0)) == n_distinct, name


def test_words_with_and_without_joiners_are_the_same():
    stage = LexicalVectorizer(segmentation="unicode", token_pattern=r"\w+")
    analyze = stage.build_analyzer()
    assert analyze("co\u00adoperate") == ["cooperate"]
    assert analyze("\u0dc1\u0dca\u200d\u0dbb\u0dd3") == ["\u0dc1\u0dca\u0dbb\u0dd3"]
    # The zero width space separates words.
    assert analyze("a\u200bb") == ["a", "b"]


def test_emoji_selectors_are_not_words():
    analyze = LexicalVectorizer(
        segmentation="unicode", token_pattern=r"\w+"
    ).build_analyzer()
    assert analyze("I \u2764\ufe0f R") == ["i", "r"]


def test_stop_words_are_left_out_also_the_edge():
    documents = ["\u7684\u4e2d\u56fd", "the \u4e2d"]
    stage = LexicalVectorizer(
        segmentation="unicode",
        token_pattern=r"\w+",
        ngram_range=(1, 2),
        stop_words=["\u7684", "the", EDGE],
    ).fit(documents)
    assert stage.get_feature_names_out().tolist() == [
        "\u4e2d",
        "\u4e2d \u56fd",
        "\u56fd",
    ]
    analyze = stage.build_analyzer()
    assert analyze(documents[0]) == ["\u4e2d", "\u56fd", "\u4e2d \u56fd"]


def test_ascii_text_has_the_words_of_scikit_learn():
    documents = ["Don't stop: R2 & C_3!", "a b  c", ""]
    params = {"token_pattern": r"\w+", "ngram_range": (1, 3)}
    X = LexicalVectorizer(segmentation="unicode", **params).fit_transform(documents)
    Y = LexicalVectorizer(**params).fit_transform(documents)
    assert (X != Y).nnz == 0


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_characters_are_read_in_normal_form(analyzer):
    vectorizer = LexicalVectorizer(segmentation="unicode", analyzer=analyzer)
    documents = ["ma\u0301", "m\u00e1", "\u212b", "\u00e5"]
    X = vectorizer.fit_transform(documents).toarray()
    np.testing.assert_array_equal(X[0], X[1])
    np.testing.assert_array_equal(X[2], X[3])
    peer = TfidfVectorizer(analyzer=vectorizer.build_analyzer())
    np.testing.assert_allclose(X, peer.fit_transform(documents).toarray())


@pytest.mark.parametrize(
    "params",
    [
        {"preprocessor": str.lower},
        {"tokenizer": str.split},
        {"token_pattern": r"[a-z]+"},
        {"token_pattern": r"[a-z]+", "analyzer": "word+subword"},
        {"preprocessor": str.lower, "analyzer": "char"},
    ],
)
def test_settings_with_rules_of_their_own_are_refused(params):
    name, value = next(iter(params.items()))
    vectorizer = LexicalVectorizer(segmentation="unicode", **params)
    with pytest.raises(ValueError, match=rf"Got {name}=.*Set segmentation='regex'\."):
        vectorizer.fit(["a b"])


def test_unknown_segmentation_is_refused():
    with pytest.raises(ValueError, match="'segmentation' parameter"):
        LexicalVectorizer(segmentation="words").fit(["a b"])


def test_a_callable_analyzer_decides_alone():
    vectorizer = LexicalVectorizer(segmentation="unicode", analyzer=str.split)
    with pytest.warns(UserWarning, match="'segmentation' will not be used"):
        vectorizer.fit(["e\u0301 b"])
    assert vectorizer.get_feature_names_out().tolist() == ["b", "e\u0301"]


def test_accents_removed_by_a_callable_are_read_by_scikit_learn():
    documents = ["Ma\u0301 \u4e2d\u56fd", "ma"]
    plain = LexicalVectorizer(
        segmentation="unicode", strip_accents=lambda text: text.replace("\u00e1", "a")
    ).fit(documents)
    assert set(plain.get_feature_names_out()) == {EDGE, "\u4e2d", "\u56fd", "ma"}


def test_given_pieces_keep_the_rules_of_their_tokenizer():
    pytest.importorskip("tokenizers")
    from pieces_reference import bert_tokenizer

    tokenizer = bert_tokenizer()
    both = [
        LexicalVectorizer(
            analyzer="subword", tokenizer=tokenizer, segmentation=segmentation
        ).fit_transform(["na\u00efve caf\u00e9 \u0915\u0947 [UNK]"])
        for segmentation in ("regex", "unicode")
    ]
    assert (both[0] != both[1]).nnz == 0


def test_tables_are_made_once_and_are_read_only():
    assert word_tables(True, None) is word_tables(True, None)
    assert not composition_table().flags.writeable
    assert not any(array.flags.writeable for array in piece_tables())
    # The rules of scikit-learn are not touched.
    assert not (character_tables(True, None).flat()[1] & (64 | 128)).any()


def test_functions_of_the_slow_form():
    assert normal_form("e\u0301") == "\u00e9"
    assert without_format("a\u200d\u200b\u00adb") == "a\u200bb"
    assert unicode_words(2)("a bc \u4e2d") == ["bc", EDGE, "\u4e2d", EDGE]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_blocks_with_text_in_any_form_have_the_same_bits(n_jobs):
    rng = np.random.RandomState(0)
    documents = [
        "".join(rng.choice(CHARACTERS, size=rng.randint(1, 60))) for _ in range(600)
    ]
    stage = default_lexical_stage().set_params(n_jobs=n_jobs).fit(documents)
    X = stage.transform(documents)
    Y = sparse.vstack([stage.transform([document]) for document in documents])
    assert (X != Y).nnz == 0
