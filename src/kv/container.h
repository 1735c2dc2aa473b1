/* container.h -- what lists, hashes, sets and sorted sets have in common: the value of a key that
 * consists of elements.
 *
 * Private to kv and the handlers in command. Each type puts a struct container first in its own
 * struct (list.h, hash_table.h, set.h, sorted_set.h) and describes itself by a row of operations in
 * container.c. Handlers reach one for reading by keyspace_item_container, and change it between
 * keyspace_change_begin and keyspace_change_end (keyspace_change.h), never otherwise.
 *
 * Every function that changes elements calls container_note once for each, so that no change can
 * miss the state hash. If you add a type, add its row in container.c, in value.h and in
 * base/state_row.h.
 */
#ifndef QUORUM_KV_CONTAINER_H
#define QUORUM_KV_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/slice.h"
#include "kv/value.h"

struct container_parts;

struct container {
    enum value_type type;
    enum value_encoding encoding;  /* replicated: what OBJECT ENCODING answers */
    uint64_t count;                /* elements; a key with none does not exist */
    uint64_t bytes;                /* of memory, this struct included, about right */
    uint64_t changes;              /* noted since it was made or a change began */
    uint64_t digest;               /* of these changes, in their order */
    struct container_parts *parts; /* of a large one (container_parts.h), else NULL */
};

/* How a type does what all do. */
struct container_operations {
    /* Returns an empty one. hash_seed keys its tables, and shows in no result. */
    struct container *(*create)(uint64_t hash_seed);
    /* Appends the elements from first to before end, in an order that gives the same container
     * again; of a list, all of them. */
    void (*encode)(const struct container *container, uint64_t first, uint64_t end,
                   struct buf *out);
    /* Adds count elements to an empty one, through the functions that note changes. */
    enum result (*decode)(struct container *container, struct bytes_reader *reader, uint64_t count);
    /* Frees up to elements_max elements; true when it is all gone, the struct included. */
    bool (*free_some)(struct container *container, uint32_t elements_max);
};

/* Returns an empty container of a type other than VALUE_TYPE_STRING. */
struct container *container_create(enum value_type type, uint64_t hash_seed);

/* Frees it at once; NULL is allowed. It has no parts any more. */
void container_free(struct container *container);

/* As container_free, in steps: true when it is all gone. Keeps bytes up to date. */
bool container_free_some(struct container *container, uint32_t elements_max);

/* Appends the value of its row in a snapshot: encoding (u8), count (varint), elements. */
void container_encode(const struct container *container, struct buf *out);

/* Appends the elements from position first to before end, not of a list. */
void container_encode_elements(const struct container *container, uint64_t first, uint64_t end,
                               struct buf *out);

/* Adds the next of such elements. RESULT_CORRUPT when it cannot be. */
MUST_CHECK enum result container_decode_element(struct container *container,
                                                struct bytes_reader *reader);

/* Makes a container of a type from container_encode's bytes, which must be used up. Untrusted:
 * RESULT_CORRUPT, *out untouched. */
MUST_CHECK enum result container_decode(enum value_type type, uint64_t hash_seed,
                                        struct slice bytes, struct container **out);

/* Returns a copy. */
struct container *container_copy(const struct container *container, uint64_t hash_seed);

/* What was done to an element. The numbers are part of the state hash: append only. */
enum container_change {
    CONTAINER_ADD = 1,    /* a member or field with its value; at the end, of a list */
    CONTAINER_REMOVE = 2, /* a member or field */
    CONTAINER_SET = 3,    /* another value or score; of a list: at index */
    CONTAINER_PUSH_HEAD = 4,
    CONTAINER_INSERT = 5,    /* before index */
    CONTAINER_REMOVE_AT = 6, /* number elements from index on */
};

/* Notes a change in digest and changes. index and value as the change needs them, else 0 and
 * empty. */
void container_note(struct container *container, enum container_change change, uint64_t index,
                    struct slice element, struct slice value);

#endif
