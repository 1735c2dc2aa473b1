/* files.h -- what tests do to the files of a node that is down: copy, remove, measure, damage.
 *
 * What cannot be done fails the test.
 */
#ifndef QUORUM_TESTS_LIB_FILES_H
#define QUORUM_TESTS_LIB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Copies a directory and all that is in it, times and holes apart; to must not exist. */
void files_copy_tree(const char *from, const char *to);

/* Removes it with all that is in it; nothing happens when it is not there. */
void files_remove_tree(const char *path);

/* Bytes of a file; 0 when it is not there, which a running node may bring about. */
uint64_t files_size(const char *path);
bool files_exist(const char *path);

/* Cuts a file, or makes it longer by zeros. */
void files_cut(const char *path, off_t size);

/* Turns a bit of the byte over, or back. */
void files_flip(const char *path, off_t offset);

/* Puts another text of the same length wherever text occurs in a file, which must be somewhere:
 * what SQLite has left behind in free room counts too. */
void files_replace(const char *path, const char *text, const char *with);

/* How many entries of a directory have names that begin so. */
uint32_t files_count(const char *directory, const char *beginning);

/* Writes a small text file. */
void files_write(const char *path, const char *text);

#endif
