"""Memory of a fit, from 50,000 to 1,000,000 documents.

Each fit runs in a process of its own. Its peak memory is compared with the memory
before the fit, when the process holds the documents, their teacher vectors and torch.
Two things are subtracted from the difference: the TF-IDF matrices of the documents and
of their halves, and four copies of the weights of the first layer. The rest is the
column "other". It has constant parts, such as the blocks of documents, so the last line
of a table gives the growth from the smallest to the largest fit. The goal is at most
1.5 KB for each further document. The estimate on which the warning of a fit is based is
compared with the peak.

A thread reads the memory of the process and the functions that it is in, 50 times a
second: so the peak of each stage is known.

The documents are made from the texts of the main corpus: a piece of one text, a piece
of another, and now and then a word that occurs once. The teacher's vectors are random
projections of words, 384 wide. The student is a small one (50,000 terms, layers of 128
and 64), with the teacher's vectors of all documents. `--cases` takes other students:
with the vectors of 10,000 documents, and the default student (at most 200,000 terms)
with longer texts. Students are trained for one epoch; more epochs need the same memory.

Needs Linux, and sklux with its extra `benchmark`. It takes up to 4 GB of memory, and
half an hour on 2 idle cores:

    python benchmarks/bench_memory.py
"""

import json
import subprocess
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
from _corpora import MAIN_CORPUS, add_data_option, read_corpora
from _memory import memory_bytes, memory_in_use
from _report import add_output_option, conditions, markdown_table, publish
from _turns import progress
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer

from sklux import LuxicalVectorizer, ReLUProjection
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._student.fit_memory import FitSize, fit_memory
from sklux._student.targets import n_latent_needed

SIZES = [50_000, 200_000, 500_000, 1_000_000]
# Name -> characters of a text, parameters of the stages, documents with a teacher
# vector (None means all), largest number of documents.
SMALL = {"hidden_layer_sizes": (128,), "n_components": 64}
CASES = {
    "small": (160, 50_000, SMALL, None, 1_000_000),
    "small, 10,000 embedded": (160, 50_000, SMALL, 10_000, 1_000_000),
    "default": (400, 200_000, {}, None, 500_000),
}
# Cases of a whole run.
DEFAULT_CASES = ["small"]
TEACHER_WIDTH = 384
# Words of the projections, and texts that are projected at a time.
N_WORDS, TEXTS_AT_A_TIME = 4096, 10_000
CHARACTERS_PER_WORD = 6.5
# Share of the texts that get a word of their own.
NEW_WORDS = 0.5
# Copies of the first layer in training.
N_LAYERS = 4
# KB for each further document.
GOAL = 1.5
SECONDS_BETWEEN_LOOKS = 0.02
# Functions of the library, inner ones first, and the stages that they are.
STAGES = {
    "train_student": "training",
    "initial_coefs": "initial weights",
    "latent_directions": "latent vectors",
    "fit_imputation": "imputation",
    "make_targets": "targets",
    "report_on_fit": "report",
    "stored_network": "report",
    "_views": "halves",
    "_learn_subwords": "word pieces",
    "_fit_lexical": "terms",
    "copy_groups": "copies",
    "copies_of_fit": "copies",
    "_embedded": "teacher",
}
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch"]


def main() -> None:
    """Measure all cases, and publish the tables."""
    options = parse_options()
    if options.measure is not None:
        name, n_documents = options.measure
        print(json.dumps(measure(name, int(n_documents), options.data)))
        return
    if sys.platform != "linux":
        raise SystemExit("The memory of a process is only known on Linux.")
    tables = [table(name, options) for name in options.cases]
    text = "\n\n".join([*tables, conditions(PACKAGES)])
    is_whole = options.sizes == SIZES and options.cases == DEFAULT_CASES
    publish(options.output if is_whole else Path("-"), "fit-memory", text)


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument(
        "--cases",
        nargs="+",
        choices=list(CASES),
        default=DEFAULT_CASES,
        help="with other cases than the default, the tables are only printed",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=SIZES,
        metavar="N",
        help="numbers of documents; the tables are then only printed",
    )
    # One fit, in the process that is measured.
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "N"))
    return parser.parse_args()


