/* blob.c -- shared bytes. */
#include "base/blob.h"

#include "base/assert.h"
#include "base/mem.h"

struct blob *blob_create(uint32_t size)
{
    struct blob *blob = mem_alloc(sizeof(*blob) + size);
    blob->references = 1;
    blob->size = size;
    return blob;
}

struct blob *blob_copy(struct slice bytes)
{
    ASSERT(bytes.size <= UINT32_MAX);
    struct blob *blob = blob_create((uint32_t)bytes.size);
    if (bytes.size > 0) {
        memcpy(blob->bytes, bytes.bytes, bytes.size);
    }
    return blob;
}

struct blob *blob_retain(struct blob *blob)
{
    if (blob != NULL) {
        ASSERT(blob->references > 0);
        blob->references++;
    }
    return blob;
}

void blob_release(struct blob *blob)
{
    if (blob == NULL) {
        return;
    }
    ASSERT(blob->references > 0);
    if (--blob->references == 0) {
        mem_free(blob);
    }
}
