/* lab_damage.h -- damage that no checksum of a node's own shows: its state differs from the
 * others', or its whole disk is as it was some time ago.
 */
#ifndef QUORUM_TESTS_SIM_LAB_DAMAGE_H
#define QUORUM_TESTS_SIM_LAB_DAMAGE_H

#include "sim/lab_disk.h"
#include "sim/lab_state.h"

struct lab_node;

/* The counter that clients of the test have to keep changing, so that a flipped bit shows. */
#define LAB_DAMAGE_COUNTER "D:counter"

/* An image of a node's disks: what was durable when it was taken. */
struct lab_backup {
    bool is_taken;
    struct lab_disk disk;
    struct lab_image saved;
    uint64_t configuration_index; /* of the members by then */
};

void lab_backup_deinit(struct lab_backup *backup);

/* Sets a key on this live node alone, so that its state hash differs at once. False: not now, a
 * snapshot of it is being taken. */
bool lab_alter(struct lab_node *node);

/* Flips a bit of LAB_DAMAGE_COUNTER in this live node's memory: nothing shows before the next
 * change of that key. False: not now, or there is no such key. */
bool lab_flip(struct lab_node *node);

/* Takes an image of a live node's disks, in the place of an older one. */
void lab_back_up(struct lab_node *node);

/* A node that is down has the disks of that image, which is used up. */
void lab_put_back(struct lab_node *node);

/* Whether the node has everything again that it had acknowledged when it was put back. */
bool lab_has_caught_up(const struct lab_node *node);

/* Whether the node knows that its disk went back; and whether it still lacks what it then knows to
 * have acknowledged: it must not vote (O4, N10). */
bool lab_knows_of_loss(const struct lab_node *node);
bool lab_lacks_what_it_knows_of(const struct lab_node *node);

#endif
