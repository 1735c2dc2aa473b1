/* http_check.c -- what evhttp 2.1 lets pass and a careful server does not.
 *
 * Framing: two parties that read the end of a message differently can be made to see different
 * requests (request smuggling; RFC 9112, sections 6.3 and 11.2). evhttp takes the first of two
 * Content-Lengths, numbers with a sign, any Transfer-Encoding, and a body on GET as the next
 * request; such a message is answered 400 and its connection closed, so that nothing behind it is
 * read as a request.
 *
 * Browsers: a page from elsewhere can reach a server on localhost. Under protected mode the Host
 * must not be a name that such a page chose (DNS rebinding); a POST must not come from another
 * origin (CSRF). Browsers send Origin with every POST, and a form's content types are no JSON.
 */
#include <arpa/inet.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "net/http_internal.h"

struct framing {
    uint32_t headers_count;
    uint32_t hosts_count;
    uint32_t lengths_count;
    uint32_t encodings_count;
    const char *length;
    const char *encoding;
    bool has_bad_name;
};

static bool is_token(const char *text)
{
    static const char TOKEN[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return text[0] != '\0' && text[strspn(text, TOKEN)] == '\0';
}

static void read_framing(const struct http_request *request, struct framing *framing)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request->evhttp_request);
    const struct evkeyval *header;
    memset(framing, 0, sizeof(*framing));
    TAILQ_FOREACH(header, headers, next)
    {
        framing->headers_count++;
        framing->has_bad_name = framing->has_bad_name || !is_token(header->key);
        if (strcasecmp(header->key, "Host") == 0) {
            framing->hosts_count++;
        } else if (strcasecmp(header->key, "Content-Length") == 0) {
            framing->lengths_count++;
            framing->length = header->value;
        } else if (strcasecmp(header->key, "Transfer-Encoding") == 0) {
            framing->encodings_count++;
            framing->encoding = header->value;
        }
    }
}

static bool may_have_body(unsigned method)
{
    return (method & (EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH)) != 0;
}

/* NULL, or what is wrong with how the message says where it ends. */
static const char *length_error(const struct http_request *request, const struct framing *framing)
{
    if (framing->lengths_count > 1 || framing->encodings_count > 1) {
        return "repeated Content-Length or Transfer-Encoding";
    }
    if (framing->lengths_count + framing->encodings_count > 1) {
        return "both Content-Length and Transfer-Encoding";
    }
    if (framing->encoding != NULL && strcasecmp(framing->encoding, "chunked") != 0) {
        return "unsupported Transfer-Encoding";
    }
    if (framing->length != NULL) {
        size_t digits = strspn(framing->length, "0123456789");
        if (digits == 0 || digits > 18 || framing->length[digits] != '\0') {
            return "malformed Content-Length";
        }
    }
    bool has_body =
        framing->encoding != NULL ||
        (framing->length != NULL && strspn(framing->length, "0") != strlen(framing->length));
    return has_body && !may_have_body(request->method) ? "this method takes no body" : NULL;
}

bool http_check_message(struct http_request *request)
{
    struct framing framing;
    read_framing(request, &framing);
    const struct evhttp_request *message = request->evhttp_request;
    if (message->major != 1 || (message->minor != 0 && message->minor != 1)) {
        http_reply_bad_message(request, 505, "HTTP version not supported");
        return false;
    }
    const char *error = length_error(request, &framing);
    if (framing.headers_count > HTTP_HEADERS_MAX) {
        error = "too many headers";
    } else if (framing.has_bad_name) {
        error = "malformed header name";
    } else if (framing.hosts_count > 1) {
        error = "repeated Host";
    } else if (framing.hosts_count == 0 && message->minor == 1) {
        error = "missing Host";
    }
    if (error != NULL) {
        http_reply_bad_message(request, 400, error);
        return false;
    }
    return true;
}

/* ---- Protected mode ---- */

/* The host of "host", "host:port" or "[v6]:port", without brackets. */
static struct slice host_of(const char *authority)
{
    if (authority[0] == '[') {
        return slice_of(authority + 1, strcspn(authority + 1, "]"));
    }
    return slice_of(authority, strcspn(authority, ":"));
}

static bool is_same_host(struct slice host, const char *name)
{
    return host.size == strlen(name) && strncasecmp((const char *)host.bytes, name, host.size) == 0;
}

/* An attacker's page cannot make a browser send an address it does not own as a name. */
static bool is_address(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.size == 0 || host.size >= sizeof(text)) {
        return false;
    }
    memcpy(text, host.bytes, host.size);
    text[host.size] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_host_of(struct slice host, const char *address)
{
    struct slice known = host_of(address);
    return known.size > 0 && known.size == host.size &&
           strncasecmp((const char *)known.bytes, (const char *)host.bytes, host.size) == 0;
}

static bool is_own_host(const struct http_server *server, struct slice host)
{
    if (is_address(host) || is_same_host(host, "localhost")) {
        return true;
    }
    for (uint32_t i = 0; i < server->options.bind_addresses_count; i++) {
        const char *name = server->bind_names[i];
        if (is_same_host(host, name[0] == '-' ? name + 1 : name)) {
            return true;
        }
    }
    const struct raft_configuration *configuration = replica_configuration(server->loop->replica);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        const struct peer_node_info *info = replica_peer_info(server->loop->replica, member->id);
        if (is_host_of(host, member->http_address) ||
            (info != NULL && is_host_of(host, info->http_address))) {
            return true;
        }
    }
    return false;
}

bool http_check_protected_mode(struct http_request *request)
{
    const struct http_server *server = request->server;
    const struct executor *executor = replica_executor(server->loop->replica);
    if (!server->options.is_protected || executor_password(executor)[0] != '\0') {
        return true;
    }
    if (!http_request_is_from_loopback(request)) {
        http_reply_bad_message(request, 403,
                               "protected mode: without a password (requirepass) only clients on "
                               "this machine are served; set one, or protected-mode no");
        return false;
    }
    const char *header = http_request_header(request, "Host");
    if (header != NULL && !is_own_host(server, host_of(header))) {
        http_reply_bad_message(request, 403,
                               "protected mode: without a password (requirepass) the Host must be "
                               "localhost, an address or a member's own name");
        return false;
    }
    return true;
}

/* ---- Requests from other sites ---- */

static bool is_form_type(const char *type)
{
    return strncasecmp(type, "text/plain", 10) == 0 ||
           strncasecmp(type, "multipart/form-data", 19) == 0;
}

bool http_check_origin(struct http_request *request)
{
    if (request->method != EVHTTP_REQ_POST) {
        return true;
    }
    const char *origin = http_request_header(request, "Origin");
    const char *host = http_request_header(request, "Host");
    const char *site = http_request_header(request, "Sec-Fetch-Site");
    const char *type = http_request_header(request, "Content-Type");
    const char *authority = origin == NULL ? NULL : strstr(origin, "://");
    bool is_foreign = origin != NULL &&
                      (authority == NULL || host == NULL || strcasecmp(authority + 3, host) != 0);
    bool is_other_site =
        site != NULL && strcasecmp(site, "same-origin") != 0 && strcasecmp(site, "none") != 0;
    if (is_foreign || is_other_site) {
        http_reply_error(request, 403, "requests from other web sites are refused");
        return false;
    }
    if (type != NULL && is_form_type(type)) {
        http_reply_error(request, 415, "use Content-Type: application/json");
        return false;
    }
    return true;
}
