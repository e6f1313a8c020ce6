"""The compiled extensions; everything else is declared in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("SKLUX_DEBUG_CYTHON") == "1"
# Each line of the kernels reports that it runs: slow, for `make coverage`.
TRACE = os.environ.get("SKLUX_TRACE_CYTHON") == "1"
# With these or with sanitizers (.ci/sanitize), more optimization takes many minutes.
OPTIMIZATION = 1 if TRACE or "-fsanitize=" in os.environ.get("CFLAGS", "") else 3
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "freethreading_compatible": True,
    "linetrace": TRACE,
}
# Without errno for negative numbers, a square root is a single instruction.
FLAGS = ["/O2"] if os.name == "nt" else [f"-O{OPTIMIZATION}", "-fno-math-errno"]
MACROS = [("CYTHON_TRACE_NOGIL", "1")] if TRACE else []
# The weights of terms have the same bits as in scikit-learn only without fused
# multiply-add.
EXACT = [] if os.name == "nt" else ["-ffp-contract=off"]

# The kernels, each with the C headers that it includes.
KERNELS = {
    "layers": ["rows.h", "rows_body.h"],
    "words": ["tables.h", "sort.h"],
    "tokens": ["text.h", "text_body.h", "tables.h"],
    "wordpiece": ["tables.h"],
    "ngrams": ["tables.h", "sort.h"],
    "terms": ["text.h", "tables.h", "sort.h"],
    "fused": ["tables.h"],
    "batches": ["tables.h"],
}

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"sklux._kernels.{name}",
                [f"sklux/_kernels/{name}.pyx"],
                depends=[f"sklux/_kernels/{header}" for header in headers],
                define_macros=MACROS,
                extra_compile_args=FLAGS + (EXACT if name == "terms" else []),
            )
            for name, headers in KERNELS.items()
        ],
        compiler_directives=DIRECTIVES,
    )
)
