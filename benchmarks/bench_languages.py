"""Terms of the default stage in scripts with marks, and in scripts without spaces.

LogisticRegression(C=10, max_iter=1000) learns from TF-IDF rows of small texts. The
figures are accuracies on other texts, means of five draws.

- *sentences*: five words, one of which tells the topic (animals, clothes or food); 90
  texts to learn from, 600 to measure on; chance is 0.33;
- *names*: does it name a language, a country, a currency, a script, a city or a time
  zone? Half of about 2,000 names to learn from, the others to measure on. The most
  frequent kind has a share of about 0.3.

Needs sklux with its extra `benchmark`. It takes 2 minutes on 2 cores:

    python benchmarks/bench_languages.py
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

import numpy as np
from _languages import LANGUAGES, Words, names, sentences
from _report import add_output_option, conditions, markdown_table, publish
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklux import LuxicalVectorizer

N_DRAWS = 5
N_LEARNT, N_MEASURED = 90, 600
PACKAGES = ["sklux", "numpy", "scikit-learn", "babel"]
Draw = tuple[list[str], list, list[str], list]


def main() -> None:
    """Measure each kind of text and publish the tables."""
    options = parse_options()
    tables = [
        f"**{title}**: accuracy\n\n{table(draw)}"
        for title, draw in {"sentences": draw_sentences, "names": draw_names}.items()
    ]
    publish(options.output, "languages", "\n\n".join([*tables, conditions(PACKAGES)]))


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_output_option(parser)
    return parser.parse_args()


def draw_sentences(words: Words, seed: int) -> Draw:
    """Sentences to learn from and to measure on."""
    random_state = np.random.RandomState(seed)
    return *sentences(words, N_LEARNT, random_state), *sentences(
        words, N_MEASURED, random_state
    )


def draw_names(words: Words, seed: int) -> Draw:
    """Names to learn from and to measure on."""
    texts, kinds = names(words)
    order = np.random.RandomState(seed).permutation(len(texts)).tolist()
    texts, kinds = [texts[i] for i in order], [kinds[i] for i in order]
    half = len(texts) // 2
    return texts[:half], kinds[:half], texts[half:], kinds[half:]


def stages() -> dict[str, Callable[[], object]]:
    """How text becomes rows: name of the column and a function that makes the stage."""

    def default_stage(**params):
        vectorizer = LuxicalVectorizer()
        return vectorizer.set_params(
            **{f"lexical__{name}": value for name, value in params.items()}
        ).lexical

    def characters(low: int, high: int) -> Callable[[], object]:
        return lambda: TfidfVectorizer(
            analyzer="char_wb", ngram_range=(low, high), sublinear_tf=True
        )

    return {
        "default stage": lambda: default_stage(segmentation="unicode"),
        "segmentation='regex'": lambda: default_stage(segmentation="regex"),
        "char_wb (1, 3)": characters(1, 3),
        "char_wb (2, 4)": characters(2, 4),
        "char_wb (1, 5)": characters(1, 5),
    }


def table(draw: Callable[[Words, int], Draw]) -> str:
    """A row of accuracies for each language."""
    rows = []
    for language, words in LANGUAGES.items():
        scores = np.zeros((N_DRAWS, len(stages())))
        for seed in range(N_DRAWS):
            texts, labels, other_texts, other_labels = draw(words, seed)
            for column, make_stage in enumerate(stages().values()):
                classifier = LogisticRegression(C=10, max_iter=1000)
                model = make_pipeline(make_stage(), classifier).fit(texts, labels)
                scores[seed, column] = model.score(other_texts, other_labels)
        rows.append([language, *(f"{score:.3f}" for score in scores.mean(axis=0))])
        print("  ".join(rows[-1]), flush=True)
    return markdown_table(["language", *stages()], rows)


if __name__ == "__main__":
    main()
