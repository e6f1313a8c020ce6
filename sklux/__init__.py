"""Text embeddings on a CPU, distilled from a transformer on the user's own corpus.

The public names load on first use, so that ``import sklux`` costs next to
nothing; neither importing nor transforming brings in torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklux import datasets, interop, metrics
    from sklux._display.embedding_map import EmbeddingMapDisplay
    from sklux._display.loss_curve import LossCurveDisplay
    from sklux._display.quality import QualityDisplay
    from sklux._lexical.vectorizer import LexicalVectorizer
    from sklux._student.projection import ReLUProjection
    from sklux._teacher.cached import CachedTeacher
    from sklux._vectorizer import LuxicalVectorizer

__all__ = [
    "CachedTeacher",
    "EmbeddingMapDisplay",
    "LexicalVectorizer",
    "LossCurveDisplay",
    "LuxicalVectorizer",
    "QualityDisplay",
    "ReLUProjection",
    "datasets",
    "interop",
    "metrics",
]

_ROOMS = {
    "CachedTeacher": "_teacher.cached",
    "EmbeddingMapDisplay": "_display.embedding_map",
    "LexicalVectorizer": "_lexical.vectorizer",
    "LossCurveDisplay": "_display.loss_curve",
    "LuxicalVectorizer": "_vectorizer",
    "QualityDisplay": "_display.quality",
    "ReLUProjection": "_student.projection",
}


def __getattr__(name: str) -> object:
    """Load a public name from its room the first time it is asked for."""
    if name == "__version__":
        # Imported here: it would be most of the time of `import sklux`.
        from importlib.metadata import version

        return version("sklux")
    if name in _ROOMS:
        try:
            room = import_module(f"sklux.{_ROOMS[name]}")
        except AttributeError as error:
            # Of a library: left as it is, it would say that there is no such name.
            raise ImportError(f"sklux.{name} cannot be imported: {error}") from error
        return getattr(room, name)
    if name in __all__:
        return import_module(f"sklux.{name}")
    raise AttributeError(f"module 'sklux' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names of the module, the ones not loaded yet included."""
    return sorted({*globals(), *__all__, "__version__"})
