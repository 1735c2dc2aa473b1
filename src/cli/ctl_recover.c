/* ctl_recover.c -- quorumctl recover: a cluster of one from a survivor of a lost majority.
 *
 * All is read and verified before anything is asked, and the storage layer verifies it once more
 * before it changes anything. What counts is one transaction of raft.db: a crash leaves the
 * directory as it was, to be recovered once more, or recovered.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/ctl_commands.h"
#include "cli/ctl_data.h"
#include "cli/ctl_text.h"
#include "storage/data_dir.h"

typedef unsigned long long u64;

static void put_cluster(const char *what, const uint8_t id[RAFT_CLUSTER_ID_BYTES], struct buf *out)
{
    buf_append_format(out, "  %-13s", what);
    ctl_text_hex(out, slice_of(id, RAFT_CLUSTER_ID_BYTES));
    buf_append_byte(out, '\n');
}

/* What this node can prove to be committed: a snapshot is of nothing else. */
static uint64_t committed_of(const struct ctl_data *data)
{
    uint64_t noted = data->summary.commit_index;
    return noted > data->state.index ? noted : data->state.index;
}

static void put_found(const char *directory, const struct ctl_data *data,
                      const uint8_t new_id[RAFT_CLUSTER_ID_BYTES], struct buf *out)
{
    const struct offline_summary *summary = &data->summary;
    const struct raft_configuration *configuration = ctl_data_configuration(data);
    uint64_t index;
    uint64_t term;
    ctl_data_last(data, &index, &term);
    buf_append_format(out, "Found in %s, every row verified:\n  node         %s\n", directory,
                      summary->node_name);
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        buf_append_format(out, "  %-13s", i == 0 ? "members" : "");
        ctl_entry_put_member(out, &configuration->members[i]);
        buf_append_byte(out, '\n');
    }
    buf_append_format(out, "  log          %llu entries behind index %llu\n",
                      (u64)data->log.entries, (u64)summary->base_index);
    buf_append_format(out, "  last         index %llu, term %llu\n", (u64)index, (u64)term);
    buf_append_format(out, "  committed    up to index %llu at least\n", (u64)committed_of(data));
    if (data->state.index > 0) {
        buf_append_format(out, "  snapshot     of index %llu, term %llu\n", (u64)data->state.index,
                          (u64)data->state.term);
    } else {
        buf_append_format(out, "  snapshot     none\n");
    }
    put_cluster("old cluster", summary->cluster_id, out);
    put_cluster("new cluster", new_id, out);
}

static void put_loss(const struct ctl_data *data, struct buf *out)
{
    uint64_t index;
    uint64_t term;
    ctl_data_last(data, &index, &term);
    uint64_t committed = committed_of(data);
    buf_append_format(out,
                      "\nWhat may be lost: every write behind index %llu of term %llu that the "
                      "other members had\nand this one had not. They may have been acknowledged to "
                      "clients; nobody can tell from here.\n",
                      (u64)index, (u64)term);
    if (index > committed) {
        buf_append_format(out,
                          "What may come to be: the %llu entries behind index %llu are not known "
                          "to be committed.\nThey are kept and count as committed, although their "
                          "clients may have been told otherwise, or nothing.\n",
                          (u64)(index - committed), (u64)committed);
    }
    buf_append_format(
        out,
        "\nIf another member's directory survives, run 'quorumctl verify' on both and recover the\n"
        "one whose log ends in the higher term, or of equal terms at the higher index. If a\n"
        "majority of the members can still be started, start them instead: nothing is lost then.\n"
        "Move the directories of the other members away: this cluster is a new one to them.\n"
        "\n"
        "No entry is removed, and the change is one transaction: after a crash, run this again.\n"
        "To be able to go back, copy the directory first.\n");
}

static int voters_of(const struct raft_configuration *configuration)
{
    int count = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        count += configuration->members[i].role == RAFT_VOTER;
    }
    return count;
}

/* Whether there is nothing to be recovered, or nothing to recover from. */
static enum ctl_exit check(const struct ctl_options *options, const struct ctl_data *data)
{
    const struct raft_configuration *configuration = ctl_data_configuration(data);
    const struct raft_member *self = raft_configuration_find(configuration, data->summary.node_id);
    if (ctl_options_has(options, CTL_OPTION_FORCE)) {
        return CTL_OK;
    }
    if (self != NULL && self->role == RAFT_VOTER && voters_of(configuration) == 1) {
        (void)fprintf(stderr,
                      "quorumctl: %s is the only voter of its cluster already, no majority was "
                      "lost: just start it (--force recovers all the same)\n",
                      data->summary.node_name);
        return CTL_NO;
    }
    if (data->is_diverged) {
        (void)fprintf(stderr,
                      "quorumctl: %s is marked: its data differed from the majority's; recover "
                      "another survivor or restore a backup, or, if there is neither, take the "
                      "data as it is with --force\n",
                      options->arguments[0]);
        return CTL_NO;
    }
    return CTL_OK;
}

