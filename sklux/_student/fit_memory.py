"""How much memory a fit needs, and a warning if the machine has less.

The sum is about memory beyond the arguments of the fit: the documents, or their matrix,
and given teacher embeddings are in memory before. What a fit keeps all the time and the
stage that needs most are added up.
"""

from dataclasses import dataclass
from typing import Self

from scipy import sparse

from sklux._student import latent, ridge, targets
from sklux._student.fit_data import FitData
from sklux._student.products import TRANSPOSED_ROWS
from sklux._utils.available_memory import available_memory
from sklux._utils.blocks import BLOCK_ROWS
from sklux._utils.warnings import warn_caller

FLOAT, DOUBLE = 4, 8
# A value of the matrix of a text for every so many characters (English, with the
# default lexical stage), and a different term for every so many values.
CHARACTERS_PER_VALUE, VALUES_PER_FEATURE = 3, 5
# Bytes of a value while a block of targets is computed, some of them in float64.
BLOCK_VALUE = 40
# Bytes of a value of a CSR matrix with its column.
VALUE = 8
# Bytes of a document in arrays of whole numbers: its place, its group, its turn.
DOCUMENT = 48
# Copies of the first layer in training: the weights, the best weights, the two moments
# of Adam.
N_LAYERS = 4


@dataclass(frozen=True)
class FitSize:
    """Sizes that decide how much memory a fit needs.

    Attributes
    ----------
    n_documents : int
        Number of documents.
    n_values : int
        Number of values of their TF-IDF matrix.
    n_features : int
        Number of its columns.
    n_units : int
        Width of the first layer.
    n_components : int
        Width of the student.
    n_teacher_components : int
        Width of the teacher's embeddings.
    n_embedded : int
        Number of documents with a teacher embedding.
    n_term_components : int
        Width of the teacher's embeddings of terms; 0 if there are none.
    n_latent : int
        Number of latent directions of the corpus; 0 if they are not needed.
    """

    n_documents: int
    n_values: int
    n_features: int
    n_units: int
    n_components: int
    n_teacher_components: int
    n_embedded: int
    n_term_components: int
    n_latent: int

    @classmethod
    def of(
        cls, data: FitData, hidden_layer_sizes: tuple[int, ...], corpus_weight: float
    ) -> Self:
        """Return the sizes of a fit.

        Parameters
        ----------
        data : FitData
            The data of the fit.
        hidden_layer_sizes : tuple of int
            Widths of the hidden layers.
        corpus_weight : float
            Weight of the corpus in the targets.

        Returns
        -------
        FitSize
            The sizes.
        """
        X, teacher = data.X, data.teacher
        n_terms = 0 if data.terms is None else len(data.terms.features)
        return cls(
            n_documents=X.shape[0],
            n_values=X.nnz,
            n_features=X.shape[1],
            n_units=(*hidden_layer_sizes, data.n_components)[0],
            n_components=data.n_components,
            n_teacher_components=teacher.n_components,
            n_embedded=teacher.n_embedded,
            n_term_components=teacher.n_components if n_terms else 0,
            n_latent=targets.n_latent_needed(teacher.is_complete, corpus_weight),
        )

    @classmethod
    def of_texts(
        cls,
        n_documents: int,
        n_characters: int,
        max_features: int | None,
        n_words: int,
        **others: int,
    ) -> Self:
        """Guess the sizes of a fit before its terms are known.

        Parameters
        ----------
        n_documents : int
            Number of documents.
        n_characters : int
            Number of their characters.
        max_features : int or None
            Maximum number of terms.
        n_words : int
            Number of words of the teacher that become terms too.
        **others : int
            The other attributes.

        Returns
        -------
        FitSize
            Sizes as of texts in the default lexical stage.
        """
        n_values = n_characters // CHARACTERS_PER_VALUE
        n_features = n_values // VALUES_PER_FEATURE + n_words
        if max_features is not None:
            n_features = min(n_features, max_features)
        return cls(
            n_documents=n_documents,
            n_values=n_values,
            n_features=max(n_features, 1),
            **others,
        )


