"""Floating-point types in which a teacher computes: which are possible, which is best.

A transformer that multiplies matrices in a type of 16 bits is two to three times as
fast as in float32, on processors with instructions for this type. Torch's autocast does
this for the duration of a call. It leaves the model and its weights as they are.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from sklux._teacher.identity import is_torch_module
from sklux._teacher.vectors import check_vectors, has_finite_values
from sklux._utils.text import replace_surrogates

FLOAT32 = "float32"
# Capabilities of a processor as torch and Linux name them. Each means that matrices of
# the type are multiplied by instructions for this type.
INSTRUCTIONS = {
    "bfloat16": ("avx512_bf16", "amx_bf16"),
    "float16": ("avx512_fp16", "amx_fp16"),
}
# At most SAMPLE_SIZE documents decide. Fewer than MIN_TIMED are repeated to be timed.
SAMPLE_SIZE, MIN_TIMED, N_ROUNDS = 32, 16, 2
# What a type must reach, compared with float32.
LEAST_COSINE, LEAST_GAIN = 0.999, 1.2


@dataclass(frozen=True)
class Choice:
    """A type in which a teacher computes, and why."""

    name: str
    reason: str


def processor_types() -> list[str]:
    """Types of 16 bits for which this processor is known to have instructions.

    Returns
    -------
    list of str
        Among ``'bfloat16'`` and ``'float16'``; empty if nothing is known.
    """
    known = _capabilities()
    return [
        name
        for name, instructions in INSTRUCTIONS.items()
        if known.intersection(instructions)
    ]


def _capabilities() -> set[str]:
    """Capabilities of the processor, according to torch, or else to Linux."""
    ask = getattr(importlib.import_module("torch").cpu, "get_capabilities", None)
    if ask is not None:
        return {name for name, has_it in ask().items() if has_it is True}
    # Older versions of torch.
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {word for line in lines if line.startswith("flags") for word in line.split()}


def check_computable(model: object, name: str) -> None:
    """Refuse a type of 16 bits for a model that torch does not compute.

    Parameters
    ----------
    model : object
        A loaded model.
    name : str
        Type in which the model is to compute.

    Raises
    ------
    ValueError
        If the model is not a torch module.
    """
    if name != FLOAT32 and not is_torch_module(model):
        raise ValueError(
            f"compute_dtype={name!r} needs a sentence-transformers model, or another "
            f"torch module. Got {getattr(model, '__qualname__', type(model).__name__)} "
            "instead: set compute_dtype='auto'."
        )


def computing_in(
    name: str, encode: Callable[[list[str]], object], model: Any
) -> Callable[[list[str]], object]:
    """Return a function that embeds texts with matrix products of another type.

    Parameters
    ----------
    name : str
        Type; ``'float32'`` leaves the function as it is.
    encode : callable
        Maps a list of str to vectors.
    model : torch.nn.Module
        The model that `encode` calls. Its weights do not change.

    Returns
    -------
    callable
        The function, under autocast.
    """
    if name == FLOAT32:
        return encode
    torch = importlib.import_module("torch")
    device = getattr(model, "device", None) or next(model.parameters()).device

    def encode_in_type(texts: list[str]) -> object:
        with torch.autocast(device.type, dtype=getattr(torch, name)):
            vectors = encode(texts)
        # NumPy has no bfloat16.
        return vectors.float() if isinstance(vectors, torch.Tensor) else vectors

    return encode_in_type


def candidates(model: Any) -> Choice | list[str]:
    """Types that may be faster than float32 for a model.

    Parameters
    ----------
    model : object
        A loaded model.

    Returns
    -------
    Choice or list of str
        The types, or float32 if there are none.
    """
    if not is_torch_module(model):
        return Choice(FLOAT32, "the model is not a torch module")
    torch = importlib.import_module("torch")
    weights = list(model.parameters())
    if not weights or any(weight.device.type != "cpu" for weight in weights):
        return Choice(FLOAT32, "the model does not compute on the processor")
    if any(weight.dtype != torch.float32 for weight in weights):
        return Choice(FLOAT32, "the model has weights of another type, as it is")
    types = processor_types()
    if not types:
        return Choice(FLOAT32, "the processor has no instructions for smaller types")
    return types


def chosen_type(
    encode: Callable[[list[str]], object], model: object, documents: list[str]
) -> Choice:
    """Choose the fastest type with the same vectors as float32.

    Parameters
    ----------
    encode : callable
        Maps a list of str to vectors.
    model : object
        The model that `encode` calls.
    documents : list of str
        Documents, 1 or more. A sample of them is embedded in each type.

    Returns
    -------
    Choice
        Type float32 if no other has cosines of at least `LEAST_COSINE` and is
        `LEAST_GAIN` times as fast.
    """
    names = candidates(model)
    if isinstance(names, Choice):
        return names
    rows = np.random.RandomState(0).permutation(len(documents))[:SAMPLE_SIZE]
    sample = [replace_surrogates(documents[row]) for row in rows]
    vectors = check_vectors(encode(sample), len(sample))
    encoders, cosines, reasons = {FLOAT32: encode}, {}, []
    for name in names:
        in_type = computing_in(name, encode, model)
        try:
            others = check_vectors(in_type(sample), len(sample))
        # Torch raises RuntimeError for what a type does not support.
        except RuntimeError as error:
            reasons.append(f"{name} fails: {error}")
            continue
        cosines[name] = least_cosine(vectors, others)
        if cosines[name] >= LEAST_COSINE:
            encoders[name] = in_type
        else:
            reasons.append(f"{name} has a cosine of {cosines[name]:.4f} to it")
    gains = gains_over_float32(encoders, sample) if len(encoders) > 1 else {}
    for name in sorted(gains, key=lambda name: -gains[name]):
        if gains[name] >= LEAST_GAIN:
            return Choice(
                name,
                f"{gains[name]:.1f} times as fast as float32, with cosines of at least "
                f"{cosines[name]:.5f} to its vectors",
            )
        reasons.append(f"{name} is only {gains[name]:.1f} times as fast")
    return Choice(FLOAT32, "; ".join(reasons))


def least_cosine(vectors: np.ndarray, others: np.ndarray) -> float:
    """Smallest cosine of the rows of two arrays.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components)
        Vectors. Rows with NaN or infinity do not count.
    others : ndarray of shape (n_samples, n_components)
        Vectors of the same texts.

    Returns
    -------
    float
        -1 if a row of `others` is not finite or no row counts.
    """
    counts = has_finite_values(vectors)
    wide, others = vectors[counts].astype(np.float64), others[counts].astype(np.float64)
    if not len(wide) or not np.isfinite(others).all():
        return -1.0
    lengths = np.linalg.norm(wide, axis=1) * np.linalg.norm(others, axis=1)
    products = np.einsum("ij,ij->i", wide, others)
    # Two vectors of zeros are equal.
    is_equal = (wide == others).all(axis=1)
    return float(np.where(is_equal, 1.0, products / np.maximum(lengths, 1e-300)).min())


def gains_over_float32(
    encoders: dict[str, Callable[[list[str]], object]], sample: list[str]
) -> dict[str, float]:
    """How many times as fast as float32 other types are, in turns.

    Parameters
    ----------
    encoders : dict of str to callable
        Functions that embed texts, by type, with one for ``'float32'``.
    sample : list of str
        Documents; a few are repeated.

    Returns
    -------
    dict of str to float
        Ratios of the shortest times, without float32.
    """
    n_timed = max(len(sample), MIN_TIMED)
    texts = [sample[row % len(sample)] for row in range(n_timed)]
    seconds = {name: float("inf") for name in encoders}
    for _ in range(N_ROUNDS):
        for name, encode in encoders.items():
            begin = perf_counter()
            encode(texts)
            seconds[name] = min(seconds[name], perf_counter() - begin)
    return {
        name: seconds[FLOAT32] / time
        for name, time in seconds.items()
        if name != FLOAT32
    }
