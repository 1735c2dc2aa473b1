/* test_config_load.c -- options from file, environment and command line: precedence, derived
 * values, members, and what is said of slips. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/logger.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "server/config.h"
#include "server/config_internal.h"

enum { ARGUMENTS_MAX = 16 };

/* What one start of the program would see and say. */
struct start {
    struct config config;
    struct buf text;
    enum config_outcome outcome;
    char path[64];
};

static char *no_environment[] = {NULL};

/* Loads with the flags (blank-separated, '_' for an empty argument). file: its content, or NULL. */
static void load(struct start *start, const char *file, const char *flags, char *const *environment)
{
    char *argv[ARGUMENTS_MAX] = {mem_copy_string("quorum")};
    int argc = 1;
    start->path[0] = '\0';
    if (file != NULL) {
        (void)snprintf(start->path, sizeof(start->path), "/tmp/quorum-config-XXXXXX");
        int descriptor = mkstemp(start->path);
        CU_ASSERT_FATAL(descriptor >= 0);
        CU_ASSERT(write(descriptor, file, strlen(file)) == (ssize_t)strlen(file));
        (void)close(descriptor);
        argv[argc++] = mem_copy_string(start->path);
    }
    char *copy = mem_copy_string(flags);
    char *rest = copy;
    for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        CU_ASSERT_FATAL(argc < ARGUMENTS_MAX);
        argv[argc++] = mem_copy_string(strcmp(word, "_") == 0 ? "" : word);
    }
    mem_free(copy);
    buf_init(&start->text);
    start->outcome = config_load(argc, argv, environment, &start->config, &start->text);
    buf_append_byte(&start->text, '\0');
    for (int i = 0; i < argc; i++) {
        mem_free(argv[i]);
    }
}

static void end(struct start *start)
{
    if (start->path[0] != '\0') {
        (void)unlink(start->path);
    }
    config_deinit(&start->config);
    buf_deinit(&start->text);
}

static const char *text_of(const struct start *start)
{
    return (const char *)buf_slice(&start->text).bytes;
}

/* Loads and expects a refusal that says said. */
static void expect_refusal(const char *file, const char *flags, const char *said)
{
    struct start start;
    load(&start, file, flags, no_environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_EXIT_ERROR);
    if (strstr(text_of(&start), said) == NULL) {
        printf("'%s' is not in: %s\n", said, text_of(&start));
        CU_FAIL("the message says something else");
    }
    end(&start);
}

/* Loads and expects a start that warns with said, or without warnings for "". */
static void expect_run(const char *flags, const char *said)
{
    struct start start;
    load(&start, NULL, flags, no_environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_RUN);
    if (said[0] == '\0' ? text_of(&start)[0] != '\0' : strstr(text_of(&start), said) == NULL) {
        printf("not '%s' but: %s\n", said, text_of(&start));
        CU_FAIL("the warnings are others");
    }
    end(&start);
}

UNIT_TEST(config_load, without_anything_is_node_1_of_the_local_cluster)
{
    struct start start;
    load(&start, NULL, "", no_environment);
    const struct config *config = &start.config;
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(text_of(&start), "");
    CU_ASSERT_STRING_EQUAL(config->id, "node-1");
    CU_ASSERT_STRING_EQUAL(config->data, "./data/node-1");
    CU_ASSERT_EQUAL(config->port, 9001);
    CU_ASSERT_EQUAL(config->http, 8001);
    CU_ASSERT_EQUAL(config->redis, 6379);
    CU_ASSERT_EQUAL_FATAL(config->bind.count, 2);
    CU_ASSERT_STRING_EQUAL(config->bind.items[1], "-::1");
    CU_ASSERT_EQUAL_FATAL(config->raft_bind.count, 2);
    CU_ASSERT_STRING_EQUAL(config->raft_bind.items[0], "127.0.0.1");
    CU_ASSERT_EQUAL(config->loglevel, LOGGER_NOTICE);
    CU_ASSERT_EQUAL(config->proto_max_bulk_bytes, 64u << 20);
    CU_ASSERT_EQUAL_FATAL(config->members_count, 3);
    CU_ASSERT_EQUAL(config->self_index, 0);
    CU_ASSERT_FALSE(config->self_is_implied);
    CU_ASSERT_STRING_EQUAL(config->members[2].name, "node-3");
    CU_ASSERT_STRING_EQUAL(config->members[2].raft_address, "localhost:9003");
    CU_ASSERT_STRING_EQUAL(config->members[2].http_address, "localhost:8003");
    CU_ASSERT_STRING_EQUAL(config->members[2].redis_address, "localhost:6381");
    CU_ASSERT_STRING_EQUAL(config->members[0].redis_address, "localhost:6379");
    end(&start);
}

