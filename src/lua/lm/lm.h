/* The bindings of the language model: what their files share. */
#ifndef ASSAY_LUA_LM_LM_H
#define ASSAY_LUA_LM_LM_H

#include <lauxlib.h>
#include <lua.h>

#include "lua/args.h"
#include "models/lm/lm.h"
#include "models/tasks/task.h"

#define ASSAY_LUA_LM "assay.lm"

/* A model and the functions of Lua that hook into its weights (hooks.c). */
typedef struct assay_lm_handle {
    assay_lm *lm;
    struct assay_lm_hook *hooks; /* a list */
} assay_lm_handle;

#define ASSAY_LUA_LM_HOOK "assay.lm.hook" /* in the registry: what calls them */
void assay_lua_lm_hooks(lua_State *L);
void assay_lua_lm_free_hooks(assay_lm_handle *handle);

/* The model at `at`; raises an error when it is none. */
assay_lm *assay_arg_lm(lua_State *L, int at, const char *name);
/* NULL when absent. */
assay_lm *assay_opt_lm(lua_State *L, int at, const char *key);
/* NULL when absent; the model must have a vocabulary of texts. */
const assay_task *assay_opt_task(lua_State *L, int at, const char *key, const assay_lm *lm);
/* A slot that the collector frees. */
assay_lm **assay_push_lm(lua_State *L);

/* Options of a config from the table at `at`, whose keys are checked by the caller against
 * ASSAY_LM_CONFIG_OPTIONS and its own. */
#define ASSAY_LM_CONFIG_OPTIONS                                                                    \
    "preset", "vocab", "d", "layers", "heads", "ctx", "causal", "block", "norm", "act", "pos",     \
        "cond", "tie", "bias", "dropout", "mlp_ratio", "head", "pool", "outputs"
/* Names that assay_opt_optimiser reads. */
#define ASSAY_OPTIMISER_OPTIONS                                                                    \
    "lr", "momentum", "nesterov", "beta1", "beta2", "eps", "weight_decay", "clip", "schedule",     \
        "warmup", "last", "every", "factor"

void assay_opt_lm_config(lua_State *L, int at, assay_lm_config *config, assay_vocab *vocab);

/*
 * Sequences: a text or a list of tokens is one, a list of those or a matrix several. Pushes two
 * values that keep the memory. A text needs a vocabulary.
 */
typedef struct assay_lua_tokens {
    assay_lm_tokens tokens;
    size_t total;
    bool single;
} assay_lua_tokens;

void assay_arg_tokens(
    lua_State *L, int at, const char *name, const assay_lm *lm, assay_lua_tokens *out);

/* One number a token, shaped as the sequences are: a list of numbers for one, a list of lists for
 * several. Absent values (nil) are `absent`. Pushes one value. */
const double *assay_arg_of_tokens(
    lua_State *L, int at, const char *name, const assay_lua_tokens *tokens, double absent);

/* A token by number, or by the name of a special one or its character. */
int32_t assay_arg_token(lua_State *L, int at, const char *name, const assay_lm *lm);

/* The text of tokens, as a Lua string. */
void assay_push_text(lua_State *L, const assay_lm *lm, const int32_t *token, size_t n);

/* For serial.c: the bytes of the model at `at`, to be freed (NULL: it is none); push the model of
 * bytes. */
unsigned char *assay_lua_lm_bytes(lua_State *L, int at, size_t *size);
bool assay_lua_lm_from_bytes(lua_State *L, const void *bytes, size_t size);

extern const luaL_Reg assay_lm_train_methods[], assay_lm_sample_methods[];
extern const luaL_Reg assay_lm_masked_methods[], assay_lm_adapter_methods[];
extern const luaL_Reg assay_lm_hook_methods[];
extern const luaL_Reg assay_lm_cores[], assay_lm_files[];

#endif
