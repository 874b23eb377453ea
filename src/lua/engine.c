/*
 * Experiments as C sees them: a Lua state, a script loaded into it, and calls of the prelude.
 *
 * Every entry is one protected call: a C function that gets a `struct request` and leaves what it
 * found there, so that no Lua error, not even of memory, leaves this file. Texts that are handed
 * out are copies that the experiment owns.
 */
#include "lua/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/module.h"
#include "lua/rows.h"
#include "lua/script.h"

enum { MOST_LISTED_SCRIPT = 256 << 10, MOST_TRACEBACK = 16 };

static const size_t bare_memory = (size_t)64 << 20;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* the convention of fuzzers: the same, sooner */
static const uint64_t bare_instructions = 100000, bare_plan_instructions = 200000;
static const double bare_seconds = 0.1, bare_plan_seconds = 0.1;
#else
static const uint64_t bare_instructions = 10000000, bare_plan_instructions = 100000000;
static const double bare_seconds = 1, bare_plan_seconds = 5;
#endif

struct assay_experiment {
    lua_State *L;
    assay_load mode;
    assay_limits limits;       /* of the bare state */
    assay_interrupt interrupt; /* of the full one */
    int self, plan;            /* references in the registry */
    int64_t cells, replicates;
    char *path, *script, *name;
    char *describe, *params, *cell_params, *claims; /* what was handed out */
};

/* ---- protected calls ---- */

typedef struct request {
    assay_experiment *experiment;
    const char *preset, *text;
    const assay_setting *settings;
    size_t count;
    int64_t index, replicates;
    uint64_t seed;
    const assay_cell_sink *sink;
    const assay_table *rows;
    int status; /* of the sink */
    char *result;
} request;

static bool is_prelude(const lua_Debug *frame)
{
    return strncmp(frame->source, "=assay/", 7) == 0;
}

/* Append "\n  FILE:LINE: in function NAME" for every frame of the script. */
static void add_traceback(lua_State *L, luaL_Buffer *out)
{
    lua_Debug frame;
    int shown = 0;
    for (int level = 1; shown < MOST_TRACEBACK && lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sln", &frame);
        if (*frame.what == 'C' || is_prelude(&frame))
            continue;
        if (*frame.what == 'm')
            lua_pushfstring(L, "\n  %s:%d: in main chunk", frame.short_src, frame.currentline);
        else
            lua_pushfstring(L, "\n  %s:%d: in %s", frame.short_src, frame.currentline,
                frame.name ? frame.name : "a function");
        luaL_addvalue(out);
        shown++;
    }
}

static int message_of(lua_State *L)
{
    if (!lua_isstring(L, 1) && !luaL_getmetafield(L, 1, "__tostring"))
        lua_pushfstring(L, "(the error is a %s value)", luaL_typename(L, 1));
    else
        luaL_tolstring(L, 1, NULL);
    return 1;
}

static int message_with_traceback(lua_State *L)
{
    message_of(L);
    const char *message = lua_tostring(L, -1);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    luaL_addstring(&out, message);
    add_traceback(L, &out);
    luaL_pushresult(&out);
    return 1;
}

