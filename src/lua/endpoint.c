/*
 * assay.models.endpoint: a language model behind an OpenAI-compatible server (models/endpoint.h).
 *
 *     local e = assay.models.endpoint { url = "http://127.0.0.1:8000/v1", model = "llama" }
 *     local log, usage = e:sample({ "What is 6 * 7?" }, { n = 100, temperature = 0.8 })
 */
#include "lua/args.h"
#include "lua/module.h"
#include "lua/report.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "core/status.h"
#include "models/endpoint.h"

#define ENDPOINT "assay.endpoint"

static assay_endpoint *self(lua_State *L)
{
    assay_endpoint **e = luaL_testudata(L, 1, ENDPOINT);
    if (!e || !*e)
        assay_arg_error(
            L, "called on a %s instead of an endpoint (use \":\")", luaL_typename(L, 1));
    return *e;
}

static int endpoint_free(lua_State *L)
{
    assay_endpoint **e = luaL_checkudata(L, 1, ENDPOINT);
    assay_endpoint_free(*e);
    *e = NULL;
    return 0;
}

/* Neither the key nor its variable. */
static int endpoint_text(lua_State *L)
{
    lua_pushliteral(L, "endpoint");
    return 1;
}

/* ---- making ---- */

/* keep: true (by default) for the user's directory, false for none, or a directory. */
static const char *journal_option(lua_State *L, char *own, size_t size)
{
    if (assay_opt_push(L, 1, "keep") && lua_type(L, -1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        assay_arg_error(
            L, "keep must be true, false or a directory, got a %s", luaL_typename(L, -1));
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        return NULL;
    assay_arg_status(L, assay_endpoint_directory(own, size));
    return own;
}

static const char *required_text(lua_State *L, const char *name)
{
    const char *text = assay_opt_string(L, 1, name, NULL);
    if (!text || !*text)
        assay_arg_error(L, "%s must be given", name);
    return text;
}

/* endpoint{url=, model=, kind="chat", key=, insecure=, in_flight=8, batch=8, retries=8, backoff=1,
 * timeout=600, largest=2^26, keep=true, prompt_price=0, completion_price=0} */
static int endpoint(lua_State *L)
{
    static const char *const known[] = {"url", "model", "kind", "key", "insecure", "in_flight",
        "batch", "retries", "backoff", "timeout", "largest", "keep", "prompt_price",
        "completion_price", NULL};
    static const char *const kinds[] = {"chat", "text", NULL};
    char own[PATH_MAX];
    assay_opts_check(L, 1, known);
    assay_endpoint_options o = {.url = required_text(L, "url"), .model = required_text(L, "model")};
    o.text = assay_opt_choice(L, 1, "kind", 0, kinds) == 1;
    o.key = assay_opt_string(L, 1, "key", NULL);
    o.insecure = assay_opt_boolean(L, 1, "insecure", false);
    o.in_flight = (size_t)assay_opt_integer(L, 1, "in_flight", 8, 1, 1024);
    o.batch = (size_t)assay_opt_integer(L, 1, "batch", 8, 1, 1 << 20);
    const int retries = (int)assay_opt_integer(L, 1, "retries", 8, 0, 1000);
    o.retries = retries > 0 ? retries : -1;
    o.backoff = assay_opt_number(L, 1, "backoff", 1, ASSAY_POSITIVE, 1e6);
    o.timeout = assay_opt_number(L, 1, "timeout", 600, 0.001, 1e6);
    o.largest = (size_t)assay_opt_integer(L, 1, "largest", 1 << 26, 1024, (int64_t)1 << 40);
    o.prompt_price = assay_opt_number(L, 1, "prompt_price", 0, 0, ASSAY_FINITE);
    o.completion_price = assay_opt_number(L, 1, "completion_price", 0, 0, ASSAY_FINITE);
    o.journal = journal_option(L, own, sizeof own);
    assay_endpoint **slot = lua_newuserdatauv(L, sizeof *slot, 0);
    *slot = NULL;
    luaL_setmetatable(L, ENDPOINT);
    assay_arg_status(L, assay_endpoint_new(&o, slot));
    return 1;
}

/* ---- sampling ---- */

/* Replace the value on top by its JSON. */
static const char *encode(lua_State *L)
{
    assay_lua_push_function(L, "endpoint:sample", assay_lua_json_encode);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
    return lua_tostring(L, -1);
}

/* The list of texts at `at` as pointers; what keeps them is pushed. Each goes through `read`. */
static const char **read_list(lua_State *L, int at, const char *name, size_t *count,
    const char *(*read)(lua_State *L, const char *name, size_t i))
{
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a list, got a %s", name, luaL_typename(L, at));
    *count = (size_t)luaL_len(L, at);
    const char **out = assay_lua_scratch(L, *count ? *count : 1, sizeof *out);
    lua_createtable(L, *count < INT_MAX ? (int)*count : 0, 0);
    for (size_t i = 0; i < *count; i++) {
        lua_geti(L, at, (lua_Integer)i + 1);
        out[i] = read(L, name, i + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return out;
}

static const char *read_text(lua_State *L, const char *name, size_t i)
{
    if (lua_type(L, -1) != LUA_TSTRING || strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1))
        assay_arg_error(L, "%s[%zu] must be a text, got a %s", name, i, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

static const char *read_prompt(lua_State *L, const char *name, size_t i)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        read_text(L, name, i);
    else if (lua_type(L, -1) != LUA_TTABLE)
        assay_arg_error(L, "%s[%zu] must be a text or a list of messages, got a %s", name, i,
            luaL_typename(L, -1));
    return encode(L);
}

static void read_stop(lua_State *L, int at, assay_endpoint_sampling *s)
{
    if (!assay_opt_push(L, at, "stop"))
        return;
    if (lua_type(L, -1) == LUA_TSTRING) { /* one is a list of one */
        lua_createtable(L, 1, 0);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
    }
    s->stop = read_list(L, lua_gettop(L), "stop", &s->stops, read_text);
}

static void read_sampling(lua_State *L, int at, assay_endpoint_sampling *s)
{
    s->n = (size_t)assay_opt_integer(L, at, "n", 1, 1, 1 << 24);
    s->temperature = assay_opt_number(L, at, "temperature", NAN, 0, ASSAY_FINITE);
    s->top_p = assay_opt_number(L, at, "top_p", NAN, 0, 1);
    s->min_p = assay_opt_number(L, at, "min_p", NAN, 0, 1);
    s->max_tokens = assay_opt_integer(L, at, "max_tokens", 0, 1, (int64_t)1 << 32);
    s->seed = assay_opt_integer(L, at, "seed", -1, 0, INT64_MAX);
    s->logprobs = assay_opt_boolean(L, at, "logprobs", false);
    read_stop(L, at, s);
    if (assay_opt_push(L, at, "extra")) {
        if (!lua_istable(L, -1))
            assay_arg_error(L, "extra must be a table of fields, got a %s", luaL_typename(L, -1));
        s->extra = encode(L);
    }
}

static void push_usage(lua_State *L, const assay_endpoint_usage *u)
{
    const struct {
        const char *name;
        double value;
        bool whole;
    } fields[] = {{"samples", (double)u->samples, true}, {"kept", (double)u->kept, true},
        {"requests", (double)u->requests, true}, {"retries", (double)u->retries, true},
        {"prompt_tokens", u->prompt_tokens, false},
        {"completion_tokens", u->completion_tokens, false}, {"cost", u->cost, false}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].whole)
            lua_pushinteger(L, (lua_Integer)fields[i].value);
        else
            lua_pushnumber(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
}

/* e:sample(prompts, {n=1, temperature=, top_p=, min_p=, max_tokens=, seed=, stop=, logprobs=false,
 * extra=, problems=, progress=}): a log of samples, usage */
static int endpoint_sample(lua_State *L)
{
    static const char *const known[] = {"n", "temperature", "top_p", "min_p", "max_tokens", "seed",
        "stop", "logprobs", "extra", "problems", "progress", NULL};
    assay_endpoint *e = self(L);
    assay_endpoint_sampling sampling = ASSAY_ENDPOINT_SAMPLING;
    size_t count = 0, named = 0;
    const char **problems = NULL;
    assay_opts_check(L, 3, known);
    read_sampling(L, 3, &sampling);
    const char **prompts = read_list(L, 2, "prompts", &count, read_prompt);
    if (assay_opt_push(L, 3, "problems"))
        problems = read_list(L, lua_gettop(L), "problems", &named, read_text);
    if (problems && named != count)
        assay_arg_error(L, "problems must be %zu names, one a prompt, got %zu", count, named);
    assay_table *log = NULL;
    assay_endpoint_usage usage;
    assay_lua_report report;
    assay_lua_report_begin(L, 3, &report);
    assay_lua_report_end(&report, assay_endpoint_sample(e, prompts, problems, count, &sampling,
                                      &report.progress, &log, &usage));
    assay_push_table(L, log);
    push_usage(L, &usage);
    return 2;
}

static const luaL_Reg methods[] = {
    {"sample", endpoint_sample},
    {NULL, NULL},
};

void assay_lua_endpoint(lua_State *L)
{
    assay_lua_class(L, ENDPOINT, "endpoint", methods, endpoint_free, endpoint_text);
    assay_lua_push_function(L, "models.endpoint", endpoint);
}
