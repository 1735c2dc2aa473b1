/* test_simulation.c -- many small clusters under random faults, each decided by one seed.
 *
 * Each seed draws its own fault rates, zero among them. First faults and only safety is asked
 * (oracle.h); then all faults end and the cluster must elect a leader, commit and agree.
 * RAFT_SEED=n runs one seed, RAFT_SEEDS=n that many from 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/unit.h"
#include "unit/raft/oracle.h"

enum { SEEDS_DEFAULT = 400, CHAOS_MS = 4000, CALM_MS = 3000 };

struct simulation {
    struct cluster cluster;
    struct oracle oracle;
    struct prng prng;
    uint64_t next_context;
    uint64_t next_value;
    uint64_t proposals_accepted;
    uint64_t paused_until_ms[CLUSTER_NODES_MAX + 1];
    uint64_t down_since_ms[CLUSTER_NODES_MAX + 1];
    /* A node whose disk went back, and the one that knows: that has to live, or two faults are more
     * than one too many. */
    uint64_t restored;
    uint64_t witness;
    struct raft_memory memory;
    /* Fault rates, in thousandths. */
    uint64_t drop;
    uint64_t repeat;
    uint64_t delay;
    uint64_t slow_disk;
    uint64_t disturb; /* crashes, cuts, pauses: chance of one a random action */
    uint64_t change;  /* of the membership */
    uint64_t wipe;    /* a disk */
    uint64_t image;   /* of a disk, taken and put back */
    uint64_t compact;
    /* What came of it. */
    uint64_t changes;
    uint64_t wiped;
    uint64_t installed;
    uint64_t restores;
};

static bool chance(struct simulation *simulation, uint64_t thousandths)
{
    return prng_below(&simulation->prng, 1000) < thousandths;
}

/* Draws when new mail arrives and new persists complete; drops and repeats mail. */
static void draw_delays(struct simulation *simulation, uint32_t mails_before)
{
    struct cluster *cluster = &simulation->cluster;
    uint32_t at = mails_before;
    uint32_t end = cluster->mails_count;
    while (at < end) {
        if (chance(simulation, simulation->drop)) {
            cluster_drop_at(cluster, at);
            end--;
            continue;
        }
        if (chance(simulation, simulation->repeat)) {
            cluster_repeat_at(cluster, at);
        }
        at++;
    }
    for (at = mails_before; at < cluster->mails_count; at++) {
        uint64_t longest = chance(simulation, simulation->delay) ? 400 : 6;
        cluster->mails[at].due_ms = cluster->now_ms + 1 + prng_below(&simulation->prng, longest);
    }
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        struct cluster_node *node = &cluster->nodes[id];
        if (node->persists_count > 0) {
            struct cluster_persist *newest = &node->persists[node->persists_count - 1];
            if (newest->due_ms == cluster->now_ms) {
                uint64_t longest = chance(simulation, simulation->slow_disk) ? 300 : 8;
                newest->due_ms += 1 + prng_below(&simulation->prng, longest);
            }
        }
    }
}

static bool is_paused(const struct simulation *simulation, uint64_t id)
{
    return simulation->paused_until_ms[id] > simulation->cluster.now_ms;
}

static void note_contradiction(struct simulation *simulation, enum result result, uint64_t id)
{
    if (result != RESULT_OK && simulation->oracle.failure[0] == '\0') {
        (void)snprintf(simulation->oracle.failure, sizeof(simulation->oracle.failure),
                       "node %" PRIu64 " found a contradiction", id);
    }
}

static void deliver_due(struct simulation *simulation)
{
    struct cluster *cluster = &simulation->cluster;
    uint32_t at = 0;
    while (at < cluster->mails_count) {
        uint64_t to = cluster->mails[at].message.to;
        if (cluster->mails[at].due_ms > cluster->now_ms || is_paused(simulation, to)) {
            at++;
            continue;
        }
        uint32_t left = cluster->mails_count - 1;
        note_contradiction(simulation, cluster_deliver_at(cluster, at), to);
        draw_delays(simulation, left);
    }
}

static void run_nodes(struct simulation *simulation)
{
    struct cluster *cluster = &simulation->cluster;
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        struct cluster_node *node = &cluster->nodes[id];
        if (node->raft == NULL || is_paused(simulation, id)) {
            continue;
        }
        uint32_t before = cluster->mails_count;
        uint32_t due = 0;
        while (due < node->persists_count && node->persists[due].due_ms <= cluster->now_ms) {
            due++;
        }
        (void)cluster_persist(cluster, id, due);
        if (node->deadline_ms <= cluster->now_ms) {
            cluster_expire(cluster, id);
        }
        draw_delays(simulation, before);
    }
}

