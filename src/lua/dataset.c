/*
 * assay.data.load and its kin: data sets and files by name.
 *
 *     local pima = assay.data.load "pima"
 *     local test = assay.data.load("fashion-mnist", { split = "test" })
 *
 * A name that is no set's is that of a file below the same directories, read by its end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/scenes.h"
#include "lua/args.h"
#include "lua/files.h"
#include "lua/module.h"
#include "lua/report.h"
#include "lua/script.h"

enum { SCRIPT_DIRECTORIES = 2 };

/* Experiments and their data are installed as they stand in the source, so that a script's data are
 * at the same place from it. The texts stay on the stack. */
static void push_script_directories(lua_State *L, const char **directories)
{
    lua_getfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_NAME);
    const char *name = lua_tostring(L, -1);
    const char *slash = name && *name == '@' ? strrchr(name, '/') : NULL;
    const char *script =
        slash ? lua_pushlstring(L, name + 1, (size_t)(slash - name)) : lua_pushliteral(L, "");
    directories[0] = lua_pushfstring(L, "%s../data", script);
    directories[1] = lua_pushfstring(L, "%sdata", script);
    directories[SCRIPT_DIRECTORIES] = NULL;
}

/* Take over a path from C. */
static const char *push_path(lua_State *L, char *path)
{
    lua_pushstring(L, path); /* the path is lost when this fails: memory is out */
    free(path);
    return lua_tostring(L, -1);
}

static int find(lua_State *L)
{
    const char *directories[SCRIPT_DIRECTORIES + 1];
    char *path = NULL;
    const char *name = assay_arg_string(L, 1, "name");
    push_script_directories(L, directories);
    assay_arg_status(L, assay_dataset_locate(name, directories, &path));
    push_path(L, path);
    return 1;
}

/* ------------------------------------------------------------------ sets by format */

struct load {
    const assay_dataset *set;
    const char *directories[SCRIPT_DIRECTORIES + 1];
    const char *split; /* NULL: not given */
    size_t first, count;
    bool verify;
    assay_lua_report report;
    size_t part, parts; /* how many are done, of how many that are wanted */
};

/* A part of the set is checked, then read: two stretches of equal length. */
static assay_progress_stretch stretch(const struct load *load, double from, double to)
{
    const double parts = (double)load->parts, at = (double)load->part;
    return (assay_progress_stretch){&load->report.progress, (at + from) / parts, (at + to) / parts};
}

static bool is_wanted(const struct load *load, const assay_dataset_part *part)
{
    return !load->split || strcmp(part->split, load->split) == 0;
}

static void count_parts(struct load *load)
{
    for (size_t i = 0; i < load->set->part_count; i++)
        load->parts += is_wanted(load, &load->set->parts[i]);
}

static const char *push_file(
    lua_State *L, const struct load *load, const assay_dataset_part *part, size_t i)
{
    char *path = NULL;
    assay_arg_status(L, assay_dataset_file(load->set, part, i, load->directories, &path));
    return push_path(L, path);
}

static void verify(struct load *load, const assay_dataset_part *part)
{
    assay_progress_stretch first = stretch(load, 0, 0.5);
    const assay_progress progress = assay_progress_of(&first);
    if (load->verify)
        assay_lua_report_end(
            &load->report, assay_dataset_verify(load->set, part, load->directories, &progress));
}

/* A user's copy is known by its size when by nothing else. */
static void check_size(lua_State *L, const assay_dataset *set, assay_table *table, const char *path)
{
    size_t rows = assay_table_rows(table), columns = assay_table_columns(table);
    if (rows == set->rows && columns == set->columns)
        return;
    assay_table_free(table);
    assay_arg_error(L, "%s: %s has %zu rows and %zu columns, not %zu and %zu", set->name, path,
        rows, columns, set->rows, set->columns);
}

static void load_table(lua_State *L, struct load *load)
{
    assay_table *table = NULL;
    verify(load, load->set->parts);
    const char *path = push_file(L, load, load->set->parts, 0);
    assay_progress_stretch second = stretch(load, 0.5, 1);
    const assay_progress progress = assay_progress_of(&second);
    assay_lua_report_end(&load->report, assay_csv_read(path, &progress, &table));
    check_size(L, load->set, table, path);
    assay_push_table(L, table);
}

