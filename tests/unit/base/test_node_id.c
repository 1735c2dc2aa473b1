/* test_node_id.c -- numbers of nodes. */
#include "base/node_id.h"
#include "lib/unit.h"

UNIT_TEST(node_id, is_the_same_for_ever)
{
    /* Data directories hold these numbers. */
    CU_ASSERT_EQUAL(node_id_of_name("node-1"), UINT64_C(12943957179405102012));
    CU_ASSERT_NOT_EQUAL(node_id_of_name("node-1"), node_id_of_name("node-2"));
    CU_ASSERT_NOT_EQUAL(node_id_of_name(""), 0);
}
