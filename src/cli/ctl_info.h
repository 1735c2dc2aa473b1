/* ctl_info.h -- reading what INFO says. */
#ifndef QUORUM_CLI_CTL_INFO_H
#define QUORUM_CLI_CTL_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* Copies the value of a "key:value" line of INFO, cut at out_bytes; "" and false when there is no
 * such line. */
bool ctl_info_value(const char *info, const char *key, char *out, size_t out_bytes);

/* The value of a line that is an unsigned number; fallback when it is missing or no number. */
uint64_t ctl_info_number(const char *info, const char *key, uint64_t fallback);

/* A member as a node lists it ("nodeN:id=...,role=..." of INFO raft); "" what it does not know. */
struct ctl_member {
    char id[LIMIT_NODE_NAME_BYTES];
    char role[16]; /* voter, learner, joining */
    char raft[LIMIT_ADDRESS_BYTES];
    char http[LIMIT_ADDRESS_BYTES];
    char redis[LIMIT_ADDRESS_BYTES];
};

/* Reads the members that INFO raft lists; returns how many. */
int ctl_info_members(const char *info, struct ctl_member members[LIMIT_MEMBERS]);

#endif
