/* fuzz_raft.c -- sequences of events on a few raft cores: every byte of the input chooses what
 * happens next (which mail arrives, is lost or comes twice, whose deadline, crash or persist it is,
 * who is asked for what), and the oracle of the unit tests says whether all is well.
 *
 * Nothing happens that the network, the disks and the clients of a cluster could not do. */
#include "fuzz/fuzz.h"
#include "unit/raft/oracle.h"

enum { STEPS_MAX = 1500, MAILS_MAX = 400, COMPACT_BEHIND = 2 };

struct game {
    struct cluster cluster;
    struct oracle oracle;
    uint64_t next_context;
    uint32_t values;
};

static uint64_t node_of(const struct game *game, uint8_t byte)
{
    return 1 + byte % game->cluster.nodes_count;
}

static bool is_up(const struct game *game, uint64_t id)
{
    return game->cluster.nodes[id].raft != NULL;
}

/* Mail: arrives, out of order too, is lost, or comes twice. */
static void move_mail(struct game *game, uint8_t what, uint8_t which)
{
    struct cluster *cluster = &game->cluster;
    if (cluster->mails_count == 0) {
        return;
    }
    uint32_t at = which % cluster->mails_count;
    if (what == 0 || cluster->mails_count > MAILS_MAX) {
        cluster_drop_at(cluster, at);
    } else if (what == 1) {
        cluster_repeat_at(cluster, at);
    } else {
        FUZZ_CHECK(cluster_deliver_at(cluster, what == 2 ? at : 0) == RESULT_OK);
    }
}

static void crash_or_start(struct game *game, uint64_t id)
{
    if (is_up(game, id)) {
        cluster_crash(&game->cluster, id);
    } else {
        oracle_node_crashed(&game->oracle, &game->cluster, id);
        cluster_start(&game->cluster, id);
    }
}

static void compact(struct game *game, uint64_t id)
{
    const struct cluster_disk *disk = &game->cluster.nodes[id].disk;
    struct raft_status status = cluster_status(&game->cluster, id);
    uint64_t highest = disk->snapshot_index + disk->entries_count;
    highest = highest < status.commit_index ? highest : status.commit_index;
    if (highest >= status.first_index + COMPACT_BEHIND) {
        cluster_compact(&game->cluster, id, highest - COMPACT_BEHIND);
    }
}

static void install(struct game *game, uint64_t from, uint64_t to)
{
    const struct cluster_node *sender = &game->cluster.nodes[from];
    if (from != to && is_up(game, from) && is_up(game, to) && sender->commit_index > 0) {
        FUZZ_CHECK(cluster_install(&game->cluster, from, to, sender->commit_index) == RESULT_OK);
    }
}

static void ask(struct game *game, uint8_t what, uint64_t id, uint64_t other)
{
    struct cluster *cluster = &game->cluster;
    switch (what % 7) {
    case 0:
    case 1: {
        char text[16];
        (void)snprintf(text, sizeof(text), "v%u", game->values++);
        (void)cluster_propose(cluster, id, text);
        break;
    }
    case 2:
        if (game->oracle.reads_count < 1000) {
            oracle_read_begins(&game->oracle, game->next_context);
            cluster_read(cluster, id, game->next_context++);
        }
        break;
    case 3:
        (void)cluster_transfer(cluster, id, other);
        break;
    case 4:
        (void)cluster_add(cluster, id, other, RAFT_JOINING);
        break;
    case 5:
        (void)cluster_change(cluster, id, RAFT_CHANGE_REMOVE, other, false);
        break;
    case 6:
        compact(game, id);
        break;
    }
}

/* One move, of three bytes. */
static void play(struct game *game, uint8_t what, uint8_t who, uint8_t which)
{
    struct cluster *cluster = &game->cluster;
    uint64_t id = node_of(game, who);
    if (what < 160) {
        move_mail(game, what % 8, which);
    } else if (what < 190) {
        cluster->now_ms += which % 32;
        if (is_up(game, id)) {
            (void)cluster_persist(cluster, id, 1 + which % 4);
        }
    } else if (what < 215) {
        if (is_up(game, id)) {
            cluster_expire(cluster, id);
        }
    } else if (what < 240) {
        if (is_up(game, id)) {
            ask(game, what, id, node_of(game, which));
        }
    } else if (what < 246) {
        crash_or_start(game, id);
    } else if (what < 250) {
        cluster->cut[id][node_of(game, which)] = (which & 0x80) != 0;
    } else if (what < 253) {
        install(game, id, node_of(game, which));
    } else {
        cluster_run(cluster, which);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice input = slice_of(data, size);
    struct game *game = calloc(1, sizeof(*game));
    FUZZ_CHECK(game != NULL);
    uint8_t shape = fuzz_take_byte(&input);
    cluster_init(&game->cluster, 1 + shape % 5, (shape / 5) % 2, 1 + shape);
    for (uint64_t id = 1; id <= game->cluster.nodes_count; id++) {
        game->cluster.nodes[id].persists_by_hand = true;
    }
    oracle_init(&game->oracle, &game->cluster);
    game->next_context = 1;
    cluster_start_all(&game->cluster);
    for (uint32_t i = 0; i < STEPS_MAX && input.size > 0; i++) {
        struct slice move = fuzz_take(&input, 3);
        play(game, move.bytes[0], move.size > 1 ? move.bytes[1] : 0,
             move.size > 2 ? move.bytes[2] : 0);
        if (game->oracle.failure[0] != '\0') {
            (void)fprintf(stderr, "move %u: %s\n", i, game->oracle.failure);
            abort();
        }
    }
    oracle_check_logs(&game->oracle, &game->cluster);
    FUZZ_CHECK(game->oracle.failure[0] == '\0');
    cluster_deinit(&game->cluster);
    free(game);
    return 0;
}
