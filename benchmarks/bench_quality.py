"""Quality of the student: how close it is to its teacher, compared with rivals.

The parts:

- main: students (several seeds) and their rivals (one seed) on all corpora. The rivals
  are the teacher, the student's own TF-IDF, TruncatedSVD of it, model2vec's `distill`
  and its training on the same texts, ridge regression, and Luxical's loss; on the main
  corpus also the models of the speed benchmark. plot_quality_speed.py reads the tables;
- goals: the goals that were set in advance, and the measured values;
- teacher-sample: the teacher embeds only some of the documents;
- truncation: truncated students, compared with students trained at that width;
- ablation: the default student with one setting changed at a time;
- trade-off: values of `corpus_weight`, from the teacher's vectors to the corpus's own.

The measures, on the test part of each corpus:

- class accuracy: LogisticRegression(C=10, max_iter=1000) on at most 20,000
  training rows drawn at random;
- clusters NMI: normalised mutual information of the classes with k-means, as many
  clusters as classes, mean of 4 runs;
- neighbours@10: share of the teacher's 10 nearest test documents (cosine) that are also
  among the model's 10 nearest, over 2,000 random test rows;
- correlation: Pearson correlation of the teacher's and the model's cosines, over
  100,000 random pairs;
- halves MRR: first halves of texts are queries for their second halves; mean reciprocal
  rank, ties count against the model;
- Spearman: rank correlation of cosines and gold scores of sentence pairs.

Seconds are the wall time of all fits that a model needs, without the teacher's time.

Needs sklux with its extra `benchmark`. It takes 3 to 4 hours on 2 cores:

    python benchmarks/bench_quality.py

To run only some parts:

    python benchmarks/bench_quality.py --parts main goals --corpora debian r8
"""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from _corpora import READERS, add_data_option
from _measures import (
    ACCURACY,
    CORRELATION,
    MEASURES,
    MRR,
    NEIGHBOURS,
    SPEARMAN,
)
from _models import (
    DTYPES,
    HIDDEN,
    LUXICAL_TRAINING,
    MODEL2VEC,
    SMALL_STUDENT,
    STUDENT,
    TUNED,
    WIDTH,
    WORDS,
)
from _report import add_output_option, conditions, markdown_table, publish
from _rivals import ALWAYS, SPEED_RIVALS, SVD, TEACHER_ROW, rival_result
from _students import DEFAULT, Bench, Recipe, Result
from _turns import progress

