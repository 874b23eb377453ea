/* assay.balance: the classifiers of the paper's comparisons (models/tree.h, models/naive_bayes.h).
 */
#include "lua/balance/balance.h"

#include "lua/args.h"
#include "lua/engine.h"
#include "models/naive_bayes.h"
#include "models/tree.h"

#define TREE "assay.tree"
#define BAYES "assay.bayes"

/* ---- trees ---- */

static assay_tree *check_tree(lua_State *L)
{
    return luaL_checkudata(L, 1, TREE);
}

static int tree_free(lua_State *L)
{
    assay_tree_free(check_tree(L));
    return 0;
}

static int tree_tostring(lua_State *L)
{
    lua_pushfstring(L, "tree of %d leaves", (int)assay_tree_leaves(check_tree(L)));
    return 1;
}

/* tree_fit(X, y [, {cf=0.25, min_objects=2, prune=true, subtree_raising=true, nominal=}]) */
static int tree_fit(lua_State *L)
{
    static const char *const known[] = {
        "cf", "min_objects", "prune", "subtree_raising", "nominal", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    assay_tree_options o = assay_tree_defaults();
    o.cf = assay_opt_number(L, 3, "cf", o.cf, ASSAY_POSITIVE, 1);
    o.min_objects =
        (size_t)assay_opt_integer(L, 3, "min_objects", (int64_t)o.min_objects, 1, INT32_MAX);
    o.prune = assay_opt_boolean(L, 3, "prune", o.prune);
    o.subtree_raising = assay_opt_boolean(L, 3, "subtree_raising", o.subtree_raising);
    o.nominal = assay_lua_columns(L, 3, "nominal", set.X.cols);
    o.progress = assay_lua_progress(L);
    assay_tree *tree = lua_newuserdatauv(L, sizeof *tree, 0);
    *tree = (assay_tree){0};
    luaL_setmetatable(L, TREE);
    assay_arg_status(L, assay_tree_fit(&set.X, set.y, &o, tree));
    return 1;
}

static void push_labels(lua_State *L, const size_t *label, size_t n)
{
    assay_push_indices(L, label, n, 0);
}

/* tree:predict(Q [, {threshold=, minority=}]): labels */
static int tree_predict(lua_State *L)
{
    static const char *const known[] = {"threshold", "minority", NULL};
    const assay_tree *tree = check_tree(L);
    const assay_matrix Q = assay_arg_matrix(L, 2, "Q");
    assay_opts_check(L, 3, known);
    const double threshold = assay_opt_number(L, 3, "threshold", -1, 0, 1);
    const int64_t minority =
        assay_opt_integer(L, 3, "minority", (int64_t)tree->minority, 0, (int64_t)tree->classes - 1);
    size_t *label = assay_lua_scratch(L, Q.rows + 1, sizeof *label);
    assay_arg_status(L, assay_tree_predict(tree, &Q, threshold, (size_t)minority, label));
    push_labels(L, label, Q.rows);
    return 1;
}

/* tree:posterior(Q): rows x classes */
static int tree_posterior(lua_State *L)
{
    const assay_tree *tree = check_tree(L);
    const assay_matrix Q = assay_arg_matrix(L, 2, "Q");
    assay_matrix posterior = assay_push_matrix(L, Q.rows, tree->classes);
    assay_arg_status(L, assay_tree_posterior(tree, &Q, &posterior));
    return 1;
}

static int tree_leaves(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)assay_tree_leaves(check_tree(L)));
    return 1;
}

static void push_node(lua_State *L, const assay_tree *tree, size_t node)
{
    const assay_tree_node *t = &tree->node[node];
    luaL_checkstack(L, 6, "the tree is too deep");
    lua_createtable(L, 0, 4);
    assay_set_vector(L, "counts", tree->counts + t->counts, tree->classes);
    assay_set_boolean(L, "leaf", t->children == 0);
    if (t->children == 0)
        return;
    assay_set_integer(L, "feature", (int64_t)t->feature + 1);
    if (!t->nominal) {
        assay_set_number(L, "threshold", t->threshold);
        push_node(L, tree, t->child);
        lua_setfield(L, -2, "le");
        push_node(L, tree, t->child + 1);
        lua_setfield(L, -2, "gt");
        return;
    }
    lua_createtable(L, (int)t->children, 0);
    for (size_t b = 0; b < t->children; b++) {
        push_node(L, tree, t->child + b);
        lua_rawseti(L, -2, (lua_Integer)b + 1);
    }
    lua_setfield(L, -2, "codes");
}