static void disturb(struct simulation *simulation, uint64_t id)
{
    struct cluster *cluster = &simulation->cluster;
    uint64_t other = 1 + prng_below(&simulation->prng, cluster->nodes_count);
    switch (prng_below(&simulation->prng, 6)) {
    case 0:
        if (id == simulation->witness) {
            break;
        }
        if (cluster->nodes[id].raft != NULL) {
            simulation->down_since_ms[id] = cluster->now_ms;
        }
        cluster_crash(cluster, id);
        break;
    case 1:
        cluster_isolate(cluster, id, true);
        break;
    case 2:
        cluster_isolate(cluster, id, false);
        break;
    case 3:
        cluster->cut[id][other] = !cluster->cut[id][other]; /* one way only */
        break;
    case 4:
        simulation->paused_until_ms[id] = cluster->now_ms + prng_below(&simulation->prng, 800);
        break;
    case 5:
        if (cluster->nodes[id].raft != NULL) {
            (void)cluster_transfer(cluster, id,
                                   prng_below(&simulation->prng, 2) == 0 ? RAFT_ID_NONE : other);
        }
        break;
    default:
        break;
    }
}

static void propose(struct simulation *simulation, uint64_t id)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "v%" PRIu64, simulation->next_value++);
    if (cluster_propose(&simulation->cluster, id, text) == RESULT_OK) {
        simulation->proposals_accepted++;
        raft_announce_commit(simulation->cluster.nodes[id].raft,
                             1 + prng_below(&simulation->prng, simulation->cluster.nodes_count),
                             cluster_status(&simulation->cluster, id).last_index);
    }
}

static void compact(struct simulation *simulation, uint64_t id)
{
    struct cluster *cluster = &simulation->cluster;
    const struct cluster_disk *disk = &cluster->nodes[id].disk;
    struct raft_status status = cluster_status(cluster, id);
    uint64_t highest = disk->snapshot_index + disk->entries_count;
    highest = highest < status.commit_index ? highest : status.commit_index;
    if (highest >= status.first_index) {
        cluster_compact(cluster, id,
                        status.first_index +
                            prng_below(&simulation->prng, highest - status.first_index + 1));
    }
}

/* Puts some snapshot of one node in place on another, wanted or not, newest or not. */
static void install(struct simulation *simulation, uint64_t from, uint64_t to)
{
    struct cluster *cluster = &simulation->cluster;
    struct cluster_node *sender = &cluster->nodes[from];
    if (from == to || sender->raft == NULL || cluster->nodes[to].raft == NULL ||
        sender->commit_index == 0) {
        return;
    }
    uint64_t lowest = sender->disk.state_index > 0 ? sender->disk.state_index : 1;
    uint64_t index = lowest + prng_below(&simulation->prng, sender->commit_index - lowest + 1);
    simulation->installed += index > cluster->nodes[to].disk.state_index ? 1 : 0;
    note_contradiction(simulation, cluster_install(cluster, from, to, index), to);
}

/* A leader's members that need a snapshot get one, sooner or later. */
static void serve_snapshots(struct simulation *simulation)
{
    struct cluster *cluster = &simulation->cluster;
    uint64_t leader = cluster_leader(cluster);
    struct raft_progress rows[LIMIT_MEMBERS];
    if (leader == RAFT_ID_NONE || !chance(simulation, 50)) {
        return;
    }
    uint32_t count = raft_get_progress(cluster->nodes[leader].raft, rows, LIMIT_MEMBERS);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].state == RAFT_SNAPSHOT && !cluster->cut[leader][rows[i].id] &&
            !is_paused(simulation, rows[i].id) && !is_paused(simulation, leader)) {
            install(simulation, leader, rows[i].id);
        }
    }
}

/* Asks the leader for some change of the membership; most are refused. */
static void change(struct simulation *simulation, uint64_t who)
{
    struct cluster *cluster = &simulation->cluster;
    uint64_t leader = cluster_leader(cluster);
    if (leader == RAFT_ID_NONE || is_paused(simulation, leader)) {
        return;
    }
    /* Nobody forces what lost disks would have to agree to: a quorum is lost for good that way. */
    bool force = simulation->wipe == 0 && prng_below(&simulation->prng, 4) == 0;
    enum result result = RESULT_OK;
    uint64_t index = cluster_status(cluster, leader).configuration_index;
    switch (prng_below(&simulation->prng, 5)) {
    case 0:
    case 1:
        result = cluster_add(cluster, leader, who,
                             prng_below(&simulation->prng, 4) == 0 ? RAFT_LEARNER : RAFT_JOINING);
        break;
    case 2:
    case 3:
        result = cluster_change(cluster, leader, RAFT_CHANGE_REMOVE, who, force);
        break;
    default:
        result = cluster_change(cluster, leader, RAFT_CHANGE_PROMOTE, who, force);
        break;
    }
    if (result == RESULT_OK && cluster_status(cluster, leader).configuration_index > index) {
        simulation->changes++;
    }
}

