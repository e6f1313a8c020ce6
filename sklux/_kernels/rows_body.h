/* The body of the row routines. rows.h includes this file once for each instruction
 * set, with these macros defined:
 *   SKLUX_NAME(name)  the routine's name with the instruction set as a suffix
 *   SKLUX_TARGET      the compiler attribute that enables the set
 *   SKLUX_LANES       floats in one vector register
 *   SKLUX_TILE_ROWS, SKLUX_TILE_VECTORS  shape of the block of sums that the
 *                     matrix product keeps in registers
 *   SKLUX_SUM_VECTORS sums of a row that the sparse product keeps in registers
 *   SKLUX_HALVES(p), SKLUX_BYTES(p)  SKLUX_LANES float16 or int8 as floats
 *
 * Each output value is one sum over its inputs in ascending order, for any vector
 * width. So the bits depend neither on the number of rows in a call nor on the thread.
 */

#define SKLUX_TILE_COLUMNS (SKLUX_LANES * SKLUX_TILE_VECTORS)

SKLUX_VECTOR_TYPE(SKLUX_NAME(vector), SKLUX_LANES);

/* out := sum_k x[k] W[rows[k]], for n rows of n_units values each.
 *
 * As many sums as possible stay in registers while k runs. The rows from n to
 * n_readable belong to the next documents. Each row is prefetched as a whole, `ahead`
 * rows before its use; 0 means no prefetch. More than SKLUX_LONG_SUM terms are added in
 * parts of SKLUX_PART_OF_SUM, whose sums are added: the error of one sum grows with the
 * number of its terms. */
#define SKLUX_BLOCKS(name, n_vectors) \
    while (n_vectors <= SKLUX_SUM_VECTORS && c + n_vectors * SKLUX_LANES <= n_units) { \
        SKLUX_NAME(name##_block)(n_vectors, n, n_readable, rows, x, W + c, n_units, \
                                 ahead, c == 0, adds, out + c); \
        c += n_vectors * SKLUX_LANES; \
    }

