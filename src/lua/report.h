/*
 * Progress of a long primitive, told to Lua. The option `progress` of a call is a function (done,
 * total); a true result stops the call, which then raises "cancelled". With or without it, an
 * interrupt of the running cell stops the call.
 *
 * No error leaves through the primitive, which owns memory: it is kept, the primitive is told to
 * stop, and assay_lua_report_end raises it.
 */
#ifndef ASSAY_LUA_REPORT_H
#define ASSAY_LUA_REPORT_H

#include <lua.h>

#include "core/progress.h"

typedef struct assay_lua_report {
    lua_State *L;
    int function; /* stack index, or 0 */
    int error;    /* stack index of the kept error, or 0 */
    const assay_progress *interrupt;
    assay_progress progress; /* for the primitive */
} assay_lua_report;

/* Reads the option of the table at `at`; pushes two values, which must stay until the end. */
void assay_lua_report_begin(lua_State *L, int at, assay_lua_report *report);

/* Raises the kept error, else the status, if there is one. */
void assay_lua_report_end(assay_lua_report *report, int status);

#endif
