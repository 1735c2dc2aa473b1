/* test_command_table.c -- the table's rows agree with each other, and names are found. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "command/command.h"
#include "lib/unit.h"
#include "wire/reply_reader.h"

UNIT_TEST(command_table, every_row_stands_at_its_id_and_is_found_by_name)
{
    uint32_t containers_and_commands = 0;
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        const struct command *command = command_by_id(id);
        CU_ASSERT_EQUAL(command->id, id);
        CU_ASSERT_PTR_NOT_NULL_FATAL(command->name);
        if (command->container != NULL) {
            CU_ASSERT_PTR_NOT_NULL(command_lookup(slice_of_string(command->container)));
            continue;
        }
        containers_and_commands++;
        CU_ASSERT_PTR_EQUAL(command_lookup(slice_of_string(command->name)), command);
        char upper[32] = "";
        for (size_t i = 0; i < strlen(command->name); i++) {
            upper[i] = (char)toupper((unsigned char)command->name[i]);
        }
        CU_ASSERT_PTR_EQUAL(command_lookup(slice_of_string(upper)), command);
    }
    CU_ASSERT_EQUAL(command_count(), containers_and_commands);
}

UNIT_TEST(command_table, finds_no_command_by_a_name_that_only_folds_alike)
{
    CU_ASSERT_PTR_NULL(command_lookup(slice_of(NULL, 0)));
    CU_ASSERT_PTR_NULL(command_lookup(SLICE_LITERAL("get\0")));
    CU_ASSERT_PTR_NULL(command_lookup(SLICE_LITERAL("get ")));
    CU_ASSERT_PTR_NULL(command_lookup(SLICE_LITERAL("ge")));
    CU_ASSERT_PTR_NULL(command_lookup(SLICE_LITERAL("client|id")));
    CU_ASSERT_PTR_NULL(command_lookup(SLICE_LITERAL("getgetgetgetgetgetget")));
    CU_ASSERT_PTR_NOT_NULL(command_lookup(SLICE_LITERAL("gEt")));
}

UNIT_TEST(command_table, classes_agree_with_flags)
{
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        const struct command *command = command_by_id(id);
        bool writes = (command->flags & COMMAND_FLAG_WRITE) != 0;
        bool reads = (command->flags & COMMAND_FLAG_READONLY) != 0;
        /* EXEC goes through the log; what it writes is said by the commands in it. */
        bool is_exec = id == COMMAND_EXEC;
        /* PFCOUNT, too, which Redis calls a read, since it notes its result in the value. */
        bool is_pfcount = id == COMMAND_PFCOUNT;
        /* Messages are in the log, and change nothing. */
        bool is_message = id == COMMAND_PUBLISH || id == COMMAND_SPUBLISH;
        CU_ASSERT_EQUAL(writes || is_exec || is_pfcount || is_message,
                        command->class == COMMAND_CLASS_WRITE);
        CU_ASSERT_FALSE(writes && reads);
        if (writes || reads) {
            CU_ASSERT_PTR_NOT_NULL(command->handler);
            CU_ASSERT_NOT_EQUAL(command->class, COMMAND_CLASS_NODE);
        }
        /* What may grow memory writes. */
        CU_ASSERT((command->flags & COMMAND_FLAG_DENYOOM) == 0 || writes);
    }
}

enum { WORDS_MAX = 8 };

/* Splits a line into its words, and returns how many. */
static uint32_t split(const char *line, struct slice words[WORDS_MAX])
{
    uint32_t count = 0;
    for (const char *at = line; *at != '\0' && count < WORDS_MAX; count++) {
        size_t size = strcspn(at, " ");
        words[count] = slice_of(at, size);
        at += size;
        at += *at == ' ';
    }
    return count;
}

/* Runs one command, and returns its reply's bytes in out. */
static void run(const char *line, enum reply_protocol protocol, struct buf *out)
{
    struct slice words[WORDS_MAX];
    uint32_t count = split(line, words);
    struct reply reply = {out, protocol};
    const struct command *command = command_resolve(words, count, &reply);
    CU_ASSERT_PTR_NOT_NULL_FATAL(command);
    struct command_context context = {
        .command = command, .arguments = words, .arguments_count = count, .reply = &reply};
    command->handler(&context);
}

UNIT_TEST(command_table, what_only_reads_runs_by_the_form_that_reads)
{
    static const struct {
        const char *line;
        enum command_id form;
    } rows[] = {
        {"SORT l BY nosort GET #", COMMAND_SORT_RO},
        {"SORT l LIMIT 0 1 store d", COMMAND_SORT},
        {"SORT store", COMMAND_SORT_RO},
        {"SORT_RO l STORE d", COMMAND_SORT_RO},
        {"GEORADIUS g 1 1 1 km ASC", COMMAND_GEORADIUS_RO},
        {"GEORADIUS g 1 1 1 km STOREDIST d", COMMAND_GEORADIUS},
        {"GEORADIUSBYMEMBER g m 1 km", COMMAND_GEORADIUSBYMEMBER_RO},
        {"GEORADIUSBYMEMBER g m 1 km Store d", COMMAND_GEORADIUSBYMEMBER},
        {"BITFIELD b", COMMAND_BITFIELD_RO},
        {"BITFIELD b GET u8 0 get u8 1", COMMAND_BITFIELD_RO},
        {"BITFIELD b GET u8 0 SET u8 1 1", COMMAND_BITFIELD},
        {"BITFIELD b GET u8", COMMAND_BITFIELD},
        {"SET k v GET", COMMAND_SET},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice words[WORDS_MAX];
        uint32_t count = split(rows[i].line, words);
        const struct command *command = command_lookup(words[0]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(command);
        CU_ASSERT_EQUAL(command_read_form(command, words, count)->id, rows[i].form);
    }
}

UNIT_TEST(command_table, introspection_of_everything_is_well_formed)
{
    static const char *const lines[] = {"COMMAND",      "COMMAND INFO", "COMMAND DOCS",
                                        "COMMAND LIST", "COMMAND HELP", "CLIENT HELP",
                                        "CONFIG HELP",  "OBJECT HELP",  "QUORUM HELP"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (enum reply_protocol protocol = REPLY_RESP2; protocol <= REPLY_RESP3; protocol++) {
            struct buf out = {0};
            run(lines[i], protocol, &out);
            size_t consumed = 0;
            CU_ASSERT_EQUAL(reply_skip(buf_slice(&out), &consumed), PARSE_DONE);
            CU_ASSERT_EQUAL(consumed, buf_size(&out));
            CU_ASSERT(consumed > 100);
            buf_deinit(&out);
        }
    }
}

UNIT_TEST(command_table, every_command_is_documented)
{
    struct buf out = {0};
    for (enum command_id id = 0; id < COMMAND_ID_COUNT; id++) {
        char line[64] = "COMMAND DOCS ";
        strncat(line, command_by_id(id)->name, sizeof(line) - strlen(line) - 1);
        buf_clear(&out);
        run(line, REPLY_RESP3, &out);
        buf_append_byte(&out, '\0');
        const char *text = (const char *)buf_slice(&out).bytes;
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\nsummary\r\n"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\nsince\r\n"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\ncomplexity\r\n"));
    }
    buf_deinit(&out);
}
