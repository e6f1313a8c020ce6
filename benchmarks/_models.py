"""The models of the benchmarks: students of sklux, and models of other packages.

If a benchmark only measures time, its models have the terms of the whole corpus but
are not properly trained, because the values of the weights do not affect the time.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, suppress
from functools import cached_property
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
from _corpora import teacher_folder
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from threadpoolctl import threadpool_limits

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._student.projection import fit_projection
from sklux._student.teacher_embeddings import TeacherEmbeddings

# Words and pairs of words, as in a typical TF-IDF setup.
PLAIN_WORDS = {"ngram_range": (1, 2), "max_features": 200_000, "dtype": np.float32}
# The words of the default lexical stage, without its word pieces.
WORDS = {**PLAIN_WORDS, "token_pattern": r"(?u)\b\w+\b", "sublinear_tf": True}
# Hidden layer and width of the fast students, for which the speed goals are set; and
# the number of hidden units of the default students, whose rows are tied.
HIDDEN, WIDTH, DEFAULT_HIDDEN = 128, 256, 512
# Names in the tables.
LUXICAL = f"luxical, {HIDDEN}-{WIDTH}"
LUXICAL_WIDE = f"luxical, {DEFAULT_HIDDEN}-{WIDTH}"
LUXICAL_PAPER = "luxical, 96-3072-3072-192"
MODEL2VEC, STATIC = "model2vec", "StaticEmbedding"
TUNED = "model2vec, trained on the corpus"
FASTTEXT, SKIPGRAM = "fastText", "fastText, skip-gram"
TFIDF, HASHING, TEACHER = "TfidfVectorizer", "HashingVectorizer", "all-MiniLM-L6-v2"
# Rows, and the title of a table, that plot_quality_speed.py looks up.
STUDENT, SMALL_STUDENT = "student", f"student, words, {HIDDEN}-{WIDTH}"
WHOLE, ONE = "whole machine", "one thread"
SPEED_TITLE = "Text to vectors"
# Dtypes of a student's weights; a fitted student of the benchmarks has the first.
DTYPES = ["float32", "float16", "int8"]
# Layers of the model in Luxical's paper, whose n-grams have up to five word pieces.
LUXICAL_ONE, LUXICAL_ONE_ORDER = (96, 3072, 3072, 192), 5
# The values that luxical's own package uses.
LUXICAL_BATCH = 4096
LUXICAL_SUMMARY = 2_000_000
STATIC_BATCH = 1024
# Luxical's loss only. It needs large batches, but with much larger batches a corpus of
# this size gives too few steps. Early stopping mostly ends it before the last epoch.
LUXICAL_TRAINING = {
    "loss": "similarity_kl",
    "temperature": 3.0,
    "batch_size": 1024,
    "max_iter": 20,
    "corpus_weight": 0.0,
    "contrastive_weight": 0.0,
    "dropout": 0.0,
}
# Maximum; model2vec's early stopping ends after about 30 epochs of 50,000 texts.
MODEL2VEC_EPOCHS = 60
# Documents, and batch size, of the short fit of a student that is only timed.
N_FITTED, FIT_BATCH = 2000, 500
FASTTEXT_WIDTH, FASTTEXT_ORDER = 100, 2
# What a fit on the main corpus chooses.
POSITION_WEIGHT = 2.0


# sklux


def untrained_student(
    texts: list[str],
    lexical: LexicalVectorizer | None = None,
    hidden: Sequence[int] | str = "tied",
    width: int = 256,
) -> LuxicalVectorizer:
    """A student with float32 weights for the terms of all texts.

    It is fitted to noise on a few of them. The default stage gets the weights by place
    that a fit on the main corpus chooses; they cost a little time.
    """
    projection = ReLUProjection(
        width,
        hidden_layer_sizes=hidden,
        batch_size=FIT_BATCH,
        max_iter=1,
        early_stopping=False,
        corpus_weight=0.0,
        weights_dtype="float32",
    )
    student = LuxicalVectorizer(lexical=lexical, projection=projection, random_state=0)
    random = np.random.RandomState(0)
    noise = random.standard_normal((len(texts) + 1, width)).astype(np.float32)
    rows = random.permutation(len(texts))[:N_FITTED]

    def fit_some(projection, X, embeddings, views, terms, groups, folding, **options):
        # With a document of all terms, each term gets weights of its own.
        every_term = np.full((1, X.shape[1]), X.shape[1] ** -0.5, dtype=X.dtype)
        documents = sparse.vstack([X[rows], sparse.csr_matrix(every_term)], "csr")
        some = TeacherEmbeddings.of_rows(noise[: documents.shape[0]], "noise")
        fit_projection(
            projection, documents, some, None, None, None, folding, **options
        )

    with mock.patch("sklux._vectorizer.fit_projection", fit_some):
        student.fit(texts, teacher_embeddings=noise[:-1])
    if lexical is None:
        student.lexical_.set_params(position_weight=POSITION_WEIGHT)
    return student


# luxical


class LuxicalModel:
    """A model of luxical's own package; an unpickled copy reads the file again."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return type(self), (self.path,)

    @cached_property
    def embedder(self):
        """The model, loaded on first use."""
        from luxical.embedder import Embedder

        return Embedder.load(self.path)

    def transform(self, documents: list[str]) -> np.ndarray:
        """Embed documents."""
        return self.embedder(documents)

    def counts(self, documents: list[str]) -> list[sparse.csr_matrix]:
        """Count n-grams in the batches of luxical, one matrix per batch."""
        return [
            self.embedder.bow_from_texts(batch)
            for batch in batches(documents, LUXICAL_BATCH)
        ]


