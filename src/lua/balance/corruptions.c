/* assay.balance: corruptions of point clouds (methods/balance/corrupt.h, data/mesh_view.h). */
#include <math.h>
#include <string.h>

#include "core/cloud.h"
#include "data/mesh_view.h"
#include "lua/args.h"
#include "lua/balance/balance.h"
#include "lua/engine.h"
#include "lua/files.h"
#include "methods/balance/corrupt.h"

enum { LIDAR_POINTS = 768 };

/* pc_normalize(P): matrix */
static int pc_normalize(lua_State *L)
{
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_matrix out = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_cloud_normalize(&P, &out));
    return 1;
}

/* ---- by name ---- */

static size_t read_up(lua_State *L, int at)
{
    static const char *const axes[] = {"x", "y", "z", NULL};
    return (size_t)assay_opt_choice(L, at, "up", 1, axes);
}

static int read_severity(lua_State *L, int at)
{
    const int64_t severity = assay_opt_integer(L, at, "severity", 0, 1, ASSAY_SEVERITIES);
    return (int)severity;
}

/* A view of the mesh, of as many points as P has, or as the LiDAR gives. */
static int corrupt_view(lua_State *L, const assay_matrix *P, bool lidar)
{
    assay_mesh mesh;
    assay_rng *rng = assay_required_rng(L, 3);
    const int severity = read_severity(L, 3);
    if (severity == 0)
        assay_arg_error(L, "severity must be given");
    if (!assay_opt_push(L, 3, "mesh"))
        assay_arg_error(
            L, "mesh must be given: %s is what is seen of it", lidar ? "lidar" : "occlusion");
    assay_lua_mesh_argument(L, lua_gettop(L), &mesh);
    assay_matrix out = assay_push_matrix(L, lidar ? LIDAR_POINTS : P->rows, 3);
    const int status = (lidar ? assay_mesh_lidar : assay_mesh_occlusion)(
        &mesh, read_up(L, 3), severity, out.rows, rng, &out);
    assay_arg_status(L, status);
    return 1;
}

