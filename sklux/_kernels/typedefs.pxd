# The C types of all kernels. NumPy headers are not needed, because arrays are passed
# as typed memoryviews.
from libc.stdint cimport int32_t, int64_t

ctypedef float float32_t

# Index arrays of a CSR matrix: scipy uses int32, and int64 if the matrix has more than
# 2**31 - 1 non-zero values.
ctypedef fused index_t:
    int32_t
    int64_t
