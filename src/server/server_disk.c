/* server_disk.c -- a disk that is nearly full, and one that is slow.
 *
 * What is refused then is the replica's part: it is told here. A leader hands leadership over when
 * its disk keeps the others waiting, at most every few seconds, so that two nodes with bad disks do
 * not pass it back and forth without an end of work in between.
 */
#include "base/logger.h"
#include "server/server_internal.h"

enum { HAND_OVER_MS_MIN = 5000 };

/* The figures; what follows from them the replica says. */
static void tell(const struct server *server)
{
    const struct disk_space *space = &server->disk_space;
    logger_log(space->is_low ? LOGGER_WARNING : LOGGER_NOTICE,
               "disk: %llu MB free for %s%s; disk-free-min is %llu MB",
               (unsigned long long)(space->free_bytes >> 20), server->config->data,
               space->has_reserve || server->config->disk_reserve_bytes == 0 ? "" : ", no reserve",
               (unsigned long long)(server->config->disk_free_bytes_min >> 20));
}

void server_disk_watch_room(struct server *server)
{
    bool was_low = server->disk_space.is_low;
    disk_reserve_check(server->reserve, &server->disk_space);
    bool is_low = server->disk_space.is_low;
    if (is_low == was_low) {
        return;
    }
    tell(server);
    replica_set_disk_state(server->loop.replica, is_low ? REPLICA_DISK_LOW : REPLICA_DISK_OK);
    server->self_info.is_disk_low = is_low;
    peer_net_set_self(server->peers, &server->self_info);
}

static bool is_leader_with_followers(const struct server *server)
{
    struct replica_status status;
    replica_get_status(server->loop.replica, &status);
    return status.raft.role == RAFT_LEADER &&
           replica_configuration(server->loop.replica)->members_count > 1;
}

void server_disk_watch_speed(struct server *server)
{
    uint64_t limit_ms = server->config->slow_disk_ms;
    struct log_store_stats stats;
    log_store_get_stats(server->store, &stats);
    uint64_t waited_ms = stats.oldest_unit_us / 1000;
    uint64_t now_ms = server->loop.now_ms;
    bool is_too_soon =
        server->handed_over_ms != 0 && now_ms < server->handed_over_ms + HAND_OVER_MS_MIN;
    if (limit_ms == 0 || waited_ms <= limit_ms || is_too_soon ||
        !is_leader_with_followers(server)) {
        return;
    }
    server->handed_over_ms = now_ms;
    logger_log(LOGGER_WARNING,
               "disk: raft.db has been waiting for %llu ms (slow-disk-ms is %llu)%s: handing "
               "leadership over",
               (unsigned long long)waited_ms, (unsigned long long)limit_ms,
               stats.is_full ? ", there is no room" : "");
    replica_transfer_leadership(server->loop.replica);
}
