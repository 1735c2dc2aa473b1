/* value.h -- what a key can hold, seen from outside: a type, an encoding and the bytes.
 *
 * A view: it borrows from the keyspace or from the caller and is passed by value or const pointer.
 * The encoding is replicated state, since OBJECT ENCODING answers it; how an item stores the bytes
 * is not (item.h). If you add a type, also add its row here and its storage in item.c.
 */
#ifndef QUORUM_KV_VALUE_H
#define QUORUM_KV_VALUE_H

#include <stdint.h>

#include "base/number.h"
#include "base/slice.h"

/* X(type, the word that TYPE answers) */
#define VALUE_TYPE_TABLE(X)                                                                        \
    X(VALUE_TYPE_STRING, "string")                                                                 \
    X(VALUE_TYPE_LIST, "list")                                                                     \
    X(VALUE_TYPE_HASH, "hash")                                                                     \
    X(VALUE_TYPE_SET, "set")                                                                       \
    X(VALUE_TYPE_ZSET, "zset")

#define VALUE_TYPE_ENUM_ROW(type, name) type,
enum value_type { VALUE_TYPE_TABLE(VALUE_TYPE_ENUM_ROW) VALUE_TYPE_COUNT };
#undef VALUE_TYPE_ENUM_ROW

/* X(encoding, the word that OBJECT ENCODING answers) */
#define VALUE_ENCODING_TABLE(X)                                                                    \
    X(VALUE_ENCODING_INT, "int")                                                                   \
    X(VALUE_ENCODING_EMBSTR, "embstr")                                                             \
    X(VALUE_ENCODING_RAW, "raw")                                                                   \
    X(VALUE_ENCODING_LISTPACK, "listpack")                                                         \
    X(VALUE_ENCODING_QUICKLIST, "quicklist")                                                       \
    X(VALUE_ENCODING_HASHTABLE, "hashtable")                                                       \
    X(VALUE_ENCODING_INTSET, "intset")                                                             \
    X(VALUE_ENCODING_SKIPLIST, "skiplist")

#define VALUE_ENCODING_ENUM_ROW(encoding, name) encoding,
enum value_encoding { VALUE_ENCODING_TABLE(VALUE_ENCODING_ENUM_ROW) VALUE_ENCODING_COUNT };
#undef VALUE_ENCODING_ENUM_ROW

/* The longest string that Redis reports as embstr, in bytes. */
#define VALUE_EMBSTR_BYTES_MAX 44

struct container;

struct value {
    enum value_type type;
    enum value_encoding encoding;
    int64_t integer;                   /* VALUE_ENCODING_INT */
    struct slice string;               /* the other encodings of a string; borrowed */
    const struct container *container; /* of the types that have elements; borrowed */
};

/* A string value as SET takes it: an integer when the text is exactly one, else the bytes. */
struct value value_of_text(struct slice text);

/* A string value that stays text even if it reads as a number, as INCRBYFLOAT leaves it. */
struct value value_of_bytes(struct slice bytes);

struct value value_of_integer(int64_t integer);

/* The text of a string value, borrowed from it or written to scratch. */
struct slice value_text(const struct value *value, char scratch[NUMBER_INT64_BYTES]);

/* The words that TYPE and OBJECT ENCODING answer; static. */
const char *value_type_name(enum value_type type);
const char *value_encoding_name(enum value_encoding encoding);

#endif
