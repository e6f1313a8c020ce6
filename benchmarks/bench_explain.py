"""Explanations of cosines: do the named words matter, and how long do they take?

A student is fitted on training documents of the main corpus. Test documents are paired
with their nearest test document by the student. `explain_similarity` names the words of
the first document by their shares. Then words are deleted from the text, and the table
has the mean change of the cosine:

- the words named first, the words named last, and words at random, the same number of
  each;
- the correlation of the shares with the changes if each word alone is deleted, the mean
  over documents.

The speed is explanations a second of one thread, with the terms of both texts and
without pairs.

Needs sklux with its extra `benchmark`. It takes 3 minutes on 2 cores:

    python benchmarks/bench_explain.py
"""

import re
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from _corpora import MAIN_CORPUS, REPOSITORY, add_data_option, read_corpora, shortened
from _report import add_output_option, conditions, markdown_table, publish
from _turns import progress

from sklux import LuxicalVectorizer
from sklux._utils.similarity import nearest_neighbors
from sklux.inspection import explain_similarity

PAGE = REPOSITORY / "doc" / "guide" / "explanations.md"
N_TRAIN, N_PAIRS = 12_000, 500
N_DELETED = [1, 3, 5]
PACKAGES = ["sklux", "numpy", "scikit-learn"]


def main() -> None:
    """Measure, and publish the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, PAGE)
    options = parser.parse_args()
    corpus = shortened(read_corpora(options.data, [MAIN_CORPUS])[0], N_TRAIN)
    progress("fit")
    model = LuxicalVectorizer(random_state=0, teacher_words=None).fit(
        corpus.texts.train, teacher_embeddings=corpus.embed_train()
    )
    pairs = near_pairs(model, corpus.texts.test)
    start = perf_counter()
    shares = [word_shares(model, *pair) for pair in pairs]
    with_words = (perf_counter() - start) / len(pairs)
    start = perf_counter()
    for pair in pairs:
        explain_similarity(model, *pair)
    seconds = (perf_counter() - start) / len(pairs)
    rows = deletion_rows(model, pairs, shares)
    header = ["words deleted", "named first", "at random", "named last"]
    text = (
        f"**Mean fall of the cosine**, {len(pairs):,} pairs of near documents of "
        f"{corpus.name}\n\n{markdown_table(header, rows)}\n\nCorrelation of the shares "
        f"with the falls, one word deleted: {correlation(model, pairs, shares):.3f}. "
        f"{1 / seconds:,.0f} explanations a second on one thread; with the places of "
        f"the words in the text, {1 / with_words:,.0f}.\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "explanations", text)


def near_pairs(model: LuxicalVectorizer, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Documents, each with the document that is nearest to it."""
    vectors = model.transform(texts)
    queries = np.arange(min(N_PAIRS, len(texts)))
    nearest = nearest_neighbors(vectors, queries, 1)
    return [(texts[i], texts[int(j)]) for i, (j, *_) in zip(queries, nearest)]


def word_shares(
    model: LuxicalVectorizer, first: str, second: str
) -> list[tuple[str, float]]:
    """Different words of the first text, with the sum of their shares."""
    found = explain_similarity(model, first, second).first
    sums: dict[str, float] = {}
    for begin, end, share in found.word_shares:
        word = first[begin:end]
        sums[word] = sums.get(word, 0) + share
    return sorted(sums.items(), key=lambda pair: -pair[1])


def falls(
    model: LuxicalVectorizer,
    pairs: Sequence[tuple[str, str]],
    changed: Sequence[str],
) -> np.ndarray:
    """Fall of the cosine of each pair if the first text is changed."""
    first, second, new = (
        model.transform(list(texts)) for texts in (*zip(*pairs), changed)
    )
    return ((first - new) * second).sum(axis=1)


def deletion_rows(
    model: LuxicalVectorizer,
    pairs: Sequence[tuple[str, str]],
    shares: Sequence[list[tuple[str, float]]],
) -> list[list[str]]:
    """Mean falls, for different numbers of words."""
    random = np.random.RandomState(0)
    choices: list[Callable[[list[str], int], Sequence[str]]] = [
        lambda words, n: words[:n],
        lambda words, n: random.permutation(words)[:n].tolist(),
        lambda words, n: words[-n:],
    ]
    rows = []
    for number in N_DELETED:
        row = [str(number)]
        for choose in choices:
            changed = []
            for (first, _), found in zip(pairs, shares):
                words = [word for word, _ in found]
                changed.append(deleted(first, choose(words, number)))
            row.append(f"{falls(model, pairs, changed).mean():.3f}")
        rows.append(row)
    return rows


def deleted(text: str, words: Sequence[str]) -> str:
    """A text without some of its words; the other words stay as they are."""
    for word in words:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ", text)
    return text


def correlation(
    model: LuxicalVectorizer,
    pairs: Sequence[tuple[str, str]],
    shares: Sequence[list[tuple[str, float]]],
) -> float:
    """Mean correlation of shares with falls, over documents of three words and more."""
    found = []
    for pair, words in zip(pairs, shares):
        if len(words) < 3:
            continue
        changed = [deleted(pair[0], [word]) for word, _ in words]
        fallen = falls(model, [pair] * len(words), changed)
        found.append(np.corrcoef([share for _, share in words], fallen)[0, 1])
    return float(np.mean(found))


if __name__ == "__main__":
    main()