static void print_done(const char *directory, const struct offline_recovered *recovered,
                       const struct raft_member *self, const char *name)
{
    struct raft_member unknown = {.role = RAFT_VOTER};
    (void)snprintf(unknown.name, sizeof(unknown.name), "%s", name);
    const struct raft_member *member = self == NULL ? &unknown : self;
    struct buf out = {0};
    buf_append_format(&out,
                      "Recovered: %s is the only member since index %llu of term %llu; all before "
                      "it is kept.\n\nStart it, with its other options (bind, http, redis, "
                      "requirepass, ...) as they were:\n",
                      name, (u64)recovered->index, (u64)recovered->term);
    ctl_data_put_start(&out, directory, member);
    ctl_data_put_join(&out, member);
    ctl_text_flush(&out);
    buf_deinit(&out);
}

static enum ctl_exit recover(const char *directory, const struct ctl_data *data,
                             const uint8_t new_id[RAFT_CLUSTER_ID_BYTES])
{
    struct offline_recovered recovered;
    enum result result = offline_recover(directory, new_id, &recovered);
    if (result == RESULT_OK && data->is_diverged) {
        result = data_dir_clear_mark(directory, DATA_DIR_DIVERGED);
    }
    if (result != RESULT_OK) {
        return ctl_data_exit(result);
    }
    print_done(directory, &recovered,
               raft_configuration_find(&recovered.before, data->summary.node_id),
               data->summary.node_name);
    return CTL_OK;
}

static enum ctl_exit ask_and_recover(const struct ctl_options *options, const struct ctl_data *data)
{
    uint8_t new_id[RAFT_CLUSTER_ID_BYTES];
    enum ctl_exit answer = check(options, data);
    if (answer != CTL_OK) {
        return answer;
    }
    if (!ctl_data_draw(new_id, sizeof(new_id))) {
        return CTL_FAILED;
    }
    struct buf out = {0};
    put_found(options->arguments[0], data, new_id, &out);
    put_loss(data, &out);
    ctl_text_flush(&out);
    buf_deinit(&out);
    if (!ctl_options_has(options, CTL_OPTION_YES) &&
        !ctl_confirm("\nType 'recover' to do it: ", "recover")) {
        (void)fprintf(stderr, "quorumctl: not confirmed; nothing was changed\n");
        return CTL_NO;
    }
    return recover(options->arguments[0], data, new_id);
}

static enum ctl_exit run(const struct ctl_options *options)
{
    const char *directory = options->arguments[0];
    if (!ctl_data_is_directory(directory)) {
        return CTL_FAILED;
    }
    struct ctl_data *data = mem_alloc(sizeof(*data));
    enum ctl_exit answer = ctl_data_exit(ctl_data_read(directory, data));
    if (answer == CTL_OK) {
        answer = ask_and_recover(options, data);
    }
    mem_free(data);
    return answer;
}

const struct ctl_command ctl_command_recover = {
    .name = "recover",
    .summary = "rebuilds a cluster of one from a survivor, after a majority was lost for good",
    .usage = "DIR [--yes] [--force]",
    .help =
        "For when so many members are gone for good that the rest are no majority. DIR is the\n"
        "data directory of a survivor whose node is stopped. Verifies all of it, says what was\n"
        "found and what may be lost, asks for the word 'recover', and makes the node the only\n"
        "member of a cluster with a new id, with all that is in its log. Prints how to start\n"
        "it, and how fresh nodes join.\n"
        "\n"
        "Writes that only the lost members had are lost, although they may have been\n"
        "acknowledged. With several survivors, recover the one whose log ends in the higher\n"
        "term, or of equal terms at the higher index: 'quorumctl verify' says.\n"
        "\n"
        "  -y, --yes    do not ask\n"
        "  -f, --force  also a node that is the only voter already, or whose data is marked as\n"
        "               differing from the majority's\n",
    .exits = "0 done; 1 not confirmed, nothing to recover, or damaged: the message names the row,\n"
             "and nothing was changed; 2 the command line makes no sense; 3 a node runs on DIR;\n"
             "4 a file cannot be read or written.",
    .options = CTL_BIT(CTL_OPTION_YES) | CTL_BIT(CTL_OPTION_FORCE),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
