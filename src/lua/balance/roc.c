/* assay.balance: ROC tools (core/roc.h). */
#include "core/roc.h"

#include "lua/args.h"
#include "lua/balance/balance.h"

/* roc_auc(score, label) */
static int roc_auc(lua_State *L)
{
    size_t n = 0, labels = 0;
    const double *score = assay_arg_vector(L, 1, "score", &n);
    const unsigned char *label = assay_arg_flags(L, 2, "label", &labels);
    if (labels != n)
        assay_arg_error(L, "label must have %zu values as score has, got %zu", n, labels);
    double auc = 0;
    assay_arg_status(L, assay_roc_auc(score, label, n, &auc));
    lua_pushnumber(L, auc);
    return 1;
}

/* roc_area(points [, {origin=true}]) */
static int roc_area(lua_State *L)
{
    static const char *const known[] = {"origin", NULL};
    const assay_matrix points = assay_arg_matrix(L, 1, "points");
    assay_opts_check(L, 2, known);
    double area = 0;
    assay_arg_status(L, assay_roc_area(&points, assay_opt_boolean(L, 2, "origin", true), &area));
    lua_pushnumber(L, area);
    return 1;
}

/* roc_hull(points): {hull=, index= (0: an end), area=} */
static int roc_hull(lua_State *L)
{
    const assay_matrix points = assay_arg_matrix(L, 1, "points");
    size_t *index = assay_lua_scratch(L, points.rows + 2, sizeof *index), vertices = 0;
    double area = 0;
    assay_arg_status(L, assay_roc_hull(&points, index, &vertices, &area));
    lua_createtable(L, 0, 3);
    const assay_matrix hull = assay_push_matrix(L, vertices, 2);
    for (size_t i = 0; i < vertices; i++)
        for (size_t j = 0; j < 2; j++)
            *assay_matrix_at(&hull, i, j) = index[i] < points.rows
                                                ? *assay_matrix_at(&points, index[i], j)
                                                : (double)(index[i] - points.rows);
    lua_setfield(L, -2, "hull");
    for (size_t i = 0; i < vertices; i++)
        index[i] = index[i] < points.rows ? index[i] + 1 : 0;
    assay_push_indices(L, index, vertices, 0);
    lua_setfield(L, -2, "index");
    assay_set_number(L, "area", area);
    return 1;
}

const luaL_Reg assay_lua_roc[] = {
    {"roc_auc", roc_auc},
    {"roc_area", roc_area},
    {"roc_hull", roc_hull},
    {NULL, NULL},
};