/* A node that is down comes back with an empty disk. That takes longer than mail and an election
 * timeout: its leader knows that it does not hear from it. */
static void wipe(struct simulation *simulation, uint64_t id)
{
    if (simulation->cluster.now_ms - simulation->down_since_ms[id] > 800 &&
        oracle_may_wipe(&simulation->oracle, &simulation->cluster, id)) {
        cluster_wipe(&simulation->cluster, id);
        oracle_node_wiped(&simulation->oracle, id);
        simulation->wiped++;
    }
}

/* A node that is down comes back with its disk as it was some time ago, if the others can do
 * without its vote, and one of them has led in the last term that the disk has seen. */
static void restore_image(struct simulation *simulation, uint64_t id)
{
    struct cluster *cluster = &simulation->cluster;
    struct cluster_node *node = &cluster->nodes[id];
    if (simulation->restored != RAFT_ID_NONE || !node->has_image ||
        !oracle_may_wipe(&simulation->oracle, cluster, id)) {
        return;
    }
    for (uint64_t other = 1; other <= cluster->nodes_count; other++) {
        if (cluster->nodes[other].raft == NULL) {
            continue;
        }
        struct raft_memory memory = raft_get_memory(cluster->nodes[other].raft, id);
        if (memory.disk_id == node->disk_id && memory.term == node->disk.hard_state.term) {
            simulation->restored = id;
            simulation->witness = other;
            simulation->memory = memory;
            cluster_drop_mail_of(cluster, id);
            cluster_restore_image(cluster, id);
            oracle_node_wiped(&simulation->oracle, id);
            simulation->restores++;
            return;
        }
    }
}

/* Once all that was remembered is durable again, nobody has to remember it. */
static void release_witness(struct simulation *simulation)
{
    uint64_t id = simulation->restored;
    if (id == RAFT_ID_NONE || simulation->cluster.nodes[id].raft == NULL) {
        return;
    }
    struct raft_status status = cluster_status(&simulation->cluster, id);
    if (status.commit_index >= simulation->memory.index &&
        status.persisted_index >= simulation->memory.index &&
        status.term >= simulation->memory.term) {
        simulation->restored = RAFT_ID_NONE;
        simulation->witness = RAFT_ID_NONE;
    }
}

/* Links come up with it. A disk that went back is told so before it may vote: what else would be is
 * one fault more. */
static void start_node(struct simulation *simulation, uint64_t id)
{
    struct cluster *cluster = &simulation->cluster;
    uint64_t witness = id == simulation->restored ? simulation->witness : RAFT_ID_NONE;
    if (witness != RAFT_ID_NONE && (cluster->cut[witness][id] || is_paused(simulation, witness))) {
        return;
    }
    oracle_node_crashed(&simulation->oracle, cluster, id);
    cluster_start(cluster, id);
    for (uint64_t other = 1; other <= cluster->nodes_count; other++) {
        if (!is_paused(simulation, other)) {
            cluster_link(cluster, other, id);
            cluster_link(cluster, id, other);
        }
    }
}

static void act(struct simulation *simulation)
{
    struct cluster *cluster = &simulation->cluster;
    uint64_t id = 1 + prng_below(&simulation->prng, cluster->nodes_count);
    if (chance(simulation, simulation->disturb)) {
        disturb(simulation, id);
    }
    if (chance(simulation, simulation->change)) {
        change(simulation, id);
    }
    serve_snapshots(simulation);
    if (cluster->nodes[id].raft == NULL) {
        if (chance(simulation, simulation->wipe)) {
            wipe(simulation, id);
        }
        if (chance(simulation, simulation->image)) {
            restore_image(simulation, id);
        }
        if (chance(simulation, simulation->wipe + simulation->image > 0 ? 10 : 30)) {
            start_node(simulation, id);
        }
        return;
    }
    if (is_paused(simulation, id)) {
        return;
    }
    if (chance(simulation, simulation->image)) {
        cluster_take_image(cluster, id);
    }
    release_witness(simulation);
    switch (prng_below(&simulation->prng, 8)) {
    case 0:
    case 1:
    case 2:
        propose(simulation, id);
        break;
    case 3:
    case 4:
        if (simulation->oracle.reads_count < 1000) {
            oracle_read_begins(&simulation->oracle, simulation->next_context);
            cluster_read(cluster, id, simulation->next_context++);
        }
        break;
    case 5: {
        struct raft_event event = {.type = RAFT_EVENT_UNREACHABLE,
                                   .peer = 1 + prng_below(&simulation->prng, cluster->nodes_count)};
        (void)cluster_step(cluster, id, &event);
        break;
    }
    case 6:
        if (chance(simulation, simulation->compact)) {
            compact(simulation, id);
        }
        break;
    case 7:
        if (chance(simulation, 20)) {
            install(simulation, 1 + prng_below(&simulation->prng, cluster->nodes_count), id);
        }
        break;
    default:
        break;
    }
}

