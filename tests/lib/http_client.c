/* http_client.c -- one HTTP request: send it, read to the end, take it apart. */
#include "lib/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/redis_client.h"

/* Reads until the server closes. */
static char *read_to_end(int socket, size_t *size)
{
    size_t have = 0;
    size_t room = 4096;
    char *bytes = malloc(room + 1);
    for (;;) {
        ssize_t count = recv(socket, bytes + have, room - have, 0);
        if (count < 0) {
            FAIL("no HTTP answer in time");
        }
        if (count == 0) {
            break;
        }
        have += (size_t)count;
        if (have == room) {
            room *= 2;
            bytes = realloc(bytes, room + 1);
        }
    }
    bytes[have] = '\0';
    *size = have;
    return bytes;
}

static struct http_answer take_apart(char *bytes, size_t size)
{
    struct http_answer answer = {.headers = bytes};
    char *end = strstr(bytes, "\r\n\r\n");
    if (sscanf(bytes, "HTTP/1.1 %d", &answer.status) != 1 || end == NULL) {
        FAIL("no HTTP answer, but '%.100s'", bytes);
    }
    *end = '\0';
    answer.body = end + 4;
    answer.body_bytes = size - (size_t)(answer.body - bytes);
    const char *length = strcasestr(bytes, "\r\nContent-Length:");
    if (length != NULL && strtoul(length + 17, NULL, 10) != answer.body_bytes) {
        FAIL("%zu bytes of body behind '%s'", answer.body_bytes, length + 2);
    }
    return answer;
}

struct http_answer http_call(uint16_t port, const char *request_line, const char *headers,
                             const char *body)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n%s", request_line, port,
            headers);
    if (body != NULL) {
        fprintf(out, "Content-Length: %zu\r\n", strlen(body));
    }
    fprintf(out, "\r\n%s", body == NULL ? "" : body);
    (void)fclose(out);
    int socket = raw_open(port);
    raw_send(socket, text, size);
    free(text);
    char *bytes = read_to_end(socket, &size);
    (void)close(socket);
    return take_apart(bytes, size);
}

void http_answer_free(struct http_answer *answer)
{
    free(answer->headers);
}

struct expected {
    int status;
    const char *body;
    bool is_part;
};

static void check_answer(const char *line, struct http_answer answer, struct expected expected)
{
    /* Bodies end in a line feed, as the original's do. */
    answer.body[answer.body_bytes > 0 ? strcspn(answer.body, "\n") : 0] = '\0';
    bool is_right = expected.is_part ? strstr(answer.body, expected.body) != NULL
                                     : strcmp(answer.body, expected.body) == 0;
    if (answer.status != expected.status || !is_right) {
        FAIL("'%.200s' is answered %d '%.300s' instead of %d '%.300s'", line, answer.status,
             answer.body, expected.status, expected.body);
    }
    if (strcasestr(answer.headers, "\r\nContent-Type: application/json") == NULL) {
        FAIL("'%.200s' is answered without the content type of JSON: %s", line, answer.headers);
    }
    http_answer_free(&answer);
}

static void get(uint16_t port, const char *target, struct expected expected)
{
    char line[1024];
    (void)snprintf(line, sizeof(line), "GET %s", target);
    check_answer(line, http_call(port, line, "", NULL), expected);
}

static void post(uint16_t port, const char *target, const char *json, struct expected expected)
{
    char line[1024];
    (void)snprintf(line, sizeof(line), "POST %s", target);
    const char *headers = json == NULL ? "" : "Content-Type: application/json\r\n";
    check_answer(line, http_call(port, line, headers, json), expected);
}

void expect_get(uint16_t port, const char *target, int status, const char *body)
{
    get(port, target, (struct expected){status, body, false});
}

void expect_get_like(uint16_t port, const char *target, int status, const char *part)
{
    get(port, target, (struct expected){status, part, true});
}

void expect_post(uint16_t port, const char *target, const char *json, int status, const char *body)
{
    post(port, target, json, (struct expected){status, body, false});
}

void expect_post_like(uint16_t port, const char *target, const char *json, int status,
                      const char *part)
{
    post(port, target, json, (struct expected){status, part, true});
}
