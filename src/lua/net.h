/* Nets as arguments of Lua calls, and what the files of assay.net share. */
#ifndef ASSAY_LUA_NET_H
#define ASSAY_LUA_NET_H

#include <lua.h>
#include <lauxlib.h>

#include "lua/report.h"
#include "models/net/net.h"
#include "models/net/optimiser.h"

#define ASSAY_LUA_NET "assay.net"

/* A net and the functions of Lua that hook into it, which it calls in the state that called it. */
typedef struct assay_net_handle {
    assay_net *net;
    lua_State *L;
    struct assay_lua_hook *hooks; /* a list */
    bool calls_lua;               /* a layer's input goes through Lua: one thread only */
} assay_net_handle;

/* The net of a method, argument 1, which is told the state it is called in. */
assay_net_handle *assay_arg_net(lua_State *L);

/* Push an owner, empty at first. */
assay_net_handle *assay_lua_push_net(lua_State *L);

/* Raise what a hook raised, else the status, if there is one. */
void assay_lua_net_status(lua_State *L, assay_net_handle *self, int status);
/* The same at the end of a report. */
void assay_lua_net_end(assay_net_handle *self, assay_lua_report *report, int status);

/* Keep the error on top of the stack (popped), for assay_lua_net_status; an ASSAY_ESCRIPT. */
int assay_lua_net_keep(lua_State *L, assay_net_handle *self);

/* The options loss, smoothing and delta of the table at `at`. */
assay_net_loss assay_opt_net_loss(lua_State *L, int at, const assay_net *net);

/* X and y at two places of the stack; pushes values that keep the memory. `weights`: also the
 * option of the table at `options`. */
assay_net_data assay_arg_net_data(lua_State *L, int x, int y, const assay_net *net,
    const assay_net_loss *loss, int options, bool weights);

/* lr, momentum and so on from the table at `at`; `steps` 0: from the option of that name. */
assay_optimiser_options assay_opt_optimiser(
    lua_State *L, int at, assay_optimiser_kind kind, size_t steps);
extern const char *const assay_optimiser_names[];

/* The lists of functions that net.c puts together. */
extern const luaL_Reg assay_lua_net_builders[];
int assay_lua_net_train(lua_State *L);    /* net:train */
int assay_lua_net_eps(lua_State *L);      /* net:eps */
int assay_lua_net_averaged(lua_State *L); /* net:averaged */
void assay_lua_net_class(lua_State *L);

/* For serial.c: the bytes of the net at `at`, to be freed (NULL: it is none); push the net of
 * bytes. */
unsigned char *assay_lua_net_bytes(lua_State *L, int at, size_t *size);
bool assay_lua_net_from_bytes(lua_State *L, const void *bytes, size_t size);

#endif
