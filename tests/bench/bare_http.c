/* bare_http.c -- the least that an HTTP server on libevent does: it answers every request alike.
 *
 *     bare-http PORT BODY
 *
 * What a local read of Quorum's HTTP API is measured against: same library, same bytes, no parsing
 * of the query, no store.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(struct evhttp_request *request, void *context)
{
    const char *body = context;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *buffer = evhttp_request_get_output_buffer(request);
    if (evhttp_add_header(headers, "Content-Type", "application/json") != 0 ||
        evhttp_add_header(headers, "X-Content-Type-Options", "nosniff") != 0 ||
        evbuffer_add_reference(buffer, body, strlen(body), NULL, NULL) != 0) {
        evhttp_send_error(request, 500, NULL);
        return;
    }
    evhttp_send_reply(request, 200, "OK", NULL);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bare-http PORT BODY\n");
        return 2;
    }
    struct event_base *base = event_base_new();
    struct evhttp *http = base == NULL ? NULL : evhttp_new(base);
    if (http == NULL ||
        evhttp_bind_socket(http, "127.0.0.1", (uint16_t)strtoul(argv[1], NULL, 10)) != 0) {
        fprintf(stderr, "bare-http: cannot listen at port %s\n", argv[1]);
        return 1;
    }
    evhttp_set_gencb(http, answer, argv[2]);
    return event_base_dispatch(base) == 0 ? 0 : 1;
}
