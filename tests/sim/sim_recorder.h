/* sim_recorder.h -- a client of the simulation that writes down what it asks and hears, for the
 * linearizability checker.
 *
 * All recorders share a few keys; every so often, or when too many outcomes are unknown, they go
 * over to new ones, so that the histories of single keys stay short enough to be judged. Values are
 * unique, but for requests that are sent again after an unknown outcome; those still name the old
 * keys, and cost the checker little. Time is counted in events, so that no two of them are at the
 * same time.
 */
#ifndef QUORUM_TESTS_SIM_SIM_RECORDER_H
#define QUORUM_TESTS_SIM_SIM_RECORDER_H

#include "linear/history.h"
#include "sim/sim_client.h"

enum {
    SIM_WRITERS_MAX = 5, /* and readers: */
    SIM_RECORDERS_MAX = 8,
    SIM_WORDS_MAX = 7,
    SIM_WORD_BYTES = 40,
    SIM_RECORDED_MAX = 1, /* requests under way at once: they may all be of unknown outcome */
};

/* What recorders share. */
struct sim_record {
    struct sim *sim;
    struct history history;
    uint64_t time;    /* counts events */
    uint64_t values;  /* given out */
    uint64_t epoch;   /* of the keys */
    uint64_t ends_ms; /* when that is over */
    uint32_t unknown; /* outcomes in this epoch */
    /* Drawn by the seed. */
    uint32_t keys_count;
    uint32_t recorders_count;
    uint64_t pace_ms;             /* between requests, on average half of it */
    uint64_t joint_per_mille;     /* requests that name several keys */
    uint64_t container_per_mille; /* the others that are about a list, a set or the like */
    uint64_t retry_per_mille;     /* requests of unknown outcome that are sent again */
    uint64_t hangup_per_mille;    /* turns that break the connection */
};

struct sim_recorded {
    char words[SIM_WORDS_MAX][SIM_WORD_BYTES];
    uint32_t words_count;
    bool is_read;
    uint32_t retries; /* of the same words */
    uint64_t begin;
    bool is_taken;
    uint64_t taken_ms;
    uint64_t paused_ms; /* of its node, in all, when it was taken */
};

struct sim_recorder {
    struct sim_record *record;
    uint32_t number;
    bool only_reads; /* waits for no write, so it asks also where none can be done */
    struct lab_client client;
    uint64_t next_ms;
    struct sim_recorded requests[SIM_RECORDED_MAX];
    uint32_t requests_count;
    struct sim_recorded again; /* to be sent again; no words: nothing is */
};

/* The recorder's turn has come: connects, asks something, or breaks its connection. */
void sim_recorder_act(struct sim_recorder *recorder);

/* Fails when a request taken has waited for too long. */
void sim_recorder_check_waits(struct sim_recorder *recorder);

/* At the end of a run that has calmed down: everything must be answered; reads all keys of all
 * epochs on one node. */
void sim_recorder_check_end(struct sim_recorder *recorder, struct lab_node *node);

/* The run is over: what is not answered is of unknown outcome. */
void sim_recorder_close(struct sim_recorder *recorder);

#endif
