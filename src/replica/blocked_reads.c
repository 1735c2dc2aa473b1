/* blocked_reads.c -- who pushes and then reads sees those served who waited for what it pushed.
 *
 * A push is answered when it is applied; the tries that it sets off are entries behind it, and may
 * set off others (BLMOVE). In Redis all this happens before the push is answered. So here the reads
 * of a client whose own write set it off, and of no other client, wait for the end of it; not for
 * long, for where elements come and go all the time there may be no end.
 */
#include "replica/replica_internal.h"

enum { HOLD_MS_MAX = 20 };

static bool is_held(const struct replica *replica, const struct session *session)
{
    const struct blocked *blocked = &replica->executor.blocked;
    return blocked->tries > 0 && session->write_index >= blocked->stir_index &&
           replica->now_ms < blocked->stir_ms + HOLD_MS_MAX;
}

void blocked_note_stir(struct replica *replica)
{
    struct blocked *blocked = &replica->executor.blocked;
    if (blocked->tries == 0 && list_is_empty(&blocked->ready)) {
        blocked->stir_index = replica->applied_index + 1;
        blocked->stir_ms = replica->now_ms;
    }
}

bool blocked_holds_read(struct session *session)
{
    struct executor *executor = session->executor;
    if (!session->is_open || !is_held(executor->replica, session)) {
        return false;
    }
    if (list_is_empty(&session->held_link)) {
        list_push_back(&executor->blocked.held, &session->held_link);
    }
    return true;
}

void blocked_release_reads(struct replica *replica)
{
    struct list *held = &replica->executor.blocked.held;
    struct list *link = held->next;
    while (link != held) {
        struct session *session = LIST_MEMBER(link, struct session, held_link);
        link = link->next;
        if (!is_held(replica, session)) {
            list_remove(&session->held_link);
            executor_drain(session, DRAIN_READY);
        }
    }
}

uint64_t blocked_release_ms(const struct replica *replica)
{
    const struct blocked *blocked = &replica->executor.blocked;
    return list_is_empty(&blocked->held) ? UINT64_MAX : blocked->stir_ms + HOLD_MS_MAX;
}
