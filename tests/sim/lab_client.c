/* lab_client.c -- clients in the lab. */
#include "sim/lab_client.h"

#include "base/assert.h"
#include "base/mem.h"
#include "wire/entry_payload.h"
#include "wire/reply_reader.h"

enum { WORDS_MAX = 32 };

void lab_client_open(struct lab_client *client, struct lab_node *node,
                     const struct lab_client_hooks *hooks)
{
    void *context = client->context;
    *client = (struct lab_client){.node = node, .context = context};
    if (hooks != NULL) {
        client->hooks = *hooks;
    }
    lab_begin_turn(node);
    struct session_options options = {.kind = SESSION_RESP,
                                      .owner = client,
                                      .address = "10.1.1.1:5000",
                                      .local_address = "10.0.0.1:6379",
                                      .descriptor = 8};
    client->session = session_open(replica_executor(node->replica), &options);
    list_init(&client->link);
    list_push_back(&node->lab->clients, &client->link);
}

void lab_client_close(struct lab_client *client)
{
    if (client->session != NULL) {
        session_close(client->session);
        client->session = NULL;
        list_remove(&client->link);
        buf_clear(&client->waiting);
        client->is_stalled = false;
    }
}

void lab_client_deinit(struct lab_client *client)
{
    lab_client_close(client);
    buf_deinit(&client->waiting);
    buf_deinit(&client->replies);
    buf_deinit(&client->heard);
}

/* Offers what waits, until it stalls or the session closes. */
static void offer(struct lab_client *client)
{
    struct command_arguments arguments = {0};
    while (buf_size(&client->waiting) > 0 && !session_is_closing(client->session) &&
           !session_is_killed(client->session)) {
        struct bytes_reader reader = bytes_reader_of(buf_slice(&client->waiting));
        size_t before = bytes_left(&reader);
        enum result result = batch_get_command(&reader, &arguments);
        ASSERT(result == RESULT_OK);
        client->is_stalled =
            executor_execute(replica_executor(client->node->replica), client->session,
                             arguments.slices, arguments.count) == EXECUTE_STALLED;
        if (client->is_stalled) {
            break;
        }
        buf_consume(&client->waiting, before - bytes_left(&reader));
        if (client->hooks.on_taken != NULL) {
            client->hooks.on_taken(client);
        }
    }
    command_arguments_deinit(&arguments);
}

void lab_client_send(struct lab_client *client, const struct slice *arguments,
                     uint32_t arguments_count)
{
    ASSERT(client->session != NULL);
    batch_put_command(&client->waiting, 0, arguments, arguments_count);
    if (!client->node->is_paused) {
        lab_begin_turn(client->node);
        if (!client->is_stalled) {
            offer(client);
        }
    }
}

void lab_client_say(struct lab_client *client, const char *words)
{
    struct slice arguments[WORDS_MAX];
    uint32_t count = 0;
    const char *at = words;
    while (*at != '\0') {
        ASSERT(count < WORDS_MAX);
        const char *end = strchr(at, ' ');
        size_t size = end == NULL ? strlen(at) : (size_t)(end - at);
        bool is_empty = size == 2 && at[0] == '\'' && at[1] == '\'';
        arguments[count++] = slice_of(at, is_empty ? 0 : size);
        at += size + (end != NULL);
    }
    lab_client_send(client, arguments, count);
}

/* Cuts whole replies out of the output. */
static void take_replies(struct lab_client *client)
{
    struct buf *output = session_output(client->session);
    while (client->session != NULL && buf_size(output) > 0) {
        size_t size;
        enum parse parsed = reply_skip(buf_slice(output), &size);
        ASSERT(parsed == PARSE_DONE);
        client->replies_count++;
        if (client->hooks.on_reply == NULL) {
            buf_append(&client->replies, buf_slice(output).bytes, size);
            buf_consume(output, size);
            continue;
        }
        struct slice reply = slice_of(mem_copy_bytes(buf_slice(output).bytes, size), size);
        buf_consume(output, size);
        client->hooks.on_reply(client, reply);
        mem_free((void *)(uintptr_t)reply.bytes);
    }
}

static void lose(struct lab_client *client)
{
    lab_client_close(client);
    if (client->hooks.on_closed != NULL) {
        client->hooks.on_closed(client);
    }
}

static void serve(struct lab_client *client)
{
    if (!session_is_killed(client->session)) {
        take_replies(client);
        if (client->session == NULL) {
            return;
        }
        client->is_stalled = false;
        offer(client);
        take_replies(client);
    }
    if (client->session != NULL &&
        (session_is_killed(client->session) || session_is_closing(client->session))) {
        lose(client);
    }
}

void lab_clients_serve(struct lab_node *node)
{
    struct session *session;
    while ((session = executor_next_touched(replica_executor(node->replica))) != NULL) {
        serve(session_owner(session));
    }
}

void lab_clients_offer(struct lab_node *node)
{
    for (struct list *link = node->lab->clients.next; link != &node->lab->clients;
         link = link->next) {
        struct lab_client *client = LIST_MEMBER(link, struct lab_client, link);
        if (client->node == node && !client->is_stalled) {
            offer(client);
        }
    }
}

void lab_clients_lose(struct lab_node *node)
{
    struct list *link = node->lab->clients.next;
    while (link != &node->lab->clients) {
        struct lab_client *client = LIST_MEMBER(link, struct lab_client, link);
        link = link->next;
        if (client->node == node) {
            lose(client);
        }
    }
}

void lab_clients_close(struct lab *lab)
{
    while (!list_is_empty(&lab->clients)) {
        lab_client_deinit(LIST_MEMBER(lab->clients.next, struct lab_client, link));
    }
}

const char *lab_client_hear(struct lab_client *client, uint64_t ms)
{
    lab_run_for(client->node->lab, ms);
    buf_clear(&client->heard);
    buf_append_slice(&client->heard, buf_slice(&client->replies));
    buf_append_byte(&client->heard, '\0');
    buf_clear(&client->replies);
    return (const char *)buf_slice(&client->heard).bytes;
}
