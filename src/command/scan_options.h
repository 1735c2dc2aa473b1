/* scan_options.h -- what SCAN, SSCAN, HSCAN and ZSCAN have in common: cursor, options, form of the
 * reply. Private to this directory.
 */
#ifndef QUORUM_COMMAND_SCAN_OPTIONS_H
#define QUORUM_COMMAND_SCAN_OPTIONS_H

#include "command/command_support.h"
#include "kv/dense_table.h"

#define SCAN_COUNT_DEFAULT 10

struct scan_options {
    uint64_t cursor;
    int64_t count; /* COUNT, at least 1 */
    struct slice pattern;
    bool matches_all; /* no MATCH, or one of "*" */
    bool has_type;
    struct slice type_name;
};

/* Reads the cursor argument: "ERR invalid cursor". */
MUST_CHECK bool scan_read_cursor(struct command_context *context, uint32_t argument,
                                 struct scan_options *out);

/* Reads the options from an argument on; TYPE only if allowed. Syntax errors as in Redis. */
MUST_CHECK bool scan_read_options(struct command_context *context, uint32_t first_option,
                                  bool allows_type, struct scan_options *out);

/* Whether a name passes MATCH. */
bool scan_matches(const struct scan_options *options, struct slice name);

/* Makes the one element at begin the second of an array of two, the cursor the first: it comes
 * first in the reply and is known last. */
void scan_put_cursor_before(struct reply *reply, size_t begin, uint64_t cursor);

/* Replies with what there is of an entry: returns the number of elements it replied with.
 * is_compact: the container has the encoding of small ones. */
typedef uint32_t scan_reply_entry(struct reply *reply, const struct dense_entry *entry,
                                  bool is_compact);

/* Runs SSCAN, HSCAN or ZSCAN: a key of this type, which cursor and options follow. */
void scan_elements(struct command_context *context, enum value_type type,
                   const struct dense_table *(*table_of)(const struct container *container),
                   scan_reply_entry *reply_entry);

#endif
