/* test_configuration.c -- members: the codec, and which configuration is in force when. */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "unit/raft/letter.h"

static struct raft_configuration sample(uint32_t count)
{
    struct raft_configuration configuration;
    memset(&configuration, 0, sizeof(configuration));
    memset(configuration.cluster_id, 0xc5, RAFT_CLUSTER_ID_BYTES);
    for (uint32_t i = count; i > 0; i--) { /* backwards: put sorts */
        struct raft_member member = {.id = (uint64_t)i * 1000,
                                     .disk_id = i * UINT64_C(0x123456789abc),
                                     .role = (enum raft_member_role)(1 + i % 3)};
        (void)snprintf(member.name, sizeof(member.name), "node-%u", i);
        (void)snprintf(member.raft_address, sizeof(member.raft_address), "10.0.0.%u:9001", i);
        (void)snprintf(member.redis_address, sizeof(member.redis_address), "10.0.0.%u:6379", i);
        CU_ASSERT_EQUAL(raft_configuration_put(&configuration, &member), RESULT_OK);
    }
    return configuration;
}

UNIT_TEST(raft_configuration, decodes_to_what_was_encoded)
{
    for (uint32_t count = 0; count <= LIMIT_MEMBERS; count++) {
        struct raft_configuration configuration = sample(count);
        struct raft_configuration decoded;
        memset(&decoded, 0xff, sizeof(decoded));
        struct buf bytes;
        buf_init(&bytes);
        raft_configuration_encode(&configuration, &bytes);
        CU_ASSERT_EQUAL(raft_configuration_decode(buf_slice(&bytes), &decoded), RESULT_OK);
        CU_ASSERT_EQUAL(memcmp(&configuration, &decoded, sizeof(decoded)), 0);
        buf_deinit(&bytes);
    }
}

