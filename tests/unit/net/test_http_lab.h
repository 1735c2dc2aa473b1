/* test_http_lab.h -- an HTTP server on a cluster of one, and a client, in one thread.
 *
 * A request is sent, then turns of the loop run until its answer is whole. Persisting takes one
 * turn and no disk.
 */
#ifndef QUORUM_TESTS_UNIT_NET_TEST_HTTP_LAB_H
#define QUORUM_TESTS_UNIT_NET_TEST_HTTP_LAB_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "net/http_server.h"
#include "net/loop.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: localhost"
#define POST(target) "POST " target " HTTP/1.1\r\nHost: localhost"

struct http_lab {
    struct loop loop;
    struct http_server *server;
    uint64_t persist_id; /* handed out and not reported yet */
    bool is_held;        /* report nothing as durable: writes wait */
};

void http_lab_open(struct http_lab *node, const char *password, bool is_protected);
/* The same with the timeouts of options. */
void http_lab_open_with(struct http_lab *node, const char *password,
                        const struct http_server_options *options);
void http_lab_close(struct http_lab *node);

/* One turn: what came in, what got durable, and the answers. */
void http_lab_turn(struct http_lab *node);

int http_lab_connect(const struct http_lab *node);
void http_lab_send(int client, struct slice bytes);

/* Runs turns until the connection ends or wanted is among what was received; text has a NUL. */
void http_lab_receive(struct http_lab *node, int client, struct buf *text, const char *wanted);

/* Sends one request, with "Connection: close" added, and returns the whole answer; freed by the
 * next call. */
const char *http_lab_ask(struct http_lab *node, const char *head, const char *body);

/* Whether answer has this status and exactly this body, or this text somewhere. */
bool http_lab_is_answer(const char *answer, int status, const char *body);
bool http_lab_is_like(const char *answer, int status, const char *text);

#endif
