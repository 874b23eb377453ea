/*
 * assay.task and assay.vocab: verifiable tasks and what their texts are made of (models/tasks).
 *
 *     local task = assay.task("countdown", {numbers = 4, max = 20})
 *     local p = task:problem(1, {split = "test", seed = 7})          p.prompt, p.answer
 *     local v = task:verify(p, "3*7+5-2")          v.correct, v.answer, v.reward, v.error
 *
 * The task's own options are checked by the task (models/tasks/task.c), which gets them as JSON.
 */
#include "lua/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/text.h"
#include "lua/args.h"
#include "lua/engine.h"
#include "lua/module.h"

#define TASK "assay.task"
#define VOCAB "assay.vocab"
#define CORPUS "assay.task.corpus"

/* ---- vocabularies ---- */

const assay_vocab *assay_lua_test_vocab(lua_State *L, int at)
{
    return luaL_testudata(L, at, VOCAB);
}

void assay_push_vocab(lua_State *L, const assay_vocab *vocab)
{
    assay_vocab *own = lua_newuserdatauv(L, sizeof *own, 0);
    *own = *vocab;
    luaL_setmetatable(L, VOCAB);
}

static const assay_vocab *self_vocab(lua_State *L)
{
    const assay_vocab *vocab = assay_lua_test_vocab(L, 1);
    if (!vocab)
        assay_arg_error(
            L, "called on a %s instead of a vocabulary (use \":\")", luaL_typename(L, 1));
    return vocab;
}

/* vocab([text]): that of the tasks, or the bytes of a text */
static int vocab(lua_State *L)
{
    assay_vocab made = assay_vocab_tasks();
    if (!lua_isnil(L, 1)) {
        size_t size;
        const char *text = assay_arg_bytes(L, 1, "text", &size);
        assay_arg_status(L, assay_vocab_of_text(text, size, &made));
    }
    assay_push_vocab(L, &made);
    return 1;
}

static int vocab_size(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)self_vocab(L)->size);
    return 1;
}

static int vocab_encode(lua_State *L)
{
    const assay_vocab *own = self_vocab(L);
    size_t n;
    const char *text = assay_arg_bytes(L, 2, "text", &n);
    int32_t *tokens = assay_lua_scratch(L, n, sizeof *tokens);
    assay_arg_status(L, assay_vocab_encode(own, text, n, tokens));
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, tokens[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int vocab_decode(lua_State *L)
{
    const assay_vocab *own = self_vocab(L);
    size_t n, size;
    const size_t *given = assay_arg_indices(L, 2, "tokens", 0, own->size, &n);
    int32_t *tokens = assay_lua_scratch(L, n, sizeof *tokens);
    char *text = assay_lua_scratch(L, n + 1, 1);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)given[i];
    assay_arg_status(L, assay_vocab_decode(own, tokens, n, text, &size));
    lua_pushlstring(L, text, size);
    return 1;
}

static int vocab_free(lua_State *L)
{
    (void)L; /* it owns nothing */
    return 0;
}

static int vocab_tostring(lua_State *L)
{
    lua_pushfstring(L, "vocabulary of %d tokens", (int)self_vocab(L)->size);
    return 1;
}

/* ---- tasks ---- */

const assay_task *assay_lua_test_task(lua_State *L, int at)
{
    assay_task **slot = luaL_testudata(L, at, TASK);
    return slot ? *slot : NULL;
}

static const assay_task *self(lua_State *L)
{
    const assay_task *task = assay_lua_test_task(L, 1);
    if (!task)
        assay_arg_error(L, "called on a %s instead of a task (use \":\")", luaL_typename(L, 1));
    return task;
}

static int task_free(lua_State *L)
{
    assay_task **slot = luaL_checkudata(L, 1, TASK);
    assay_task_free(*slot);
    *slot = NULL;
    return 0;
}

static int corpus_free(lua_State *L)
{
    char **text = lua_touserdata(L, 1);
    free(*text);
    *text = NULL;
    return 0;
}

/* The text of `file`, in an owner on top of the stack. */
static const char *read_corpus(lua_State *L, const char *file, size_t *size)
{
    char **text = lua_newuserdatauv(L, sizeof *text, 0);
    *text = NULL;
    if (luaL_newmetatable(L, CORPUS)) {
        lua_pushcfunction(L, corpus_free);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    assay_arg_status(L, assay_text_read(file, assay_lua_progress(L), text, size));
    return *text;
}

/* Options `file` or `text`, NULL without; pushes one value. */
static const char *corpus(lua_State *L, size_t *size)
{
    const char *file = assay_opt_string(L, 2, "file", NULL);
    const char *text = assay_opt_string(L, 2, "text", NULL);
    if (file && text)
        assay_arg_error(L, "give either file or text, not both");
    if (file)
        return read_corpus(L, file, size);
    assay_opt_push(L, 2, "text");
    *size = text ? lua_rawlen(L, -1) : 0;
    return text;
}

/* The other options, as JSON on top of the stack; NULL without. */
static const char *push_options(lua_State *L)
{
    if (lua_isnil(L, 2))
        return NULL;
    assay_lua_push_function(L, "task", assay_lua_json_encode);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2);) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(key, "file") == 0 || strcmp(key, "text") == 0) {
            lua_pop(L, 1);
        } else {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_settable(L, -4);
        }
    }
    lua_call(L, 1, 1);
    return lua_tostring(L, -1);
}

