"""The code of a function as Python compiled it, and the names that it reads."""

import dis
import importlib.util
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from types import CodeType
from typing import Any

# How a function is called. Other flags show how it was written, for instance with a
# docstring.
FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ITERABLE_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)
EXTENDED_ARG = "EXTENDED_ARG"
READS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME"}
READS_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
SETS_GLOBAL = {"STORE_GLOBAL", "DELETE_GLOBAL"}
SETS_CELL = {"STORE_DEREF", "DELETE_DEREF"}


@dataclass(frozen=True)
class CodeFacts:
    """What the code of a function is, and what it reads outside of itself.

    Attributes
    ----------
    digest : bytes of length 16
        Digest of the instructions, constants and names. It does not depend on file,
        line numbers, comments and docstrings.
    globals : tuple of tuple of str
        Each global name, followed by the attributes that are read from it at once:
        ``("np", "linalg", "norm")``.
    globals_set : frozenset of str
        Global names that the code changes.
    cells_set : frozenset of str
        Variables of enclosing functions that the code changes.
    imports : tuple of (str, int)
        Modules that it imports: name, and the level of a relative import.
    """

    digest: bytes
    globals: tuple[tuple[str, ...], ...]
    globals_set: frozenset[str]
    cells_set: frozenset[str]
    imports: tuple[tuple[str, int], ...]


def digest_of(*parts: bytes | str) -> bytes:
    """Digest of several parts: ("ab", "c") differs from ("a", "bc").

    Parameters
    ----------
    *parts : bytes or str
        The parts.

    Returns
    -------
    bytes of length 16
        The blake2b-128 digest.
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = (
            part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        )
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


@lru_cache(maxsize=4096)
def code_facts(code: CodeType) -> CodeFacts:
    """Read the code of a function, with the functions inside of it.

    Parameters
    ----------
    code : code
        ``__code__`` of a function.

    Returns
    -------
    CodeFacts
        Its digest and the names that it reads. Another version of Python compiles other
        code, so the digest is another one.
    """
    # The step after EXTENDED_ARG has the whole argument.
    steps = [step for step in dis.get_instructions(code) if step.opname != EXTENDED_ARG]
    inner = [
        code_facts(step.argval) for step in steps if isinstance(step.argval, CodeType)
    ]
    digest = digest_of(
        importlib.util.MAGIC_NUMBER,
        repr(
            (
                code.co_argcount,
                code.co_posonlyargcount,
                code.co_kwonlyargcount,
                code.co_flags & FLAGS,
                code.co_names,
                code.co_varnames,
                code.co_cellvars,
                code.co_freevars,
            )
        ),
        code.co_exceptiontable,
        *(part for step in steps for part in (step.opname, _argument(step))),
    )
    cells_set = _names(steps, SETS_CELL).union(*(facts.cells_set for facts in inner))
    return CodeFacts(
        digest,
        _distinct(_global_chains(steps), *(facts.globals for facts in inner)),
        _names(steps, SETS_GLOBAL).union(*(facts.globals_set for facts in inner)),
        cells_set - set(code.co_cellvars),
        _distinct(_imports(steps), *(facts.imports for facts in inner)),
    )


def _argument(step: dis.Instruction) -> bytes | str:
    """Argument of an instruction: a constant, or a number."""
    if step.opcode in dis.hasconst:
        return constant_digest(step.argval)
    return str(step.arg)


def constant_digest(value: object) -> bytes:
    """Digest of a constant of the compiler.

    Parameters
    ----------
    value : object
        A number, str, bytes, None, an ellipsis, code, or a tuple, frozenset or slice of
        these.

    Returns
    -------
    bytes of length 16
        The same for the same value and type.
    """
    kind = type(value).__name__
    if isinstance(value, CodeType):
        return code_facts(value).digest
    if isinstance(value, (bytes, str)):
        return digest_of(kind, value)
    if isinstance(value, tuple):
        return digest_of(kind, *map(constant_digest, value))
    if isinstance(value, frozenset):
        return digest_of(kind, *sorted(map(constant_digest, value)))
    return digest_of(kind, repr(value))


def _names(steps: Iterable[dis.Instruction], kinds: set[str]) -> frozenset[str]:
    """Names in the instructions of some kinds."""
    return frozenset(step.argval for step in steps if step.opname in kinds)


def _global_chains(steps: Sequence[dis.Instruction]) -> list[tuple[str, ...]]:
    """Global names that instructions read, with the attributes read from each."""
    chains: list[tuple[str, ...]] = []
    is_open = False
    for step in steps:
        if step.opname in READS_GLOBAL:
            chains.append((step.argval,))
        elif is_open and step.opname in READS_ATTRIBUTE:
            chains[-1] += (step.argval,)
            continue
        is_open = step.opname in READS_GLOBAL
    return chains


def _imports(steps: Sequence[dis.Instruction]) -> list[tuple[str, int]]:
    """Modules that instructions import. The level stands two instructions before."""
    return [
        (step.argval, steps[place - 2].argval)
        for place, step in enumerate(steps)
        if step.opname == "IMPORT_NAME"
    ]


def _distinct(*sequences: Iterable[Any]) -> tuple[Any, ...]:
    """Distinct items, in the order of their first occurrence."""
    return tuple(dict.fromkeys(item for sequence in sequences for item in sequence))
