/* listen_socket.c -- from an address of the bind option to a listening socket. */
#include "net/listen_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/logger.h"

enum { PORT_TEXT_BYTES = 8 };

/* Opens, binds and listens on one address; on failure closes again and leaves errno as it was. */
static int open_socket(const struct addrinfo *address, uint32_t backlog, const char **doing)
{
    *doing = "open a socket for";
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return -1;
    }
    int on = 1;
    int depth = backlog == 0 || backlog > SOMAXCONN ? SOMAXCONN : (int)backlog;
    *doing = "set up the socket for";
    bool failed = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0;
    if (!failed && address->ai_family == AF_INET6) {
        failed = setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0;
    }
    if (!failed) {
        *doing = "bind to";
        failed = bind(descriptor, address->ai_addr, address->ai_addrlen) < 0;
    }
    if (!failed) {
        *doing = "listen on";
        failed = listen(descriptor, depth) < 0;
    }
    if (failed) {
        int error = errno;
        (void)close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

/* Resolves the address in one family; NULL and the resolver's code when it has none there. */
static struct addrinfo *resolve(const char *address, uint16_t port, int family, int *code)
{
    const char *host = address;
    if (strcmp(host, "*") == 0) {
        host = family == AF_INET ? "0.0.0.0" : "";
    } else if (strcmp(host, "::*") == 0) {
        host = "::";
    }
    char port_text[PORT_TEXT_BYTES];
    (void)snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
    struct addrinfo *found = NULL;
    *code = getaddrinfo(host, port_text, &hints, &found);
    return *code == 0 ? found : NULL;
}

static uint16_t bound_port(int descriptor)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) < 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

enum result listen_socket_open(const char *address, uint16_t port, uint32_t backlog,
                               struct listen_socket *out)
{
    bool is_optional = address[0] == '-';
    address += is_optional;
    int code = 0;
    struct addrinfo *found = resolve(address, port, AF_INET, &code);
    if (found == NULL && strcmp(address, "*") != 0) {
        found = resolve(address, port, AF_INET6, &code);
    }
    if (found == NULL) {
        logger_log(LOGGER_ERROR, "Cannot listen on %s port %u: %s.", address, (unsigned)port,
                   gai_strerror(code));
        return RESULT_IO;
    }
    const char *doing = "";
    int descriptor = open_socket(found, backlog, &doing);
    int error = errno;
    freeaddrinfo(found);
    if (descriptor < 0) {
        bool is_missing =
            error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
        bool is_harmless = is_missing && is_optional;
        logger_log(is_harmless ? LOGGER_VERBOSE : LOGGER_ERROR, "Cannot %s %s port %u: %s.", doing,
                   address, (unsigned)port, strerror(error));
        return is_harmless ? RESULT_NOT_FOUND : RESULT_IO;
    }
    *out = (struct listen_socket){descriptor, bound_port(descriptor)};
    return RESULT_OK;
}
