/* assay serve: a model of a script under OpenAI's protocol, for other tools and for tests. */
#include "cli/cli.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "cli/scripting.h"
#include "core/status.h"
#include "lua/script.h"
#include "run/serve.h"

enum { MODEL = 1, ANSWER = 2 }; /* what stands at the bottom of the stack */

static char *complete(void *context, const char *request)
{
    lua_State *L = context;
    char *answer = NULL;
    lua_pushvalue(L, ANSWER);
    lua_pushvalue(L, MODEL);
    lua_pushstring(L, request);
    if (lua_pcall(L, 2, 1, 0) == LUA_OK)
        answer = strdup(lua_tostring(L, -1));
    else
        assay_fail(ASSAY_ESCRIPT, "%s", luaL_tolstring(L, -1, NULL));
    if (!answer)
        fprintf(stderr, "assay: %s\n", assay_errmsg());
    lua_settop(L, ANSWER);
    return answer;
}

/* Leave the model and serve.answer at the bottom of the stack. */
static int load_model(lua_State *L, const char *path)
{
    assay_prelude_push(L, "serve");
    lua_getfield(L, -1, "model");
    if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK ||
        lua_pcall(L, 1, 1, 0) != LUA_OK)
        return cli_lua_failed(L);
    lua_insert(L, MODEL);
    lua_settop(L, 2);
    lua_getfield(L, 2, "answer");
    lua_replace(L, ANSWER);
    return CLI_DONE;
}

static int listen_until_end(const assay_serve_options *options)
{
    assay_serve *serve;
    if (assay_serve_start(options, &serve))
        return cli_failed();
    if (!assay_serve_is_local(serve))
        fprintf(stderr,
            "assay: whoever can reach %s can use the model: there is no key, and nothing is "
            "encrypted\n",
            options->host);
    printf("%s serves %s\n", assay_serve_url(serve), options->name);
    fflush(stdout);
    int status = ASSAY_OK;
    while (!cli_lua_ended() && !status)
        status = assay_serve_step(serve, 500);
    assay_serve_stop(serve);
    return status && !cli_lua_ended() ? cli_failed() : CLI_DONE;
}

/* "models/sums.lua" is called "sums" unless --name says otherwise. */
static const char *name_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out)
        *dot = '\0';
    return out;
}

static int serve(const cli_command *self, int argc, char **argv)
{
    assay_serve_options o = {.host = "127.0.0.1", .complete = complete};
    int64_t port = 8000, most = 256;
    char own[128];
    const cli_option options[] = {
        {"port", 'p', CLI_INTEGER, "N", "where it listens; 0: where there is room (default: 8000)",
            &port},
        {"host", 0, CLI_TEXT, "ADDRESS",
            "on which address (default: 127.0.0.1, this machine alone)", &o.host},
        {"name", 'n', CLI_TEXT, "NAME", "what the model is called (default: the file's name)",
            &o.name},
        {"max-tokens", 0, CLI_COUNT, "N", "of a request that says nothing of it (default: 256)",
            &most},
        CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first != 1)
        return cli_usage_error(self, "give one FILE");
    if (port < 0 || port > 65535)
        return cli_usage_error(self, "--port must be in 0..65535, got %lld", (long long)port);
    lua_State *L = cli_lua_new("assay serve ends");
    if (!L)
        return CLI_FAILED;
    o.name = o.name ? o.name : name_of(argv[first], own, sizeof own);
    o.port = (int)port;
    o.max_tokens = most;
    o.context = L;
    status = load_model(L, argv[first]);
    if (status == CLI_DONE)
        status = listen_until_end(&o);
    lua_close(L);
    return status;
}

const cli_command cli_serve = {"serve", "FILE", "Offer a model under OpenAI's protocol",
    "FILE is a Lua script that returns a language model, or a function of a request that\n"
    "returns its choices; see assay-lua(3). Offered are /v1/models, /v1/completions and\n"
    "/v1/chat/completions, one request at a time. SIGTERM ends it.",
    serve};
