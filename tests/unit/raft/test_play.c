/* test_play.c -- runs the plays in tests/plays/raft: a command a line after "> ", what it must do
 * in the lines below it, comments after "#". REWRITE=1 writes down what happened instead; review
 * the difference.
 *
 *   cluster N [LEARNERS [SPARES]]   start voters 1 .. N, learners behind them, and blank nodes that
 *                             know of nobody
 *   log ID TERM T1 T2 ...     write a disk by hand, and start from it; TERM is the term on disk
 *   expire ID                 the clock moves to that node's deadline, and it comes
 *   tick MS                   time passes: deadlines come, mail arrives
 *   pass MS                   time passes, and nobody notices
 *   deliver [FROM TO]         all mail and what follows from it, or once what is on one link
 *   drop [FROM TO]            lose mail
 *   repeat FROM TO            what is on a link will come twice
 *   reverse FROM TO           ... in reverse order
 *   cut A B, mend A B         a link, both ways; what is sent over a cut one is lost
 *   hold ID                   persists no longer complete by themselves
 *   persist ID [COUNT]        they do now, all or the oldest
 *   release ID                they do by themselves again
 *   propose ID TEXT, read ID CONTEXT, transfer ID TO, unreachable ID PEER, announce ID PEER INDEX
 *   add ID WHO joining|learner, remove ID WHO [force], promote ID WHO [force]: asked of node ID
 *   compact ID INDEX, crash ID, start ID
 *   install FROM TO INDEX     a snapshot of what FROM has up to there, in place of what TO has
 *   wipe ID                   crash, and another disk, which is blank
 *   swap A B                  crash both, and each gets the other's disk
 *   lose ID COUNT             crash, and the disk is an older image: the last entries are gone
 *   status, progress ID, members ID, mail show; heartbeats on|off shows them or not
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/unit.h"
#include "unit/raft/play_trace.h"

enum { WORDS_MAX = 32, LINE_BYTES = 512 };

static const char plays_directory[] = "tests/plays/raft";

struct play {
    struct cluster cluster;
    struct play_trace trace;
    struct buf out;
    bool runs;
    char *words[WORDS_MAX];
    uint32_t words_count;
};

static uint64_t number(const struct play *play, uint32_t at)
{
    return at < play->words_count ? strtoull(play->words[at], NULL, 10) : 0;
}

static void say_result(struct play *play, enum result result)
{
    if (result != RESULT_OK) {
        buf_append_format(&play->out, "  refused: %s\n", result_text(result));
    }
}

static void start_cluster(struct play *play)
{
    if (play->runs) {
        cluster_deinit(&play->cluster);
    }
    cluster_init(&play->cluster, (uint32_t)number(play, 1), (uint32_t)number(play, 2), 1);
    for (uint64_t i = 0; i < number(play, 3); i++) {
        (void)cluster_add_node(&play->cluster);
    }
    play_trace_init(&play->trace, &play->cluster, &play->out);
    play->runs = true;
    cluster_start_all(&play->cluster);
}

static void write_log(struct play *play)
{
    uint64_t terms[WORDS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 3; i < play->words_count; i++) {
        terms[count++] = number(play, i);
    }
    cluster_crash(&play->cluster, number(play, 1));
    cluster_write_disk(&play->cluster, number(play, 1),
                       (struct raft_hard_state){number(play, 2), RAFT_ID_NONE}, terms, count);
    play_trace_forget(&play->trace, number(play, 1));
    cluster_start(&play->cluster, number(play, 1));
}

static bool is_on_link(const struct play *play, uint32_t at)
{
    const struct raft_message *message = &play->cluster.mails[at].message;
    return play->words_count < 3 ||
           (message->from == number(play, 1) && message->to == number(play, 2));
}

static void deliver(struct play *play)
{
    struct cluster *cluster = &play->cluster;
    if (play->words_count < 3) {
        cluster_deliver_all(cluster);
        return;
    }
    uint32_t left = cluster->mails_count;
    uint32_t at = 0;
    while (left-- > 0) {
        if (is_on_link(play, at)) {
            say_result(play, cluster_deliver_at(cluster, at));
        } else {
            at++;
        }
    }
}

static void drop(struct play *play)
{
    for (uint32_t at = play->cluster.mails_count; at > 0; at--) {
        if (is_on_link(play, at - 1)) {
            cluster_drop_at(&play->cluster, at - 1);
        }
    }
}

static void repeat(struct play *play)
{
    uint32_t count = play->cluster.mails_count;
    for (uint32_t at = 0; at < count; at++) {
        if (is_on_link(play, at)) {
            cluster_repeat_at(&play->cluster, at);
        }
    }
}

/* The mail of the link goes behind all other, last first. */
static void reverse(struct play *play)
{
    for (uint32_t at = play->cluster.mails_count; at > 0; at--) {
        if (is_on_link(play, at - 1)) {
            cluster_repeat_at(&play->cluster, at - 1);
            cluster_drop_at(&play->cluster, at - 1);
        }
    }
}

