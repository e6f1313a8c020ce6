"""Digest of functions and classes: their code, and the values that the code reads."""

import importlib
import json
import logging
import os
import sys
import textwrap

import numpy as np
import pytest

from _teacher.teachers import letter_counts, run_python
from sklux._teacher.functions import (
    NotComparableError,
    code_digest,
    is_library,
    is_named_by_library,
)


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Return a function from a program, in two modules, to the digest of an item."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def digest_of_program(source, helpers="", item="embed", is_strict=True):
        (tmp_path / "own_helpers.py").write_text(textwrap.dedent(helpers))
        (tmp_path / "own_teacher.py").write_text(textwrap.dedent(source))
        for name in ("own_teacher", "own_helpers"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        module = importlib.import_module("own_teacher")
        return code_digest([getattr(module, item)], is_strict=is_strict)

    yield digest_of_program
    for name in ("own_teacher", "own_helpers"):
        sys.modules.pop(name, None)


# A program, and one place of it that changes.
CHANGES = {
    "body": ("def embed(t): return [[len(x), @1@] for x in t]", "2"),
    "default": ("def embed(t, scale=@1@): return t", "2"),
    "keyword default": ("def embed(t, *, scale=@1@): return t", "2"),
    "type": ("def embed(t, scale=@1@): return t", "1.0"),
    "global": ("A = @3@\ndef embed(t): return [A]", "4"),
    "global tuple": ("A = ('a', @3@)\ndef embed(t): return [A]", "4"),
    "global list": ("A = ['a', [@3@]]\ndef embed(t): return [A]", "[4]"),
    "global set": ("A = {'a', 'b', @'c'@}\ndef embed(t): return [A]", "'d'"),
    "global dict": ("A = {'a': 1, 'b': @2@}\ndef embed(t): return [A]", "3"),
    "key": ("A = {'a': 1, @'b'@: 2}\ndef embed(t): return [A]", "'c'"),
    "value of an ordered dict": (
        "import collections\nA = collections.OrderedDict(a=@1@)\n"
        "def embed(t): return A",
        "2",
    ),
    "factory of a dict": (
        "import collections\nA = collections.defaultdict(@list@)\n"
        "def embed(t): return A",
        "dict",
    ),
    "counter": (
        "import collections\nA = collections.Counter(@'ab'@)\ndef embed(t): return A",
        "'aab'",
    ),
    "named tuple": (
        "import collections\nA = collections.namedtuple('A', 'b')(@1@)\n"
        "def embed(t): return A.b",
        "2",
    ),
    "default of a named tuple": (
        "import typing\nclass A(typing.NamedTuple):\n b: int = @1@\n"
        "def embed(t): return A().b",
        "2",
    ),
    "enumeration": (
        "import enum\nclass A(enum.Enum):\n b = @1@\ndef embed(t): return A.b.value",
        "2",
    ),
    "member of an enumeration": (
        "import enum\nclass A(enum.Enum):\n b = 1\n c = 2\nd = A.@b@\n"
        "def embed(t): return d.value",
        "c",
    ),
    "generic class": (
        "import typing\nT = typing.TypeVar('T')\nclass A(typing.Generic[T]):\n"
        " def g(s): return @1@\ndef embed(t): return A().g()",
        "2",
    ),
    "pattern": ("import re\nA = re.compile('a', @re.I@)\ndef embed(t): return A", "0"),
    "range": ("A = range(@3@)\ndef embed(t): return [A]", "4"),
    "slice": ("A = slice(@3@)\ndef embed(t): return [A]", "4"),
    "path": (
        "from pathlib import Path\nA = Path('a', @'b'@)\ndef embed(t): return [A]",
        "'c'",
    ),
    "array": (
        "import numpy as np\nA = np.array([1, @2@])\ndef embed(t): return A",
        "3",
    ),
    "dtype of array": (
        "import numpy as np\nA = np.array([1], @'f4'@)\ndef embed(t): return A",
        "'i4'",
    ),
    "shape of array": (
        "import numpy as np\nA = np.ones(@4@)\ndef embed(t): return A",
        "(2, 2)",
    ),
    "dtype": (
        "import numpy as np\nA = np.dtype(@'f4'@)\ndef embed(t): return A",
        "'f8'",
    ),
    "scalar": ("import numpy as np\nA = np.float32(@1@)\ndef embed(t): return A", "2"),
    "function of NumPy": (
        "import numpy as np\ndef embed(t): return np.@exp@(t)",
        "log",
    ),
    "imported function of NumPy": (
        "from numpy import @exp@ as g\ndef embed(t): return g(t)",
        "log",
    ),
    "function of a library": (
        "from sklearn.preprocessing import @normalize@ as g\ndef embed(t): return g(t)",
        "scale",
    ),
    "builtin": ("g = @len@\ndef embed(t): return g(t)", "sum"),
    "function of C": ("from math import @sin@ as g\ndef embed(t): return g(t)", "cos"),
    "method of C": ("g = str.@lower@\ndef embed(t): return g(t)", "upper"),
    "bound method of C": ("g = @'a'@.join\ndef embed(t): return g(t)", "'b'"),
    "module": ("import @math@ as m\ndef embed(t): return m.exp(t)", "cmath"),
    "helper": ("def g(x): return x + @1@\ndef embed(t): return g(t)", "2"),
    "helper of a helper": (
        "def h(x): return x + @1@\ndef g(x): return h(x)\ndef embed(t): return g(t)",
        "2",
    ),
    "global of a helper": (
        "A = @1@\ndef g(x): return x + A\ndef embed(t): return g(t)",
        "2",
    ),
    "helper in a comprehension": (
        "def g(x): return x + @1@\ndef embed(t): return [g(x) for x in t]",
        "2",
    ),
    "helper in a dict": (
        "def g(x): return x + @1@\nA = {'g': g}\ndef embed(t): return A['g'](t)",
        "2",
    ),
    "which helper": (
        "def g(x): return 1\ndef h(x): return 2\nA = [g, h, @g@]\n"
        "def embed(t): return A[-1](t)",
        "h",
    ),
    "lambda": ("g = lambda x: x + @1@\ndef embed(t): return g(t)", "2"),
    "recursion": (
        "def g(x): return embed(x) + @1@\ndef embed(t): return t or g(t)",
        "2",
    ),
    "closure": (
        "def make(a):\n def embed(t): return a\n return embed\nembed = make(@1@)",
        "2",
    ),
    "helper in a closure": (
        "def make(g):\n def embed(t): return g(t)\n return embed\n"
        "embed = make(lambda t: @1@)",
        "2",
    ),
    "decorated function": (
        "import functools\ndef twice(f):\n ~functools.wraps(f)\n"
        " def g(*a): return f(f(*a))\n return g\n~twice\ndef embed(t): return @1@",
        "2",
    ),
    "decorator": (
        "import functools\ndef twice(f):\n ~functools.wraps(f)\n"
        " def g(*a): return f(f(*a)) + @1@\n return g\n~twice\ndef embed(t): return t",
        "2",
    ),
    "decorator of a library": (
        "import contextlib\nfrom contextlib import contextmanager\n~contextmanager\n"
        "def g(): yield @1@\ndef embed(t):\n with g() as x: return x",
        "2",
    ),
    "memory of calls": (
        "import functools\n~functools.lru_cache\ndef g(x): return x + @1@\n"
        "def embed(t): return [g(x) for x in t]",
        "2",
    ),
    "partial": (
        "import functools\ndef g(a, t): return a\nembed = functools.partial(g, @1@)",
        "2",
    ),
    "keyword of partial": (
        "import functools\ndef g(t, a): return a\nembed = functools.partial(g, a=@1@)",
        "2",
    ),
    "function of partial": (
        "import functools\ndef g(t, a): return @1@\nembed = functools.partial(g, a=1)",
        "2",
    ),
    "attribute": ("def embed(t): return embed.scale\nembed.scale = @1@", "2"),
    "async": ("def g(x): return @1@\nasync def embed(t): return g(t)", "2"),
    "method": (
        "class A:\n def g(self, t): return @1@\ndef embed(t): return A().g(t)",
        "2",
    ),
    "inherited method": (
        "class B:\n def g(self, t): return @1@\nclass A(B): pass\n"
        "def embed(t): return A().g(t)",
        "2",
    ),
    "attribute of a class": ("class A:\n b = @1@\ndef embed(t): return A.b", "2"),
    "property": (
        "class A:\n ~property\n def b(self): return @1@\ndef embed(t): return A().b",
        "2",
    ),
    "static method": (
        "class A:\n ~staticmethod\n def b(): return @1@\ndef embed(t): return A.b()",
        "2",
    ),
    "class method": (
        "class A:\n ~classmethod\n def b(c): return @1@\ndef embed(t): return A.b()",
        "2",
    ),
    "dataclass": (
        "import dataclasses\n~dataclasses.dataclass\nclass A:\n b: int = @1@\n"
        "def embed(t): return A().b",
        "2",
    ),
    "base of a library": (
        "import collections\nclass A(collections.@UserDict@): pass\n"
        "def embed(t): return A()",
        "UserList",
    ),
    "object": (
        "class A:\n def __init__(self, b): self.b = b\na = A(@1@)\n"
        "def embed(t): return a.b",
        "2",
    ),
    "object of a dataclass": (
        "import dataclasses\n~dataclasses.dataclass\nclass A:\n b: int\na = A(@1@)\n"
        "def embed(t): return a.b",
        "2",
    ),
    "bound method": (
        "class A:\n def __init__(self, b): self.b = b\n def g(self, t): return self.b\n"
        "g = A(@1@).g\ndef embed(t): return g(t)",
        "2",
    ),
}


def written(program, change=None):
    """A program with its first text at the marked place, or with another one."""
    begin, first, end = program.split("@")
    return "".join([begin, first if change is None else change, end]).replace("~", "@")


@pytest.mark.parametrize("name", CHANGES)
def test_digest_of_a_changed_function(digest, name):
    program, change = CHANGES[name]
    before = digest(written(program))
    assert digest(written(program)) == before
    # One line lower, with a comment.
    assert digest("# A comment.\n" + written(program)) == before
    assert digest(written(program, change)) != before


@pytest.mark.parametrize(
    ("source", "helpers", "change"),
    [
        (
            "from own_helpers import g\ndef embed(t): return g(t)",
            "def g(x): return 1",
            "2",
        ),
        (
            "import own_helpers\ndef embed(t): return own_helpers.g(t)",
            "g = abs\nA = 1",
            0,
        ),
        (
            "import own_helpers as h\ndef embed(t): return h.g(t)",
            "def g(x): return 1",
            "2",
        ),
        ("import own_helpers as h\ndef embed(t): return h.A", "A = 1", "2"),
        (
            "from own_helpers import A\ndef embed(t): return A().b",
            "class A: b = 1",
            "2",
        ),
    ],
)
def test_digest_of_code_in_another_module(digest, source, helpers, change):
    """A number 0 stands for a change of a value that is not read."""
    before = digest(source, helpers)
    is_same = digest(source, helpers.replace("1", change or "2")) == before
    assert is_same == (change == 0)


REFUSED = {
    "the global 'a' that own_teacher.embed reads is an object of threading.Event": (
        "import threading\na = threading.Event()\ndef embed(t): return a"
    ),
    "the global 'a' that own_teacher.g reads is an object of _io.StringIO": (
        "import io\na = io.StringIO()\ndef g(t): return a\ndef embed(t): return g(t)"
    ),
    "the global 'a' that own_teacher.embed reads is an object of sklearn": (
        "from sklearn.decomposition import PCA\na = PCA()\ndef embed(t): return a"
    ),
    "the global 'a' that own_teacher.embed reads is an object of numpy.ndarray": (
        "import numpy as np\na = np.array([object()])\ndef embed(t): return a"
    ),
    "the variable 'a' of own_teacher.make.<locals>.embed is an object of _thread": (
        "import threading\ndef make(a):\n def embed(t): return a\n return embed\n"
        "embed = make(threading.Lock())"
    ),
    "a default of own_teacher.embed is an object of _io.BytesIO": (
        "import io\ndef embed(t, a=io.BytesIO()): return a"
    ),
    "the attribute 'a' of own_teacher.A is an object of _thread.lock": (
        "import threading\nclass A:\n a = threading.Lock()\ndef embed(t): return A.a"
    ),
    "an attribute of an object of own_teacher.A is an object of _thread.lock": (
        "import threading\nclass A:\n def __init__(s): s.a = threading.Lock()\n"
        "a = A()\ndef embed(t): return a"
    ),
    "the global 'own_helpers' that own_teacher.embed reads is the module own_help": (
        "import own_helpers\ndef embed(t): return getattr(own_helpers, 'g')"
    ),
    "own_teacher.embed imports own_helpers, whose code belongs to it, inside the": (
        "def embed(t):\n import own_helpers\n return own_helpers.g"
    ),
    "the global 'n' changes when own_teacher.embed is called": (
        "n = 0\ndef embed(t):\n global n\n n += 1\n return n"
    ),
    "the global 'client' changes when own_teacher.g is called": (
        "client = None\ndef g():\n global client\n client = 1\n"
        "def embed(t):\n g()\n return client"
    ),
    "the variable 'n' of own_teacher.make.<locals>.embed changes when": (
        "def make(n):\n def embed(t):\n  nonlocal n\n  n += 1\n  return n\n"
        " return embed\nembed = make(0)"
    ),
    "its code reads a value within itself": (
        "a = []\na.append(a)\ndef embed(t): return a"
    ),
    "the teacher is len, an object of builtin_function_or_method": "embed = len",
    "the teacher is numpy.dot": "from numpy import dot as embed",
    "an argument of the teacher is an object of threading.Event": (
        "import functools, threading\nembed = functools.partial(lambda *a: a, "
        "threading.Event())"
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_digest_refuses_what_it_cannot_compare(digest, message):
    with pytest.raises(NotComparableError) as caught:
        digest(REFUSED[message])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["Event", "Lock"])
def test_digest_that_is_not_strict_takes_the_type(digest, name):
    """For classes, many of whose methods do not embed."""
    program = """
        import threading
        a = threading.Event()
        class Teacher:
            b = threading.Lock()
            def encode(self, t):
                global n
                import own_helpers
                n = 1
                return a, @1@
        """
    before = digest(written(program), item="Teacher", is_strict=False)
    assert digest(written(program), item="Teacher", is_strict=False) == before
    assert digest(written(program, "2"), item="Teacher", is_strict=False) != before
    other = written(program).replace(f"threading.{name}()", "threading.Condition()")
    assert digest(other, item="Teacher", is_strict=False) != before


@pytest.mark.parametrize("module", ["numpy", "numpy.linalg", "no_such_module.a"])
def test_digest_of_a_function_that_imports_a_library(digest, module):
    """Libraries count by their names, installed or not."""
    source = f"def embed(t):\n import {module}\n return t"
    assert digest(source) == digest(source)
    assert digest(source) != digest(source.replace(module, "json"))


def test_digest_of_values_that_have_no_contents(digest):
    """A sentinel, a logger, and names that say where a module is."""
    program = """
        import logging
        MISSING = object()
        logger = logging.getLogger(__name__)
        def embed(t):
            logger.info("a")
            return MISSING, __file__, __name__, not_there
        """
    before = digest(program)
    logging.getLogger("own_teacher").setLevel(logging.DEBUG)
    assert digest(program) == before


def test_digest_is_the_same_in_any_program(tmp_path):
    """With any hash seed, in any folder, and with a compiled file or without."""
    source = """
        import re
        import numpy as np
        WORDS = {f"word {number}" for number in range(50)}
        WEIGHTS = dict.fromkeys(WORDS, 1)
        FROZEN = frozenset(WORDS)
        MATRIX = np.arange(6.0).reshape(2, 3)
        PATTERN = re.compile("a+")
        class Helper:
            names = WORDS
            def clean(self, text):
                return [w for w in text if w in {"a", "b", "c"} or w in FROZEN]
        def embed(texts, options=("a", None)):
            return [[len(Helper().clean(text)), WEIGHTS, MATRIX] for text in texts]
        """
    code = """
        import own_teacher
        from sklux._teacher.functions import code_digest
        print(code_digest([own_teacher.embed]))
        """
    printed = set()
    for seed in ("0", "1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / "own_teacher.py").write_text(
            "\n" * int(seed) + textwrap.dedent(source)
        )
        for _ in range(2):
            printed.add(
                run_python(
                    code,
                    cwd=folder,
                    PYTHONHASHSEED=seed,
                    PYTHONPATH=os.pathsep.join(["", *filter(None, sys.path)]),
                )
            )
    assert len(printed) == 1
    assert len(printed.pop()) == 32


def test_digest_after_calls(digest):
    """Python rewrites the instructions of a function that runs often."""

    def embed(texts):
        return [len(text) + 1.5 for text in texts]

    before = code_digest([embed])
    for _ in range(100):
        embed(["a", "b"])
    assert code_digest([embed]) == before


def test_digest_of_a_function_of_this_module():
    assert code_digest([letter_counts]) == code_digest([letter_counts])


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("builtins", True),
        ("json.decoder", True),
        ("_io", True),
        ("sklux._teacher", True),
        ("sklearn.base", True),
        ("numpy", True),
        ("scipy.not_imported", True),
        ("__main__", False),
        ("_teacher.teachers", False),
        ("no_such_module", False),
    ],
)
def test_modules_of_libraries(module, expected):
    assert is_library(module) == expected


def test_values_named_by_a_library():
    assert is_named_by_library(np.linalg.norm)
    assert is_named_by_library(json.dumps)
    assert is_named_by_library(json.JSONDecoder.decode)
    assert not is_named_by_library(json.JSONDecoder().decode)
    assert not is_named_by_library(letter_counts)
    assert not is_named_by_library(3)
