/* main.c -- runs the integration tests: real nodes on loopback, each test in a process of its own.
 *
 *     integration QUORUM [NAME]...      QUORUM: the program to test; names may be beginnings
 *
 * KILLS=200 in the environment makes each kill -9 test so many cycles long, CHAOS_SECONDS=600 the
 * one with everything at once so long. All that runs hangs on this process by PR_SET_PDEATHSIG and
 * ends with it. Several copies can run side by side. Ends in a line "N passed, N failed", with
 * ", N skipped" when the machine lacks what a test needs.
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/files.h"

struct test {
    const char *name;
    void (*run)(struct cluster *cluster);
    uint32_t seconds_max;
    bool is_shared;
};

/* Names say what must hold; numbers are those of the catalogue of faults. */
static const struct test tests[] = {
    {"every node answers and agrees", test_every_node_answers_and_agrees, 60, true},
    {"http: the documented examples on every node", test_http_examples, 60, true},
    {"http: bad requests are answered", test_http_errors, 60, true},
    {"READONLY and READWRITE choose local reads", test_local_reads, 60, true},
    {"commands about the connection", test_connection_commands, 60, true},
    {"CLIENT KILL closes the right connection", test_client_kill, 60, true},
    {"big, many and binary values through a follower", test_big_and_binary, 120, true},
    {"P1 bytes one by one give the same replies", test_bytes_one_by_one, 60, true},
    {"a pipeline of 10,000 mixed commands", test_long_pipeline, 60, true},
    {"P7 replies stay with their client", test_replies_stay_with_their_client, 60, true},
    {"SPOP and other picks are the same everywhere", test_picks_are_the_same_everywhere, 60, true},
    {"elements are the same everywhere", test_elements_are_the_same_everywhere, 60, true},
    {"MULTI, EXEC and WATCH on every node", test_transactions_on_every_node, 60, true},
    {"X3 elements survive a restart in their order", test_elements_survive_a_restart, 60, false},
    {"BLPOP on every node: each element once", test_waiters_on_every_node_get_each_element_once, 60,
     true},
    {"BLPOP: nothing is popped for who left", test_nothing_is_popped_for_who_left, 60, true},
    {"PUBLISH: one order everywhere", test_messages_come_in_one_order_everywhere, 60, true},
    {"PUBLISH: who does not read is cut off", test_a_subscriber_that_does_not_read_is_cut_off, 60,
     true},
    {"PUBLISH outlasts the leader", test_messages_outlast_the_leader, 60, false},
    {"BLPOP outlasts the leader", test_a_wait_outlasts_the_leader, 60, false},
    {"transactions while the leader is killed", test_transactions_while_the_leader_is_killed, 60,
     false},
    {"N2 N6 nodes of another cluster are refused", test_other_cluster, 90, true},
    {"N2 a new cluster of the same names is not heard", test_new_cluster_of_same_names, 60, true},
    {"N2 N6 a stranger and a duplicate change nothing", test_stranger_and_duplicate, 90, true},
    {"S17 O4 a data directory has one owner", test_wrong_data_directory, 60, false},
    {"requirepass guards RESP and HTTP", test_password, 60, false},
    {"MONITOR shows what its node executes", test_monitors, 60, true},
    {"R8 a monitor that does not read is closed", test_monitor_that_does_not_read, 60, false},
    {"R1 P3 maxclients and limits before AUTH", test_limits, 60, false},
    {"O1 C7 kill -9 of the leader under writers", test_leader_killed_under_writers, 120, false},
    {"O1 C31 restart of one, two, all", test_restart_of_one_two_all, 90, false},
    {"O2 O3 rolling restart under load", test_rolling_restart_under_load, 90, false},
    {"O2 SIGTERM hands leadership over", test_stop_hands_leadership_over, 90, false},
    {"C31 a cluster of one", test_cluster_of_one, 60, false},
    {"members named by address alone", test_members_by_address_alone, 90, false},
    {"C3 C4 K3 a paused leader answers nothing stale", test_paused_leader, 90, false},
    {"P7 clients that leave with writes in flight", test_disconnect_in_flight, 60, false},
    {"C20 D7 without a majority: errors, not lies", test_majority_lost, 90, false},
    {"K2 expiry is the same everywhere", test_expiry_is_the_same_everywhere, 90, false},
    {"K2 expiry while a follower sleeps", test_expiry_while_a_follower_sleeps, 60, false},
    {"K1 a stepped wall clock moves no TTL", test_stepped_wall_clock, 60, false},
    {"S2 a damaged row: a node alone refuses", test_damaged_row_alone, 60, false},
    {"S1 S2 S15 damaged files: a node alone refuses", test_damaged_files_alone, 60, false},
    {"S2 a damaged row is set aside and fetched again", test_damaged_row, 60, false},
    {"S1 a damaged write-ahead log likewise", test_damaged_wal, 60, false},
    {"S1 S15 C11 a cut write-ahead log loses nothing", test_cut_wal, 60, false},
    {"S15 removed files are fetched again", test_removed_files, 90, false},
    {"M2 M10 M12 refused changes, on every node", test_refused_changes, 60, true},
    {"M8 M9 QUORUM: transfer, learners, addresses", test_quorum_command, 90, false},
    {"M4 M9 grow 1-3-5-3 under load, then replace all", test_grow_shrink_replace, 180, false},
    {"M5 a leader removes itself", test_leader_removes_itself, 60, false},
    {"M6 M7 a removed node keeps quiet and says so", test_removed_node, 90, false},
    {"M10 a change that loses the majority is refused", test_majority_is_kept, 90, false},
    {"M10 M12 a second node that never comes", test_second_never_comes, 60, false},
    {"M12 the same node added and removed again and again", test_rapid_add_and_remove, 90, false},
    {"M4 O1 kill -9 while members come and go", test_kills_in_changes, 90, false},
    {"M9 --join: a fresh node asks to be added", test_join, 90, false},
    {"M13 recover after a lost quorum", test_recover, 90, false},
    {"O6 backup and restore", test_backup_and_restore, 120, false},
    {"O6 S2 verify and log of a data directory", test_verify, 60, false},
    {"quorumctl status from every node", test_status, 60, false},
    {"X8 BGSAVE, SAVE, LASTSAVE and INFO persistence", test_saving, 60, false},
    {"S20 X10 the log is compacted and stays bounded", test_log_is_bounded, 90, false},
    {"X3 S19 started from state.db and log equals live", test_start_equals_live, 120, false},
    {"X4 S20 kill -9 while state is saved", test_kills_while_saving, 90, false},
    {"X1 X7 far behind: a snapshot while writes go on", test_far_behind_under_writers, 90, false},
    {"X10 N4 a slow transfer under heavy writes", test_slow_transfer_under_load, 90, false},
    {"X1 two of five far behind at once", test_two_far_behind, 90, false},
    {"X5 N4 a transfer that breaks goes on where it was", test_transfer_resumes, 90, false},
    {"X6 a transfer over a spoilt wire", test_transfer_over_spoilt_wire, 90, false},
    {"X6 a spoilt copy is not installed", test_spoilt_copy, 90, false},
    {"X4 SIGTERM during transfer and install", test_stops_in_transfer, 120, false},
    {"X4 X9 kill -9 during transfer and install", test_kills_in_transfer, 120, false},
    {"O5 a wiped node comes back and votes", test_wiped_node, 90, false},
    {"O5 a wiped node does not count", test_wiped_node_does_not_count, 90, false},
    {"O4 N10 a node with an old image catches up", test_old_image, 90, false},
    {"O4 N10 an old image does not count", test_old_image_does_not_count, 90, false},
    {"O4 an old image with the leader gone from office", test_old_image_after_the_leader, 120,
     false},
    {"O7 a diverged node stops and fetches the state", test_divergence, 90, false},
    {"S11 R7 a nearly full disk on each node", test_nearly_full_disk, 120, false},
    {"S11 R7 nearly full disks everywhere", test_all_disks_nearly_full, 60, false},
    {"S11 S12 a full disk on each node", test_full_disk, 120, false},
    {"S12 started on a full disk", test_start_on_full_disk, 60, false},
    {"O1 O5 N1 X4 everything at once", test_chaos, 90, false},
    {"S18 a leader with a slow disk hands over", test_slow_disk, 90, false},
};