static void step(struct play *play, struct raft_event event)
{
    say_result(play, cluster_step(&play->cluster, number(play, 1), &event));
}

static void show_status(struct play *play)
{
    for (uint64_t id = 1; id <= play->cluster.nodes_count; id++) {
        play_trace_node(&play->cluster, id, &play->out);
    }
}

static void show_mail(struct play *play)
{
    for (uint32_t i = 0; i < play->cluster.mails_count; i++) {
        buf_append_format(&play->out, "  ");
        play_trace_message(&play->cluster.mails[i].message, &play->out);
        buf_append_format(&play->out, "\n");
    }
}

static bool run_network(struct play *play, const char *verb)
{
    struct cluster *cluster = &play->cluster;
    if (strcmp(verb, "deliver") == 0) {
        deliver(play);
    } else if (strcmp(verb, "drop") == 0) {
        drop(play);
    } else if (strcmp(verb, "repeat") == 0) {
        repeat(play);
    } else if (strcmp(verb, "reverse") == 0) {
        reverse(play);
    } else if (strcmp(verb, "cut") == 0) {
        cluster_cut(cluster, number(play, 1), number(play, 2), true);
    } else if (strcmp(verb, "mend") == 0) {
        cluster_cut(cluster, number(play, 1), number(play, 2), false);
    } else if (strcmp(verb, "link") == 0) {
        cluster_link(cluster, number(play, 1), number(play, 2));
    } else if (strcmp(verb, "withhold") == 0) {
        cluster->withhold_ms = (uint32_t)number(play, 1);
    } else if (strcmp(verb, "tick") == 0) {
        cluster_run(cluster, number(play, 1));
    } else if (strcmp(verb, "pass") == 0) {
        cluster->now_ms += number(play, 1);
    } else {
        return false;
    }
    return true;
}

static bool run_show(struct play *play, const char *verb)
{
    if (strcmp(verb, "status") == 0) {
        show_status(play);
    } else if (strcmp(verb, "progress") == 0) {
        play_trace_progress(&play->cluster, number(play, 1), &play->out);
    } else if (strcmp(verb, "members") == 0) {
        play_trace_members(&play->cluster, number(play, 1), &play->out);
    } else if (strcmp(verb, "mail") == 0) {
        show_mail(play);
    } else if (strcmp(verb, "heartbeats") == 0) {
        play->trace.with_heartbeats = strcmp(play->words[1], "on") == 0;
    } else {
        return false;
    }
    return true;
}

static bool run_disk(struct play *play, const char *verb)
{
    struct cluster *cluster = &play->cluster;
    uint64_t id = number(play, 1);
    if (strcmp(verb, "hold") == 0) {
        cluster->nodes[id].persists_by_hand = true;
    } else if (strcmp(verb, "release") == 0) {
        cluster->nodes[id].persists_by_hand = false;
    } else if (strcmp(verb, "persist") == 0) {
        uint64_t count = play->words_count > 2 ? number(play, 2) : UINT32_MAX;
        (void)cluster_persist(cluster, id, (uint32_t)count);
    } else if (strcmp(verb, "compact") == 0) {
        cluster_compact(cluster, id, number(play, 2));
    } else if (strcmp(verb, "crash") == 0) {
        cluster_crash(cluster, id);
    } else if (strcmp(verb, "start") == 0) {
        play_trace_forget(&play->trace, id);
        cluster_start(cluster, id);
    } else if (strcmp(verb, "log") == 0) {
        write_log(play);
    } else if (strcmp(verb, "install") == 0) {
        say_result(play, cluster_install(cluster, id, number(play, 2), number(play, 3)));
    } else if (strcmp(verb, "wipe") == 0) {
        cluster_wipe(cluster, id);
    } else if (strcmp(verb, "swap") == 0) {
        cluster_swap_disks(cluster, id, number(play, 2));
    } else if (strcmp(verb, "lose") == 0) {
        cluster_crash(cluster, id);
        cluster_lose(cluster, id, (uint32_t)number(play, 2));
    } else {
        return false;
    }
    return true;
}

static bool run_change(struct play *play, const char *verb)
{
    struct cluster *cluster = &play->cluster;
    uint64_t id = number(play, 1);
    uint64_t who = number(play, 2);
    const char *how = play->words_count > 3 ? play->words[3] : "";
    bool force = strcmp(how, "force") == 0;
    if (strcmp(verb, "add") == 0) {
        enum raft_member_role role = strcmp(how, "learner") == 0 ? RAFT_LEARNER : RAFT_JOINING;
        say_result(play, cluster_add(cluster, id, who, role));
    } else if (strcmp(verb, "remove") == 0) {
        say_result(play, cluster_change(cluster, id, RAFT_CHANGE_REMOVE, who, force));
    } else if (strcmp(verb, "promote") == 0) {
        say_result(play, cluster_change(cluster, id, RAFT_CHANGE_PROMOTE, who, force));
    } else {
        return false;
    }
    return true;
}

