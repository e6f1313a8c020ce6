"""Write models, texts and the vectors that Python gives them, for the tests in Node.

    python js/test/write_cases.py FOLDER [--short]

Each case is a model file and a JSON file with texts and vectors. The texts come from
the strategies of `tests/strategies.py` with a fixed seed, and from the list below.
Texts with both kinds of surrogates are left out: where they meet, JavaScript sees one
character, and Python sees two.
"""

import base64
import json
import re
import sys
import unicodedata
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY)]

from hypothesis import Phase, given, settings  # noqa: E402
from models import random_model, random_weights  # noqa: E402
from pieces_reference import (  # noqa: E402
    TRAINING_TEXTS,
    bert_tokenizer,
    other_tokenizer,
)
from sklearn.feature_extraction.text import (  # noqa: E402
    CountVectorizer,
    TfidfVectorizer,
)
from strategies import awkward_texts  # noqa: E402

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection  # noqa: E402
from sklux._lexical.characters import N_CODE_POINTS, character_classes  # noqa: E402
from sklux._lexical.segmentation import (  # noqa: E402
    composition_table,
    normal_form,
    word_tables,
)
from sklux._student.network import Network  # noqa: E402
from sklux._student.projection import (  # noqa: E402
    adopt_student,
    student_of,
)
from sklux._utils.model_file import read_model, write_model  # noqa: E402