/* task(name, [options]) */
static int task(lua_State *L)
{
    const char *name = assay_arg_string(L, 1, "name");
    size_t size = 0;
    if (!lua_isnil(L, 2) && !lua_istable(L, 2))
        assay_arg_error(L, "options must be a table, got a %s", luaL_typename(L, 2));
    const char *text = corpus(L, &size);
    const char *options = push_options(L);
    assay_task **slot = lua_newuserdatauv(L, sizeof *slot, 0);
    *slot = NULL;
    luaL_setmetatable(L, TASK);
    assay_arg_status(L, assay_task_new(name, options, text, size, slot));
    return 1;
}

static const char *const splits[] = {"train", "test", NULL};

static void set_text(lua_State *L, const char *key, const char *text, size_t size)
{
    lua_pushlstring(L, text, size);
    lua_setfield(L, -2, key);
}

/* task:problem(i, {split=, seed=}) */
static int problem(lua_State *L)
{
    static const char *const known[] = {"split", "seed", NULL};
    const assay_task *own = self(L);
    const int64_t i = assay_arg_integer(L, 2, "i", 1, INT64_MAX);
    assay_opts_check(L, 3, known);
    const int split = assay_opt_choice(L, 3, "split", ASSAY_TASK_TRAIN, splits);
    const int64_t seed = assay_opt_integer(L, 3, "seed", 0, INT64_MIN, INT64_MAX);
    assay_task_problem *p = assay_lua_scratch(L, 1, sizeof *p);
    assay_arg_status(
        L, assay_task_generate(own, (assay_task_split)split, (uint64_t)seed, (uint64_t)i - 1, p));
    lua_createtable(L, 0, 5);
    set_text(L, "prompt", p->prompt, p->prompt_size);
    set_text(L, "answer", p->answer, p->answer_size);
    set_text(L, "split", splits[split], strlen(splits[split]));
    lua_pushinteger(L, i);
    lua_setfield(L, -2, "index");
    if (!assay_task_has_answers(own)) {
        lua_pushinteger(L, (lua_Integer)p->at + 1);
        lua_setfield(L, -2, "at");
    }
    return 1;
}

/* A problem's prompt, or a prompt. Pushes one value. */
static const char *prompt_of(lua_State *L, size_t *size)
{
    if (lua_istable(L, 2))
        lua_getfield(L, 2, "prompt");
    else
        lua_pushvalue(L, 2);
    return assay_arg_bytes(L, lua_gettop(L), "prompt", size);
}

/* task:verify(problem or prompt, answer) */
static int verify(lua_State *L)
{
    const assay_task *own = self(L);
    size_t size, answer_size;
    const char *answer = assay_arg_bytes(L, 3, "answer", &answer_size);
    const char *prompt = prompt_of(L, &size);
    assay_verdict *v = assay_lua_scratch(L, 1, sizeof *v);
    assay_arg_status(L, assay_task_verify(own, prompt, size, answer, answer_size, v));
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, v->correct);
    lua_setfield(L, -2, "correct");
    lua_pushnumber(L, v->reward);
    lua_setfield(L, -2, "reward");
    lua_pushstring(L, v->answer);
    lua_setfield(L, -2, "answer");
    lua_pushstring(L, assay_task_error_name(v->error));
    lua_setfield(L, -2, "error");
    return 1;
}

/* task:solutions(problem or prompt): those, and all trees */
static int solutions(lua_State *L)
{
    const assay_task *own = self(L);
    size_t size;
    uint64_t found, trees;
    const char *prompt = prompt_of(L, &size);
    assay_arg_status(L, assay_task_solutions(own, prompt, size, &found, &trees));
    lua_pushinteger(L, (lua_Integer)found);
    lua_pushinteger(L, (lua_Integer)trees);
    return 2;
}

static int task_name(lua_State *L)
{
    lua_pushstring(L, assay_task_name(self(L)));
    return 1;
}

static int task_options(lua_State *L)
{
    lua_pushstring(L, assay_task_options(self(L)));
    return 1;
}

static int task_vocab(lua_State *L)
{
    assay_vocab own;
    assay_arg_status(L, assay_task_vocab(self(L), &own));
    assay_push_vocab(L, &own);
    return 1;
}

static int task_longest(lua_State *L)
{
    size_t prompt, answer;
    assay_task_longest(self(L), &prompt, &answer);
    lua_pushinteger(L, (lua_Integer)prompt);
    lua_pushinteger(L, (lua_Integer)answer);
    return 2;
}

static int task_tostring(lua_State *L)
{
    const assay_task *own = self(L);
    lua_pushfstring(L, "task %s %s", assay_task_name(own), assay_task_options(own));
    return 1;
}

/* tasks(): {name, summary} of each */
static int tasks(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < assay_task_count(); i++) {
        const char *name = assay_task_name_at(i), *summary = assay_task_summary_at(i);
        lua_createtable(L, 0, 2);
        set_text(L, "name", name, strlen(name));
        set_text(L, "summary", summary, strlen(summary));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const luaL_Reg task_methods[] = {
    {"problem", problem},
    {"verify", verify},
    {"solutions", solutions},
    {"name", task_name},
    {"options", task_options},
    {"vocab", task_vocab},
    {"longest", task_longest},
    {NULL, NULL},
};

static const luaL_Reg vocab_methods[] = {
    {"size", vocab_size},
    {"encode", vocab_encode},
    {"decode", vocab_decode},
    {NULL, NULL},
};

int assay_lua_task(lua_State *L)
{
    assay_lua_class(L, TASK, "task", task_methods, task_free, task_tostring);
    assay_lua_push_function(L, "task", task);
    return 1;
}

int assay_lua_tasks(lua_State *L)
{
    assay_lua_push_function(L, "tasks", tasks);
    return 1;
}

int assay_lua_vocab(lua_State *L)
{
    assay_lua_class(L, VOCAB, "vocab", vocab_methods, vocab_free, vocab_tostring);
    assay_lua_push_function(L, "vocab", vocab);
    return 1;
}