static bool run_node(struct play *play, const char *verb)
{
    struct cluster *cluster = &play->cluster;
    uint64_t id = number(play, 1);
    if (strcmp(verb, "expire") == 0) {
        cluster_expire(cluster, id);
    } else if (strcmp(verb, "propose") == 0) {
        say_result(play, cluster_propose(cluster, id, play->words[2]));
    } else if (strcmp(verb, "read") == 0) {
        cluster_read(cluster, id, number(play, 2));
    } else if (strcmp(verb, "transfer") == 0) {
        step(play, (struct raft_event){.type = RAFT_EVENT_TRANSFER, .peer = number(play, 2)});
    } else if (strcmp(verb, "unreachable") == 0) {
        step(play, (struct raft_event){.type = RAFT_EVENT_UNREACHABLE, .peer = number(play, 2)});
    } else if (strcmp(verb, "announce") == 0) {
        raft_announce_commit(cluster->nodes[id].raft, number(play, 2), number(play, 3));
    } else {
        return false;
    }
    return true;
}

static void run_command(struct play *play, const char *line)
{
    char copy[LINE_BYTES];
    (void)snprintf(copy, sizeof(copy), "%s", line);
    play->words_count = 0;
    for (char *word = strtok(copy, " "); word != NULL && play->words_count < WORDS_MAX;
         word = strtok(NULL, " ")) {
        play->words[play->words_count++] = word;
    }
    if (play->words_count == 0) {
        return;
    }
    if (strcmp(play->words[0], "cluster") == 0) {
        start_cluster(play);
        return;
    }
    if (!play->runs || !(run_network(play, play->words[0]) || run_show(play, play->words[0]) ||
                         run_disk(play, play->words[0]) || run_node(play, play->words[0]) ||
                         run_change(play, play->words[0]))) {
        buf_append_format(&play->out, "  no such command: %s\n", line);
    }
}

/* Reads a play and appends what it should look like: commands and comments as they stand, each
 * command's output as it is now. */
static bool run_play(const char *path, struct buf *before, struct buf *after)
{
    static struct play play;
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    memset(&play, 0, sizeof(play));
    while (fgets(line, sizeof(line), file) != NULL) {
        buf_append(before, line, strlen(line));
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '>') {
            buf_append_format(after, "%s\n", line);
            run_command(&play, line + 1);
            buf_append_slice(after, buf_slice(&play.out));
            buf_clear(&play.out);
        } else if (line[0] == '#' || line[0] == '\0') {
            buf_append_format(after, "%s\n", line);
        }
    }
    (void)fclose(file);
    if (play.runs) {
        cluster_deinit(&play.cluster);
    }
    buf_deinit(&play.out);
    return true;
}

static void report_difference(const char *path, struct slice before, struct slice after)
{
    size_t at = 0;
    int line = 1;
    size_t start = 0;
    while (at < before.size && at < after.size && before.bytes[at] == after.bytes[at]) {
        if (before.bytes[at] == '\n') {
            line++;
            start = at + 1;
        }
        at++;
    }
    printf(
        "%s:%d: the play says\n%.*s\nbut this happened\n%.*s\n", path, line,
        (int)strcspn((const char *)before.bytes + start, "\n"), (const char *)before.bytes + start,
        (int)strcspn((const char *)after.bytes + start, "\n"), (const char *)after.bytes + start);
}

static void check_play(const char *path)
{
    struct buf before;
    struct buf after;
    buf_init(&before);
    buf_init(&after);
    CU_ASSERT_FATAL(run_play(path, &before, &after));
    if (!slice_equals(buf_slice(&before), buf_slice(&after))) {
        if (getenv("REWRITE") != NULL) {
            FILE *file = fopen(path, "w");
            CU_ASSERT_PTR_NOT_NULL_FATAL(file);
            (void)fwrite(after.bytes + after.head, 1, buf_size(&after), file);
            (void)fclose(file);
        } else {
            buf_append_byte(&before, 0);
            buf_append_byte(&after, 0);
            report_difference(path, buf_slice(&before), buf_slice(&after));
            CU_FAIL("a play went differently");
        }
    }
    buf_deinit(&before);
    buf_deinit(&after);
}

static int is_play(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 4 && strcmp(entry->d_name + size - 4, ".txt") == 0;
}

UNIT_TEST(raft_play, all_plays_go_as_written)
{
    struct dirent **entries = NULL;
    int count = scandir(plays_directory, &entries, is_play, alphasort);
    CU_ASSERT(count >= 12);
    for (int i = 0; i < count; i++) {
        char path[LINE_BYTES];
        (void)snprintf(path, sizeof(path), "%s/%s", plays_directory, entries[i]->d_name);
        check_play(path);
        free(entries[i]);
    }
    free(entries);
}
