/*
 * The cell that an experiment's `run` gets: parameters, streams, and where its words go.
 *
 * A row is checked as a whole before the sink sees any of it, and its measures go out sorted by
 * name: Lua's own order differs from process to process. A measure is never silently dropped.
 */
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "data/samples.h"
#include "lua/args.h"
#include "lua/cache.h"
#include "lua/module.h"
#include "lua/script.h"

#define CELL "assay.cell"

enum { MOST_MEASURES = 256, MOST_TEXT = 4096 };
enum { PARAMS = 1, STREAMS = 2, CANONICAL = 3, USER_VALUES = 3 }; /* what a cell keeps */

typedef struct cell {
    const assay_cell_sink *sink; /* NULL once the cell is over */
    assay_interrupt *interrupt;
    int64_t index, replicate;
    assay_rng replicate_stream;        /* root(seed):split(replicate) */
    const assay_cache_entry *building; /* what cell:cache builds now, or NULL */
    int status;                        /* of the sink's first failure */
    char message[512];
} cell;

static cell *check_cell(lua_State *L)
{
    cell *self = luaL_testudata(L, 1, CELL);
    if (!self)
        assay_arg_error(L, "must be called as a method of the cell");
    else if (!self->sink)
        assay_arg_error(L, "the cell is over");
    return self;
}

/* What another run that finds the entry would not do: its rows would differ. */
static cell *check_not_building(lua_State *L)
{
    cell *self = check_cell(L);
    if (self->building)
        assay_arg_error(L,
            "can't be called while cell:cache builds: with a warm cache it would not "
            "be called (the function gets a stream of its own)");
    return self;
}

/* A failing sink ends the cell, even when the script catches the error. */
static void check_sink(lua_State *L, cell *self, int status)
{
    if (status == ASSAY_OK)
        return;
    if (self->status == ASSAY_OK) {
        self->status = status;
        snprintf(self->message, sizeof self->message, "%s", assay_errmsg());
    }
    assay_interrupt_raise(self->interrupt, "the cell's output is not taken");
    assay_arg_error(L, "%s", self->message);
}

/* ---- rows ---- */

typedef struct measure {
    const char *name;
    enum { NUMBER, INTEGER, TEXT } kind;
    double number;
    lua_Integer integer;
    const char *text;
    size_t size;
} measure;

static bool is_identifier(const char *name)
{
    if (*name >= '0' && *name <= '9')
        return false;
    size_t letters =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return letters > 0 && name[letters] == '\0';
}

static const char *check_name(lua_State *L, int at)
{
    if (lua_type(L, at) != LUA_TSTRING) {
        assay_arg_error(L, "measures have names, got a %s as a key (%s)", luaL_typename(L, at),
            luaL_tolstring(L, at, NULL));
        return NULL;
    }
    size_t size;
    const char *name = lua_tolstring(L, at, &size);
    if (strlen(name) != size || !is_identifier(name))
        assay_arg_error(
            L, "a measure's name is made of letters, digits and _, got \"%.64s\"", name);
    if (strcmp(name, "cell") == 0 || strcmp(name, "replicate") == 0 || strcmp(name, "run") == 0)
        assay_arg_error(L, "%s is a column that every row has, name the measure otherwise", name);
    return name;
}

/* The length of the UTF-8 sequence at s, 0 when it is none (overlong, surrogate, too large). */
static size_t utf8_sequence(const unsigned char *s, size_t size)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (n <= 1 || n > size)
        return n <= size ? n : 0;
    unsigned code = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= least[n] && code <= 0x10ffff && !surrogate ? n : 0;
}

static bool is_text(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t n = text[at] ? utf8_sequence((const unsigned char *)text + at, size - at) : 0;
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

static void read_text(lua_State *L, int at, measure *m)
{
    m->kind = TEXT;
    m->text = lua_tolstring(L, at, &m->size);
    if (m->size > MOST_TEXT)
        assay_arg_error(L,
            "%s is a text of %zu bytes; at most %d are a measure, more is an artifact", m->name,
            m->size, MOST_TEXT);
    if (!is_text(m->text, m->size))
        assay_arg_error(L, "%s must be UTF-8 text without zero bytes", m->name);
}

static void read_number(lua_State *L, int at, measure *m)
{
    static const lua_Integer exact = (lua_Integer)1 << 53;
    if (!lua_isinteger(L, at)) {
        m->kind = NUMBER;
        m->number = lua_tonumber(L, at);
        return;
    }
    m->kind = INTEGER;
    m->integer = lua_tointeger(L, at);
    if (m->integer > exact || m->integer < -exact)
        assay_arg_error(L, "%s = %lld is beyond 2^53, where rows can't hold every integer", m->name,
            (long long)m->integer);
}

static void read_measure(lua_State *L, int at, measure *m)
{
    switch (lua_type(L, at)) {
    case LUA_TNUMBER:
        read_number(L, at, m);
        break;
    case LUA_TBOOLEAN:
        m->kind = INTEGER;
        m->integer = lua_toboolean(L, at);
        break;
    case LUA_TSTRING:
        read_text(L, at, m);
        break;
    default:
        assay_arg_error(L, "%s must be a number, a boolean or a short text, got a %s", m->name,
            luaL_typename(L, at));
    }
}

/* Insert into the sorted first n: rows are short. */
static void insert_measure(measure *row, size_t n, const measure *m)
{
    size_t i = n;
    for (; i > 0 && strcmp(row[i - 1].name, m->name) > 0; i--)
        row[i] = row[i - 1];
    row[i] = *m;
}

static size_t read_row(lua_State *L, int at, measure *row)
{
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, at)) {
        measure m = {.name = check_name(L, -2)};
        read_measure(L, -1, &m);
        if (n == MOST_MEASURES)
            assay_arg_error(L, "a row has at most %d measures", MOST_MEASURES);
        insert_measure(row, n++, &m);
        lua_pop(L, 1);
    }
    return n;
}

