/* command_docs.h -- what COMMAND INFO, DOCS, LIST, GETKEYS and the HELP subcommands tell about a
 * command, beside its row in the table. Private to this directory.
 */
#ifndef QUORUM_COMMAND_COMMAND_DOCS_H
#define QUORUM_COMMAND_COMMAND_DOCS_H

#include "command/command.h"

/* Static texts; NULL where there is none. */
struct command_docs {
    const char *since; /* the version of Redis that had it first */
    const char *group;
    const char *complexity;
    const char *categories; /* of ACLs, beside those that flags imply: "keyspace,dangerous" */
    const char *tips;       /* separated by commas */
    /* Where keys are and what is done with them, a specification each, separated by spaces:
     * "RW/access/update@1:-1:2" is flags, the first position, the last one counted from the first
     * (negative: from the end; default 0) and the step (default 1). "RO/access@1#" is an argument
     * that says how many keys follow it, "OW/update@STORE+6" is behind a word that comes at a
     * position or later, and "RO/access@?" is where only the command itself knows. */
    const char *key_specs;
    const char *key_notes; /* one a specification, separated by bars */
    const char *syntax;    /* see command_syntax.h */
    const char *summary;
    const char *doc_flags;
    const char *deprecated_since;
    const char *replaced_by;
};

/* The parts of the table, a file each; a row is in one of them. Use command_docs_of. */
extern const struct command_docs command_docs_bitmap[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_data[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_geo[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_hash[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_hyperloglog[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_list[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_node[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_pubsub[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_set[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_transaction[COMMAND_ID_COUNT];
extern const struct command_docs command_docs_zset[COMMAND_ID_COUNT];

const struct command_docs *command_docs_of(const struct command *command);

/* One specification of keys, read from key_specs. */
struct key_spec {
    struct slice flags; /* separated by slashes */
    int64_t first;
    int64_t last; /* relative to first, or negative: from the end */
    int64_t step;
    bool is_counted; /* first is where their number stands, which they follow */
    bool is_unknown;
    struct slice keyword; /* behind which they come, at first or later; empty: none */
};

/* Reads the specification at *text, a rest of key_specs, and moves *text behind it; false at the
 * end. */
bool command_next_key_spec(const char **text, struct key_spec *out);

/* Replies with the set of a specification's flags. */
void command_reply_key_flags(struct reply *reply, struct slice flags);

/* The categories of ACLs that a command is in, flags considered, as bits; and the names of the
 * bits, of which there are COMMAND_CATEGORIES. */
enum { COMMAND_CATEGORIES = 21 };
uint32_t command_categories(const struct command *command);
const char *command_category_name(uint32_t category);

/* The next word of *text up to a separator, which is skipped; false at the end. */
bool command_next_word(const char **text, char separator, struct slice *out);

#endif
