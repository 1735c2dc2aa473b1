/* peer_socket.c -- options and questions of the peer links' sockets.
 *
 * A peer whose machine lost power says nothing (faults: half-open TCP). The dialled side always has
 * something to say, heartbeats or their answers, so unacknowledged data is the signal there:
 * TCP_USER_TIMEOUT. The accepted side may rightly hear nothing for hours (two followers), so only
 * keep-alive probes tell; nothing waits for them, a dead connection there only holds memory and is
 * replaced as soon as its peer dials anew. An option that a system lacks costs detection time and
 * nothing else, so failures to set one are passed over.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "net/peer_internal.h"

enum {
    KEEPALIVE_IDLE_SECONDS = 5,
    KEEPALIVE_INTERVAL_SECONDS = 2,
    KEEPALIVE_PROBES = 3,
    USER_TIMEOUT_MS = 2000,
    /* Bytes the kernel may hold that TCP has not sent yet: without it a heartbeat would wait behind
     * megabytes of entries in the send buffer of a slow link. Bytes in flight are not counted. */
    NOT_SENT_BYTES = 256 * 1024,
};

static void set_option(int descriptor, int level, int option, int value)
{
    (void)setsockopt(descriptor, level, option, &value, sizeof(value));
}

static void set_keepalive(int descriptor)
{
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

void peer_socket_tune_dialled(int descriptor)
{
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_keepalive(descriptor);
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    set_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_BYTES);
}

void peer_socket_tune_accepted(int descriptor)
{
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_keepalive(descriptor);
}

void peer_socket_delay_acks(int descriptor)
{
    set_option(descriptor, IPPROTO_TCP, TCP_QUICKACK, 0);
}

bool peer_socket_is_hung_up(int descriptor)
{
    struct pollfd question = {.fd = descriptor, .events = POLLRDHUP};
    return poll(&question, 1, 0) > 0 && (question.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool peer_socket_is_own_echo(int descriptor)
{
    struct sockaddr_storage here, there;
    memset(&here, 0, sizeof(here));
    memset(&there, 0, sizeof(there));
    socklen_t here_bytes = sizeof(here), there_bytes = sizeof(there);
    return getsockname(descriptor, (struct sockaddr *)&here, &here_bytes) == 0 &&
           getpeername(descriptor, (struct sockaddr *)&there, &there_bytes) == 0 &&
           here_bytes == there_bytes && memcmp(&here, &there, here_bytes) == 0;
}
