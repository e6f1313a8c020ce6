"""Words and terms that a teacher embeds in addition to the documents."""

from types import SimpleNamespace

import numpy as np
import pytest

from _teacher.topics import embed_topics, model_of
from sklux import CachedTeacher
from sklux._lexical.lexicon import PART_PREFIXES
from sklux._teacher import models, words
from sklux._teacher.cached import words_of_teacher
from sklux._teacher.token_text import token_reader
from sklux._teacher.words import check_words, choose_terms, tokenizer_words


def test_choose_terms_returns_words_and_word_pieces_without_marks():
    terms = ["word__pear", "subword__##ing", "word__a pear", "subword__!", "word____x"]
    terms += ["subword__[UNK]", "subword__<s>", "subword__##"]
    readers = dict(zip(PART_PREFIXES, (token_reader(None, ()), str)))
    features, texts = choose_terms(
        {term: number for number, term in enumerate(terms)}, np.ones(8), readers
    )
    assert features.tolist() == [0, 1, 3, 4]
    assert texts == ["pear", "ing", "!", "__x"]


def test_choose_terms_of_other_tokenizers_and_analyzers():
    vocabulary = {"▁pear": 3, "Ġplum": 1, "##": 2, ("a", "pair"): 0, "word__x": 4}
    tokens = [term for term in vocabulary if isinstance(term, str)]
    readers = {"": token_reader(None, tokens)}
    features, texts = choose_terms(vocabulary, np.ones(5), readers)
    assert features.tolist() == [1, 3, 4]
    assert texts == ["plum", "pear", "word__x"]


def test_choose_terms_chooses_the_most_frequent(monkeypatch):
    monkeypatch.setattr(words, "MAX_TERMS", 3)
    vocabulary = {term: number for number, term in enumerate("abcdef")}
    features, texts = choose_terms(vocabulary, np.array([1, 5, 1, 0, 7, 1]))
    assert features.tolist() == [0, 1, 4]
    assert texts == ["a", "b", "e"]


@pytest.mark.parametrize(
    "tokens",
    [
        ["[PAD]", "[UNK]", "##ing", "pear", "a", "1894", "größe", "##s"],
        ["<s>", "▁pear", "ing", "▁a", "▁1894", "▁größe", "s"],
        ["<pad>", "Ġpear", "ing", "Ġa", "Ġ1894", "ĠgrÃ¶ÃŁe", "s", "ĠÃ"],
        ["<unk>", "pear</w>", "ing", "a</w>", "1894</w>", "größe</w>", "s"],
    ],
    ids=["WordPiece", "SentencePiece", "byte pairs", "marks of ends"],
)
def test_tokenizer_words_are_whole_words(tokens):
    assert tokenizer_words(model_of(tokens)) == ["pear", "größe"]


def test_tokenizer_words_are_the_first_ones(monkeypatch):
    monkeypatch.setattr(words, "MAX_TOKENIZER_WORDS", 2)
    assert tokenizer_words(model_of(["bb", "cc", "aa"])) == ["bb", "cc"]


class NotImplementedTokenizer:
    @property
    def tokenizer(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    "model",
    [
        embed_topics,
        SimpleNamespace(tokenizer=str.split),
        SimpleNamespace(tokenizer=SimpleNamespace(get_vocab=lambda: ["pear"])),
        SimpleNamespace(tokenizer=SimpleNamespace(get_vocab=lambda: {b"pear": 0})),
        NotImplementedTokenizer(),
    ],
)
def test_tokenizer_words_of_teachers_without_them(model):
    assert tokenizer_words(model) is None
    assert words_of_teacher(model) == []


def test_tokenizer_words_of_a_named_model_are_read_once(monkeypatch, tmp_path):
    """Each fit of a grid search needs them. The device does not change them."""
    loaded = []

    def load(name, device):
        loaded.append((name, device))
        return model_of(["pear", "plum"])

    monkeypatch.setattr(models, "load_sentence_transformer", load)
    name = "a model of words"
    cached = [
        CachedTeacher(name, path=tmp_path, device=device) for device in (None, "cpu")
    ]
    for teacher in (name, *cached) * 2:
        assert words_of_teacher(teacher) == ["pear", "plum"]
    assert loaded == [(name, None)]


def test_check_words_returns_each_word_once():
    assert check_words(["b", "a", "b"]) == ["b", "a"]
    assert check_words({"b", "c", "a"}) == ["a", "b", "c"]