struct run {
    const char *binary;
    char directory[128];
    struct cluster shared;
    bool has_shared;
    uint32_t passed, failed, skipped;
};

static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
    was_interrupted = number;
}

/* ---- Files ---- */

static int show_log(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    enum { TAIL_BYTES = 3000 };
    size_t length = strlen(path);
    if (flag != FTW_F || length < 4 || strcmp(path + length - 4, ".log") != 0) {
        return 0;
    }
    char text[TAIL_BYTES + 1];
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        (void)fseek(file, status->st_size > TAIL_BYTES ? -TAIL_BYTES : 0, SEEK_END);
        if (status->st_size <= TAIL_BYTES) {
            rewind(file);
        }
        text[fread(text, 1, TAIL_BYTES, file)] = '\0';
        printf("    ---- %s\n%s\n", path + ftw->base, text);
        (void)fclose(file);
    }
    return 0;
}

/* ---- Processes ---- */

static uint64_t seconds_allowed(const struct test *test)
{
    enum { SECONDS_A_KILL = 10 };
    const char *kills = getenv("KILLS");
    const char *chaos = getenv("CHAOS_SECONDS");
    return test->seconds_max + (kills == NULL ? 0 : strtoul(kills, NULL, 10) * SECONDS_A_KILL) +
           (chaos == NULL ? 0 : strtoul(chaos, NULL, 10));
}

/* Runs in a child of its own, tied to this process. Returns its wait status; -1: it took too long.
 */
