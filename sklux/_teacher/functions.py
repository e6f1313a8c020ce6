"""Digest of functions and classes: their code, and the values that the code reads.

Code of Python and of installed packages counts by its name, any other code by its
contents. The digest is the same in any program with the same version of Python.
"""

import builtins
import functools
import importlib.util
import logging
import re
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from sklux._teacher.bytecode import CodeFacts, code_facts, constant_digest, digest_of

# Folders of installed packages.
PACKAGE_FOLDERS = {"site-packages", "dist-packages"}
SCALARS = (
    *(bool, int, float, complex, str, bytes, bytearray, range, np.generic),
    *(type(None), type(Ellipsis), type(NotImplemented)),
)
# Values that are determined by some of their attributes.
PARTS_OF_VALUES: tuple[tuple[type, tuple[str, ...]], ...] = (
    (re.Pattern, ("pattern", "flags")),
    (slice, ("start", "stop", "step")),
    (np.dtype, ("descr",)),
    (np.ufunc, ("__name__",)),
    (functools.partial, ("func", "args", "keywords")),
    (type(functools.lru_cache(len)), ("__wrapped__",)),
    (functools.cached_property, ("func",)),
    (property, ("fget", "fset", "fdel")),
    (staticmethod, ("__func__",)),
    (classmethod, ("__func__",)),
    (types.MethodType, ("__func__", "__self__")),
    (types.MethodWrapperType, ("__name__", "__self__")),
    (types.MethodDescriptorType, ("__name__", "__objclass__")),
    (types.WrapperDescriptorType, ("__name__", "__objclass__")),
    (types.ClassMethodDescriptorType, ("__name__", "__objclass__")),
)
# Attributes of a class that do not change what it does, or are made from others.
IGNORED_OF_CLASS = {
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__static_attributes__",
    "__type_params__",
    "__weakref__",
    "_abc_impl",
}
# Where the attributes of an object are, or the fields of a named tuple.
PLACES = (
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    type(namedtuple("Example", ["field"]).field),  # type: ignore[attr-defined]
)
MAPPINGS = (dict, OrderedDict, defaultdict, Counter)


class Plain:
    """A class whose objects have no other state than their attributes."""


class NotComparableError(ValueError):
    """A value cannot be compared with the same value in another program."""


def code_digest(items: Iterable[object], *, is_strict: bool = True) -> str:
    """Digest of functions or classes and of everything that their code reads.

    Parameters
    ----------
    items : iterable of callable
        Functions, partials of functions, or classes.
    is_strict : bool, default=True
        Whether to refuse a value that cannot be compared. Otherwise it counts by its
        type.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    NotComparableError
        If such a value cannot be compared.
    """
    try:
        return _CodeDigest(is_strict).of(list(items)).hex()
    except RecursionError as error:
        raise NotComparableError("its code reads a value within itself") from error


def module_of(item: object) -> str:
    """Name of the module that defines a function or a class.

    Parameters
    ----------
    item : callable
        A function, a class, or a partial of one of them.

    Returns
    -------
    str
        The name.
    """
    if isinstance(item, functools.partial):
        return module_of(item.func)
    return getattr(item, "__module__", None) or "builtins"


def is_library(module: str) -> bool:
    """Whether a module belongs to Python, to sklux or to an installed package.

    Parameters
    ----------
    module : str
        Name of the module. It may not be imported yet.

    Returns
    -------
    bool
        False for a module of the user, and for a package in development.
    """
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names or top == "sklux":
        return True
    if top in sys.modules:
        known = sys.modules.get(module), sys.modules[top]
        files = [getattr(found, "__file__", None) for found in known]
    else:
        try:
            files = [getattr(importlib.util.find_spec(top), "origin", None)]
        except (ImportError, ValueError):
            files = []
    file = next(filter(None, files), "")
    return not PACKAGE_FOLDERS.isdisjoint(Path(file).parts)


def exists(module: str) -> bool:
    """Whether a module or its package is found, without importing it.

    Parameters
    ----------
    module : str
        Name of the module.

    Returns
    -------
    bool
        False if it is not installed.
    """
    top = module.partition(".")[0]
    return top in sys.modules or importlib.util.find_spec(top) is not None


def is_named_by_library(value: object) -> bool:
    """Whether a value is found in a library under its own name.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        True for ``numpy.linalg.norm``, False for a function that a library has made.
    """
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", getattr(value, "__name__", None))
    if not isinstance(module, str) or not isinstance(name, str):
        return False
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value and is_library(module)


