/* streams.c -- bytes in, bytes out: any split, any pipeline, the same replies in the same order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

/* ---- One byte at a time ---- */

/* A conversation that ends with the server closing, so its replies need no counting. Keys are of
 * the session's own: %c is another letter each time. */
static const char conversation[] =
    "*1\r\n$4\r\nPING\r\n"
    "*3\r\n$3\r\nSET\r\n$7\r\nsplit:%c\r\n$12\r\na\r\nb $5\r\n\r\nc\r\n"
    "*2\r\n$3\r\nGET\r\n$7\r\nsplit:%c\r\n"
    "ECHO inline\r\n"
    "set split:%c \"quoted \\x41\"\r\n"
    "\r\n"
    "GET split:%c\n"
    "*2\r\n$6\r\nSTRLEN\r\n$7\r\nsplit:%c\r\n"
    "*2\r\n$6\r\nSELECT\r\n$1\r\n9\r\n"
    "*2\r\n$3\r\nGET\r\n$7\r\nsplit:%c\r\n"
    "*0\r\n"
    "*2\r\n$3\r\nGET\r\n$0\r\n\r\n"
    "*3\r\n$3\r\nSET\r\n$7\r\nsplit:%c\r\n$0\r\n\r\n"
    "NOSUCHCOMMAND a b\r\n"
    "INCR split:%c\r\n"
    "*2\r\n$3\r\nDEL\r\n$7\r\nsplit:%c\r\n"
    "SELECT 0\r\n"
    "*2\r\n$6\r\nEXISTS\r\n$7\r\nsplit:%c\r\n"
    "DEL split:%c\r\n"
    "*1\r\n$4\r\nQUIT\r\n";

static const char replies[] = "+PONG\r\n"
                              "+OK\r\n"
                              "$12\r\na\r\nb $5\r\n\r\nc\r\n"
                              "$6\r\ninline\r\n"
                              "+OK\r\n"
                              "$8\r\nquoted A\r\n"
                              ":8\r\n"
                              "+OK\r\n"
                              "$-1\r\n"
                              "$-1\r\n"
                              "+OK\r\n"
                              "-ERR unknown command 'NOSUCHCOMMAND', with args beginning with: "
                              "'a' 'b' \r\n"
                              "-ERR value is not an integer or out of range\r\n"
                              ":1\r\n"
                              "+OK\r\n"
                              ":1\r\n"
                              ":1\r\n"
                              "+OK\r\n";

/* Sends the conversation in pieces of at most so many bytes. */
static void converse(uint16_t port, char letter, size_t piece_bytes)
{
    char text[sizeof(conversation)];
    char answers[2 * sizeof(replies)];
    size_t size = 0;
    for (const char *at = conversation; *at != '\0'; at++) {
        bool is_mark = at[0] == '%' && at[1] == 'c';
        text[size++] = is_mark ? letter : *at;
        at += is_mark;
    }
    int socket = raw_open(port);
    for (size_t sent = 0; sent < size;) {
        size_t piece = size - sent < piece_bytes ? size - sent : piece_bytes;
        raw_send(socket, text + sent, piece);
        sent += piece;
        if (piece_bytes < size) {
            usleep(300); /* so that pieces do not melt into one read */
        }
    }
    size_t have = raw_read_all(socket, answers, sizeof(answers) - 1);
    (void)close(socket);
    answers[have] = '\0';
    if (strcmp(answers, replies) != 0) {
        FAIL("in pieces of %zu bytes the replies are:\n%s", piece_bytes, answers);
    }
}

void test_bytes_one_by_one(struct cluster *cluster)
{
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t follower = cluster_other(cluster, leader);
    static const size_t pieces[] = {sizeof(conversation), 1, 2, 7, 64};
    char letter = 'a';
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        converse(cluster->nodes[follower].redis_port, letter++, pieces[i]);
        converse(cluster->nodes[leader].redis_port, letter++, pieces[i]);
    }
}

/* ---- A long pipeline ---- */

enum { PIPELINE_COMMANDS = 10000, PIPELINE_KINDS = 8 };

/* The i-th command and its only right reply. Writes, reads of them, local commands and changes of
 * the database take turns. */
