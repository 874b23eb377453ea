/* Calls of a Lua function from within a primitive; see report.h. */
#include "lua/report.h"

#include "lua/args.h"
#include "lua/engine.h"

static int call(void *context, double done, double total)
{
    assay_lua_report *r = context;
    lua_State *L = r->L;
    if (r->interrupt && r->interrupt->report(r->interrupt->context, done, total))
        return 1;
    if (r->function == 0)
        return 0;
    lua_pushvalue(L, r->function);
    lua_pushnumber(L, done);
    lua_pushnumber(L, total);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        r->error = r->function + 1;
        lua_replace(L, r->error);
        return 1;
    }
    const int stop = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return stop;
}

void assay_lua_report_begin(lua_State *L, int at, assay_lua_report *report)
{
    *report = (assay_lua_report){.L = L, .interrupt = assay_lua_progress(L)};
    report->progress = (assay_progress){call, report};
    if (assay_opt_push(L, at, "progress")) {
        if (!lua_isfunction(L, -1))
            assay_arg_error(
                L, "progress must be a function (done, total), got a %s", luaL_typename(L, -1));
        report->function = lua_gettop(L);
    }
    lua_pushnil(L); /* where an error is kept */
    luaL_checkstack(L, 8, NULL);
}

void assay_lua_report_end(assay_lua_report *report, int status)
{
    if (report->error) {
        lua_pushvalue(report->L, report->error);
        lua_error(report->L);
    }
    assay_arg_status(report->L, status);
}
