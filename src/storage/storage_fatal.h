/* storage_fatal.h -- the one way in which storage stops the process.
 *
 * After a failed write or fsync the kernel may hold pages that look clean and are not on the disk,
 * so nothing is tried again: the process says what happened and ends. What it had reported durable
 * is on disk; the next start reads and verifies it afresh.
 */
#ifndef QUORUM_STORAGE_STORAGE_FATAL_H
#define QUORUM_STORAGE_STORAGE_FATAL_H

/* EX_IOERR of sysexits.h: a supervisor tells a bad disk from a crash (a signal) by this code. */
enum { STORAGE_FATAL_EXIT_CODE = 74 };

/*
 * Logs "cannot <what> <path>: <message>; stopping ...; <remedy>" and ends the process at once with
 * STORAGE_FATAL_EXIT_CODE, without running exit handlers. May be called from any thread.
 */
_Noreturn void storage_fatal(const char *what, const char *path, const char *message,
                             const char *remedy);

#endif
