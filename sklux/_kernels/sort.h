/* Sorts for the lexical kernels: words by their bytes, keys and columns by digits. */
#ifndef SKLUX_SORT_H
#define SKLUX_SORT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t prefix;       /* the first eight bytes; the first is the highest */
    const uint8_t *bytes;
    int64_t length;
    int64_t position;      /* position of the word before the sort */
} sklux_word_ref;

static inline void sklux_set_word_ref(
    sklux_word_ref *ref, const uint8_t *bytes, int64_t length, int64_t position)
{
    ref->prefix = 0;
    for (int64_t i = 0; i < 8; i++)
        ref->prefix = (ref->prefix << 8) | (i < length ? bytes[i] : 0);
    ref->bytes = bytes;
    ref->length = length;
    ref->position = position;
}

/* Compare by bytes; a prefix comes first. For UTF-8 this is the order of code points. */
static inline int sklux_compare_words(const void *left, const void *right)
{
    const sklux_word_ref *a = left, *b = right;
    const int64_t shared = a->length < b->length ? a->length : b->length;
    int order = 0;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    if (shared > 8)
        order = memcmp(a->bytes + 8, b->bytes + 8, (size_t)(shared - 8));
    if (order != 0)
        return order;
    return (a->length > b->length) - (a->length < b->length);
}

static inline void sklux_sort_words(sklux_word_ref *refs, size_t n)
{
    qsort(refs, n, sizeof(sklux_word_ref), sklux_compare_words);
}

/* Positions that put the keys in ascending order, by a radix sort from the least
 * significant digit; equal keys keep their order. `swap` is scratch memory for n
 * positions. */
static inline void sklux_order_keys(
    const uint64_t *keys, int64_t n, int64_t *order, int64_t *swap)
{
    enum { DIGIT_BITS = 11, N_DIGITS = 1 << DIGIT_BITS };
    int64_t *from = swap, *to = order;
    uint64_t differing = 0;

    for (int64_t i = 0; i < n; i++) {
        differing |= keys[i] ^ keys[0];
        order[i] = i;
    }
    for (int shift = 0; shift < 64; shift += DIGIT_BITS) {
        int64_t starts[N_DIGITS] = {0};
        int64_t total = 0;
        int64_t *last = from;
        if (((differing >> shift) & (N_DIGITS - 1)) == 0)
            continue;
        from = to;
        to = last;
        for (int64_t i = 0; i < n; i++)
            starts[(keys[i] >> shift) & (N_DIGITS - 1)]++;
        for (int digit = 0; digit < N_DIGITS; digit++) {
            const int64_t count = starts[digit];
            starts[digit] = total;
            total += count;
        }
        for (int64_t i = 0; i < n; i++)
            to[starts[(keys[from[i]] >> shift) & (N_DIGITS - 1)]++] = from[i];
    }
    if (to != order)
        memcpy(order, to, (size_t)n * sizeof(int64_t));
}

/* Width of the digits with the least cost for n values of n_bits bits. Each pass clears
 * and sums 2^width counters, and counts and moves n values. */
static inline int sklux_digit_bits(int64_t n, int n_bits, int max_bits)
{
    enum { COST_OF_A_VALUE = 6 };
    int64_t least = INT64_MAX;
    int best = max_bits;

    for (int width = 5; width <= max_bits; width++) {
        const int64_t n_passes = (n_bits + width - 1) / width;
        const int64_t cost = n_passes * (((int64_t)1 << width) + COST_OF_A_VALUE * n);
        if (cost < least) {
            least = cost;
            best = width;
        }
    }
    return best;
}

/* Sort the columns of one document. `swap` is scratch memory for n columns, n_bits is
 * the width of the largest column. */
static inline void sklux_sort_columns(
    uint32_t *columns, uint32_t *swap, int64_t n, int n_bits)
{
    enum { FEW = 20, MAX_BITS = 11 };
    uint32_t starts[1 << MAX_BITS];
    uint32_t *from = columns, *to = swap;
    uint32_t n_digits;
    int digit_bits;

    if (n <= FEW) {
        for (int64_t i = 1; i < n; i++) {
            const uint32_t column = columns[i];
            int64_t j = i;
            for (; j > 0 && columns[j - 1] > column; j--)
                columns[j] = columns[j - 1];
            columns[j] = column;
        }
        return;
    }
    digit_bits = sklux_digit_bits(n, n_bits, MAX_BITS);
    n_digits = (uint32_t)1 << digit_bits;
    for (int shift = 0; shift < n_bits; shift += digit_bits) {
        uint32_t total = 0;
        uint32_t *last = from;
        memset(starts, 0, n_digits * sizeof(uint32_t));
        for (int64_t i = 0; i < n; i++)
            starts[(from[i] >> shift) & (n_digits - 1)]++;
        for (uint32_t digit = 0; digit < n_digits; digit++) {
            const uint32_t count = starts[digit];
            starts[digit] = total;
            total += count;
        }
        for (int64_t i = 0; i < n; i++)
            to[starts[(from[i] >> shift) & (n_digits - 1)]++] = from[i];
        from = to;
        to = last;
    }
    if (from != columns)
        memcpy(columns, from, (size_t)n * sizeof(uint32_t));
}

#endif
