/* assert.h -- ASSERT: a check of our own reasoning that stays on in every build.
 *
 * One condition each, so that the message names the one that failed. Never used for input from
 * outside (clients, peers, disks): that is answered with a result or a reply.
 */
#ifndef QUORUM_BASE_ASSERT_H
#define QUORUM_BASE_ASSERT_H

#define ASSERT(condition)                                                                          \
    (__builtin_expect(!!(condition), 1) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

/* A check too dear for a release build; on in debug, asan, tsan and the simulator. */
#ifdef QUORUM_DEBUG
#define DEBUG_ASSERT(condition) ASSERT(condition)
#else
#define DEBUG_ASSERT(condition) ((void)sizeof(condition))
#endif

/* Logs the failed condition with its place and aborts the process. */
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#endif
