"""What a few class labels do to the vectors of a student (`with_labels`).

From each corpus with labels, N documents are drawn: of N / 5 classes, at least 2 and at
most all, and about equally many of each. The labels go into the last layer of a fitted
student. Measured on at most 2,000 test documents of these classes, before and after:

- accuracy of classifiers that are trained on the same N vectors: logistic regression,
  1 and 5 nearest neighbours;
- same class: share of the 10 nearest test documents that have the class of a document;
- clusters: agreement of k-means with the classes (normalised mutual information);
- teacher: share of the teacher's 10 nearest documents that stay the nearest, over all
  test documents (`neighbors@10`).

The row "shuffled" learns from the same labels in random order: it shows that the weight
is then 0. The last part compares the time of `transform` with and without labels.

Needs sklux with its extra `benchmark`. It takes about 20 minutes on 2 cores:

    python benchmarks/bench_labels.py
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from time import perf_counter

import numpy as np
from _corpora import Corpus, add_data_option
from _measures import N_QUERIES, class_accuracy, cluster_agreement
from _report import DEFAULT_PAGE, add_output_option, conditions, markdown_table, publish
from _students import Bench, Recipe
from _turns import progress
from sklearn.neighbors import KNeighborsClassifier

from sklux import LuxicalVectorizer
from sklux.metrics import neighbor_recall_score

# The vectors of the corpora alone: no words, which would take minutes of the teacher.
RECIPE: Recipe = {"teacher_words": None, "weights_dtype": "int8"}
CORPORA = ["r8", "banking77", "debian"]
N_LABELLED = [10, 100, 1000]
PER_CLASS, MIN_PER_CLASS = 5, 10
# Documents without a label that `with_labels` gets in addition, and test documents.
N_OTHERS, N_TEST = 2000, 2000
N_DRAWS, SEED, N_TURNS = 5, 0, 21
COLUMNS = [
    "logistic",
    "1 neighbour",
    "5 neighbours",
    "same class",
    "clusters",
    "teacher",
]
PLAIN, AUTO, STRONG, SHUFFLED = "no labels", "'auto'", "2.0", "'auto', shuffled"
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch"]

Measures = dict[str, list[float]]


def main() -> None:
    """Measure all corpora and publish the tables."""
    options = parse_options()
    bench = Bench(options.data, options.limit, [SEED])
    names = [name for name in CORPORA if name in bench.names] or bench.names
    parts = [part for name in names for part in tables(bench, name, options.draws)]
    publish(options.output, "labels", "\n\n".join([*parts, conditions(PACKAGES)]))


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, DEFAULT_PAGE.parent / "guide" / "labels.md")
    parser.add_argument("--limit", type=int, metavar="N", help="documents of each part")
    parser.add_argument(
        "--draws", type=int, default=N_DRAWS, metavar="N", help="draws of the labels"
    )
    return parser.parse_args()


def tables(bench: Bench, name: str, n_draws: int) -> Iterator[str]:
    """Yield the tables of a corpus, and a sentence about speed."""
    corpus = bench.corpus(name)
    student, _ = bench.student(name, RECIPE, SEED)
    apart = None
    for n_labelled in N_LABELLED:
        found: dict[str, list[list[float]]] = {}
        for draw in range(n_draws):
            rows, test = drawn(corpus, n_labelled, draw)
            documents, y = labelled(corpus, rows, draw)
            models = {PLAIN: student, **separated(student, documents, y, len(rows))}
            apart = models[STRONG]
            for label, model in models.items():
                values = measured(bench, name, model, rows, test)
                values.append(model.projection_.label_weight_)
                found.setdefault(label, []).append(values)
            progress(f"{name}: {n_labelled} labels, draw {draw} measured")
        n_classes = len(np.unique(corpus.labels[0][rows]))
        title = f"**{n_labelled} labels** of {n_classes} classes, {name}"
        cells = [row_of(label, values) for label, values in found.items()]
        head = ["weight", *COLUMNS, "chosen"]
        yield f"{title}\n\n{markdown_table(head, cells)}"
    yield speed(corpus, student, apart)


def drawn(corpus: Corpus, n_labelled: int, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of labelled training documents, and of test documents of their classes."""
    rng = np.random.RandomState(draw)
    classes, counts = np.unique(corpus.labels[0], return_counts=True)
    classes = rng.permutation(classes[counts >= MIN_PER_CLASS])
    classes = classes[: max(2, n_labelled // PER_CLASS)]
    pools = [rng.permutation(np.flatnonzero(corpus.labels[0] == c)) for c in classes]
    # In turn one document of each class, as long as the class has more.
    ranks = np.concatenate([np.arange(len(pool)) for pool in pools])
    rows = np.concatenate(pools)[np.argsort(ranks, kind="stable")][:n_labelled]
    test = rng.permutation(np.flatnonzero(np.isin(corpus.labels[1], classes)))
    return rows, test[:N_TEST]


def labelled(corpus: Corpus, rows: np.ndarray, draw: int) -> tuple[list[str], list]:
    """Documents with their labels, then others without."""
    others = np.random.RandomState(draw).permutation(len(corpus.texts.train))
    others = others[:N_OTHERS]
    documents = [corpus.texts.train[row] for row in (*rows, *others)]
    return documents, [*corpus.labels[0][rows], *[None] * len(others)]


def separated(
    student: LuxicalVectorizer, documents: list[str], y: list, n_labelled: int
) -> dict[str, LuxicalVectorizer]:
    """The students with labels, by names of their rows."""
    order = np.random.RandomState(0).permutation(n_labelled)
    shuffled = [*(y[place] for place in order), *y[n_labelled:]]
    return {
        AUTO: student.with_labels(documents, y),
        STRONG: student.with_labels(documents, y, label_weight=float(STRONG)),
        SHUFFLED: student.with_labels(documents, shuffled),
    }


def measured(
    bench: Bench,
    name: str,
    model: LuxicalVectorizer,
    rows: np.ndarray,
    test: np.ndarray,
) -> list[float]:
    """The measures, in the order of the columns."""
    corpus = bench.corpus(name)
    train_labels, test_labels = corpus.labels[0][rows], corpus.labels[1][test]
    train = model.transform([corpus.texts.train[row] for row in rows])
    every = model.transform(corpus.texts.test)
    vectors = every[test]
    accuracies = [
        KNeighborsClassifier(k).fit(train, train_labels).score(vectors, test_labels)
        for k in (1, 5)
    ]
    return [
        class_accuracy(train, vectors, train_labels, test_labels),
        *accuracies,
        same_class(vectors, test_labels),
        cluster_agreement(vectors, test_labels),
        neighbor_recall_score(
            bench.teacher(name).test,
            every,
            sample_size=min(N_QUERIES, len(every)),
            random_state=0,
        ),
    ]


def same_class(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Share of the 10 nearest documents of each document that have its class."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argpartition(-cosines, 10, axis=1)[:, :10]
    return float((labels[nearest] == labels[:, np.newaxis]).mean())


def row_of(label: str, values: list[list[float]]) -> list[str]:
    """Cells: the mean over the draws and its standard error; the weights chosen."""
    columns = np.array(values).T
    errors = columns.std(axis=1, ddof=1) / np.sqrt(len(values))
    cells = [
        f"{mean:.3f} ± {error:.3f}"
        for mean, error in zip(columns[:-1].mean(axis=1), errors)
    ]
    return [label, *cells, f"{columns[-1].mean():.2f}"]


def speed(corpus: Corpus, plain: LuxicalVectorizer, apart: LuxicalVectorizer) -> str:
    """The time of `transform` with labels, as a ratio to the time without."""
    seconds: dict[str, list[float]] = {"plain": [], "apart": []}
    for _ in range(N_TURNS):
        for name, model in (("plain", plain), ("apart", apart)):
            start = perf_counter()
            model.transform(corpus.texts.test)
            seconds[name].append(perf_counter() - start)
    ratio = min(seconds["apart"]) / min(seconds["plain"])
    return (
        f"`transform` of the test documents of {corpus.name} takes {ratio:.2f} of the "
        f"time without labels (best of {N_TURNS} turns)."
    )


if __name__ == "__main__":
    main()