static int run_child(const struct test *test, struct cluster *cluster)
{
    pid_t parent = getpid();
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        test->run(cluster);
        _exit(0);
    }
    uint64_t end_ms = check_now_ms() + seconds_allowed(test) * 1000;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (check_now_ms() > end_ms || was_interrupted != 0) {
            printf("    %s\n", was_interrupted != 0 ? "interrupted" : "took too long");
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            return -1;
        }
        check_sleep_ms(5);
    }
    return status;
}

/* Nodes of a test that is over were killed with it and are ours to bury. Those of the shared
 * cluster live on; when one does not, the test has failed. */
static bool bury(struct run *run)
{
    bool is_sound = true;
    pid_t pid;
    int status = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (uint32_t i = 0; run->has_shared && i < run->shared.nodes_count; i++) {
            if (run->shared.nodes[i].pid == pid) {
                printf("    node-%u of the shared cluster has ended: wait status %d\n", i + 1,
                       status);
                run->shared.nodes[i].pid = 0;
                is_sound = false;
            }
        }
    }
    return is_sound;
}

static void end_shared(struct run *run)
{
    if (run->has_shared) {
        cluster_kill_all(&run->shared);
        run->has_shared = false;
    }
}

static struct cluster *provide_shared(struct run *run)
{
    if (!run->has_shared) {
        char directory[CLUSTER_PATH_BYTES];
        (void)snprintf(directory, sizeof(directory), "%s/shared-%u", run->directory, run->failed);
        cluster_init(&run->shared, run->binary, directory, 3);
        /* Tests look whether anybody disturbs its leader; a busy machine should not. */
        cluster_add_option(&run->shared, "--election-timeout-min=500");
        cluster_add_option(&run->shared, "--election-timeout-max=1000");
        run->has_shared = true;
        for (uint32_t i = 0; i < 3; i++) {
            cluster_launch(&run->shared, i);
        }
    }
    return &run->shared;
}

static void run_test(struct run *run, const struct test *test)
{
    char directory[CLUSTER_PATH_BYTES];
    struct cluster own;
    struct cluster *cluster = &own;
    uint64_t started_ms = check_now_ms();
    (void)snprintf(directory, sizeof(directory), "%s/test-%td", run->directory, test - tests);
    if (test->is_shared) {
        cluster = provide_shared(run);
    } else {
        cluster_init(&own, run->binary, directory, 3);
    }
    int status = run_child(test, cluster);
    bool is_sound = bury(run);
    bool is_skipped = is_sound && WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIPPED;
    bool is_ok = is_sound && status == 0;
    printf("%-6s %s (%.1f s)\n",
           is_ok        ? "ok"
           : is_skipped ? "skip"
                        : "FAILED",
           test->name, (double)(check_now_ms() - started_ms) / 1000);
    if (is_ok || is_skipped) {
        run->passed += is_ok;
        run->skipped += is_skipped;
        files_remove_tree(directory);
        return;
    }
    run->failed++;
    if (status > 0 && WIFSIGNALED(status)) {
        printf("    the test itself died of signal %d\n", WTERMSIG(status));
    }
    if (test->is_shared) {
        end_shared(run); /* The next test gets a new one. */
    }
    (void)nftw(cluster->directory, show_log, 16, FTW_PHYS);
    printf("    kept in %s\n", cluster->directory);
}

static bool is_selected(const struct test *test, int names_count, char **names)
{
    for (int i = 0; i < names_count; i++) {
        if (strstr(test->name, names[i]) != NULL) {
            return true;
        }
    }
    return names_count == 0;
}

/* The options are the ones that the tests give, whatever the environment has. */
static void forget_options(char **environment)
{
    for (size_t i = 0; environment[i] != NULL;) {
        char name[128];
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(environment[i], "="),
                       environment[i]);
        if (strncmp(name, "QUORUM_", 7) != 0 || unsetenv(name) != 0) {
            i++;
        }
    }
}

int main(int argc, char **argv)
{
    struct run run = {.directory = "/tmp/quorum-integration-XXXXXX"};
    if (argc < 2 || access(argv[1], X_OK) != 0 || mkdtemp(run.directory) == NULL) {
        fprintf(stderr, "usage: integration QUORUM [NAME]...\n");
        return 2;
    }
    run.binary = argv[1];
    forget_options(environ);
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    /* The nodes of a test that ended in the middle become ours. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]) && was_interrupted == 0; i++) {
        if (is_selected(&tests[i], argc - 2, argv + 2)) {
            run_test(&run, &tests[i]);
        }
    }
    end_shared(&run);
    if (run.failed == 0) {
        files_remove_tree(run.directory);
    }
    printf("%u passed, %u failed", run.passed, run.failed);
    if (run.skipped > 0) {
        printf(", %u skipped", run.skipped);
    }
    printf("\n");
    return run.failed == 0 && run.passed > 0 ? 0 : 1;
}
