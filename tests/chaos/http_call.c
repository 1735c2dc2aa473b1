/* http_call.c -- see http_call.h. One connection a request, closed by the server. */
#include "chaos/http_call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/check.h"

enum { ANSWER_BYTES_MAX = 8192 };

static int connect_to(uint16_t port, uint64_t ms)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(descriptor >= 0);
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

/* Whether the body is as long as its header says. */
static bool is_whole(const char *text, size_t size, const char **body)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");
    if (end == NULL || length == NULL || length > end) {
        return false;
    }
    *body = end + 4;
    return size - (size_t)(*body - text) == strtoul(length + 17, NULL, 10);
}

int chaos_http_call(uint16_t port, const char *path, const char *json, uint64_t ms, char **body)
{
    char text[ANSWER_BYTES_MAX + 1];
    int descriptor = connect_to(port, ms);
    if (descriptor < 0) {
        return -1;
    }
    bool is_post = json[0] != '\0';
    int size = snprintf(text, sizeof(text),
                        "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        is_post ? "POST" : "GET", path, port, strlen(json), json);
    size_t got = 0;
    if (send(descriptor, text, (size_t)size, MSG_NOSIGNAL) == size) {
        ssize_t more;
        while (got < ANSWER_BYTES_MAX &&
               (more = recv(descriptor, text + got, ANSWER_BYTES_MAX - got, 0)) > 0) {
            got += (size_t)more;
        }
    }
    (void)close(descriptor);
    text[got] = '\0';
    const char *start = NULL;
    int status = 0;
    if (sscanf(text, "HTTP/1.1 %d", &status) != 1 || !is_whole(text, got, &start)) {
        return 0;
    }
    *body = strdup(start);
    return status;
}
