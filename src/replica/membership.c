/* membership.c -- requests of this node's clients to change the members or the leader. */
#include "replica/membership.h"

#include "base/assert.h"
#include "replica/replica_internal.h"

enum {
    /* From a refusal that may pass to the next asking. */
    ASK_AGAIN_MS = 50,
    /* A leader that is busy with another change is asked for so long: the promotion that follows
     * an ADD takes less. */
    BUSY_MS_MAX = 1000,
    /* A transfer of which nothing came is begun anew after this; raft gives one up sooner. */
    MOVING_MS_MAX = 1000,
    NUMBER_INCARNATION_SHIFT = 20,
};

void membership_init(struct membership *membership, uint64_t incarnation)
{
    *membership = (struct membership){.last_number = incarnation << NUMBER_INCARNATION_SHIFT};
}

void membership_renumber(struct membership *membership, uint64_t incarnation)
{
    uint64_t number = incarnation << NUMBER_INCARNATION_SHIFT;
    membership->last_number = number > membership->last_number ? number : membership->last_number;
}

static struct change_request *find(struct membership *membership, uint64_t ticket)
{
    for (uint32_t i = 0; i < LIMIT_CHANGES_PENDING; i++) {
        struct change_request *request = &membership->requests[i];
        if (request->stage != CHANGE_FREE && request->ticket == ticket) {
            return request;
        }
    }
    return NULL;
}

static void free_request(struct membership *membership, struct change_request *request)
{
    ASSERT(membership->requests_count > 0);
    membership->requests_count--;
    *request = (struct change_request){.stage = CHANGE_FREE};
}

uint64_t membership_request(struct replica *replica, const struct peer_change *change)
{
    struct membership *membership = &replica->membership;
    for (uint32_t i = 0; i < LIMIT_CHANGES_PENDING; i++) {
        struct change_request *request = &membership->requests[i];
        if (request->stage == CHANGE_FREE) {
            *request = (struct change_request){.stage = CHANGE_WAITS,
                                               .ticket = ++membership->last_ticket,
                                               .change = *change,
                                               .opened_ms = replica->now_ms};
            membership->requests_count++;
            replica->has_new_requests = true;
            return request->ticket;
        }
    }
    return 0;
}

bool membership_take(struct replica *replica, uint64_t ticket, enum result *result, uint64_t *index)
{
    struct change_request *request = find(&replica->membership, ticket);
    ASSERT(request != NULL);
    if (request->stage != CHANGE_DONE) {
        return false;
    }
    *result = request->result;
    *index = request->index;
    free_request(&replica->membership, request);
    return true;
}

void membership_abandon(struct replica *replica, uint64_t ticket)
{
    struct change_request *request = find(&replica->membership, ticket);
    ASSERT(request != NULL);
    request->is_abandoned = true;
    if (request->stage == CHANGE_WAITS || request->stage == CHANGE_DONE) {
        free_request(&replica->membership, request);
    }
}

static void finish(struct change_request *request, enum result result, uint64_t index)
{
    request->stage = CHANGE_DONE;
    request->result = result;
    request->index = index;
}

static void wait_again(const struct replica *replica, struct change_request *request)
{
    request->stage = CHANGE_WAITS;
    request->ask_at_ms = replica->now_ms + ASK_AGAIN_MS;
}

static void take_answer(const struct replica *replica, struct change_request *request,
                        enum result result, uint64_t index)
{
    if (result == RESULT_OK && request->change.kind == PEER_CHANGE_TRANSFER) {
        request->stage = CHANGE_MOVING;
        request->moving_since_ms = replica->now_ms;
        return;
    }
    if (result == RESULT_BUSY && request->busy_since_ms == 0) {
        request->busy_since_ms = replica->now_ms;
    }
    bool is_busy_for_long =
        result == RESULT_BUSY && replica->now_ms >= request->busy_since_ms + BUSY_MS_MAX;
    if (result == RESULT_NOT_LEADER || (result == RESULT_BUSY && !is_busy_for_long)) {
        wait_again(replica, request);
    } else {
        finish(request, result, index);
    }
}

