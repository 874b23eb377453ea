/*
 * The user's configuration, $XDG_CONFIG_HOME/assay/config.lua (assay-config(5)): keys, colours, and
 * how views begin. What is wrong in it is told and skipped, the rest of it stays.
 */
#ifndef ASSAY_TUI_CONFIG_H
#define ASSAY_TUI_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "tui/colour.h"

struct tui_config {
    bool mouse, remember, sixel;
    char start[32]; /* name of the view of the beginning, or "" */
    char runs_sort[128], runs_filter[512], runs_columns[256], experiments_sort[128]; /* arguments of
                                                              :sort, :filter, :columns; or "" */
    json_t *figure; /* fields in place of those that figures declare */
    int smooth;
    struct tui_colours colours;
};

/* As it is without a file; the keys too. */
void tui_config_reset(struct tui_config *config);
void tui_config_clear(struct tui_config *config);

/* $XDG_CONFIG_HOME/assay/config.lua; ASSAY_ENOTFOUND without HOME. */
int tui_config_path(char *out, size_t size);

/* Read a file over what is set. `tell` hears what is wrong, "FILE:LINE: reason". ASSAY_ENOTFOUND:
 * there is no such file. */
int tui_config_read(struct tui_config *config, const char *path,
    void (*tell)(void *context, const char *message), void *context);

#endif