def build_luxical(
    texts: list[str], order: int, max_features: int, widths: Sequence[int]
):
    """An untrained luxical `Embedder` of the most frequent n-grams of texts."""
    from luxical.embedder import initialize_embedder_from_ngram_summary
    from luxical.ngrams import space_saving_ngram_summary
    from luxical.tokenization import (
        arrow_tokenize_texts,
        arrow_tokenizer_from_tokenizer,
    )

    tokenizer = arrow_tokenizer_from_tokenizer(word_pieces())
    tokens = arrow_tokenize_texts(texts, tokenizer, progress_bar=False)
    summary = space_saving_ngram_summary(
        tokens.to_numpy(), max_ngram_length=order, num_top_items=LUXICAL_SUMMARY
    )
    return initialize_embedder_from_ngram_summary(
        summary,
        tokenizer,
        widths,
        min_ngram_count_multiple=0,
        max_vocabulary_size=max_features,
    )


def trained_luxical(texts: list[str], teacher_vectors: np.ndarray):
    """A luxical `Embedder` whose layers sklux trains with Luxical's loss.

    The n-grams and their weights are luxical's. Luxical's own training program needs a
    folder of Parquet files and a GPU.
    """
    order, size = WORDS["ngram_range"][1], WORDS["max_features"]
    embedder = build_luxical(texts, order, size, [HIDDEN, WIDTH])
    X = sparse.vstack(
        [
            embedder.tfidf_from_bow(embedder.bow_from_texts(batch))
            for batch in batches(texts, LUXICAL_BATCH)
        ],
        format="csr",
    )
    projection = ReLUProjection(
        WIDTH,
        hidden_layer_sizes=(HIDDEN,),
        weights_dtype="float32",
        random_state=0,
        **LUXICAL_TRAINING,
    )
    return with_layers(embedder, projection.fit(X, teacher_vectors).coefs_)


def with_layers(embedder, layers: Sequence[np.ndarray]):
    """A luxical `Embedder` with the same n-grams and layers of shape (n_in, n_out)."""
    from luxical.sparse_to_dense_neural_nets import SparseToDenseEmbedder

    # luxical stores one row per output.
    turned = [np.ascontiguousarray(weights.T) for weights in layers]
    return embedder.replace_sparse_to_dense_embedder(SparseToDenseEmbedder(turned))


def random_layers(widths: Sequence[int]) -> list[np.ndarray]:
    """Random weights of layers, each of shape (n_units_in, n_units_out)."""
    random = np.random.default_rng(0)
    return [
        random.standard_normal((n_in, n_out), dtype=np.float32)
        for n_in, n_out in zip(widths[:-1], widths[1:])
    ]


def batches(items: Sequence, size: int) -> list[Sequence]:
    """Split items into batches of ``size``; the last batch may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


# Static vectors


class StaticModel:
    """model2vec's `StaticModel` with given vectors of word pieces, in one process.

    The word pieces are the teacher's unless another tokeniser is given.
    """

    def __init__(self, vectors: np.ndarray, tokenizer=None):
        from model2vec import StaticModel as Model2vec

        self.model = Model2vec(
            vectors.astype(np.float16), tokenizer or word_pieces(), normalize=True
        )

    def transform(self, documents: list[str]) -> np.ndarray:
        """Embed documents."""
        return self.model.encode(documents, use_multiprocessing=False)


class StaticSentences:
    """sentence-transformers' `StaticEmbedding`, with the same parameters."""

    def __init__(self, vectors: np.ndarray, tokenizer=None):
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        module = StaticEmbedding(
            tokenizer or word_pieces(), embedding_weights=vectors.astype(np.float32)
        )
        self.model = SentenceTransformer(modules=[module], device="cpu")

    def transform(self, documents: list[str]) -> np.ndarray:
        """Embed documents in batches larger than the slow default of 32."""
        return self.model.encode(
            documents, batch_size=STATIC_BATCH, show_progress_bar=False
        )