static void run_ms(struct simulation *simulation, uint64_t ms, bool with_actions)
{
    struct cluster *cluster = &simulation->cluster;
    uint64_t end_ms = cluster->now_ms + ms;
    while (cluster->now_ms < end_ms && simulation->oracle.failure[0] == '\0') {
        cluster->now_ms += 1 + prng_below(&simulation->prng, 4);
        if (with_actions) {
            uint32_t before = cluster->mails_count;
            act(simulation);
            draw_delays(simulation, before);
        }
        if (!with_actions) {
            uint32_t before = cluster->mails_count;
            serve_snapshots(simulation);
            draw_delays(simulation, before);
        }
        run_nodes(simulation);
        deliver_due(simulation);
        if (chance(simulation, 10)) {
            oracle_check_logs(&simulation->oracle, cluster);
        }
    }
    oracle_check_logs(&simulation->oracle, cluster);
}

static void calm_down(struct simulation *simulation)
{
    struct cluster *cluster = &simulation->cluster;
    simulation->drop = 0;
    simulation->repeat = 0;
    simulation->delay = 0;
    simulation->slow_disk = 0;
    memset(cluster->cut, 0, sizeof(cluster->cut));
    memset(simulation->paused_until_ms, 0, sizeof(simulation->paused_until_ms));
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        if (cluster->nodes[id].raft == NULL) {
            start_node(simulation, id);
        }
    }
}

/* Every member has all, no voter is on a lost disk, and whoever joins has joined. */
static const char *check_members(const struct simulation *simulation, uint64_t leader)
{
    const struct cluster *cluster = &simulation->cluster;
    const struct raft_configuration *latest =
        raft_configuration_latest(cluster->nodes[leader].raft);
    struct raft_status status = cluster_status(cluster, leader);
    if (status.configuration_index > status.commit_index) {
        return "a configuration is not committed after the faults ended";
    }
    for (uint32_t i = 0; i < latest->members_count; i++) {
        const struct raft_member *member = &latest->members[i];
        if (cluster_status(cluster, member->id).commit_index != status.last_index) {
            return "a node did not catch up after the faults ended";
        }
        if (member->role == RAFT_JOINING) {
            return "a joining member is no voter after the faults ended";
        }
        if (member->role == RAFT_VOTER && member->disk_id != cluster->nodes[member->id].disk_id) {
            return "a voter's disk is not recorded after the faults ended";
        }
    }
    return NULL;
}

/* After the faults: one leader, a new entry committed, every member with all of it. */
static const char *check_liveness(struct simulation *simulation)
{
    struct cluster *cluster = &simulation->cluster;
    run_ms(simulation, CALM_MS, false);
    uint64_t leader = cluster_leader(cluster);
    if (leader == RAFT_ID_NONE) {
        return "no leader after the faults ended";
    }
    const struct raft_configuration *latest =
        raft_configuration_latest(cluster->nodes[leader].raft);
    uint64_t reader = latest->members[prng_below(&simulation->prng, latest->members_count)].id;
    uint32_t before = cluster->mails_count;
    if (cluster_propose(cluster, leader, "last") != RESULT_OK) {
        return "the leader refuses after the faults ended";
    }
    oracle_read_begins(&simulation->oracle, UINT64_MAX);
    uint64_t confirmed = simulation->oracle.reads_confirmed;
    cluster_read(cluster, reader, UINT64_MAX);
    draw_delays(simulation, before);
    run_ms(simulation, 500, false);
    if (simulation->oracle.reads_confirmed == confirmed) {
        return "a read was not confirmed after the faults ended";
    }
    return check_members(simulation, leader);
}

