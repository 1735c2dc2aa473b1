/* test_buf.c -- growable bytes against a plain model, and the shapes of growth. */
#include <string.h>

#include "base/buf.h"
#include "base/prng.h"
#include "lib/unit.h"

enum { MODEL_BYTES = 1 << 16 };

struct model {
    uint8_t bytes[MODEL_BYTES];
    size_t size;
};

static bool agrees(const struct buf *buf, const struct model *model)
{
    return slice_equals(buf_slice(buf), slice_of(model->bytes, model->size));
}

static void append_random(struct buf *buf, struct model *model, struct prng *prng)
{
    size_t size = prng_below(prng, 200);
    size = size > MODEL_BYTES - model->size ? MODEL_BYTES - model->size : size;
    for (size_t i = 0; i < size; i++) {
        model->bytes[model->size + i] = (uint8_t)prng_next(prng);
    }
    buf_append(buf, model->bytes + model->size, size);
    model->size += size;
}

static void consume_random(struct buf *buf, struct model *model, struct prng *prng)
{
    size_t size = prng_below(prng, model->size + 1);
    buf_consume(buf, size);
    memmove(model->bytes, model->bytes + size, model->size - size);
    model->size -= size;
}

static void insert_random(struct buf *buf, struct model *model, struct prng *prng)
{
    size_t offset = prng_below(prng, model->size + 1);
    if (model->size + 3 > MODEL_BYTES) {
        return;
    }
    buf_insert(buf, offset, "abc", 3);
    memmove(model->bytes + offset + 3, model->bytes + offset, model->size - offset);
    memcpy(model->bytes + offset, "abc", 3);
    model->size += 3;
}

UNIT_TEST(buf, behaves_like_a_plain_array)
{
    static struct model model;
    struct buf buf = {0};
    struct prng prng;
    prng_init(&prng, 7);
    model.size = 0;
    for (int i = 0; i < 20000; i++) {
        switch (prng_below(&prng, 4)) {
        case 0:
            consume_random(&buf, &model, &prng);
            break;
        case 1:
            insert_random(&buf, &model, &prng);
            break;
        default:
            append_random(&buf, &model, &prng);
            break;
        }
        if (!agrees(&buf, &model)) {
            CU_FAIL_FATAL("the buffer and the model differ");
        }
    }
    buf_deinit(&buf);
}

UNIT_TEST(buf, truncates_from_the_end)
{
    struct buf buf = {0};
    buf_append(&buf, "abcdef", 6);
    buf_consume(&buf, 2);
    buf_truncate(&buf, 3);
    CU_ASSERT(slice_equals(buf_slice(&buf), SLICE_LITERAL("cde")));
    buf_deinit(&buf);
}

UNIT_TEST(buf, formats_without_a_nul)
{
    struct buf buf = {0};
    buf_append_format(&buf, "%d-%s", 42, "x");
    CU_ASSERT(slice_equals(buf_slice(&buf), SLICE_LITERAL("42-x")));
    buf_deinit(&buf);
}

UNIT_TEST(buf, wins_back_the_front_instead_of_growing)
{
    struct buf buf = {0};
    for (int i = 0; i < 10000; i++) {
        buf_append(&buf, "0123456789", 10);
        buf_consume(&buf, 10);
    }
    CU_ASSERT(buf.capacity <= 64);
    for (int i = 0; i < 10000; i++) {
        buf_append(&buf, "0123456789", 10);
        if (i > 0) {
            buf_consume(&buf, 10); /* never empty: the bytes have to move down */
        }
    }
    CU_ASSERT(buf.capacity <= 128);
    buf_deinit(&buf);
}

UNIT_TEST(buf, shrinks_only_when_it_is_large)
{
    struct buf buf = {0};
    buf_append(&buf, "abc", 3);
    buf_clear_and_shrink(&buf, 64);
    CU_ASSERT_PTR_NOT_NULL(buf.bytes);
    (void)buf_reserve(&buf, 1000);
    buf_clear_and_shrink(&buf, 64);
    CU_ASSERT_PTR_NULL(buf.bytes);
    CU_ASSERT_EQUAL(buf_size(&buf), 0);
}
