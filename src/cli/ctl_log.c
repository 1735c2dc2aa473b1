/* ctl_log.c -- quorumctl log: the entries of a stopped node's log, readable. */
#include <stdio.h>

#include "cli/ctl_commands.h"
#include "cli/ctl_data.h"
#include "cli/ctl_text.h"

enum { SHOWN_MAX = 64, FLUSH_BYTES = 1 << 16 };

typedef unsigned long long u64;

struct printing {
    struct ctl_entry_reader reader;
    const struct offline_summary *summary;
    uint64_t from;
    uint64_t to;
    struct buf out;
};

static void put_head(const struct offline_summary *summary, struct buf *out)
{
    buf_append_format(out,
                      "# node %s, term %llu, log from %llu to %llu; committed, as far as this "
                      "node knows, up to %llu\n",
                      summary->node_name, (u64)summary->hard_state.term,
                      (u64)summary->base_index + 1, (u64)summary->last_index,
                      (u64)summary->commit_index);
}

/* RESULT_CLOSED ends the reading: all that was asked for is printed. */
static enum result on_entry(const struct raft_entry *entry, void *context)
{
    struct printing *printing = context;
    if (entry->index > printing->to) {
        return RESULT_CLOSED;
    }
    bool is_wanted = entry->index >= printing->from;
    if (entry->index == printing->summary->commit_index + 1 && is_wanted) {
        buf_append_format(&printing->out, "# not known to be committed from here on\n");
    }
    enum result result =
        ctl_entry_read(&printing->reader, entry, is_wanted ? &printing->out : NULL);
    if (buf_size(&printing->out) >= FLUSH_BYTES) {
        ctl_text_flush(&printing->out);
    }
    return result;
}

/* What to print: --count alone means the last ones, as tail does. */
static void choose(const struct ctl_options *options, const struct offline_summary *summary,
                   struct printing *printing)
{
    uint64_t count = options->count;
    bool has_count = ctl_options_has(options, CTL_OPTION_COUNT);
    printing->from = ctl_options_has(options, CTL_OPTION_FROM) ? options->from : 0;
    printing->to = ctl_options_has(options, CTL_OPTION_TO) ? options->to : summary->last_index;
    if (!has_count) {
        return;
    }
    if (ctl_options_has(options, CTL_OPTION_FROM)) {
        uint64_t end = count == 0 ? 0 : printing->from + count - 1;
        printing->to = end < printing->to ? end : printing->to;
    } else {
        printing->from = printing->to > count ? printing->to - count + 1 : 0;
    }
}

static enum ctl_exit run(const struct ctl_options *options)
{
    const char *directory = options->arguments[0];
    if (!ctl_data_is_directory(directory)) {
        return CTL_FAILED;
    }
    struct offline_summary summary;
    enum result result = offline_read_summary(directory, &summary);
    if (result != RESULT_OK) {
        return ctl_data_exit(result);
    }
    struct printing printing = {.summary = &summary};
    printing.reader.shown_max = ctl_options_has(options, CTL_OPTION_FULL) ? 0 : SHOWN_MAX;
    printing.reader.configuration = summary.bootstrap;
    choose(options, &summary, &printing);
    put_head(&summary, &printing.out);
    uint64_t good_index;
    result = offline_read_log(directory, &summary, &good_index, on_entry, &printing);
    ctl_text_flush(&printing.out);
    buf_deinit(&printing.out);
    return result == RESULT_CLOSED ? CTL_OK : ctl_data_exit(result);
}

const struct ctl_command ctl_command_log = {
    .name = "log",
    .summary = "prints the entries of a stopped node's log",
    .usage = "DIR [--from INDEX] [--to INDEX] [-n COUNT] [--full]",
    .help = "Each entry with index, term, type and time; its batches with the node whose clients\n"
            "sent them, and their commands as redis-cli quotes them; configurations with members.\n"
            "Every row is verified before it is printed. Nothing in DIR is changed.\n"
            "\n"
            "  --from INDEX   the first to print; default: the first there is\n"
            "  --to INDEX     the last\n"
            "  -n, --count N  this many: from --from on, or else the last ones\n"
            "  --full         do not cut what is longer than 64 bytes, or 64 arguments\n",
    .exits = "0 printed; 1 damaged, the message names the row; 2 the command line makes no sense;\n"
             "3 a node runs on DIR; 4 DIR cannot be read or holds no raft.db.",
    .options = CTL_BIT(CTL_OPTION_FROM) | CTL_BIT(CTL_OPTION_TO) | CTL_BIT(CTL_OPTION_COUNT) |
               CTL_BIT(CTL_OPTION_FULL),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
