/* quote.h -- bytes as redis-cli and MONITOR show them. */
#ifndef QUORUM_BASE_QUOTE_H
#define QUORUM_BASE_QUOTE_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends bytes in double quotes, with \n \r \t \a \b, \" and \\, and \xNN for what is not
 * printable ASCII. At most four times as long as the bytes, and the quotes. */
void quote_append(struct buf *out, struct slice bytes);

#endif
