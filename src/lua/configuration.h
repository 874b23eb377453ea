/*
 * Configuration files: Lua that calls functions and assigns settings, run in the bare state in which
 * experiments are listed (no os, io or C modules; limits of memory, instructions and time).
 *
 *     mouse = false                 -- a setting
 *     figure.band = "sd"            -- one of a group; also figure = { band = "sd" }
 *     bind("x", "delete", "runs")   -- a function
 *
 * What a call or an assignment hands over is converted and given to the reader at once. One that the
 * reader refuses is told with its file and line, and the file goes on behind it; so does a name that
 * there is not. An error of the file itself ends it, what stood before stays.
 */
#ifndef ASSAY_LUA_CONFIGURATION_H
#define ASSAY_LUA_CONFIGURATION_H

#include <jansson.h>

typedef struct assay_config_reader {
    void *context;
    const char *const *functions; /* names, NULL at the end */
    const char *const *settings;  /* "mouse", "figure.band"; NULL at the end */
    /* A call's arguments or the one value of a setting, as a JSON array. Not ASSAY_OK: it is refused
     * for the reason in assay_errmsg(). */
    int (*take)(void *context, const char *name, const json_t *values);
    void (*tell)(void *context, const char *message); /* "FILE:LINE: reason" */
} assay_config_reader;

/* ASSAY_ENOTFOUND: there is no such file (nothing is told). Any other failure was told, too. */
int assay_config_read(const char *path, const assay_config_reader *reader);

#endif
