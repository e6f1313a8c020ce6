/* The loop over the characters of one document. text.h includes this file once for
 * each encoding, with these macros defined:
 *   SKLUX_NAME(name)  the routine's name with the encoding as a suffix
 *   SKLUX_UNIT        type of one unit of the text
 *   SKLUX_DECODE      defined if a character may have several units (UTF-8)
 */

#define SKLUX_BLOCK 16

/* Whether all units of a block are ASCII. */
static inline int SKLUX_NAME(is_ascii)(const SKLUX_UNIT *in)
{
    SKLUX_UNIT all = 0;

    for (int i = 0; i < SKLUX_BLOCK; i++)
        all |= in[i];
    return all < 0x80;
}

/* Read the code point that begins at unit i; return the number of its units, 0 if it is
 * invalid. */
static inline int SKLUX_NAME(read)(
    const SKLUX_UNIT *in, int64_t i, int64_t n, uint32_t *c)
{
#ifdef SKLUX_DECODE
    return sklux_decode(in + i, n - i, c);
#else
    (void)n;
    *c = in[i];
    return 1;
#endif
}

/* Class of the nearest character that is not case-ignorable, from unit i on in steps of
 * `direction`; 0 if there is none. */
static uint8_t SKLUX_NAME(neighbor_class)(
    const sklux_rules *rules, const SKLUX_UNIT *in, int64_t i, int64_t n, int direction)
{
    for (; i >= 0 && i < n; i += direction) {
        uint32_t c;
#ifdef SKLUX_DECODE
        if ((in[i] & 0xC0) == 0x80)
            continue;
#endif
        if (SKLUX_NAME(read)(in, i, n, &c) == 0)
            return 0;
        if (!(sklux_class_of(rules, c) & SKLUX_IGNORABLE))
            return sklux_class_of(rules, c);
    }
    return 0;
}

/* Whether the capital sigma at unit i is final (Unicode, SpecialCasing). */
static int SKLUX_NAME(is_final_sigma)(
    const sklux_rules *rules, const SKLUX_UNIT *in, int64_t i, int64_t n, int n_units)
{
    return (SKLUX_NAME(neighbor_class)(rules, in, i - 1, n, -1) & SKLUX_CASED)
        && !(SKLUX_NAME(neighbor_class)(rules, in, i + n_units, n, 1) & SKLUX_CASED);
}

/* Whether NFC leaves the character c at unit i as it is; 0 if in doubt. */
static inline int SKLUX_NAME(is_settled)(
    const sklux_rules *rules, const SKLUX_UNIT *in, int64_t i, int64_t n, uint32_t c)
{
    const uint8_t own = sklux_composing_of(rules, c);
    uint32_t before;
    int64_t k = i - 1;

    if ((own & ~SKLUX_FIRST) == 0)
        return 1;
    if (i == 0)
        return sklux_is_settled(own, 0);
#ifdef SKLUX_DECODE
    while (k > 0 && (in[k] & 0xC0) == 0x80)
        k--;
#endif
    if (SKLUX_NAME(read)(in, k, n, &before) == 0)
        return 0;
    return sklux_is_settled(own, sklux_composing_of(rules, before));
}

static int SKLUX_NAME(normalize)(
    const sklux_rules *rules, const SKLUX_UNIT *in, int64_t n, sklux_text *out)
{
    int64_t i = 0;
    int n_units, status;
    uint32_t c;

    while (i < n) {
        if (out->length + SKLUX_SLACK > out->capacity - SKLUX_SLACK
            && sklux_reserve_text(out, out->length + SKLUX_SLACK) != SKLUX_DONE)
            return SKLUX_NO_MEMORY;
        if (rules->plain_ascii && in[i] < 0x80 && n - i >= SKLUX_BLOCK
            && SKLUX_NAME(is_ascii)(in + i)) {
            uint8_t block[SKLUX_BLOCK];
            for (int j = 0; j < SKLUX_BLOCK; j++)
                block[j] = (uint8_t)in[i + j];
            sklux_plain_ascii(block, SKLUX_BLOCK, rules->lowercase,
                              out->text + out->length, out->classes + out->length);
            out->length += SKLUX_BLOCK;
            i += SKLUX_BLOCK;
            continue;
        }
        n_units = SKLUX_NAME(read)(in, i, n, &c);
        if (n_units == 0)
            return SKLUX_NOT_UTF8;
        if (rules->pages == NULL) {
            const uint8_t byte = (uint8_t)c;
            if (c >= 0x80)
                return SKLUX_NOT_ASCII;
            sklux_plain_ascii(&byte, 1, rules->lowercase,
                              out->text + out->length, out->classes + out->length);
            out->length += 1;
        } else if (c < 0x80 && sklux_target_of(rules, c) >= 0) {
            sklux_put(out, (uint32_t)sklux_target_of(rules, c),
                      sklux_class_of(rules, (uint32_t)sklux_target_of(rules, c)));
        } else {
            if (c >= 0x80 && rules->composing != NULL
                && !SKLUX_NAME(is_settled)(rules, in, i, n, c))
                return SKLUX_NEEDS_CARE;
            if (c == SKLUX_SIGMA && rules->lowercase
                && SKLUX_NAME(is_final_sigma)(rules, in, i, n, n_units))
                c = SKLUX_FINAL_SIGMA;
            status = sklux_put_mapped(rules, out, c);
            if (status != SKLUX_DONE)
                return status;
        }
        i += n_units;
    }
    return SKLUX_DONE;
}

#undef SKLUX_NAME
#undef SKLUX_UNIT
#undef SKLUX_DECODE
#undef SKLUX_BLOCK
