/*
 * Experiments as C sees them: a Lua state with the prelude, and an experiment loaded into it.
 *
 * Two ways to load. ASSAY_LOAD_LIST runs the file in a bare environment (no os, io, debug, package
 * or C modules but the declaration calls of the prelude; instruction and memory limits), so that
 * listing a directory is safe; such an experiment can be described and planned, not run.
 * ASSAY_LOAD_RUN gives it the full language: running is trust.
 */
#ifndef ASSAY_LUA_ENGINE_H
#define ASSAY_LUA_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/table.h"

struct lua_State;
typedef struct assay_experiment assay_experiment;

typedef enum assay_load { ASSAY_LOAD_LIST, ASSAY_LOAD_RUN } assay_load;

/* Load FILE, or `text` (NULL: read the file) under the name FILE. ASSAY_ESCRIPT with file, line and
 * field in the message when it is not a valid experiment; ASSAY_EIO when it can't be read. */
int assay_experiment_open(const char *path, const char *text, assay_load mode, assay_experiment **out);
void assay_experiment_close(assay_experiment *experiment);
struct lua_State *assay_experiment_lua(assay_experiment *experiment);

const char *assay_experiment_name(const assay_experiment *experiment);
const char *assay_experiment_path(const assay_experiment *experiment);   /* as given */
const char *assay_experiment_script(const assay_experiment *experiment); /* the text that was loaded */

/*
 * The declaration as JSON:
 * {"name", "title", "method": [slug...], "description", "replicates": n,
 *  "params": [{"name", "type": "integer"|"number"|"boolean"|"string", "default": v | [v...],
 *              "min", "max", "choices": [..], "doc"}...]        (in alphabetical order of "name"),
 *  "presets": {name: {param: value}}, "limits": {"time": s, "memory": bytes},
 *  "figures": [figure...], "claims": [{"name", "text"}...]}
 */
const char *assay_experiment_describe(assay_experiment *experiment);

/* One override, as the CLI ("NAME=VALUE", "a,b,c" sweeps) and the form have them. */
typedef struct assay_setting {
    const char *name, *value;
} assay_setting;

/* Make the experiment's parameters concrete and build the grid. `preset` may be NULL. replicates 0:
 * the declaration's. Errors name the parameter, the value and the range ("did you mean"). */
int assay_experiment_plan(assay_experiment *experiment, const char *preset,
    const assay_setting *settings, size_t count, int64_t replicates);

/* The same from what was stored (JSON of concrete parameters), for resume and reproduce. */
int assay_experiment_plan_restore(assay_experiment *experiment, const char *params, int64_t replicates);

/* After a plan: */
const char *assay_experiment_params(assay_experiment *experiment); /* JSON object, canonical */
int64_t assay_experiment_replicates(assay_experiment *experiment);
int64_t assay_experiment_cells(assay_experiment *experiment);      /* grid points x replicates */
/* Cell `index` (0-based): its parameters as canonical JSON (valid until the next call) and its
 * replicate (1-based). Replicates vary slowest. */
int assay_experiment_cell(assay_experiment *experiment, int64_t index, const char **params, int64_t *replicate);

/* Where a running cell's words go. Each returns ASSAY_OK, or a failure that ends the cell. */
typedef struct assay_cell_sink {
    void *context;
    /* One row; the value kinds are those of assay_table (booleans arrive as integers 0 and 1). */
    int (*row_begin)(void *context);
    int (*row_number)(void *context, const char *name, double value);
    int (*row_integer)(void *context, const char *name, int64_t value);
    int (*row_text)(void *context, const char *name, const char *text, size_t size);
    int (*row_end)(void *context);
    int (*note)(void *context, const char *text);
    int (*artifact)(void *context, const char *name, const char *type, const void *data, size_t size);
    int (*progress)(void *context, double done, double total);
    /* The log of graded samples of that name that was imported; the cell frees it. NULL: there are
     * no imported logs where the cell runs. */
    int (*samples)(void *context, const char *name, assay_table **out);
} assay_cell_sink;

/* Run cell `index` of the plan with the run's seed. ASSAY_ESCRIPT with message and traceback when
 * the script errs. assay_experiment_interrupt, async-signal-safe, makes a running cell err with
 * `reason` (a static string) at its next Lua instruction. */
int assay_experiment_run_cell(assay_experiment *experiment, int64_t index, uint64_t seed, const assay_cell_sink *sink);
void assay_experiment_interrupt(assay_experiment *experiment, const char *reason);

/* For bindings of long loops: asks to stop when the cell is interrupted. NULL where nothing can
 * interrupt. */
struct assay_progress;
const struct assay_progress *assay_lua_progress(struct lua_State *L);
/* lua_pcall in a thread that is no coroutine of a script's, while another waits: an interrupt reaches
 * what runs there. */
int assay_lua_pcall_beside(struct lua_State *thread, int arguments, int results);

/* Check the claims over the rows (as assay_store_rows gives them). The result is JSON:
 * [{"name","text","verdict","estimate","low","high","p","n","test","message"}...]; a claim whose
 * check errs has the verdict "error" and says why. Numbers that are not finite are null. */
int assay_experiment_check_claims(assay_experiment *experiment, const assay_table *rows, uint64_t seed, const char **json);

/* What `assay new NAME` writes: a documented experiment that runs as it is once every "@NAME@" is
 * replaced by its name. */
const char *assay_experiment_template(void);

/* A plain state with all of assay for `assay lua`; the caller closes it. NULL when memory ran out. */
struct lua_State *assay_lua_new(void);

#endif
