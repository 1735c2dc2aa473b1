/* version.h -- the version of Quorum, for every program that states it. */
#ifndef QUORUM_BASE_VERSION_H
#define QUORUM_BASE_VERSION_H

#define QUORUM_VERSION "0.1.0"

/* The Redis whose behaviour clients may expect. */
#define QUORUM_REDIS_VERSION "7.0.15"

#endif