#define SKLUX_GATHER(name, type, load, convert) \
    SKLUX_TARGET SKLUX_INLINE void SKLUX_NAME(name##_block)( \
        const int n_vectors, ptrdiff_t n, ptrdiff_t n_readable, \
        const uint32_t *restrict rows, const float *restrict x, const type *W, \
        ptrdiff_t n_units, ptrdiff_t ahead, int is_first, int adds, \
        float *restrict out) \
    { \
        SKLUX_NAME(vector) sums[SKLUX_SUM_VECTORS] = {{0}}; \
        const ptrdiff_t row_bytes = n_units * (ptrdiff_t)sizeof(type); \
        for (ptrdiff_t k = 0; k < n; k++) { \
            const type *row = W + rows[k] * n_units; \
            if (is_first && ahead > 0 && k + ahead < n_readable) { \
                const char *next = (const char *)(W + rows[k + ahead] * n_units); \
                for (ptrdiff_t b = 0; b < row_bytes; b += SKLUX_CACHE_LINE) \
                    SKLUX_PREFETCH(next + b); \
            } \
            for (int v = 0; v < n_vectors; v++) \
                sums[v] += x[k] * load(row + v * SKLUX_LANES); \
        } \
        for (int v = 0; v < n_vectors; v++) { \
            if (adds) \
                sums[v] += ((SKLUX_NAME(vector) *)out)[v]; \
            ((SKLUX_NAME(vector) *)out)[v] = sums[v]; \
        } \
    } \
    SKLUX_TARGET SKLUX_INLINE void SKLUX_NAME(name##_part)( \
        ptrdiff_t n, ptrdiff_t n_readable, const uint32_t *restrict rows, \
        const float *restrict x, const void *weights, ptrdiff_t n_units, \
        ptrdiff_t ahead, int adds, float *restrict out) \
    { \
        const type *W = weights; \
        ptrdiff_t c = 0; \
        SKLUX_BLOCKS(name, 24) \
        SKLUX_BLOCKS(name, 16) \
        SKLUX_BLOCKS(name, 8) \
        SKLUX_BLOCKS(name, 4) \
        SKLUX_BLOCKS(name, 1) \
        for (; c < n_units; c++) { \
            float sum = 0.0f; \
            for (ptrdiff_t k = 0; k < n; k++) \
                sum += x[k] * convert(W[rows[k] * n_units + c]); \
            out[c] = adds ? out[c] + sum : sum; \
        } \
    } \
    SKLUX_TARGET SKLUX_NOINLINE void SKLUX_NAME(name##_long)( \
        ptrdiff_t n, ptrdiff_t n_readable, const uint32_t *restrict rows, \
        const float *restrict x, const void *weights, ptrdiff_t n_units, \
        ptrdiff_t ahead, float *restrict out) \
    { \
        SKLUX_NAME(name##_part)( \
            SKLUX_PART_OF_SUM, n_readable, rows, x, weights, n_units, ahead, 0, out); \
        for (ptrdiff_t k = SKLUX_PART_OF_SUM; k < n; k += SKLUX_PART_OF_SUM) \
            SKLUX_NAME(name##_part)( \
                n - k < SKLUX_PART_OF_SUM ? n - k : SKLUX_PART_OF_SUM, n_readable - k, \
                rows + k, x + k, weights, n_units, ahead, 1, out); \
    } \
    SKLUX_TARGET static void SKLUX_NAME(name)( \
        ptrdiff_t n, ptrdiff_t n_readable, const uint32_t *restrict rows, \
        const float *restrict x, const void *weights, ptrdiff_t n_units, \
        ptrdiff_t ahead, float *restrict out) \
    { \
        /* Apart, so that short sums have no code for parts. */ \
        if (n > SKLUX_LONG_SUM) \
            SKLUX_NAME(name##_long)( \
                n, n_readable, rows, x, weights, n_units, ahead, out); \
        else \
            SKLUX_NAME(name##_part)( \
                n, n_readable, rows, x, weights, n_units, ahead, 0, out); \
    }

SKLUX_GATHER(gather_floats, float, SKLUX_FLOATS, SKLUX_SAME)
SKLUX_GATHER(gather_halves, uint16_t, SKLUX_HALVES, sklux_from_half)
SKLUX_GATHER(gather_bytes, int8_t, SKLUX_BYTES, SKLUX_SAME)

/* y := max(y, 0) if relu, then y := y / |y|; a zero row stays zero. The squares are
 * summed in double precision, in eight interleaved lanes. */
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
    /* For very short or long rows 1 / |y| is not a normal float: divide in double. */
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

/* a := y / |y|, then y := |a| value by value; the first n_out values of a go to `out`,
 * where `product` starts its sums. */
SKLUX_TARGET static void SKLUX_NAME(tied_row)(
    ptrdiff_t n, ptrdiff_t n_out, float *restrict y, float *restrict out)
{
    SKLUX_NAME(unit_row)(n, 0, y);
    memcpy(out, y, (size_t)n_out * sizeof(float));
    for (ptrdiff_t j = 0; j < n; j++)
        y[j] = fabsf(y[j]);
}

/* One step of Adam for the weights w of one feature, with the gradient g:
 *   m := b1 m + (1 - b1) g,  v := b2 v + (1 - b2) g^2
 *   w := w - rate m / (correction sqrt(v) + e) */
SKLUX_TARGET static void SKLUX_NAME(adam_row)(
    ptrdiff_t n, const float *restrict g, float rate, float correction,
    float *restrict w, float *restrict m, float *restrict v)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        const float mean = SKLUX_BETA_1 * m[j] + (1.0f - SKLUX_BETA_1) * g[j];
        const float square = SKLUX_BETA_2 * v[j] + (1.0f - SKLUX_BETA_2) * (g[j] * g[j]);
        m[j] = mean;
        v[j] = square;
        w[j] -= rate * mean / (correction * sqrtf(square) + SKLUX_EPSILON);
    }
}

