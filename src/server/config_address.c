/* config_address.c -- host:port as operators write it, and the slips they make in it. */
#include <arpa/inet.h>
#include <strings.h>

#include "base/number.h"
#include "server/config_internal.h"

static const uint8_t *find(struct slice text, char c)
{
    return text.size == 0 ? NULL : memchr(text.bytes, c, text.size);
}

static bool contains(struct slice text, const char *part)
{
    return text.size > 0 && memmem(text.bytes, text.size, part, strlen(part)) != NULL;
}

static bool refuse(struct buf *reason, struct slice value, const char *why)
{
    buf_append_format(reason, "'%.*s' %s", (int)(value.size < 200 ? value.size : 200),
                      value.size == 0 ? "" : (const char *)value.bytes, why);
    return false;
}

bool config_check_not_empty(struct slice value, struct buf *reason)
{
    return value.size > 0 || refuse(reason, value, "may not be empty");
}

bool config_check_name(struct slice value, struct buf *reason)
{
    if (value.size == 0 || value.size >= LIMIT_NODE_NAME_BYTES) {
        buf_append_format(reason, "a node's id has 1 to %d characters", LIMIT_NODE_NAME_BYTES - 1);
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.bytes[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') {
            return refuse(reason, value, "is no id: letters, digits, '-', '_' and '.' only");
        }
    }
    return true;
}

/* The shape of host: what getaddrinfo could take. */
static bool check_host(struct slice text, struct slice host, bool is_bracketed, struct buf *reason)
{
    if (host.size == 0) {
        return refuse(reason, text, "has no host before the port");
    }
    if (!is_bracketed && find(host, ':') != NULL) {
        return refuse(reason, text,
                      "has several colons; an IPv6 address goes in brackets: [::1]:9001");
    }
    for (size_t i = 0; i < host.size; i++) {
        if (host.bytes[i] <= ' ' || host.bytes[i] >= 127 || strchr("/@,[]=", host.bytes[i])) {
            return refuse(reason, text, "is no host:port");
        }
    }
    return true;
}

static bool parse_port(struct slice text, struct slice digits, uint16_t *out, struct buf *reason)
{
    uint64_t port;
    if (!number_parse_uint64(digits, &port) || port == 0 || port > UINT16_MAX) {
        return refuse(reason, text, "needs a port from 1 to 65535 behind the colon");
    }
    *out = (uint16_t)port;
    return true;
}

bool config_address_parse(struct slice text, struct config_address *out, struct buf *reason)
{
    struct config_address address = {.text = text};
    if (contains(text, "://")) {
        return refuse(reason, text, "is a URL; host:port is wanted, e.g. localhost:9001");
    }
    const uint8_t *equals = find(text, '=');
    if (equals != NULL) {
        size_t size = (size_t)(equals - text.bytes);
        address.name = slice_of(text.bytes, size);
        address.text = slice_of(equals + 1, text.size - size - 1);
        if (!config_check_name(address.name, reason)) {
            return false;
        }
    }
    struct slice rest = address.text;
    if (rest.size >= LIMIT_ADDRESS_BYTES) {
        return refuse(reason, text, "is too long for an address");
    }
    const uint8_t *colon = rest.size == 0 ? NULL : memrchr(rest.bytes, ':', rest.size);
    bool is_bracketed = rest.size > 0 && rest.bytes[0] == '[';
    if (colon == NULL || (is_bracketed && colon[-1] != ']')) {
        return refuse(reason, text, "has no port; host:port is wanted, e.g. localhost:9001");
    }
    size_t host_size = (size_t)(colon - rest.bytes);
    address.host =
        is_bracketed ? slice_of(rest.bytes + 1, host_size - 2) : slice_of(rest.bytes, host_size);
    struct slice digits = slice_of(colon + 1, rest.size - host_size - 1);
    if (!check_host(text, address.host, is_bracketed, reason) ||
        !parse_port(text, digits, &address.port, reason)) {
        return false;
    }
    *out = address;
    return true;
}

bool config_host_is_loopback(struct slice host)
{
    bool is_localhost =
        host.size == 9 && strncasecmp((const char *)host.bytes, "localhost", 9) == 0;
    bool is_v4 = host.size > 4 && memcmp(host.bytes, "127.", 4) == 0;
    return is_localhost || is_v4 || slice_equals(host, SLICE_LITERAL("::1"));
}

bool config_host_is_any(struct slice host)
{
    return slice_equals(host, SLICE_LITERAL("0.0.0.0")) ||
           slice_equals(host, SLICE_LITERAL("::")) || slice_equals(host, SLICE_LITERAL("*"));
}

/* A plain host:port that one can connect to; advice is for one that stands for all addresses. */
static bool check_target(struct slice value, const char *advice, struct buf *reason)
{
    struct config_address address;
    if (!config_address_parse(value, &address, reason)) {
        return false;
    }
    if (address.name.size > 0) {
        return refuse(reason, value, "has an id; only host:port is wanted here");
    }
    return !config_host_is_any(address.host) || refuse(reason, value, advice);
}

bool config_check_announced(struct slice value, struct buf *reason)
{
    return check_target(value,
                        "is where to listen, not where to connect; announce a name or an address "
                        "that others can reach",
                        reason);
}

bool config_check_join(struct slice value, struct buf *reason)
{
    return value.size == 0 || check_target(value,
                                           "is where to listen, not where to connect; give the "
                                           "peer address of a member of the cluster",
                                           reason);
}

bool config_check_bind(struct slice value, struct buf *reason)
{
    if (value.size > 0 && value.bytes[0] == '-') {
        value = slice_of(value.bytes + 1, value.size - 1);
    }
    if (contains(value, "://") || contains(value, "/")) {
        return refuse(reason, value,
                      "is no address to listen on; give an IP address, e.g. 0.0.0.0");
    }
    if (value.size == 0 || value.size >= LIMIT_ADDRESS_BYTES) {
        buf_append_format(reason, "an address to listen on has 1 to %d characters",
                          LIMIT_ADDRESS_BYTES - 1);
        return false;
    }
    char text[LIMIT_ADDRESS_BYTES];
    memcpy(text, value.bytes, value.size);
    text[value.size] = '\0';
    struct in6_addr v6;
    if (find(value, ':') != NULL && strcmp(text, "::*") != 0 &&
        inet_pton(AF_INET6, text, &v6) != 1) {
        return refuse(reason, value,
                      "is no address to listen on; the port is an option of its own");
    }
    return true;
}
