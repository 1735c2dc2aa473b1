/* sorted_set.c -- sorted sets: see sorted_set.h. Encoded in the dense order, each member as a slice
 * and its score as the eight bytes of a double.
 */
#include "kv/sorted_set.h"

#include <math.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    LEVELS_MAX = 24,
    /* Each level holds a quarter of the nodes of the one below. */
    LEVEL_BITS = 2,
    LISTPACK_ENTRIES_MAX = 128,
    LISTPACK_BYTES_MAX = 64,
};

struct link {
    struct sorted_node *next;
    uint64_t width; /* nodes from the owner to next, next included; to the end if there is none */
};

struct sorted_node {
    struct dense_entry *entry; /* of the table: member and score */
    double score;
    struct sorted_node *previous; /* NULL: the first */
    uint32_t levels;
    struct link links[];
};

struct sorted_set {
    struct container container;
    struct dense_table table;
    uint64_t node_bytes;
    struct sorted_node *tail; /* NULL: empty */
    uint32_t levels;          /* in use */
    struct link head[LEVELS_MAX];
};

struct sorted_set *sorted_set_of(struct container *container)
{
    return (struct sorted_set *)(void *)container;
}

const struct sorted_set *sorted_set_of_const(const struct container *container)
{
    return (const struct sorted_set *)(const void *)container;
}

static void update(struct sorted_set *set)
{
    set->container.count = set->table.count;
    set->container.bytes = sizeof(*set) + set->table.bytes + set->node_bytes;
}

static struct container *create(uint64_t hash_seed)
{
    struct sorted_set *set = mem_alloc_zeroed(1, sizeof(*set));
    set->container.type = VALUE_TYPE_ZSET;
    set->container.encoding = VALUE_ENCODING_LISTPACK;
    set->levels = 1;
    dense_table_init(&set->table, hash_seed, &set->container);
    update(set);
    return &set->container;
}

/* ---- The order ---- */

static int compare(double score, struct slice member, const struct sorted_node *node)
{
    if (score != node->score) {
        return score < node->score ? -1 : 1;
    }
    return slice_compare(member, dense_entry_member(node->entry));
}

/* Where a search passed on each level: the links that it left, and how many nodes lie before and
 * up to the owner of each. */
struct path {
    struct link *links[LEVELS_MAX];
    uint64_t passed[LEVELS_MAX];
    struct sorted_node *before; /* the last node below; NULL: none */
};

static void find_path(struct sorted_set *set, double score, struct slice member, struct path *path)
{
    struct link *links = set->head;
    uint64_t passed = 0;
    path->before = NULL;
    for (uint32_t level = set->levels; level-- > 0;) {
        while (links[level].next != NULL && compare(score, member, links[level].next) > 0) {
            passed += links[level].width;
            path->before = links[level].next;
            links = path->before->links;
        }
        path->links[level] = &links[level];
        path->passed[level] = passed;
    }
}

static uint32_t levels_of(const struct dense_entry *entry)
{
    uint32_t bits = entry->hash * 0x9e3779b1u; /* the index of the table uses the low ones, too */
    bits ^= bits >> 15;
    uint32_t levels = 1;
    while (levels < LEVELS_MAX && (bits & ((1u << LEVEL_BITS) - 1)) == 0 && bits != 0) {
        bits >>= LEVEL_BITS;
        levels++;
    }
    return levels;
}

static void order_insert(struct sorted_set *set, struct dense_entry *entry, double score)
{
    struct path path;
    uint32_t levels = levels_of(entry);
    struct sorted_node *node = mem_alloc(sizeof(*node) + levels * sizeof(node->links[0]));
    find_path(set, score, dense_entry_member(entry), &path);
    for (; set->levels < levels; set->levels++) {
        set->head[set->levels] = (struct link){NULL, set->table.count - 1};
        path.links[set->levels] = &set->head[set->levels];
        path.passed[set->levels] = 0;
    }
    node->entry = entry;
    node->score = score;
    node->levels = levels;
    node->previous = path.before;
    uint64_t rank = path.passed[0];
    for (uint32_t level = 0; level < set->levels; level++) {
        struct link *link = path.links[level];
        if (level >= levels) {
            link->width++;
            continue;
        }
        uint64_t before = rank - path.passed[level]; /* nodes between the owner and the new one */
        node->links[level] = (struct link){link->next, link->width - before};
        *link = (struct link){node, before + 1};
    }
    struct sorted_node *next = node->links[0].next;
    *(next == NULL ? &set->tail : &next->previous) = node;
    set->node_bytes += mem_usable_size(node);
}

