/* assay.balance: thinning and cleaning (methods/balance/smote.h). */
#include "lua/balance/balance.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/engine.h"

static void class_sizes(
    lua_State *L, const assay_lua_set *set, size_t *classes, size_t *largest, size_t *least)
{
    size_t *size = NULL, smallest = 0;
    const int status = assay_class_sizes(set->y, set->X.rows, &size, classes, largest, &smallest);
    *least = status ? 0 : size[smallest];
    free(size);
    assay_arg_status(L, status);
}

/* undersample(X, y, {percent= | n=, minority_rows=, rng=}): {X=, y=, keep=} */
static int undersample(lua_State *L)
{
    static const char *const known[] = {"percent", "n", "minority_rows", "rng", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t classes = 0, largest = 0, least = 0, size = 0;
    class_sizes(L, &set, &classes, &largest, &least);
    assay_rng *rng = assay_lua_stream(L, 3);
    const double percent = assay_opt_number(L, 3, "percent", -1, ASSAY_POSITIVE, ASSAY_FINITE);
    const int64_t n = assay_opt_integer(L, 3, "n", -1, 1, INT64_MAX);
    const int64_t minority = assay_opt_integer(L, 3, "minority_rows", (int64_t)least, 1, INT64_MAX);
    if ((n < 0) == (percent < 0))
        assay_arg_error(L, "give either percent or n");
    size = (size_t)n;
    if (n < 0)
        assay_arg_status(L, assay_undersample_size((size_t)minority, set.X.rows, percent, &size));
    unsigned char *keep = assay_lua_scratch(L, set.X.rows + 1, 1);
    assay_arg_status(L, assay_undersample(set.y, set.X.rows, size, rng, keep));
    assay_lua_push_kept(L, &set, keep);
    return 1;
}

/* tomek_links(X, y [, {remove="majority"}]): {pairs=, X=, y=, keep=} */
static int tomek_links(lua_State *L)
{
    static const char *const known[] = {"remove", "allow_empty", "threads", NULL};
    static const char *const removes[] = {"majority", "both", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    const bool both = assay_opt_choice(L, 3, "remove", 0, removes) == 1;
    const bool allow_empty = assay_opt_boolean(L, 3, "allow_empty", false);
    const size_t n = set.X.rows;
    size_t *pair = assay_lua_scratch(L, 2 * n + 1, sizeof *pair), pairs = 0;
    unsigned char *keep = assay_lua_scratch(L, n + 1, 1);
    assay_arg_status(L, assay_tomek_links(&set.X, set.y, assay_lua_pool(L, 3),
                            assay_lua_progress(L), pair, &pairs));
    assay_arg_status(L, assay_tomek_clean(set.y, n, pair, pairs, both, allow_empty, keep));
    assay_lua_push_kept(L, &set, keep);
    lua_createtable(L, (int)pairs, 0);
    for (size_t i = 0; i < pairs; i++) {
        assay_push_indices(L, pair + 2 * i, 2, 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "pairs");
    return 1;
}

/* Option classes: "majority", "all" or a list of labels. */
static const unsigned char *cleaned_classes(lua_State *L, int at, size_t classes, size_t largest)
{
    static const char *const words[] = {"majority", "all", NULL};
    unsigned char *flags = assay_lua_scratch(L, classes, 1);
    memset(flags, 0, classes);
    if (assay_opt_push(L, at, "classes") && lua_type(L, -1) != LUA_TSTRING) {
        size_t n = 0;
        const size_t *label = assay_arg_indices(L, -1, "classes", 0, classes, &n);
        for (size_t i = 0; i < n; i++)
            flags[label[i]] = 1;
    } else if (assay_opt_choice(L, at, "classes", 0, words) == 1) {
        memset(flags, 1, classes);
    } else {
        flags[largest] = 1;
    }
    return flags;
}

/* enn(X, y [, {k=3, rule="all", classes="majority"}]): {X=, y=, keep=} */
static int enn(lua_State *L)
{
    static const char *const known[] = {"k", "rule", "classes", "allow_empty", "threads", NULL};
    static const char *const rules[] = {"all", "mode", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t classes = 0, largest = 0, least = 0;
    class_sizes(L, &set, &classes, &largest, &least);
    const size_t k = (size_t)assay_opt_integer(L, 3, "k", 3, 1, INT64_MAX);
    const int rule = assay_opt_choice(L, 3, "rule", 0, rules);
    const unsigned char *cleaned = cleaned_classes(L, 3, classes, largest);
    const bool allow_empty = assay_opt_boolean(L, 3, "allow_empty", false);
    unsigned char *keep = assay_lua_scratch(L, set.X.rows + 1, 1);
    assay_arg_status(L, assay_enn(&set.X, set.y, k, (assay_enn_rule)rule, cleaned, classes,
                            allow_empty, assay_lua_pool(L, 3), assay_lua_progress(L), keep));
    assay_lua_push_kept(L, &set, keep);
    return 1;
}

/* one_sided_selection(X, y, {seed= | rng=}): {X=, y=, keep=, seed=} */
static int one_sided_selection(lua_State *L)
{
    static const char *const known[] = {"seed", "rng", "allow_empty", "threads", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    size_t classes = 0, largest = 0, least = 0, rows = 0;
    class_sizes(L, &set, &classes, &largest, &least);
    const size_t n = set.X.rows;
    int64_t seed = assay_opt_integer(L, 3, "seed", 0, 1, (int64_t)n) - 1;
    if (seed < 0) {
        size_t *row = assay_lua_scratch(L, n, sizeof *row);
        assay_class_rows(set.y, n, largest, row, &rows);
        seed = (int64_t)row[assay_rng_below(assay_lua_stream(L, 3), rows)];
    }
    const bool allow_empty = assay_opt_boolean(L, 3, "allow_empty", false);
    unsigned char *keep = assay_lua_scratch(L, n + 1, 1);
    assay_arg_status(L, assay_one_sided_selection(&set.X, set.y, (size_t)seed, allow_empty,
                            assay_lua_pool(L, 3), assay_lua_progress(L), keep));
    assay_lua_push_kept(L, &set, keep);
    assay_set_integer(L, "seed", seed + 1);
    return 1;
}

/* undersample_size(n_minor, n_major, {percent=}) */
static int undersample_size(lua_State *L)
{
    static const char *const known[] = {"percent", NULL};
    const int64_t minor = assay_arg_integer(L, 1, "n_minor", 0, INT64_MAX);
    const int64_t major = assay_arg_integer(L, 2, "n_major", 1, INT64_MAX);
    assay_opts_check(L, 3, known);
    size_t size = 0;
    assay_arg_status(
        L, assay_undersample_size((size_t)minor, (size_t)major,
               assay_opt_required(L, 3, "percent", ASSAY_POSITIVE, ASSAY_FINITE), &size));
    lua_pushinteger(L, (lua_Integer)size);
    return 1;
}

const luaL_Reg assay_lua_cleaning[] = {
    {"undersample", undersample},
    {"tomek_links", tomek_links},
    {"enn", enn},
    {"one_sided_selection", one_sided_selection},
    {"undersample_size", undersample_size},
    {NULL, NULL},
};