static void write_command(uint32_t i, FILE *commands, FILE *expected)
{
    uint32_t turn = i / PIPELINE_KINDS;
    switch (i % PIPELINE_KINDS) {
    case 0:
        fprintf(commands, "SET pipe:key value-%u\r\n", turn);
        fprintf(expected, "+OK\r\n");
        break;
    case 1:
        fprintf(commands, "GET pipe:key\r\n");
        fprintf(expected, "$%d\r\nvalue-%u\r\n", snprintf(NULL, 0, "value-%u", turn), turn);
        break;
    case 2:
        fprintf(commands, "INCR pipe:counter\r\n");
        fprintf(expected, ":%u\r\n", turn + 1);
        break;
    case 3:
        fprintf(commands, "PING %u\r\n", turn);
        fprintf(expected, "$%d\r\n%u\r\n", snprintf(NULL, 0, "%u", turn), turn);
        break;
    case 4:
        fprintf(commands, "SELECT %u\r\n", turn % 2 == 0 ? 7 : 0);
        fprintf(expected, "+OK\r\n");
        break;
    case 5: /* The other database counts the even turns, database 0 the odd ones behind its own. */
        fprintf(commands, "APPEND pipe:append x\r\n");
        fprintf(expected, ":%u\r\n", turn / 2 + 1);
        break;
    case 6:
        fprintf(commands, "SELECT 0\r\n");
        fprintf(expected, "+OK\r\n");
        break;
    case 7:
        fprintf(commands, "GET pipe:counter\r\n");
        fprintf(expected, "$%d\r\n%u\r\n", snprintf(NULL, 0, "%u", turn + 1), turn + 1);
        break;
    default:
        break;
    }
}

static void run_pipeline(uint16_t port)
{
    char *commands = NULL, *expected = NULL;
    size_t commands_bytes = 0, expected_bytes = 0;
    FILE *commands_file = open_memstream(&commands, &commands_bytes);
    FILE *expected_file = open_memstream(&expected, &expected_bytes);
    for (uint32_t i = 0; i < PIPELINE_COMMANDS; i++) {
        write_command(i, commands_file, expected_file);
    }
    (void)fclose(commands_file);
    (void)fclose(expected_file);
    int socket = raw_open(port);
    raw_send(socket, commands, commands_bytes);
    char *got = malloc(expected_bytes);
    raw_read(socket, got, expected_bytes);
    (void)close(socket);
    for (size_t i = 0; i < expected_bytes; i++) {
        if (got[i] != expected[i]) {
            size_t from = i < 40 ? 0 : i - 40;
            FAIL("at byte %zu the replies are '%.80s' instead of '%.80s'", i, got + from,
                 expected + from);
        }
    }
    free(got);
    free(commands);
    free(expected);
}

void test_long_pipeline(struct cluster *cluster)
{
    uint32_t leader = cluster_wait_leader(cluster);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        run_pipeline(cluster->nodes[node].redis_port);
        redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
        expect(client, ":3", "DEL pipe:key pipe:counter pipe:append");
        expect(client, "+OK", "SELECT 7");
        expect(client, ":1", "DEL pipe:append");
        redisFree(client);
    }
}

/* ---- Whose reply ---- */

enum { STRANGERS = 40, ROUNDS = 10 };

/* Clients ask for other people's data and leave at once; those who come after them, on the same
 * descriptors, must get their own and nothing else. */
void test_replies_stay_with_their_client(struct cluster *cluster)
{
    uint32_t follower = cluster_other(cluster, cluster_wait_leader(cluster));
    uint16_t port = cluster->nodes[follower].redis_port;
    redisContext *client = redis_client_open(port);
    expect(client, "+OK", "SET stay:secret top-secret");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < STRANGERS; i++) {
            static const char leaving[] = "GET stay:secret\r\nINCR stay:count\r\n"
                                          "SET stay:key x GET\r\n*3\r\n$3\r\nSET\r\n$3\r\nhal";
            int socket = raw_open(port);
            raw_send(socket, leaving, sizeof(leaving) - 1);
            (void)close(socket);
            redisContext *next = redis_client_open(port);
            char own[32];
            (void)snprintf(own, sizeof(own), "\"%u-%u\"", round, i);
            expect(next, own, "ECHO %u-%u", round, i);
            expect(next, "+OK", "SET stay:own:%u %u-%u", i, round, i);
            expect(next, own, "GET stay:own:%u", i);
            redisFree(next);
        }
    }
    /* Each left once, and counted at most once. */
    int64_t count = redis_client_integer(client, "INCR stay:count");
    CHECK(count >= 1);
    CHECK(count <= STRANGERS * ROUNDS + 1);
    redisFree(client);
}
