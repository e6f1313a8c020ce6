# The C types of every kernel, in one place. No NumPy headers are needed:
# typed memoryviews carry the arrays.
from libc.stdint cimport int32_t, int64_t

ctypedef float float32_t

# Index arrays of a CSR matrix: scipy uses int32 and changes to int64 once the
# matrix has more than 2**31 - 1 non-zero values.
ctypedef fused index_t:
    int32_t
    int64_t