HAND_PICKED = [
    *(
        "",
        " ",
        "   ",
        "\n",
        ".",
        "a",
        "R",
        "3",
        "_",
        "\x00",
        "a\x00b",
        "\u200b",
        "\ufeff",
    ),
    "The red apple, and the GREEN apple: unhappiness is running!",
    "unhappy runners' tunnels don't re-run; caf\u00e9s na\u00efve r\u00e9sum\u00e9",
    "cafe\u0301 nai\u0308ve e\u0327\u0301 e\u0301\u0327 \u0344 \u212b "
    "\u1e9b\u0323 q\u0307\u0323",
    "\u0130stanbul I\u0131\u0130i DI\u015eARI \u0130\u0130 i\u0307",
    "\u039f\u0394\u039f\u03a3 \u03a3\u0391\u03a3 \u03a3 A\u03a3 A\u03a3B "
    "A\u00ad\u03a3 \u03a3\u0301A A'\u03a3'",
    "\u0391\u03a3\U00010400 \U00010400\u03a3 \U00010400\u03a3\U00010428 "
    "\u0391\u03a3\u200d \u0391\u03a3.\u0391",
    "stra\u00dfe STRASSE \u1e9e \ufb01ne \u01c5 \u0149 \u00b5 \u2126",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 and \u0e19\u0e49\u0e33 \u0e33",
    "\u4e2d\u6587\u5b57\u7b26, "
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\uff66 word \u4e2d "
    "\u6587\u5b57",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \uac01 \u1100\u1161\u11a8",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u093f\u0924\u093e\u092c "
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd "
    "\u0645\u064f\u062d\u064e\u0645\u0651\u062f \ufe8d \u0627\u0654",
    "\U0001f34e \U0001f469\u200d\U0001f4bb \u2764\ufe0f \U0001f1e9\U0001f1ea "
    "\U0001d7d8 \U00020000\U0002f800",
    "\ud800 a\udc00b \udfff\u4e2d x\ud83c",
    "\u00b2\u00bd\u2460\u0661\u2163 \u3007 \u3021 x\u20e3 \u0483",
    "[UNK] [CLS]the[PAD] [unk] ##s [UNK",
    "pneumonoultramicroscopicsilicovolcanoconiosis " + "x" * 101 + " " + "y" * 100,
    "apple " * 40 + "car tunnel " * 30,
    "the and of a is 12 345 12345 x1 a_b _ __ \u2581 a\u2581b",
]
# Characters of Unicode 15 and 16, which engines have. The Python that made the table of
# the package does not have them; a newer Python has other rules for them.
NEW_CHARACTERS = (
    "\U0001e4ec\u0301 a\U0001e4ec\u0327 \U00016d63\U00016d67 \u1c89 \ua7da "
    "\U000105d2\u0307"
)
SURROGATES = re.compile("[\ud800-\udbff]"), re.compile("[\udc00-\udfff]")
WORD = r"(?u)\b\w+\b"
UNICODE = {"segmentation": "unicode"}
BOTH = {"analyzer": "word+subword", "n_subwords": 200}
# Parameters of a LexicalVectorizer for each case.
STAGES: dict[str, dict[str, Any]] = {
    "words": {},
    "words-cased": {"lowercase": False, "token_pattern": WORD},
    "pairs": {"ngram_range": (1, 2), "sublinear_tf": True, "stop_words": "english"},
    "long": {"ngram_range": (2, 4), "strip_accents": "unicode", "binary": True},
    "ascii": {"strip_accents": "ascii", "token_pattern": r"\w{3,}"},
    "stop": {"stop_words": ["the", "\u00e9t\u00e9", "a"], "use_idf": False},
    "unicode": {**UNICODE, "token_pattern": WORD, "ngram_range": (1, 2)},
    "unicode-stop": {**UNICODE, "stop_words": ["\u2581", "\u4e2d", "and"]},
    "unicode-accents": {**UNICODE, "strip_accents": "unicode", "norm": "l1"},
    "places": {
        "position_weight": 3.0,
        "position_decay": 2.5,
        "ngram_range": (1, 3),
    },
    "char": {"analyzer": "char", "ngram_range": (1, 3)},
    "char-unicode": {"analyzer": "char", "ngram_range": (2, 3), **UNICODE},
    "char_wb": {"analyzer": "char_wb", "ngram_range": (2, 4)},
    "char_wb-whole": {
        "analyzer": "char_wb",
        "ngram_range": (5, 6),
        "strip_accents": "ascii",
        **UNICODE,
    },
    "pieces": {"analyzer": "subword", "n_subwords": 200, **UNICODE},
    "piece-pairs": {
        "analyzer": "subword",
        "n_subwords": 200,
        "ngram_range": (1, 2),
    },
    "both": {**BOTH, **UNICODE, "ngram_range": (1, 2), "position_weight": 2.0},
    "both-regex": {**BOTH, "norm": "l1", "sublinear_tf": True},
    "rest": {
        **BOTH,
        **UNICODE,
        "subwords_of": "unknown",
        "max_features": 150,
        "ngram_range": (1, 2),
        "token_pattern": WORD,
        "position_weight": 2.0,
    },
    "rest-regex": {
        **BOTH,
        "subwords_of": "unknown",
        "max_features": 150,
        "stop_words": ["the"],
        "norm": None,
    },
}
# The version of Unicode of `js/src/unicode-data.js`.
TABLE_VERSION = "14.0.0"
# Enough for differences that a short run would meet, too.
N_EXAMPLES, N_SHORT = 300, 40


def awkward_documents(n_examples: int) -> list[str]:
    """Texts of the strategies, always the same."""
    found = []

    @settings(
        max_examples=n_examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
    )
    @given(awkward_texts)
    def collect(text):
        found.append(text)

    collect()
    return [text for text in found if not all(p.search(text) for p in SURROGATES)]


