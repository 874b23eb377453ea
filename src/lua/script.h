/*
 * Within the engine: what its files share about a loaded script.
 */
#ifndef ASSAY_LUA_SCRIPT_H
#define ASSAY_LUA_SCRIPT_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/progress.h"
#include "lua/engine.h"

/* Registry keys: the chunk name ("@FILE") and the text of the script that a state was made for. */
#define ASSAY_SCRIPT_NAME "assay.script.name"
#define ASSAY_SCRIPT_TEXT "assay.script.text"

/* Push the value of src/lua/assay/NAME.lua; the module was opened before. */
void assay_prelude_push(lua_State *L, const char *name);

/*
 * Interrupts (interrupt.c). `running` is the thread that runs now, the main one or a coroutine.
 */
typedef struct assay_interrupt {
    lua_State *volatile running;
    const char *volatile reason; /* NULL: none asked for */
} assay_interrupt;

/* Make xpcall heed interrupts; the interrupt lives as long as L, in its extra space. */
void assay_interrupt_guard_handlers(lua_State *L, assay_interrupt *interrupt);
/* That, and let coroutine.resume and coroutine.wrap keep `running` true. */
void assay_interrupt_install(lua_State *L, assay_interrupt *interrupt);
/* Within a hook: raise the reason, with the place that runs. */
void assay_interrupt_error(lua_State *L);
/* Async-signal-safe. */
void assay_interrupt_raise(assay_interrupt *interrupt, const char *reason);
void assay_interrupt_clear(lua_State *L, assay_interrupt *interrupt);

/*
 * What Lua leaves open (order.c).
 */
/* In this state pairs goes by the order of keys, table.sort is stable, and math.random begins at
 * seed (0, 0); the libraries were opened before. */
void assay_order_install(lua_State *L);
/* math.random is not for experiments, but who uses it gets the same numbers again. */
void assay_order_seed(lua_State *L, uint64_t seed, int64_t index);

/*
 * The bare environment of listing (bare.c).
 */
typedef struct assay_limits {
    assay_interrupt interrupt;  /* first: the extra space points to both */
    size_t memory, most_memory; /* bytes held, and how many may be */
    uint64_t instructions, most_instructions;
    double deadline;   /* of the thread's processor time, seconds */
    char message[128]; /* once exceeded */
} assay_limits;

/* A state with the safe libraries only, whose memory is limited; NULL when there is none. The
 * limits live as long as the state. */
lua_State *assay_bare_new(assay_limits *limits);
/* Count anew, at most so many instructions and seconds; in force until the next call of this. Beyond
 * them the script ends with the message that `what` may take so much, and the advice. */
void assay_bare_arm(
    lua_State *L, uint64_t instructions, double seconds, const char *what, const char *advice);
/* Push the environment of a listed script; the module was opened before. */
void assay_bare_environment(lua_State *L);

/*
 * Cells (cell.c).
 */
/* Push the cell that `run` gets. On top of the stack stand its parameters and their canonical JSON,
 * and go. */
void assay_cell_push(lua_State *L, assay_interrupt *interrupt, const assay_cell_sink *sink,
    int64_t index, int64_t replicate, uint64_t seed);
/* The cell at `at` is over: its methods err from now on. The status of its sink, with the sink's
 * message, when the sink failed. */
int assay_cell_end(lua_State *L, int at);

#endif