/* One tile of out (+)= H W; W is a packed panel. The sums stay in registers while k
 * runs. */
SKLUX_TARGET SKLUX_INLINE void SKLUX_NAME(tile)(
    const int n_rows, ptrdiff_t n_in, const float *restrict H, ptrdiff_t row_stride,
    ptrdiff_t k_stride, const float *restrict W, int is_first, float *restrict out,
    ptrdiff_t out_stride)
{
    SKLUX_NAME(vector) sums[SKLUX_TILE_ROWS][SKLUX_TILE_VECTORS];

    for (int r = 0; r < n_rows; r++)
        for (int v = 0; v < SKLUX_TILE_VECTORS; v++)
            sums[r][v] = is_first
                ? (SKLUX_NAME(vector)){0}
                : ((const SKLUX_NAME(vector) *)(out + r * out_stride))[v];
    for (ptrdiff_t k = 0; k < n_in; k++) {
        const SKLUX_NAME(vector) *w =
            (const SKLUX_NAME(vector) *)(W + k * SKLUX_TILE_COLUMNS);
        for (int r = 0; r < n_rows; r++)
            for (int v = 0; v < SKLUX_TILE_VECTORS; v++)
                sums[r][v] += H[r * row_stride + k * k_stride] * w[v];
    }
    for (int r = 0; r < n_rows; r++)
        for (int v = 0; v < SKLUX_TILE_VECTORS; v++)
            ((SKLUX_NAME(vector) *)(out + r * out_stride))[v] = sums[r][v];
}

/* One panel of SKLUX_TILE_COLUMNS columns, for any number of rows. `tiles` holds the
 * rows of full tiles, packed by `pack_tiles`. */
SKLUX_TARGET static void SKLUX_NAME(panel)(
    ptrdiff_t n_rows, ptrdiff_t n_in, const float *restrict H, ptrdiff_t H_stride,
    const float *restrict tiles, const float *restrict W, int is_first,
    float *restrict out, ptrdiff_t out_stride)
{
    ptrdiff_t r = 0;

    for (; r + SKLUX_TILE_ROWS <= n_rows; r += SKLUX_TILE_ROWS)
        SKLUX_NAME(tile)(SKLUX_TILE_ROWS, n_in, tiles + r * n_in, 1, SKLUX_TILE_ROWS, W,
                         is_first, out + r * out_stride, out_stride);
    for (; r + 4 <= n_rows; r += 4)
        SKLUX_NAME(tile)(4, n_in, H + r * H_stride, H_stride, 1, W, is_first,
                         out + r * out_stride, out_stride);
    for (; r < n_rows; r++)
        SKLUX_NAME(tile)(1, n_in, H + r * H_stride, H_stride, 1, W, is_first,
                         out + r * out_stride, out_stride);
}

/* Transpose the rows of each full tile: a tile then reads one stream. Rows of H that
 * are a multiple of 4 kB apart would share a few lines of the cache. */
SKLUX_TARGET static void SKLUX_NAME(pack_tiles)(
    ptrdiff_t n_rows, ptrdiff_t n_in, const float *restrict H, ptrdiff_t H_stride,
    float *restrict tiles)
{
    for (ptrdiff_t r = 0; r + SKLUX_TILE_ROWS <= n_rows; r += SKLUX_TILE_ROWS)
        for (ptrdiff_t k = 0; k < n_in; k++)
            for (ptrdiff_t i = 0; i < SKLUX_TILE_ROWS; i++)
                tiles[r * n_in + k * SKLUX_TILE_ROWS + i] = H[(r + i) * H_stride + k];
}

/* out := H W, or out + H W if `adds`, for a few rows: W is read once for each row, from
 * its beginning to its end; four rows of W at a time, so that the sums are stored less
 * often. */
