"""Fitted models without training, for environments without torch and tokenizers."""

import json
import re
from unicodedata import category, combining, normalize
from unittest.mock import patch

import numpy as np
from sklux._kernels.tokens import CLASS_BITS

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._lexical.characters import N_CODE_POINTS, changed_by, make_tables
from sklux._lexical.subwords import UNKNOWN_PIECE, Subwords
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._student.network import Network
from sklux._student.projection import adopt_student
from sklux._student.trained import TrainedStudent


def untrained_model(
    lexical: LexicalVectorizer, n_components: int, n_units: int
) -> LuxicalVectorizer:
    """Put random weights, from a fixed seed, behind a fitted lexical stage."""
    n_features = len(lexical.get_feature_names_out())
    rng = np.random.default_rng(0)
    projection = ReLUProjection(
        n_components, hidden_layer_sizes=(n_units,), weights_dtype="float32"
    )
    coefs = [
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((n_features, n_units), (n_units, n_components))
    ]
    student = TrainedStudent(
        Network.of(coefs),
        np.eye(n_components, dtype=np.float32),
        n_teacher_documents=40,
        loss_curve=[0.5],
        validation_scores=[0.5],
    )
    adopt_student(projection, student)
    model = LuxicalVectorizer()
    model.lexical_, model.projection_ = lexical, projection
    model.teacher_id_, model.n_teacher_terms_ = "t", 0
    return model


def word_stage(documents: list[str]) -> LexicalVectorizer:
    """Words and pairs of words."""
    return LexicalVectorizer(ngram_range=(1, 2), dtype=np.float32).fit(documents)


def default_stage(documents: list[str]) -> LexicalVectorizer:
    """The stage of ``lexical=None``; its pieces are ASCII letters and pairs of letters.

    `fit` needs the tokenizers library only to learn the pieces and to learn how each
    character is normalised. Both are given here.
    """
    subwords = Subwords(_tokenizer_json(documents), _tables())
    with patch.object(LexicalVectorizer, "_learn_subwords", lambda *_: subwords):
        return default_lexical_stage().fit(documents)


def _tokenizer_json(documents: list[str]) -> str:
    """A tokenizer like BERT's, in the JSON format of the tokenizers library."""
    words = re.findall("[a-z0-9]+", _bare(" ".join(documents)))
    parts = sorted({w[i : i + n] for w in words for i in range(len(w)) for n in (1, 2)})
    pieces = [UNKNOWN_PIECE, *parts, *("##" + part for part in parts)]
    model = {
        "type": "WordPiece",
        "unk_token": UNKNOWN_PIECE,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {piece: number for number, piece in enumerate(pieces)},
    }
    state = {
        "added_tokens": [{"id": 0, "content": UNKNOWN_PIECE}],
        "normalizer": {"type": "BertNormalizer"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": model,
    }
    return json.dumps(state)


def _tables() -> dict[str, np.ndarray]:
    """BERT's rules for characters, by the running Python."""
    changed = changed_by(_bare)
    classes = np.full(N_CODE_POINTS, CLASS_BITS["word"], dtype=np.uint8)
    for code_point, character in enumerate(map(chr, range(N_CODE_POINTS))):
        if character.isspace():
            classes[code_point] = CLASS_BITS["space"]
        elif category(character)[0] in "PS":
            classes[code_point] = CLASS_BITS["punctuation"]
        if any(map(combining, changed.get(code_point, character))):
            classes[code_point] |= CLASS_BITS["odd"]
    return make_tables(changed, classes).packed()


def _bare(text: str) -> str:
    """Lower case without accents."""
    decomposed = normalize("NFD", text.lower())
    return "".join(c for c in decomposed if category(c) != "Mn")
