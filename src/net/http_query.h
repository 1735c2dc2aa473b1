/* http_query.h -- the query of a request target as name and value pairs of any bytes. */
#ifndef QUORUM_NET_HTTP_QUERY_H
#define QUORUM_NET_HTTP_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Parameters of one query: more are answered 400. */
#define HTTP_QUERY_PARAMETERS_MAX 16

struct http_parameter {
    struct slice name;
    struct slice value; /* empty when there is no '=' */
};

struct http_query {
    struct buf bytes; /* owned; what the parameters point into */
    uint32_t parameters_count;
    struct http_parameter parameters[HTTP_QUERY_PARAMETERS_MAX];
};

/*
 * Parses "a=1&b=2", percent-encoding and '+' resolved; empty parts are passed over.
 *
 * Returns NULL, or what is wrong with it for the client to read (static). Either way the query is
 * to be deinitialised.
 */
const char *http_query_init(struct http_query *query, struct slice text);
void http_query_deinit(struct http_query *query);

/* Returns how often name is there, and the first one's value when it is. */
uint32_t http_query_find(const struct http_query *query, const char *name, struct slice *value);

/* Answers whether a switch is on: "name=true" or "name=1". */
bool http_query_is_true(const struct http_query *query, const char *name);

/* Appends the parameters as a query that parses back into the same ones. */
void http_query_encode(const struct http_query *query, struct buf *out);

#endif
