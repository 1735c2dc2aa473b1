/* test_listener.c -- listening sockets over the loopback device, and their behaviour when the
 * process has no descriptors left. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/unit.h"

enum { ACCEPTED_MAX = 8, TURNS_MAX = 1000 };

/* A loop without a replica, one listener, and what it accepted. */
struct fixture {
    struct loop loop;
    struct listener *listener;
    int accepted[ACCEPTED_MAX];
    int accepted_count;
    bool closes_on_accept;
};

static void on_accept(int descriptor, const struct sockaddr *address, socklen_t address_bytes,
                      void *context)
{
    struct fixture *fixture = context;
    (void)address_bytes;
    CU_ASSERT_TRUE(listener_is_loopback(address));
    CU_ASSERT_TRUE_FATAL(fixture->accepted_count < ACCEPTED_MAX);
    fixture->accepted[fixture->accepted_count++] = descriptor;
    if (fixture->closes_on_accept) {
        listener_close(fixture->listener);
        fixture->listener = NULL;
    }
}

static enum result open_at(struct fixture *fixture, const char *address, uint16_t port)
{
    struct listener_options options = {
        .address = address, .port = port, .on_accept = on_accept, .context = fixture};
    return listener_open(&fixture->loop, &options, &fixture->listener);
}

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.loop = {.base = event_base_new()}};
    CU_ASSERT_EQUAL_FATAL(open_at(fixture, "127.0.0.1", 0), RESULT_OK);
    CU_ASSERT_NOT_EQUAL(listener_port(fixture->listener), 0);
}

static void end(struct fixture *fixture)
{
    listener_close(fixture->listener);
    for (int i = 0; i < fixture->accepted_count; i++) {
        (void)close(fixture->accepted[i]);
    }
    event_base_free(fixture->loop.base);
}

static int client_socket(void)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(client >= 0);
    return client;
}

