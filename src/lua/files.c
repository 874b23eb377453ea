/*
 * assay.data: IDX, NPY, NPZ, meshes and texts.
 *
 *     local images, shape = assay.data.idx("train-images-idx3-ubyte.gz", { count = 100 })
 *
 * An array of any rank is a matrix here, a row an item, and its shape a list. C memory is owned by
 * a userdata while Lua values are made of it, since making them may fail.
 */
#include "lua/files.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/idx.h"
#include "data/mesh_view.h"
#include "data/npy.h"
#include "data/text.h"
#include "lua/args.h"

/* ------------------------------------------------------------------ owners */

static int free_array(lua_State *L)
{
    assay_array_free(lua_touserdata(L, 1));
    return 0;
}

static int free_mesh(lua_State *L)
{
    assay_mesh_free(lua_touserdata(L, 1));
    return 0;
}

static int free_npz(lua_State *L)
{
    assay_npz_free(lua_touserdata(L, 1));
    return 0;
}

static int free_idx(lua_State *L)
{
    assay_idx_close(*(assay_idx **)lua_touserdata(L, 1));
    return 0;
}

static int free_npy(lua_State *L)
{
    assay_npy_close(*(assay_npy **)lua_touserdata(L, 1));
    return 0;
}

static int free_text(lua_State *L)
{
    free(*(char **)lua_touserdata(L, 1));
    return 0;
}

static void *new_owner(lua_State *L, size_t size, const char *name, lua_CFunction collect)
{
    void *owner = lua_newuserdatauv(L, size, 0);
    memset(owner, 0, size);
    if (luaL_newmetatable(L, name)) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return owner;
}

assay_array *assay_lua_new_array(lua_State *L)
{
    return new_owner(L, sizeof(assay_array), "assay.data.array", free_array);
}

assay_mesh *assay_lua_new_mesh(lua_State *L)
{
    return new_owner(L, sizeof(assay_mesh), "assay.data.mesh", free_mesh);
}

/* ------------------------------------------------------------------ arrays to Lua */

void assay_push_array(lua_State *L, const assay_array *array)
{
    size_t rows = array->rank ? array->shape[0] : 1, cols = 1;
    for (size_t i = 1; i < array->rank; i++)
        cols *= array->shape[i];
    assay_matrix m = assay_push_matrix(L, rows, cols);
    assay_arg_status(L, assay_array_doubles(array, m.data));
}

void assay_push_shape(lua_State *L, const assay_array *array)
{
    assay_push_indices(L, array->shape, array->rank, 0);
}

void assay_push_numbers(lua_State *L, const assay_array *array)
{
    size_t n = assay_array_count(array);
    double *x = assay_lua_doubles(L, n);
    assay_arg_status(L, assay_array_doubles(array, x));
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        if (array->type >= ASSAY_F32)
            lua_pushnumber(L, x[i]);
        else
            lua_pushinteger(L, (lua_Integer)x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_remove(L, -2);
}

/* mesh:sample(n, {rng=}): points of the surface, by area */
static int mesh_sample(lua_State *L)
{
    static const char *const known[] = {"rng", NULL};
    assay_mesh mesh;
    assay_lua_mesh_argument(L, 1, &mesh);
    const size_t n = (size_t)assay_arg_integer(L, 2, "n", 1, (int64_t)1e9);
    assay_opts_check(L, 3, known);
    assay_rng *rng = assay_required_rng(L, 3);
    assay_matrix out = assay_push_matrix(L, n, 3);
    assay_arg_status(L, assay_mesh_sample(&mesh, n, rng, &out));
    return 1;
}

static const luaL_Reg mesh_methods[] = {
    {"sample", mesh_sample},
    {NULL, NULL},
};

/* Meshes are tables, which scripts may fill, with methods. */
static void set_mesh_methods(lua_State *L)
{
    if (luaL_newmetatable(L, "assay.mesh")) {
        lua_newtable(L);
        assay_lua_register_methods(L, "mesh", mesh_methods);
        lua_setfield(L, -2, "__index");
    }
    lua_setmetatable(L, -2);
}

void assay_push_mesh(lua_State *L, const assay_mesh *mesh)
{
    lua_createtable(L, 0, 2);
    set_mesh_methods(L);
    assay_matrix vertices = assay_push_matrix(L, mesh->vertices, 3);
    memcpy(vertices.data, mesh->xyz, 3 * mesh->vertices * sizeof(double));
    lua_setfield(L, -2, "vertices");
    assay_matrix faces = assay_push_matrix(L, mesh->faces, 3);
    for (size_t i = 0; i < 3 * mesh->faces; i++)
        faces.data[i] = (double)(mesh->corners[i] + 1);
    lua_setfield(L, -2, "faces");
}

/* ------------------------------------------------------------------ reading */

void assay_lua_read_idx(lua_State *L, const char *path, size_t first, size_t count,
    assay_lua_report *report, const assay_progress *progress, assay_array *out)
{
    assay_idx **file = new_owner(L, sizeof *file, "assay.data.idx", free_idx);
    assay_arg_status(L, assay_idx_open(path, progress, file));
    size_t items = assay_idx_shape(*file).shape[0];
    if (first > 0 && first >= items)
        assay_arg_error(L, "first must be in 1..%zu, got %zu", items, first + 1);
    if (first > 0)
        assay_lua_report_end(report, assay_idx_skip(*file, first));
    assay_lua_report_end(report, assay_idx_next(*file, count, out));
    assay_idx_close(*file);
    *file = NULL;
    lua_pop(L, 1);
}

static int idx(lua_State *L)
{
    static const char *const known[] = {"first", "count", "progress", NULL};
    assay_lua_report report;
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 2, known);
    int64_t first = assay_opt_integer(L, 2, "first", 1, 1, INT64_MAX);
    int64_t count = assay_opt_integer(L, 2, "count", INT64_MAX, 0, INT64_MAX);
    assay_lua_report_begin(L, 2, &report);
    assay_array *array = assay_lua_new_array(L);
    assay_lua_read_idx(L, path, (size_t)first - 1, (size_t)count, &report, &report.progress, array);
    assay_push_array(L, array);
    assay_push_shape(L, array);
    assay_array_free(array);
    return 2;
}

