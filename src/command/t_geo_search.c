/* t_geo_search.c -- points in a circle or a box: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS,
 * GEORADIUSBYMEMBER and their forms that only read.
 *
 * Results that are not sorted come as Redis gives them: by cells around the center, in each by
 * score. Points at the same distance stay in that order when they are sorted.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "command/command_handlers.h"
#include "command/geo_support.h"

enum search_form { SEARCH_BY_OPTIONS, SEARCH_AROUND_POINT, SEARCH_AROUND_MEMBER };
enum search_order { SEARCH_UNSORTED, SEARCH_ASCENDING, SEARCH_DESCENDING };

struct search {
    const struct sorted_set *set; /* NULL: not there */
    enum search_form form;
    bool may_store;  /* STORE and STOREDIST are options */
    uint32_t stores; /* the argument that names the destination; 0: none */
    bool stores_distances;
    struct geo_shape shape;
    double unit; /* meters */
    bool has_center;
    bool is_from_member;
    bool has_circle;
    bool has_box;
    bool with_distance;
    bool with_hash;
    bool with_point;
    enum search_order order;
    int64_t count; /* 0: all */
    bool takes_any;
};

struct found {
    struct slice member; /* borrowed from the set */
    struct geo_point point;
    double score;
    double distance; /* in the unit */
    uint32_t order;
};

struct results {
    struct found *found;
    uint32_t count;
    uint32_t capacity;
};

/* ---- Options ---- */

/* Reads a radius, or another length, and refuses it in words: "ERR need numeric ...". */
static bool read_length(struct command_context *context, uint32_t argument, const char *name,
                        double *out)
{
    if (!number_parse_double(context->arguments[argument], out)) {
        reply_error_format(context->reply, "ERR need numeric %s", name);
        return false;
    }
    return true;
}

static bool read_circle(struct command_context *context, uint32_t argument, struct search *search)
{
    if (!read_length(context, argument, "radius", &search->shape.radius)) {
        return false;
    }
    if (search->shape.radius < 0) {
        reply_error(context->reply, "ERR radius cannot be negative");
        return false;
    }
    if (!command_read_unit(context, argument + 1, &search->unit)) {
        return false;
    }
    search->shape.is_box = false;
    search->shape.radius *= search->unit;
    search->has_circle = true;
    return true;
}

static bool read_box(struct command_context *context, uint32_t argument, struct search *search)
{
    if (!read_length(context, argument, "width", &search->shape.width) ||
        !read_length(context, argument + 1, "height", &search->shape.height)) {
        return false;
    }
    if (search->shape.width < 0 || search->shape.height < 0) {
        reply_error(context->reply, "ERR height or width cannot be negative");
        return false;
    }
    if (!command_read_unit(context, argument + 2, &search->unit)) {
        return false;
    }
    search->shape.is_box = true;
    search->shape.width *= search->unit;
    search->shape.height *= search->unit;
    search->has_box = true;
    return true;
}

/* Takes a member for the center; of a set that is not there, any will do. */
static bool read_center_member(struct command_context *context, uint32_t argument,
                               struct search *search)
{
    search->is_from_member = true;
    if (search->set != NULL &&
        !command_find_point(search->set, context->arguments[argument], &search->shape.center)) {
        reply_error(context->reply, "ERR could not decode requested zset member");
        return false;
    }
    return true;
}

static bool read_count(struct command_context *context, uint32_t argument, struct search *search)
{
    if (!command_read_int64(context, argument, &search->count)) {
        return false;
    }
    if (search->count <= 0) {
        reply_error(context->reply, "ERR COUNT must be > 0");
        return false;
    }
    return true;
}

/* Words that stand alone. */
static bool take_flag(struct search *search, struct slice word)
{
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {{"withdist", &search->with_distance},
                 {"withhash", &search->with_hash},
                 {"withcoord", &search->with_point},
                 {"any", &search->takes_any}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (slice_is_word(word, flags[i].word)) {
            *flags[i].flag = true;
            return true;
        }
    }
    bool is_ascending = slice_is_word(word, "asc");
    if (is_ascending || slice_is_word(word, "desc")) {
        search->order = is_ascending ? SEARCH_ASCENDING : SEARCH_DESCENDING;
        return true;
    }
    if (search->form == SEARCH_BY_OPTIONS && search->may_store &&
        slice_is_word(word, "storedist")) {
        search->stores_distances = true;
        return true;
    }
    return false;
}