def table(name: str, options: Namespace) -> str:
    """The table of a case."""
    n_characters, max_features, _, n_embedded, largest = CASES[name]
    found = [
        measured(name, n_documents, options.data)
        for n_documents in options.sizes
        if n_documents <= largest
    ]
    header = ["documents", "texts", "teacher vectors", "matrices", "4 x weights"]
    header += ["peak", "other", "KB a document", "estimate / peak", "largest stages"]
    rows = [row(result) for result in found]
    embedded = "all" if n_embedded is None else f"{n_embedded:,}"
    text = (
        f"**Memory of a fit: {name} student**, texts of about {n_characters} "
        f"characters, at most {max_features:,} terms, {embedded} documents with a "
        "teacher vector; MB. The peak is the peak beyond the texts and the given "
        f"teacher vectors.\n\n{markdown_table(header, rows)}"
    )
    if len(found) > 1:
        growth = growth_per_document(found[0], found[-1]) / 1e3
        reached = "yes" if growth <= GOAL else "no"
        text += (
            f"\n\nEach further document: {growth:.2f} KB. Goal: at most {GOAL} KB. "
            f"Reached: {reached}."
        )
    return text


def growth_per_document(first: dict, last: dict) -> float:
    """Bytes of other memory for each document that one fit has more than the other."""
    n_more = last["documents"] - first["documents"]
    return (other(last) - other(first)) / n_more


def other(result: dict) -> float:
    """The peak, without matrices and weights."""
    return result["peak"] - result["matrices"] - N_LAYERS * result["weights"]


def row(result: dict) -> list[str]:
    """Cells of a fit."""
    stages = sorted(result["stages"].items(), key=lambda item: -item[1])[:3]
    megabytes = [result[key] for key in ("texts", "vectors", "matrices")] + [
        N_LAYERS * result["weights"],
        result["peak"],
        other(result),
    ]
    return [
        f"{result['documents']:,}",
        *(f"{n_bytes / 1e6:,.0f}" for n_bytes in megabytes),
        f"{other(result) / result['documents'] / 1e3:.2f}",
        f"{result['estimate'] / result['peak']:.2f}",
        ", ".join(f"{name} {n_bytes / 1e6:,.0f}" for name, n_bytes in stages),
    ]


def measured(name: str, n_documents: int, data: Path) -> dict:
    """Measure a fit in a process of its own."""
    command = [sys.executable, __file__, "--data", str(data)]
    command += ["--measure", name, str(n_documents)]
    start = perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    progress(
        f"{name}, {n_documents:,} documents: peak {result['peak'] / 1e6:,.0f} MB, "
        f"{other(result) / n_documents:,.0f} bytes of other memory a document, fit "
        f"{result['seconds']:.0f} s, all {perf_counter() - start:.0f} s"
    )
    return result


