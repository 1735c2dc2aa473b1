/* origin.c -- this node as an origin of batches: its incarnation stays one that the log takes.
 *
 * A node that was removed and added again, or that lost its disk and whose clock was behind at its
 * new start, would number its batches under an incarnation that is over: all of them would be
 * passed over for ever. That is also the proof that none of those unanswered can still be applied,
 * so they may go again, from the first, under a new one (M12).
 */
#include "replica/replica_internal.h"

enum {
    /* A new incarnation lies so far above the old at most, by chance: another start of this node
     * that knows nothing of this one is not to come upon the same. */
    INCARNATION_SPREAD = 1 << 20,
};

void origin_check(struct replica *replica)
{
    uint64_t usable =
        sequences_usable_incarnation(&replica->sequences, replica->self, replica->incarnation);
    if (usable == replica->incarnation) {
        return;
    }
    replica->incarnation = usable + prng_below(&replica->executor.prng, INCARNATION_SPREAD);
    membership_renumber(&replica->membership, replica->incarnation);
    batches_renumber(&replica->batches);
    forward_resend_at(replica, replica->now_ms);
}
