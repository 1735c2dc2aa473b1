/* http_router.c -- which path answers to which method, and what every request passes first. */
#include <event2/buffer.h>
#include <string.h>

#include "net/http_internal.h"

struct http_route {
    const char *path;
    unsigned methods; /* enum evhttp_cmd_type */
    const char *allow;
    const char *wrong_method; /* the error text of a 405 */
    bool is_public;           /* answers without a password: says nothing but "alive" */
    void (*handle)(struct http_request *request);
};

#define GET_ONLY EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD", "use GET"
#define POST_ONLY EVHTTP_REQ_POST, "POST", "use POST"

static const struct http_route ROUTES[] = {
    {"/get", GET_ONLY, false, http_data_get},
    {"/put", POST_ONLY, false, http_data_put},
    {"/delete", POST_ONLY, false, http_data_delete},
    {"/status", GET_ONLY, false, http_status_status},
    {"/health", GET_ONLY, true, http_status_health},
    {"/cluster/members", GET_ONLY, false, http_members_list},
    {"/cluster/add", POST_ONLY, false, http_members_add},
    {"/cluster/remove", POST_ONLY, false, http_members_remove},
};

static const struct http_route *find_route(struct slice path)
{
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        if (slice_equals(path, slice_of_string(ROUTES[i].path))) {
            return &ROUTES[i];
        }
    }
    return NULL;
}

static bool parse_query(struct http_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request->evhttp_request);
    const char *text = uri == NULL ? NULL : evhttp_uri_get_query(uri);
    if (uri != NULL && evhttp_uri_get_fragment(uri) != NULL) {
        http_reply_error(request, 400, "a '#' in the request target must be written as %23");
        return false;
    }
    const char *error =
        text == NULL ? NULL : http_query_init(&request->query, slice_of_string(text));
    if (error != NULL) {
        http_reply_error(request, 400, error);
        return false;
    }
    return true;
}

/* The order: is it HTTP, may this client talk to us, is there such a thing, may it be done so. */
void http_route(struct evhttp_request *evhttp_request, void *context)
{
    struct http_server *server = context;
    loop_wake(server->loop);
    struct http_request *request = http_request_create(server, evhttp_request);
    if (http_connection_is_excess(request)) {
        http_reply_bad_message(request, 503, "too many HTTP connections");
        return;
    }
    if (http_intake_answer_refusal(request) || !http_check_protected_mode(request)) {
        return;
    }
    const struct http_route *route = find_route(request->path);
    bool is_public = route != NULL && route->is_public;
    if (!is_public && !http_auth_check(request)) {
        return;
    }
    if (route == NULL) {
        http_reply_error(request, 404, "not found");
        return;
    }
    if ((route->methods & request->method) == 0) {
        http_reply_header(request, "Allow", route->allow);
        http_reply_error(request, 405, route->wrong_method);
        return;
    }
    if (!http_check_origin(request) || !parse_query(request)) {
        return;
    }
    route->handle(request);
}
