/* redis_client.c -- calls over hiredis with checks, and raw sockets. */
#include "lib/redis_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"

static const struct timeval timeout = {REDIS_CLIENT_TIMEOUT_MS / 1000, 0};

redisContext *redis_client_try(uint16_t port)
{
    redisContext *client = redisConnectWithTimeout("127.0.0.1", port, timeout);
    if (client != NULL && (client->err != 0 || redisSetTimeout(client, timeout) != REDIS_OK)) {
        redisFree(client);
        client = NULL;
    }
    return client;
}

redisContext *redis_client_open(uint16_t port)
{
    redisContext *client = redis_client_try(port);
    if (client == NULL) {
        FAIL("cannot connect to the Redis port %u", port);
    }
    return client;
}

static redisReply *call(redisContext *client, const char *format, va_list arguments)
{
    redisReply *reply = redisvCommand(client, format, arguments);
    if (reply == NULL) {
        FAIL("no reply to '%s': %s", format,
             client->err == REDIS_ERR_IO ? strerror(errno) : client->errstr);
    }
    return reply;
}

redisReply *redis_client_call(redisContext *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = call(client, format, arguments);
    va_end(arguments);
    return reply;
}

/* ---- Showing ---- */

static void show_bytes(FILE *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\') {
            fprintf(out, "\\x%02x", byte);
        } else {
            fputc(byte, out);
        }
    }
}

static void show(FILE *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_STATUS:
        fprintf(out, "+%s", reply->str);
        break;
    case REDIS_REPLY_ERROR:
        fprintf(out, "-%s", reply->str);
        break;
    case REDIS_REPLY_INTEGER:
        fprintf(out, ":%lld", reply->integer);
        break;
    case REDIS_REPLY_NIL:
        fprintf(out, "(nil)");
        break;
    case REDIS_REPLY_ARRAY:
        fputc('[', out);
        for (size_t i = 0; i < reply->elements; i++) {
            fprintf(out, "%s", i == 0 ? "" : ", ");
            show(out, reply->element[i]);
        }
        fputc(']', out);
        break;
    default: /* hiredis has further types from 1.0 on; strings are what is left here */
        fputc('"', out);
        show_bytes(out, reply->str, (size_t)reply->len);
        fputc('"', out);
        break;
    }
}

char *redis_client_show(const redisReply *reply)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    show(out, reply);
    (void)fclose(out);
    return text;
}

/* ---- Checks ---- */

void expect(redisContext *client, const char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = call(client, format, arguments);
    va_end(arguments);
    char *shown = redis_client_show(reply);
    if (strcmp(shown, text) != 0) {
        FAIL("'%s' is answered %.200s instead of %.200s", format, shown, text);
    }
    free(shown);
    freeReplyObject(reply);
}

void expect_error(redisContext *client, const char *beginning, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = call(client, format, arguments);
    va_end(arguments);
    if (reply->type != REDIS_REPLY_ERROR ||
        strncmp(reply->str, beginning, strlen(beginning)) != 0) {
        FAIL("'%s' is answered %.200s instead of an error %s", format, redis_client_show(reply),
             beginning);
    }
    freeReplyObject(reply);
}

int64_t redis_client_integer(redisContext *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = call(client, format, arguments);
    va_end(arguments);
    if (reply->type != REDIS_REPLY_INTEGER) {
        FAIL("'%s' is answered %.200s instead of an integer", format, redis_client_show(reply));
    }
    int64_t integer = reply->integer;
    freeReplyObject(reply);
    return integer;
}

/* ---- Sockets ---- */

int raw_open(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 ||
        connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        FAIL("cannot connect to port %u: %s", port, strerror(errno));
    }
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    return descriptor;
}

void raw_send(int socket, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            FAIL("cannot send: %s", strerror(errno));
        }
        at += sent;
        size -= (size_t)sent;
    }
}

void raw_read(int socket, char *bytes, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t count = recv(socket, bytes + have, size - have, 0);
        if (count <= 0) {
            FAIL("%zu of %zu bytes came, then: %s; the last were '%.*s'", have, size,
                 count == 0 ? "closed" : strerror(errno), (int)(have < 60 ? have : 60),
                 bytes + (have < 60 ? 0 : have - 60));
        }
        have += (size_t)count;
    }
}

size_t raw_read_all(int socket, char *bytes, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t count = recv(socket, bytes + have, size - have, 0);
        if (count == 0 || (count < 0 && errno == ECONNRESET)) {
            break;
        }
        if (count < 0) {
            FAIL("the connection was to be closed: %s", strerror(errno));
        }
        have += (size_t)count;
    }
    return have;
}
