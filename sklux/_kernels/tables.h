/* Tables of words and of n-grams.
 *
 * A word is a string of bytes; a table gives it a number. An n-gram is a path of words.
 * A node is a word or an n-gram; a step leads from a node, by one more word, to the
 * next node. All look-ups are exact: words of up to eight bytes are their own key,
 * longer words are compared byte by byte, and the key of a step holds its node and its
 * word. Tables use open addressing with linear probing. Tables of words are at most half
 * full, tables of steps at most three fifths. A model file may hold the slots: change
 * TABLES_VERSION in sklux/_lexical/ready.py with the hash functions or the slots.
 *
 * The usual hash function is fast and has no seed, so slots of a model file do not
 * depend on the process. Somebody who knows it can make keys that collide. If they do,
 * the table is seeded: its slots are placed anew, by SipHash with a random key of the
 * process. The signs are a key that is added more than SKLUX_MAX_RUN slots away from
 * its place, many long words with one key, and a run of more than SKLUX_MAX_RUN used
 * slots in a table that is complete. Numbers of words and steps stay the same. */
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

#if defined(__GNUC__) || defined(__clang__)
#define SKLUX_RARELY(condition) __builtin_expect(!!(condition), 0)
#define SKLUX_RARE __attribute__((noinline, cold, unused))
#define SKLUX_SEPARATE __attribute__((noinline, unused))
#else
#define SKLUX_RARELY(condition) (condition)
#define SKLUX_RARE
#define SKLUX_SEPARATE
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
/* The longest search in a table without a seed. */
#define SKLUX_MAX_RUN 256
/* So many words before a new word may have its key. */
#define SKLUX_MAX_TWINS 16

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

/* SipHash-1-3 of n bytes (Aumasson and Bernstein, SipHash: a fast short-input PRF,
 * 2012): without the seed, nobody can find keys that collide. */
static SKLUX_RARE uint64_t sklux_seeded_hash(
    const uint64_t *seed, const void *bytes, int64_t n)
{
    uint64_t v0 = seed[0] ^ 0x736F6D6570736575u, v1 = seed[1] ^ 0x646F72616E646F6Du;
    uint64_t v2 = seed[0] ^ 0x6C7967656E657261u, v3 = seed[1] ^ 0x7465646279746573u;
    const uint8_t *s = bytes;

#define SKLUX_ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define SKLUX_ROUND \
    (v0 += v1, v2 += v3, v1 = SKLUX_ROTATE(v1, 13) ^ v0, \
     v3 = SKLUX_ROTATE(v3, 16) ^ v2, v0 = SKLUX_ROTATE(v0, 32), v2 += v1, v0 += v3, \
     v1 = SKLUX_ROTATE(v1, 17) ^ v2, v3 = SKLUX_ROTATE(v3, 21) ^ v0, \
     v2 = SKLUX_ROTATE(v2, 32))
    for (int64_t i = 0; i <= n; i += 8) {
        uint64_t eight = 0;
        /* The last block ends with the length. */
        if (n - i >= 8)
            eight = sklux_load(s + i);
        else {
            if (n > i)
                memcpy(&eight, s + i, (size_t)(n - i));
            eight |= (uint64_t)n << 56;
        }
        v3 ^= eight;
        SKLUX_ROUND;
        v0 ^= eight;
    }
    v2 ^= 0xFF;
    SKLUX_ROUND;
    SKLUX_ROUND;
    SKLUX_ROUND;
#undef SKLUX_ROUND
#undef SKLUX_ROTATE
    return v0 ^ v1 ^ v2 ^ v3;
}

/* Hash of a key; the search for the key begins at the slot of its highest bits. */
static inline uint64_t sklux_hash(const uint64_t *seed, int is_seeded, uint64_t key)
{
    if (SKLUX_RARELY(is_seeded))
        return sklux_seeded_hash(seed, &key, sizeof(key));
    return sklux_mix(key);
}

/* Slots of words and of steps have the same size and the same mark of a free slot. */
static inline int sklux_is_used(const void *slots, uint64_t i)
{
    uint32_t number;

    memcpy(&number, (const uint8_t *)slots + 16 * i + 8, sizeof(number));
    return number != SKLUX_UNKNOWN;
}

/* Length of the longest run of used slots, which no search exceeds; the last slot and
 * the first are neighbours. */