/* {images = matrix, labels = list, shape = {n, 28, 28}} of one split. */
static void load_idx(lua_State *L, struct load *load)
{
    lua_createtable(L, 0, 3);
    int out = lua_gettop(L);
    for (size_t i = 0; i < load->set->part_count; i++) {
        const assay_dataset_part *part = &load->set->parts[i];
        if (!is_wanted(load, part))
            continue;
        verify(load, part);
        assay_progress_stretch second = stretch(load, 0.5, 1);
        const assay_progress progress = assay_progress_of(&second);
        assay_array *array = assay_lua_new_array(L);
        assay_lua_read_idx(L, push_file(L, load, part, 0), load->first, load->count, &load->report,
            &progress, array);
        if (array->rank == 1) {
            assay_push_numbers(L, array);
        } else {
            assay_push_shape(L, array);
            lua_setfield(L, out, "shape");
            assay_push_array(L, array);
        }
        lua_setfield(L, out, part->what);
        assay_array_free(array);
        lua_settop(L, out);
        load->part++;
    }
}

/* A list of {class, vertices, faces}; a split is one class. */
static void load_meshes(lua_State *L, struct load *load)
{
    lua_Integer n = 0;
    lua_newtable(L);
    int out = lua_gettop(L);
    for (size_t i = 0; i < load->set->part_count; i++) {
        const assay_dataset_part *part = &load->set->parts[i];
        if (!is_wanted(load, part))
            continue;
        verify(load, part);
        const size_t files = assay_dataset_files(part);
        for (size_t j = 0; j < files; j++) {
            assay_progress_stretch second = stretch(load, 0.5 + 0.5 * (double)j / (double)files,
                0.5 + 0.5 * (double)(j + 1) / (double)files);
            const assay_progress progress = assay_progress_of(&second);
            assay_mesh *mesh = assay_lua_new_mesh(L);
            assay_lua_report_end(
                &load->report, assay_mesh_read(push_file(L, load, part, j), &progress, mesh));
            assay_push_mesh(L, mesh);
            lua_pushstring(L, part->split);
            lua_setfield(L, -2, "class");
            lua_rawseti(L, out, ++n);
            assay_mesh_free(mesh);
            lua_settop(L, out);
        }
        load->part++;
    }
}

/* The texts of the wanted parts, one behind the other. */
static void load_text(lua_State *L, struct load *load)
{
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (size_t i = 0; i < load->set->part_count; i++) {
        const assay_dataset_part *part = &load->set->parts[i];
        if (!is_wanted(load, part))
            continue;
        verify(load, part);
        assay_progress_stretch second = stretch(load, 0.5, 1);
        const assay_progress progress = assay_progress_of(&second);
        assay_lua_push_text(L, push_file(L, load, part, 0), &load->report, &progress);
        lua_remove(L, -2);
        luaL_addvalue(&all);
        load->part++;
    }
    luaL_pushresult(&all);
}

static void check_split(lua_State *L, const struct load *load)
{
    const char *names[32] = {0};
    size_t n = 0;
    for (size_t i = 0; i < load->set->part_count && n < 31; i++)
        if (n == 0 || strcmp(names[n - 1], load->set->parts[i].split) != 0)
            names[n++] = load->set->parts[i].split;
    if (load->split)
        assay_opt_choice(L, 2, "split", 0, names);
}

static int load_set(lua_State *L, struct load *load)
{
    static void (*const loaders[])(lua_State *, struct load *) = {[ASSAY_DATASET_CSV] = load_table,
        [ASSAY_DATASET_IDX] = load_idx,
        [ASSAY_DATASET_OFF] = load_meshes,
        [ASSAY_DATASET_TEXT] = load_text};
    check_split(L, load);
    if (load->set->format != ASSAY_DATASET_IDX && (load->first > 0 || load->count < INT64_MAX))
        assay_arg_error(
            L, "first and count are for sets of images, and %s is none", load->set->name);
    if (load->set->format == ASSAY_DATASET_IDX && !load->split)
        load->split = "train";
    count_parts(load);
    push_script_directories(L, load->directories);
    assay_lua_report_begin(L, 2, &load->report);
    loaders[load->set->format](L, load);
    return 1;
}

