/* list.h -- a circular doubly linked list whose links live inside its members.
 *
 * Invariant: a list and every member form one ring; an unlinked member points at itself.
 */
#ifndef QUORUM_BASE_LIST_H
#define QUORUM_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

/* The member that holds link in its field. */
#define LIST_MEMBER(link, type, field) ((type *)(void *)((char *)(link)-offsetof(type, field)))

/* Makes an empty list, or an unlinked member. */
static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* Links an unlinked member at the end. */
static inline void list_push_back(struct list *list, struct list *link)
{
    link->next = list;
    link->previous = list->previous;
    list->previous->next = link;
    list->previous = link;
}

/* Unlinks a member; harmless when it is not linked. */
static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

/* Unlinks and returns the first link, or NULL when the list is empty. */
static inline struct list *list_pop_front(struct list *list)
{
    if (list_is_empty(list)) {
        return NULL;
    }
    struct list *link = list->next;
    list_remove(link);
    return link;
}

#endif
