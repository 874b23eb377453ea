/*
 * What a cell keeps between runs: the part of cell:cache that knows neither the cell nor its
 * arguments.
 *
 * That a run is the same with a warm and a cold cache takes three things. What was built is read
 * back from its bytes also where it was built just now, so that both have the same tables. The
 * function that builds gets a stream of its own, which depends on the key alone. And math.random
 * goes on after it as if it had not run.
 */
#ifndef ASSAY_LUA_CACHE_H
#define ASSAY_LUA_CACHE_H

#include <lua.h>

#include "core/cache.h"

typedef struct assay_lua_cache {
    const char *key;     /* canonical JSON */
    const char *version; /* what the entry depends on beside the key; NULL: the script's text */
    int build;           /* stack index of the function */
    const assay_progress *waiting;
    /* The cell's: the entry that is being built, NULL otherwise, whatever way the building ends. */
    const assay_cache_entry **building;
} assay_lua_cache;

/* Push two values: why the value could not be kept (also the result; NULL when it could), and the
 * value: what is kept, or what build(rng) makes. *status is ASSAY_ECANCELLED when `waiting` gave
 * up; what build raises is raised. */
const char *assay_lua_cached(lua_State *L, const assay_lua_cache *what, int *status);

#endif
