/*
 * The only place that reads and range-checks the arguments of Lua calls, so that every function of
 * every family complains in the same words:
 *
 *     pass_at_k: k must be in 1..10, got 11
 *     pass_at_k: c must be a list of numbers, got a string
 *     pass_at_k: unknown option "bootstap" (did you mean "bootstrap"?)
 *
 * `at` is a stack index, `name` the argument's name in the documentation. The function's own name
 * is upvalue 1 of every function that assay_lua_register makes, and its absent arguments are nil
 * (the stack starts with at least ASSAY_ARGUMENTS values, so a function can't count them), which
 * leaves readers free to push. Failures raise a Lua error with the position of the caller. Memory
 * lives in userdata that are left on the stack (or anchored), so it goes with the call. Indices
 * from Lua are 1-based; the *_index readers give 0-based ones.
 */
#ifndef ASSAY_LUA_ARGS_H
#define ASSAY_LUA_ARGS_H

#include <lua.h>
#include <lauxlib.h>
#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/matrix.h"
#include "core/rng.h"
#include "core/stats.h"

/* Limits that mean more than their digits: the message says "greater than 0", "finite", "less than
 * 1". INT64_MIN, INT64_MAX and the infinities are no limit. */
#define ASSAY_POSITIVE DBL_TRUE_MIN
#define ASSAY_FINITE DBL_MAX
#define ASSAY_BELOW_1 (1.0 - DBL_EPSILON / 2)

enum { ASSAY_ARGUMENTS = 10 }; /* the most that a function may have */

/* Set functions into the table on top of the stack; the list ends with {NULL, NULL}. */
void assay_lua_register(lua_State *L, const luaL_Reg *functions);
/* The same for methods, which complain as "rng:gamma: ...". */
void assay_lua_register_methods(lua_State *L, const char *of, const luaL_Reg *methods);
/* Make the metatable `key` of a userdata: `methods` (named "OF:METHOD" in errors), its end and its
 * text; scripts see it as `of`. */
void assay_lua_class(lua_State *L, const char *key, const char *of, const luaL_Reg *methods,
    lua_CFunction end, lua_CFunction text);
/* One function, left on top of the stack. */
void assay_lua_push_function(lua_State *L, const char *name, lua_CFunction function);