def lexical_stages(is_short: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Names of cases, with functions that make a lexical stage."""
    # The table of characters of a normalizer takes two seconds.
    bert_options = [{}, {"lowercase": False}, {"handle_chinese_chars": False}]
    for name, params in STAGES.items():
        yield name, lambda params=params: LexicalVectorizer(**params)
    for options in bert_options[:1] if is_short else bert_options:
        name = "-".join(["bert", *options])
        yield (
            name,
            lambda options=options: LexicalVectorizer(
                analyzer="subword", tokenizer=bert_tokenizer(**options)
            ),
        )
    yield (
        "bert-rest",
        lambda: LexicalVectorizer(
            analyzer="word+subword",
            tokenizer=bert_tokenizer(),
            subwords_of="unknown",
            segmentation="unicode",
            max_features=120,
        ),
    )
    yield "sklearn-tfidf", lambda: TfidfVectorizer(ngram_range=(1, 2))
    yield (
        "sklearn-count",
        lambda: CountVectorizer(analyzer="char_wb", ngram_range=(1, 3)),
    )


def networks(n_features: int) -> Iterator[tuple[str, Network]]:
    """Networks of all kinds, with random weights."""
    for hidden in ((), (24,), (20, 12)):
        layers = random_weights((n_features, *hidden, 8))
        yield f"relu-{len(hidden)}", Network.of(layers)
    rows, first, second = random_weights((n_features, 24, 6, 16))
    yield "tied-2", Network.of([rows, first @ second], tied=True)
    yield "tied-3", Network.of([rows, first, second], tied=True)


def with_network(lexical: Any, network: Network) -> LuxicalVectorizer:
    """A fitted model of a fitted lexical stage and a network."""
    model = random_model(lexical, (8,))
    student = replace(
        student_of(model.projection_), network=network, teacher_components=None
    )
    projection = ReLUProjection(network.n_components, weights_dtype=str(network.dtype))
    adopt_student(projection, student)
    model.projection_ = projection
    return model


def models(
    documents: list[str], is_short: bool
) -> Iterator[tuple[str, LuxicalVectorizer]]:
    """Names of cases, and their fitted models."""
    dtypes = ["float32", "float16", "int8"]
    for i, (name, make) in enumerate(lexical_stages(is_short)):
        lexical = make().fit(documents)
        n_features = len(lexical.get_feature_names_out())
        kinds = list(networks(n_features))
        kind, network = kinds[i % len(kinds)]
        dtype = dtypes[i % len(dtypes)]
        if i % 2:
            network = network.by_frequency(np.random.default_rng(i).random(n_features))
        if dtype != "float32":
            network = network.quantized(dtype)
        yield f"{name}-{kind}-{dtype}", with_network(lexical, network)
    yield "shared", with_shared_rows(documents)
    yield "default", fitted_default(documents)


def with_shared_rows(documents: list[str]) -> LuxicalVectorizer:
    """A model in which most terms share a row of zeros, without look-up tables."""
    lexical = LexicalVectorizer(token_pattern=r"\w+").fit(documents)
    n_features = len(lexical.get_feature_names_out())
    kept = np.arange(0, n_features, 3)
    network = Network.of(random_weights((len(kept), 24, 8))).quantized("int8")
    return with_network(lexical, network.spread(kept, n_features))


def fitted_default(documents: list[str]) -> LuxicalVectorizer:
    """The default model after a short training."""
    vectors = np.random.default_rng(0).standard_normal((len(documents), 12))
    model = LuxicalVectorizer(random_state=0).set_params(
        lexical__n_subwords=200,
        lexical__max_features=400,
        projection__n_components=12,
        projection__max_iter=1,
        projection__early_stopping=False,
    )
    return model.fit(documents, teacher_embeddings=vectors)


def write_model_cases(folder: Path, n_examples: int, is_short: bool) -> None:
    """Write the model files, with texts and their vectors."""
    awkward = awkward_documents(n_examples)
    texts = [*HAND_PICKED, *TRAINING_TEXTS[:5], *awkward]
    if unicodedata.unidata_version == TABLE_VERSION:
        texts.append(NEW_CHARACTERS)
    documents = [*TRAINING_TEXTS, *HAND_PICKED, *awkward[::2]]
    documents = [text for text in documents if text.strip()]
    for name, model in models(documents, is_short):
        path = folder / f"{name}.sklux"
        model.save(path)
        vectors = LuxicalVectorizer.load(path).transform(texts)
        case = {
            "texts": texts,
            "width": vectors.shape[1],
            "vectors": base64.b64encode(vectors.tobytes()).decode(),
        }
        (folder / f"{name}.json").write_text(json.dumps(case))


def write_unsupported(folder: Path) -> None:
    """Write models that the package refuses, with a part of the message of each."""
    documents = TRAINING_TEXTS
    pieces = {"analyzer": "subword", "tokenizer": other_tokenizer("bpe")}
    stages = {
        "pattern": (LexicalVectorizer(token_pattern=r"\S+"), "token_pattern"),
        "tokenizer": (LexicalVectorizer(**pieces), "not like BERT's"),
    }
    messages = {}
    for name, (lexical, message) in stages.items():
        random_model(lexical.fit(documents)).save(folder / f"{name}.sklux")
        messages[name] = message
    random_model(LexicalVectorizer().fit(documents)).save(folder / "base.sklux")
    tensors, state = read_model(folder / "base.sklux", mmap_mode=None, verify=True)
    params = state["lexical_"]["params"]
    changes = {
        "files": ({"input": "filename"}, 'input="filename"'),
        "new-parameter": ({"n_buckets": 100}, "n_buckets"),
        "new-analyzer": ({"analyzer": "sentence"}, 'analyzer="sentence"'),
    }
    for name, (changed, message) in changes.items():
        lexical = {"class": "LexicalVectorizer", "params": params | changed}
        write_model(folder / f"{name}.sklux", tensors, state | {"lexical_": lexical})
        messages[name] = message
    lexical = {"class": "HashingVectorizer", "params": {}}
    write_model(folder / "class.sklux", tensors, state | {"lexical_": lexical})
    messages["class"] = "HashingVectorizer"
    (folder / "messages.json").write_text(json.dumps(messages))


def write_characters(folder: Path, step: int) -> None:
    """Write what Python does with single characters, and normal forms of texts."""
    for name, classes in (
        ("regex", character_classes()),
        ("unicode", word_tables(False, None).flat()[1]),
    ):
        (folder / f"classes-{name}.bin").write_bytes(classes.tobytes())
    changes = []
    for lowercase, strip_accents, segmentation in (
        (True, None, "regex"),
        (False, "ascii", "regex"),
        (True, "unicode", "unicode"),
    ):
        prepare = LexicalVectorizer(
            lowercase=lowercase, strip_accents=strip_accents, segmentation=segmentation
        ).build_preprocessor()
        prepared = {c: prepare(chr(c)) for c in range(0, N_CODE_POINTS, step)}
        changes.append(
            {
                "settings": [lowercase, strip_accents, segmentation],
                "changed": {c: t for c, t in prepared.items() if t != chr(c)},
            }
        )
    content = {
        "unicode": unicodedata.unidata_version,
        "step": step,
        "changes": changes,
        "normal": [*normal_forms()],
    }
    (folder / "characters.json").write_text(json.dumps(content))


def normal_forms() -> Iterable[tuple[str, str]]:
    """Random texts of characters that take part in NFC, with their normal form."""
    rng = np.random.default_rng(0)
    taking_part = np.flatnonzero(composition_table())
    new = [0x1E4EC, 0x16D63, 0x16D67, 0x113B8, 0x11390, 0x105D2, 0x10EFD]
    for _ in range(3000):
        codes = rng.choice(taking_part, rng.integers(2, 6)).tolist()
        codes += rng.choice([*new, 0x41, 0x301, 0x327], 2).tolist()
        text = "".join(map(chr, rng.permutation(codes)))
        yield text, normal_form(text)


def write_cases(folder: Path, *, is_short: bool) -> None:
    """Write all cases, or fewer models, texts and characters."""
    for name in ("models", "unsupported"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_model_cases(folder / "models", N_SHORT if is_short else N_EXAMPLES, is_short)
    write_unsupported(folder / "unsupported")
    write_characters(folder, 37 if is_short else 1)


def main() -> None:
    """Write the cases that the command line asks for."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short", action="store_true", help="fewer cases")
    options = parser.parse_args()
    write_cases(options.folder, is_short=options.short)


if __name__ == "__main__":
    main()
