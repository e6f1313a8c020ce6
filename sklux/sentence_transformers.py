"""A student as a model of sentence-transformers; needs sentence-transformers.

Saved models name the class `StudentModule`, so it stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import trange

from sklux._hub.files import MODEL_FILE
from sklux._vectorizer import LuxicalVectorizer

__all__ = ["StudentModule", "StudentTransformer"]

# Names of what passes from `preprocess` to `forward`, and on to sentence-transformers.
VECTORS, RESULT = "student_vectors", "sentence_embedding"
# Parameters of `encode` and their defaults.
SIGNATURE = signature(SentenceTransformer.encode)
# Texts that are embedded together; between blocks a progress bar advances.
BLOCK_TEXTS = 20_000


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
        # `transform` returns a table, if `set_output` says so.
        vectors = np.asarray(self.model.transform(texts))
        if not vectors.flags.writeable:  # as of a table
            vectors = vectors.copy()
        return {VECTORS: torch.from_numpy(vectors)}

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
        self.model.save(Path(output_path) / MODEL_FILE)

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
            model_name_or_path, filename=MODEL_FILE, subfolder=subfolder, **hub
        )
        if path is None:
            raise FileNotFoundError(
                f"{model_name_or_path} has no file {MODEL_FILE}, which a saved "
                "StudentModule has."
            )
        return cls(LuxicalVectorizer.load(path))


class StudentTransformer(SentenceTransformer):
    """A `SentenceTransformer` of a student, at the speed of the student.

    A `SentenceTransformer` sorts texts, looks for names of pictures and sounds among
    them, and collects the vectors one by one. Together this can take longer than a
    student. `encode` here gives the texts to the student directly, with the same
    result. It has the parameters of `SentenceTransformer`, such as a folder that
    ``save_pretrained`` wrote, or ``modules=[StudentModule(model)]``.

    See Also
    --------
    sklux.interop.to_sentence_transformer : Makes one of a student.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.sentence_transformers import StudentModule  # doctest: +SKIP
    >>> from sklux.sentence_transformers import StudentTransformer  # doctest: +SKIP
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> model = StudentTransformer(modules=[StudentModule(student)])  # doctest: +SKIP
    >>> model.encode(["shortest path in a graph"]).shape  # doctest: +SKIP
    (1, 256)
    """

    def encode(self, *args: Any, **kwargs: Any) -> Any:
        """Embed texts, with the parameters and results of `SentenceTransformer.encode`.

        Parameters
        ----------
        *args, **kwargs : object
            As for `SentenceTransformer`. ``batch_size`` changes neither the vectors nor
            the time. Numbers of another type (``precision``) and several processes
            (``pool``) are left to `SentenceTransformer`.

        Returns
        -------
        ndarray of shape (n_texts, n_components), Tensor, or list of Tensor
            The vectors. One text gives one vector.
        """
        call = SIGNATURE.bind_partial(self, *args, **kwargs)
        call.apply_defaults()
        options = call.arguments
        # sentence-transformers allows an older name of the parameter.
        inputs = options.get("inputs")
        texts = self._texts(inputs)
        if not (texts and self._is_plain(options)):
            return super().encode(*args, **kwargs)
        vectors = self._vectors(texts, options)
        found: Any = vectors
        if options["convert_to_numpy"] and not options["convert_to_tensor"]:
            found = vectors.numpy()
        elif not options["convert_to_tensor"]:
            found = list(vectors)
        return found[0] if isinstance(inputs, str) else found

    def _texts(self, inputs: Any) -> list[str] | None:
        """One text or several as a list; None if the inputs are anything else."""
        if isinstance(inputs, str):
            return [inputs]
        if self.is_singular_input(inputs) or not hasattr(inputs, "__len__"):
            return None
        texts = list(inputs)
        return texts if all(isinstance(text, str) for text in texts) else None

    def _is_plain(self, options: dict[str, Any]) -> bool:
        """Whether a call has no option that `SentenceTransformer` must handle."""
        name = options["prompt_name"]
        return (
            # A user may have added modules after the student.
            len(self) == 1
            and options["output_value"] == "sentence_embedding"
            and options["precision"] in (None, "float32")
            and options["batch_size"] > 0
            and not isinstance(options["device"], list)
            and options["pool"] is None
            and not options["kwargs"]
            and (name is None or options["prompt"] is not None or name in self.prompts)
        )

    def _vectors(self, texts: list[str], options: dict[str, Any]) -> torch.Tensor:
        """The vectors of texts, in blocks between which a progress bar advances."""
        prompt = options["prompt"]
        if prompt is None:
            name = options["prompt_name"] or self.default_prompt_name
            prompt = None if name is None else self.prompts.get(name)
        module: Any = self[0]
        parts = [
            module.preprocess(texts[begin : begin + BLOCK_TEXTS], prompt)[VECTORS]
            for begin in trange(
                *(0, len(texts), BLOCK_TEXTS),
                desc="Batches",
                disable=not options["show_progress_bar"],
            )
        ]
        vectors = parts[0] if len(parts) == 1 else torch.cat(parts)
        width = options["truncate_dim"] or self.truncate_dim
        vectors = vectors[:, :width]
        if options["normalize_embeddings"]:
            vectors = torch.nn.functional.normalize(vectors, p=2, dim=1)
        return vectors
