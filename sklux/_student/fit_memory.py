"""How much memory a fit needs, and a warning if the machine has less.

The sum is about memory beyond the arguments of the fit: the documents, or their matrix,
and given teacher embeddings are in memory before. What a fit keeps all the time and the
stage that needs most are added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from sklux._student import defaults, latent, ridge
from sklux._student.arguments import TIED, check_hidden_layer_sizes
from sklux._student.finishing import MAX_REPORT_SIZE
from sklux._student.fit_data import FitData
from sklux._student.products import TRANSPOSED_ROWS
from sklux._student.targets import N_LATENT, n_latent_needed
from sklux._utils.available_memory import available_memory
from sklux._utils.blocks import BLOCK_ROWS
from sklux._utils.similarity import ROWS_AT_A_TIME
from sklux._utils.warnings import warn_caller

FLOAT, DOUBLE = 4, 8
# A value of the matrix of a text for every so many characters (English, with the
# default lexical stage), and a different term for every so many values.
CHARACTERS_PER_VALUE, VALUES_PER_FEATURE = 3, 5
# Bytes of a value while a block of targets is computed, some of them in float64.
BLOCK_VALUE = 40
# Bytes of a cosine of two documents while the nearest documents are found.
BLOCK_COSINE = 20
# Bytes of a value of a CSR matrix with its column.
VALUE = 8
# Bytes of a document in arrays of whole numbers: its place, its group, its turn.
DOCUMENT = 48
# Copies of the first layer in training: the weights, the best weights, the two moments
# of Adam.
N_LAYERS = 4


class FitSettings(Protocol):
    """The parameters of `ReLUProjection` that decide how much memory a fit needs."""

    n_components: int
    hidden_layer_sizes: Sequence[int] | int | Literal["tied"]
    corpus_weight: float | Literal["auto"]


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
    n_embedded_views : int, default=0
        Number of views of documents with a teacher embedding.
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
    n_embedded_views: int = 0

    @classmethod
    def of(cls, projection: FitSettings, data: FitData) -> Self:
        """Return the sizes of a fit.

        Parameters
        ----------
        projection : ReLUProjection
            The estimator.
        data : FitData
            The data of the fit.

        Returns
        -------
        FitSize
            The sizes.
        """
        X, teacher = data.X, data.teacher
        corpus_weight = defaults.corpus_weight(
            projection.corpus_weight, X, teacher.is_embedded
        )
        has_terms = data.terms is not None and len(data.terms.features) > 0
        return cls(
            n_documents=X.shape[0],
            n_values=X.nnz,
            n_features=X.shape[1],
            n_units=_first_width(projection, data.n_components),
            n_components=data.n_components,
            n_teacher_components=teacher.n_components,
            n_embedded=teacher.n_embedded,
            n_term_components=teacher.n_components if has_terms else 0,
            n_latent=n_latent_needed(teacher.is_complete, corpus_weight),
            n_embedded_views=(
                0 if data.view_teacher is None else data.view_teacher.n_embedded
            ),
        )


def _first_width(projection: FitSettings, n_components: int) -> int:
    """Width of the first layer, the width of the student if it is linear or tied."""
    sizes = check_hidden_layer_sizes(projection.hidden_layer_sizes)
    if sizes == TIED:
        return n_components
    return (*sizes, n_components)[0]


def guessed_size(
    projection: FitSettings,
    *,
    n_documents: int,
    n_characters: int,
    max_features: int | None,
    n_words: int,
    n_teacher_components: int,
    n_embedded: int,
    embeds_terms: bool,
    embeds_views: bool = False,
) -> FitSize:
    """Guess the sizes of a fit before its terms are known.

    Parameters
    ----------
    projection : ReLUProjection
        The estimator.
    n_documents : int
        Number of documents.
    n_characters : int
        Number of their characters.
    max_features : int or None
        Maximum number of terms.
    n_words : int
        Number of words of the teacher that become terms too.
    n_teacher_components : int
        Width of the teacher's embeddings.
    n_embedded : int
        Number of documents with a teacher embedding.
    embeds_terms : bool
        Whether the teacher embeds terms too.
    embeds_views : bool, default=False
        Whether the teacher embeds the two views of each of these documents too.

    Returns
    -------
    FitSize
        Sizes as of English texts in the default lexical stage.
    """
    n_values = n_characters // CHARACTERS_PER_VALUE
    n_features = n_values // VALUES_PER_FEATURE + n_words
    if max_features is not None:
        n_features = min(n_features, max_features)
    n_components = min(projection.n_components, n_teacher_components)
    # Whether texts are long enough for the corpus to count is not known yet.
    corpus_weight = projection.corpus_weight
    weight = 1.0 if isinstance(corpus_weight, str) else corpus_weight
    return FitSize(
        n_documents=n_documents,
        n_values=n_values,
        n_features=max(n_features, 1),
        n_units=_first_width(projection, n_components),
        n_components=n_components,
        n_teacher_components=n_teacher_components,
        n_embedded=n_embedded,
        n_term_components=n_teacher_components * embeds_terms,
        n_latent=n_latent_needed(n_embedded == n_documents, weight),
        n_embedded_views=2 * n_embedded * embeds_views,
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
    examples = reduced + FLOAT * size.n_embedded_views * size.n_components
    first_layer = FLOAT * n_features * size.n_units
    directions = FLOAT * n_features * min(size.n_latent, N_LATENT)
    is_imputing = size.n_embedded < n_documents
    imputation = FLOAT * n_features * size.n_teacher_components * is_imputing
    width = size.n_teacher_components + min(size.n_latent, N_LATENT)
    stages = {
        "targets": directions
        + imputation
        + reduced
        + BLOCK_VALUE * width * min(n_documents, BLOCK_ROWS),
        "initial weights": examples
        + FLOAT * n_features * size.n_components
        + max(
            first_layer + FLOAT * n_features * size.n_components,
            _solver(size, n_documents, size.n_components, size.n_term_components),
        ),
        "training": examples + N_LAYERS * first_layer,
        "report": examples + 2 * first_layer + _report(size),
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


def _report(size: FitSize) -> int:
    """Peak of the report: cosines of documents, and the order of a block of them."""
    n_compared = min(size.n_embedded, MAX_REPORT_SIZE)
    return BLOCK_COSINE * n_compared * min(n_compared, ROWS_AT_A_TIME)


def _latent(size: FitSize) -> float:
    """Peak of the latent directions: the sample twice, and its images."""
    n_sample = min(size.n_documents, latent.SAMPLE_SIZE)
    n_directions = min(size.n_latent + latent.N_OVERSAMPLES, n_sample, size.n_features)
    values = 2 * VALUE * size.n_values * n_sample / size.n_documents
    tallest = max(size.n_features + n_sample, 2 * size.n_features)
    # Products of directions in float64, of a block of rows and of all pairs.
    block = min(max(size.n_features, n_sample), BLOCK_ROWS) + 5 * n_directions
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


def warn_of_memory(
    size: FitSize, *, is_guessed: bool = False, has_vectors: bool = True
) -> bool:
    """Warn if a fit may need more memory than is available.

    Parameters
    ----------
    size : FitSize
        Sizes of the fit.
    is_guessed : bool, default=False
        Whether the sizes are guessed. The matrices of the documents and of their
        halves, and the teacher embeddings of the halves, are then not in memory yet.
    has_vectors : bool, default=True
        Whether the teacher embeddings are in memory already.

    Returns
    -------
    bool
        Whether there was a warning.
    """
    available = available_memory()
    needed = fit_memory(size)
    stage = max(needed, key=lambda name: needed[name])
    total = needed[stage]
    if is_guessed:
        total += 2 * VALUE * size.n_values
        total += FLOAT * size.n_embedded_views * size.n_teacher_components
    if not has_vectors:
        total += FLOAT * size.n_embedded * size.n_teacher_components
    if available is None or total <= available:
        return False
    warn_caller(
        f"The fit may need {total / 1e9:.3g} GB of memory beyond what is in use, most "
        f"of it in the stage '{stage}', but only {available / 1e9:.3g} GB are "
        f"available. It needs less with fewer features ({size.n_features:,}; set "
        f"max_features of the lexical stage), a narrower first layer ({size.n_units:,} "
        f"units; set hidden_layer_sizes), fewer documents ({size.n_documents:,}; "
        "transform takes the others), or fewer teacher embeddings "
        f"({size.n_embedded:,}; set teacher_sample_size).",
        UserWarning,
    )
    return True
