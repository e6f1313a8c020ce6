"""A student as a module of sentence-transformers; needs sentence-transformers.

Saved models name the class of this module, so it stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from sentence_transformers.base.modules import InputModule
from sklearn.utils.validation import check_is_fitted

from sklux._vectorizer import LuxicalVectorizer

__all__ = ["StudentModule"]

FILE_NAME = "model.sklux"
# Names of what passes from `preprocess` to `forward`, and on to sentence-transformers.
VECTORS, RESULT = "student_vectors", "sentence_embedding"


class StudentModule(InputModule):
    """A fitted student as the only module of a `SentenceTransformer`.

    The student computes on the CPU, on the threads that its `n_jobs` allows. It cannot
    be trained further with sentence-transformers: use `LuxicalVectorizer.partial_fit`.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    Raises
    ------
    TypeError
        If `model` is not a `LuxicalVectorizer`.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    sklux.interop.to_sentence_transformer : The whole `SentenceTransformer`.

    Examples
    --------
    >>> from sentence_transformers import SentenceTransformer  # doctest: +SKIP
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.sentence_transformers import StudentModule  # doctest: +SKIP
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> model = SentenceTransformer(modules=[StudentModule(student)])  # doctest: +SKIP
    >>> model.encode(["shortest path in a graph"]).shape  # doctest: +SKIP
    (1, 256)
    """

    # The file lies next to modules.json.
    save_in_root = True

    def __init__(self, model: LuxicalVectorizer):
        super().__init__()
        if not isinstance(model, LuxicalVectorizer):
            raise TypeError(
                "A StudentModule needs a LuxicalVectorizer. Got "
                f"{type(model).__name__} instead."
            )
        check_is_fitted(model)
        self.model = model

    @property
    def max_seq_length(self) -> None:
        """Number of tokens that are read: None, because texts may have any length.

        Returns
        -------
        None
            There is no limit.
        """
        return None

    def get_embedding_dimension(self) -> int:
        """Return the width of the vectors.

        Returns
        -------
        int
            Number of dimensions.
        """
        return int(self.model.projection_.n_components_)

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Embed texts.

        Parameters
        ----------
        inputs : sequence of str
            Texts.

        prompt : str or None, default=None
            Text to put before each of them.

        **kwargs : object
            Not used.

        Returns
        -------
        dict
            The vectors, a tensor on the CPU.
        """
        texts = [prompt + text for text in inputs] if prompt else list(inputs)
        return {VECTORS: torch.from_numpy(self.model.transform(texts))}

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Return the vectors of `preprocess` under the name of sentence-transformers.

        Parameters
        ----------
        features : dict
            Result of `preprocess`.

        **kwargs : object
            Not used.

        Returns
        -------
        dict
            With the key ``'sentence_embedding'``.
        """
        features[RESULT] = features.pop(VECTORS)
        return features

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the model file.

        Parameters
        ----------
        output_path : str
            Folder.

        *args, **kwargs : object
            Not used.
        """
        self.model.save(Path(output_path) / FILE_NAME)

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any
    ) -> Self:
        """Read the model file.

        Parameters
        ----------
        model_name_or_path : str
            Folder, or name on a model hub.

        subfolder : str, default=""
            Folder in it.

        **kwargs : object
            Where to look on the hub, as for any module of sentence-transformers.

        Returns
        -------
        StudentModule
            The module.

        Raises
        ------
        FileNotFoundError
            If there is no model file.
        """
        names = ("token", "cache_folder", "revision", "local_files_only")
        hub = {name: kwargs[name] for name in names if name in kwargs}
        path = cls.load_file_path(
            model_name_or_path, filename=FILE_NAME, subfolder=subfolder, **hub
        )
        if path is None:
            raise FileNotFoundError(
                f"{model_name_or_path} has no file {FILE_NAME}, which a saved "
                "StudentModule has."
            )
        return cls(LuxicalVectorizer.load(path))