void membership_answered(struct replica *replica, uint64_t from,
                         const struct peer_change_reply *reply)
{
    for (uint32_t i = 0; i < LIMIT_CHANGES_PENDING; i++) {
        struct change_request *request = &replica->membership.requests[i];
        if (request->stage == CHANGE_ASKED && request->asked == from &&
            request->change.number == reply->number) {
            take_answer(replica, request, reply->result, reply->index);
            return;
        }
    }
}

static void ask(struct replica *replica, struct change_request *request)
{
    request->stage = CHANGE_ASKED;
    request->asked = replica->status.leader;
    request->change.number = ++replica->membership.last_number;
    if (request->asked == replica->self) {
        enum result result = membership_accept(replica, replica->self, &request->change);
        if (result != RESULT_OK) {
            take_answer(replica, request, result, 0);
        }
        return;
    }
    struct peer_message message = {
        .type = PEER_MESSAGE_CHANGE, .from = replica->self, .to = request->asked};
    message.change = request->change;
    outbox_add_message(&replica->outbox, &message);
}

/* A transfer is done when another node leads than the one that was asked: the wanted one, if one
 * was named. */
static void watch_transfer(struct replica *replica, struct change_request *request)
{
    uint64_t leader = replica->status.leader;
    uint64_t wanted = request->change.change.member.id;
    bool has_moved = request->asked != RAFT_ID_NONE && leader != request->asked;
    bool is_there = wanted == RAFT_ID_NONE ? has_moved : leader == wanted;
    if (leader != RAFT_ID_NONE && is_there) {
        finish(request, RESULT_OK, 0);
        return;
    }
    bool is_given_up = request->asked == replica->self && leader == replica->self &&
                       replica->status.transfer_to == RAFT_ID_NONE;
    if (request->stage == CHANGE_MOVING &&
        (is_given_up || replica->now_ms >= request->moving_since_ms + MOVING_MS_MAX)) {
        wait_again(replica, request);
    }
}

/* What is true of a request whose time is over. */
static enum result give_up(const struct change_request *request)
{
    if (request->moving_since_ms != 0) {
        return RESULT_CONFLICT;
    }
    if (request->stage == CHANGE_ASKED) {
        return RESULT_CLOSED;
    }
    return request->busy_since_ms != 0 ? RESULT_BUSY : RESULT_NOT_LEADER;
}

static void look_at(struct replica *replica, struct change_request *request)
{
    if (request->stage != CHANGE_DONE && request->change.kind == PEER_CHANGE_TRANSFER) {
        watch_transfer(replica, request);
    }
    if (request->stage == CHANGE_WAITS && replica->status.leader != RAFT_ID_NONE &&
        replica->now_ms >= request->ask_at_ms) {
        ask(replica, request);
    }
    if (request->stage != CHANGE_DONE &&
        replica->now_ms >= request->opened_ms + replica->request_timeout_ms) {
        finish(request, give_up(request), 0);
    }
    if (request->stage == CHANGE_DONE && request->is_abandoned) {
        free_request(&replica->membership, request);
    }
}

void membership_turn(struct replica *replica)
{
    struct membership *membership = &replica->membership;
    membership_passed_over(replica);
    for (uint32_t i = 0; i < LIMIT_CHANGES_PENDING && membership->requests_count > 0; i++) {
        if (membership->requests[i].stage != CHANGE_FREE) {
            look_at(replica, &membership->requests[i]);
        }
    }
    membership_join(replica);
}

uint64_t membership_deadline_ms(const struct replica *replica)
{
    const struct membership *membership = &replica->membership;
    if (membership->requests_count > 0) {
        return replica->now_ms + ASK_AGAIN_MS;
    }
    return membership->join_via == RAFT_ID_NONE ? UINT64_MAX : membership->join_at_ms;
}
