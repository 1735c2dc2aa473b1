/* glob.c -- glob matching without recursion.
 *
 * Every pattern element but '*' takes exactly one byte of text. So when a '*' has been reached,
 * what came before it is settled for good, and on a mismatch only the last '*' needs to take one
 * byte more. That makes the time a product, where trying every '*' anew makes it exponential
 * (CVE-2022-36021), and needs no stack (CVE-2024-31228).
 */
#include "base/glob.h"

#define NO_STAR SIZE_MAX

static uint8_t fold(uint8_t byte, bool ignore_case)
{
    return ignore_case && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static bool range_has(uint8_t first, uint8_t last, uint8_t byte, bool ignore_case)
{
    /* The ends are put in order before folding, so [Z-a] without case is empty, as in Redis. */
    if ((int8_t)first > (int8_t)last) {
        uint8_t swap = first;
        first = last;
        last = swap;
    }
    int8_t low = (int8_t)fold(first, ignore_case);
    int8_t high = (int8_t)fold(last, ignore_case);
    int8_t value = (int8_t)fold(byte, ignore_case);
    return value >= low && value <= high;
}

/* Matches byte against the class that starts behind the '[' at *at and moves *at behind it. */
static bool class_matches(struct slice pattern, size_t *at, uint8_t byte, bool ignore_case)
{
    size_t i = *at;
    bool negated = i < pattern.size && pattern.bytes[i] == '^';
    if (negated) {
        i++;
    }
    bool found = false;
    while (i < pattern.size && pattern.bytes[i] != ']') {
        size_t left = pattern.size - i;
        if (left >= 2 && pattern.bytes[i] == '\\') {
            /* An escaped member keeps its case, as in Redis. */
            found |= pattern.bytes[i + 1] == byte;
            i += 2;
        } else if (left >= 3 && pattern.bytes[i + 1] == '-') {
            found |= range_has(pattern.bytes[i], pattern.bytes[i + 2], byte, ignore_case);
            i += 3;
        } else {
            found |= fold(pattern.bytes[i], ignore_case) == fold(byte, ignore_case);
            i++;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != negated;
}

/* Matches byte against the element at *at, not a '*', and moves *at behind it. */
static bool element_matches(struct slice pattern, size_t *at, uint8_t byte, bool ignore_case)
{
    uint8_t element = pattern.bytes[(*at)++];
    if (element == '?') {
        return true;
    }
    if (element == '[') {
        return class_matches(pattern, at, byte, ignore_case);
    }
    if (element == '\\' && *at < pattern.size) {
        element = pattern.bytes[(*at)++];
    }
    return fold(element, ignore_case) == fold(byte, ignore_case);
}

bool glob_matches(struct slice pattern, struct slice text, bool ignore_case)
{
    if (text.size == 0) {
        return pattern.size == 0;
    }
    size_t at = 0;
    size_t behind_star = NO_STAR; /* of the last '*' met */
    size_t star_end = 0;          /* the text that it takes ends here */
    size_t i = 0;
    while (i < text.size) {
        if (at < pattern.size && pattern.bytes[at] == '*') {
            at++;
            if (at == pattern.size) {
                return true;
            }
            behind_star = at;
            star_end = i;
            continue;
        }
        if (at < pattern.size && element_matches(pattern, &at, text.bytes[i], ignore_case)) {
            i++;
            continue;
        }
        if (behind_star == NO_STAR) {
            return false;
        }
        at = behind_star;
        i = ++star_end;
    }
    while (at < pattern.size && pattern.bytes[at] == '*') {
        at++;
    }
    return at == pattern.size;
}
