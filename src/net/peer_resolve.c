/* peer_resolve.c -- names through evdns.
 *
 * evdns calls back late, even for a request that was cancelled or whose base is gone. So what it
 * calls back with is a struct peer_lookup of its own, freed in the callback and nowhere else; a
 * cancelled one has on_resolved NULL.
 */
#include "net/peer_resolve.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/slice.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS "/etc/hosts"

enum { PORT_BYTES = 6 };

struct file_stamp {
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct peer_resolver {
    struct event_base *base;
    struct evdns_base *dns;      /* NULL: to be made at the next lookup */
    struct file_stamp stamps[2]; /* of the files that dns was made from */
    bool is_doubtful;            /* a lookup failed: read the files again */
    struct list lookups;         /* under way; cancelled ones too */
};

struct peer_lookup {
    struct list in_resolver;
    struct peer_resolver *resolver; /* NULL: gone */
    struct evdns_getaddrinfo_request *request;
    bool is_returned; /* evdns may call back before evdns_getaddrinfo returns */
    bool is_answered;
    peer_on_resolved *on_resolved; /* NULL: cancelled */
    void *context;
};

struct peer_resolver *peer_resolver_create(struct event_base *base)
{
    struct peer_resolver *resolver = mem_alloc_zeroed(1, sizeof(*resolver));
    resolver->base = base;
    list_init(&resolver->lookups);
    return resolver;
}

void peer_resolver_destroy(struct peer_resolver *resolver)
{
    for (struct list *link = list_pop_front(&resolver->lookups); link != NULL;
         link = list_pop_front(&resolver->lookups)) {
        struct peer_lookup *lookup = LIST_MEMBER(link, struct peer_lookup, in_resolver);
        lookup->resolver = NULL;
        peer_lookup_cancel(lookup);
    }
    if (resolver->dns != NULL) {
        evdns_base_free(resolver->dns, 1);
    }
    mem_free(resolver);
}

/* ---- host:port ---- */

/* Splits an address; host and port have room. Returns false when it is no such thing. */
static bool split_address(const char *address, char host[LIMIT_ADDRESS_BYTES],
                          char port[PORT_BYTES])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL) {
        return false;
    }
    const char *begin = address;
    const char *end = colon;
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
        begin++;
        end--;
    } else if (memchr(begin, ':', (size_t)(end - begin)) != NULL) {
        return false; /* A bare IPv6 address: which colon is the port's? Or a URL. */
    }
    uint64_t number = 0;
    size_t host_bytes = (size_t)(end - begin);
    if (host_bytes == 0 || host_bytes >= LIMIT_ADDRESS_BYTES ||
        !number_parse_uint64(slice_of_string(colon + 1), &number) || number == 0 ||
        number > UINT16_MAX) {
        return false;
    }
    memcpy(host, begin, host_bytes);
    host[host_bytes] = '\0';
    (void)snprintf(port, PORT_BYTES, "%u", (unsigned)number);
    return true;
}

/* "localhost" and everything under it, which no file and no server may say otherwise of (RFC 6761
 * section 6.3). */
static bool is_localhost(const char *host)
{
    struct slice name = slice_of_string(host);
    if (name.size > 0 && name.bytes[name.size - 1] == '.') {
        name.size--;
    }
    static const char word[] = "localhost";
    size_t word_bytes = sizeof(word) - 1;
    if (name.size < word_bytes) {
        return false;
    }
    struct slice last = slice_of(name.bytes + name.size - word_bytes, word_bytes);
    return slice_is_word(last, word) &&
           (name.size == word_bytes || name.bytes[name.size - word_bytes - 1] == '.');
}

static uint32_t copy_addresses(const struct evutil_addrinfo *list,
                               struct sockaddr_storage addresses[PEER_RESOLVED_MAX])
{
    uint32_t count = 0;
    for (; list != NULL && count < PEER_RESOLVED_MAX; list = list->ai_next) {
        bool is_ip = list->ai_family == AF_INET || list->ai_family == AF_INET6;
        if (is_ip && list->ai_addrlen <= sizeof(addresses[0])) {
            memset(&addresses[count], 0, sizeof(addresses[count]));
            memcpy(&addresses[count], list->ai_addr, list->ai_addrlen);
            count++;
        }
    }
    return count;
}

/* Resolves without files and servers. Returns the number of addresses, 0 when host is a name. */
static uint32_t resolve_numeric(const char *host, const char *port,
                                struct sockaddr_storage addresses[PEER_RESOLVED_MAX])
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_protocol = IPPROTO_TCP,
                                    .ai_flags = EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV};
    struct evutil_addrinfo *found = NULL;
    if (evutil_getaddrinfo(host, port, &hints, &found) != 0) {
        return 0;
    }
    uint32_t count = copy_addresses(found, addresses);
    evutil_freeaddrinfo(found);
    return count;
}

static uint32_t resolve_local(const char *host, const char *port,
                              struct sockaddr_storage addresses[PEER_RESOLVED_MAX])
{
    if (!is_localhost(host)) {
        return resolve_numeric(host, port, addresses);
    }
    uint32_t count = resolve_numeric("127.0.0.1", port, addresses);
    struct sockaddr_storage v6[PEER_RESOLVED_MAX];
    if (resolve_numeric("::1", port, v6) > 0) {
        addresses[count] = v6[0];
        count++;
    }
    return count;
}