/* Options of GEOSEARCH with operands: as read_option. */
static bool read_area_option(struct command_context *context, uint32_t argument,
                             struct search *search, uint32_t *taken)
{
    struct slice word = context->arguments[argument];
    uint32_t left = context->arguments_count - argument - 1;
    if (slice_is_word(word, "frommember") && left >= 1 && !search->has_center) {
        *taken = 2;
        return read_center_member(context, argument + 1, search);
    }
    if (slice_is_word(word, "fromlonlat") && left >= 2 && !search->is_from_member) {
        *taken = 3;
        search->has_center = true;
        return command_read_point(context, argument + 1, &search->shape.center);
    }
    if (slice_is_word(word, "byradius") && left >= 2 && !search->has_box) {
        *taken = 3;
        return read_circle(context, argument + 1, search);
    }
    if (slice_is_word(word, "bybox") && left >= 3 && !search->has_circle) {
        *taken = 4;
        return read_box(context, argument + 1, search);
    }
    *taken = 0;
    return true;
}

/* Reads the option at an argument; *taken is how many arguments it is, 0: no option. False: has
 * replied. */
static bool read_option(struct command_context *context, uint32_t argument, struct search *search,
                        uint32_t *taken)
{
    struct slice word = context->arguments[argument];
    uint32_t left = context->arguments_count - argument - 1;
    if (take_flag(search, word)) {
        *taken = 1;
        return true;
    }
    if (slice_is_word(word, "count") && left >= 1) {
        *taken = 2;
        return read_count(context, argument + 1, search);
    }
    if (search->form == SEARCH_BY_OPTIONS) {
        return read_area_option(context, argument, search, taken);
    }
    bool is_distance = slice_is_word(word, "storedist");
    if ((is_distance || slice_is_word(word, "store")) && left >= 1 && search->may_store) {
        *taken = 2;
        search->stores = argument + 1;
        search->stores_distances = is_distance;
        return true;
    }
    *taken = 0;
    return true;
}

