"""A teacher of three topics, sentences about them, and small students."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

MEANINGS = {
    "fruit": ["apple", "pear", "plum", "grape", "melon", "kiwi", "mango"],
    "car": ["wheel", "motor", "brake", "engine", "truck", "sedan", "lorry"],
    "music": ["piano", "guitar", "violin", "flute", "drum", "cello", "harp"],
}
UNSEEN = ["mango", "lorry", "harp"]


def embed_topics(texts):
    """Embed by the topics of words: each topic has a direction."""
    topic = {word: i for i, words in enumerate(MEANINGS.values()) for word in words}
    vectors = np.full((len(texts), 3), 0.05)
    for row, text in zip(vectors, texts):
        for word in text.split():
            if word in topic:
                row[topic[word]] += 1
    return vectors


class RecordingTeacher:
    """The same teacher, with a record of the texts that it embeds."""

    def __init__(self):
        self.texts = []

    def __call__(self, texts):
        self.texts.extend(texts)
        return embed_topics(texts)


def fail_if_called(texts):
    """Stand in for a teacher that must not be called."""
    pytest.fail(f"the teacher was called with {texts[:3]}")


def topic_sentences():
    """Make sentences of words of one topic, mostly, without the words of UNSEEN."""
    rng = np.random.default_rng(0)
    topics = [[w for w in words if w not in UNSEEN] for words in MEANINGS.values()]
    return [
        " ".join([*rng.choice(topics[i % 3], 3), rng.choice(topics[rng.integers(3)])])
        for i in range(120)
    ]


def word_student(teacher=embed_topics, **params):
    """Return a small student whose terms are words."""
    settings = {
        "lexical": LexicalVectorizer(),
        "projection": ReLUProjection(3, hidden_layer_sizes=(12,), max_iter=3),
        "random_state": 0,
    }
    return LuxicalVectorizer(teacher, **(settings | params))


def model_of(tokens):
    """Return a model whose tokenizer has a vocabulary."""
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return SimpleNamespace(
        tokenizer=SimpleNamespace(get_vocab=lambda: vocabulary), encode=embed_topics
    )