/* What a reader without other options begins with: the path, and who is told. */
static const char *begin_reading(lua_State *L, assay_lua_report *report)
{
    static const char *const known[] = {"progress", NULL};
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 2, known);
    assay_lua_report_begin(L, 2, report);
    return path;
}

static int npy(lua_State *L)
{
    static const char *const known[] = {"first", "count", "progress", NULL};
    assay_lua_report report;
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 2, known);
    const size_t first = (size_t)assay_opt_integer(L, 2, "first", 1, 1, INT64_MAX) - 1;
    const size_t count = (size_t)assay_opt_integer(L, 2, "count", INT64_MAX, 0, INT64_MAX);
    assay_lua_report_begin(L, 2, &report);
    assay_array *array = assay_lua_new_array(L);
    assay_npy **file = new_owner(L, sizeof *file, "assay.data.npy", free_npy);
    assay_arg_status(L, assay_npy_open(path, &report.progress, file));
    const assay_array all = assay_npy_shape(*file);
    if (first > 0 && first >= (all.rank ? all.shape[0] : 1))
        assay_arg_error(
            L, "first must be in 1..%zu, got %zu", all.rank ? all.shape[0] : 1, first + 1);
    if (first > 0)
        assay_lua_report_end(&report, assay_npy_skip(*file, first));
    assay_lua_report_end(&report, assay_npy_next(*file, count, array));
    assay_npy_close(*file);
    *file = NULL;
    assay_push_array(L, array);
    assay_push_shape(L, array);
    assay_array_free(array);
    return 2;
}

static int npz(lua_State *L)
{
    assay_lua_report report;
    const char *path = begin_reading(L, &report);
    assay_npz *archive = new_owner(L, sizeof *archive, "assay.data.npz", free_npz);
    assay_lua_report_end(&report, assay_npz_read(path, &report.progress, archive));
    lua_createtable(L, 0, (int)archive->count);
    lua_createtable(L, 0, (int)archive->count);
    for (size_t i = 0; i < archive->count; i++) {
        assay_push_array(L, &archive->arrays[i]);
        lua_setfield(L, -3, archive->names[i]);
        assay_push_shape(L, &archive->arrays[i]);
        lua_setfield(L, -2, archive->names[i]);
    }
    assay_npz_free(archive);
    return 2;
}

static int mesh(lua_State *L)
{
    assay_lua_report report;
    const char *path = begin_reading(L, &report);
    assay_mesh *read = assay_lua_new_mesh(L);
    assay_lua_report_end(&report, assay_mesh_read(path, &report.progress, read));
    assay_push_mesh(L, read);
    assay_mesh_free(read);
    return 1;
}