/* ------------------------------------------------------------------ files by their end */

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

/* The reader of assay.data for a file's name. */
static const char *reader_of(const char *name)
{
    static const char *const readers[][2] = {{".csv", "csv"}, {".jsonl", "jsonl"}, {".npy", "npy"},
        {".npz", "npz"}, {".off", "mesh"}, {".obj", "mesh"}, {".ply", "mesh"}, {".xyz", "mesh"},
        {".off.gz", "mesh"}, {".obj.gz", "mesh"}, {".ply.gz", "mesh"}, {".xyz.gz", "mesh"},
        {".txt", "text"}, {"-ubyte", "idx"}, {"-ubyte.gz", "idx"}, {".idx", "idx"},
        {".idx.gz", "idx"}};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (ends_in(name, readers[i][0]))
            return readers[i][1];
    return NULL;
}

static lua_CFunction function_named(const char *name)
{
    for (const luaL_Reg *f = assay_lua_files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f->func;
    return strcmp(name, "csv") == 0 ? assay_lua_read_csv : assay_lua_read_jsonl;
}

/* The call goes on as one of the reader with the file's path. */
static int load_file(lua_State *L, const char *name, const char *reader)
{
    if (!lua_isnoneornil(L, 2))
        assay_arg_error(L, "options are for data sets; use assay.data.%s for %s", reader, name);
    find(L);
    lua_replace(L, 1);
    return function_named(reader)(L);
}

static int load(lua_State *L)
{
    static const char *const known[] = {"split", "first", "count", "verify", "progress", NULL};
    const char *name = assay_arg_string(L, 1, "name");
    assay_opts_check(L, 2, known);
    struct load load = {.split = assay_opt_string(L, 2, "split", NULL),
        .first = (size_t)assay_opt_integer(L, 2, "first", 1, 1, INT64_MAX) - 1,
        .count = (size_t)assay_opt_integer(L, 2, "count", INT64_MAX, 0, INT64_MAX),
        .verify = assay_opt_boolean(L, 2, "verify", true)};
    int status = assay_dataset_find(name, &load.set);
    const char *reader = reader_of(name);
    if (status && reader)
        return load_file(L, name, reader);
    assay_arg_status(L, status);
    return load_set(L, &load);
}

/* ------------------------------------------------------------------ scenes */

static assay_scene_options read_scene_options(lua_State *L)
{
    assay_scene_options o = ASSAY_SCENE_DEFAULTS;
    o.side = (size_t)assay_opt_integer(L, 1, "size", (int64_t)o.side, 2, 4096);
    o.items = (size_t)assay_opt_integer(L, 1, "items", (int64_t)o.items, 1, 1000);
    o.classes = (size_t)assay_opt_integer(L, 1, "classes", (int64_t)o.classes, 1, 10);
    o.smallest = (size_t)assay_opt_integer(L, 1, "smallest", (int64_t)o.smallest, 2, 4096);
    o.largest = (size_t)assay_opt_integer(L, 1, "largest", (int64_t)o.largest, 2, 4096);
    o.clutter = (size_t)assay_opt_integer(L, 1, "clutter", (int64_t)o.clutter, 0, 10000);
    o.noise = assay_opt_number(L, 1, "noise", o.noise, 0, 1);
    o.most_overlap = assay_opt_number(L, 1, "overlap", o.most_overlap, 0, 1);
    return o;
}

/* Images and labels of the wanted split, each left on the stack. */
static void read_parts(
    lua_State *L, struct load *load, const assay_array **images, const assay_array **labels)
{
    for (size_t i = 0; i < load->set->part_count; i++) {
        const assay_dataset_part *part = &load->set->parts[i];
        if (!is_wanted(load, part))
            continue;
        verify(load, part);
        assay_progress_stretch second = stretch(load, 0.5, 1);
        const assay_progress progress = assay_progress_of(&second);
        assay_array *array = assay_lua_new_array(L);
        assay_lua_read_idx(
            L, push_file(L, load, part, 0), 0, load->count, &load->report, &progress, array);
        *(strcmp(part->what, "images") == 0 ? images : labels) = array;
        load->part++;
    }
}

/* Objects of a scene at the end of the lists `boxes` and `labels` of the table on top. */
static void set_objects(
    lua_State *L, size_t scene, const assay_scene_object *object, size_t objects)
{
    lua_getfield(L, -1, "boxes");
    lua_createtable(L, (int)objects, 0);
    lua_getfield(L, -3, "labels");
    lua_createtable(L, (int)objects, 0);
    for (size_t i = 0; i < objects; i++) {
        assay_push_vector(L, object[i].box, 4);
        lua_rawseti(L, -4, (lua_Integer)i + 1);
        lua_pushinteger(L, (lua_Integer)object[i].label);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_rawseti(L, -2, (lua_Integer)scene + 1);
    lua_pop(L, 1);
    lua_rawseti(L, -2, (lua_Integer)scene + 1);
    lua_pop(L, 1);
}

/* fashion_scenes{images=, rng=, size=64, items=3, classes=10, ...}: {images=matrix, boxes=,
 * labels=} */
static int fashion_scenes(lua_State *L)
{
    static const char *const known[] = {"images", "size", "items", "classes", "smallest", "largest",
        "clutter", "noise", "overlap", "split", "pool", "verify", "rng", "progress", NULL};
    static const char *const splits[] = {"train", "test", NULL};
    assay_opts_check(L, 1, known);
    const int64_t n = assay_opt_integer(L, 1, "images", -1, 1, INT32_MAX);
    if (n < 0)
        assay_arg_error(L, "images, how many, must be given");
    const assay_rng *rng = assay_required_rng(L, 1);
    const assay_scene_options o = read_scene_options(L);
    struct load load = {.split = splits[assay_opt_choice(L, 1, "split", 0, splits)],
        .count = (size_t)assay_opt_integer(L, 1, "pool", 10000, 1, INT32_MAX),
        .verify = assay_opt_boolean(L, 1, "verify", true)};
    luaL_checkstack(L, 40, NULL);
    assay_arg_status(L, assay_dataset_find("fashion-mnist", &load.set));
    count_parts(&load);
    push_script_directories(L, load.directories);
    assay_lua_report_begin(L, 1, &load.report);
    const assay_array *images = NULL, *labels = NULL;
    read_parts(L, &load, &images, &labels);
    assay_scene_object *object = assay_lua_scratch(L, o.items, sizeof *object);
    size_t objects = 0;
    lua_createtable(L, 0, 3);
    const assay_matrix canvas = assay_push_matrix(L, (size_t)n, o.side * o.side);
    lua_setfield(L, -2, "images");
    lua_createtable(L, (int)n, 0);
    lua_setfield(L, -2, "boxes");
    lua_createtable(L, (int)n, 0);
    lua_setfield(L, -2, "labels");
    for (size_t i = 0; i < (size_t)n; i++) {
        assay_arg_status(L, assay_scene(images, labels, &o, rng, i, assay_matrix_row(&canvas, i),
                                object, &objects));
        set_objects(L, i, object, objects);
        const int stop = assay_progress_report(&load.report.progress, (double)(i + 1), (double)n);
        if (stop != ASSAY_OK)
            assay_lua_report_end(&load.report, stop);
    }
    return 1;
}

/* ------------------------------------------------------------------ the registry */

static int sets(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < assay_dataset_count(); i++) {
        const assay_dataset *set = assay_dataset_at(i);
        lua_createtable(L, 0, 6);
        assay_set_text(L, "name", set->name);
        assay_set_text(L, "summary", set->summary);
        assay_set_text(L, "format", assay_dataset_format_name(set->format));
        assay_set_text(L, "origin", set->origin);
        assay_set_text(L, "licence", set->licence);
        assay_set_text(L, "obtain", set->obtain);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg assay_lua_datasets[] = {
    {"find", find}, /* find(name): the path of a file of the data directories */
    {"load", load}, /* load(name, {split, first, count, verify, progress}): a set, or a file by its
                       end */
    {"fashion_scenes", fashion_scenes}, /* fashion_scenes{images=, rng=, ...}: for detectors */
    {"sets", sets},                     /* sets(): the registry */
    {NULL, NULL},
};
