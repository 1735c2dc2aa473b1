/* main.c -- campaigns of faults against real nodes: chaos QUORUM
 *
 * A run starts a cluster of three (every second one of five), lets clients read and write through
 * all nodes over RESP and HTTP, and lets one fault after another happen (faults.h). Then all is
 * healed; the nodes must agree, and what the clients saw must be linearizable (linear/checker.h).
 *
 * Environment: RUNS (1), SECONDS of faults a run (20), SEED of the first run (drawn; the next runs
 * have the next numbers), CLIENTS (12). The seed decides which faults come in which order; when
 * they hit is up to the machine, so a seed repeats a campaign only roughly. What a failed run
 * leaves (logs, data, history.txt) stays and is named. Ends in a line "N passed, N failed".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/clients.h"
#include "chaos/faults.h"
#include "chaos/wires.h"
#include "lib/check.h"
#include "lib/cluster.h"
#include "lib/files.h"
#include "linear/checker.h"

enum {
    SECONDS_DEFAULT = 20,
    CLIENTS_DEFAULT = 12,
    CONFIGURATIONS_MAX = 30 * 1000 * 1000,
    OPERATIONS_MIN_A_SECOND = 5,
};

struct campaign {
    const char *binary;
    char directory[128];
    uint64_t seed;
    uint64_t seconds;
    uint32_t clients_count;
};

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || text[0] == '\0' ? otherwise : strtoull(text, NULL, 10);
}

/* Every node is known to the others under the port of its wires. */
static struct wires *put_wires_between(struct cluster *cluster)
{
    const char *names[CLUSTER_NODES_MAX];
    uint16_t ports[CLUSTER_NODES_MAX];
    size_t used = 0;
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        names[i] = cluster->nodes[i].name;
        ports[i] = cluster->nodes[i].raft_port;
    }
    struct wires *wires = wires_start(cluster->nodes_count, names, ports);
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        used += (size_t)snprintf(cluster->peers + used, sizeof(cluster->peers) - used,
                                 "%s%s=127.0.0.1:%u", i == 0 ? "" : ",", names[i],
                                 wires_port(wires, i));
    }
    return wires;
}

static void write_history(const struct history *history, const char *path)
{
    struct buf text = {0};
    for (uint32_t i = 0; i < history->count; i++) {
        history_print(&history->operations[i], &text);
    }
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    struct slice all = buf_slice(&text);
    CHECK(fwrite(all.bytes, 1, all.size, file) == all.size);
    CHECK(fclose(file) == 0);
    buf_deinit(&text);
}

static void judge(const struct campaign *campaign, const struct history *history)
{
    char path[sizeof(campaign->directory) + 16];
    struct checker_report report;
    (void)snprintf(path, sizeof(path), "%s/history.txt", campaign->directory);
    write_history(history, path);
    checker_check(history, CONFIGURATIONS_MAX, &report);
    if (report.verdict != CHECKER_LINEARIZABLE) {
        FAIL("%s: %s\n%.*s", path,
             report.verdict == CHECKER_UNDECIDED ? "undecided" : "not linearizable",
             (int)buf_size(&report.explanation),
             (const char *)buf_slice(&report.explanation).bytes);
    }
    printf("    linearizable: %u operations in %u parts, %llu configurations\n", report.operations,
           report.parts, (unsigned long long)report.configurations);
    buf_deinit(&report.explanation);
}

static void show(const struct faults *faults, const struct clients_counts *counts)
{
    printf("    %llu done (%llu over HTTP), %llu refused, %llu unknown, %llu reads lost;",
           (unsigned long long)counts->done, (unsigned long long)counts->over_http,
           (unsigned long long)counts->refused, (unsigned long long)counts->unknown,
           (unsigned long long)counts->lost);
    for (int i = 0; i < FAULTS_COUNT; i++) {
        if (faults->counts[i] > 0) {
            printf(" %s %llu,", faults_text((enum fault)i), (unsigned long long)faults->counts[i]);
        }
    }
    printf("\n");
}

static void run(const struct campaign *campaign)
{
    struct cluster cluster;
    struct faults faults;
    struct clients_counts counts = {0};
    struct history history = {0};
    cluster_init(&cluster, campaign->binary, campaign->directory, campaign->seed % 2 == 0 ? 5 : 3);
    cluster_add_option(&cluster, "--request-timeout=2000");
    cluster_add_option(&cluster, "--snapshot-log-bytes=100kb");
    struct wires *wires = put_wires_between(&cluster);
    faults_init(&faults, &cluster, wires, campaign->seed);
    cluster_start(&cluster);
    struct clients *clients = clients_start(&cluster, campaign->clients_count, campaign->seed);
    uint64_t end_ms = check_now_ms() + campaign->seconds * 1000;
    while (check_now_ms() < end_ms) {
        faults_one(&faults);
    }
    faults_heal(&faults);
    (void)cluster_wait_leader(&cluster);
    uint64_t healed_at = clients_done(clients);
    while (clients_done(clients) < healed_at + 100) { /* it goes on, or the run's time is over */
        check_sleep_ms(10);
    }
    clients_finish(clients, &history, &counts);
    cluster_check_agreement(&cluster);
    show(&faults, &counts);
    if (counts.done < campaign->seconds * OPERATIONS_MIN_A_SECOND) {
        FAIL("only %llu operations were done", (unsigned long long)counts.done);
    }
    judge(campaign, &history);
    cluster_kill_all(&cluster);
    history_deinit(&history);
}

/* In a process of its own, as check.h wants it. */
static bool run_one(struct campaign *campaign)
{
    enum { PATIENCE_SECONDS = 120 };
    pid_t parent = getpid();
    (void)snprintf(campaign->directory, sizeof(campaign->directory), "/tmp/quorum-chaos-%d-%llu",
                   (int)parent, (unsigned long long)campaign->seed);
    printf("SEED=%llu SECONDS=%llu\n", (unsigned long long)campaign->seed,
           (unsigned long long)campaign->seconds);
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
        (void)alarm((unsigned)campaign->seconds * 2 + PATIENCE_SECONDS);
        run(campaign);
        exit(0);
    }
    int status = 0;
    bool has_passed =
        pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (has_passed) {
        files_remove_tree(campaign->directory);
    } else {
        printf("    FAILED (wait status %d), see %s; again: make chaos SEED=%llu SECONDS=%llu\n",
               status, campaign->directory, (unsigned long long)campaign->seed,
               (unsigned long long)campaign->seconds);
    }
    return has_passed;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: chaos QUORUM\n");
        return 2;
    }
    uint32_t drawn = 0;
    CHECK(getrandom(&drawn, sizeof(drawn), 0) == sizeof(drawn));
    struct campaign campaign = {.binary = argv[1],
                                .seed = number_of("SEED", drawn % 1000000),
                                .seconds = number_of("SECONDS", SECONDS_DEFAULT),
                                .clients_count = (uint32_t)number_of("CLIENTS", CLIENTS_DEFAULT)};
    uint64_t runs = number_of("RUNS", 1);
    unsigned counts[2] = {0};
    for (uint64_t i = 0; i < runs; i++) {
        counts[run_one(&campaign)]++;
        campaign.seed++;
    }
    printf("%u passed, %u failed\n", counts[1], counts[0]);
    return counts[0] > 0;
}