/* A script's words are printed on terminals, which obey control characters. */
static void fail_in_print(const char *message)
{
    char text[8192];
    snprintf(text, sizeof text, "%s", message);
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if ((*c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* U+0080..U+009F */
            c[0] = c[1] = '?';
    assay_fail(ASSAY_ESCRIPT, "%s", text);
}

static int call(assay_experiment *e, lua_CFunction function, lua_CFunction handler, request *r)
{
    lua_State *L = e->L;
    int base = lua_gettop(L);
    r->experiment = e;
    lua_pushcfunction(L, handler);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, r);
    int status = lua_pcall(L, 1, 0, base + 1);
    if (status == LUA_ERRMEM)
        assay_fail(ASSAY_ESCRIPT, "%s: not enough memory", e->path);
    else if (status != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        fail_in_print(message ? message : "an error without a message");
    }
    lua_settop(L, base);
    return status == LUA_OK ? ASSAY_OK : ASSAY_ESCRIPT;
}

/* Within such a call: the text on top of the stack as memory of its own. */
static char *take_text(lua_State *L)
{
    char *text = strdup(luaL_checkstring(L, -1));
    if (!text)
        luaL_error(L, "not enough memory");
    lua_pop(L, 1);
    return text;
}

static const char *hand_out(char **slot, request *r)
{
    free(*slot);
    *slot = r->result;
    return *slot;
}

static const char advice[] = "; more work belongs into run";

static void arm(assay_experiment *e, uint64_t instructions, double seconds)
{
    if (e->mode == ASSAY_LOAD_LIST)
        assay_bare_arm(e->L, instructions, seconds, "a declaration", advice);
}

/* ---- reading the file ---- */

static int read_all(int file, const char *path, size_t size, char **text)
{
    size_t capacity = size + 1, used = 0;
    char *data = malloc(capacity);
    for (;;) {
        if (!data)
            return assay_fail(ASSAY_ENOMEM, "%s: not enough memory", path);
        ssize_t got = read(file, data + used, capacity - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(data);
            return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
        }
        used += (size_t)got;
        if (got == 0)
            break;
        if (used + 1 == capacity) {
            char *larger = realloc(data, capacity *= 2);
            if (!larger)
                free(data);
            data = larger;
        }
    }
    data[used] = '\0';
    if (strlen(data) != used) {
        free(data);
        return assay_fail(ASSAY_ESCRIPT, "%s: is not a Lua script (it has zero bytes)", path);
    }
    *text = data;
    return ASSAY_OK;
}

/* Listing reads regular files only: a pipe or a device would keep it waiting. */
static int read_script(const char *path, assay_load mode, char **text)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | (mode == ASSAY_LOAD_LIST ? O_NONBLOCK : 0));
    struct stat info;
    int status = ASSAY_OK;
    if (file < 0)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    if (fstat(file, &info) != 0)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        status = assay_fail(ASSAY_EIO, "%s: is a directory, not an experiment file", path);
    else if (mode == ASSAY_LOAD_LIST && !S_ISREG(info.st_mode))
        status = assay_fail(ASSAY_EIO, "%s: is not a regular file", path);
    else if (mode == ASSAY_LOAD_LIST && info.st_size > MOST_LISTED_SCRIPT)
        status =
            assay_fail(ASSAY_ESCRIPT, "%s: is larger than the %d KiB of a script that is listed",
                path, MOST_LISTED_SCRIPT >> 10);
    else
        status =
            read_all(file, path, S_ISREG(info.st_mode) ? (size_t)info.st_size + 1 : 4096, text);
    close(file);
    return status;
}

/* ---- opening ---- */

static int refuse_exit(lua_State *L)
{
    return luaL_error(L, "os.exit can't be called in an experiment: error(...) ends a cell, return "
                         "ends a function");
}

static void open_full(assay_experiment *e)
{
    lua_State *L = e->L;
    luaL_openlibs(L);
    assay_order_install(L);
    assay_interrupt_install(L, &e->interrupt);
    lua_getglobal(L, "os");
    lua_pushcfunction(L, refuse_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 1);
    luaL_requiref(L, "assay", luaopen_assay, 0);
    lua_pop(L, 1);
}

static void open_bare(assay_experiment *e)
{
    assay_order_install(e->L);
    lua_pushcfunction(e->L, luaopen_assay);
    lua_call(e->L, 0, 0);
}

/* Push the script's chunk. "#!" is for the shell; its line stays empty, so that lines keep their
 * numbers. Text only: bytecode can break the machine. */
static void load_script(assay_experiment *e)
{
    lua_State *L = e->L;
    const char *text = e->script;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    if (*text == '#')
        text += strcspn(text, "\n");
    lua_pushstring(L, e->script);
    lua_setfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_TEXT);
    const char *name = lua_pushfstring(L, "@%s", e->path);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, ASSAY_SCRIPT_NAME);
    if (luaL_loadbufferx(L, text, strlen(text), name, "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
}

static void push_function(lua_State *L, const char *file, const char *name)
{
    assay_prelude_push(L, file);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* What the script returned is on top; it stays when it is an experiment. */
static void check_experiment(assay_experiment *e)
{
    lua_State *L = e->L;
    push_function(L, "experiment", "is");
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    if (!lua_toboolean(L, -1))
        luaL_error(L, "%s: must return assay.experiment {...}, but it returned %s", e->path,
            lua_isnil(L, -2) ? "nothing" : luaL_typename(L, -2));
    lua_pop(L, 1);
}

static int do_open(lua_State *L)
{
    assay_experiment *e = ((request *)lua_touserdata(L, 1))->experiment;
    if (e->mode == ASSAY_LOAD_LIST)
        open_bare(e);
    else
        open_full(e);
    load_script(e);
    if (e->mode == ASSAY_LOAD_LIST) {
        assay_bare_environment(L);
        lua_setupvalue(L, -2, 1);
        assay_bare_arm(L, bare_instructions, bare_seconds, "a declaration", advice);
    }
    lua_call(L, 0, 1);
    check_experiment(e);
    lua_getfield(L, -1, "name");
    e->name = take_text(L);
    e->self = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int open_state(assay_experiment *e)
{
    e->limits.most_memory = bare_memory;
    e->L = e->mode == ASSAY_LOAD_LIST ? assay_bare_new(&e->limits) : luaL_newstate();
    return e->L ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "%s: not enough memory", e->path);
}

int assay_experiment_open(
    const char *path, const char *text, assay_load mode, assay_experiment **out)
{
    assay_experiment *e = calloc(1, sizeof *e);
    int status = ASSAY_OK;
    if (!e)
        return assay_fail(ASSAY_ENOMEM, "%s: not enough memory", path);
    *out = NULL;
    e->mode = mode;
    e->self = e->plan = LUA_NOREF;
    e->path = strdup(path);
    if (text)
        e->script = strdup(text);
    else
        status = read_script(path, mode, &e->script);
    if (status == ASSAY_OK && (!e->path || !e->script))
        status = assay_fail(ASSAY_ENOMEM, "%s: not enough memory", path);
    if (status == ASSAY_OK)
        status = open_state(e);
    if (status == ASSAY_OK)
        status = call(e, do_open, message_of, &(request){0});
    if (status != ASSAY_OK) {
        assay_experiment_close(e);
        return status;
    }
    *out = e;
    return ASSAY_OK;
}

void assay_experiment_close(assay_experiment *e)
{
    if (!e)
        return;
    if (e->L)
        lua_close(e->L);
    free(e->path);
    free(e->script);
    free(e->name);
    free(e->describe);
    free(e->params);
    free(e->cell_params);
    free(e->claims);
    free(e);
}

struct lua_State *assay_experiment_lua(assay_experiment *e)
{
    return e->L;
}

const char *assay_experiment_name(const assay_experiment *e)
{
    return e->name;
}

const char *assay_experiment_path(const assay_experiment *e)
{
    return e->path;
}

const char *assay_experiment_script(const assay_experiment *e)
{
    return e->script;
}

/* ---- describing and planning ---- */

static void push_self(lua_State *L, const assay_experiment *e)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->self);
}