static SKLUX_RARE uint64_t sklux_longest_run(const void *slots, uint64_t n_slots)
{
    uint64_t longest = 0, run = 0;

    for (uint64_t i = 0; i < 2 * n_slots; i++) {
        const int is_used = sklux_is_used(slots, i & (n_slots - 1));
        /* In the second round only the first run matters. */
        if (i >= n_slots && !is_used)
            break;
        run = is_used ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest < n_slots ? longest : n_slots;
}

/* Whether a run is longer than SKLUX_MAX_RUN. Such a run fills a block of half as many
 * slots, and few slots show that no block is full. */
static SKLUX_SEPARATE int sklux_is_crowded(const void *slots, uint64_t n_slots)
{
    for (uint64_t begin = 0; begin < n_slots; begin += SKLUX_MAX_RUN / 2) {
        uint64_t n = 0;
        while (n < SKLUX_MAX_RUN / 2 && begin + n < n_slots
               && sklux_is_used(slots, begin + n))
            n++;
        if (n == SKLUX_MAX_RUN / 2)
            return sklux_longest_run(slots, n_slots) > SKLUX_MAX_RUN;
    }
    return 0;
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
    uint64_t seed[2];
    int is_seeded;
} sklux_words;

/* The key of a word in a table: with a seed, long words have another one. */
static SKLUX_RARE uint64_t sklux_seeded_word_key(
    const sklux_words *words, const uint8_t *s, int64_t n, uint64_t key)
{
    if (n <= 8)
        return key;
    return (sklux_seeded_hash(words->seed, s, n) >> 8) | 0xFF00000000000000u;
}

/* The slot of a word, or the free slot for it, from a first slot on. */
static inline sklux_word_slot *sklux_find_word(
    const sklux_words *words, const uint8_t *s, int64_t n, uint64_t key, uint64_t i)
{
    const uint64_t last = UINT64_MAX >> words->shift;

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

static SKLUX_RARE sklux_word_slot *sklux_find_seeded_word(
    const sklux_words *words, const uint8_t *s, int64_t n, uint64_t key)
{
    key = sklux_seeded_word_key(words, s, n, key);
    return sklux_find_word(
        words, s, n, key, sklux_hash(words->seed, 1, key) >> words->shift);
}

/* The slot of a word, or the free slot for it. */
static inline sklux_word_slot *sklux_word_slot_of(
    const sklux_words *words, const uint8_t *s, int64_t n, uint64_t key)
{
    if (SKLUX_RARELY(words->is_seeded))
        return sklux_find_seeded_word(words, s, n, key);
    return sklux_find_word(words, s, n, key, sklux_mix(key) >> words->shift);
}

/* Place all words in new slots; return 0, and change nothing, if memory is out. */
static int sklux_place_words(sklux_words *words, int shift, int is_seeded)
{
    const uint64_t n_slots = (uint64_t)1 << (64 - shift);
    const uint64_t last = n_slots - 1;
    const uint64_t n_old =
        words->slots == NULL ? 0 : (uint64_t)1 << (64 - words->shift);
    sklux_word_slot *slots = sklux_allocate_table(n_slots * sizeof(sklux_word_slot));

    if (slots == NULL)
        return 0;
    memset(slots, 0xFF, n_slots * sizeof(sklux_word_slot));
    for (uint64_t old = 0; old < n_old; old++) {
        sklux_word_slot slot = words->slots[old];
        uint64_t i;
        if (slot.word == SKLUX_UNKNOWN)
            continue;
        if (is_seeded && !words->is_seeded)
            slot.key = sklux_seeded_word_key(
                words, words->arena + words->offsets[slot.word], slot.length, slot.key);
        i = sklux_hash(words->seed, is_seeded, slot.key) >> shift;
        while (slots[i].word != SKLUX_UNKNOWN)
            i = (i + 1) & last;
        slots[i] = slot;
    }
    free(words->slots);
    words->slots = slots;
    words->shift = shift;
    words->is_seeded = is_seeded;
    return 1;
}

/* Double the number of slots; return 0 if memory is out. */
static int sklux_grow_word_slots(sklux_words *words)
{
    const int shift = words->slots == NULL ? 64 - 10 : words->shift - 1;

    return sklux_place_words(words, shift, words->is_seeded);
}

/* Seed a complete table if its words collide. If memory is out, it stays slow. */
static SKLUX_RARE void sklux_check_words(sklux_words *words)
{
    const uint64_t n_slots = (uint64_t)1 << (64 - words->shift);

    if (!words->is_seeded
        && sklux_is_crowded(words->slots, n_slots))
        (void)sklux_place_words(words, words->shift, 1);
}

/* Whether the words before a free slot collide with the word that belongs there. */
static SKLUX_RARE int sklux_words_collide(
    const sklux_words *words, uint64_t key, uint64_t distance)
{
    const uint64_t last = UINT64_MAX >> words->shift;
    const uint64_t first = sklux_mix(key) >> words->shift;
    int n_twins = 0;

    for (uint64_t i = 0; i < distance && i <= SKLUX_MAX_RUN; i++)
        n_twins += words->slots[(first + i) & last].key == key;
    return distance > SKLUX_MAX_RUN || n_twins > SKLUX_MAX_TWINS;
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

/* Add a word that is not in the table. A table with slots has a free slot for it. */
static SKLUX_SEPARATE uint32_t sklux_add_new_word(
    sklux_words *words, const uint8_t *s, int64_t n, uint64_t key, sklux_word_slot *slot)
{
    const sklux_word_slot *slots = words->slots;
    int64_t begin;

    if (n > 0xFFFFFFFE || !sklux_reserve_word(words, n))
        return SKLUX_UNKNOWN;
    if (words->slots != slots)
        slot = sklux_word_slot_of(words, s, n, key);
    if (!words->is_seeded) {
        const uint64_t place = sklux_mix(key) >> words->shift;
        const uint64_t distance =
            ((uint64_t)(slot - words->slots) - place) & (UINT64_MAX >> words->shift);
        if (SKLUX_RARELY(distance > SKLUX_MAX_TWINS)
            && sklux_words_collide(words, key, distance)
            && sklux_place_words(words, words->shift, 1))
            slot = sklux_word_slot_of(words, s, n, key);
    }
    if (words->is_seeded)
        key = sklux_seeded_word_key(words, s, n, key);
    begin = words->offsets[words->n_words];
    if (n > 0)
        memcpy(words->arena + begin, s, (size_t)n);
    words->offsets[words->n_words + 1] = begin + n;
    slot->key = key;
    slot->word = words->n_words++;
    slot->length = (uint32_t)n;
    return slot->word;
}

/* Number of a word, which is added if it is new; SKLUX_UNKNOWN if memory is out. */
static inline uint32_t sklux_add_word(
    sklux_words *words, const uint8_t *s, int64_t n, uint64_t key)
{
    sklux_word_slot *slot = NULL;

    if (words->slots != NULL) {
        slot = sklux_word_slot_of(words, s, n, key);
        if (slot->word != SKLUX_UNKNOWN)
            return slot->word;
    }
    return sklux_add_new_word(words, s, n, key, slot);
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
    uint64_t seed[2];
    int is_seeded;
} sklux_steps;

static inline uint64_t sklux_step_key(uint32_t node, uint32_t word)
{
    return ((uint64_t)node << 32) | word;
}

/* The slot of a key, or the free slot for it, from a first slot on. */
static inline sklux_step *sklux_find_step(
    const sklux_steps *steps, uint64_t key, uint64_t i)
{
    const uint64_t last = UINT64_MAX >> steps->shift;

    for (;; i = (i + 1) & last) {
        sklux_step *slot = steps->slots + i;
        if (slot->node == SKLUX_UNKNOWN || slot->key == key)
            return slot;
    }
}

static SKLUX_RARE sklux_step *sklux_find_seeded_step(
    const sklux_steps *steps, uint64_t key)
{
    return sklux_find_step(steps, key, sklux_hash(steps->seed, 1, key) >> steps->shift);
}

static inline sklux_step *sklux_step_slot_of(const sklux_steps *steps, uint64_t key)
{
    if (SKLUX_RARELY(steps->is_seeded))
        return sklux_find_seeded_step(steps, key);
    return sklux_find_step(steps, key, sklux_mix(key) >> steps->shift);
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

/* Place all steps by the seed. If memory is out, the table stays slow. */
static SKLUX_RARE void sklux_seed_steps(sklux_steps *steps)
{
    const uint64_t n_slots = (uint64_t)1 << (64 - steps->shift);
    sklux_step *old = steps->slots;
    sklux_step *slots = sklux_allocate_table(n_slots * sizeof(sklux_step));

    if (slots == NULL)
        return;
    memset(slots, 0xFF, n_slots * sizeof(sklux_step));
    steps->slots = slots;
    steps->is_seeded = 1;
    for (uint64_t i = 0; i < n_slots; i++)
        if (old[i].node != SKLUX_UNKNOWN)
            *sklux_step_slot_of(steps, old[i].key) = old[i];
    free(old);
}

/* Seed a complete table if its steps collide. */
static SKLUX_RARE void sklux_check_steps(sklux_steps *steps)
{
    const uint64_t n_slots = (uint64_t)1 << (64 - steps->shift);

    if (!steps->is_seeded
        && sklux_is_crowded(steps->slots, n_slots))
        sklux_seed_steps(steps);
}

/* The step from a node by a word; it is added if it is new (the table has a free
 * slot). */
static inline sklux_step *sklux_add_step(sklux_steps *steps, uint32_t node, uint32_t word)
{
    const uint64_t key = sklux_step_key(node, word);
    sklux_step *slot = sklux_step_slot_of(steps, key);

    if (slot->node == SKLUX_UNKNOWN) {
        const uint64_t place = sklux_mix(key) >> steps->shift;
        const uint64_t distance =
            ((uint64_t)(slot - steps->slots) - place) & (UINT64_MAX >> steps->shift);
        if (!steps->is_seeded && SKLUX_RARELY(distance > SKLUX_MAX_RUN)) {
            sklux_seed_steps(steps);
            slot = sklux_step_slot_of(steps, key);
        }
        slot->key = key;
        slot->node = SKLUX_NGRAM | steps->n_steps++;
        slot->column = -1;
    }
    return slot;
}

#endif