/* ---- Names ---- */

static struct file_stamp stamp_of(const char *path)
{
    struct stat status;
    struct file_stamp stamp;
    memset(&stamp, 0, sizeof(stamp));
    if (stat(path, &status) == 0) {
        stamp.inode = status.st_ino;
        stamp.size = status.st_size;
        stamp.modified = status.st_mtim;
    }
    return stamp;
}

static bool stamps_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->inode == b->inode && a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

/* Makes the evdns base, or makes it anew when its files have changed. Not while one of its requests
 * is under way, whose end would then be told as a failure. */
static void refresh(struct peer_resolver *resolver)
{
    if (resolver->dns != NULL && !list_is_empty(&resolver->lookups)) {
        return;
    }
    struct file_stamp stamps[2] = {stamp_of(RESOLV_CONF), stamp_of(HOSTS)};
    if (resolver->dns != NULL) {
        if (!resolver->is_doubtful && stamps_equal(&stamps[0], &resolver->stamps[0]) &&
            stamps_equal(&stamps[1], &resolver->stamps[1])) {
            return;
        }
        evdns_base_free(resolver->dns, 0);
    }
    memcpy(resolver->stamps, stamps, sizeof(stamps));
    resolver->is_doubtful = false;
    resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->dns == NULL) {
        return;
    }
    /* Without the file, or a server in it, there is still /etc/hosts: the result does not matter.
     */
    (void)evdns_base_resolv_conf_parse(
        resolver->dns, DNS_OPTIONS_ALL | DNS_OPTION_NAMESERVERS_NO_DEFAULT, RESOLV_CONF);
    /* A guard against forged answers that some servers inside container networks do not echo. */
    (void)evdns_base_set_option(resolver->dns, "randomize-case:", "0");
}

static const char *describe(int error)
{
    bool is_unknown = error == 0 || error == EVUTIL_EAI_NONAME || error == EVUTIL_EAI_NODATA;
    return is_unknown ? "its name is not known" : evutil_gai_strerror(error);
}

static void on_answer(int error, struct evutil_addrinfo *found, void *context)
{
    struct peer_lookup *lookup = context;
    struct sockaddr_storage addresses[PEER_RESOLVED_MAX];
    uint32_t count = error == 0 ? copy_addresses(found, addresses) : 0;
    if (found != NULL) {
        evutil_freeaddrinfo(found);
    }
    if (lookup->resolver != NULL && count == 0) {
        lookup->resolver->is_doubtful = true;
    }
    list_remove(&lookup->in_resolver);
    peer_on_resolved *on_resolved = lookup->on_resolved;
    void *on_resolved_context = lookup->context;
    if (lookup->is_returned) {
        mem_free(lookup);
    } else {
        lookup->is_answered = true;
    }
    if (on_resolved != NULL) {
        on_resolved(addresses, count, count > 0 ? NULL : describe(error), on_resolved_context);
    }
}

struct peer_lookup *peer_resolve(struct peer_resolver *resolver, const char *address,
                                 peer_on_resolved *on_resolved, void *context)
{
    char host[LIMIT_ADDRESS_BYTES];
    char port[PORT_BYTES];
    if (!split_address(address, host, port)) {
        on_resolved(NULL, 0, "its address is not of the form host:port", context);
        return NULL;
    }
    struct sockaddr_storage addresses[PEER_RESOLVED_MAX];
    uint32_t count = resolve_local(host, port, addresses);
    if (count > 0) {
        on_resolved(addresses, count, NULL, context);
        return NULL;
    }
    refresh(resolver);
    if (resolver->dns == NULL) {
        on_resolved(NULL, 0, "names cannot be looked up", context);
        return NULL;
    }
    struct peer_lookup *lookup = mem_alloc_zeroed(1, sizeof(*lookup));
    lookup->resolver = resolver;
    lookup->on_resolved = on_resolved;
    lookup->context = context;
    list_init(&lookup->in_resolver);
    list_push_back(&resolver->lookups, &lookup->in_resolver);
    /* No AI_ADDRCONFIG: it takes a machine without a default route for one without addresses. */
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    lookup->request = evdns_getaddrinfo(resolver->dns, host, port, &hints, on_answer, lookup);
    lookup->is_returned = true;
    if (lookup->is_answered) {
        mem_free(lookup);
        return NULL;
    }
    /* It was not in the hosts file; without a server, evdns would wait for one for ever. */
    if (evdns_base_count_nameservers(resolver->dns) == 0) {
        peer_lookup_cancel(lookup);
        on_resolved(NULL, 0, "its name is not in " HOSTS " and there is no name server", context);
        return NULL;
    }
    return lookup;
}

void peer_lookup_cancel(struct peer_lookup *lookup)
{
    if (lookup != NULL && lookup->on_resolved != NULL) {
        lookup->on_resolved = NULL;
        /* Calls back, now or later, and frees the lookup there. */
        evdns_getaddrinfo_cancel(lookup->request);
    }
}
