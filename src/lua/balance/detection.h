/* What the files of dense detectors share: arguments of losses, matches and targets. */
#ifndef ASSAY_LUA_BALANCE_DETECTION_H
#define ASSAY_LUA_BALANCE_DETECTION_H

#include "lua/balance/balance.h"
#include "methods/balance/detection.h"

/* Kinds of losses by name, and the options that each has of its own; both end with NULL. */
extern const char *const assay_det_loss_names[];
extern const char *const *const assay_det_loss_own_options[];

/* n whole numbers, at least -1, one for each of `of`. Pushes values that keep them. */
const int *assay_arg_targets(lua_State *L, int at, const char *name, size_t n, const char *of);

/* foreground, background and low_quality of the table at `at`. */
assay_match_options assay_opt_match(lua_State *L, int at);

/* class_weights and the kind's own options, for so many anchors and classes. Pushes values that
 * keep what they point to. */
void assay_opt_det_loss(lua_State *L, int at, assay_det_loss_kind kind, size_t anchors,
    size_t classes, assay_det_loss_options *o);

/* Option `state`, a list that is empty at first, as doubles; the table itself is left on the stack
 * at *table. */
double *assay_opt_ghm_state(lua_State *L, int at, size_t bins, int *table);

/* The list at `at` becomes x. */
void assay_lua_set_list(lua_State *L, int at, const double *x, size_t n);

#endif
