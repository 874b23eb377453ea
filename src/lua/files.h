/* Files of numbers, meshes and texts as Lua values: what assay.data.idx and assay.data.load share.
 */
#ifndef ASSAY_LUA_FILES_H
#define ASSAY_LUA_FILES_H

#include <lua.h>
#include <lauxlib.h>

#include "data/array.h"
#include "data/mesh.h"
#include "lua/report.h"

/* Push owners of C memory, empty at first, which free it when they are collected. */
assay_array *assay_lua_new_array(lua_State *L);
assay_mesh *assay_lua_new_mesh(lua_State *L);

/* Push as a matrix: a row an item (the first position), the others one behind the other. */
void assay_push_array(lua_State *L, const assay_array *array);
void assay_push_shape(lua_State *L, const assay_array *array); /* a list of the sides */
void assay_push_numbers(
    lua_State *L, const assay_array *array); /* a list of all, whole ones as integers */
/* {vertices = matrix, faces = matrix}, corners from 1 on. */
void assay_push_mesh(lua_State *L, const assay_mesh *mesh);

/* The mesh of a table {vertices=, faces=} at `at`; pushes values that keep the memory. */
void assay_lua_mesh_argument(lua_State *L, int at, assay_mesh *out);

/* `count` items behind the first `first` of an IDX file, into an owner from assay_lua_new_array.
 * `progress` is the report's, or a stretch of it. */
void assay_lua_read_idx(lua_State *L, const char *path, size_t first, size_t count,
    assay_lua_report *report, const assay_progress *progress, assay_array *out);

/* Push a text as it stands. */
void assay_lua_push_text(
    lua_State *L, const char *path, assay_lua_report *report, const assay_progress *progress);

/* assay.data.idx, npy, ..., load, find, sets, samples, write_samples, table, write_table; data.c
 * puts them together. */
extern const luaL_Reg assay_lua_files[], assay_lua_datasets[], assay_lua_samples[],
    assay_lua_tables[];
int assay_lua_read_csv(lua_State *L);   /* assay.data.csv */
int assay_lua_read_jsonl(lua_State *L); /* assay.data.jsonl */

#endif
