/* redis_client.h -- a Redis client for tests: hiredis, with replies shown as short texts.
 *
 * A reply is written +OK, -ERR text, :5, "value", (nil), or [a, b] for an array. Bytes outside
 * printable ASCII, quotes and backslashes in a value appear as \xHH.
 */
#ifndef QUORUM_TESTS_LIB_REDIS_CLIENT_H
#define QUORUM_TESTS_LIB_REDIS_CLIENT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replies of waiting commands are awaited so long; a node must never be silent for longer. */
enum { REDIS_CLIENT_TIMEOUT_MS = 20000 };

/* Connects; fails the test when nobody listens. */
redisContext *redis_client_open(uint16_t port);

/* Connects; NULL when that fails. */
redisContext *redis_client_try(uint16_t port);

/* Sends a command and returns its reply, to be freed; fails the test when the connection does. */
redisReply *redis_client_call(redisContext *client, const char *format, ...);

/* Checks that a command is answered with exactly this text. */
void expect(redisContext *client, const char *text, const char *format, ...);

/* Checks that a command is answered with an error that begins so. */
void expect_error(redisContext *client, const char *beginning, const char *format, ...);

/* Sends a command and returns its integer reply; any other reply fails the test. */
int64_t redis_client_integer(redisContext *client, const char *format, ...);

/* The reply as text, to be freed with free. */
char *redis_client_show(const redisReply *reply);

/* ---- Sockets without a client library ---- */

int raw_open(uint16_t port);
void raw_send(int socket, const void *bytes, size_t size);

/* Reads exactly size bytes; fails the test when they do not come. */
void raw_read(int socket, char *bytes, size_t size);

/* Reads until the other side closes, at most size bytes; returns how many came. */
size_t raw_read_all(int socket, char *bytes, size_t size);

#endif
