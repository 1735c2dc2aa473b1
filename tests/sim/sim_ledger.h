/* sim_ledger.h -- a client of the simulation that enters numbers into a value of every type at
 * once, by transactions: exactly once, all or nothing, for every type.
 *
 * An entry is MULTI, RPUSH, SADD, HSET, ZADD, SETBIT, INCR of the client's own keys, EXEC. Judged:
 *   - every EXEC: the list is as long as the counter says, none of the others had the number
 * before; the counter is in acknowledged .. acknowledged + unknown, and never less than before
 *   - audits, transactions that only read: all six are of the same size
 *   - at the end: every acknowledged number is in the list once, in order; one of unknown outcome
 *     once or not at all; no other
 * Besides, all such clients count one key up by WATCH, GET, MULTI, SET, EXEC: no update is lost
 * (the counter ends in acknowledged .. acknowledged + unknown), and what EXEC finds is what was
 * read behind WATCH.
 */
#ifndef QUORUM_TESTS_SIM_SIM_LEDGER_H
#define QUORUM_TESTS_SIM_SIM_LEDGER_H

#include "sim/sim_line.h"

enum { SIM_LEDGERS_MAX = 3 };

/* What all such clients count together. */
struct sim_tally {
    uint64_t done;
    uint64_t unknown;
};

struct sim_ledger {
    struct sim_line line;
    struct sim_tally *tally;
    uint64_t pace_ms; /* between turns, on average half of it */
    uint64_t next_ms;
    uint8_t tokens[SIM_TOKENS_MAX]; /* enum sim_token; of the numbers entered */
    uint64_t tokens_count;
    uint64_t entered; /* the number that is under way */
    uint64_t done;
    uint64_t unknown;
    uint64_t extra;   /* of the unknown ones, how many must have been done */
    uint64_t watched; /* the shared counter, as read behind WATCH */
    bool has_watch;   /* the connection watches it */
    bool is_watching; /* and it was read since, and is to be set */
};

void sim_ledger_init(struct sim_ledger *ledger, struct sim *sim, uint32_t number,
                     struct sim_tally *tally);

/* The client's turn has come: connects, sends something, or breaks its connection. */
void sim_ledger_act(struct sim_ledger *ledger);

/* At the end: asks a node for the client's keys and judges what is there. */
void sim_ledger_check_end(struct sim_ledger *ledger, struct lab_node *node);
void sim_tally_check_end(const struct sim_tally *tally, struct lab_node *node);

#endif