def measure(name: str, n_documents: int, data: Path) -> dict:
    """Fit, and return all sizes in bytes."""
    n_characters, max_features, parameters, n_embedded, _ = CASES[name]
    source = read_corpora(data, [MAIN_CORPUS])[0].texts.train
    texts = made_texts(source, n_documents, n_characters)
    del source
    vectors = vectors_of(texts)
    if n_embedded is not None:
        missing = np.random.RandomState(0).permutation(n_documents)[n_embedded:]
        vectors[missing] = np.nan
    vectorizer = LuxicalVectorizer(
        lexical=default_lexical_stage().set_params(max_features=max_features),
        projection=ReLUProjection(max_iter=1, **parameters),
        random_state=0,
    )
    # The first fit loads libraries, and starts threads.
    clone(vectorizer).fit(texts[:500], teacher_embeddings=vectors_of(texts[:500]))
    base = memory_in_use()
    # From now on the peak is the peak of the fit.
    Path("/proc/self/clear_refs").write_text("5")
    start = perf_counter()
    with stages_of_this_thread(base) as stages:
        vectorizer.fit(texts, teacher_embeddings=vectors)
    seconds, peak = perf_counter() - start, memory_bytes("VmHWM") - base
    X = vectorizer.lexical_.transform(texts)
    views = vectorizer._views(vectorizer.lexical_, texts, vectorizer.projection_, X)
    matrices = csr_bytes(X) + (0 if views is None else csr_bytes(views))
    size = size_of(vectorizer.projection_, X)
    return {
        "documents": n_documents,
        "texts": sum(map(sys.getsizeof, texts)),
        "vectors": vectors.nbytes,
        "matrices": matrices,
        "weights": vectorizer.projection_.coefs_[0].nbytes,
        "peak": peak,
        "estimate": matrices + max(fit_memory(size).values()),
        "stages": stages,
        "seconds": seconds,
    }


def size_of(projection: ReLUProjection, X: sparse.csr_matrix) -> FitSize:
    """Sizes of a fit that is over."""
    first, *_ = projection.coefs_
    n_embedded = projection.n_teacher_documents_
    return FitSize(
        n_documents=X.shape[0],
        n_values=X.nnz,
        n_features=X.shape[1],
        n_units=first.shape[1],
        n_components=projection.n_components_,
        n_teacher_components=TEACHER_WIDTH,
        n_embedded=n_embedded,
        n_term_components=0,
        n_latent=n_latent_needed(n_embedded == X.shape[0], 1.0),
    )


def csr_bytes(X: sparse.csr_matrix) -> int:
    """Bytes of the arrays of a matrix."""
    return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


@contextmanager
def stages_of_this_thread(base: int) -> Iterator[dict[str, int]]:
    """Peak memory beyond ``base`` of each stage, as another thread sees it."""
    peaks: dict[str, int] = {}
    watched, is_over = threading.get_ident(), threading.Event()

    def look() -> None:
        while not is_over.is_set():
            names, frame = set(), sys._current_frames().get(watched)
            while frame is not None:
                names.add(frame.f_code.co_name)
                frame = frame.f_back
            stage = next((STAGES[name] for name in STAGES if name in names), "others")
            used = memory_bytes("VmRSS") - base
            peaks[stage] = max(peaks.get(stage, 0), used)
            sleep(SECONDS_BETWEEN_LOOKS)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        is_over.set()
        thread.join()


def made_texts(source: Sequence[str], n_documents: int, n_characters: int) -> list[str]:
    """Texts of pieces of two random texts, some of them with a word of their own."""
    words = [text.split() for text in source]
    n_words = max(int(n_characters / CHARACTERS_PER_WORD / 2), 1)
    rng = np.random.RandomState(0)
    texts = []
    for number in range(n_documents):
        text = []
        for chosen in rng.randint(len(words), size=2):
            begin = rng.randint(max(len(words[chosen]) - n_words, 1))
            text += words[chosen][begin : begin + n_words]
        if rng.random_sample() < NEW_WORDS:
            place = rng.randint(len(text))
            text[place] = text[place][:3] + np.base_repr(number, 36).lower()
        texts.append(" ".join(text))
    return texts


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    """Teacher vectors: random projections of hashed words."""
    projection = np.random.RandomState(0).standard_normal((N_WORDS, TEACHER_WIDTH))
    projection = projection.astype(np.float32)
    hashing = HashingVectorizer(n_features=N_WORDS, dtype=np.float32)
    vectors = np.empty((len(texts), TEACHER_WIDTH), dtype=np.float32)
    for begin in range(0, len(texts), TEXTS_AT_A_TIME):
        rows = slice(begin, begin + TEXTS_AT_A_TIME)
        vectors[rows] = hashing.transform(texts[rows]) @ projection
    return vectors


if __name__ == "__main__":
    main()