def random_vectors(width: int) -> np.ndarray:
    """A random vector for each of the teacher's word pieces."""
    shape = (word_pieces().get_vocab_size(), width)
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def distilled_model(width: int):
    """A model2vec `StaticModel`, made from the teacher by `distill`.

    The teacher embeds each word piece separately, as the mean over its tokens. PCA
    reduces the vectors. Each is weighted by the rank of its piece in the vocabulary.
    """
    from model2vec.distill import distill

    # A progress bar would clutter the log.
    with redirect_stderr(StringIO()):
        return distill(teacher_folder(), pca_dims=width, device="cpu")


def tuned_model2vec(distilled, texts: list[str], vectors: np.ndarray):
    """model2vec's `StaticModelForSimilarity` trained on vectors; and its epochs.

    All settings except the start and the maximum of epochs are the defaults: a hidden
    layer of 512 after the static vectors, and early stopping on a held-out tenth of the
    texts.
    """
    import torch
    from model2vec.train import StaticModelForSimilarity

    model = StaticModelForSimilarity.from_static_model(model=distilled)
    with redirect_stderr(StringIO()) as log:
        model.fit(
            texts,
            torch.from_numpy(vectors),
            max_epochs=MODEL2VEC_EPOCHS,
            device="cpu",
        )
    return model, max(map(int, re.findall(r"Epoch (\d+)", log.getvalue())))


def word_pieces():
    """The teacher's tokeniser."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(teacher_folder()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class Transformer:
    """The teacher itself, all-MiniLM-L6-v2."""

    def __init__(self):
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(teacher_folder(), device="cpu")

    def transform(self, documents: list[str]) -> np.ndarray:
        """Embed documents."""
        return self.model.encode(documents, show_progress_bar=False)


# fastText


class FastText:
    """fastText with 100 dimensions: trained on labels, or as skip-gram without labels.

    With labels it also has pairs of words, with as many buckets as the other models
    have features. It embeds one text at a time in one thread. Its texts must come from
    `plain`.
    """

    def __init__(
        self,
        texts: list[str],
        labels: Sequence[object] | None,
        n_epochs: int,
        n_threads: int,
    ):
        import fasttext

        options = {"dim": FASTTEXT_WIDTH, "epoch": n_epochs, "thread": n_threads}
        lines = plain(texts)
        if labels is None:
            train = fasttext.train_unsupervised
            options |= {"minn": 0, "maxn": 0}
        else:
            train = fasttext.train_supervised
            options |= {"wordNgrams": FASTTEXT_ORDER, "bucket": WORDS["max_features"]}
            names = ("_".join(str(label).split()) for label in labels)
            lines = [f"__label__{name} {line}" for name, line in zip(names, lines)]
        with TemporaryDirectory() as folder:
            path = Path(folder) / "texts.txt"
            path.write_text("\n".join(lines), encoding="utf-8")
            self.model = train(str(path), verbose=0, **options)

    def transform(self, documents: list[str]) -> np.ndarray:
        """Embed documents that `plain` has prepared."""
        vectors = np.empty((len(documents), FASTTEXT_WIDTH), dtype=np.float32)
        for row, document in enumerate(documents):
            vectors[row] = self.model.get_sentence_vector(document)
        return vectors


def plain(texts: Sequence[str]) -> list[str]:
    """The words of each text in lower case, on one line, as fastText needs them."""
    words = re.compile(WORDS["token_pattern"])
    return [" ".join(words.findall(text.lower())) for text in texts]


# scikit-learn


def hashing_vectorizer() -> HashingVectorizer:
    """HashingVectorizer with the words of WORDS, but without sublinear tf and idf."""
    names = ("ngram_range", "token_pattern", "dtype")
    return HashingVectorizer(**{name: WORDS[name] for name in names})


# Threads


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit all libraries to one thread, and the process to one core.

    BLAS, torch, numba, tokenizers and luxical's pool have settings for it. luxical's
    tokeniser has threads without a setting, so all threads of the process are bound to
    one core, on systems that support it (Linux).
    """
    import numba
    import torch

    counts = numba.get_num_threads(), torch.get_num_threads()
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        stack.enter_context(
            mock.patch.dict(os.environ, {"TOKENIZERS_PARALLELISM": "false"})
        )
        stack.enter_context(mock.patch("luxical.ngrams.cpu_count", return_value=1))
        stack.callback(numba.set_num_threads, counts[0])
        stack.callback(torch.set_num_threads, counts[1])
        numba.set_num_threads(1)
        torch.set_num_threads(1)
        if hasattr(os, "sched_getaffinity"):
            cores = os.sched_getaffinity(0)
            stack.callback(bind_threads, cores)
            bind_threads({max(cores)})
        yield


def bind_threads(cores: set[int]) -> None:
    """Restrict all threads of this process to the given cores."""
    for task in Path("/proc/self/task").iterdir():
        # A thread may end between the listing and the call.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)
