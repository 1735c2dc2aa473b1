/* config_internal.h -- what the config_*.c files share: the table, values, addresses, layers. */
#ifndef QUORUM_SERVER_CONFIG_INTERNAL_H
#define QUORUM_SERVER_CONFIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/slice.h"
#include "server/config.h"

/* ---- The table (config_table.c) ---- */

enum config_type {
    CONFIG_TYPE_STRING,        /* char * */
    CONFIG_TYPE_PORT,          /* uint16_t, 1 to 65535 */
    CONFIG_TYPE_INTEGER,       /* uint32_t */
    CONFIG_TYPE_LONG,          /* uint64_t */
    CONFIG_TYPE_SIGNED,        /* int64_t; min and max are the bits of such */
    CONFIG_TYPE_BYTES,         /* uint64_t; 100, 1k = 1000, 1kb = 1024, m, mb, g, gb */
    CONFIG_TYPE_MILLISECONDS,  /* uint32_t; 150, 150ms, 2s */
    CONFIG_TYPE_SECONDS,       /* uint32_t; 60, 60s */
    CONFIG_TYPE_BOOLEAN,       /* bool; yes or no */
    CONFIG_TYPE_WORD,          /* uint32_t, the position in words */
    CONFIG_TYPE_WORDS,         /* struct config_list, shown with blanks between */
    CONFIG_TYPE_ADDRESSES,     /* struct config_list of [id=]host:port, shown with commas */
    CONFIG_TYPE_OUTPUT_LIMITS, /* struct config_output_limit[CONFIG_CLASSES] */
    CONFIG_TYPE_EVENTS,        /* uint32_t, classes of keyspace events; letters */
    CONFIG_TYPE_FACT,          /* no field: can only be what it is */
};

enum config_flag {
    CONFIG_MUTABLE = 1, /* CONFIG SET may change it */
    CONFIG_SECRET = 2,  /* never shown in the log or in error messages */
};

struct config_directive {
    const char *name;
    const char *alias;    /* another name for the same, or NULL */
    const char *argument; /* what --help calls the value */
    const char *summary;  /* for --help */
    const char *section;  /* heading for --help */
    /* Text of the default, parsed like any other; NULL: resolved when all layers are read. */
    const char *default_text;
    const char *const *words; /* WORD: NULL-terminated */
    /* Further demands on one value (STRING) or one item (WORDS), or NULL. */
    bool (*check)(struct slice value, struct buf *reason);
    uint64_t min, max; /* numbers; max 0 for all others */
    size_t offset;     /* of the field in struct config */
    enum config_type type;
    unsigned flags;
};

extern const struct config_directive config_table[];
extern const uint32_t config_table_count;

/* Finds a directive by name or alias, ignoring case; NULL when there is none. */
const struct config_directive *config_table_find(struct slice name);

/* The position of a row, which indexes config.origins. */
uint32_t config_table_index(const struct config_directive *directive);

/* The name nearest to a mistyped one, or NULL when none is near enough to be meant. */
const char *config_table_nearest(struct slice name);

/* ---- Values (config_value.c) ---- */

/* Parses text into the directive's field of config. False with a reason, and nothing changed, when
 * it is not a value of that directive. */
bool config_value_parse(const struct config_directive *directive, struct slice text,
                        struct config *config, struct buf *reason);

/* Appends the value as CONFIG GET shows it. */
void config_value_format(const struct config_directive *directive, const struct config *config,
                         struct buf *out);

/* Sets every field to its default, resolving nothing; config is uninitialised before. */
void config_value_defaults(struct config *config);

/* Whether the value may be several words of a line or arguments of a flag. */
bool config_value_takes_words(const struct config_directive *directive);

/* Replaces an owned string or the items of a list. */
void config_string_set(char **field, struct slice text);
void config_list_clear(struct config_list *list);
void config_list_append(struct config_list *list, struct slice item);

/* ---- Addresses (config_address.c) ---- */

struct config_address {
    struct slice name; /* before '='; empty when there is none */
    struct slice text; /* host:port as written */
    struct slice host; /* without brackets */
    uint16_t port;
};

/* Parses [name=]host:port, [name=][v6]:port. False with a reason that names the slip. */
bool config_address_parse(struct slice text, struct config_address *out, struct buf *reason);

/* Checks for the table: a node's name; an address that others can connect to; one that this node
 * connects to, or empty; an address to bind to; a value that may not be empty. */
bool config_check_name(struct slice value, struct buf *reason);
bool config_check_announced(struct slice value, struct buf *reason);
bool config_check_join(struct slice value, struct buf *reason);
bool config_check_bind(struct slice value, struct buf *reason);
bool config_check_not_empty(struct slice value, struct buf *reason);

/* Whether a host names this machine's loopback interface, e.g. localhost or 127.0.0.1. */
bool config_host_is_loopback(struct slice host);

/* Whether host is the address that stands for every interface. */
bool config_host_is_any(struct slice host);

/* ---- Text (config_text.c) ---- */

enum { CONFIG_WORDS_MAX = 64 };

/* The words of a line, unquoted; slices borrow from bytes. */
struct config_words {
    struct buf bytes;
    struct slice items[CONFIG_WORDS_MAX];
    uint32_t count;
};

/* Splits at blanks; "..." knows escapes (\n \r \t \a \b \\ \" \xHH), '...' only \'. False with a
 * reason for unbalanced quotes or too many words. Free with buf_deinit(&words->bytes). */
bool config_words_split(struct slice line, struct config_words *words, struct buf *reason);

/* Appends a word so that config_words_split reads it back, quoted when need be. */
void config_words_quote(struct slice word, struct buf *out);

/* ---- Layers (config_layers.c) ---- */

/* The first argument that is neither a flag nor the value of one; NULL when there is none. */
const char *config_find_file(int argc, char *const *argv);

/* Each reads one source over what is in config. False with the whole fatal message in text. */
bool config_read_file(struct config *config, const char *path, struct buf *text);
bool config_read_environment(struct config *config, char *const *environment, struct buf *text);
bool config_read_flags(struct config *config, int argc, char *const *argv, struct buf *text);

/* ---- Resolving (config_resolve.c) ---- */

/* Fills in what was left open and derives the members. False with a reason. Warnings are appended
 * to warnings, one a line. */
bool config_resolve(struct config *config, struct buf *warnings, struct buf *reason);

/* Derives config->members from peers, peer-http and the announced addresses. */
bool config_resolve_members(struct config *config, struct buf *warnings, struct buf *reason);

/* Demands between options that each are well-formed. False with a reason. */
bool config_check_together(const struct config *config, struct buf *reason);

/* Whether the operator set the directive of that name. */
bool config_is_set(const struct config *config, const char *name);

#endif
