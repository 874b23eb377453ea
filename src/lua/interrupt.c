/*
 * Interrupts of running Lua code, from a signal handler.
 *
 * As in lua.c, the handler sets a hook that errs at the next instruction; the hook stays, so that a
 * pcall does not swallow the interrupt. A standing count hook would need no bookkeeping, but Lua
 * then leaves its fast path at every instruction (a third slower, measured). Hooks belong to a
 * thread, so coroutine.resume and coroutine.wrap note which one runs.
 *
 * xpcall calls its handler inside the hook that errs, where no hook runs: a handler that loops
 * would loop for ever. So once an interrupt was raised, handlers are no longer called.
 */
#include <lauxlib.h>

#include "lua/args.h"
#include "lua/script.h"

static assay_interrupt *interrupt_of(lua_State *L)
{
    return *(assay_interrupt **)lua_getextraspace(L);
}

void assay_interrupt_error(lua_State *L)
{
    luaL_where(L, 0);
    lua_pushstring(L, interrupt_of(L)->reason);
    lua_concat(L, 2);
    lua_error(L);
}

static void hook(lua_State *L, lua_Debug *at)
{
    (void)at;
    assay_interrupt_error(L);
}

static void hook_thread(lua_State *L)
{
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
}

void assay_interrupt_raise(assay_interrupt *interrupt, const char *reason)
{
    interrupt->reason = reason;
    hook_thread(interrupt->running);
}

void assay_interrupt_clear(lua_State *L, assay_interrupt *interrupt)
{
    lua_sethook(L, NULL, 0, 0);
    interrupt->running = L;
    interrupt->reason = NULL;
}

/* ---- coroutines ---- */

/* Call the function below its `arguments`, which runs `co`; results replace them all. */
static int call_running(lua_State *L, lua_State *co, int arguments)
{
    assay_interrupt *interrupt = interrupt_of(L);
    lua_State *caller = interrupt->running;
    int base = lua_gettop(L) - arguments;
    interrupt->running = co;
    if (interrupt->reason)
        hook_thread(co);
    int status = lua_pcall(L, arguments, LUA_MULTRET, 0);
    interrupt->running = caller;
    if (interrupt->reason) {
        hook_thread(caller);
        return luaL_error(L, "%s", interrupt->reason);
    }
    if (status != LUA_OK)
        return lua_error(L);
    return lua_gettop(L) - base + 1;
}

/* Upvalue 1: Lua's own coroutine.resume. */
static int resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return call_running(L, co, lua_gettop(L) - 1);
}

/* Upvalue 1: the function that Lua's own coroutine.wrap made; its upvalue 1 is the thread. */
static int call_wrapped(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_getupvalue(L, 1, 1);
    lua_State *co = lua_tothread(L, -1);
    lua_pop(L, 1);
    return call_running(L, co, lua_gettop(L) - 1);
}

/* Upvalue 1: Lua's own coroutine.wrap. */
static int wrap(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

static void replace(lua_State *L, const char *name, lua_CFunction by)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, by, 1);
    lua_setfield(L, -2, name);
}

/* ---- xpcall ---- */

/* Upvalue 1: the script's handler. */
static int handle(lua_State *L)
{
    if (interrupt_of(L)->reason)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int all_results(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

/* Upvalue 1: Lua's own xpcall. */
static int guarded_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, all_results);
    return lua_gettop(L);
}

void assay_interrupt_guard_handlers(lua_State *L, assay_interrupt *interrupt)
{
    *(assay_interrupt **)lua_getextraspace(L) = interrupt; /* new threads copy it */
    interrupt->running = L;
    interrupt->reason = NULL;
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_GNAME);
    replace(L, "xpcall", guarded_xpcall);
    lua_pop(L, 2);
}

/* ---- the whole ---- */

static int report(void *context, double done, double total)
{
    (void)done;
    (void)total;
    return ((assay_interrupt *)context)->reason != NULL;
}

#define PROGRESS "assay.progress"

const assay_progress *assay_lua_progress(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, PROGRESS);
    const assay_progress *progress = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return progress;
}

int assay_lua_pcall_beside(lua_State *thread, int arguments, int results)
{
    const assay_progress *progress = assay_lua_progress(thread);
    assay_interrupt *interrupt = progress ? progress->context : NULL;
    if (!interrupt)
        return lua_pcall(thread, arguments, results, 0);
    lua_State *caller = interrupt->running;
    interrupt->running = thread;
    if (interrupt->reason)
        hook_thread(thread);
    const int status = lua_pcall(thread, arguments, results, 0);
    interrupt->running = caller;
    lua_sethook(thread, NULL, 0, 0);
    if (interrupt->reason)
        hook_thread(caller);
    return status;
}

void assay_interrupt_install(lua_State *L, assay_interrupt *interrupt)
{
    assay_interrupt_guard_handlers(L, interrupt);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "coroutine");
    replace(L, "resume", resume);
    replace(L, "wrap", wrap);
    lua_pop(L, 2);
    assay_progress *progress = lua_newuserdatauv(L, sizeof *progress, 0);
    *progress = (assay_progress){report, interrupt};
    lua_setfield(L, LUA_REGISTRYINDEX, PROGRESS);
}
