/*
 * What is remembered between sessions, $XDG_STATE_HOME/assay/tui.json: values by key ("runs/coin").
 *
 * Several interfaces may keep one file: a save takes a lock, reads what the others wrote meanwhile,
 * puts what was changed here over it, and replaces the file as a whole.
 */
#ifndef ASSAY_TUI_MEMORY_H
#define ASSAY_TUI_MEMORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct tui_memory {
    char path[4096]; /* "": nothing is kept */
    json_t *values, *changed; /* changed since the last save: null for what was forgotten */
};

/* $XDG_STATE_HOME/assay/tui.json; ASSAY_ENOTFOUND without HOME. */
int tui_memory_path(char *out, size_t size);

/* Read a file; one that is not there is empty. A damaged one (ASSAY_EFORMAT) is as good as empty and
 * replaced by the next save. */
int tui_memory_open(struct tui_memory *memory, const char *path);
void tui_memory_clear(struct tui_memory *memory);

const json_t *tui_memory_get(const struct tui_memory *memory, const char *key); /* NULL: nothing */
/* Takes the value over; NULL forgets. One that is there already changes nothing. */
void tui_memory_set(struct tui_memory *memory, const char *key, json_t *value);
/* Forget all whose key begins so ("": all); gives their number. */
size_t tui_memory_forget(struct tui_memory *memory, const char *prefix);

/* Write what was changed; ASSAY_EBUSY when another interface holds the file, to be tried again. */
int tui_memory_save(struct tui_memory *memory);

#endif