class _CodeDigest:
    """One pass over functions and all that they read.

    Functions, classes and objects may refer to themselves. So each of them gets a
    number when it is met for the first time, and is read afterwards, in this order.
    """

    def __init__(self, is_strict: bool):
        self.is_strict = is_strict
        self.own_packages: set[str] = set()
        # The items are kept, so that no other one gets the id of an item.
        self.numbers: dict[int, tuple[int, object]] = {}
        self.queue: deque[Any] = deque()

    def of(self, items: list[object]) -> bytes:
        """Digest of the items."""
        # An item counts by its contents even if it is part of an installed package.
        self.own_packages = {module_of(item).partition(".")[0] for item in items}
        parts = [self._value(item, "the teacher") for item in items]
        while self.queue:
            item = self.queue.popleft()
            if isinstance(item, types.FunctionType):
                parts.append(self._function(item))
            elif isinstance(item, type):
                parts.append(self._class(item))
            else:
                where = f"an attribute of an object of {_name(type(item))}"
                parts.append(self._all([type(item), vars(item)], where))
        return digest_of(*parts)

    def _is_own(self, module: str) -> bool:
        """Whether the contents of a module count."""
        return module.partition(".")[0] in self.own_packages or not is_library(module)

    def _number(self, item: object) -> bytes:
        """Reference to an item, which is read later."""
        if id(item) not in self.numbers:
            self.numbers[id(item)] = len(self.numbers), item
            self.queue.append(item)
        return digest_of("number", str(self.numbers[id(item)][0]))

    def _refuse(self, where: str, value: object) -> bytes:
        """Refuse a value that cannot be compared, or take its type."""
        kind = type(value)
        if self.is_strict:
            what = f"an object of {_name(kind)}"
            if isinstance(value, types.ModuleType):
                what = f"the module {value.__name__} as a whole"
            elif hasattr(value, "__qualname__"):
                what = f"{_name(value)}, an object of {_name(kind)}"
            raise NotComparableError(
                f"{where} is {what}, which cannot be compared between programs"
            )
        return digest_of("type", _name(kind))

    def _all(self, values: Iterable[object], where: str) -> bytes:
        """Digest of several values."""
        return digest_of(*(self._value(value, where) for value in values))

    def _value(self, value: Any, where: str) -> bytes:
        """Digest of a value that code reads."""
        kind = type(value)
        if isinstance(value, SCALARS):
            return constant_digest(value)
        if kind in (list, tuple):
            return digest_of(kind.__name__, self._all(value, where))
        # The order of sets differs from program to program.
        if kind in (set, frozenset):
            parts = [self._value(part, where) for part in sorted(value, key=repr)]
            return digest_of(kind.__name__, *sorted(parts))
        if kind in MAPPINGS:
            items = sorted(value.items(), key=lambda item: repr(item[0]))
            factory = getattr(value, "default_factory", None)
            return digest_of(kind.__name__, self._all([*items, factory], where))
        if kind is np.ndarray and not value.dtype.hasobject:
            shape = f"{value.dtype.str} {value.shape}"
            return digest_of(kind.__name__, shape, value.tobytes())
        if isinstance(value, PurePath):
            return digest_of(_name(kind), str(value))
        # What is logged, and how, does not change a vector.
        if isinstance(value, logging.Logger):
            return digest_of(_name(kind))
        return self._code_value(value, where)

    def _code_value(self, value: Any, where: str) -> bytes:
        """Digest of a function, class or module, or of an object with code."""
        if isinstance(value, types.ModuleType):
            is_own = self._is_own(value.__name__)
            return self._refuse(where, value) if is_own else digest_of(value.__name__)
        is_own = self._is_own(module_of(value))
        if isinstance(value, type):
            return self._number(value) if is_own else digest_of("class", _name(value))
        if not is_own and is_named_by_library(value):
            return digest_of("library", _name(value))
        if isinstance(value, types.FunctionType):
            return self._number(value)
        if isinstance(value, types.BuiltinFunctionType):
            return self._builtin(value, where)
        if isinstance(value, tuple):  # a named tuple
            return digest_of("tuple", self._all([type(value), tuple(value)], where))
        if isinstance(value, functools.partial):
            where = f"an argument of {where}"
        for kind, names in PARTS_OF_VALUES:
            if isinstance(value, kind):
                parts = [getattr(value, name) for name in names]
                return digest_of(_name(kind), self._all(parts, where))
        return self._object(value, is_own, where)

    def _builtin(self, value: Any, where: str) -> bytes:
        """Digest of a compiled function, or of a compiled method of a value."""
        owner = value.__self__
        if owner is not None and not isinstance(owner, types.ModuleType):
            return digest_of("bound", value.__name__, self._value(owner, where))
        module = getattr(owner, "__name__", None) or module_of(value)
        if self._is_own(module):
            return self._refuse(where, value)
        return digest_of("compiled", module, value.__qualname__)

    def _object(self, value: Any, is_own: bool, where: str) -> bytes:
        """Digest of an object that is not code."""
        kind = type(value)
        if kind is object:
            return digest_of("object")
        # Objects of compiled classes are larger: they have a state of another kind.
        is_plain = kind.__basicsize__ == Plain.__basicsize__ and hasattr(
            value, "__dict__"
        )
        if is_plain and (is_own or not vars(value)):
            return self._number(value)
        return self._refuse(where, value)

    def _class(self, kind: type) -> bytes:
        """Digest of the attributes of a class, its methods among them."""
        attributes = [
            digest_of(
                name, self._value(value, f"the attribute {name!r} of {_name(kind)}")
            )
            for name, value in sorted(vars(kind).items())
            if name not in IGNORED_OF_CLASS and not isinstance(value, PLACES)
        ]
        above = self._all([type(kind), *kind.__bases__], f"a base of {_name(kind)}")
        return digest_of("class", above, *attributes)

    def _function(self, function: types.FunctionType) -> bytes:
        """Digest of a function: its code, and the values that belong to it."""
        name, code = _name(function), function.__code__
        module = str(function.__globals__.get("__name__", ""))
        facts = code_facts(code)
        parts = [
            self._value(function.__defaults__, f"a default of {name}"),
            self._value(function.__kwdefaults__, f"a default of {name}"),
            self._value(vars(function), f"an attribute of {name}"),
        ]
        for variable, cell in zip(code.co_freevars, function.__closure__ or ()):
            where = f"the variable {variable!r} of {name}"
            if variable in facts.cells_set:
                self._refuse_change(where, name)
            parts.append(self._value(_contents(cell), where))
        if not self._is_own(module):
            # A function that a library has made, for instance with a decorator.
            return digest_of("made by", module, code.co_qualname, *parts)
        return digest_of(facts.digest, *parts, *self._globals(function, facts))

    def _refuse_change(self, where: str, name: str) -> None:
        """Refuse a value that a function changes when it is called."""
        if self.is_strict:
            raise NotComparableError(f"{where} changes when {name} is called")

    def _globals(
        self, function: types.FunctionType, facts: CodeFacts
    ) -> Iterable[bytes]:
        """Digests of the global values that a function reads."""
        name = _name(function)
        for changed in sorted(facts.globals_set):
            self._refuse_change(f"the global {changed!r}", name)
        for module, level in facts.imports:
            is_own = level > 0 or exists(module) and self._is_own(module)
            if self.is_strict and is_own:
                raise NotComparableError(
                    f"{name} imports {'.' * level}{module}, whose code belongs to it, "
                    "inside the function instead of at the top of its module"
                )
        return [
            self._global(function.__globals__, chain, name) for chain in facts.globals
        ]

    def _global(
        self, namespace: dict[str, Any], chain: tuple[str, ...], reader: str
    ) -> bytes:
        """Digest of a global value, or of an attribute of the user's own module."""
        name, *attributes = chain
        # Names such as __file__ say where the code is.
        if name not in namespace or re.fullmatch("__.*__", name):
            return digest_of("builtin" if hasattr(builtins, name) else "missing", name)
        value = namespace[name]
        for attribute in attributes:
            if not isinstance(value, types.ModuleType) or not self._is_own(
                value.__name__
            ):
                break
            name, value = f"{name}.{attribute}", getattr(value, attribute, None)
        return self._value(value, f"the global {name!r} that {reader} reads")


def _contents(cell: types.CellType) -> object:
    """Value of a variable of an enclosing function; an ellipsis if it has none yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return ...


def _name(item: Any) -> str:
    """Module and name of a function or a class."""
    name = getattr(item, "__qualname__", None) or item.__name__
    return f"{module_of(item)}.{name}".removeprefix("builtins.")