/* tree:tree(): {feature=, threshold=, le=, gt=, counts=, leaf=} and so on */
static int tree_tree(lua_State *L)
{
    push_node(L, check_tree(L), 0);
    return 1;
}

static const luaL_Reg tree_methods[] = {
    {"predict", tree_predict},
    {"posterior", tree_posterior},
    {"leaves", tree_leaves},
    {"tree", tree_tree},
    {NULL, NULL},
};

/* c45_add_errors(n, errors [, {cf=0.25}]) */
static int c45_add_errors(lua_State *L)
{
    static const char *const known[] = {"cf", NULL};
    const double n = assay_arg_number(L, 1, "n", ASSAY_POSITIVE, ASSAY_FINITE);
    const double errors = assay_arg_number(L, 2, "errors", 0, n);
    assay_opts_check(L, 3, known);
    double more = 0;
    assay_arg_status(L, assay_c45_add_errors(n, errors,
                            assay_opt_number(L, 3, "cf", 0.25, ASSAY_POSITIVE, 1), &more));
    lua_pushnumber(L, more);
    return 1;
}

/* ---- naive Bayes ---- */

static assay_naive_bayes *check_bayes(lua_State *L)
{
    return luaL_checkudata(L, 1, BAYES);
}

static int bayes_free(lua_State *L)
{
    assay_naive_bayes_free(check_bayes(L));
    return 0;
}

static int bayes_tostring(lua_State *L)
{
    lua_pushfstring(L, "naive Bayes of %d classes", (int)check_bayes(L)->classes);
    return 1;
}

/* naive_bayes(X, y [, {prior_odds=, nominal=}]) */
static int naive_bayes(lua_State *L)
{
    static const char *const known[] = {"prior_odds", "nominal", NULL};
    const assay_lua_set set = assay_lua_set_argument(L);
    assay_opts_check(L, 3, known);
    const double odds = assay_opt_number(L, 3, "prior_odds", 0, ASSAY_POSITIVE, ASSAY_FINITE);
    const unsigned char *nominal = assay_lua_columns(L, 3, "nominal", set.X.cols);
    assay_naive_bayes *model = lua_newuserdatauv(L, sizeof *model, 0);
    *model = (assay_naive_bayes){0};
    luaL_setmetatable(L, BAYES);
    assay_arg_status(L, assay_naive_bayes_fit(&set.X, set.y, nominal, odds, model));
    return 1;
}

/* bayes:posterior(Q): rows x classes */
static int bayes_posterior(lua_State *L)
{
    const assay_naive_bayes *model = check_bayes(L);
    const assay_matrix Q = assay_arg_matrix(L, 2, "Q");
    assay_matrix posterior = assay_push_matrix(L, Q.rows, model->classes);
    assay_arg_status(L, assay_naive_bayes_posterior(model, &Q, &posterior));
    return 1;
}

/* bayes:predict(Q): labels */
static int bayes_predict(lua_State *L)
{
    const size_t classes = check_bayes(L)->classes;
    bayes_posterior(L);
    const assay_matrix p = *assay_lua_test_matrix(L, -1);
    size_t *label = assay_lua_scratch(L, p.rows + 1, sizeof *label);
    for (size_t i = 0; i < p.rows; i++) {
        label[i] = 0;
        for (size_t c = 1; c < classes; c++)
            if (*assay_matrix_at(&p, i, c) > *assay_matrix_at(&p, i, label[i]))
                label[i] = c;
    }
    push_labels(L, label, p.rows);
    return 1;
}

static const luaL_Reg bayes_methods[] = {
    {"posterior", bayes_posterior},
    {"predict", bayes_predict},
    {NULL, NULL},
};

void assay_lua_classifier_types(lua_State *L)
{
    assay_lua_class(L, TREE, "tree", tree_methods, tree_free, tree_tostring);
    assay_lua_class(L, BAYES, "bayes", bayes_methods, bayes_free, bayes_tostring);
}

const luaL_Reg assay_lua_classifiers[] = {
    {"tree_fit", tree_fit},
    {"naive_bayes", naive_bayes},
    {"c45_add_errors", c45_add_errors},
    {NULL, NULL},
};
