/*
 * Composing experiments from choices, without writing Lua: what may be chosen, and the text of the
 * experiment (src/lua/assay/compose.lua, kits.lua).
 */
#ifndef ASSAY_LUA_COMPOSER_H
#define ASSAY_LUA_COMPOSER_H

#include <jansson.h>
#include <stdbool.h>

typedef struct assay_composer assay_composer;

int assay_composer_open(assay_composer **out);
void assay_composer_close(assay_composer *composer); /* NULL is fine */

/*
 * The fields of an experiment of that name after `choices`, a JSON object from fields' names to a
 * text or, for the fields methods and claims, a list of texts. What is not chosen has a default.
 * *result is JSON, valid until the next call:
 *
 *   {"fields": [{"name", "title", "kind": "one" | "many" | "text", "value": text or list, "doc",
 *                "error": what is wrong with the value,
 *                "choices": [{"value", "doc", "group", "why": why it can't be chosen now}...]}...],
 *    "problem": what keeps it from being an experiment (absent: nothing does),
 *    "unknown": a choice that names no field (absent: none),
 *    "text": the experiment (absent when there is a problem)}
 */
int assay_composer_apply(
    assay_composer *composer, const char *name, const char *choices, const char **result);

/* Is `choice` the field's value (a text), or one of them (a list of texts)? */
bool assay_composer_holds(const json_t *value, const char *choice);

#endif
