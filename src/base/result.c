/* result.c -- the texts of enum result. */
#include "base/result.h"

#include "base/assert.h"

const char *result_text(enum result result)
{
#define RESULT_TEXT_ROW(name, text) text,
    static const char *const texts[] = {RESULT_TABLE(RESULT_TEXT_ROW)};
#undef RESULT_TEXT_ROW
    ASSERT(result < RESULT_COUNT);
    return texts[result];
}
