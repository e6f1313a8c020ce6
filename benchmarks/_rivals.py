"""Models that students are compared with: other methods, and other packages."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
from _corpora import Parts
from _measures import encode
from _models import (
    FASTTEXT,
    HASHING,
    LUXICAL,
    MODEL2VEC,
    SKIPGRAM,
    STATIC,
    TFIDF,
    TUNED,
    WIDTH,
    WORDS,
    FastText,
    StaticModel,
    StaticSentences,
    distilled_model,
    hashing_vectorizer,
    plain,
    trained_luxical,
    tuned_model2vec,
)
from _ridge import ridge_weights, with_constant
from _students import Bench, Result
from _turns import progress
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from sklux._lexical.vectorizer import default_lexical_stage

TEACHER_ROW, LEXICAL, SVD = "teacher", "TF-IDF", "TF-IDF + TruncatedSVD"
RIDGE = "ridge regression on TF-IDF"
FASTTEXT_EPOCHS = 5


def rival_result(bench: Bench, corpus: str, name: str) -> Result:
    """Measures of a rival of the students, with the seconds of its fit."""

    def make() -> Result:
        vectors, seconds = RIVALS[name](bench, corpus)
        return bench.measure(corpus, name, vectors, seconds)

    return bench.once(("rival", corpus, name), make)


Vectors = tuple[Parts, float | None]


def teacher(bench: Bench, corpus: str) -> Vectors:
    """The teacher's own vectors."""
    return bench.teacher(corpus), None


def lexical(bench: Bench, corpus: str) -> Vectors:
    """The matrix of the student's terms as TF-IDF: words, pairs and all word pieces.

    The student reads the pieces of unknown words only. As a matrix, its own stage is
    worse: the pieces of signs outweigh the words.
    """

    def make() -> Vectors:
        texts, start = bench.corpus(corpus).texts, perf_counter()
        stage = default_lexical_stage()
        stage.set_params(subwords_of="all", position_weight=0.0).fit(texts.train)
        seconds = perf_counter() - start
        return encode(texts, stage.transform), seconds

    return bench.once(("lexical", corpus), make)


def svd(bench: Bench, corpus: str) -> Vectors:
    """The lexical matrix, reduced by TruncatedSVD."""
    matrices, seconds = lexical(bench, corpus)
    start, width = perf_counter(), min(WIDTH, min(matrices.train.shape) - 1)
    reduction = TruncatedSVD(width, random_state=0).fit(matrices.train)
    seconds += perf_counter() - start
    return encode(matrices, lambda X: normalize(reduction.transform(X))), seconds


def ridge(bench: Bench, corpus: str) -> Vectors:
    """A linear student: ridge regression from the lexical matrix to the teacher."""
    matrices, seconds = lexical(bench, corpus)
    start = perf_counter()
    weights, alpha = ridge_weights(matrices.train, targets(bench, corpus))
    seconds += perf_counter() - start
    progress(f"{corpus}: {RIDGE}: alpha {alpha}")
    return encode(matrices, lambda X: normalize(with_constant(X) @ weights)), seconds


def distilled(bench: Bench, corpus: str) -> Vectors:
    """model2vec's `distill`, which uses no text of the corpus."""
    model, seconds = distillation(bench)
    static = StaticModel(model.embedding, model.tokenizer)
    return encode(bench.corpus(corpus).texts, static.transform), seconds


def static(bench: Bench, corpus: str) -> Vectors:
    """The vectors of `distilled`, run by sentence-transformers."""
    model, seconds = distillation(bench)
    sentences = StaticSentences(model.embedding, model.tokenizer)
    return encode(bench.corpus(corpus).texts, sentences.transform), seconds


def tuned(bench: Bench, corpus: str) -> Vectors:
    """model2vec's training on the same texts and teacher vectors."""
    texts = bench.corpus(corpus).texts
    start_model, seconds = distillation(bench)
    start = perf_counter()
    model, n_epochs = tuned_model2vec(start_model, texts.train, targets(bench, corpus))
    seconds += perf_counter() - start
    progress(f"{corpus}: {TUNED}: {n_epochs} epochs")
    return encode(texts, lambda documents: normalize(model.encode(documents))), seconds


def trained(make: Callable[[list[str], np.ndarray, object], Callable]) -> Callable:
    """A rival that is made from training texts, their teacher vectors and labels."""

    def rival(bench: Bench, name: str) -> Vectors:
        corpus, vectors = bench.corpus(name), bench.teacher(name).train
        start = perf_counter()
        labels = corpus.labels and corpus.labels[0]
        transform = make(corpus.texts.train, vectors, labels)
        seconds = perf_counter() - start
        return encode(corpus.texts, transform), seconds

    return rival


def fasttext_transform(texts: list[str], labels: object) -> Callable:
    """A fastText model, trained in one thread to be reproducible."""
    model = FastText(texts, labels, FASTTEXT_EPOCHS, 1)
    return lambda documents: model.transform(plain(documents))


def distillation(bench: Bench) -> tuple[object, float]:
    """model2vec's static model of the teacher, and the seconds of its distillation."""

    def make() -> tuple[object, float]:
        start = perf_counter()
        return distilled_model(WIDTH), perf_counter() - start

    return bench.once(("distilled",), make)


def targets(bench: Bench, corpus: str) -> np.ndarray:
    """The teacher's training vectors, reduced to the student's width.

    The principal directions are not centred, like the student's own directions.
    """
    unit = normalize(bench.teacher(corpus).train)
    _, directions = np.linalg.eigh(unit.T.astype(np.float64) @ unit)
    reduced = unit @ directions[:, ::-1][:, :WIDTH]
    return normalize(reduced).astype(np.float32)


# Rivals by the names of their rows. The rivals of the speed benchmark are measured on
# the main corpus only.
ALWAYS = {
    TEACHER_ROW: teacher,
    LEXICAL: lexical,
    SVD: svd,
    MODEL2VEC: distilled,
    TUNED: tuned,
    RIDGE: ridge,
}
SPEED_RIVALS = {
    LUXICAL: trained(lambda texts, vectors, _: trained_luxical(texts, vectors)),
    STATIC: static,
    FASTTEXT: trained(lambda texts, _, labels: fasttext_transform(texts, labels)),
    SKIPGRAM: trained(lambda texts, *_: fasttext_transform(texts, None)),
    TFIDF: trained(lambda texts, *_: TfidfVectorizer(**WORDS).fit(texts).transform),
    HASHING: trained(lambda *_: hashing_vectorizer().transform),
}
RIVALS = ALWAYS | SPEED_RIVALS
