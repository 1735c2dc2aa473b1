/* glob.h -- Redis's glob patterns, as KEYS, SCAN MATCH and PSUBSCRIBE take them. */
#ifndef QUORUM_BASE_GLOB_H
#define QUORUM_BASE_GLOB_H

#include <stdbool.h>

#include "base/slice.h"

/*
 * Answers whether the whole text matches pattern.
 *
 * '*' any bytes, '?' one byte, "[abc]" one of, "[^abc]" none of, "[a-z]" a range, '\' takes the
 * next byte literally. ignore_case folds A-Z, no locale. Malformed patterns match as they do in
 * Redis: an open '[' ends with the pattern; a range takes whatever follows its '-', ']' too; its
 * ends may stand in either order and compare as signed bytes, as Redis on x86-64. Empty text
 * matches only the empty pattern: callers treat a lone "*" as "all" themselves, as Redis does.
 *
 * Takes time of at most pattern * text and no memory: one '*' is ever tried again, the last one.
 */
bool glob_matches(struct slice pattern, struct slice text, bool ignore_case);

#endif
