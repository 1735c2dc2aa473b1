/* sim_draw.h -- commands of every type, drawn by chance over few keys, so that they meet.
 *
 * Keys are h0.., l0.., s0.., z0.., t0.. (strings and bitmaps); now and then a command is given a
 * key of another type, and RENAME and COPY make keys of one letter hold another type. Most
 * containers stay small; if the seed says so a command brings thousands of elements at once.
 */
#ifndef QUORUM_TESTS_SIM_SIM_DRAW_H
#define QUORUM_TESTS_SIM_SIM_DRAW_H

#include "base/buf.h"
#include "base/prng.h"
#include "base/slice.h"

enum {
    SIM_DRAWN_MAX = 9100,  /* words of one command */
    SIM_DRAW_KEYS_MAX = 4, /* of a letter */
    SIM_DRAW_FEW_MEMBERS = 12,
    SIM_DRAW_MANY_ELEMENTS = 3000,
};

/* Drawn by the seed of the run. */
struct sim_draw {
    struct prng *prng;
    uint32_t keys_count;     /* of a letter */
    uint64_t many_per_mille; /* commands that take any number of elements take thousands */
};

/* A command; used again for the next one. Zeroed memory is empty. */
struct sim_drawn {
    struct buf text;
    uint32_t ends[SIM_DRAWN_MAX]; /* of the words, in text */
    uint32_t count;
};

void sim_drawn_deinit(struct sim_drawn *drawn);

/* Writes the words' slices, which borrow from drawn, to out and returns how many. */
uint32_t sim_drawn_slices(const struct sim_drawn *drawn, struct slice *out);

/* Draws a command that has a reply and a meaning of its own, in a transaction or not. */
void sim_draw_command(const struct sim_draw *draw, struct sim_drawn *out);

/* Appends the words of a template (sim_draw.c) to the command. */
void sim_draw_words(const struct sim_draw *draw, const char *template, struct sim_drawn *out);

#endif
