/* Tasks and vocabularies as userdata, for bindings that take them (tasks.c). */
#ifndef ASSAY_LUA_TASKS_H
#define ASSAY_LUA_TASKS_H

#include <lua.h>

#include "models/tasks/task.h"
#include "models/vocab.h"

/* The value at `at` when it is one, else NULL. It lives as long as that value. */
const assay_task *assay_lua_test_task(lua_State *L, int at);
const assay_vocab *assay_lua_test_vocab(lua_State *L, int at);

void assay_push_vocab(lua_State *L, const assay_vocab *vocab);

#endif
