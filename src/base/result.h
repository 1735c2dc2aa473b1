/* result.h -- the one error code of the house, and the marks that go with it.
 *
 * errno, SQLite and libevent codes stop in the file that met them: logged once there, and turned
 * into one of these. What a client did wrong is a reply, never a result.
 */
#ifndef QUORUM_BASE_RESULT_H
#define QUORUM_BASE_RESULT_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, arguments_at)                                                       \
    __attribute__((format(printf, format_at, arguments_at)))

/* X(name, text): the text is what a person reads in a log line. */
#define RESULT_TABLE(X)                                                                            \
    X(RESULT_OK, "ok")                                                                             \
    X(RESULT_INVALID, "invalid argument")                                                          \
    X(RESULT_NOT_FOUND, "not found")                                                               \
    X(RESULT_EXISTS, "exists already")                                                             \
    X(RESULT_NOT_LEADER, "not the leader")                                                         \
    X(RESULT_BUSY, "busy, try again")                                                              \
    X(RESULT_CONFLICT, "conflict")                                                                 \
    X(RESULT_LIMIT, "over a limit")                                                                \
    X(RESULT_CORRUPT, "corrupt data")                                                              \
    X(RESULT_IDENTITY, "wrong cluster or node identity")                                           \
    X(RESULT_VERSION, "unsupported format version")                                                \
    X(RESULT_LOCKED, "locked by another process")                                                  \
    X(RESULT_IO, "input/output error")                                                             \
    X(RESULT_FULL, "no space left")                                                                \
    X(RESULT_CLOSED, "closed")                                                                     \
    X(RESULT_UNREACHABLE, "too few members can be reached")

#define RESULT_ENUM_ROW(name, text) name,
enum result { RESULT_TABLE(RESULT_ENUM_ROW) RESULT_COUNT };
#undef RESULT_ENUM_ROW

/* Returns the text of a result for log lines; static, never NULL. */
const char *result_text(enum result result);

/* What every incremental parser of the house answers (after picohttpparser). */
enum parse {
    PARSE_DONE, /* one whole element was read */
    PARSE_MORE, /* well formed so far, needs more bytes */
    PARSE_BAD,  /* malformed: no further byte can mend it */
};

#endif
