/* What the word before the cursor may become: names are gathered, and the word goes on as far as
 * all that begin so agree. Without regard to case. */
#ifndef ASSAY_TUI_WORDS_H
#define ASSAY_TUI_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "tui/prompt.h"

struct tui_words {
    char **names; /* NULL at the end; NULL: none */
    size_t count;
    const char *separators; /* a word begins after the last of these */
};

void tui_words_add(struct tui_words *words, const char *name); /* which may be there already */
void tui_words_add_all(
    struct tui_words *words, const char *const *names); /* NULL at the end, or NULL */
void tui_words_add_keys(struct tui_words *words, const json_t *object, const char *ending);
/* Paths that begin so, directories with a slash at the end; no separators. */
void tui_words_add_files(struct tui_words *words, const char *start);
void tui_words_clear(struct tui_words *words);

/* Lengthens the word that ends at the cursor and begins after the last separator, but not before
 * byte `from`. Gives how many names begin as it did; those of several go to `choices`. */
size_t tui_words_complete(
    const struct tui_words *words, struct tui_line *line, size_t from, char *choices, size_t size);

#endif
