/* list_support.h -- what the handlers of lists share. Private to this directory. */
#ifndef QUORUM_COMMAND_LIST_SUPPORT_H
#define QUORUM_COMMAND_LIST_SUPPORT_H

#include "command/command_support.h"
#include "kv/list.h"

/* Looks a key argument up: NULL when it is not there; false: has replied with WRONGTYPE. */
MUST_CHECK bool command_find_list(struct command_context *context, uint32_t argument,
                                  const struct list_value **out);

uint64_t command_list_count(const struct list_value *list);

/* The element at an index that is there, borrowed. */
struct slice command_list_at(const struct list_value *list, uint64_t index);

/* Takes number elements (at least one, all there) from an end of the list at a key argument, tells
 * of it, and replies with each as a bulk string. */
void command_list_pop(struct command_context *context, uint32_t argument, bool at_head,
                      uint64_t number);

/* Takes the element at an index, which is there, out of the list at a key argument, and tells that
 * it was popped from that end. */
void command_list_take(struct command_context *context, uint32_t argument, bool at_head,
                       uint64_t index);

/* Puts an element at an end of the list at a key argument, and tells of it. The element must not
 * lie in that list. */
void command_list_push(struct command_context *context, uint32_t argument, bool at_head,
                       struct slice element);

/* Reads LEFT or RIGHT: a syntax error. */
MUST_CHECK bool command_read_end(struct command_context *context, uint32_t argument, bool *at_head);

#endif
