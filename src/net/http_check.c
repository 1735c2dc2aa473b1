/* http_check.c -- what HTTP lets pass and a careful server does not.
 *
 * A page from elsewhere can make its browser reach a server on localhost. Under protected mode the
 * Host must not be a name that such a page chose (DNS rebinding); a POST must not come from another
 * origin (CSRF). Browsers send Origin with every POST, and a form's content types are no JSON.
 */
#include <arpa/inet.h>
#include <event2/http.h>
#include <string.h>
#include <strings.h>

#include "net/http_internal.h"

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
