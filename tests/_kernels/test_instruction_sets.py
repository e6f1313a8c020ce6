"""The instruction sets in processes of their own, chosen by the environment."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklux._kernels import layers

TESTS = Path(__file__).parents[1]
# Models of each kind, for texts of 1 to 6,000 terms. The sums of a sum of many terms
# are added in parts; widths that are not multiples of 16 have a rest.
PROGRAM = """
import sys
import numpy as np
from models import random_network
from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._kernels import layers
from sklux._student.projection import adopt_student
from sklux._student.trained import TrainedStudent

rng = np.random.default_rng(0)
words = np.array([f"word{i}" for i in range(9000)])
lengths = [0, 1, 2, 7, 30, 500, 4096, 4097, 6000, *rng.integers(1, 60, 300)]
texts = [" ".join(rng.choice(words, n, replace=False)) for n in lengths]
stage = LexicalVectorizer(ngram_range=(1, 2), dtype=np.float32, sublinear_tf=True)
stage.fit(texts)
found = [layers.instruction_set_in_use()]
for dtype in ("float32", "float16", "int8"):
    for sizes, tied in (((64,), False), ((96, 70, 65), False), ((80, 80), True),
                        ((80, 9, 70), True)):
        network = random_network(len(stage.vocabulary_), sizes, tied, 0, dtype)
        model = LuxicalVectorizer()
        model.lexical_, model.projection_ = stage, ReLUProjection()
        adopt_student(model.projection_, TrainedStudent(network))
        model.teacher_id_, model.n_teacher_terms_ = None, 0
        vectors = model.transform(texts)
        for way in (vectors, model.projection_.transform(stage.transform(texts))):
            found.append(way)
np.savez(sys.argv[1], *found)
"""


def vectors_with(name, folder):
    """The name of the set in use, and vectors, of a process with this variable."""
    path = folder / f"{name}.npz"
    result = run(PROGRAM, path, variable=name)
    assert result.returncode == 0, result.stderr
    with np.load(path) as file:
        in_use, *found = file.values()
        return str(in_use), found


def run(program, *arguments, variable):
    """Run a program with the variable of the instruction set; None: without it."""
    environment = {k: v for k, v in os.environ.items() if k != layers.VARIABLE}
    if variable is not None:
        environment[layers.VARIABLE] = variable
    paths = [str(TESTS), *filter(None, sys.path)]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_instruction_sets_agree_within_1e_6(tmp_path):
    """All that this processor has, each in a process that the variable starts with."""
    names = layers.available_instruction_sets()
    in_use, plain = vectors_with("plain", tmp_path)
    assert in_use == names[0] == "plain"
    assert len(plain) == 24
    for vectors in plain:
        lengths = np.linalg.norm(vectors, axis=1)
        np.testing.assert_allclose(lengths[1:], 1, atol=1e-5)
        assert lengths[0] == 0
    for name in names[1:]:
        in_use, found = vectors_with(name, tmp_path)
        assert in_use == name
        for vectors, expected in zip(found, plain, strict=True):
            np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("variable", [None, ""])
def test_instruction_set_without_the_variable_is_the_best(variable):
    program = (
        "from sklux._kernels import layers; print(layers.instruction_set_in_use())"
    )
    result = run(program, variable=variable)
    assert result.stdout.split() == [layers.available_instruction_sets()[-1]]


LACKING = [*layers.INSTRUCTION_SETS[len(layers.available_instruction_sets()) :]]


@pytest.mark.parametrize("value", ["sse2", "AVX2", "0", "plain,avx2", *LACKING])
def test_instruction_set_that_does_not_exist_is_refused(value):
    result = run("from sklux import LuxicalVectorizer", variable=value)
    assert result.returncode == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith(
        "ValueError: The environment variable SKLUX_SIMD must be one of ('plain'"
    )
    assert line.endswith(f"instruction sets of this processor. Got {value!r} instead.")
