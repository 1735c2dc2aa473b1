/* cluster.h -- a cluster of real processes on this machine, and what can be done to its nodes.
 *
 * Nodes are called node-1, node-2, ... and are counted from 0 here. Each has a data directory and a
 * log file under the cluster's directory, and three ports that were free when it was made. A node
 * dies with the process that started it (PR_SET_PDEATHSIG), so start and restart nodes from the
 * main thread only. What goes wrong fails the test (check.h); nothing here returns an error.
 */
#ifndef QUORUM_TESTS_LIB_CLUSTER_H
#define QUORUM_TESTS_LIB_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CLUSTER_NODES_MAX = 8,
    CLUSTER_OPTIONS_MAX = 16,
    CLUSTER_PATH_BYTES = 512,
    /* How long anything that must happen may take before the test fails: far beyond what it
     * takes, because machines that run tests are busy. */
    CLUSTER_PATIENCE_MS = 20000,
};

struct cluster_node {
    char name[16];
    char data[CLUSTER_PATH_BYTES + 16];
    char log[CLUSTER_PATH_BYTES + 24];
    uint16_t raft_port, http_port, redis_port;
    char join[64]; /* the value of --join, in the place of --peers; "": as all others */
    pid_t pid;     /* 0: not running */
    bool is_paused;
    bool is_outside; /* no member (yet, any more): is not asked whether it agrees */
};

struct cluster {
    char binary[CLUSTER_PATH_BYTES];
    char directory[CLUSTER_PATH_BYTES];
    char peers[512];                          /* the value of --peers */
    const char *options[CLUSTER_OPTIONS_MAX]; /* further options for every node, up to NULL */
    struct cluster_node nodes[CLUSTER_NODES_MAX];
    uint32_t nodes_count;
};

/* Makes the directory, chooses ports and writes the members' list; starts nothing. */
void cluster_init(struct cluster *cluster, const char *binary, const char *directory,
                  uint32_t nodes_count);

/* Adds an option, "--name=value", for nodes launched from now on. The text is borrowed. */
void cluster_add_option(struct cluster *cluster, const char *option);

/*
 * Makes a further node, which is started with --join and the Raft address of node through, and
 * returns its number. Starts nothing. It is outside until the test says otherwise.
 */
uint32_t cluster_add_node(struct cluster *cluster, uint32_t through);

/* Starts all nodes and waits until they agree on a leader. */
void cluster_start(struct cluster *cluster);

/* Starts one node and does not wait for anything. */
void cluster_launch(struct cluster *cluster, uint32_t node);

/* Starts one node, and waits until it answers and knows a leader. */
void cluster_restart(struct cluster *cluster, uint32_t node);

/* kill -9, and waits for the end. */
void cluster_kill(struct cluster *cluster, uint32_t node);

/* SIGTERM without waiting. */
void cluster_ask_to_stop(struct cluster *cluster, uint32_t node);

/* Waits until a node has ended by itself; returns its exit status, or 128 and the signal. */
int cluster_wait_end(struct cluster *cluster, uint32_t node);

/* SIGTERM; the node must exit with 0 within the 5 s that are promised. */
void cluster_stop(struct cluster *cluster, uint32_t node);

/* kill -9 for all that run. */
void cluster_kill_all(struct cluster *cluster);

/* SIGSTOP, once the process has stopped; SIGCONT. */
void cluster_pause(struct cluster *cluster, uint32_t node);
void cluster_resume(struct cluster *cluster, uint32_t node);

/* Whether a node is a member that runs, unpaused. */
bool cluster_is_serving(const struct cluster *cluster, uint32_t node);

/* Waits until all members that run, unpaused, agree on a leader that is one of them. */
uint32_t cluster_wait_leader(struct cluster *cluster);

/* The next running node after one, round about. */
uint32_t cluster_other(const struct cluster *cluster, uint32_t node);

/* Copies a field of a node's INFO raft; false when the node does not answer. */
bool cluster_get_raft_field(struct cluster *cluster, uint32_t node, const char *field,
                            char text[64]);

/* The same for a field that is a number in any section; the node must answer and have it. */
uint64_t cluster_get_number(struct cluster *cluster, uint32_t node, const char *field);

/* Waits until a field of INFO raft is this. */
void cluster_wait_raft_field(struct cluster *cluster, uint32_t node, const char *field,
                             const char *value);

/* The path of a file in a node's data directory. */
void cluster_path(const struct cluster *cluster, uint32_t node, const char *file,
                  char path[CLUSTER_PATH_BYTES + 64]);

/*
 * Waits until all running members have applied the same entries, and checks that their state hash
 * and their content are the same; fails at once when two nodes differ at the same index.
 */
void cluster_check_agreement(struct cluster *cluster);

/* How often text occurs in a node's log file. */
uint32_t cluster_count_in_log(const struct cluster *cluster, uint32_t node, const char *text);

/* Waits until text occurs in a node's log file. */
void cluster_wait_for_log(const struct cluster *cluster, uint32_t node, const char *text);

/* A port on which nobody listens, and that no other test takes while this process lives. */
uint16_t cluster_free_port(void);

#endif
