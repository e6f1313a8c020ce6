/* Text of any encoding to normalised UTF-8, with a class for each byte.
 *
 * A document is stored as in CPython (1, 2 or 4 bytes per character) or in UTF-8. Each
 * character is mapped by a table (lower case, accents) and written as UTF-8 into one
 * buffer. A second buffer of the same length holds the class of each byte: word, white
 * space, punctuation. Lone surrogates are written as three bytes, like Python's
 * 'surrogatepass'. Cost: about one cycle per byte for ASCII, two table look-ups per
 * character for all others. */
#ifndef SKLUX_TEXT_H
#define SKLUX_TEXT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Classes of a character, as bits. CASED and IGNORABLE are Unicode's properties 'Cased'
 * and 'Case_Ignorable', which decide whether a capital sigma is final. ODD marks
 * characters whose mapping depends on their neighbours. CLUSTER marks the letters of
 * scripts without spaces: such a letter and the MARKs after it are one word. */
enum {
    SKLUX_WORD = 1,
    SKLUX_SPACE = 2,
    SKLUX_PUNCTUATION = 4,
    SKLUX_CASED = 8,
    SKLUX_IGNORABLE = 16,
    SKLUX_ODD = 32,
    SKLUX_CLUSTER = 64,
    SKLUX_MARK = 128
};

/* How a character takes part in the normal form NFC: the rank of its combining class
 * among all classes (0: it is not reordered), and two bits. FIRST: it composes with a
 * character that may follow. SECOND: it composes with a character before it. CHANGES:
 * NFC replaces the character, wherever it stands. */
enum {
    SKLUX_RANK = 63,
    SKLUX_FIRST = 64,
    SKLUX_SECOND = 128,
    SKLUX_CHANGES = 255
};

/* Status of a document that was read. */
enum {
    SKLUX_DONE = 0,
    SKLUX_NO_MEMORY = 1,
    SKLUX_NOT_UTF8 = 2,
    SKLUX_NOT_ASCII = 3,
    SKLUX_NEEDS_CARE = 4,
    SKLUX_TOO_LONG = 5
};

/* Encodings of a document, in addition to the bytes per character of a str: 1, 2, 4. */
enum { SKLUX_UTF8 = 0, SKLUX_ASCII = 3 };

#define SKLUX_SIGMA 0x3A3
#define SKLUX_FINAL_SIGMA 0x3C2
/* Free bytes at the end of a buffer. A character grows to at most half of them; the
 * tables are checked for that (MAX_GROWTH in sklux/_lexical/characters.py). */
#define SKLUX_SLACK 256
#define SKLUX_CODE_POINTS 0x110000
/* Code points of a page (PAGE in sklux/_lexical/characters.py). */
#define SKLUX_PAGE_BITS 7

typedef struct {
    int ignores_odd;          /* whether ODD characters are read like all others */
    int lowercase;            /* whether to lower ASCII letters, like str.lower */
    int plain_ascii;          /* WORD is the only class, and no ASCII character is lost */
    /* Tables have pages of code points, and equal pages are stored once. */
    const uint16_t *pages;    /* per page: its number among the stored pages */
    const int32_t *shifts;    /* per stored code point: the distance to its target, or
                                 -1 - SKLUX_CODE_POINTS - k: expansion k */
    const uint8_t *classes;   /* per stored code point: its class */
    const int64_t *offsets;   /* expansion k is code_points[offsets[k]:offsets[k + 1]] */
    const uint32_t *code_points;
    const uint16_t *composing_pages;
    const uint8_t *composing; /* per stored code point, for NFC; NULL: any text is read */
} sklux_rules;

typedef struct {
    uint8_t *text;
    uint8_t *classes;
    int64_t length;
    int64_t capacity;
    int has_clusters; /* whether a character has the class CLUSTER */
} sklux_text;

/* Place of a code point in a table with pages. */
static inline uint32_t sklux_place(const uint16_t *pages, uint32_t c)
{
    const uint32_t in_page = c & ((1u << SKLUX_PAGE_BITS) - 1);

    return ((uint32_t)pages[c >> SKLUX_PAGE_BITS] << SKLUX_PAGE_BITS) + in_page;
}

static inline uint8_t sklux_class_of(const sklux_rules *rules, uint32_t c)
{
    return rules->classes[sklux_place(rules->pages, c)];
}