def fit_memory(size: FitSize) -> dict[str, int]:
    """Estimate the memory that each stage of a fit needs beyond its arguments.

    Parameters
    ----------
    size : FitSize
        Sizes of the fit.

    Returns
    -------
    dict of str to int
        Bytes that are in use at the peak of each stage, by name of the stage. The fit
        needs the largest of them.
    """
    n_features, n_documents = size.n_features, size.n_documents
    reduced = FLOAT * n_documents * size.n_components
    first_layer = FLOAT * n_features * size.n_units
    directions = FLOAT * n_features * min(size.n_latent, targets.N_LATENT)
    is_imputing = size.n_embedded < n_documents
    imputation = FLOAT * n_features * size.n_teacher_components * is_imputing
    width = size.n_teacher_components + min(size.n_latent, targets.N_LATENT)
    stages = {
        "targets": directions
        + imputation
        + reduced
        + BLOCK_VALUE * width * min(n_documents, BLOCK_ROWS),
        "initial weights": reduced
        + FLOAT * n_features * size.n_components
        + max(
            first_layer + FLOAT * n_features * size.n_components,
            _solver(size, n_documents, size.n_components, size.n_term_components),
        ),
        "training": reduced + N_LAYERS * first_layer,
    }
    if size.n_latent:
        stages["latent vectors of the corpus"] = _latent(size)
    if is_imputing:
        stages["imputed teacher embeddings"] = (
            FLOAT * n_features * size.n_latent
            + imputation
            + _solver(
                size,
                size.n_embedded,
                size.n_teacher_components,
                size.n_latent + size.n_term_components,
            )
        )
    return {
        name: int(n_bytes) + DOCUMENT * n_documents for name, n_bytes in stages.items()
    }


def _latent(size: FitSize) -> float:
    """Peak of the latent directions: the sample twice, and its images."""
    n_sample = min(size.n_documents, latent.SAMPLE_SIZE)
    n_directions = min(size.n_latent + latent.N_OVERSAMPLES, n_sample, size.n_features)
    values = 2 * VALUE * size.n_values * n_sample / size.n_documents
    tallest = max(size.n_features + n_sample, 2 * size.n_features)
    # Products of directions in float64, of two blocks of rows and of all pairs.
    block = 2 * min(tallest, BLOCK_ROWS) + 5 * n_directions
    return values + n_directions * (FLOAT * tallest + DOUBLE * block)


def _solver(size: FitSize, n_rows: int, n_targets: int, n_combined: int) -> float:
    """Peak of a ridge regression, without its weights."""
    width = FLOAT * min(n_targets, ridge.BLOCK)
    arrays = width * (ridge.N_ARRAYS + 1)
    values = 2 * VALUE * size.n_values / size.n_documents
    if ridge.is_dual_smaller(n_rows, size.n_features, n_combined):
        rows = n_rows * (arrays + FLOAT * n_combined + values)
        return rows + width * size.n_features
    block = min(n_rows, TRANSPOSED_ROWS) * (2 * width + 1.5 * values)
    return arrays * (size.n_features + n_combined) + block


def warn_of_memory(needed: dict[str, int], size: FitSize, arguments: int = 0) -> bool:
    """Warn if a fit may need more memory than is available.

    Parameters
    ----------
    needed : dict of str to int
        Result of `fit_memory`.
    size : FitSize
        Sizes of the fit.
    arguments : int, default=0
        Bytes of arguments of the stages that are not in memory yet.

    Returns
    -------
    bool
        Whether there was a warning.
    """
    available = available_memory()
    stage, n_bytes = max(needed.items(), key=lambda item: item[1])
    total = n_bytes + arguments
    if available is None or total <= available:
        return False
    warn_caller(
        f"This fit may need {total / 1e9:.1f} GB of memory in addition to what is in "
        f"use, most of it in the stage '{stage}', but only {available / 1e9:.1f} GB "
        "are available. It needs less with fewer features (the lexical stage's "
        f"max_features; there are {size.n_features:,}), a narrower first layer "
        f"(hidden_layer_sizes; {size.n_units:,} units), fewer documents "
        f"({size.n_documents:,}: a sample is often enough, and transform takes the "
        "others), or a smaller teacher_sample_size "
        f"({size.n_embedded:,} documents have a teacher embedding).",
        UserWarning,
    )
    return True
