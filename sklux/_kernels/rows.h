/* Row routines (axpy, unit row, block product), compiled once per instruction
 * set and chosen when the program runs. Compilers and processors without the
 * x86-64 sets take the plain one, which is C99 and vectorised as the compiler
 * sees fit (NEON on arm64). */
#ifndef SKLUX_ROWS_H
#define SKLUX_ROWS_H

#include <math.h>
#include <stddef.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define restrict __restrict
#define SKLUX_PREFETCH(address) ((void)(address))
#else
#define SKLUX_PREFETCH(address) __builtin_prefetch(address)
#endif

#define SKLUX_BLOCK_ROWS 8
#define SKLUX_CACHE_LINE_FLOATS 16

/* A vector of floats that may lie at any float's address. Without GNU's vector
 * types it is a single float, and the same expressions hold. */
#if defined(__GNUC__)
#define SKLUX_VECTOR_TYPE(name, lanes) \
    typedef float name __attribute__((vector_size(4 * (lanes)), aligned(4), may_alias))
#define SKLUX_PLAIN_LANES 4
#else
#define SKLUX_VECTOR_TYPE(name, lanes) typedef float name
#define SKLUX_PLAIN_LANES 1
#endif

#define SKLUX_NAME(name) sklux_##name##_plain
#define SKLUX_TARGET
#define SKLUX_LANES SKLUX_PLAIN_LANES
#define SKLUX_TILE_ROWS 4
#define SKLUX_TILE_VECTORS 2
#include "rows_body.h"

#if defined(__GNUC__) && defined(__x86_64__)
#define SKLUX_X86_64

#define SKLUX_NAME(name) sklux_##name##_avx2
#define SKLUX_TARGET __attribute__((target("avx2,fma")))
#define SKLUX_LANES 8
#define SKLUX_TILE_ROWS 4
#define SKLUX_TILE_VECTORS 2
#include "rows_body.h"

#define SKLUX_NAME(name) sklux_##name##_avx512
#define SKLUX_TARGET \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-vector-width=512")))
#define SKLUX_LANES 16
#define SKLUX_TILE_ROWS 8
#define SKLUX_TILE_VECTORS 2
#include "rows_body.h"
#endif

enum { SKLUX_PLAIN = 0, SKLUX_AVX2 = 1, SKLUX_AVX512 = 2 };

typedef struct {
    void (*axpy)(ptrdiff_t, float, const float *, float *);
    void (*unit_row)(ptrdiff_t, int, float *);
    void (*block_product)(ptrdiff_t, ptrdiff_t, const float *, const float *, float *);
} sklux_rows;

static const sklux_rows sklux_rows_plain = {
    sklux_axpy_plain, sklux_unit_row_plain, sklux_block_product_plain};
#ifdef SKLUX_X86_64
static const sklux_rows sklux_rows_avx2 = {
    sklux_axpy_avx2, sklux_unit_row_avx2, sklux_block_product_avx2};
static const sklux_rows sklux_rows_avx512 = {
    sklux_axpy_avx512, sklux_unit_row_avx512, sklux_block_product_avx512};
#endif

/* The best instruction set of this processor that the routines were built for. */
static int sklux_best_instruction_set(void)
{
#ifdef SKLUX_X86_64
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return SKLUX_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return SKLUX_AVX2;
#endif
    return SKLUX_PLAIN;
}

static const sklux_rows *sklux_rows_for(int instruction_set)
{
#ifdef SKLUX_X86_64
    if (instruction_set == SKLUX_AVX512)
        return &sklux_rows_avx512;
    if (instruction_set == SKLUX_AVX2)
        return &sklux_rows_avx2;
#endif
    (void)instruction_set;
    return &sklux_rows_plain;
}

#endif