/* corrupt(P, kind, {severity= | amount=, mesh=, up="y", rng=}): matrix */
static int corrupt(lua_State *L)
{
    static const char *const known[] = {"severity", "amount", "mesh", "up", "rng", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    const char *name = assay_arg_string(L, 2, "kind");
    assay_opts_check(L, 3, known);
    if (strcmp(name, "occlusion") == 0 || strcmp(name, "lidar") == 0)
        return corrupt_view(L, &P, strcmp(name, "lidar") == 0);
    assay_corruption kind;
    assay_arg_status(L, assay_corruption_find(name, &kind));
    assay_rng *rng = assay_required_rng(L, 3);
    const int severity = read_severity(L, 3);
    double amount = assay_opt_number(L, 3, "amount", -1, 0, ASSAY_FINITE);
    if ((severity == 0) == (amount < 0))
        assay_arg_error(L, "give either severity or amount");
    if (severity)
        assay_arg_status(L, assay_corruption_amount(kind, severity, P.rows, &amount));
    assay_matrix *out = assay_lua_own_matrix(L);
    assay_arg_status(L, assay_corrupt_by(&P, kind, amount, rng, out));
    assay_lua_push_owned(L, out);
    return 1;
}

/* ---- without chance ---- */

/* A vector of `wanted` numbers that must be given. */
static const double *required_vector(lua_State *L, int at, const char *key, size_t wanted)
{
    size_t n = 0;
    if (!assay_opt_push(L, at, key))
        assay_arg_error(L, "%s must be given", key);
    const double *x = assay_arg_vector(L, -1, key, &n);
    if (n != wanted)
        assay_arg_error(L, "%s must have %zu numbers, got %zu", key, wanted, n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            assay_arg_error(L, "%s[%zu] must be finite, got %g", key, i + 1, x[i]);
    return x;
}

/* corrupt_rotation(P, {angles=}): matrix */
static int corrupt_rotation(lua_State *L)
{
    static const char *const known[] = {"angles", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const double *angle = required_vector(L, 2, "angles", 3);
    assay_matrix out = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_corrupt_rotation(&P, angle, &out));
    return 1;
}

/* corrupt_shear(P, {b=, d=, e=, f=}): matrix */
static int corrupt_shear(lua_State *L)
{
    static const char *const known[] = {"b", "d", "e", "f", NULL};
    double factor[4];
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    for (size_t i = 0; i < 4; i++)
        factor[i] = assay_opt_number(L, 2, known[i], 0, -ASSAY_FINITE, ASSAY_FINITE);
    assay_matrix out = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_corrupt_shear(&P, factor, &out));
    return 1;
}

/* corrupt_cutout(P, {centers=, size=30}): {P=, keep=} */
static int corrupt_cutout(lua_State *L)
{
    static const char *const known[] = {"centers", "size", NULL};
    size_t centres = 0, kept = 0;
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    if (!assay_opt_push(L, 2, "centers"))
        assay_arg_error(L, "centers must be given");
    const size_t *centre = assay_arg_indices(L, -1, "centers", 1, P.rows, &centres);
    const int64_t size = assay_opt_integer(L, 2, "size", ASSAY_CUTOUT_POINTS, 1, INT64_MAX);
    unsigned char *gone = assay_lua_scratch(L, P.rows, 1);
    assay_arg_status(L, assay_corrupt_cutout(&P, centre, centres, (size_t)size, gone));
    size_t *keep = assay_lua_scratch(L, P.rows, sizeof *keep);
    for (size_t i = 0; i < P.rows; i++)
        if (!gone[i])
            keep[kept++] = i;
    assay_matrix *out = assay_lua_own_matrix(L);
    assay_arg_status(L, assay_matrix_gather(&P, keep, kept, out));
    lua_createtable(L, 0, 2);
    assay_lua_push_owned(L, out);
    lua_setfield(L, -2, "P");
    assay_push_indices(L, keep, kept, 1);
    lua_setfield(L, -2, "keep");
    return 1;
}

/* Option normalize, true: the matrix on top of the stack. */
static void end(lua_State *L, int at, assay_matrix *out)
{
    if (assay_opt_boolean(L, at, "normalize", true))
        assay_arg_status(L, assay_cloud_normalize(out, out));
}

static size_t list_size(lua_State *L, int at)
{
    return lua_istable(L, at) ? (size_t)luaL_len(L, at) : 0;
}

/* displacement[axis][i], a matrix. Pushes two values and the memory. */
static assay_matrix read_plane(lua_State *L, int list, size_t axis, size_t i)
{
    if (lua_geti(L, list, (lua_Integer)axis + 1) != LUA_TTABLE)
        assay_arg_error(L, "displacement[%zu] must be a list of matrices, got a %s", axis + 1,
            luaL_typename(L, -1));
    lua_geti(L, -1, (lua_Integer)i + 1);
    return assay_arg_matrix(L, lua_gettop(L), "displacement[axis][i]");
}

/* displacement: of each axis a lattice {matrix, ...}, as the columns of a matrix; `side` gets the
 * lattice's shape. Pushes two values. */
static assay_matrix read_lattice(lua_State *L, int at, size_t side[3])
{
    assay_opt_push(L, at, "displacement");
    const int list = lua_gettop(L);
    if (list_size(L, list) != 3)
        assay_arg_error(L, "displacement must have a lattice for each of 3 axes");
    assay_matrix plane = read_plane(L, list, 0, 0);
    side[0] = list_size(L, list + 1);
    side[1] = plane.rows;
    side[2] = plane.cols;
    lua_settop(L, list);
    const assay_matrix mu = assay_push_matrix(L, side[0] * side[1] * side[2], 3);
    for (size_t axis = 0; axis < 3; axis++)
        for (size_t i = 0; i < side[0]; i++) {
            plane = read_plane(L, list, axis, i);
            if (plane.rows != side[1] || plane.cols != side[2] || list_size(L, list + 2) != side[0])
                assay_arg_error(L, "displacement[%zu] must be a lattice of %zu x %zu x %zu",
                    axis + 1, side[0], side[1], side[2]);
            for (size_t j = 0; j < side[1] * side[2]; j++)
                *assay_matrix_at(&mu, i * side[1] * side[2] + j, axis) =
                    *assay_matrix_at(&plane, j / side[2], j % side[2]);
            lua_settop(L, list + 1);
        }
    return mu;
}

/* corrupt_ffd(P, {displacement=, normalize=true}): matrix */
static int corrupt_ffd(lua_State *L)
{
    static const char *const known[] = {"displacement", "normalize", NULL};
    size_t side[3] = {0};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const assay_matrix mu = read_lattice(L, 2, side);
    assay_arg_status(L, assay_cloud_check(&mu));
    assay_matrix out = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_corrupt_ffd(&P, side, &mu, &out));
    end(L, 2, &out);
    return 1;
}