static void order_remove(struct sorted_set *set, struct slice member, double score)
{
    struct path path;
    find_path(set, score, member, &path);
    struct sorted_node *node = path.links[0]->next;
    ASSERT(node != NULL && compare(score, member, node) == 0);
    for (uint32_t level = 0; level < set->levels; level++) {
        struct link *link = path.links[level];
        if (link->next == node) {
            link->width += node->links[level].width - 1;
            link->next = node->links[level].next;
        } else {
            link->width--;
        }
    }
    struct sorted_node *next = node->links[0].next;
    *(next == NULL ? &set->tail : &next->previous) = node->previous;
    while (set->levels > 1 && set->head[set->levels - 1].next == NULL) {
        set->levels--;
    }
    set->node_bytes -= mem_usable_size(node);
    mem_free(node);
}

/* ---- Changes ---- */

double sorted_set_entry_score(const struct dense_entry *entry)
{
    double score = 0;
    ASSERT(entry->value_size == sizeof(score));
    memcpy(&score, dense_entry_value(entry).bytes, sizeof(score));
    return score;
}

static void note(struct sorted_set *set, enum container_change change, struct slice member,
                 double score)
{
    container_note(&set->container, change, 0, member, slice_of(&score, sizeof(score)));
}

static void add(struct sorted_set *set, struct slice member, double score)
{
    note(set, CONTAINER_ADD, member, score);
    struct dense_entry *entry =
        dense_table_add(&set->table, member, slice_of(&score, sizeof(score)));
    order_insert(set, entry, score);
    if (set->table.count > LISTPACK_ENTRIES_MAX || member.size > LISTPACK_BYTES_MAX) {
        set->container.encoding = VALUE_ENCODING_SKIPLIST;
    }
    update(set);
}

bool sorted_set_put(struct sorted_set *set, struct slice member, double score)
{
    ASSERT(!isnan(score));
    score = score == 0 ? 0 : score; /* one zero: the sign of the other would not survive a reply */
    uint32_t position = dense_table_find(&set->table, member);
    if (position == DENSE_TABLE_NOWHERE) {
        add(set, member, score);
        return true;
    }
    struct dense_entry *entry = set->table.entries[position];
    double old = sorted_set_entry_score(entry);
    if (old != score) {
        note(set, CONTAINER_SET, member, score);
        order_remove(set, dense_entry_member(entry), old);
        entry = dense_table_set_value(&set->table, position, slice_of(&score, sizeof(score)));
        order_insert(set, entry, score);
    }
    return false;
}

bool sorted_set_remove(struct sorted_set *set, struct slice member)
{
    uint32_t position = dense_table_find(&set->table, member);
    if (position == DENSE_TABLE_NOWHERE) {
        return false;
    }
    container_note(&set->container, CONTAINER_REMOVE, 0, member, slice_of(NULL, 0));
    order_remove(set, member, sorted_set_entry_score(set->table.entries[position]));
    dense_table_remove(&set->table, position);
    update(set);
    return true;
}

/* ---- Questions ---- */

bool sorted_set_score(const struct sorted_set *set, struct slice member, double *out)
{
    uint32_t position = dense_table_find(&set->table, member);
    if (position == DENSE_TABLE_NOWHERE) {
        return false;
    }
    *out = sorted_set_entry_score(set->table.entries[position]);
    return true;
}

/* Whether a node lies below the bound that a walk looks for. */
typedef bool node_test(const struct sorted_node *node, double score, struct slice member);

static uint64_t count_below(const struct sorted_set *set, node_test *is_below, double score,
                            struct slice member)
{
    const struct link *links = set->head;
    uint64_t passed = 0;
    for (uint32_t level = set->levels; level-- > 0;) {
        while (links[level].next != NULL && is_below(links[level].next, score, member)) {
            passed += links[level].width;
            links = links[level].next->links;
        }
    }
    return passed;
}