UNIT_TEST(config_load, a_local_node_finds_its_ports_by_its_id)
{
    struct start start;
    load(&start, NULL, "--id node-3 -http=8103", no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_EQUAL(start.config.port, 9003);
    CU_ASSERT_EQUAL(start.config.http, 8103);
    CU_ASSERT_EQUAL(start.config.redis, 6381);
    CU_ASSERT_EQUAL(start.config.self_index, 2);
    CU_ASSERT_STRING_EQUAL(start.config.announce_http, "localhost:8103");
    end(&start);
    expect_run("--id node-2 --port 9102", "localhost:9002");
    expect_refusal(NULL, "--id node-4", "not in the local cluster");
}

UNIT_TEST(config_load, a_flag_wins_over_environment_over_file_over_default)
{
    char *environment[] = {mem_copy_string("QUORUM_TCP_BACKLOG=2"),
                           mem_copy_string("QUORUM_MAXCLIENTS=2"), mem_copy_string("HOME=/"), NULL};
    struct start start;
    load(&start, "maxclients 1\ntcp-backlog 1\ntimeout 1\n", "--maxclients 3", environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_EQUAL(start.config.maxclients, 3);
    CU_ASSERT_EQUAL(start.config.tcp_backlog, 2);
    CU_ASSERT_EQUAL(start.config.timeout_seconds, 1);
    CU_ASSERT_EQUAL(start.config.tcp_keepalive_seconds, 300);
    end(&start);
    for (int i = 0; i < 3; i++) {
        mem_free(environment[i]);
    }
}

static void collect_line(const char *line, void *context)
{
    buf_append_format(context, "%s\n", line);
}

UNIT_TEST(config_load, says_where_each_value_came_from_and_keeps_secrets)
{
    char *environment[] = {mem_copy_string("QUORUM_REQUIREPASS=sesame"), NULL};
    struct start start;
    struct buf lines = {0};
    struct buf expected = {0};
    load(&start, "\ntimeout 1\n", "--bind 127.0.0.1 ::1 --loglevel debug", environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    config_describe_sources(&start.config, collect_line, &lines);
    buf_append_format(&expected,
                      "bind 127.0.0.1 ::1 (command line)\nrequirepass ******** (environment)\n"
                      "timeout 1 (%s, line 2)\nloglevel debug (command line)\n",
                      start.path);
    CU_ASSERT(slice_equals(buf_slice(&lines), buf_slice(&expected)));
    buf_deinit(&lines);
    buf_deinit(&expected);
    end(&start);
    mem_free(environment[0]);
}

UNIT_TEST(config_load, a_fatal_error_has_file_line_text_and_the_nearest_name)
{
    struct start start;
    load(&start, "# first\nrequirepas \"s\"\n", "", no_environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_EXIT_ERROR);
    struct buf expected = {0};
    buf_append_format(&expected,
                      "\n*** FATAL CONFIG FILE ERROR (Quorum 0.1.0) ***\n"
                      "Reading the configuration file, at line 2 of %s\n"
                      ">>> 'requirepas \"s\"'\n"
                      "unknown option 'requirepas'; did you mean 'requirepass'?\n",
                      start.path);
    buf_append_byte(&expected, '\0');
    CU_ASSERT(slice_equals(buf_slice(&start.text), buf_slice(&expected)));
    buf_deinit(&expected);
    end(&start);
}

UNIT_TEST(config_load, refuses_malformed_lines)
{
    expect_refusal("timeout 1 2\n", "", "wrong number of arguments");
    expect_refusal("timeout\n", "", "wrong number of arguments");
    expect_refusal("port 9001 # Raft\n", "", "a comment needs a line of its own");
    expect_refusal("id \"node\n", "", "Unbalanced quotes");
    expect_refusal("client-query-buffer-limit 12zz\n", "", "argument must be a memory value");
    expect_refusal("maxclients 0\n", "", "argument must be between 1 and 4294967295 inclusive");
    expect_refusal("maxclients 99999999999999999999\n", "", "couldn't be parsed into an integer");
    expect_refusal("proto-max-bulk-len 513mb\n", "", "between 1048576 and 536870912 inclusive");
    expect_refusal("loglevel loud\n", "", "one of the following: debug, verbose, notice, warning");
    expect_refusal("protected-mode maybe\n", "", "argument must be 'yes' or 'no'");
    expect_refusal("databases 8\n", "", "it is always '16'");
    expect_refusal("client-output-buffer-limit normal 1 2\n", "", "Wrong number of arguments");
    expect_refusal("client-output-buffer-limit other 1 2 3\n", "", "Invalid client class");
    expect_refusal("include /nonexistent/quorum\n", "", "No such file");
    expect_refusal("id a b\n", "", "wrong number of arguments");
}

UNIT_TEST(config_load, an_error_never_shows_a_secret)
{
    struct start start;
    load(&start, "requirepass \"open sesame\" x\n", "", no_environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_EXIT_ERROR);
    CU_ASSERT_PTR_NULL(strstr(text_of(&start), "sesame"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(&start), ">>> 'requirepass'"));
    end(&start);
}

UNIT_TEST(config_load, refuses_unknown_flags_and_variables)
{
    expect_refusal(NULL, "--prot=9001", "did you mean 'port'?");
    expect_refusal(NULL, "--heartbeat 3", "unknown option 'heartbeat'; --help lists all");
    expect_refusal(NULL, "--heartbeat-intervall 3", "did you mean 'heartbeat-interval'?");
    expect_refusal(NULL, "--port", "a value is missing: --port PORT");
    expect_refusal(NULL, "--port --http 1", "a value is missing: --port PORT");
    expect_refusal("", "other.conf", "there is a configuration file before it");
    expect_refusal(NULL, "nonexistent.conf", "can't open config file 'nonexistent.conf'");

    char *environment[] = {mem_copy_string("QUORUM_PORT=tcp://10.0.0.1:9001"), NULL};
    struct start start;
    load(&start, NULL, "", environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_EXIT_ERROR);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(&start), "enableServiceLinks"));
    end(&start);
    mem_free(environment[0]);
}

UNIT_TEST(config_load, an_empty_peer_list_is_a_cluster_of_one)
{
    struct start start;
    load(&start, NULL, "--id solo --peers _ --redis 7000", no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(text_of(&start), "");
    CU_ASSERT_EQUAL_FATAL(start.config.members_count, 1);
    CU_ASSERT_STRING_EQUAL(start.config.members[0].name, "solo");
    CU_ASSERT_STRING_EQUAL(start.config.members[0].raft_address, "localhost:9001");
    CU_ASSERT_STRING_EQUAL(start.config.members[0].redis_address, "localhost:7000");
    end(&start);
}

UNIT_TEST(config_load, finds_itself_among_peers_by_id)
{
    struct start start;
    load(&start, NULL,
         "--id b --bind 10.0.0.2 --peers a=10.0.0.1:9001,b=10.0.0.2:9001,c=[fd00::3]:9001 "
         "--peer-http c=[fd00::3]:80,b=web:80",
         no_environment);
    const struct config *config = &start.config;
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(text_of(&start), "");
    CU_ASSERT_EQUAL_FATAL(config->members_count, 3);
    CU_ASSERT_EQUAL(config->self_index, 1);
    CU_ASSERT_STRING_EQUAL(config->announce_raft, "10.0.0.2:9001");
    CU_ASSERT_STRING_EQUAL(config->announce_http, "web:80");
    CU_ASSERT_STRING_EQUAL(config->announce_redis, "10.0.0.2:6379");
    CU_ASSERT_STRING_EQUAL(config->members[2].http_address, "[fd00::3]:80");
    CU_ASSERT_STRING_EQUAL(config->members[0].http_address, "");
    end(&start);
}

UNIT_TEST(config_load, finds_itself_among_plain_addresses_by_port)
{
    struct start start;
    load(&start, NULL,
         "--id=node-2 --port=9002 --http=8002 --peers=localhost:9001,localhost:9002,localhost:9003 "
         "--peer-http=localhost:8001,localhost:8002,localhost:8003",
         no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(text_of(&start), "");
    CU_ASSERT_EQUAL(start.config.self_index, 1);
    CU_ASSERT_STRING_EQUAL(start.config.members[1].name, "node-2");
    CU_ASSERT_STRING_EQUAL(start.config.members[0].name, "");
    CU_ASSERT_STRING_EQUAL(start.config.members[2].http_address, "localhost:8003");
    end(&start);
}

UNIT_TEST(config_load, adds_itself_to_peers_that_leave_it_out)
{
    struct start start;
    load(&start, NULL, "--id c --port 9003 --peers a=localhost:9001,b=localhost:9002",
         no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_EQUAL_FATAL(start.config.members_count, 3);
    CU_ASSERT_TRUE(start.config.self_is_implied);
    CU_ASSERT_EQUAL(start.config.self_index, 2);
    CU_ASSERT_STRING_EQUAL(start.config.members[2].name, "c");
    CU_ASSERT_STRING_EQUAL(start.config.members[2].raft_address, "localhost:9003");
    end(&start);
}

UNIT_TEST(config_load, a_node_that_joins_is_the_only_member_it_knows)
{
    struct start start;
    load(&start, NULL, "--id d --bind 10.0.0.4 --join 10.0.0.1:9001", no_environment);
    const struct config *config = &start.config;
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(text_of(&start), "");
    CU_ASSERT_STRING_EQUAL(config->join, "10.0.0.1:9001");
    CU_ASSERT_EQUAL_FATAL(config->members_count, 1);
    CU_ASSERT_STRING_EQUAL(config->members[0].name, "d");
    CU_ASSERT_STRING_EQUAL(config->announce_raft, "10.0.0.4:9001");
    CU_ASSERT_STRING_EQUAL(config->announce_http, "10.0.0.4:8001");
    CU_ASSERT_STRING_EQUAL(config->announce_redis, "10.0.0.4:6379");
    end(&start);
    load(&start, NULL, "--id d --bind 0.0.0.0 --join a:1 --announce-raft d:9001", no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(start.config.announce_raft, "d:9001");
    end(&start);
}

UNIT_TEST(config_load, a_node_that_joins_a_cluster_on_this_machine_goes_on_counting)
{
    struct start start;
    load(&start, NULL, "--id node-4 --join localhost:9001", no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(text_of(&start), "");
    CU_ASSERT_EQUAL(start.config.port, 9004);
    CU_ASSERT_EQUAL(start.config.http, 8004);
    CU_ASSERT_EQUAL(start.config.redis, 6382);
    CU_ASSERT_STRING_EQUAL(start.config.announce_raft, "localhost:9004");
    CU_ASSERT_STRING_EQUAL(start.config.members[0].redis_address, "localhost:6382");
    end(&start);
    load(&start, NULL, "--id other --port 9005 --join 127.0.0.1:9001", no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_EQUAL(start.config.port, 9005);
    CU_ASSERT_EQUAL(start.config.http, 8001);
    end(&start);
}

UNIT_TEST(config_load, says_what_is_wrong_about_joining)
{
    expect_refusal(NULL, "--id d --join a:1 --peers b:1", "join and peers exclude each other");
    expect_refusal(NULL, "--id d --join a:1 --peers _", "join and peers exclude each other");
    expect_refusal(NULL, "--id d --join localhost:9001", "names this node itself");
    expect_refusal(NULL, "--id d --join 10.0.0.1:9001", "give --announce-raft HOST:PORT");
    expect_refusal(NULL, "--id d --join a", "has no port");
    expect_refusal(NULL, "--id d --join a=b:1", "only host:port is wanted");
    expect_refusal(NULL, "--id d --join 0.0.0.0:1", "the peer address of a member");
    expect_refusal(NULL, "--id d --bind ::1 --join b:1 --peer-http b:1", "peers has no such node");
}

UNIT_TEST(config_load, knows_when_to_save_and_what_the_disk_needs)
{
    struct start start;
    load(&start, "snapshot-log-bytes 1mb\nslow-disk-ms 2s\ndamaged-data stop\n",
         "--snapshot-entries 5 --disk-reserve 0 --disk-free-min 1gb --snapshot-trailing-bytes 4kb",
         no_environment);
    const struct config *config = &start.config;
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_EQUAL(config->snapshot_log_bytes, 1u << 20);
    CU_ASSERT_EQUAL(config->snapshot_entries, 5);
    CU_ASSERT_EQUAL(config->snapshot_trailing_bytes, 4096);
    CU_ASSERT_EQUAL(config->disk_reserve_bytes, 0);
    CU_ASSERT_EQUAL(config->disk_free_bytes_min, 1u << 30);
    CU_ASSERT_EQUAL(config->slow_disk_ms, 2000);
    CU_ASSERT_EQUAL(config->damaged_data, CONFIG_STOP);
    end(&start);
    expect_refusal("snapshot-log-bytes 1kb\n", "", "between 65536 and");
    expect_refusal("snapshot-entries 0\n", "", "between 1 and");
    expect_refusal("damaged-data ignore\n", "", "one of the following: refetch, stop");
    expect_refusal("save \"3600 1\"\n", "", "it is always ''");
}

UNIT_TEST(config_load, names_the_common_slips)
{
    expect_refusal(NULL, "--peers http://localhost:9001", "is a URL; host:port is wanted");
    expect_refusal(NULL, "--peers a=localhost", "has no port; host:port is wanted");
    expect_refusal(NULL, "--peers ::1:9001", "an IPv6 address goes in brackets");
    expect_refusal(NULL, "--peers :9001", "has no host before the port");
    expect_refusal(NULL, "--peers a:0", "needs a port from 1 to 65535");
    expect_refusal(NULL, "--peers a:65536", "needs a port from 1 to 65535");
    expect_refusal(NULL, "--peers a:x", "needs a port from 1 to 65535");
    expect_refusal(NULL, "--peers [::1]", "has no port");
    expect_refusal(NULL, "--peers n=a:1,n=b:1", "names the id 'n' twice");
    expect_refusal(NULL, "--peers a:1,a:1", "names the address 'a:1' twice");
    expect_refusal(NULL, "--peers 0.0.0.0:9001", "is where to listen");
    expect_refusal(NULL, "--announce-redis 0.0.0.0:6379", "announce a name or an address");
    expect_refusal(NULL, "--peers a:1 --peer-http z=b:1", "peers has no such node");
    expect_refusal(NULL, "--peers a:1 --peer-http b:1,c:1", "peers has no such node");
    expect_refusal(NULL, "--id a/b", "is no id");
    expect_refusal(NULL, "--bind http://x", "is no address to listen on");
    expect_refusal(NULL, "--bind 127.0.0.1:6379", "the port is an option of its own");
    expect_refusal(NULL, "--http 9001", "each needs a port of its own");
    expect_refusal(NULL, "--election-timeout-max 150", "must be above election-timeout-min");
    expect_refusal(NULL, "--heartbeat-interval 80", "at most half of election-timeout-min");
    expect_run("--peers node-1=localhost:9001,b=localhost:9002", "odd sizes are better");
    expect_run("--id a --peers a=web-1:9001,b=web-2:9001,c=web-3:9001", "loopback only");
    expect_run("--id a --port 9005 --peers a=localhost:9001", "but port is 9005");
}

UNIT_TEST(config_load, a_list_of_too_many_peers_is_refused)
{
    char flags[1024] = "--peers ";
    for (int i = 1; i <= LIMIT_MEMBERS + 1; i++) {
        size_t used = strlen(flags);
        (void)snprintf(flags + used, sizeof(flags) - used, "10.0.0.%d:9001,", i);
    }
    expect_refusal(NULL, flags, "a cluster has at most 16 nodes");
}

UNIT_TEST(config_load, includes_files_but_not_for_ever)
{
    char path[] = "/tmp/quorum-include-XXXXXX";
    int descriptor = mkstemp(path);
    CU_ASSERT_FATAL(descriptor >= 0);
    char line[128];
    (void)snprintf(line, sizeof(line), "maxclients 7\ninclude %s\n", path + strlen("/tmp/"));
    CU_ASSERT(write(descriptor, line, strlen(line)) == (ssize_t)strlen(line));
    expect_refusal(line, "", "include goes too deep");
    CU_ASSERT(ftruncate(descriptor, (off_t)strlen("maxclients 7\n")) == 0);
    (void)close(descriptor);
    struct start start;
    load(&start, line, "", no_environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_EQUAL(start.config.maxclients, 7);
    end(&start);
    (void)unlink(path);
}

UNIT_TEST(config_load, a_file_may_hold_the_options_of_one_redis_file_too)
{
    struct start start;
    load(&start,
         "  bind * -::*\r\nMAXMEMORY-POLICY noeviction\nsave \"\"\nrequirepass 'it\\'s'\n"
         "client-output-buffer-limit normal 1mb 1k 5\nclient-output-buffer-limit slave 3 2 1\n",
         "", no_environment);
    CU_ASSERT_EQUAL_FATAL(start.outcome, CONFIG_RUN);
    CU_ASSERT_STRING_EQUAL(start.config.bind.items[0], "*");
    CU_ASSERT_STRING_EQUAL(start.config.requirepass, "it's");
    CU_ASSERT_EQUAL(start.config.output_limits[CONFIG_NORMAL].hard_bytes, 1u << 20);
    CU_ASSERT_EQUAL(start.config.output_limits[CONFIG_NORMAL].soft_bytes, 1000);
    CU_ASSERT_EQUAL(start.config.output_limits[CONFIG_REPLICA].soft_seconds, 1);
    CU_ASSERT_EQUAL(start.config.output_limits[CONFIG_PUBSUB].hard_bytes, 32u << 20);
    end(&start);
}

static void print(const struct start *start, struct buf *out)
{
    CU_ASSERT_EQUAL(start->outcome, CONFIG_RUN);
    config_print(&start->config, out);
}

UNIT_TEST(config_load, the_manual_has_every_option_and_says_the_defaults)
{
    struct start none;
    struct start manual;
    struct buf of_none = {0};
    struct buf of_manual = {0};
    load(&none, NULL, "", no_environment);
    load(&manual, NULL, "conf/quorum.conf", no_environment);
    print(&none, &of_none);
    print(&manual, &of_manual);
    CU_ASSERT(slice_equals(buf_slice(&of_none), buf_slice(&of_manual)));
    end(&none);
    end(&manual);
    buf_deinit(&of_none);
    buf_deinit(&of_manual);

    static char content[65536];
    FILE *file = fopen("conf/quorum.conf", "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    (void)fclose(file);
    for (uint32_t i = 0; i < config_table_count; i++) {
        char set[80];
        char open[80];
        (void)snprintf(set, sizeof(set), "\n%s ", config_table[i].name);
        (void)snprintf(open, sizeof(open), "\n# %s ", config_table[i].name);
        const char *wanted = config_table[i].default_text == NULL ? open : set;
        if (strstr(content, wanted) == NULL) {
            printf("conf/quorum.conf lacks %s\n", config_table[i].name);
            CU_FAIL("the manual lacks an option");
        }
    }
}

UNIT_TEST(config_load, what_print_config_prints_reads_back_the_same)
{
    struct start first;
    struct start second;
    struct buf printed = {0};
    struct buf again = {0};
    load(&first, "requirepass \"a\\\"b\\x01 c\"\n", "--peers node-1=x:1,y=z:2 --bind 0.0.0.0",
         no_environment);
    print(&first, &printed);
    buf_append_byte(&printed, '\0');
    load(&second, (const char *)buf_slice(&printed).bytes, "", no_environment);
    print(&second, &again);
    buf_append_byte(&again, '\0');
    CU_ASSERT(slice_equals(buf_slice(&printed), buf_slice(&again)));
    CU_ASSERT_STRING_EQUAL(second.config.requirepass, "a\"b\x01 c");
    end(&first);
    end(&second);
    buf_deinit(&printed);
    buf_deinit(&again);
}

/* Loads, expects an end with success, and a text that says said. */
static void expect_answer(const char *flags, const char *said)
{
    struct start start;
    load(&start, NULL, flags, no_environment);
    CU_ASSERT_EQUAL(start.outcome, CONFIG_EXIT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(&start), said));
    end(&start);
}

UNIT_TEST(config_load, answers_help_version_print_and_check)
{
    expect_answer("--nonsense --help", "--client-output-buffer-limit");
    expect_answer("-v", "Quorum server v=");
    expect_answer("--print-config --port 9009 --peers _", "\nport 9009\n");
    expect_answer("--check-config", "configuration ok: node-1 of a cluster of 3");
    expect_refusal(NULL, "--check-config --port x", "couldn't be parsed into an integer");
}
