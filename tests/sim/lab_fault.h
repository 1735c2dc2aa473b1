/* lab_fault.h -- the kinds of faults that the lab inflicts, counted where they take effect. */
#ifndef QUORUM_TESTS_SIM_LAB_FAULT_H
#define QUORUM_TESTS_SIM_LAB_FAULT_H

#include <stdint.h>

/* X(name, words, floor): the least number in 1,000 runs of the simulator. */
#define LAB_FAULT_TABLE(X)                                                                         \
    X(LAB_PACKET_DROPPED, "packets dropped", 3000)                                                 \
    X(LAB_PACKET_REPEATED, "packets repeated", 2000)                                               \
    X(LAB_PACKET_LATE, "packets late", 20000)                                                      \
    X(LAB_PACKET_REORDERED, "packets overtaken", 7000)                                             \
    X(LAB_PACKET_CORRUPTED, "packets corrupted", 700)                                              \
    X(LAB_PACKET_TRUNCATED, "packets cut short", 700)                                              \
    X(LAB_PACKET_CUT_OFF, "packets into a cut link", 25000)                                        \
    X(LAB_PACKET_RESET, "packets lost with a link", 4000)                                          \
    X(LAB_LINK_RESET, "links reset", 1600)                                                         \
    X(LAB_LINK_CUT, "links cut both ways", 700)                                                    \
    X(LAB_LINK_CUT_ONE_WAY, "links cut one way", 700)                                              \
    X(LAB_LINK_CLOGGED, "links clogged", 1000)                                                     \
    X(LAB_NODE_ISOLATED, "nodes isolated", 1000)                                                   \
    X(LAB_NETWORK_SPLIT, "networks split in two", 1000)                                            \
    X(LAB_NODE_CRASHED, "nodes crashed", 2500)                                                     \
    X(LAB_NODE_CRASHED_IN_TURN, "of them within a turn", 500)                                      \
    X(LAB_NODE_CRASHED_IN_ORDERS, "of them between orders", 90)                                    \
    X(LAB_NODE_CRASHED_IN_PERSIST, "of them by a failed fsync", 250)                               \
    X(LAB_CLUSTER_CRASHED, "clusters crashed whole", 300)                                          \
    X(LAB_NODE_PAUSED, "nodes paused", 500)                                                        \
    X(LAB_CLOCK_STEPPED, "clocks stepped", 1000)                                                   \
    X(LAB_CLOCK_DRIFTED, "clocks too fast or too slow", 500)                                       \
    X(LAB_UNIT_LOST, "unsynced units lost", 500)                                                   \
    X(LAB_UNIT_TORN, "unreported units kept", 500)                                                 \
    X(LAB_DISK_SLOW, "disks slowed", 1200)                                                         \
    X(LAB_DISK_STALLED, "disks stalled", 1100)                                                     \
    X(LAB_DISK_FULL, "snapshot writes without room", 80)                                           \
    X(LAB_DISK_LOW, "disks nearly full", 1000)                                                     \
    X(LAB_DISK_LOST, "disks lost", 40)                                                             \
    X(LAB_DISK_ROTTEN, "disks found rotten", 40)                                                   \
    X(LAB_DISK_WENT_BACK, "disks put back from an older image", 25)                                \
    X(LAB_DISK_LOSS_NOTICED, "of them told so by others", 8)                                       \
    X(LAB_STATE_ALTERED, "states altered", 40)                                                     \
    X(LAB_STATE_FLIPPED, "bits flipped in memory", 30)                                             \
    X(LAB_STATE_NOTICED, "altered states noticed", 35)                                             \
    X(LAB_STATE_SPREAD, "of them handed on in a snapshot", 0)                                      \
    X(LAB_COPY_DAMAGED, "snapshots damaged on the way", 8)                                         \
    X(LAB_LEADER_TRANSFERRED, "hand-overs asked for", 300)                                         \
    X(LAB_MEMBERS_CHANGED, "membership changes asked for", 2000)                                   \
    X(LAB_CLIENT_LOST, "clients disconnected", 8000)                                               \
    X(LAB_CLIENT_RETRIED, "requests sent again", 600)

#define LAB_FAULT_ENUM_ROW(name, words, floor) name,
enum lab_fault { LAB_FAULT_TABLE(LAB_FAULT_ENUM_ROW) LAB_FAULTS };
#undef LAB_FAULT_ENUM_ROW

struct lab_faults {
    uint64_t counts[LAB_FAULTS];
};

#endif
