/* http_client.h -- a plain HTTP/1.1 client for tests: one request a connection, as curl sends it.
 */
#ifndef QUORUM_TESTS_LIB_HTTP_CLIENT_H
#define QUORUM_TESTS_LIB_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct http_answer {
    int status;
    char *headers; /* with the status line, as they came */
    char *body;    /* NUL behind it */
    size_t body_bytes;
};

/* headers: further header lines, each with its CRLF, or "". body: NULL for none. Fails the test
 * when there is no complete answer. Free with http_answer_free. */
struct http_answer http_call(uint16_t port, const char *request_line, const char *headers,
                             const char *body);
void http_answer_free(struct http_answer *answer);

/* A GET, or a POST with a JSON body (NULL: none), that must be answered with exactly this. */
void expect_get(uint16_t port, const char *target, int status, const char *body);
void expect_post(uint16_t port, const char *target, const char *json, int status, const char *body);

/* As those, where the body must only contain the text. */
void expect_get_like(uint16_t port, const char *target, int status, const char *part);
void expect_post_like(uint16_t port, const char *target, const char *json, int status,
                      const char *part);

#endif