# Recipes hold the parameters that differ from the defaults; see _students.py.
# Students that are measured with several seeds, on all corpora.
TEACHER_END, CORPUS_END = "student, corpus_weight=0", "student, corpus_weight=0.35"
NO_TEACHER_WORDS = "student, no teacher words"
STUDENTS: dict[str, Recipe] = {
    STUDENT: DEFAULT,
    TEACHER_END: {"corpus_weight": 0.0},
    CORPUS_END: {"corpus_weight": 0.35},
    NO_TEACHER_WORDS: {"teacher_words": None},
}
# Students with one seed: on all corpora, and on the main corpus only.
LUXICAL_LOSS = "Luxical's loss"
SINGLES: dict[str, Recipe] = {LUXICAL_LOSS: LUXICAL_TRAINING | {"teacher_words": None}}
SPEED_STUDENTS: dict[str, Recipe] = {
    SMALL_STUDENT: {"lexical": WORDS, "hidden_layer_sizes": (HIDDEN,)},
}
# Students that are also measured with rounded weights.
ROUNDED = [STUDENT, SMALL_STUDENT]
# One setting changed at a time.
ABLATIONS: dict[str, Recipe] = {
    "default": DEFAULT,
    "no teacher words": {"teacher_words": None},
    "neither corpus vectors nor contrastive loss": {"corpus_weight": 0.0},
    "no contrastive loss": {"contrastive_weight": 0.0},
    "contrastive loss, no corpus vectors": {
        "contrastive_weight": 0.09,
        "corpus_weight": 0.0,
    },
    "neither, before training": {
        "corpus_weight": 0.0,
        "max_iter": 1,
        # So small that the weights do not change.
        "learning_rate_init": 1e-12,
    },
    "words, no word pieces": {"lexical": WORDS},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "hidden layer of 128": {"hidden_layer_sizes": (128,)},
    "hidden layer of 512, not tied": {"hidden_layer_sizes": (512,)},
    "hidden layer of 1024": {"hidden_layer_sizes": (1024,)},
    "3 epochs": {"max_iter": 3},
    "learning rate three times as high": {"learning_rate_init": 0.003},
    "cosine loss alone": {"loss": "cosine"},
    "similarity loss with twice the weight": {
        "loss": {"cosine": 1.0, "similarity_kl": 40.0}
    },
    "cosine loss alone, hidden layer of 512, not tied": {
        "loss": "cosine",
        "hidden_layer_sizes": (512,),
    },
    "dropout 0.15": {"dropout": 0.15},
    LUXICAL_LOSS: SINGLES[LUXICAL_LOSS],
}
CORPUS_WEIGHTS = [0.0, 0.06, "auto", 0.2, 0.35, 0.7]
# Numbers of embedded documents, with the default teacher words and without any.
SAMPLE_SIZES = [500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
SAMPLE_SIZES_NO_WORDS = [500, 5000]
WIDTHS = [32, 64, 128, 256]
SECONDS = "fit s"
FIGURES = [ACCURACY, NEIGHBOURS, CORRELATION, MRR]
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch", "luxical", "model2vec"]
PACKAGES += ["fasttext-community", "sentence-transformers"]


@dataclass(frozen=True)
class Goal:
    """A lower bound on a measure of a student, or an upper bound on its seconds.

    If ``rival`` is a name, the bound is relative to the value of that rival.
    """

    corpus: str
    student: str
    measure: str
    bound: float
    rival: str | None = None
    n_embedded: int | None = None


GOALS = [
    Goal("debian", STUDENT, MRR, 0.75),
    Goal("debian", STUDENT, ACCURACY, 0.75),
    Goal("debian", STUDENT, NEIGHBOURS, 0.605),
    Goal("debian", STUDENT, CORRELATION, 0.878),
    Goal("debian", STUDENT, SECONDS, 180),
    Goal("debian", TEACHER_END, NEIGHBOURS, 0.57),
    Goal("debian", TEACHER_END, CORRELATION, 0.87),
    Goal("debian", CORPUS_END, ACCURACY, 0.76),
    Goal("debian", CORPUS_END, MRR, 0.75),
    Goal("debian", STUDENT, MRR, 0.666, n_embedded=5000),
    Goal("debian", STUDENT, ACCURACY, 0.6606, n_embedded=5000),
    Goal("debian", STUDENT, NEIGHBOURS, 0.5, n_embedded=5000),
    Goal("debian", STUDENT, CORRELATION, 0.81, n_embedded=5000),
    Goal("r8", STUDENT, ACCURACY, -0.01, rival=TEACHER_ROW),
    Goal("banking77", STUDENT, ACCURACY, -0.04, rival=TEACHER_ROW),
    Goal("banking77", STUDENT, ACCURACY, 0.0, rival=SVD),
    Goal("stsb", STUDENT, SPEARMAN, 0.68),
]


def main() -> None:
    """Run the parts and publish each table as soon as it is finished."""
    options = parse_options()
    logging.disable(logging.WARNING)
    seeds = range(options.seeds)
    bench = Bench(options.data, options.limit, seeds, options.resume)
    is_whole = options.limit is None and options.contenders is None
    page = options.output if is_whole else Path("-")
    if options.images is None and str(page) != "-":
        options.images = page.parent / "images"
    for part in options.parts:
        start = perf_counter()
        for marker, text in PARTS[part](bench, options):
            publish(page, f"quality-{marker}", f"{text}\n\n{conditions(PACKAGES)}")
        progress(f"part {part}: {perf_counter() - start:.0f} s")


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    add_choice_options(parser)
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="number of seeds (default: 3)"
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="maximum number of documents in each part of a corpus, for a quick trial; "
        "tables are then only printed",
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="read finished results from this file and append new ones, to continue an "
        "interrupted run; delete the file after a change of the code",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="folder of the figures (default: images, next to the page)",
    )
    return parser.parse_args()


def add_choice_options(parser: ArgumentParser) -> None:
    """Add the options that select parts, corpora and rows."""
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--corpora",
        nargs="+",
        choices=list(READERS),
        help="corpora of the parts main and goals (default: all)",
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=[*ALWAYS, *SINGLES, *STUDENTS, *SPEED_RIVALS, *SPEED_STUDENTS],
        help="rows of the part main (default: all); tables are then only printed",
    )


Tables = Iterator[tuple[str, str]]


# Part main


