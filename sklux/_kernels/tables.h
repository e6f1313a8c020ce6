/* Tables of words and of n-grams.
 *
 * A word is a string of bytes; a table gives it a number. An n-gram is a path of words.
 * A node is a word or an n-gram; a step leads from a node, by one more word, to the
 * next node. All look-ups are exact: words of up to eight bytes are their own key,
 * longer words are compared byte by byte, and the key of a step holds its node and its
 * word. Tables use open addressing with linear probing. Tables of words are at most half
 * full, tables of steps at most three fifths. A model file may hold the slots: change
 * TABLES_VERSION in sklux/_lexical/ready.py with the hash functions or the slots. */
#ifndef SKLUX_TABLES_H
#define SKLUX_TABLES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define SKLUX_FETCH(address) ((void)(address))
#else
#define SKLUX_FETCH(address) __builtin_prefetch(address)
#endif

/* Memory for a table that is read at random places. Large pages, if the system provides
 * them, avoid most misses of the address cache (TLB). */
static inline void *sklux_allocate_table(size_t n_bytes)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t large_page = (size_t)1 << 21;
    void *table;
    if (n_bytes >= large_page) {
        if (posix_memalign(&table, large_page, n_bytes) != 0)
            return NULL;
        (void)madvise(table, n_bytes, MADV_HUGEPAGE);
        return table;
    }
#endif
    return malloc(n_bytes);
}

/* Numbers that are not words: a word that is not in the table, and a place that no
 * n-gram may cross. */
#define SKLUX_UNKNOWN 0xFFFFFFFFu
#define SKLUX_BREAK 0xFFFFFFFEu
/* Numbers below are words; numbers from SKLUX_NGRAM on are longer n-grams. */
#define SKLUX_MAX_WORDS 0x7FFFFFFFu
#define SKLUX_NGRAM 0x80000000u

static inline uint64_t sklux_mix(uint64_t key)
{
    /* Multiplicative hashing (Knuth); the shift makes the high bits take part. */
    return (key ^ (key >> 29)) * 0x9E3779B97F4A7C15u;
}

static inline uint64_t sklux_load(const uint8_t *s)
{
    uint64_t eight;
    memcpy(&eight, s, 8);
    return eight;
}

/* Key of a word of n bytes; the seven bytes after the word may be read. A word of up to
 * eight bytes is its own key. The key of a longer word has 0xFF as its highest byte,
 * which does not occur in UTF-8, so it differs from the keys of all short words. */
