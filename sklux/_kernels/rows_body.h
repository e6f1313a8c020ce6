/* The body of the row routines. rows.h includes this file once per instruction
 * set, with these macros set:
 *   SKLUX_NAME(name)  the routine's name with the instruction set as a suffix
 *   SKLUX_TARGET      the compiler attribute that switches the set on
 *   SKLUX_LANES       floats in one vector register
 *   SKLUX_TILE_ROWS, SKLUX_TILE_VECTORS  shape of the block of sums that the
 *                     matrix product keeps in registers
 *
 * Each output value is summed over its inputs in ascending order, one sum per
 * value, whatever the vector width: so the bits depend on neither the number of
 * rows in a call nor the thread.
 */

#define SKLUX_TILE_COLUMNS (SKLUX_LANES * SKLUX_TILE_VECTORS)

SKLUX_VECTOR_TYPE(SKLUX_NAME(vector), SKLUX_LANES);

/* y := y + a x */
SKLUX_TARGET static void SKLUX_NAME(axpy)(
    ptrdiff_t n, float a, const float *restrict x, float *restrict y)
{
    for (ptrdiff_t j = 0; j < n; j++)
        y[j] += a * x[j];
}

/* y := max(y, 0) when relu, then y := y / |y|; a zero row stays zero.
 * The squares are summed in double precision, in eight interleaved lanes. */
SKLUX_TARGET static void SKLUX_NAME(unit_row)(ptrdiff_t n, int relu, float *restrict y)
{
    double lanes[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    double total;
    float scale;
    ptrdiff_t j;

    if (relu)
        for (j = 0; j < n; j++)
            y[j] = y[j] > 0.0f ? y[j] : 0.0f;
    for (j = 0; j + 8 <= n; j += 8)
        for (int lane = 0; lane < 8; lane++)
            lanes[lane] += (double)y[j + lane] * (double)y[j + lane];
    for (; j < n; j++)
        lanes[j % 8] += (double)y[j] * (double)y[j];
    total = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5]))
          + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
    if (!(total > 0.0))
        return;
    /* 1 / |y| is no normal float for very short or long rows: divide in double. */
    if (total < 1e-60 || total > 1e60) {
        double root = sqrt(total);
        for (j = 0; j < n; j++)
            y[j] = (float)(y[j] / root);
        return;
    }
    scale = (float)(1.0 / sqrt(total));
    for (j = 0; j < n; j++)
        y[j] *= scale;
}

/* One tile of out := H W: the sums stay in registers while k runs. */
SKLUX_TARGET static inline void SKLUX_NAME(tile)(
    ptrdiff_t n_in, ptrdiff_t n_out, const float *restrict H,
    const float *restrict W, float *restrict out)
{
    SKLUX_NAME(vector) sums[SKLUX_TILE_ROWS][SKLUX_TILE_VECTORS] = {{{0}}};
    SKLUX_NAME(vector) *target;

    for (ptrdiff_t k = 0; k < n_in; k++) {
        const SKLUX_NAME(vector) *w = (const SKLUX_NAME(vector) *)(W + k * n_out);
        for (int r = 0; r < SKLUX_TILE_ROWS; r++)
            for (int v = 0; v < SKLUX_TILE_VECTORS; v++)
                sums[r][v] += H[r * n_in + k] * w[v];
    }
    for (int r = 0; r < SKLUX_TILE_ROWS; r++) {
        target = (SKLUX_NAME(vector) *)(out + r * n_out);
        for (int v = 0; v < SKLUX_TILE_VECTORS; v++)
            target[v] = sums[r][v];
    }
}

/* out := H W for one block of SKLUX_BLOCK_ROWS rows;
 * H is (rows, n_in), W is (n_in, n_out), out is (rows, n_out), all C-ordered. */
SKLUX_TARGET static void SKLUX_NAME(block_product)(
    ptrdiff_t n_in, ptrdiff_t n_out, const float *restrict H,
    const float *restrict W, float *restrict out)
{
    ptrdiff_t tiled = n_out - n_out % SKLUX_TILE_COLUMNS;

    for (ptrdiff_t c = 0; c < tiled; c += SKLUX_TILE_COLUMNS)
        for (ptrdiff_t r = 0; r < SKLUX_BLOCK_ROWS; r += SKLUX_TILE_ROWS)
            SKLUX_NAME(tile)(n_in, n_out, H + r * n_in, W + c, out + r * n_out + c);
    for (ptrdiff_t r = 0; r < SKLUX_BLOCK_ROWS && tiled < n_out; r++) {
        float *rest = out + r * n_out + tiled;
        for (ptrdiff_t j = 0; j < n_out - tiled; j++)
            rest[j] = 0.0f;
        for (ptrdiff_t k = 0; k < n_in; k++)
            for (ptrdiff_t j = 0; j < n_out - tiled; j++)
                rest[j] += H[r * n_in + k] * W[k * n_out + tiled + j];
    }
}

#undef SKLUX_TILE_COLUMNS
#undef SKLUX_NAME
#undef SKLUX_TARGET
#undef SKLUX_LANES
#undef SKLUX_TILE_ROWS
#undef SKLUX_TILE_VECTORS