/* Every shorter prefix and every longer text is refused, and the output is left alone. */
UNIT_TEST(raft_configuration, refuses_every_other_length)
{
    struct raft_configuration configuration = sample(3);
    struct raft_configuration untouched = sample(1);
    struct raft_configuration out = untouched;
    struct buf bytes;
    buf_init(&bytes);
    raft_configuration_encode(&configuration, &bytes);
    struct slice whole = buf_slice(&bytes);
    for (size_t size = 0; size < whole.size; size++) {
        CU_ASSERT_EQUAL(raft_configuration_decode(slice_of(whole.bytes, size), &out),
                        RESULT_CORRUPT);
    }
    buf_append_byte(&bytes, 0);
    CU_ASSERT_EQUAL(raft_configuration_decode(buf_slice(&bytes), &out), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(memcmp(&out, &untouched, sizeof(out)), 0);
    buf_deinit(&bytes);
}

static enum result decode_with(size_t offset, uint8_t value)
{
    struct raft_configuration configuration = sample(2);
    struct raft_configuration out;
    struct buf bytes;
    buf_init(&bytes);
    raft_configuration_encode(&configuration, &bytes);
    bytes.bytes[bytes.head + offset] = value;
    enum result result = raft_configuration_decode(buf_slice(&bytes), &out);
    buf_deinit(&bytes);
    return result;
}

UNIT_TEST(raft_configuration, refuses_bad_fields)
{
    CU_ASSERT_EQUAL(decode_with(0, 3), RESULT_VERSION);
    CU_ASSERT_EQUAL(decode_with(0, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_with(17, LIMIT_MEMBERS + 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_with(19, 0xff), RESULT_CORRUPT); /* ids no longer ascend */
    CU_ASSERT_EQUAL(decode_with(34, 0), RESULT_CORRUPT);    /* role */
    CU_ASSERT_EQUAL(decode_with(34, 3), RESULT_OK);
    CU_ASSERT_EQUAL(decode_with(34, 4), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_with(35, 64), RESULT_CORRUPT); /* name longer than a name may be */
    CU_ASSERT_EQUAL(decode_with(36, 0), RESULT_CORRUPT);  /* NUL inside */
    CU_ASSERT_EQUAL(decode_with(36, 'm'), RESULT_OK);
}

/* What a log written before disk ids holds is still read. */
UNIT_TEST(raft_configuration, decodes_the_first_version)
{
    static const uint8_t start[] = {1, 0xc5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
    static const uint8_t voter[] = {7, 0, 0, 0, 0, 0, 0, 0, 1, 1, 'a', 1, 'b', 0, 0};
    static const uint8_t learner[] = {9, 0, 0, 0, 0, 0, 0, 0, 2, 1, 'c', 0, 0, 0};
    struct raft_configuration decoded;
    struct buf bytes;
    buf_init(&bytes);
    buf_append(&bytes, start, sizeof(start));
    buf_append(&bytes, voter, sizeof(voter));
    buf_append(&bytes, learner, sizeof(learner));
    CU_ASSERT_EQUAL_FATAL(raft_configuration_decode(buf_slice(&bytes), &decoded), RESULT_OK);
    CU_ASSERT_EQUAL(decoded.members_count, 2);
    CU_ASSERT_EQUAL(decoded.members[0].id, 7);
    CU_ASSERT_EQUAL(decoded.members[0].disk_id, 0);
    CU_ASSERT_EQUAL(decoded.members[0].role, RAFT_VOTER);
    CU_ASSERT_STRING_EQUAL(decoded.members[0].raft_address, "b");
    CU_ASSERT_EQUAL(decoded.members[1].role, RAFT_LEARNER);
    CU_ASSERT_STRING_EQUAL(decoded.members[1].name, "c");
    bytes.bytes[bytes.head + 26] = RAFT_JOINING; /* no role of that version */
    CU_ASSERT_EQUAL(raft_configuration_decode(buf_slice(&bytes), &decoded), RESULT_CORRUPT);
    buf_deinit(&bytes);
}

UNIT_TEST(raft_configuration, put_find_and_remove)
{
    struct raft_configuration configuration = sample(LIMIT_MEMBERS);
    struct raft_member member = {.id = 5, .role = RAFT_VOTER};
    CU_ASSERT_EQUAL(raft_configuration_put(&configuration, &member), RESULT_LIMIT);
    member.id = 2000;
    CU_ASSERT_EQUAL(raft_configuration_put(&configuration, &member), RESULT_OK);
    CU_ASSERT_EQUAL(raft_configuration_find(&configuration, 2000)->role, RAFT_VOTER);
    raft_configuration_remove(&configuration, 2000);
    raft_configuration_remove(&configuration, 2000);
    CU_ASSERT_EQUAL(configuration.members_count, LIMIT_MEMBERS - 1);
    CU_ASSERT_PTR_NULL(raft_configuration_find(&configuration, 2000));
    member.id = 5;
    CU_ASSERT_EQUAL(raft_configuration_put(&configuration, &member), RESULT_OK);
    CU_ASSERT_EQUAL(configuration.members[0].id, 5);
    CU_ASSERT_EQUAL(configuration.members[1].id, 1000);
}

/* Sends node 1 one configuration entry at index, as leader 2 of term. */
static void send_configuration(struct cluster *cluster, uint64_t term, uint64_t index,
                               const struct raft_configuration *configuration)
{
    struct buf bytes;
    buf_init(&bytes);
    raft_configuration_encode(configuration, &bytes);
    struct raft_entry entry = {.index = index, .term = term, .type = RAFT_ENTRY_CONFIGURATION};
    entry.payload = blob_copy(buf_slice(&bytes));
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND, .from = 2, .to = 1};
    message.term = term;
    message.append.previous_index = index - 1;
    message.append.previous_term = index == 1 ? 0 : 1;
    message.append.entries = &entry;
    message.append.entries_count = 1;
    cluster_drop_all(cluster);
    CU_ASSERT_EQUAL(cluster_receive(cluster, &message), RESULT_OK);
    blob_release(entry.payload);
    buf_deinit(&bytes);
}

/* Thesis 4.1: "The new configuration takes effect on each server as soon as it is added to that
 * server's log: ... a server always uses the latest configuration in its log" (M3, M4). */
UNIT_TEST(raft_configuration, takes_effect_on_append_and_rolls_back_on_truncation)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 1);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){1, 0}, (uint64_t[]){1, 1}, 2);
    cluster_start(&cluster, 1);
    struct raft_configuration four = cluster.configuration;
    struct raft_member member = {.id = 4, .role = RAFT_VOTER};
    CU_ASSERT_EQUAL(raft_configuration_put(&four, &member), RESULT_OK);
    struct raft_configuration five = four;
    member.id = 5;
    CU_ASSERT_EQUAL(raft_configuration_put(&five, &member), RESULT_OK);
    send_configuration(&cluster, 1, 3, &four);
    send_configuration(&cluster, 1, 4, &five);
    const struct raft *raft = cluster.nodes[1].raft;
    CU_ASSERT_EQUAL(raft_configuration_latest(raft)->members_count, 5);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).configuration_index, 4);
    cluster_start(&cluster, 1); /* rebuilt from the log */
    raft = cluster.nodes[1].raft;
    CU_ASSERT_EQUAL(raft_configuration_latest(raft)->members_count, 5);
    (void)letter_append(
        &cluster, 3, 1,
        (struct letter_append){
            .term = 2, .previous_index = 3, .previous_term = 1, .terms = {2}, .count = 1});
    CU_ASSERT_EQUAL(raft_configuration_latest(raft)->members_count, 4);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).configuration_index, 3);
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 3, .previous_index = 2, .previous_term = 1, .terms = {3}, .count = 1});
    CU_ASSERT_EQUAL(raft_configuration_latest(raft)->members_count, 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).configuration_index, 0);
    cluster_deinit(&cluster);
}