/* The code point that replaces c; -1 - k: expansion k. */
static inline int32_t sklux_target_of(const sklux_rules *rules, uint32_t c)
{
    const int32_t shift = rules->shifts[sklux_place(rules->pages, c)];

    return shift < -SKLUX_CODE_POINTS ? shift + SKLUX_CODE_POINTS : (int32_t)c + shift;
}

static inline uint8_t sklux_composing_of(const sklux_rules *rules, uint32_t c)
{
    return rules->composing[sklux_place(rules->composing_pages, c)];
}

/* Allocate memory for `length` bytes and the slack after them. */
static int sklux_reserve_text(sklux_text *out, int64_t length)
{
    int64_t capacity = length + 2 * SKLUX_SLACK;
    uint8_t *grown;

    if (capacity <= out->capacity)
        return SKLUX_DONE;
    capacity += capacity / 2;
    grown = realloc(out->text, (size_t)capacity);
    if (grown == NULL)
        return SKLUX_NO_MEMORY;
    out->text = grown;
    grown = realloc(out->classes, (size_t)capacity);
    if (grown == NULL)
        return SKLUX_NO_MEMORY;
    out->classes = grown;
    out->capacity = capacity;
    return SKLUX_DONE;
}

/* Write zeros after the end, so that blocks may be read beyond it. */
static void sklux_close_text(sklux_text *out)
{
    memset(out->text + out->length, 0, SKLUX_SLACK);
    memset(out->classes + out->length, 0, SKLUX_SLACK);
}

/* n ASCII characters whose only class is WORD; compilers vectorise the loop. */
static void sklux_plain_ascii(
    const uint8_t *in, int64_t n, int lowercase, uint8_t *text, uint8_t *classes)
{
    const uint8_t shift = lowercase ? 32 : 0;

    for (int64_t i = 0; i < n; i++) {
        const uint8_t c = in[i];
        const uint8_t upper = (uint8_t)(c - 'A') < 26;
        const uint8_t letter = (uint8_t)((c | 32) - 'a') < 26;
        const uint8_t digit = (uint8_t)(c - '0') < 10;
        text[i] = (uint8_t)(c + (upper ? shift : 0));
        classes[i] = (uint8_t)(letter | digit | (c == '_'));
    }
}

/* Write one code point as UTF-8. */
static inline void sklux_put(sklux_text *out, uint32_t c, uint8_t class_of_c)
{
    uint8_t *text = out->text + out->length;
    int64_t n;

    if (c < 0x80) {
        text[0] = (uint8_t)c;
        n = 1;
    } else if (c < 0x800) {
        text[0] = (uint8_t)(0xC0 | (c >> 6));
        text[1] = (uint8_t)(0x80 | (c & 0x3F));
        n = 2;
    } else if (c < 0x10000) {
        text[0] = (uint8_t)(0xE0 | (c >> 12));
        text[1] = (uint8_t)(0x80 | ((c >> 6) & 0x3F));
        text[2] = (uint8_t)(0x80 | (c & 0x3F));
        n = 3;
    } else {
        text[0] = (uint8_t)(0xF0 | (c >> 18));
        text[1] = (uint8_t)(0x80 | ((c >> 12) & 0x3F));
        text[2] = (uint8_t)(0x80 | ((c >> 6) & 0x3F));
        text[3] = (uint8_t)(0x80 | (c & 0x3F));
        n = 4;
    }
    memset(out->classes + out->length, class_of_c, (size_t)n);
    out->length += n;
    out->has_clusters |= class_of_c & SKLUX_CLUSTER;
}

/* Whether NFC leaves a character with the table's value `own` as it is after a
 * character with the value `before`; 0 if in doubt. */
static inline int sklux_is_settled(uint8_t own, uint8_t before)
{
    const int rank = before & SKLUX_RANK;

    /* NFC replaces one of the two. */
    if (own == SKLUX_CHANGES || before == SKLUX_CHANGES)
        return 0;
    /* Marks of lower classes come first. */
    if ((own & SKLUX_RANK) != 0 && rank > (own & SKLUX_RANK))
        return 0;
    /* Before this character may stand a mark, after which it still composes. */
    return !(own & SKLUX_SECOND && (rank != 0 || before & SKLUX_FIRST));
}

