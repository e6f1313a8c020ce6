"""The code of a function as Python compiled it, and the names that it reads."""

import math
import textwrap

import pytest

from sklux._teacher.bytecode import code_facts, constant_digest, digest_of


def facts_of(source, name="f"):
    """Facts about a function of a program."""
    namespace = {}
    exec(textwrap.dedent(source), namespace)
    return code_facts(namespace[name].__code__)


def test_digest_depends_on_the_bounds_of_parts():
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("a") == digest_of(b"a") != digest_of("a", "")
    assert digest_of("\ud800") != digest_of("\ud801")


@pytest.mark.parametrize(
    "values",
    [
        (0, 0.0, -0.0, False, "0", b"0", None, ..., 0j),
        ((1, 2), (2, 1), ((1,), 2), frozenset({1, 2})),
        (1.5, math.inf, -math.inf, math.nan),
        ("", "a", "\ud800", b""),
    ],
)
def test_constants_differ_by_type_and_value(values):
    assert len({constant_digest(value) for value in values}) == len(values)


def test_constants_that_are_sets_have_no_order():
    words = [f"word {number}" for number in range(20)]
    assert constant_digest(frozenset(words)) == constant_digest(frozenset(words[::-1]))


def test_code_without_its_place_docstring_and_comments():
    plain = """
    def f(texts, scale=2):
        return [scale * len(text) for text in texts]
    """
    commented = '''
    # A comment.


    def f(texts, scale=2):
        """Say what it does."""
        # Another comment.

        return [scale * len(text) for text in texts]  # and one more
    '''
    assert facts_of(plain) == facts_of(commented)
    assert facts_of(plain) == facts_of(
        "from __future__ import annotations\n" + plain[5:]
    )


@pytest.mark.parametrize(
    "changed",
    [
        "def f(a, b=1): return a - b + 3",
        "def f(a, b=1): return a + b + 4",
        "def f(a, b=1): return a + b + 3.0",
        "def f(b, a=1): return b + a + 3",
        "def f(a, *, b=1): return a + b + 3",
        "def f(a, /, b=1): return a + b + 3",
        "def f(a, *b): return a + b + 3",
        "def f(a, b=1): yield a + b + 3",
        "async def f(a, b=1): return a + b + 3",
        "def f(a, b=1): return a + c + 3",
        "def f(a, b=1): return (lambda: a + b + 3)()",
    ],
)
def test_code_that_is_changed(changed):
    assert (
        facts_of("def f(a, b=1): return a + b + 3").digest != facts_of(changed).digest
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("return [x.a for x in t]", "return [x.b for x in t]"),
        ("return [x + 1 for x in t]", "return [x + 2 for x in t]"),
        ("return lambda: 'a'", "return lambda: 'b'"),
        ("return t in {'a', 'b'}", "return t in {'a', 'c'}"),
        ("return {**t, 'a': 1}", "return {**t, 'a': 2}"),
        ("return t[1:2]", "return t[1:3]"),
        ("return f'{t}a'", "return f'{t}b'"),
        ("class A:\n  b = 1\n return A", "class A:\n  b = 2\n return A"),
        ("try:\n  t()\n except KeyError: pass", "try:\n  t()\n except OSError: pass"),
        ("with t: return 1", "with t: return 2"),
        ("import a", "import b"),
    ],
)
def test_code_that_is_changed_inside(one, two):
    assert (
        facts_of(f"def f(t):\n {one}").digest != facts_of(f"def f(t):\n {two}").digest
    )


def test_code_with_many_constants():
    """The argument of an instruction may take two bytes."""
    lines = "\n".join(f" x = {number} + 1.5" for number in range(700))
    one = facts_of(f"def f(x):\n{lines}\n return g.h(x)")
    assert one.globals == (("g", "h"),)
    assert one.digest != facts_of(f"def f(x):\n{lines}9\n return g.h(x)").digest


def test_names_that_code_reads():
    facts = facts_of(
        """
        def f(texts, scale):
            def inner(text):
                nonlocal scale
                scale += THRESHOLD
                return np.linalg.norm(text)
            class Local:
                size = len(NAMES)
            return [clean(text) for text in texts], settings.a.b(texts).c, inner, Local
        """
    )
    assert set(facts.globals) == {
        ("THRESHOLD",),
        ("np", "linalg", "norm"),
        ("__name__",),
        ("len",),
        ("NAMES",),
        ("clean",),
        ("settings", "a", "b"),
    }
    assert len(facts.globals) == 7
    assert facts.globals_set == frozenset()
    assert facts.cells_set == frozenset()  # scale belongs to f itself
    assert facts.imports == ()


def test_names_that_code_changes():
    source = """
    def make():
        calls = 0
        def f(texts):
            nonlocal calls
            calls += 1
            def inner():
                global N, M
                N = 1
                del M
        return f
    f = make()
    """
    facts = facts_of(source)
    assert facts.globals_set == {"N", "M"}
    assert facts.cells_set == {"calls"}


def test_modules_that_code_imports():
    facts = facts_of(
        """
        def f(texts):
            import numpy as np
            from helpers.words import clean
            def inner():
                from . import near
                from ..far import other
        """
    )
    assert facts.imports == (
        ("numpy", 0),
        ("helpers.words", 0),
        ("", 1),
        ("far", 2),
    )