static int send_measure(const assay_cell_sink *sink, const measure *m)
{
    if (m->kind == NUMBER)
        return sink->row_number(sink->context, m->name, m->number);
    if (m->kind == INTEGER)
        return sink->row_integer(sink->context, m->name, m->integer);
    return sink->row_text(sink->context, m->name, m->text, m->size);
}

static int send_row(const assay_cell_sink *sink, const measure *row, size_t n)
{
    int status = sink->row_begin(sink->context);
    for (size_t i = 0; i < n && status == ASSAY_OK; i++)
        status = send_measure(sink, &row[i]);
    return status == ASSAY_OK ? sink->row_end(sink->context) : status;
}

/* cell:log { name = value, ... } */
static int cell_log(lua_State *L)
{
    cell *self = check_not_building(L);
    if (!lua_istable(L, 2))
        return assay_arg_error(
            L, "needs a table of measures, { name = value }, got a %s", luaL_typename(L, 2));
    lua_settop(L, 2);
    measure row[MOST_MEASURES];
    size_t n = read_row(L, 2, row);
    if (n == 0)
        return assay_arg_error(L, "needs at least one measure");
    check_sink(L, self, send_row(self->sink, row, n));
    return 0;
}

/* ---- notes, progress, artifacts ---- */

/* cell:note(text) or cell:note(format, ...) */
static int cell_note(lua_State *L)
{
    cell *self = check_cell(L);
    if (lua_gettop(L) > 2) {
        luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        lua_getfield(L, -1, "string");
        lua_getfield(L, -1, "format");
        lua_replace(L, -3);
        lua_pop(L, 1);
        lua_insert(L, 2);
        lua_call(L, lua_gettop(L) - 2, 1);
    }
    const char *text = assay_arg_string(L, 2, "text");
    if (!is_text(text, lua_rawlen(L, 2)))
        return assay_arg_error(L, "text must be UTF-8 without zero bytes");
    check_sink(L, self, self->sink->note(self->sink->context, text));
    return 0;
}

/* cell:progress(done, total) */
static int cell_progress(lua_State *L)
{
    cell *self = check_cell(L);
    double done = assay_arg_number(L, 2, "done", 0, ASSAY_FINITE);
    double total = assay_arg_number(L, 3, "total", ASSAY_POSITIVE, ASSAY_FINITE);
    if (self->building)
        assay_cache_tell(self->building, done, total);
    check_sink(L, self, self->sink->progress(self->sink->context, done, total));
    return 0;
}

static void finite_range(const assay_matrix *m, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++) {
            double x = *assay_matrix_at(m, i, j);
            if (isfinite(x)) {
                *low = fmin(*low, x);
                *high = fmax(*high, x);
            }
        }
}

/* 0 at low and below (and NaN), 255 at high and above; an image of one value is black. */
static unsigned char grey(double x, double low, double high)
{
    if (!(x > low))
        return 0;
    return x >= high ? 255
                     : (unsigned char)lround(255.0 * ((x / 2 - low / 2) / (high / 2 - low / 2)));
}

/* Push the matrix as a binary PGM whose comment keeps the range. */
static void push_pgm(lua_State *L, int at)
{
    assay_matrix m = assay_arg_matrix(L, at, "value");
    double low, high;
    finite_range(&m, &low, &high);
    luaL_Buffer image;
    luaL_buffinit(L, &image);
    char head[160];
    int size = snprintf(head, sizeof head, "P5\n# black is %.17g, white is %.17g\n%zu %zu\n255\n",
        low, high, m.cols, m.rows);
    luaL_addlstring(&image, head, (size_t)size);
    for (size_t i = 0; i < m.rows; i++)
        for (size_t j = 0; j < m.cols; j++)
            luaL_addchar(&image, (char)grey(*assay_matrix_at(&m, i, j), low, high));
    luaL_pushresult(&image);
}

