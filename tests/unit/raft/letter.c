/* letter.c -- messages written by hand. */
#include "unit/raft/letter.h"

#include <stdio.h>

static enum result deliver(struct cluster *cluster, const struct raft_message *message)
{
    cluster_drop_all(cluster);
    return cluster_receive(cluster, message);
}

enum result letter_vote(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                        struct raft_vote vote)
{
    struct raft_message message = {.type = RAFT_MESSAGE_VOTE, .from = from, .to = to};
    message.term = term;
    message.vote = vote;
    return deliver(cluster, &message);
}

enum result letter_pre_vote(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                            struct raft_vote vote)
{
    struct raft_message message = {.type = RAFT_MESSAGE_PRE_VOTE, .from = from, .to = to};
    message.term = term;
    message.vote = vote;
    return deliver(cluster, &message);
}

enum result letter_heartbeat(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                             struct raft_heartbeat heartbeat)
{
    struct raft_message message = {.type = RAFT_MESSAGE_HEARTBEAT, .from = from, .to = to};
    message.term = term;
    message.heartbeat = heartbeat;
    return deliver(cluster, &message);
}

enum result letter_append(struct cluster *cluster, uint64_t from, uint64_t to,
                          struct letter_append append)
{
    struct raft_entry entries[8];
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND, .from = from, .to = to};
    message.term = append.term;
    message.append.previous_index = append.previous_index;
    message.append.previous_term = append.previous_term;
    message.append.commit_index = append.commit_index;
    message.append.entries = entries;
    message.append.entries_count = append.count;
    for (uint32_t i = 0; i < append.count; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "t%d", (int)append.terms[i]);
        entries[i] = (struct raft_entry){.index = append.previous_index + 1 + i,
                                         .term = append.terms[i],
                                         .type = RAFT_ENTRY_COMMAND,
                                         .payload = blob_copy(slice_of_string(text))};
    }
    enum result result = deliver(cluster, &message);
    for (uint32_t i = 0; i < append.count; i++) {
        blob_release(entries[i].payload);
    }
    return result;
}

enum result letter_ack(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                       uint64_t match_index)
{
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND_REPLY, .from = from, .to = to};
    message.term = term;
    message.append_reply.disk_id = cluster->nodes[from].disk_id;
    message.append_reply.match_index = match_index;
    return deliver(cluster, &message);
}

const struct raft_append_reply *letter_append_reply(const struct cluster *cluster)
{
    const struct cluster_mail *mail =
        cluster_find_mail(cluster, RAFT_MESSAGE_APPEND_REPLY, RAFT_ID_NONE, RAFT_ID_NONE);
    return mail == NULL ? NULL : &mail->message.append_reply;
}

int letter_vote_reply(const struct cluster *cluster)
{
    const struct cluster_mail *mail =
        cluster_find_mail(cluster, RAFT_MESSAGE_VOTE_REPLY, RAFT_ID_NONE, RAFT_ID_NONE);
    if (mail == NULL) {
        mail = cluster_find_mail(cluster, RAFT_MESSAGE_PRE_VOTE_REPLY, RAFT_ID_NONE, RAFT_ID_NONE);
    }
    return mail == NULL ? -1 : mail->message.vote_reply.granted ? 1 : 0;
}

bool letter_log_is(const struct cluster *cluster, uint64_t id, const uint64_t *terms,
                   uint32_t count)
{
    if (cluster_status(cluster, id).last_index != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (raft_entry_at(cluster->nodes[id].raft, i + 1)->term != terms[i]) {
            return false;
        }
    }
    return true;
}
