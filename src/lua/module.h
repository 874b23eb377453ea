/*
 * The module `assay`: its opener, and those of its rooms. A room's opener pushes one value, the
 * table (or function) that becomes assay.NAME; module.c has the list.
 */
#ifndef ASSAY_LUA_MODULE_H
#define ASSAY_LUA_MODULE_H

#include <lua.h>
#include <stddef.h>

int luaopen_assay(lua_State *L);
int assay_lua_prelude(lua_State *L);
int assay_lua_rows(lua_State *L);

int assay_lua_matrix(lua_State *L);
int assay_lua_rng(lua_State *L);
int assay_lua_stats(lua_State *L);
int assay_lua_topk(lua_State *L);
int assay_lua_fit(lua_State *L);
int assay_lua_pca(lua_State *L);
int assay_lua_json(lua_State *L);
int assay_lua_json_encode(lua_State *L); /* json.encode, for rooms that hand tables to C */
int assay_lua_inference(lua_State *L);
int assay_lua_rollout(lua_State *L);
int assay_lua_models(lua_State *L);
int assay_lua_gmm(lua_State *L);
int assay_lua_diffusion(lua_State *L);
int assay_lua_balance(lua_State *L);
int assay_lua_net(lua_State *L);
int assay_lua_lm(lua_State *L);
int assay_lua_vocab(lua_State *L);
int assay_lua_task(lua_State *L);
int assay_lua_tasks(lua_State *L);
int assay_lua_catalogue(lua_State *L);
int assay_lua_data(lua_State *L);

/* The function assay.json.encode. */
int assay_lua_json_encode(lua_State *L);
/* Push assay.models.endpoint. */
void assay_lua_endpoint(lua_State *L);

/* Push a table as Lua columns by name (see data.c) and free it, also when memory runs out. */
struct assay_table;
void assay_push_table(lua_State *L, struct assay_table *table);
/* The same as {names = list, columns = by name}. */
void assay_push_named_table(lua_State *L, struct assay_table *table);

/* The prelude's Lua sources (src/lua/assay), made into C by src/lua/embed.sh; ends with a NULL
 * name. The name of experiment.lua is "experiment". */
typedef struct assay_prelude_source {
    const char *name;
    const unsigned char *text;
    size_t size;
} assay_prelude_source;

extern const assay_prelude_source assay_prelude[];

/* The one source that is text for its readers (assay_experiment_template), not a part to be run. */
#define ASSAY_PRELUDE_TEMPLATE "template"

#endif
