"""Training examples of a corpus that is read anew in each epoch."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from sklux._student.copies import row_digests, row_groups
from sklux._student.fit_data import (
    Corpus,
    CorpusPart,
    FitData,
    TrainingExamples,
)
from sklux._student.targets import TargetMap, Targets
from sklux._student.update import sums_of_squares


def training_examples(
    data: FitData, targets: Targets, corpus: Corpus | None
) -> "TrainingExamples | StreamedExamples":
    """Return the documents to train on, with their targets.

    Parameters
    ----------
    data : FitData
        The data of the fit.
    targets : Targets
        Their targets.
    corpus : Corpus or None
        The corpus, if the data are a sample of it.

    Returns
    -------
    TrainingExamples or StreamedExamples
        The documents of the data, or of the corpus.
    """
    if corpus is None or targets.map is None:
        return targets.examples(data)
    return StreamedExamples(corpus, data, targets, targets.map)


class StreamedExamples:
    """The documents of a corpus with their targets, a part after the other.

    Held-out documents of the sample, and documents with equal rows, are left out.

    Parameters
    ----------
    corpus : Corpus
        The corpus.
    data : FitData
        The sample of it that is in memory.
    targets : Targets
        Targets of the sample.
    target_map : TargetMap
        Makes the targets of other documents.

    Attributes
    ----------
    n_train : int
        Number of documents to train on; an upper bound before the regression.
    occurs : ndarray of shape (n_features,), dtype=bool
        Features of the documents that were learnt from so far.
    squares : ndarray of shape (n_features,), dtype=np.float32
        Sum of the squares of each feature over all documents, after the regression.
    """

    def __init__(
        self, corpus: Corpus, data: FitData, targets: Targets, target_map: TargetMap
    ):
        self.corpus, self.targets, self.target_map = corpus, targets, target_map
        self.has_views = data.X_views is not None
        self.has_view_targets = data.view_teacher is not None
        self.n_train = corpus.n_documents
        self.occurs = np.zeros(data.X.shape[1], dtype=bool)
        self.squares = np.zeros(data.X.shape[1], dtype=np.float32)
        self._held_out = set(row_digests(data.X[data.held_out])) - {None}

    def parts(self) -> Iterator[TrainingExamples]:
        """Read the corpus once.

        Yields
        ------
        TrainingExamples
            The documents of a part to train on.
        """
        for part in self.corpus.parts(True):
            rows = self._free(part)
            examples = self.target_map.examples(
                part, self.targets, rows, row_groups(part.X)
            )
            if examples.X_views is not None:
                self.occurs[examples.X_views.indices] = True
            yield examples

    def rows(self) -> Iterator[sparse.csr_matrix]:
        """Read the corpus once, for a regression.

        Yields
        ------
        CSR matrix of shape (n_rows, n_features), dtype=np.float32
            The documents of a part to train on.
        """
        for part in self.corpus.parts(False):
            yield part.X[self._free(part)]

    def rows_and_targets(self) -> Iterator[tuple[sparse.csr_matrix, np.ndarray]]:
        """Read the corpus once, for a regression.

        Yields
        ------
        X : CSR matrix of shape (n_rows, n_features), dtype=np.float32
            The documents of `rows`.
        targets : ndarray of shape (n_rows, n_components), dtype=np.float32
            Their targets in the width of the student.
        """
        self.n_train = 0
        self.squares = np.zeros(len(self.occurs), dtype=np.float32)
        for part in self.corpus.parts(False):
            rows = self._free(part)
            examples = self.target_map.examples(part, self.targets, rows, None)
            X = part.X[rows]
            self.n_train += examples.n_train
            self.squares += sums_of_squares(part.X)
            self.occurs[X.indices] = True
            yield X, examples.reduced[rows]

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield arrays that tell these examples from others.

        The weights of the first regression depend on all documents, too.

        Yields
        ------
        ndarray
            An array.
        """
        yield np.array([self.corpus.n_documents, self.n_train], dtype=np.int64)
        yield self.squares

    def _free(self, part: CorpusPart) -> np.ndarray:
        """Documents that are not held out, and have a target."""
        is_free = np.array(
            [digest not in self._held_out for digest in row_digests(part.X)], dtype=bool
        )
        if self.target_map.imputation is None:
            is_free &= part.teacher.is_embedded
        return np.flatnonzero(is_free)
