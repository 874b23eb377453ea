/* Changing what an experiment's file declares, with all else of its text left as it is
 * (src/lua/assay/rewrite.lua). */
#ifndef ASSAY_LUA_REWRITE_H
#define ASSAY_LUA_REWRITE_H

#include <jansson.h>

/*
 * The text of the experiment in the file `path` with fields of one of its figures changed:
 * `changes` holds their values, null takes one away. The changed text was loaded (to be listed) and
 * declares all else as before. The caller frees *out. ASSAY_EINVAL when the figure's table does not
 * stand in the text as it is (code makes it, it is there twice) or the change would touch anything
 * else; ASSAY_ESCRIPT when one of the texts is no experiment; ASSAY_ENOMEM.
 */
int assay_rewrite_figure(
    const char *path, const char *text, const char *figure, const json_t *changes, char **out);

#endif