/* Raise "FUNCTION: message". */
int assay_arg_error(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Turn a libassay status into a Lua error with assay_errmsg() ("FUNCTION: " is put before it unless
 * the message begins so). Does nothing for ASSAY_OK. */
void assay_arg_status(lua_State *L, int status);

/* min <= it <= max; NaN is never within. Numbers are numbers: "3" is a string. */
double assay_arg_number(lua_State *L, int at, const char *name, double min, double max);
int64_t assay_arg_integer(lua_State *L, int at, const char *name, int64_t min, int64_t max);
bool assay_arg_boolean(lua_State *L, int at, const char *name);
const char *assay_arg_string(lua_State *L, int at, const char *name);
/* The same of untrusted text, which may hold zeros. */
const char *assay_arg_bytes(lua_State *L, int at, const char *name, size_t *size);
/* One of `choices` (ends with NULL): its position. */
int assay_arg_choice(lua_State *L, int at, const char *name, const char *const *choices);

/* A vector: a list of numbers, a row of a matrix, or a matrix of one row or column. One value is
 * pushed that keeps the memory: a new userdata, or the matrix itself. */
const double *assay_arg_vector(lua_State *L, int at, const char *name, size_t *n);
/* The same, where one number is a list of one. */
const double *assay_arg_numbers(lua_State *L, int at, const char *name, size_t *n);
/* The same, where one number stands for n equal ones. */
const double *assay_arg_vector_of(lua_State *L, int at, const char *name, size_t n);
/* Whole numbers within base..base+limit-1, given back less `base`, so that each is < limit (1-based
 * classes have base 1). limit SIZE_MAX: none. Pushes one value. */
const size_t *assay_arg_indices(
    lua_State *L, int at, const char *name, size_t base, size_t limit, size_t *n);
/* A list of true/false or 1/0, as 1 and 0. Pushes one value. */
const unsigned char *assay_arg_flags(lua_State *L, int at, const char *name, size_t *n);
/* A matrix userdata, or a nested list (rows of equal length; the first ragged row is named). Pushes
 * one value that keeps the memory. An empty list is 0 x 0. */
assay_matrix assay_arg_matrix(lua_State *L, int at, const char *name);
/* The same, where nil in a nested list is a missing number, NaN; rows may end early. */
assay_matrix assay_arg_matrix_with_gaps(lua_State *L, int at, const char *name);
/* A list of texts and numbers as the numbers 0, 1, .. of its distinct values, in the order met.
 * Pushes one value. */
const size_t *assay_arg_groups(lua_State *L, int at, const char *name, size_t *n);
/* mean and components (r x d) of a fit of assay.pca. Pushes two values that keep them. */
const double *assay_arg_pca(lua_State *L, int at, assay_matrix *components);
assay_rng *assay_arg_rng(lua_State *L, int at, const char *name);

/* Options: the table at `at` (nil or none: no options). assay_opts_check refuses keys that are not
 * in `known` (ends with NULL). The readers take the default when the key is absent; assay_opt_push
 * pushes the value (nil when absent) and tells whether it is there. */
void assay_opts_check(lua_State *L, int at, const char *const *known);
bool assay_opt_push(lua_State *L, int at, const char *key);
double assay_opt_number(
    lua_State *L, int at, const char *key, double absent, double min, double max);
int64_t assay_opt_integer(
    lua_State *L, int at, const char *key, int64_t absent, int64_t min, int64_t max);
bool assay_opt_boolean(lua_State *L, int at, const char *key, bool absent);
const char *assay_opt_string(lua_State *L, int at, const char *key, const char *absent);
int assay_opt_choice(lua_State *L, int at, const char *key, int absent, const char *const *choices);
assay_rng *assay_opt_rng(lua_State *L, int at, const char *key); /* NULL when absent */
assay_rng *assay_required_rng(lua_State *L, int at);             /* the option `rng` */
/* A number that must be given. */
double assay_opt_required(lua_State *L, int at, const char *key, double min, double max);

/* A double array of n as a userdata on top of the stack: scratch or result memory of a call. */
double *assay_lua_doubles(lua_State *L, size_t n);
void *assay_lua_scratch(lua_State *L, size_t count, size_t size); /* checks the product */
/* Zeroed memory, on top of the stack too, which `end` gets as its argument when Lua collects it:
 * what C allocates into it is freed whatever raises meanwhile. */
void *assay_lua_owner(lua_State *L, size_t size, lua_CFunction end);

/* The matrix at `at` when it is a matrix or a row of one, else NULL. */
assay_matrix *assay_lua_test_matrix(lua_State *L, int at);

/* The metatables' names in the registry. */
#define ASSAY_LUA_MATRIX "assay.matrix"
#define ASSAY_LUA_ROW "assay.row"
#define ASSAY_LUA_RNG "assay.rng"

/* Push results. Vectors become Lua lists, matrices become matrix userdata (m[i][j], #m). */
void assay_push_vector(lua_State *L, const double *x, size_t n);
void assay_push_indices(lua_State *L, const size_t *x, size_t n, size_t base);
assay_matrix assay_push_matrix(
    lua_State *L, size_t rows, size_t cols); /* new, zeroed, contiguous */
void assay_push_rng(lua_State *L, assay_rng rng);
/* Whole numbers of any size as a list of integers. */
void assay_push_wholes(lua_State *L, const double *x, size_t n);
/* Set a field of the table on top of the stack. */
void assay_set_number(lua_State *L, const char *name, double x);
void assay_set_integer(lua_State *L, const char *name, int64_t x);
void assay_set_boolean(lua_State *L, const char *name, bool x);
void assay_set_text(lua_State *L, const char *name, const char *text);
void assay_set_vector(lua_State *L, const char *name, const double *x, size_t n);
/* {estimate, low, high, p, df, n} by name, without those that are NaN. */
void assay_push_interval(lua_State *L, const assay_interval *interval);

#endif