/* Write the target of one code point. */
static inline int sklux_put_mapped(const sklux_rules *rules, sklux_text *out, uint32_t c)
{
    const int32_t target = sklux_target_of(rules, c);

    if (sklux_class_of(rules, c) & SKLUX_ODD && !rules->ignores_odd)
        return SKLUX_NEEDS_CARE;
    if (target >= 0) {
        sklux_put(out, (uint32_t)target, sklux_class_of(rules, (uint32_t)target));
    } else {
        const int64_t k = -1 - (int64_t)target;
        for (int64_t i = rules->offsets[k]; i < rules->offsets[k + 1]; i++)
            sklux_put(
                out, rules->code_points[i], sklux_class_of(rules, rules->code_points[i]));
    }
    return SKLUX_DONE;
}

/* Decode the code point at s, with `left` bytes to the end of the text. Return the
 * number of bytes read; 0 if they are not UTF-8. */
static inline int sklux_decode(const uint8_t *s, int64_t left, uint32_t *c)
{
    const uint8_t first = s[0];
    int n;
    uint32_t code;

    if (first < 0x80) {
        *c = first;
        return 1;
    }
    if (first < 0xC2 || first > 0xF4)
        return 0;
    n = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (left < n)
        return 0;
    code = first & (0x7Fu >> n);
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = (code << 6) | (s[i] & 0x3F);
    }
    /* Overlong forms, surrogates, and numbers beyond the last code point. */
    if ((n == 3 && (code < 0x800 || (code >= 0xD800 && code < 0xE000)))
        || (n == 4 && (code < 0x10000 || code > 0x10FFFF)))
        return 0;
    *c = code;
    return n;
}

/* Number of bytes of the UTF-8 character that begins with this byte. */
static inline int sklux_char_length(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Bit i of the result is set if byte i of 64 belongs to a word. */
static inline uint64_t sklux_word_mask(const uint8_t *classes)
{
    uint64_t mask = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)(classes[i] & SKLUX_WORD) << i;
#else
    for (int i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, classes + 8 * i, 8);
        /* The highest byte of the product has the lowest bits of the eight bytes. */
        eight = ((eight & 0x0101010101010101u) * 0x0102040810204080u) >> 56;
        mask |= eight << (8 * i);
    }
#endif
    return mask;
}

/* Number of zero bits below the lowest set bit; x is not zero. */
static inline int sklux_trailing_zeros(uint64_t x)
{
#if defined(__GNUC__)
    return __builtin_ctzll(x);
#else
    int n = 0;
    while (!(x & 1)) {
        x >>= 1;
        n++;
    }
    return n;
#endif
}

#define SKLUX_NAME(name) sklux_##name##_1
#define SKLUX_UNIT uint8_t
#include "text_body.h"

#define SKLUX_NAME(name) sklux_##name##_2
#define SKLUX_UNIT uint16_t
#include "text_body.h"

#define SKLUX_NAME(name) sklux_##name##_4
#define SKLUX_UNIT uint32_t
#include "text_body.h"

#define SKLUX_NAME(name) sklux_##name##_utf8
#define SKLUX_UNIT uint8_t
#define SKLUX_DECODE
#include "text_body.h"

static inline int sklux_all_ascii(const uint8_t *in, int64_t n)
{
    uint8_t all = 0;

    for (int64_t i = 0; i < n; i++)
        all |= in[i];
    return all < 0x80;
}

/* Normalise one document of `length` units in an encoding; overwrites `out`. */
static inline int sklux_normalize(
    const sklux_rules *rules, const void *data, int64_t length, int encoding,
    sklux_text *out)
{
    int status;

    out->length = 0;
    out->has_clusters = 0;
    status = sklux_reserve_text(out, length);
    if (status != SKLUX_DONE)
        return status;
    if (rules->plain_ascii
        && (encoding == SKLUX_ASCII
            || (encoding == SKLUX_UTF8 && sklux_all_ascii(data, length)))) {
        sklux_plain_ascii(data, length, rules->lowercase, out->text, out->classes);
        out->length = length;
    } else if (encoding == SKLUX_UTF8) {
        status = sklux_normalize_utf8(rules, data, length, out);
    } else if (encoding == 2) {
        status = sklux_normalize_2(rules, data, length, out);
    } else if (encoding == 4) {
        status = sklux_normalize_4(rules, data, length, out);
    } else {
        status = sklux_normalize_1(rules, data, length, out);
    }
    if (status != SKLUX_DONE)
        return status;
    sklux_close_text(out);
    /* Places in a text are stored in 32 bits. */
    return out->length < UINT32_MAX - 64 ? SKLUX_DONE : SKLUX_TOO_LONG;
}

#endif