static inline uint64_t sklux_word_key(const uint8_t *s, int64_t n)
{
    static const uint64_t masks[9] = {
        0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF,
        0xFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
    uint64_t hash;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    if (n <= 8) {
        hash = 0;
        for (int64_t i = 0; i < n; i++)
            hash |= (uint64_t)s[i] << (8 * i);
        return hash;
    }
#else
    if (n <= 8)
        return sklux_load(s) & masks[n];
#endif
    hash = (uint64_t)n;
    for (int64_t i = 0; i + 8 < n; i += 8)
        hash = sklux_mix(hash ^ sklux_load(s + i));
    hash = sklux_mix(hash ^ sklux_load(s + n - 8));
    return (hash >> 8) | 0xFF00000000000000u;
}

typedef struct {
    uint64_t key;
    uint32_t word;   /* SKLUX_UNKNOWN: the slot is free */
    uint32_t length; /* in bytes; it tells words that end in zero bytes apart */
} sklux_word_slot;

typedef struct {
    sklux_word_slot *slots;
    int shift;         /* 64 - log2(number of slots) */
    uint32_t n_words;
    uint8_t *arena;    /* the bytes of all words, in the order of their numbers */
    int64_t *offsets;  /* word i is arena[offsets[i]:offsets[i + 1]] */
    int64_t arena_capacity;
    int64_t offsets_capacity;
} sklux_words;

/* The slot of a word, or the free slot for it. */
static inline sklux_word_slot *sklux_word_slot_of(
    const sklux_words *words, const uint8_t *s, int64_t n, uint64_t key)
{
    const uint64_t last = UINT64_MAX >> words->shift;
    uint64_t i = sklux_mix(key) >> words->shift;

    for (;; i = (i + 1) & last) {
        sklux_word_slot *slot = words->slots + i;
        if (slot->word == SKLUX_UNKNOWN)
            return slot;
        if (slot->key == key && slot->length == (uint32_t)n
            && (n <= 8
                || memcmp(words->arena + words->offsets[slot->word], s, (size_t)n) == 0))
            return slot;
    }
}

/* Double the number of slots; return 0 if memory is out. */
static int sklux_grow_word_slots(sklux_words *words)
{
    const int shift = words->slots == NULL ? 64 - 10 : words->shift - 1;
    const uint64_t n_slots = (uint64_t)1 << (64 - shift);
    const uint64_t last = n_slots - 1;
    sklux_word_slot *slots = sklux_allocate_table(n_slots * sizeof(sklux_word_slot));

    if (slots == NULL)
        return 0;
    memset(slots, 0xFF, n_slots * sizeof(sklux_word_slot));
    if (words->slots != NULL) {
        const uint64_t n_old = (uint64_t)1 << (64 - words->shift);
        for (uint64_t old = 0; old < n_old; old++) {
            uint64_t i = sklux_mix(words->slots[old].key) >> shift;
            if (words->slots[old].word == SKLUX_UNKNOWN)
                continue;
            while (slots[i].word != SKLUX_UNKNOWN)
                i = (i + 1) & last;
            slots[i] = words->slots[old];
        }
        free(words->slots);
    }
    words->slots = slots;
    words->shift = shift;
    return 1;
}

/* Allocate memory for one more word of n bytes; return 0 if memory or numbers are
 * out. */
static int sklux_reserve_word(sklux_words *words, int64_t n)
{
    const int64_t used = words->n_words == 0 ? 0 : words->offsets[words->n_words];

    if (words->n_words >= SKLUX_MAX_WORDS - 1)
        return 0;
    if (words->slots == NULL || words->n_words >= (uint64_t)1 << (63 - words->shift))
        if (!sklux_grow_word_slots(words))
            return 0;
    if (used + n > words->arena_capacity) {
        const int64_t capacity = 2 * words->arena_capacity + n + 4096;
        uint8_t *arena = realloc(words->arena, (size_t)capacity);
        if (arena == NULL)
            return 0;
        words->arena = arena;
        words->arena_capacity = capacity;
    }
    if ((int64_t)words->n_words + 2 > words->offsets_capacity) {
        const int64_t capacity = 2 * words->offsets_capacity + 512;
        int64_t *offsets = realloc(words->offsets, (size_t)capacity * sizeof(int64_t));
        if (offsets == NULL)
            return 0;
        words->offsets = offsets;
        words->offsets_capacity = capacity;
        words->offsets[0] = 0;
    }
    return 1;
}

/* Number of a word, which is added if it is new; SKLUX_UNKNOWN if memory is out. */
static inline uint32_t sklux_add_word(
    sklux_words *words, const uint8_t *s, int64_t n, uint64_t key)
{
    sklux_word_slot *slot;
    int64_t begin;

    if (words->slots != NULL) {
        slot = sklux_word_slot_of(words, s, n, key);
        if (slot->word != SKLUX_UNKNOWN)
            return slot->word;
    }
    if (n > 0xFFFFFFFE || !sklux_reserve_word(words, n))
        return SKLUX_UNKNOWN;
    slot = sklux_word_slot_of(words, s, n, key);
    begin = words->offsets[words->n_words];
    if (n > 0)
        memcpy(words->arena + begin, s, (size_t)n);
    words->offsets[words->n_words + 1] = begin + n;
    slot->key = key;
    slot->word = words->n_words++;
    slot->length = (uint32_t)n;
    return slot->word;
}

typedef struct {
    uint64_t key;     /* node << 32 | word */
    uint32_t node;    /* SKLUX_UNKNOWN: the slot is free */
    int32_t column;   /* -1: the n-gram is not a term, only a prefix of longer terms */
} sklux_step;

typedef struct {
    sklux_step *slots;
    int shift;
    uint32_t n_steps;
} sklux_steps;

static inline uint64_t sklux_step_key(uint32_t node, uint32_t word)
{
    return ((uint64_t)node << 32) | word;
}

static inline sklux_step *sklux_step_slot_of(const sklux_steps *steps, uint64_t key)
{
    const uint64_t last = UINT64_MAX >> steps->shift;
    uint64_t i = sklux_mix(key) >> steps->shift;

    for (;; i = (i + 1) & last) {
        sklux_step *slot = steps->slots + i;
        if (slot->node == SKLUX_UNKNOWN || slot->key == key)
            return slot;
    }
}

/* 64 - log2 of the number of slots for n_steps steps. */
static inline int sklux_shift_for(uint64_t n_steps)
{
    int shift = 60;

    while (((uint64_t)3 << (64 - shift)) / 5 < n_steps)
        shift--;
    return shift;
}

/* Make a table for n_steps steps; return 0 if memory is out. */
static inline int sklux_make_steps(sklux_steps *steps, uint64_t n_steps)
{
    uint64_t n_slots;

    steps->shift = sklux_shift_for(n_steps);
    n_slots = (uint64_t)1 << (64 - steps->shift);
    steps->slots = sklux_allocate_table(n_slots * sizeof(sklux_step));
    if (steps->slots == NULL)
        return 0;
    memset(steps->slots, 0xFF, n_slots * sizeof(sklux_step));
    return 1;
}

/* The step from a node by a word; it is added if it is new (the table has a free
 * slot). */
static inline sklux_step *sklux_add_step(sklux_steps *steps, uint32_t node, uint32_t word)
{
    const uint64_t key = sklux_step_key(node, word);
    sklux_step *slot = sklux_step_slot_of(steps, key);

    if (slot->node == SKLUX_UNKNOWN) {
        slot->key = key;
        slot->node = SKLUX_NGRAM | steps->n_steps++;
        slot->column = -1;
    }
    return slot;
}

#endif
