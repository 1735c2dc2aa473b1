/* test_peer_damage.c -- the peer protocol: every way to damage a frame. */
#include "base/prng.h"
#include "lib/unit.h"
#include "test_peer_samples.h"
#include "wire/peer_frame.h"

UNIT_TEST(peer_damage, every_flipped_bit_is_noticed)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    for (int sample = 0; sample < SAMPLES_COUNT; sample++) {
        sample_put((enum sample)sample, &frame);
        struct peer_message message;
        CU_ASSERT_EQUAL(sample_decode(buf_slice(&frame), &scratch, &message), RESULT_OK);
        uint32_t missed = 0;
        for (size_t bit = 0; bit < 8 * buf_size(&frame); bit++) {
            frame.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            missed += sample_decode(buf_slice(&frame), &scratch, &message) == RESULT_OK;
            frame.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        CU_ASSERT_EQUAL(missed, 0);
    }
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_damage, bodies_cut_short_or_too_long_are_corrupt)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message message;
    for (int sample = 0; sample < SAMPLES_COUNT; sample++) {
        sample_put((enum sample)sample, &frame);
        size_t size = buf_size(&frame);
        buf_append_byte(&frame, 0);
        sample_seal(&frame);
        CU_ASSERT_EQUAL(sample_decode(buf_slice(&frame), &scratch, &message), RESULT_CORRUPT);
        while (size-- > PEER_FRAME_HEADER_BYTES) {
            buf_truncate(&frame, size);
            sample_seal(&frame);
            CU_ASSERT_EQUAL(sample_decode(buf_slice(&frame), &scratch, &message), RESULT_CORRUPT);
        }
    }
    CU_ASSERT_EQUAL(scratch.count, 0);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

/* Encodes a sample, changes one byte of its body, and decodes it with a right checksum. */
static enum result decode_changed(enum sample sample, size_t body_offset, uint8_t byte)
{
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct buf frame = {0};
    sample_put(sample, &frame);
    frame.bytes[PEER_FRAME_HEADER_BYTES + body_offset] = byte;
    sample_seal(&frame);
    enum result result = sample_decode(buf_slice(&frame), &scratch, &message);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
    return result;
}

UNIT_TEST(peer_damage, flags_padding_and_lists_are_checked)
{
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_VOTE, 24, 1), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_VOTE, 24, 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_VOTE, 31, 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 48, 4), RESULT_CORRUPT); /* entries_count */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 48, 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 51, 0x80), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 52, 1), RESULT_CORRUPT);  /* zero */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 64, 19), RESULT_CORRUPT); /* payload bytes */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 64, 255), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 68, 3), RESULT_OK); /* type */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 68, 4), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 68, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_APPEND, 71, 1), RESULT_CORRUPT);  /* zero */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_FORWARD, 28, 3), RESULT_CORRUPT); /* commands_bytes */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_FORWARD, 28, 5), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 63, 'x'), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 927, 'x'), RESULT_CORRUPT);
}

UNIT_TEST(peer_damage, text_is_padded_with_zeros_only)
{
    /* "node-1", a NUL, and then something that no reader would see. */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 5, 'x'), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 6, 'x'), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 7, 'x'), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 5, 0), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 4, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 920, 1), RESULT_OK); /* is_disk_low */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_NODE_INFO, 920, 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 39, 'x'), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 887, 'x'), RESULT_CORRUPT);
}

UNIT_TEST(peer_damage, snapshots_keep_within_their_file)
{
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_WANTED, 3, 1), RESULT_OK);     /* any index */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_OFFER, 0, 0), RESULT_CORRUPT); /* index */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_OFFER, 0, 1), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 0, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 0, 0), RESULT_CORRUPT);
    /* 300,000 is 0x493e0: the last offset is 0x493df. */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 32, 0xdf), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 32, 0xe0), RESULT_CORRUPT);
    /* A piece asked for is 0x20000 bytes at most. */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 40, 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 42, 1), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 42, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_ASK, 44, 1), RESULT_CORRUPT);
    /* Five bytes at 0x493db end the file. */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 32, 0xdb), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 32, 0xdc), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 39, 0xff), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 40, 4), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 43, 0x80), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_SNAPSHOT_PIECE, 44, 1), RESULT_CORRUPT);
}

UNIT_TEST(peer_damage, changes_say_what_raft_knows)
{
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 8, 0), RESULT_CORRUPT); /* kind */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 8, PEER_CHANGE_TRANSFER), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 8, 3), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 9, 0), RESULT_CORRUPT); /* of the change */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 9, RAFT_CHANGE_ADDRESSES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 9, 5), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 10, 0), RESULT_CORRUPT); /* role */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 10, RAFT_VOTER), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 10, RAFT_LEARNER), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 10, 4), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 11, 2), RESULT_CORRUPT); /* force */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 12, 1), RESULT_CORRUPT); /* zero */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE, 16, 0), RESULT_CORRUPT); /* member id */
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE_TRANSFER, 16, 0), RESULT_OK);
    static const size_t said[] = {9, 10, 11, 24, 32, 96, 360, 624};
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE_TRANSFER, said[i], 1), RESULT_CORRUPT);
    }
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE_REPLY, 8, RESULT_COUNT - 1), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE_REPLY, 8, RESULT_COUNT), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE_REPLY, 11, 0x80), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(SAMPLE_CHANGE_REPLY, 12, 1), RESULT_CORRUPT);
}

UNIT_TEST(peer_damage, an_append_cannot_run_over_the_last_index)
{
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct buf frame = {0};
    sample_put(SAMPLE_APPEND, &frame);
    bytes_set_u64(frame.bytes + PEER_FRAME_HEADER_BYTES + 8, UINT64_MAX - 1);
    sample_seal(&frame);
    CU_ASSERT_EQUAL(sample_decode(buf_slice(&frame), &scratch, &message), RESULT_CORRUPT);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_damage, survives_garbage_with_a_right_checksum)
{
    struct prng prng;
    prng_init(&prng, 9);
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct buf frame = {0};
    uint32_t accepted = 0;
    for (int round = 0; round < 20000; round++) {
        sample_put((enum sample)prng_below(&prng, SAMPLES_COUNT), &frame);
        size_t body_bytes = buf_size(&frame) - PEER_FRAME_HEADER_BYTES;
        for (uint64_t i = 0; i <= prng_below(&prng, 4); i++) {
            frame.bytes[PEER_FRAME_HEADER_BYTES + prng_below(&prng, body_bytes)] =
                (uint8_t)prng_next(&prng);
        }
        frame.bytes[4] =
            (uint8_t)(prng_below(&prng, 8) == 0 ? prng_below(&prng, 24) : frame.bytes[4]);
        sample_seal(&frame);
        accepted += sample_decode(buf_slice(&frame), &scratch, &message) == RESULT_OK;
    }
    CU_ASSERT_TRUE(accepted > 0 && accepted < 20000);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}