/* Compaction keeps the configuration of what it drops. */
UNIT_TEST(raft_configuration, survives_compaction)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 2);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){1, 0}, (uint64_t[]){1, 1}, 2);
    cluster_start(&cluster, 1);
    struct raft_configuration four = cluster.configuration;
    struct raft_member member = {.id = 4, .role = RAFT_LEARNER};
    CU_ASSERT_EQUAL(raft_configuration_put(&four, &member), RESULT_OK);
    send_configuration(&cluster, 1, 3, &four);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 1,
                                               .previous_index = 3,
                                               .previous_term = 1,
                                               .commit_index = 4,
                                               .terms = {1},
                                               .count = 1});
    cluster_compact(&cluster, 1, 4);
    CU_ASSERT_EQUAL(raft_configuration_latest(cluster.nodes[1].raft)->members_count, 4);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).configuration_index, 3);
    cluster_start(&cluster, 1);
    CU_ASSERT_EQUAL(raft_configuration_latest(cluster.nodes[1].raft)->members_count, 4);
    cluster_deinit(&cluster);
}

/* The first entry of a cluster names it and its members. */
UNIT_TEST(raft_configuration, first_leader_names_the_cluster)
{
    static const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES] = {1, 2, 3};
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 3);
    cluster_start_all(&cluster);
    raft_bootstrap_cluster_id(cluster.nodes[2].raft, cluster_id);
    cluster_elect(&cluster, 2);
    cluster_run(&cluster, 100);
    for (uint64_t id = 1; id <= 3; id++) {
        const struct raft_configuration *latest = raft_configuration_latest(cluster.nodes[id].raft);
        CU_ASSERT_EQUAL(memcmp(latest->cluster_id, cluster_id, sizeof(cluster_id)), 0);
        CU_ASSERT_EQUAL(cluster_status(&cluster, id).configuration_index, 1);
        CU_ASSERT_EQUAL(cluster_status(&cluster, id).commit_index, 1);
    }
    /* A later leader finds entries and names nothing. */
    raft_bootstrap_cluster_id(cluster.nodes[1].raft, (const uint8_t[16]){9});
    cluster_elect(&cluster, 1);
    CU_ASSERT_EQUAL(raft_configuration_latest(cluster.nodes[1].raft)->cluster_id[0], 1);
    cluster_deinit(&cluster);
}
