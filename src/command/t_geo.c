/* t_geo.c -- points in sorted sets, whose scores are geohashes: GEOADD, GEOPOS, GEOHASH, GEODIST.
 * Searches are in t_geo_search.c.
 */
#include <stdio.h>

#include "base/mem.h"
#include "command/command_handlers.h"
#include "command/geo_support.h"

bool command_read_point(struct command_context *context, uint32_t argument, struct geo_point *out)
{
    if (!number_parse_double(context->arguments[argument], &out->longitude) ||
        !number_parse_double(context->arguments[argument + 1], &out->latitude)) {
        reply_error(context->reply, "ERR value is not a valid float");
        return false;
    }
    if (!geo_is_valid(*out)) {
        reply_error_format(context->reply, "ERR invalid longitude,latitude pair %f,%f",
                           out->longitude, out->latitude);
        return false;
    }
    return true;
}

bool command_read_unit(struct command_context *context, uint32_t argument, double *out)
{
    static const struct {
        const char *word;
        double meters;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (slice_is_word(context->arguments[argument], units[i].word)) {
            *out = units[i].meters;
            return true;
        }
    }
    reply_error(context->reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

bool command_find_point(const struct sorted_set *set, struct slice member, struct geo_point *out)
{
    double score = 0;
    if (set == NULL || !sorted_set_score(set, member, &score)) {
        return false;
    }
    *out = geo_decode(score);
    return true;
}

void command_reply_distance(struct command_context *context, double distance)
{
    char text[NUMBER_DOUBLE_BYTES];
    int size = snprintf(text, sizeof(text), "%.4f", distance);
    reply_bulk(context->reply, slice_of(text, (size_t)size));
}

void command_reply_point(struct command_context *context, struct geo_point point)
{
    reply_array(context->reply, 2);
    reply_long_double(context->reply, point.longitude);
    reply_long_double(context->reply, point.latitude);
}

/* ---- GEOADD ---- */

/* Runs ZADD with the options before the first triple and a score for each point. */
static void add(struct command_context *context, uint32_t first)
{
    uint32_t triples = (context->arguments_count - first) / 3;
    struct slice *arguments = mem_alloc((first + 2 * triples) * sizeof(*arguments));
    char(*texts)[NUMBER_INT64_BYTES] = mem_alloc((triples + 1) * sizeof(*texts));
    memcpy(arguments, context->arguments, first * sizeof(*arguments));
    bool is_good = true;
    for (uint32_t i = 0; i < triples && is_good; i++) {
        struct geo_point point;
        is_good = command_read_point(context, first + 3 * i, &point);
        if (is_good) {
            size_t size = number_format_uint64(geo_encode(point), texts[i]);
            arguments[first + 2 * i] = slice_of(texts[i], size);
            arguments[first + 2 * i + 1] = context->arguments[first + 3 * i + 2];
        }
    }
    if (is_good) {
        struct command_context zadd = *context;
        zadd.command = command_by_id(COMMAND_ZADD);
        zadd.arguments = arguments;
        zadd.arguments_count = first + 2 * triples;
        handle_zadd(&zadd);
    }
    mem_free(texts);
    mem_free(arguments);
}

void handle_geoadd(struct command_context *context)
{
    bool only_new = false;
    bool only_there = false;
    uint32_t first = 2;
    for (; first < context->arguments_count; first++) {
        struct slice word = context->arguments[first];
        if (slice_is_word(word, "nx")) {
            only_new = true;
        } else if (slice_is_word(word, "xx")) {
            only_there = true;
        } else if (!slice_is_word(word, "ch")) {
            break;
        }
    }
    if ((context->arguments_count - first) % 3 != 0 || (only_new && only_there)) {
        command_refuse_syntax(context);
        return;
    }
    add(context, first);
}

/* ---- Asking ---- */

void handle_geopos(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    if (!command_find_zset(context, 1, &set)) {
        return;
    }
    reply_array(context->reply, context->arguments_count - 2);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        struct geo_point point;
        if (command_find_point(set, context->arguments[i], &point)) {
            command_reply_point(context, point);
        } else {
            reply_null_array(context->reply);
        }
    }
}

void handle_geohash(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    if (!command_find_zset(context, 1, &set)) {
        return;
    }
    reply_array(context->reply, context->arguments_count - 2);
    for (uint32_t i = 2; i < context->arguments_count; i++) {
        struct geo_point point;
        char text[GEO_TEXT_BYTES];
        if (command_find_point(set, context->arguments[i], &point)) {
            geo_print(point, text);
            reply_bulk(context->reply, slice_of(text, sizeof(text)));
        } else {
            reply_null(context->reply);
        }
    }
}

void handle_geodist(struct command_context *context)
{
    const struct sorted_set *set = NULL;
    struct geo_point points[2];
    double unit = 1;
    if (context->arguments_count > 5) {
        command_refuse_syntax(context);
        return;
    }
    if ((context->arguments_count == 5 && !command_read_unit(context, 4, &unit)) ||
        !command_find_zset(context, 1, &set)) {
        return;
    }
    if (command_find_point(set, context->arguments[2], &points[0]) &&
        command_find_point(set, context->arguments[3], &points[1])) {
        command_reply_distance(context, geo_distance(points[0], points[1]) / unit);
    } else {
        reply_null(context->reply);
    }
}