SKLUX_TARGET static void SKLUX_NAME(thin_product)(
    ptrdiff_t n_rows, ptrdiff_t n_in, ptrdiff_t n_out, const float *restrict H,
    const float *restrict W, int adds, float *restrict out)
{
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const float *h = H + r * n_in;
        float *restrict sums = out + r * n_out;
        ptrdiff_t k = 0;

        if (!adds)
            memset(sums, 0, (size_t)n_out * sizeof(float));
        for (; k + 4 <= n_in; k += 4) {
            const float *w = W + k * n_out;
            for (ptrdiff_t j = 0; j < n_out; j++) {
                float sum = sums[j];
                sum += h[k] * w[j];
                sum += h[k + 1] * w[j + n_out];
                sum += h[k + 2] * w[j + 2 * n_out];
                sum += h[k + 3] * w[j + 3 * n_out];
                sums[j] = sum;
            }
        }
        for (; k < n_in; k++)
            for (ptrdiff_t j = 0; j < n_out; j++)
                sums[j] += h[k] * W[k * n_out + j];
    }
}

/* The same sums for many rows. The columns of W are packed in
 * panels, one panel after the other, padded with zeros. `packed` is scratch memory for
 * SKLUX_PANEL_DEPTH rows of a panel, `edge` for n_rows rows of a panel, `tiles` for
 * SKLUX_PANEL_DEPTH columns of H. */
SKLUX_TARGET static void SKLUX_NAME(product)(
    ptrdiff_t n_rows, ptrdiff_t n_in, ptrdiff_t n_out, const float *restrict H,
    const float *restrict W, int adds, float *restrict packed, float *restrict edge,
    float *restrict tiles, float *restrict out)
{
    const ptrdiff_t width = SKLUX_TILE_COLUMNS;
    const ptrdiff_t n_edge = n_out % width;

    if (adds && n_edge)
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            memcpy(edge + r * width, out + (r + 1) * n_out - n_edge,
                   (size_t)n_edge * sizeof(float));
            memset(edge + r * width + n_edge, 0,
                   (size_t)(width - n_edge) * sizeof(float));
        }

    for (ptrdiff_t begin = 0; begin < n_in; begin += SKLUX_PANEL_DEPTH) {
        const ptrdiff_t rest = n_in - begin;
        const ptrdiff_t depth = rest < SKLUX_PANEL_DEPTH ? rest : SKLUX_PANEL_DEPTH;
        const int is_first = begin == 0 && !adds;
        SKLUX_NAME(pack_tiles)(n_rows, depth, H + begin, n_in, tiles);
        for (ptrdiff_t c = 0; c < n_out; c += width) {
            const ptrdiff_t n = n_out - c < width ? n_out - c : width;
            const float *w = W + begin * n_out + c;
            for (ptrdiff_t k = 0; k < depth; k++) {
                /* The rows are far apart, so the processor does not prefetch them. */
                SKLUX_PREFETCH(w + (k + SKLUX_AHEAD_ROWS) * n_out);
                SKLUX_PREFETCH(w + (k + SKLUX_AHEAD_ROWS) * n_out + width - 1);
                memcpy(packed + k * width, w + k * n_out, (size_t)n * sizeof(float));
                memset(packed + k * width + n, 0, (size_t)(width - n) * sizeof(float));
            }
            if (n == width) {
                SKLUX_NAME(panel)(n_rows, depth, H + begin, n_in, tiles, packed,
                                  is_first, out + c, n_out);
                continue;
            }
            SKLUX_NAME(panel)(n_rows, depth, H + begin, n_in, tiles, packed, is_first,
                              edge, width);
        }
    }
    if (n_edge)
        for (ptrdiff_t r = 0; r < n_rows; r++)
            memcpy(out + (r + 1) * n_out - n_edge, edge + r * width,
                   (size_t)n_edge * sizeof(float));
}

#undef SKLUX_GATHER
#undef SKLUX_BLOCKS
#undef SKLUX_TILE_COLUMNS
#undef SKLUX_NAME
#undef SKLUX_TARGET
#undef SKLUX_LANES
#undef SKLUX_TILE_ROWS
#undef SKLUX_TILE_VECTORS
#undef SKLUX_SUM_VECTORS
#undef SKLUX_HALVES
#undef SKLUX_BYTES