def part_main(bench: Bench, options: Namespace) -> Tables:
    """Compare all contenders, corpus by corpus."""
    for name in options.corpora or bench.names:
        if name not in bench.names:
            continue
        wanted = options.contenders
        rows = [
            row
            for contender in contenders(bench, name)
            if wanted is None or contender in wanted
            for row in contender_rows(bench, name, contender)
        ]
        losses = [rounding_note(bench, name, row) for row, _ in rows if row in ROUNDED]
        corpus = bench.corpus(name).texts
        counts = f"{len(corpus.train):,} train, {len(corpus.test):,} test"
        text = f"**{name}** ({counts})\n\n{result_table(rows)}"
        yield name, "\n\n".join([text, *losses])


def contenders(bench: Bench, corpus: str) -> list[str]:
    """Names of the contenders of a corpus, in the order of the rows."""
    names = [*ALWAYS, *SINGLES, *STUDENTS]
    if corpus == bench.main:
        names += [*SPEED_STUDENTS, *SPEED_RIVALS]
    return names


def contender_rows(
    bench: Bench, corpus: str, name: str
) -> list[tuple[str, list[Result]]]:
    """The row of a contender, and its rows with rounded weights if there are any."""
    if name in ALWAYS | SPEED_RIVALS:
        return [(name, [rival_result(bench, corpus, name)])]
    changes = [None, *DTYPES[1:]] if name in ROUNDED else [None]
    recipe = (STUDENTS | SINGLES | SPEED_STUDENTS)[name]
    rows = {change: [] for change in changes}
    for seed in bench.seeds if name in STUDENTS else bench.seeds[:1]:
        # A student is not kept for long, so all its changed copies are measured now.
        for change in changes:
            rows[change].append(bench.result(corpus, recipe, seed, change=change))
    return [
        (name if change is None else f"{name}, {change}", results)
        for change, results in rows.items()
    ]


def rounding_note(bench: Bench, corpus: str, name: str) -> str:
    """A sentence on the largest loss by rounded weights, and the measure it is in."""
    (_, exact), *rounded = contender_rows(bench, corpus, name)
    losses = []
    for dtype, (_, results) in zip(DTYPES[1:], rounded):
        lost = {
            measure: 1 - mean(results, measure) / mean(exact, measure)
            for measure in exact[0].values
        }
        worst = max(lost, key=lost.get)
        losses.append(f"{dtype} {100 * max(lost[worst], 0):.2f} % ({worst})")
    return f"Largest relative loss by rounding, {name}: {', '.join(losses)}."


# Part goals


def part_goals(bench: Bench, options: Namespace) -> Tables:
    """Compare the goals with the measured values."""
    names = options.corpora or bench.names
    goals = [goal for goal in GOALS if goal.corpus in set(names) & set(bench.names)]
    header = ["", "goal", "measured", "reached"]
    rows = [goal_row(bench, goal) for goal in goals]
    yield "goals", f"**Goals**\n\n{markdown_table(header, rows)}"


def goal_row(bench: Bench, goal: Goal) -> list[str]:
    """One row of the table of goals."""
    recipe = STUDENTS[goal.student]
    n_embedded = goal.n_embedded
    if n_embedded is not None:
        n_embedded = min(n_embedded, len(bench.corpus(goal.corpus).texts.train))
    results = bench.results(goal.corpus, recipe, n_embedded=n_embedded)
    name = f"{goal.corpus}, {goal.student}, {goal.measure}"
    if goal.n_embedded is not None:
        name += f", {goal.n_embedded:,} embedded by the teacher"
    bound = goal.bound
    if goal.rival is not None:
        bound += rival_result(bench, goal.corpus, goal.rival).values[goal.measure]
        shift = f" - {-goal.bound:g}" if goal.bound else ""
        name += f" ({goal.rival}{shift})"
    value = mean(results, goal.measure)
    if goal.measure == SECONDS:
        words, is_reached = f"at most {bound:g}", value <= bound
    elif goal.rival == SVD:
        words, is_reached = f"above {bound:.4f}", value > bound
    else:
        words, is_reached = f"{bound:.4f}", value >= bound
    return [name, words, cell(results, goal.measure, 4), "yes" if is_reached else "no"]


# Part teacher-sample


