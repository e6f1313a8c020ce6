/* Row routines (sparse product, unit row, dense product), compiled once for each
 * instruction set; the set is chosen at run time. Compilers and processors without the
 * x86-64 sets use the plain set: C99, which the compiler may vectorise (NEON on
 * arm64). */
#ifndef SKLUX_ROWS_H
#define SKLUX_ROWS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define restrict __restrict
#define SKLUX_PREFETCH(address) ((void)(address))
#define SKLUX_INLINE static __forceinline
#define SKLUX_NOINLINE static __declspec(noinline)
#else
#define SKLUX_PREFETCH(address) __builtin_prefetch(address)
#define SKLUX_INLINE static inline __attribute__((always_inline))
#define SKLUX_NOINLINE static __attribute__((noinline))
#endif

#define SKLUX_CACHE_LINE 64
/* Rows of a panel of a dense layer that are packed at a time; they fit in the cache. */
#define SKLUX_PANEL_DEPTH 768
/* Rows of a panel between the prefetch of a row and its packing. */
#define SKLUX_AHEAD_ROWS 8
/* Sums of more terms than the first number have parts of the second. */
#define SKLUX_LONG_SUM 4096
#define SKLUX_PART_OF_SUM 512
/* The widest panel of all instruction sets, in floats. */
#define SKLUX_PANEL_WIDTH 32

/* A vector of floats that may begin at the address of any float. Without GNU's vector
 * types it is a single float, and the same expressions are valid. */
#if defined(__GNUC__)
#define SKLUX_VECTOR_TYPE(name, lanes) \
    typedef float name __attribute__((vector_size(4 * (lanes)), aligned(4), may_alias))
#define SKLUX_PLAIN_LANES 4
#else
#define SKLUX_VECTOR_TYPE(name, lanes) typedef float name
#define SKLUX_PLAIN_LANES 1
#endif

/* Adam's constants (arXiv 1412.6980). */
#define SKLUX_BETA_1 0.9f
#define SKLUX_BETA_2 0.999f
#define SKLUX_EPSILON 1e-8f

#define SKLUX_SAME(value) ((float)(value))
#define SKLUX_FLOATS(p) (*(const SKLUX_NAME(vector) *)(p))

/* Convert a finite float16. The exponent bias of a float16 is 15, of a float 127. */
static inline float sklux_from_half(uint16_t half)
{
    union { uint32_t bits; float value; } number;
    number.bits = (uint32_t)(half & 0x7FFF) << 13;
    number.value *= 0x1p112f;
    number.bits |= (uint32_t)(half & 0x8000) << 16;
    return number.value;
}

SKLUX_VECTOR_TYPE(sklux_plain_lanes, SKLUX_PLAIN_LANES);

static inline sklux_plain_lanes sklux_halves_plain(const uint16_t *p)
{
    union { float values[SKLUX_PLAIN_LANES]; sklux_plain_lanes lanes; } converted;
    for (int i = 0; i < SKLUX_PLAIN_LANES; i++)
        converted.values[i] = sklux_from_half(p[i]);
    return converted.lanes;
}

static inline sklux_plain_lanes sklux_bytes_plain(const int8_t *p)
{
    union { float values[SKLUX_PLAIN_LANES]; sklux_plain_lanes lanes; } converted;
    for (int i = 0; i < SKLUX_PLAIN_LANES; i++)
        converted.values[i] = (float)p[i];
    return converted.lanes;
}

#define SKLUX_NAME(name) sklux_##name##_plain
#define SKLUX_TARGET
#define SKLUX_LANES SKLUX_PLAIN_LANES
#define SKLUX_TILE_ROWS 4
#define SKLUX_TILE_VECTORS 2
#define SKLUX_SUM_VECTORS 8
#define SKLUX_HALVES(p) sklux_halves_plain(p)
#define SKLUX_BYTES(p) sklux_bytes_plain(p)
#include "rows_body.h"

#if defined(__GNUC__) && defined(__x86_64__)
#define SKLUX_X86_64
#include <immintrin.h>

#define SKLUX_NAME(name) sklux_##name##_avx2
#define SKLUX_TARGET __attribute__((target("avx2,fma,f16c")))
#define SKLUX_LANES 8
#define SKLUX_TILE_ROWS 6
#define SKLUX_TILE_VECTORS 2
#define SKLUX_SUM_VECTORS 8
#define SKLUX_HALVES(p) ((sklux_vector_avx2)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p))))
#define SKLUX_BYTES(p) ((sklux_vector_avx2)_mm256_cvtepi32_ps( \
    _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p)))))
#include "rows_body.h"

#define SKLUX_NAME(name) sklux_##name##_avx512
#define SKLUX_AVX512_SETS "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,f16c"
/* clang rejects the vector width here, and would ignore the whole attribute. */
#if defined(__clang__)
#define SKLUX_TARGET __attribute__((target(SKLUX_AVX512_SETS)))
#else
#define SKLUX_TARGET \
    __attribute__((target(SKLUX_AVX512_SETS ",prefer-vector-width=512")))
#endif
#define SKLUX_LANES 16
/* Not more than eight: rows of many units map to the same sets of the first-level
 * cache, which have eight lines each. */
#define SKLUX_TILE_ROWS 8
#define SKLUX_TILE_VECTORS 2
#define SKLUX_SUM_VECTORS 24
#define SKLUX_HALVES(p) ((sklux_vector_avx512)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p))))
#define SKLUX_BYTES(p) ((sklux_vector_avx512)_mm512_cvtepi32_ps( \
    _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p)))))
#include "rows_body.h"
#endif

enum { SKLUX_PLAIN = 0, SKLUX_AVX2 = 1, SKLUX_AVX512 = 2 };

typedef void sklux_gather(
    ptrdiff_t, ptrdiff_t, const uint32_t *, const float *, const void *, ptrdiff_t,
    ptrdiff_t, float *);

typedef struct {
    sklux_gather *gather_floats;
    sklux_gather *gather_halves;
    sklux_gather *gather_bytes;
    void (*unit_row)(ptrdiff_t, int, float *);
    void (*tied_row)(ptrdiff_t, ptrdiff_t, float *, float *);
    void (*adam_row)(
        ptrdiff_t, const float *, float, float, float *, float *, float *);
    void (*thin_product)(
        ptrdiff_t, ptrdiff_t, ptrdiff_t, const float *, const float *, int, float *);
    void (*product)(
        ptrdiff_t, ptrdiff_t, ptrdiff_t, const float *, const float *, int, float *,
        float *, float *, float *);
} sklux_rows;

#define SKLUX_ROUTINES(set) \
    {sklux_gather_floats_##set, sklux_gather_halves_##set, sklux_gather_bytes_##set, \
     sklux_unit_row_##set, sklux_tied_row_##set, sklux_adam_row_##set, \
     sklux_thin_product_##set, sklux_product_##set}

static const sklux_rows sklux_rows_plain = SKLUX_ROUTINES(plain);
#ifdef SKLUX_X86_64
static const sklux_rows sklux_rows_avx2 = SKLUX_ROUTINES(avx2);
static const sklux_rows sklux_rows_avx512 = SKLUX_ROUTINES(avx512);
#endif

/* The best instruction set that this processor supports and the routines have. */
static int sklux_best_instruction_set(void)
{
#ifdef SKLUX_X86_64
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("f16c"))
        return SKLUX_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("f16c"))
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