static bool is_before(const struct sorted_node *node, double score, struct slice member)
{
    return compare(score, member, node) > 0;
}

bool sorted_set_rank(const struct sorted_set *set, struct slice member, uint64_t *out)
{
    double score = 0;
    if (!sorted_set_score(set, member, &score)) {
        return false;
    }
    *out = count_below(set, is_before, score, member);
    return true;
}

static bool is_below_score(const struct sorted_node *node, double score, struct slice member)
{
    (void)member;
    return node->score < score;
}

static bool is_up_to_score(const struct sorted_node *node, double score, struct slice member)
{
    (void)member;
    return node->score <= score;
}

uint64_t sorted_set_below_score(const struct sorted_set *set, double score, bool is_past)
{
    return count_below(set, is_past ? is_up_to_score : is_below_score, score, slice_of(NULL, 0));
}

static bool is_below_member(const struct sorted_node *node, double score, struct slice member)
{
    (void)score;
    return slice_compare(dense_entry_member(node->entry), member) < 0;
}

static bool is_up_to_member(const struct sorted_node *node, double score, struct slice member)
{
    (void)score;
    return slice_compare(dense_entry_member(node->entry), member) <= 0;
}

uint64_t sorted_set_below_member(const struct sorted_set *set, struct slice member, bool is_past)
{
    return count_below(set, is_past ? is_up_to_member : is_below_member, 0, member);
}

const struct sorted_node *sorted_set_at(const struct sorted_set *set, uint64_t rank)
{
    if (rank >= set->container.count) {
        return NULL;
    }
    const struct link *links = set->head;
    const struct sorted_node *node = NULL;
    uint64_t left = rank + 1;
    for (uint32_t level = set->levels; level-- > 0;) {
        while (links[level].next != NULL && links[level].width <= left) {
            left -= links[level].width;
            node = links[level].next;
            links = node->links;
        }
    }
    ASSERT(left == 0);
    return node;
}

const struct sorted_node *sorted_node_next(const struct sorted_node *node)
{
    return node->links[0].next;
}

const struct sorted_node *sorted_node_previous(const struct sorted_node *node)
{
    return node->previous;
}

struct slice sorted_node_member(const struct sorted_node *node)
{
    return dense_entry_member(node->entry);
}

double sorted_node_score(const struct sorted_node *node)
{
    return node->score;
}

const struct dense_table *sorted_set_table(const struct sorted_set *set)
{
    return &set->table;
}

/* ---- As a container ---- */

static void encode(const struct container *container, uint64_t first, uint64_t end, struct buf *out)
{
    const struct sorted_set *set = sorted_set_of_const(container);
    for (uint64_t i = first; i < end; i++) {
        uint64_t bits = 0;
        memcpy(&bits, dense_entry_value(set->table.entries[i]).bytes, sizeof(bits));
        bytes_put_slice(out, dense_entry_member(set->table.entries[i]));
        bytes_put_u64(out, bits);
    }
}

static enum result decode(struct container *container, struct bytes_reader *reader, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct slice member = bytes_get_slice(reader);
        uint64_t bits = bytes_get_u64(reader);
        double score = 0;
        memcpy(&score, &bits, sizeof(score));
        if (reader->bad || isnan(score) ||
            !sorted_set_put(sorted_set_of(container), member, score)) {
            return RESULT_CORRUPT;
        }
    }
    return RESULT_OK;
}

static bool free_some(struct container *container, uint32_t elements_max)
{
    struct sorted_set *set = sorted_set_of(container);
    uint32_t freed = 0;
    while (set->tail != NULL) { /* nobody searches any more: only the chain of previous is kept */
        struct sorted_node *node = set->tail;
        if (freed++ == elements_max) {
            update(set);
            return false;
        }
        set->tail = node->previous;
        set->node_bytes -= mem_usable_size(node);
        mem_free(node);
    }
    bool is_empty = dense_table_free_some(&set->table, elements_max);
    update(set);
    if (is_empty) {
        mem_free(set);
    }
    return is_empty;
}

const struct container_operations sorted_set_operations = {create, encode, decode, free_some};
