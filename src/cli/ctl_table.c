/* ctl_table.c -- rows of text in columns that are as wide as they must be. */
#include "cli/ctl_table.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct ctl_table {
    const struct ctl_column *columns;
    int columns_count;
    size_t widths[CTL_TABLE_COLUMNS_MAX];
    char **cells; /* row by row; owned */
    int rows_count;
};

struct ctl_table *ctl_table_create(const struct ctl_column *columns, int columns_count)
{
    ASSERT(columns_count > 0 && columns_count <= CTL_TABLE_COLUMNS_MAX);
    struct ctl_table *table = mem_alloc_zeroed(1, sizeof(*table));
    table->columns = columns;
    table->columns_count = columns_count;
    for (int i = 0; i < columns_count; i++) {
        table->widths[i] = strlen(columns[i].title);
    }
    return table;
}

void ctl_table_add(struct ctl_table *table, const char *const *cells)
{
    size_t used = (size_t)table->rows_count * (size_t)table->columns_count;
    size_t count = used + (size_t)table->columns_count;
    table->cells = mem_realloc(table->cells, count * sizeof(*table->cells));
    for (int i = 0; i < table->columns_count; i++) {
        size_t size = strlen(cells[i]);
        table->cells[used + (size_t)i] = mem_copy_string(cells[i]);
        if (size > table->widths[i]) {
            table->widths[i] = size;
        }
    }
    table->rows_count++;
}

static void write_cell(const struct ctl_table *table, int column, const char *text, struct buf *out)
{
    int width = (int)table->widths[column];
    bool is_last = column + 1 == table->columns_count;
    const char *gap = column == 0 ? "" : "  ";
    if (table->columns[column].is_number) {
        buf_append_format(out, "%s%*s", gap, width, text);
    } else {
        buf_append_format(out, "%s%-*s", gap, is_last ? 0 : width, text);
    }
}

void ctl_table_write(const struct ctl_table *table, struct buf *out)
{
    for (int i = 0; i < table->columns_count; i++) {
        write_cell(table, i, table->columns[i].title, out);
    }
    buf_append_byte(out, '\n');
    for (int row = 0; row < table->rows_count; row++) {
        for (int i = 0; i < table->columns_count; i++) {
            write_cell(table, i, table->cells[row * table->columns_count + i], out);
        }
        buf_append_byte(out, '\n');
    }
}

void ctl_table_destroy(struct ctl_table *table)
{
    for (int i = 0; i < table->rows_count * table->columns_count; i++) {
        mem_free(table->cells[i]);
    }
    mem_free(table->cells);
    mem_free(table);
}
