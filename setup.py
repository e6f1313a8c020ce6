"""The compiled extensions; everything else is declared in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("SKLUX_DEBUG_CYTHON") == "1"
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "freethreading_compatible": True,
}
FLAGS = ["/O2"] if os.name == "nt" else ["-O3"]

setup(
    ext_modules=cythonize(
        [
            Extension(
                "sklux._kernels._layers",
                ["sklux/_kernels/_layers.pyx"],
                depends=["sklux/_kernels/rows.h", "sklux/_kernels/rows_body.h"],
                extra_compile_args=FLAGS,
            )
        ],
        compiler_directives=DIRECTIVES,
    )
)
