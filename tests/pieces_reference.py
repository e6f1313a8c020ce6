"""Slow versions of word pieces: the tokenizers library and scikit-learn."""

from functools import lru_cache

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

PREFIXES = ("subword__", "word__")
# Texts whose pieces have one character or more, with words that occur often.
TRAINING_TEXTS = [
    "the red apple and the green apple, the unhappy car in the tunnel",
    "Unhappiness is running; a runner runs (and ran) 12 345 times.",
    "na\u00efve caf\u00e9 \u00c9t\u00e9 \u0130stanbul stra\u00dfe \u039f\u03a3",
    "\u4e2d\u6587 \ud55c\uad6d \uac01 \u0915\u093f \U0001f34e \U0001d7d8 e\u0301",
    "\u212b \u2126 \u037e \u226e \uf900 \u00b5 \ufb01 \u0e33 \u302e \u00bd don't",
] * 3


def library_ids(tokenizer, documents):
    """Ids of the pieces of documents, from the library."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encodings = tokenizer.encode_batch(documents, add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


def ngrams(tokens, ngram_range):
    """All n-grams of tokens, joined by blanks."""
    low, high = ngram_range
    return [
        " ".join(tokens[i : i + n])
        for n in range(low, high + 1)
        for i in range(len(tokens) - n + 1)
    ]


def pieces_analyzer(tokenizer, ngram_range=(1, 1)):
    """Make a function from a document to its n-grams of pieces, from the library."""

    def analyze(document):
        encoding = tokenizer.encode(document, add_special_tokens=False)
        return ngrams(encoding.tokens, ngram_range)

    return analyze


def both_analyzer(tokenizer, words):
    """Make a function from a document to its pieces (library) and words (sklearn)."""
    pieces = pieces_analyzer(tokenizer)

    def analyze(document):
        return [PREFIXES[0] + piece for piece in pieces(document)] + [
            PREFIXES[1] + word for word in words(document)
        ]

    return analyze


def two_parts(vectorizer, documents, norm):
    """Matrix of a fitted scikit-learn vectorizer with `both_analyzer`.

    The two parts of a row have the same norm, and the whole row has norm 1.
    """
    assert vectorizer.norm is None
    X = vectorizer.transform(documents)
    names = vectorizer.get_feature_names_out()
    first = sum(name.startswith(PREFIXES[0]) for name in names)
    parts = [X[:, :first], X[:, first:]]
    if norm is not None:
        parts = [normalize(part, norm) if part.shape[1] else part for part in parts]
    X = sparse.hstack(parts, format="csr")
    return X if norm is None else normalize(X, norm)


def words_analyzer(**params):
    """scikit-learn's analyzer of words."""
    return TfidfVectorizer(**params).build_analyzer()


def bert_tokenizer(**options):
    """A tokenizer like BERT's, trained on the texts above."""
    import tokenizers

    return trained(
        tokenizers.models.WordPiece(unk_token="[UNK]"),
        tokenizers.normalizers.BertNormalizer(**options),
        tokenizers.pre_tokenizers.BertPreTokenizer(),
        tokenizers.trainers.WordPieceTrainer,
    )


def trained(model, normalizer, pre_tokenizer, trainer):
    """A tokenizer of 300 pieces, trained on the texts above."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    settings = {} if "Unigram" not in trainer.__name__ else {"unk_token": "[UNK]"}
    tokenizer.train_from_iterator(
        TRAINING_TEXTS,
        trainer(
            vocab_size=300,
            special_tokens=["[UNK]", "[CLS]", "[PAD]"],
            show_progress=False,
            **settings,
        ),
    )
    return tokenizer


@lru_cache
def other_tokenizer(kind):
    """A tokenizer that the kernel does not support."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    if kind == "bpe":
        return trained(
            models.BPE(),
            None,
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            trainers.BpeTrainer,
        )
    if kind == "unigram":
        return trained(
            models.Unigram(),
            normalizers.NFKC(),
            pre_tokenizers.Metaspace(),
            trainers.UnigramTrainer,
        )
    if kind == "wordpiece":
        return trained(
            models.WordPiece(unk_token="[UNK]"),
            normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
            pre_tokenizers.Whitespace(),
            trainers.WordPieceTrainer,
        )
    tokenizer = bert_tokenizer()
    options = {
        "normalized": {"normalized": True},
        "single_word": {"single_word": True, "normalized": False},
        "lstrip": {"lstrip": True, "normalized": False},
        "letters": {"content": "apple", "normalized": False},
    }[kind]
    tokenizer.add_tokens([tokenizers.AddedToken(**{"content": "[X]", **options})])
    return tokenizer


OTHER_KINDS = [
    *("bpe", "unigram", "wordpiece"),
    *("normalized", "single_word", "lstrip", "letters"),
]


def assert_same_matrix(actual, expected):
    """Fail unless two CSR matrices agree to the last bit."""
    expected.sort_indices()
    assert actual.shape == expected.shape
    for name in ("indptr", "indices", "data"):
        ours, theirs = getattr(actual, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
