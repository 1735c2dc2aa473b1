/* node_id.c -- the number of a node from its name. */
#include "base/node_id.h"

#include "base/hash.h"

/* Part of every data directory and peer connection: it cannot change. */
enum { NODE_ID_NONE = 0, NODE_ID_INSTEAD_OF_NONE = 1 };
#define NODE_ID_SEED UINT64_C(0x71756f72756d6964)

uint64_t node_id_of_name(const char *name)
{
    uint64_t id = hash_bytes(NODE_ID_SEED, slice_of_string(name));
    return id == NODE_ID_NONE ? NODE_ID_INSTEAD_OF_NONE : id;
}