/* cell:artifact(name, value [, type]): value is a string, or a matrix that becomes an image. */
static int cell_artifact(lua_State *L)
{
    cell *self = check_not_building(L);
    const char *name = assay_arg_string(L, 2, "name");
    if (*name == '\0' || !is_text(name, lua_rawlen(L, 2)))
        return assay_arg_error(L, "name must be UTF-8 text, not empty");
    bool given = !lua_isnoneornil(L, 4);
    const char *type = given ? assay_arg_string(L, 4, "type") : "image/x-portable-graymap";
    int value = 3;
    if (lua_type(L, 3) != LUA_TSTRING) {
        push_pgm(L, 3);
        value = lua_gettop(L);
    }
    size_t size;
    const char *data = lua_tolstring(L, value, &size);
    if (!given && value == 3)
        type = is_text(data, size) ? "text/plain" : "application/octet-stream";
    check_sink(L, self, self->sink->artifact(self->sink->context, name, type, data, size));
    return 0;
}

/* ---- samples ---- */

static int read_samples(lua_State *L, const cell *self, const char *what, assay_table **out)
{
    static const char imported[] = "samples:";
    if (strncmp(what, imported, strlen(imported)) != 0)
        return assay_samples_import(
            what, &(assay_samples_options){.progress = assay_lua_progress(L)}, out, NULL);
    if (!self->sink->samples)
        return assay_fail(ASSAY_ENOTFOUND, "there are no imported logs here, asked for %s", what);
    return self->sink->samples(self->sink->context, what + strlen(imported), out);
}

/* cell:samples(FILE) or cell:samples("samples:NAME"): a log of graded samples, columns by name. */
static int cell_samples(lua_State *L)
{
    cell *self = check_cell(L);
    assay_table *table = NULL;
    assay_arg_status(L, read_samples(L, self, assay_arg_string(L, 2, "log"), &table));
    assay_push_table(L, table);
    return 1;
}

/* ---- streams ---- */

/* The cell's own stream hangs on its parameters, not on its index, so that another sweep value does
 * not change it. It goes through a numbered child: no name gives the same stream. */
static assay_rng own_stream(lua_State *L, const cell *self)
{
    assay_rng cells = assay_rng_split(&self->replicate_stream, 0);
    lua_getiuservalue(L, 1, CANONICAL);
    assay_rng stream = assay_rng_split_name(&cells, lua_tostring(L, -1));
    lua_pop(L, 1);
    return stream;
}

/* cell:rng([name]) -> stream; the same object each time, so that no draw is used twice. */
static int cell_rng(lua_State *L)
{
    cell *self = check_not_building(L);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2) && *assay_arg_string(L, 2, "name") == '\0')
        return assay_arg_error(L, "name must not be empty");
    if (lua_isnil(L, 2)) {
        lua_pushinteger(L, 0);
        lua_replace(L, 2);
    }
    lua_getiuservalue(L, 1, STREAMS);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 3) != LUA_TNIL)
        return 1;
    assay_push_rng(L, lua_type(L, 2) == LUA_TSTRING
                          ? assay_rng_split_name(&self->replicate_stream, lua_tostring(L, 2))
                          : own_stream(L, self));
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 3);
    return 1;
}

/* ---- the cache ---- */

typedef struct wait {
    const cell *self;
    double done, total; /* as told last */
    int status;         /* of the sink */
} wait;

/* While another process builds, its progress is this cell's. It comes out of a file: not believed.
 */
static int report_wait(void *context, double done, double total)
{
    wait *w = context;
    const assay_cell_sink *sink = w->self->sink;
    if (w->self->interrupt->reason)
        return 1;
    bool told = total > 0 && done >= 0 && done <= total && total <= ASSAY_FINITE;
    if (!told || (done == w->done && total == w->total))
        return 0;
    w->done = done;
    w->total = total;
    w->status = sink->progress(sink->context, done, total);
    return w->status != ASSAY_OK;
}

/* Push all streams that the cell has made, and copies of them as they are now. */
static assay_rng *copy_streams(lua_State *L, size_t *count)
{
    *count = 0;
    lua_getiuservalue(L, 1, STREAMS);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        ++*count;
    assay_rng *copies = assay_lua_scratch(L, *count ? *count : 1, sizeof *copies);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1))
        copies[i++] = *(assay_rng *)lua_touserdata(L, -1);
    return copies;
}