/* What the options together must be. False: has replied. */
static bool check(struct command_context *context, const struct search *search)
{
    const char *name = context->command->name;
    bool by_options = search->form == SEARCH_BY_OPTIONS;
    if (search->stores != 0 && (search->with_distance || search->with_hash || search->with_point)) {
        reply_error_format(context->reply,
                           "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                           by_options ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
    } else if (by_options && !search->has_center && !search->is_from_member) {
        reply_error_format(context->reply,
                           "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s",
                           name);
    } else if (by_options && !search->has_circle && !search->has_box) {
        reply_error_format(context->reply,
                           "ERR exactly one of BYRADIUS and BYBOX can be specified for %s", name);
    } else if (search->takes_any && search->count == 0) {
        reply_error(context->reply, "ERR the ANY argument requires COUNT argument");
    } else {
        return true;
    }
    return false;
}

/* Reads what stands before the options of GEORADIUS and GEORADIUSBYMEMBER, and returns the first
 * argument behind it; 0: has replied. */
static uint32_t read_fixed(struct command_context *context, struct search *search)
{
    if (search->form == SEARCH_AROUND_POINT) {
        return command_read_point(context, 2, &search->shape.center) &&
                       read_circle(context, 4, search)
                   ? 6
                   : 0;
    }
    if (search->form == SEARCH_AROUND_MEMBER) {
        /* Of a set that is not there, Redis does not look at the radius. */
        bool is_good = search->set == NULL ||
                       (read_center_member(context, 2, search) && read_circle(context, 3, search));
        return is_good ? 5 : 0;
    }
    return search->stores != 0 ? 3 : 2;
}

static bool read_options(struct command_context *context, struct search *search)
{
    uint32_t argument = read_fixed(context, search);
    if (argument == 0) {
        return false;
    }
    while (argument < context->arguments_count) {
        uint32_t taken = 0;
        if (!read_option(context, argument, search, &taken)) {
            return false;
        }
        if (taken == 0) {
            command_refuse_syntax(context);
            return false;
        }
        argument += taken;
    }
    return check(context, search);
}

/* ---- Finding ---- */

static void add_found(struct results *results, const struct found *found)
{
    if (results->count == results->capacity) {
        results->capacity = results->capacity == 0 ? 16 : results->capacity * 2;
        results->found = mem_realloc(results->found, results->capacity * sizeof(*results->found));
    }
    results->found[results->count] = *found;
    results->found[results->count].order = results->count;
    results->count++;
}

/* Adds the points of the shape whose scores are in a range; stops at limit results, 0: none. */
static void find_in_range(const struct search *search, const struct geo_range *range,
                          uint64_t limit, struct results *results)
{
    uint64_t first = sorted_set_below_score(search->set, range->first, false);
    const struct sorted_node *node = sorted_set_at(search->set, first);
    for (; node != NULL && sorted_node_score(node) < range->end; node = sorted_node_next(node)) {
        struct found found = {.member = sorted_node_member(node), .score = sorted_node_score(node)};
        found.point = geo_decode(found.score);
        if (!geo_is_within(&search->shape, found.point, &found.distance)) {
            continue;
        }
        found.distance /= search->unit;
        add_found(results, &found);
        if (limit > 0 && results->count >= limit) {
            return;
        }
    }
}

static int compare_ascending(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    int order = (a->distance > b->distance) - (a->distance < b->distance);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static int compare_descending(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    int order = (a->distance < b->distance) - (a->distance > b->distance);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* Finds, sorts and cuts. */
static void find(const struct search *search, struct results *results)
{
    struct geo_range ranges[GEO_RANGES_MAX];
    uint32_t ranges_count = geo_find_ranges(&search->shape, ranges);
    uint64_t limit = search->takes_any ? (uint64_t)search->count : 0;
    for (uint32_t i = 0; i < ranges_count && (limit == 0 || results->count < limit); i++) {
        find_in_range(search, &ranges[i], limit, results);
    }
    /* The first so many are the nearest. */
    bool is_sorted = search->order != SEARCH_UNSORTED || (search->count > 0 && !search->takes_any);
    if (is_sorted && results->count > 0) {
        qsort(results->found, results->count, sizeof(*results->found),
              search->order == SEARCH_DESCENDING ? compare_descending : compare_ascending);
    }
    if (search->count > 0 && results->count > search->count) {
        results->count = (uint32_t)search->count;
    }
}

/* ---- Results ---- */

static void reply_found(struct command_context *context, const struct search *search,
                        const struct found *found)
{
    uint32_t options = (uint32_t)search->with_distance + (uint32_t)search->with_hash +
                       (uint32_t)search->with_point;
    if (options > 0) {
        reply_array(context->reply, options + 1);
    }
    reply_bulk(context->reply, found->member);
    if (search->with_distance) {
        command_reply_distance(context, found->distance);
    }
    if (search->with_hash) {
        reply_integer(context->reply, (int64_t)found->score);
    }
    if (search->with_point) {
        command_reply_point(context, found->point);
    }
}

static void give_out(struct command_context *context, const struct search *search,
                     const struct results *results)
{
    if (search->stores == 0) {
        reply_array(context->reply, results->count);
        for (uint32_t i = 0; i < results->count; i++) {
            reply_found(context, search, &results->found[i]);
        }
        return;
    }
    struct container *stored = keyspace_create_container(context->keyspace, VALUE_TYPE_ZSET);
    for (uint32_t i = 0; i < results->count; i++) {
        const struct found *found = &results->found[i];
        (void)sorted_set_put(sorted_set_of(stored), found->member,
                             search->stores_distances ? found->distance : found->score);
    }
    zset_store(context, search->stores, stored,
               search->form == SEARCH_BY_OPTIONS ? "geosearchstore" : "georadiusstore");
}

static void run(struct command_context *context, struct search *search, uint32_t key)
{
    struct results results = {0};
    if (!command_find_zset(context, key, &search->set) || !read_options(context, search)) {
        return;
    }
    if (search->set != NULL) {
        find(search, &results);
    }
    give_out(context, search, &results);
    mem_free(results.found);
}

void handle_georadius(struct command_context *context)
{
    struct search search = {.form = SEARCH_AROUND_POINT,
                            .may_store = context->command->id == COMMAND_GEORADIUS};
    run(context, &search, 1);
}

void handle_georadiusbymember(struct command_context *context)
{
    struct search search = {.form = SEARCH_AROUND_MEMBER,
                            .may_store = context->command->id == COMMAND_GEORADIUSBYMEMBER};
    run(context, &search, 1);
}

void handle_geosearch(struct command_context *context)
{
    struct search search = {.form = SEARCH_BY_OPTIONS};
    run(context, &search, 1);
}

void handle_geosearchstore(struct command_context *context)
{
    struct search search = {.form = SEARCH_BY_OPTIONS, .may_store = true, .stores = 1};
    run(context, &search, 2);
}
