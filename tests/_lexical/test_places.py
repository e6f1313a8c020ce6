"""Where terms stand in a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux import LexicalVectorizer
from sklux._lexical.places import term_places
from sklux._lexical.vectorizer import default_lexical_stage

CORPUS = [
    "A red apple, the green apple; a fast car",
    "The na\u00efve \u0130stanbul caf\u00e9 and one two three",
    "\u4e2d\u6587 apple car one two",
]
STAGES = [
    LexicalVectorizer(ngram_range=(1, 2)),
    LexicalVectorizer(ngram_range=(1, 3), stop_words=["the", "and"]),
    LexicalVectorizer(strip_accents="unicode"),
    LexicalVectorizer(lowercase=False, token_pattern=r"(?u)\b\w+\b"),
    LexicalVectorizer(segmentation="unicode", ngram_range=(1, 2)),
    LexicalVectorizer(analyzer="subword", n_subwords=60),
    LexicalVectorizer(analyzer="word+subword", n_subwords=60, ngram_range=(1, 2)),
    default_lexical_stage().set_params(n_subwords=60, position_weight=0.0),
]
STAGES = [stage.fit(CORPUS) for stage in STAGES]
words = st.sampled_from(
    "a A red Apple the THE car two \u0130x caf\u00e9 cafe\u0301 zebra".split()
)
texts = st.lists(words | st.sampled_from([" ", ", ", "\n", "-", "!"])).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(STAGES), texts)
def test_places_have_the_terms_of_the_analyzer(stage, text):
    places = term_places(stage, text)
    found = {name for name, occurrences in places.terms.items() if occurrences}
    expected = stage.build_analyzer()(text)
    if not places.words:
        return
    assert found == set(expected)
    if stage.analyzer != "subword":
        counts = {name: expected.count(name) for name in found if "subword" not in name}
        assert {name: len(places.terms[name]) for name in counts} == counts


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(STAGES[:5]), texts)
def test_places_lead_to_the_words(stage, text):
    places = term_places(stage, text)
    prepare = stage.build_preprocessor()
    for name, occurrences in places.terms.items():
        for numbers in occurrences:
            spans = [places.words[number] for number in numbers]
            for token, (begin, end) in zip(name.split(" "), spans):
                # A run with composed characters stands for the word as a whole.
                assert token in prepare(text[begin:end])
            assert spans == sorted(spans)


def test_places_of_an_example():
    text = "A red apple, the green apple"
    places = term_places(STAGES[0], text)
    shown = [text[begin:end] for begin, end in places.words]
    assert shown == ["red", "apple", "the", "green", "apple"]
    assert places.terms["apple"] == [(1,), (4,)]
    assert places.terms["red apple"] == [(0, 1)]
    # A stop word is left out, and n-grams reach across it.
    assert term_places(STAGES[1], text).terms["apple green"] == [(1, 2)]


def test_places_of_pieces_are_the_places_of_their_words():
    text = "a red zebra!"
    places = term_places(STAGES[7], text)
    pieces = {name: o for name, o in places.terms.items() if name[:3] == "sub"}
    shown = {
        text[slice(*places.words[number])]
        for occurrences in pieces.values()
        for (number,) in occurrences
    }
    assert shown == {"zebra", "!"}


@pytest.mark.parametrize(
    "settings",
    [
        {"analyzer": "char"},
        {"analyzer": "char_wb"},
        {"analyzer": str.split},
        {"preprocessor": lambda text: text[::-1] + "x"},
    ],
)
def test_places_that_cannot_be_found(settings):
    stage = LexicalVectorizer(**settings).fit(CORPUS)
    assert term_places(stage, "a red apple") == ([], {})