static void draw_rates(struct simulation *simulation)
{
    struct prng *prng = &simulation->prng;
    simulation->drop = prng_below(prng, 3) == 0 ? prng_below(prng, 250) : prng_below(prng, 20);
    simulation->repeat = prng_below(prng, 100);
    simulation->delay = prng_below(prng, 2) == 0 ? 0 : prng_below(prng, 150);
    simulation->slow_disk = prng_below(prng, 2) == 0 ? 0 : prng_below(prng, 200);
    simulation->disturb = prng_below(prng, 3) == 0 ? 0 : prng_below(prng, 40);
    simulation->change = prng_below(prng, 3) == 0 ? 0 : prng_below(prng, 60);
    simulation->wipe = prng_below(prng, 2) == 0 ? 0 : prng_below(prng, 200);
    simulation->compact = prng_below(prng, 3) == 0 ? 0 : prng_below(prng, 300);
    if (simulation->wipe == 0 && prng_below(prng, 2) == 0) {
        /* The members stay: a change could come to need the vote of a disk that has lost it. */
        simulation->image = 50 + prng_below(prng, 200);
        simulation->disturb += 20;
        simulation->change = 0;
    }
}

static void start_nodes(struct simulation *simulation, uint64_t seed)
{
    static const uint32_t voters[] = {1, 3, 3, 5, 5};
    struct cluster *cluster = &simulation->cluster;
    uint32_t learners = prng_below(&simulation->prng, 4) == 0 ? 1 : 0;
    cluster_init(cluster, voters[prng_below(&simulation->prng, 5)], learners, seed);
    if (prng_below(&simulation->prng, 2) == 0) {
        cluster_forget_disks(cluster);
    }
    while (cluster->nodes_count < CLUSTER_NODES_MAX && prng_below(&simulation->prng, 2) == 0) {
        (void)cluster_add_node(cluster);
    }
    cluster->withhold_ms = prng_below(&simulation->prng, 2) == 0 ? 0 : 400;
    oracle_init(&simulation->oracle, cluster);
    for (uint64_t id = 1; id <= cluster->nodes_count; id++) {
        cluster->nodes[id].persists_by_hand = true;
    }
    cluster_start_all(cluster);
}

/* What the seeds of a run came to, so that it can be seen to have been work. */
struct work {
    uint64_t entries;
    uint64_t reads;
    uint64_t changes;
    uint64_t wiped;
    uint64_t installed;
    uint64_t restores;
};

static bool run_seed(uint64_t seed, struct work *work)
{
    static struct simulation simulation;
    memset(&simulation, 0, sizeof(simulation));
    prng_init(&simulation.prng, seed);
    draw_rates(&simulation);
    start_nodes(&simulation, seed);
    run_ms(&simulation, CHAOS_MS, true);
    calm_down(&simulation);
    const char *stuck = check_liveness(&simulation);
    if (simulation.oracle.failure[0] != '\0') {
        stuck = simulation.oracle.failure;
    }
    if (stuck != NULL) {
        printf("RAFT_SEED=%" PRIu64 ": %s\n", seed, stuck);
    }
    work->entries += simulation.oracle.committed_count;
    work->reads += simulation.oracle.reads_confirmed;
    work->changes += simulation.changes;
    work->wiped += simulation.wiped;
    work->installed += simulation.installed;
    work->restores += simulation.restores;
    cluster_deinit(&simulation.cluster);
    return stuck == NULL;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

UNIT_TEST(raft_simulation, random_faults_keep_it_safe_and_their_end_makes_it_live)
{
    uint64_t first = number_from("RAFT_SEED", 1);
    uint64_t count = getenv("RAFT_SEED") != NULL ? 1 : number_from("RAFT_SEEDS", SEEDS_DEFAULT);
    struct work work = {0};
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        failed += run_seed(seed, &work) ? 0 : 1;
    }
    CU_ASSERT_EQUAL(failed, 0);
    if (getenv("UNIT_VERBOSE") != NULL) {
        printf("%" PRIu64 " seeds, %" PRIu64 " entries, %" PRIu64 " reads, %" PRIu64
               " changes, %" PRIu64 " snapshots installed, %" PRIu64 " disks lost, %" PRIu64
               " put back\n",
               count, work.entries, work.reads, work.changes, work.installed, work.wiped,
               work.restores);
    }
    /* It must have been work, not silence. */
    CU_ASSERT(work.entries > count * 10);
    CU_ASSERT(work.reads > count * 5);
    CU_ASSERT(count < 100 || work.changes > count);
    CU_ASSERT(count < 100 || work.installed > count);
    CU_ASSERT(count < 100 || work.wiped > count / 5);
    CU_ASSERT(count < 100 || work.restores > count / 20);
}