static bool connect_to(int client, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(client, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static void run_one_turn(struct fixture *fixture)
{
    (void)event_base_loop(fixture->loop.base, EVLOOP_ONCE);
    loop_sleep(&fixture->loop);
}

/* Runs the loop for about so long and counts its turns. */
static int run_for_ms(struct fixture *fixture, int ms)
{
    struct timeval wait = {.tv_sec = 0, .tv_usec = ms * 1000};
    int turns = 0;
    (void)event_base_loopexit(fixture->loop.base, &wait);
    while (!event_base_got_exit(fixture->loop.base) && turns < TURNS_MAX) {
        run_one_turn(fixture);
        turns++;
    }
    return turns;
}

UNIT_TEST(listener, hands_over_sockets_that_do_not_block_and_are_not_inherited)
{
    struct fixture fixture;
    begin(&fixture);
    int client = client_socket();
    CU_ASSERT_TRUE_FATAL(connect_to(client, listener_port(fixture.listener)));
    run_one_turn(&fixture);
    CU_ASSERT_EQUAL_FATAL(fixture.accepted_count, 1);
    char byte;
    CU_ASSERT_EQUAL(recv(fixture.accepted[0], &byte, 1, 0), -1);
    CU_ASSERT_EQUAL(errno, EAGAIN);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(listener, takes_no_connection_while_paused)
{
    struct fixture fixture;
    begin(&fixture);
    listener_pause(fixture.listener);
    int client = client_socket();
    CU_ASSERT_TRUE_FATAL(connect_to(client, listener_port(fixture.listener)));
    (void)event_base_loop(fixture.loop.base, EVLOOP_NONBLOCK);
    CU_ASSERT_EQUAL(fixture.accepted_count, 0);
    listener_resume(fixture.listener);
    run_one_turn(&fixture);
    CU_ASSERT_EQUAL(fixture.accepted_count, 1);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(listener, may_be_closed_by_whom_it_tells_of_a_connection)
{
    struct fixture fixture;
    begin(&fixture);
    fixture.closes_on_accept = true;
    uint16_t port = listener_port(fixture.listener);
    int first = client_socket();
    int second = client_socket();
    CU_ASSERT_TRUE_FATAL(connect_to(first, port));
    CU_ASSERT_TRUE_FATAL(connect_to(second, port));
    run_one_turn(&fixture);
    CU_ASSERT_EQUAL(fixture.accepted_count, 1);
    int third = client_socket();
    CU_ASSERT_FALSE(connect_to(third, port));
    (void)close(first);
    (void)close(second);
    (void)close(third);
    end(&fixture);
}

/* Leaves the process without a single free descriptor, or gives the old limit back. */
static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static rlim_t descriptors_limit(void)
{
    struct rlimit limit;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

/* The next descriptor that would be given out, which is the limit that leaves none. */
static rlim_t first_free_descriptor(void)
{
    int probe = dup(STDERR_FILENO);
    CU_ASSERT_TRUE_FATAL(probe >= 0);
    (void)close(probe);
    return (rlim_t)probe;
}

UNIT_TEST(listener, turns_clients_away_when_descriptors_run_out_and_recovers)
{
    struct fixture fixture;
    begin(&fixture);
    int first = client_socket();
    int second = client_socket();
    rlim_t before = descriptors_limit();
    limit_descriptors(first_free_descriptor());
    CU_ASSERT_TRUE_FATAL(connect_to(first, listener_port(fixture.listener)));
    run_one_turn(&fixture);
    limit_descriptors(before);
    CU_ASSERT_EQUAL(fixture.accepted_count, 0);
    char byte;
    CU_ASSERT_EQUAL(recv(first, &byte, 1, 0), 0);
    CU_ASSERT_TRUE_FATAL(connect_to(second, listener_port(fixture.listener)));
    for (int i = 0; i < TURNS_MAX && fixture.accepted_count == 0; i++) {
        run_one_turn(&fixture);
    }
    CU_ASSERT_EQUAL(fixture.accepted_count, 1);
    (void)close(first);
    (void)close(second);
    end(&fixture);
}

UNIT_TEST(listener, does_not_spin_when_not_even_the_reserve_is_left)
{
    struct fixture fixture;
    begin(&fixture);
    int client = client_socket();
    CU_ASSERT_TRUE_FATAL(connect_to(client, listener_port(fixture.listener)));
    rlim_t before = descriptors_limit();
    limit_descriptors(0);
    int turns = run_for_ms(&fixture, 350);
    limit_descriptors(before);
    CU_ASSERT_TRUE(turns < 50);
    CU_ASSERT_EQUAL(fixture.accepted_count, 0);
    for (int i = 0; i < TURNS_MAX && fixture.accepted_count == 0; i++) {
        run_one_turn(&fixture);
    }
    CU_ASSERT_EQUAL(fixture.accepted_count, 1);
    (void)close(client);
    end(&fixture);
}

UNIT_TEST(listener, names_what_it_cannot_bind)
{
    struct fixture fixture;
    begin(&fixture);
    struct fixture other = {.loop = {.base = fixture.loop.base}};
    CU_ASSERT_EQUAL(open_at(&other, "127.0.0.1", listener_port(fixture.listener)), RESULT_IO);
    /* A TEST-NET address (RFC 5737), which no machine has. */
    CU_ASSERT_EQUAL(open_at(&other, "192.0.2.1", 0), RESULT_IO);
    CU_ASSERT_EQUAL(open_at(&other, "-192.0.2.1", 0), RESULT_NOT_FOUND);
    CU_ASSERT_PTR_NULL(other.listener);
    end(&fixture);
}

static void check_address(const char *host, int family, const char *text, bool is_loopback)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(6379)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(6379)};
    void *bytes = family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
    CU_ASSERT_EQUAL_FATAL(inet_pton(family, host, bytes), 1);
    const struct sockaddr *address =
        family == AF_INET ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    char written[LISTENER_ADDRESS_TEXT_BYTES];
    listener_format_address(address, written);
    CU_ASSERT_STRING_EQUAL(written, text);
    CU_ASSERT_EQUAL(listener_is_loopback(address), is_loopback);
}

UNIT_TEST(listener, writes_addresses_and_knows_loopback)
{
    check_address("127.0.0.1", AF_INET, "127.0.0.1:6379", true);
    check_address("127.255.0.9", AF_INET, "127.255.0.9:6379", true);
    check_address("128.0.0.1", AF_INET, "128.0.0.1:6379", false);
    check_address("10.1.2.3", AF_INET, "10.1.2.3:6379", false);
    check_address("::1", AF_INET6, "[::1]:6379", true);
    check_address("::", AF_INET6, "[::]:6379", false);
    check_address("2001:db8::7", AF_INET6, "[2001:db8::7]:6379", false);
    check_address("::ffff:127.0.0.1", AF_INET6, "127.0.0.1:6379", true);
    check_address("::ffff:10.0.0.1", AF_INET6, "10.0.0.1:6379", false);
    struct sockaddr none = {0};
    char written[LISTENER_ADDRESS_TEXT_BYTES];
    listener_format_address(&none, written);
    CU_ASSERT_STRING_EQUAL(written, "?:0");
    CU_ASSERT_FALSE(listener_is_loopback(&none));
}
