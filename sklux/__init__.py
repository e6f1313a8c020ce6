"""Text embeddings on a CPU, distilled from a transformer on the user's own corpus.

The public names load on first use, which keeps ``import sklux`` fast. Neither importing
nor transforming imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklux import (
        alignment,
        arrow,
        datasets,
        distributed,
        hub,
        inspection,
        interop,
        maps,
        metrics,
    )
    from sklux._display.embedding_map import EmbeddingMapDisplay
    from sklux._display.loss_curve import LossCurveDisplay
    from sklux._display.quality import QualityDisplay
    from sklux._lexical.vectorizer import LexicalVectorizer
    from sklux._quantizer import ScalarQuantizer
    from sklux._student.projection import ReLUProjection
    from sklux._teacher.cached import CachedTeacher
    from sklux._vectorizer import LuxicalVectorizer

    __version__: str

__all__ = [
    "CachedTeacher",
    "EmbeddingMapDisplay",
    "LexicalVectorizer",
    "LossCurveDisplay",
    "LuxicalVectorizer",
    "QualityDisplay",
    "ReLUProjection",
    "ScalarQuantizer",
    "alignment",
    "arrow",
    "datasets",
    "distributed",
    "hub",
    "inspection",
    "interop",
    "maps",
    "metrics",
]

# The module of each public class.
_MODULES = {
    "CachedTeacher": "_teacher.cached",
    "EmbeddingMapDisplay": "_display.embedding_map",
    "LexicalVectorizer": "_lexical.vectorizer",
    "LossCurveDisplay": "_display.loss_curve",
    "LuxicalVectorizer": "_vectorizer",
    "QualityDisplay": "_display.quality",
    "ReLUProjection": "_student.projection",
    "ScalarQuantizer": "_quantizer",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    if name == "__version__":
        # Imported here: it takes longer than the rest of `import sklux`.
        from importlib.metadata import version

        return version("sklux")
    if name in _MODULES:
        try:
            module = import_module(f"sklux.{_MODULES[name]}")
        except AttributeError as error:
            # An AttributeError of a library; unchanged, it would mean that sklux does
            # not have this name.
            raise ImportError(f"sklux.{name} cannot be imported: {error}") from error
        return getattr(module, name)
    if name in __all__:
        return import_module(f"sklux.{name}")
    raise AttributeError(f"module 'sklux' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names for users, including those not loaded yet; no helpers."""
    dunders = {name for name in globals() if name.startswith("__")}
    return sorted({*dunders, *__all__, "__version__"})