/* The table of streams is at `at`, unchanged: none can be made while it builds. */
static void check_streams(lua_State *L, int at, const assay_rng *copies)
{
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        const assay_rng *now = lua_touserdata(L, -1), *before = &copies[i++];
        if (now->block == before->block && now->position == before->position)
            continue;
        bool named = lua_type(L, -2) == LUA_TSTRING;
        assay_arg_error(L,
            "build drew from the stream cell:rng(%s%s%s): with a warm cache it would not; it gets "
            "a stream of its own, build(rng)",
            named ? "\"" : "", named ? lua_tostring(L, -2) : "", named ? "\"" : "");
    }
}

/* Put the canonical text of the key at 2 in its place. */
static void read_key(lua_State *L)
{
    assay_prelude_push(L, "cache");
    lua_getfield(L, -1, "key");
    lua_pushvalue(L, 2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        assay_arg_error(L, "%s", lua_tostring(L, -1));
    lua_replace(L, 2);
    lua_settop(L, 4);
}

/* cell:cache(key, build [, { version = }]) -> value */
static int cell_cache(lua_State *L)
{
    static const char *const known[] = {"version", NULL};
    cell *self = check_not_building(L);
    lua_settop(L, 4);
    if (!lua_isfunction(L, 3))
        return assay_arg_error(L, "build must be a function (rng) that returns the value, got a %s",
            luaL_typename(L, 3));
    assay_opts_check(L, 4, known);
    read_key(L);
    const char *version = assay_opt_string(L, 4, "version", NULL);
    wait w = {.self = self};
    const assay_progress waiting = {report_wait, &w};
    const assay_lua_cache what = {lua_tostring(L, 2), version, 3, &waiting, &self->building};
    size_t streams;
    const assay_rng *copies = copy_streams(L, &streams);
    int table = lua_gettop(L) - 1, status;
    const char *not_kept = assay_lua_cached(L, &what, &status);
    check_sink(L, self, w.status);
    if (status != ASSAY_OK && self->interrupt->reason)
        assay_interrupt_error(L);
    assay_arg_status(L, status);
    check_streams(L, table, copies);
    if (not_kept) {
        lua_pushfstring(L, "cell:cache: built, but not kept: %s", not_kept);
        check_sink(L, self, self->sink->note(self->sink->context, lua_tostring(L, -1)));
        lua_pop(L, 1);
    }
    return 1;
}

/* ---- the userdata ---- */

static const luaL_Reg methods[] = {
    {"log", cell_log},
    {"note", cell_note},
    {"progress", cell_progress},
    {"artifact", cell_artifact},
    {"rng", cell_rng},
    {"samples", cell_samples},
    {"cache", cell_cache},
    {NULL, NULL},
};

/* cell.NAME: a method (upvalue 1), or params, replicate, index. */
static int cell_index(lua_State *L)
{
    cell *self = luaL_checkudata(L, 1, CELL);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(key, "params") == 0)
        lua_getiuservalue(L, 1, PARAMS);
    else if (strcmp(key, "replicate") == 0)
        lua_pushinteger(L, self->replicate);
    else if (strcmp(key, "index") == 0)
        lua_pushinteger(L, self->index);
    else
        return luaL_error(L,
            "a cell has no \"%s\" (there are: params, replicate, index, log, note, "
            "progress, artifact, rng, samples, cache)",
            luaL_tolstring(L, 2, NULL));
    return 1;
}

static void push_metatable(lua_State *L)
{
    if (!luaL_newmetatable(L, CELL))
        return;
    lua_newtable(L);
    for (const luaL_Reg *method = methods; method->name; method++) {
        lua_pushfstring(L, "cell:%s", method->name);
        lua_pushcclosure(L, method->func, 1); /* not padded: cell:note counts its arguments */
        lua_setfield(L, -2, method->name);
    }
    lua_pushcclosure(L, cell_index, 1);
    lua_setfield(L, -2, "__index");
}

void assay_cell_push(lua_State *L, assay_interrupt *interrupt, const assay_cell_sink *sink,
    int64_t index, int64_t replicate, uint64_t seed)
{
    cell *self = lua_newuserdatauv(L, sizeof *self, USER_VALUES);
    assay_rng root = assay_rng_seed(seed);
    *self = (cell){.sink = sink,
        .interrupt = interrupt,
        .index = index,
        .replicate = replicate,
        .replicate_stream = assay_rng_split(&root, (uint64_t)replicate)};
    push_metatable(L);
    lua_setmetatable(L, -2);
    lua_insert(L, -3); /* cell, params, canonical */
    lua_setiuservalue(L, -3, CANONICAL);
    lua_setiuservalue(L, -2, PARAMS);
    lua_newtable(L);
    lua_setiuservalue(L, -2, STREAMS);
}

int assay_cell_end(lua_State *L, int at)
{
    cell *self = lua_touserdata(L, at);
    self->sink = NULL;
    return self->status == ASSAY_OK ? ASSAY_OK : assay_fail(self->status, "%s", self->message);
}
