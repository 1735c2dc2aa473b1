/* geo_support.h -- what the handlers of geographic commands share. Private to this directory. */
#ifndef QUORUM_COMMAND_GEO_SUPPORT_H
#define QUORUM_COMMAND_GEO_SUPPORT_H

#include "command/geo_hash.h"
#include "command/zset_support.h"

/* Reads a longitude and a latitude behind it: "ERR value is not a valid float", "ERR invalid
 * longitude,latitude pair ...". */
MUST_CHECK bool command_read_point(struct command_context *context, uint32_t argument,
                                   struct geo_point *out);

/* Reads a unit as meters: "ERR unsupported unit provided. please use M, KM, FT, MI". */
MUST_CHECK bool command_read_unit(struct command_context *context, uint32_t argument, double *out);

/* Finds a member's point; false: it is not there. set may be NULL. */
bool command_find_point(const struct sorted_set *set, struct slice member, struct geo_point *out);

/* Replies with a distance, to four decimals. */
void command_reply_distance(struct command_context *context, double distance);

/* Replies with the pair of coordinates. */
void command_reply_point(struct command_context *context, struct geo_point point);

#endif