/* corrupt_rbf(P, {inverse=false, grid=5, amplitude=, alpha=, gamma=, normalize=true}): matrix */
static int corrupt_rbf(lua_State *L)
{
    static const char *const known[] = {
        "inverse", "grid", "amplitude", "alpha", "gamma", "normalize", NULL};
    const assay_matrix P = assay_lua_cloud_argument(L);
    assay_opts_check(L, 2, known);
    const bool inverse = assay_opt_boolean(L, 2, "inverse", false);
    const size_t side = (size_t)assay_opt_integer(L, 2, "grid", ASSAY_LATTICE, 2, 16);
    const double amplitude = assay_opt_required(L, 2, "amplitude", 0, ASSAY_FINITE);
    const size_t points = side * side * side;
    const double *alpha = required_vector(L, 2, "alpha", points);
    const double *gamma = required_vector(L, 2, "gamma", points);
    assay_matrix move = assay_matrix_view(assay_lua_doubles(L, 3 * points), points, 3);
    assay_rbf_moves(alpha, gamma, amplitude, &move);
    assay_matrix out = assay_push_matrix(L, P.rows, 3);
    assay_arg_status(L, assay_corrupt_rbf(&P, inverse, side, &move, &out));
    end(L, 2, &out);
    return 1;
}

/* corruption_table(n): amounts of severities 1..5 by name; of cutout, density and density_inc how
 * often and of how many points */
static int corruption_table(lua_State *L)
{
    const size_t n = (size_t)assay_arg_integer(L, 1, "n", 1, (int64_t)1e9);
    lua_createtable(L, 0, ASSAY_CORRUPTIONS + 1);
    for (int kind = 0; kind < ASSAY_CORRUPTIONS; kind++) {
        const double points = kind == ASSAY_CORRUPT_CUTOUT ? ASSAY_CUTOUT_POINTS
                              : kind == ASSAY_CORRUPT_DENSITY || kind == ASSAY_CORRUPT_DENSITY_INC
                                  ? ASSAY_DENSITY_POINTS
                                  : 0;
        lua_createtable(L, ASSAY_SEVERITIES, 0);
        for (int severity = 1; severity <= ASSAY_SEVERITIES; severity++) {
            double amount[2] = {0, points};
            assay_arg_status(
                L, assay_corruption_amount((assay_corruption)kind, severity, n, amount));
            if (points > 0)
                assay_push_vector(L, amount, 2);
            else
                lua_pushnumber(L, amount[0]);
            lua_rawseti(L, -2, severity);
        }
        lua_setfield(L, -2,
            kind == ASSAY_CORRUPT_ROTATION ? "rotation_deg"
                                           : assay_corruption_name((assay_corruption)kind));
    }
    assay_set_number(L, "rotation_half_width", ASSAY_ROTATION_HALF_WIDTH);
    return 1;
}

const luaL_Reg assay_lua_corruptions[] = {
    {"pc_normalize", pc_normalize},
    {"corrupt", corrupt},
    {"corrupt_rotation", corrupt_rotation},
    {"corrupt_shear", corrupt_shear},
    {"corrupt_cutout", corrupt_cutout},
    {"corrupt_ffd", corrupt_ffd},
    {"corrupt_rbf", corrupt_rbf},
    {"corruption_table", corruption_table},
    {NULL, NULL},
};
