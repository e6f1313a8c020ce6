"""Types of arguments that several rooms take."""

from typing import TypeAlias

from numpy.typing import ArrayLike
from scipy import sparse

MatrixLike: TypeAlias = ArrayLike | sparse.spmatrix | sparse.sparray