static int do_describe(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    push_function(L, "experiment", "describe");
    push_self(L, r->experiment);
    lua_call(L, 1, 1);
    r->result = take_text(L);
    return 0;
}

const char *assay_experiment_describe(assay_experiment *e)
{
    request r = {0};
    arm(e, bare_instructions, bare_seconds);
    if (!e->describe && call(e, do_describe, message_of, &r) == ASSAY_OK)
        e->describe = r.result;
    return e->describe;
}

/* The plan is on top of the stack, and goes into the experiment. */
static void keep_plan(lua_State *L, request *r)
{
    assay_experiment *e = r->experiment;
    push_function(L, "grid", "params");
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    r->result = take_text(L);
    lua_getfield(L, -1, "cells");
    e->cells = lua_tointeger(L, -1);
    lua_getfield(L, -2, "replicates");
    e->replicates = lua_tointeger(L, -1);
    lua_pop(L, 2);
    luaL_unref(L, LUA_REGISTRYINDEX, e->plan);
    e->plan = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void push_settings(lua_State *L, const request *r)
{
    lua_createtable(L, (int)r->count, 0);
    for (size_t i = 0; i < r->count; i++) {
        lua_createtable(L, 2, 0);
        lua_pushstring(L, r->settings[i].name);
        lua_rawseti(L, -2, 1);
        lua_pushstring(L, r->settings[i].value);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int do_plan(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    push_function(L, "grid", "plan");
    push_self(L, r->experiment);
    lua_pushstring(L, r->preset); /* nil for NULL */
    push_settings(L, r);
    lua_pushinteger(L, r->replicates);
    lua_call(L, 4, 1);
    keep_plan(L, r);
    return 0;
}

static int do_restore(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    push_function(L, "grid", "restore");
    push_self(L, r->experiment);
    lua_pushstring(L, r->text);
    lua_pushinteger(L, r->replicates);
    lua_call(L, 3, 1);
    keep_plan(L, r);
    return 0;
}

static int plan(assay_experiment *e, lua_CFunction function, request *r)
{
    if (r->replicates < 0)
        return assay_fail(
            ASSAY_EINVAL, "replicates must be >= 1, got %lld", (long long)r->replicates);
    arm(e, bare_plan_instructions, bare_plan_seconds);
    int status = call(e, function, message_of, r);
    if (status == ASSAY_OK)
        hand_out(&e->params, r);
    return status;
}

int assay_experiment_plan(assay_experiment *e, const char *preset, const assay_setting *settings,
    size_t count, int64_t replicates)
{
    request r = {.preset = preset, .settings = settings, .count = count, .replicates = replicates};
    return plan(e, do_plan, &r);
}

int assay_experiment_plan_restore(assay_experiment *e, const char *params, int64_t replicates)
{
    return plan(e, do_restore, &(request){.text = params, .replicates = replicates});
}

const char *assay_experiment_params(assay_experiment *e)
{
    return e->params;
}

int64_t assay_experiment_replicates(assay_experiment *e)
{
    return e->replicates;
}

int64_t assay_experiment_cells(assay_experiment *e)
{
    return e->cells;
}

/* ---- cells ---- */

static int check_index(const assay_experiment *e, int64_t index)
{
    if (e->plan == LUA_NOREF)
        return assay_fail(ASSAY_EINVAL, "%s: there is no plan", e->path);
    if (index < 0 || index >= e->cells)
        return assay_fail(ASSAY_EINVAL, "%s: cell must be in 0..%lld, got %lld", e->path,
            (long long)e->cells - 1, (long long)index);
    return ASSAY_OK;
}

/* Push parameters, their canonical JSON, and the replicate. */
static void push_cell_parameters(lua_State *L, const request *r)
{
    push_function(L, "grid", "cell");
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->experiment->plan);
    lua_pushinteger(L, r->index);
    lua_call(L, 2, 3);
}

static int do_cell(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    push_cell_parameters(L, r);
    r->replicates = lua_tointeger(L, -1);
    lua_pop(L, 1);
    r->result = take_text(L);
    return 0;
}

int assay_experiment_cell(
    assay_experiment *e, int64_t index, const char **params, int64_t *replicate)
{
    request r = {.index = index};
    int status = check_index(e, index);
    arm(e, bare_instructions, bare_seconds);
    if (status == ASSAY_OK)
        status = call(e, do_cell, message_of, &r);
    if (status != ASSAY_OK)
        return status;
    *params = hand_out(&e->cell_params, &r);
    *replicate = r.replicates;
    return ASSAY_OK;
}

/* run(cell), which is at `cell`, errors caught so that the sink's status is had. */
static void run_function(lua_State *L, request *r, int at)
{
    push_self(L, r->experiment);
    lua_getfield(L, -1, "run");
    lua_remove(L, -2);
    lua_pushvalue(L, at);
    lua_pushcfunction(L, message_with_traceback);
    lua_insert(L, -3);
    int status = lua_pcall(L, 1, 0, -3);
    r->status = assay_cell_end(L, at);
    if (status != LUA_OK && r->status == ASSAY_OK)
        lua_error(L);
}

static int do_run(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    assay_order_seed(L, r->seed, r->index);
    push_cell_parameters(L, r);
    int64_t replicate = lua_tointeger(L, -1);
    lua_pop(L, 1);
    assay_cell_push(L, &r->experiment->interrupt, r->sink, r->index, replicate, r->seed);
    run_function(L, r, lua_gettop(L));
    return 0;
}

int assay_experiment_run_cell(
    assay_experiment *e, int64_t index, uint64_t seed, const assay_cell_sink *sink)
{
    request r = {.index = index, .seed = seed, .sink = sink};
    int status = check_index(e, index);
    if (status == ASSAY_OK && e->mode == ASSAY_LOAD_LIST)
        status = assay_fail(ASSAY_EINVAL, "%s: was loaded to be listed, not to be run", e->path);
    if (status != ASSAY_OK)
        return status;
    status = call(e, do_run, message_of, &r);
    assay_interrupt_clear(e->L, &e->interrupt);
    return r.status != ASSAY_OK ? r.status : status;
}

/* ---- claims ---- */

static int do_check(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    assay_order_seed(L, r->seed, -1);
    assay_rows_push(L, r->rows);
    int rows = lua_gettop(L);
    push_function(L, "claims", "check");
    push_self(L, r->experiment);
    lua_pushvalue(L, rows);
    lua_pushinteger(L, (lua_Integer)r->seed);
    int status = lua_pcall(L, 3, 1, 0);
    assay_rows_forget(L, rows);
    if (status != LUA_OK)
        lua_error(L);
    r->result = take_text(L);
    return 0;
}

int assay_experiment_check_claims(
    assay_experiment *e, const assay_table *rows, uint64_t seed, const char **json)
{
    request r = {.rows = rows, .seed = seed};
    if (e->mode == ASSAY_LOAD_LIST)
        return assay_fail(ASSAY_EINVAL, "%s: was loaded to be listed, not to be checked", e->path);
    int status = call(e, do_check, message_of, &r);
    assay_interrupt_clear(e->L, &e->interrupt);
    if (status == ASSAY_OK)
        *json = hand_out(&e->claims, &r);
    return status;
}

void assay_experiment_interrupt(assay_experiment *e, const char *reason)
{
    if (e->mode == ASSAY_LOAD_RUN)
        assay_interrupt_raise(&e->interrupt, reason);
}

/* ---- a plain state ---- */

static int do_open_plain(lua_State *L)
{
    luaL_openlibs(L);
    assay_order_install(L);
    luaL_requiref(L, "assay", luaopen_assay, 1);
    return 0;
}

struct lua_State *assay_lua_new(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        return NULL;
    lua_pushcfunction(L, do_open_plain);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
        return L;
    assay_fail(ASSAY_ESCRIPT, "%s", lua_tostring(L, -1));
    lua_close(L);
    return NULL;
}