/* In an owner on top of the stack. */
static const char *read_text(lua_State *L, const char *path, assay_lua_report *report,
    const assay_progress *progress, size_t *size)
{
    char **bytes = new_owner(L, sizeof *bytes, "assay.data.text", free_text);
    assay_lua_report_end(report, assay_text_read(path, progress, bytes, size));
    return *bytes;
}

void assay_lua_push_text(
    lua_State *L, const char *path, assay_lua_report *report, const assay_progress *progress)
{
    size_t size = 0;
    const char *bytes = read_text(L, path, report, progress, &size);
    lua_pushlstring(L, bytes, size);
    lua_remove(L, -2);
}

static int text(lua_State *L)
{
    static const char *const known[] = {"split", "progress", NULL};
    static const char *const units[] = {"lines", "paragraphs", "whole", NULL};
    const char *path = assay_arg_string(L, 1, "path");
    assay_opts_check(L, 2, known);
    int unit = assay_opt_choice(L, 2, "split", 2, units);
    assay_lua_report report;
    assay_lua_report_begin(L, 2, &report);
    size_t size = 0, at = 0, length = 0;
    const char *start = NULL;
    if (unit == 2) {
        assay_lua_push_text(L, path, &report, &report.progress);
        return 1;
    }
    const char *bytes = read_text(L, path, &report, &report.progress, &size);
    lua_newtable(L);
    for (lua_Integer i = 1;
         assay_text_next(bytes, size, (assay_text_unit)unit, &at, &start, &length); i++) {
        lua_pushlstring(L, start, length);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

/* ------------------------------------------------------------------ writing */

static bool is_list_of_numbers(lua_State *L, int at)
{
    if (!lua_istable(L, at))
        return false;
    bool is = lua_rawgeti(L, at, 1) == LUA_TNUMBER;
    lua_pop(L, 1);
    return is;
}

/* A matrix, or a list of numbers as one column. */
static assay_matrix take_numbers(lua_State *L, int at, const char *name)
{
    size_t n;
    if (!is_list_of_numbers(L, at))
        return assay_arg_matrix(L, at, name);
    double *x = (double *)assay_arg_vector(L, at, name, &n); /* only read */
    return assay_matrix_view(x, n, 1);
}

static assay_element take_type(lua_State *L, int options)
{
    assay_element type = ASSAY_F64;
    const char *name = assay_opt_string(L, options, "type", NULL);
    if (name)
        assay_arg_status(L, assay_element_find(name, &type));
    return type;
}

/* The numbers at stack index 2 as an array of the type and shape of the options at 3. */
static assay_array *take_array(lua_State *L)
{
    static const char *const known[] = {"type", "shape", NULL};
    size_t product = 1;
    assay_opts_check(L, 3, known);
    assay_element type = take_type(L, 3);
    assay_matrix m = take_numbers(L, 2, "array");
    const size_t natural[2] = {m.rows, m.cols};
    const size_t *shape = natural;
    size_t sides = is_list_of_numbers(L, 2) ? 1 : 2;
    if (assay_opt_push(L, 3, "shape"))
        shape = assay_arg_indices(L, lua_gettop(L), "shape", 0, SIZE_MAX, &sides);
    for (size_t i = 0; i < sides; i++)
        product = shape[i] && product > SIZE_MAX / shape[i] ? SIZE_MAX : product * shape[i];
    if (product != m.rows * m.cols)
        assay_arg_error(L, "shape must make up %zu numbers, as the array has, got %zu",
            m.rows * m.cols, product);
    assay_array *array = assay_lua_new_array(L);
    assay_arg_status(L, assay_array_alloc(type, sides, shape, array));
    for (size_t i = 0; i < m.rows; i++)
        for (size_t j = 0; j < m.cols; j++)
            assay_arg_status(L, assay_array_set(array, i * m.cols + j, *assay_matrix_at(&m, i, j)));
    return array;
}

static int write_idx(lua_State *L)
{
    const char *path = assay_arg_string(L, 1, "path");
    assay_arg_status(L, assay_idx_write(path, take_array(L)));
    return 0;
}

static int write_npy(lua_State *L)
{
    const char *path = assay_arg_string(L, 1, "path");
    assay_arg_status(L, assay_npy_write(path, take_array(L)));
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of the table at 2 in alphabetical order, so that equal tables give equal files. */
static const char **sorted_names(lua_State *L, size_t *count)
{
    luaL_argexpected(L, lua_istable(L, 2), 2, "table of arrays by name");
    *count = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        ++*count;
    const char **names = assay_lua_scratch(L, *count + 1, sizeof *names);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        lua_pushvalue(L, -2); /* the key itself must stay what it is */
        names[i++] = assay_arg_string(L, lua_gettop(L), "a name");
        lua_pop(L, 1);
    }
    qsort(names, *count, sizeof *names, compare_names);
    return names;
}

static void copy_matrix(lua_State *L, const assay_matrix *m, assay_array *out)
{
    const size_t shape[] = {m->rows, m->cols};
    assay_arg_status(L, assay_array_alloc(ASSAY_F64, 2, shape, out));
    for (size_t i = 0; i < m->rows && m->cols > 0; i++)
        memcpy((double *)out->data + i * m->cols, assay_matrix_row(m, i), m->cols * sizeof(double));
}

static int write_npz(lua_State *L)
{
    const char *path = assay_arg_string(L, 1, "path");
    size_t count;
    const char **names = sorted_names(L, &count);
    assay_npz *archive = new_owner(L, sizeof *archive, "assay.data.npz", free_npz);
    archive->names = calloc(count + 1, sizeof *archive->names); /* all NULL: they are Lua's */
    archive->arrays = calloc(count + 1, sizeof *archive->arrays);
    archive->count = archive->names && archive->arrays ? count : 0;
    if (archive->count < count)
        assay_arg_error(L, "out of memory");
    for (size_t i = 0; i < count; i++) {
        int top = lua_gettop(L);
        lua_getfield(L, 2, names[i]);
        assay_matrix m = take_numbers(L, lua_gettop(L), names[i]);
        copy_matrix(L, &m, &archive->arrays[i]);
        lua_settop(L, top);
    }
    assay_arg_status(L, assay_npz_write(path, count, names, archive->arrays));
    assay_npz_free(archive);
    return 0;
}

void assay_lua_mesh_argument(lua_State *L, int at, assay_mesh *out)
{
    luaL_checkstack(L, 20, NULL);
    if (!lua_istable(L, at))
        assay_arg_error(L, "mesh must be a table, got a %s", luaL_typename(L, at));
    lua_getfield(L, at, "vertices");
    assay_matrix vertices = assay_arg_matrix(L, lua_gettop(L), "vertices");
    lua_getfield(L, at, "faces");
    assay_matrix faces = {0, 3, 3, NULL};
    if (!lua_isnil(L, -1))
        faces = assay_arg_matrix(L, lua_gettop(L), "faces");
    if (vertices.cols != 3 || (faces.rows > 0 && faces.cols != 3))
        assay_arg_error(L, "vertices and faces must have 3 columns, got %zu and %zu", vertices.cols,
            faces.cols);
    *out = (assay_mesh){.vertices = vertices.rows, .faces = faces.rows};
    out->xyz = assay_lua_doubles(L, 3 * out->vertices);
    out->corners = assay_lua_scratch(L, 3 * out->faces, sizeof(size_t));
    for (size_t i = 0; i < out->vertices; i++)
        memcpy(out->xyz + 3 * i, assay_matrix_row(&vertices, i), 3 * sizeof(double));
    for (size_t i = 0; i < 3 * out->faces; i++) {
        double corner = *assay_matrix_at(&faces, i / 3, i % 3);
        if (!(corner >= 1 && corner <= (double)out->vertices) || corner != (double)(size_t)corner)
            assay_arg_error(
                L, "corners must be whole numbers in 1..%zu, got %g", out->vertices, corner);
        out->corners[i] = (size_t)corner - 1;
    }
}

/* {vertices = matrix, faces = matrix} */
static int write_mesh(lua_State *L)
{
    assay_mesh out;
    const char *path = assay_arg_string(L, 1, "path");
    assay_lua_mesh_argument(L, 2, &out);
    assay_arg_status(L, assay_mesh_write(path, &out));
    return 0;
}

const luaL_Reg assay_lua_files[] = {
    {"idx", idx},               /* idx(path, {first, count, progress}): matrix, shape */
    {"npy", npy},               /* npy(path, {first, count, progress}): matrix, shape */
    {"npz", npz},               /* npz(path, {progress}): matrices by name, shapes by name */
    {"mesh", mesh},             /* mesh(path, {progress}): {vertices, faces} */
    {"text", text},             /* text(path, {split, progress}): a text, or a list of them */
    {"write_idx", write_idx},   /* write_idx(path, array, {type, shape}) */
    {"write_npy", write_npy},   /* write_npy(path, array, {type, shape}) */
    {"write_npz", write_npz},   /* write_npz(path, arrays by name) */
    {"write_mesh", write_mesh}, /* write_mesh(path, mesh) */
    {NULL, NULL},
};