def part_teacher_sample(bench: Bench, options: Namespace) -> Tables:
    """Measure quality against the number of documents that the teacher embeds."""
    n_documents = len(bench.corpus(bench.main).texts.train)
    counts = sorted({min(count, n_documents) for count in SAMPLE_SIZES})
    seed, results = bench.seeds[0], {}
    for count in counts:
        n_embedded = count if count < n_documents else None
        results[count] = bench.result(bench.main, DEFAULT, seed, n_embedded=n_embedded)
    if options.images is not None:
        from _quality_plots import plot_teacher_sample

        series = {
            measure: [(count, results[count].values[measure]) for count in counts]
            for measure in FIGURES
        }
        plot_teacher_sample(options.images / "teacher-sample.png", series)
    rows = [(f"{count:,}", [result]) for count, result in results.items()]
    for count in [count for count in SAMPLE_SIZES_NO_WORDS if count < n_documents]:
        recipe = STUDENTS[NO_TEACHER_WORDS]
        result = bench.result(bench.main, recipe, seed, n_embedded=count)
        rows.append((f"{count:,}, no teacher words", [result]))
    title = "**Documents embedded by the teacher**"
    title += f", of {n_documents:,} of {bench.main}; one seed"
    yield "teacher-sample", f"{title}\n\n{result_table(rows, 'embedded')}"


# Part truncation


def part_truncation(bench: Bench, options: Namespace) -> Tables:
    """Compare truncated students with students trained at that width."""
    seed, rows = bench.seeds[0], []
    for width in WIDTHS:
        change = width if width < WIDTH else None
        cut = bench.result(bench.main, DEFAULT, seed, change=change)
        rows.append((f"{width}, truncated" if change else f"{width}", [cut]))
    for place, width in enumerate(WIDTHS[:-1]):
        own = bench.result(bench.main, {"n_components": width}, seed)
        rows.insert(2 * place + 1, (f"{width}, trained", [own]))
    title = f"**Truncation**, {bench.main}; one seed"
    yield "truncation", f"{title}\n\n{result_table(rows, 'components')}"


# Part ablation


def part_ablation(bench: Bench, options: Namespace) -> Tables:
    """Measure the default student with one setting changed at a time."""
    seed = bench.seeds[0]
    rows = [
        (name, [bench.result(bench.main, recipe, seed)])
        for name, recipe in ABLATIONS.items()
    ]
    title = f"**One setting changed**, {bench.main}; one seed"
    yield "ablation", f"{title}\n\n{result_table(rows)}"


# Part trade-off


def part_trade_off(bench: Bench, options: Namespace) -> Tables:
    """Compare values of `corpus_weight` with each other and with rivals."""
    main, seed = bench.main, bench.seeds[0]
    own = {
        str(weight): bench.result(main, {"corpus_weight": weight}, seed)
        for weight in CORPUS_WEIGHTS
    }
    rivals = {
        name: rival_result(bench, main, name)
        for name in (TEACHER_ROW, SVD, MODEL2VEC, TUNED)
    }
    if options.images is not None:
        from _quality_plots import plot_trade_off

        plot_trade_off(
            options.images / "trade-off.png",
            ("teacher's 10 nearest documents found (share)", "class accuracy"),
            places(own),
            places(rivals),
        )
    rows = [(f"corpus_weight={weight}", [result]) for weight, result in own.items()]
    rows += [(name, [result]) for name, result in rivals.items()]
    title = f"**Teacher or corpus**, {main}; one seed"
    yield "trade-off", f"{title}\n\n{result_table(rows)}"


def places(results: dict[str, Result]) -> dict[str, tuple[float, float]]:
    """Coordinates of results in the figure."""
    return {
        name: (result.values[NEIGHBOURS], result.values[ACCURACY])
        for name, result in results.items()
    }


# Tables


def result_table(rows: Sequence[tuple[str, list[Result]]], first: str = "") -> str:
    """Table of results; columns that are empty in all rows are left out."""
    columns = [
        column
        for column in (*MEASURES, SECONDS)
        if any(cell(results, column) != "-" for _, results in rows)
    ]
    cells = [
        [name, f"{results[0].width:,}", *(cell(results, column) for column in columns)]
        for name, results in rows
    ]
    return markdown_table([first, "width", *columns], cells)


def cell(results: list[Result], column: str, digits: int = 3) -> str:
    """Mean, with the standard deviation of several results; '-' if not measured."""
    if column == SECONDS:
        if any(result.seconds is None for result in results):
            return "-"
        return f"{mean(results, SECONDS):.0f}"
    if column not in results[0].values:
        return "-"
    values = [result.values[column] for result in results]
    text = f"{np.mean(values):.{digits}f}"
    return f"{text} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else text


def mean(results: list[Result], column: str) -> float:
    """Mean of a measure or of the seconds."""
    if column == SECONDS:
        return float(np.mean([result.seconds for result in results]))
    return float(np.mean([result.values[column] for result in results]))


PARTS = {
    "main": part_main,
    "goals": part_goals,
    "teacher-sample": part_teacher_sample,
    "truncation": part_truncation,
    "ablation": part_ablation,
    "trade-off": part_trade_off,
}


if __name__ == "__main__":
    main()
