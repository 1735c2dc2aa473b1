/* ctl_table.h -- rows of text in columns that are as wide as they must be. */
#ifndef QUORUM_CLI_CTL_TABLE_H
#define QUORUM_CLI_CTL_TABLE_H

#include <stdbool.h>

#include "base/buf.h"

enum { CTL_TABLE_COLUMNS_MAX = 16 };

struct ctl_column {
    const char *title;
    bool is_number; /* set to the right */
};

struct ctl_table;

/* columns is borrowed for the table's life; columns_count at most CTL_TABLE_COLUMNS_MAX. */
struct ctl_table *ctl_table_create(const struct ctl_column *columns, int columns_count);

/* Adds a row of columns_count cells, which are copied. */
void ctl_table_add(struct ctl_table *table, const char *const *cells);

/* Appends titles and rows, one a line, with two spaces between columns and none at the end. */
void ctl_table_write(const struct ctl_table *table, struct buf *out);

void ctl_table_destroy(struct ctl_table *table);

#endif
