/*
 * assay apply: methods applied to files. What there is and what its options are is declared in Lua
 * (src/lua/assay/apply.lua), from which the parser and the help come; here are the command line and
 * the files.
 */
#include "cli/cli.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/scripting.h"
#include "core/status.h"
#include "lua/script.h"
#include "run/machine.h"

enum { OWN_OPTIONS = 5 };

/* The command line of one application. */
struct request {
    const char *output, *from, *to, *input;
    bool force, json;
    json_t *declared;                   /* its options */
    const char *text[CLI_MOST_OPTIONS]; /* what was given of each, or NULL */
    bool flag[CLI_MOST_OPTIONS];
};

/* Call apply.NAME with the arguments that are on top of the stack, whose module is at 1. */
static int call(lua_State *L, const char *name, int arguments, int results)
{
    lua_getfield(L, 1, name);
    lua_insert(L, -arguments - 1);
    return lua_pcall(L, arguments, results, 0);
}

/* What apply.describe tells of `name` (NULL: the list); NULL with the error on the stack. */
static json_t *describe(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    if (call(L, "describe", 1, 1) != LUA_OK)
        return NULL;
    json_t *about = json_loads(lua_tostring(L, -1), 0, NULL);
    lua_pop(L, 1);
    if (!about)
        lua_pushliteral(L, "out of memory");
    return about;
}

/* ---- the list ---- */

static void print_names(json_t *all)
{
    size_t i;
    json_t *entry;
    printf("\nWhat can be applied ('assay apply NAME --help' tells its options):\n");
    json_array_foreach(all, i, entry)
        printf("  %-19s %s\n", json_string_value(json_object_get(entry, "name")),
            json_string_value(json_object_get(entry, "title")));
}

static int list(json_t *all, bool json)
{
    static const char *const headings[] = {"NAME", "INPUT", "METHOD", "WHAT IT DOES"};
    size_t i;
    json_t *entry;
    cli_table *table = cli_table_new(4, headings);
    json_array_foreach(all, i, entry)
    {
        const char *method = json_string_value(json_object_get(entry, "method"));
        cli_table_cell(table, "%s", json_string_value(json_object_get(entry, "name")));
        cli_table_cell(table, "%s", json_string_value(json_object_get(entry, "input")));
        cli_table_cell(table, "%s", method ? method : "-");
        cli_table_cell(table, "%s", json_string_value(json_object_get(entry, "title")));
    }
    return cli_print_list(table, all, json);
}

/* assay apply, with --json or --help */
static int without_name(const cli_command *self, lua_State *L, int argc, char **argv)
{
    bool json = false, help = false;
    const cli_option options[] = {
        CLI_JSON(&json), {"help", 'h', CLI_HELP, NULL, NULL, &help}, CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage_error(self, "the NAME comes first, got \"%s\"", argv[1]);
    json_t *all = describe(L, NULL);
    if (!all)
        return cli_lua_failed(L);
    if (!help)
        return list(all, json);
    cli_help(self, options);
    print_names(all);
    json_decref(all);
    return CLI_DONE;
}

/* ---- one application ---- */

/* The options that are declared, then those of files. */
static void build_options(struct request *request, cli_option *options)
{
    size_t i, count = 0;
    json_t *declared;
    json_array_foreach(request->declared, i, declared)
    {
        const char *flag = json_string_value(json_object_get(declared, "flag"));
        const char *argument = json_string_value(json_object_get(declared, "argument"));
        const char *help = json_string_value(json_object_get(declared, "help"));
        options[count++] =
            (cli_option){flag, strcmp(flag, "seed") == 0 ? 's' : 0, argument ? CLI_TEXT : CLI_FLAG,
                argument, help, argument ? (void *)&request->text[i] : (void *)&request->flag[i]};
    }
    options[count++] = (cli_option){"output", 'o', CLI_TEXT, "FILE",
        "what is written (default: -, the standard output)", &request->output};
    options[count++] =
        (cli_option){"force", 'f', CLI_FLAG, NULL, "replace a file that exists", &request->force};
    options[count++] = (cli_option){"from", 0, CLI_TEXT, "FORMAT",
        "of the input, where its name doesn't tell: csv, jsonl, npy, idx, ply, off, obj, xyz",
        &request->from};
    options[count++] =
        (cli_option){"to", 0, CLI_TEXT, "FORMAT", "of the output, the same way", &request->to};
    options[count++] =
        (cli_option){"json", 0, CLI_FLAG, NULL, "tell what was done as JSON", &request->json};
    options[count] = (cli_option)CLI_OPTIONS_END;
}

/* What apply.prepare takes. */
static char *request_json(const struct request *request, const char *name)
{
    size_t i;
    json_t *declared, *given = json_object();
    json_array_foreach(request->declared, i, declared)
    {
        const char *key = json_string_value(json_object_get(declared, "name"));
        if (request->text[i])
            json_object_set_new(given, key, json_string(request->text[i]));
        else if (request->flag[i])
            json_object_set_new(given, key, json_true());
    }
    json_t *all = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:i, s:o}", "name", name, "input",
        request->input, "output", request->output, "from", request->from, "to", request->to,
        "processors", assay_machine_cores(), "options", given);
    char *text = all ? json_dumps(all, 0) : NULL; /* NULL: not UTF-8 */
    json_decref(all);
    return text;
}

/* Leaves the plan on the stack; the formats are those of its files. */
static int prepare(const cli_command *self, lua_State *L, const struct request *request,
    const char *name, json_t **formats)
{
    char *text = request_json(request, name);
    if (!text)
        return cli_usage_error(self, "the command line is not UTF-8");
    lua_pushstring(L, text);
    free(text);
    if (call(L, "prepare", 1, 2) != LUA_OK)
        return cli_usage_error(self, "%s", luaL_tolstring(L, -1, NULL));
    *formats = json_loads(lua_tostring(L, -1), 0, NULL);
    lua_pop(L, 1);
    return *formats ? CLI_DONE : CLI_FAILED;
}

/* The plan is on top of the stack. Print what was done. */
static int compute(
    lua_State *L, const struct request *request, const char *input, cli_output *output)
{
    lua_pushstring(L, input);
    lua_pushstring(L, output->temporary);
    if (call(L, "run", 3, 2) != LUA_OK) {
        cli_output_drop(output);
        return cli_lua_failed(L);
    }
    const bool streamed = output->stream >= 0;
    if (cli_output_publish(output))
        return cli_failed();
    if (request->json)
        return cli_print_json(json_loads(lua_tostring(L, -1), 0, NULL));
    if (!streamed)
        printf("%s\n", lua_tostring(L, -2));
    else if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s\n", lua_tostring(L, -2));
    return CLI_DONE;
}

static int apply_prepared(lua_State *L, const struct request *request, json_t *formats)
{
    const char *from = json_string_value(json_object_get(formats, "from"));
    const char *to = json_string_value(json_object_get(formats, "to"));
    char *input = NULL;
    bool copied = false;
    cli_output output;
    if (strcmp(to, "npy") == 0 && strcmp(request->output, "-") == 0 && isatty(STDOUT_FILENO)) {
        fprintf(stderr, "assay: an array is nothing for a terminal; -o names a file\n");
        return CLI_USAGE;
    }
    if (cli_output_open(request->output, to, request->force, &output))
        return cli_failed();
    if (cli_input_open(request->input, from, &input, &copied)) {
        cli_output_drop(&output);
        return cli_failed();
    }
    const int status = compute(L, request, input, &output);
    if (copied)
        unlink(input);
    free(input);
    return status;
}

static int with_name(lua_State *L, json_t *about, int argc, char **argv)
{
    struct request request = {.output = "-", .declared = json_object_get(about, "options")};
    cli_option options[CLI_MOST_OPTIONS + 1];
    char name[64], text[512];
    const char *more = json_string_value(json_object_get(about, "about"));
    snprintf(name, sizeof name, "apply %s", argv[0]);
    snprintf(text, sizeof text, "FILE is %s; - is the standard input.%s%s",
        json_string_value(json_object_get(about, "takes")), more ? "\n" : "", more ? more : "");
    const cli_command self = {
        name, "FILE", json_string_value(json_object_get(about, "title")), text, NULL};
    if (json_array_size(request.declared) + OWN_OPTIONS > CLI_MOST_OPTIONS) {
        fprintf(stderr, "assay: %s has too many options\n", name);
        return CLI_FAILED;
    }
    build_options(&request, options);
    int first, status = cli_parse(&self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first != 1)
        return cli_usage_error(&self, "give one FILE, got %d", argc - first);
    if (request.json && strcmp(request.output, "-") == 0)
        return cli_usage_error(&self, "--json needs --output, as both would be printed");
    request.input = argv[first];
    json_t *formats = NULL;
    status = prepare(&self, L, &request, argv[0], &formats);
    if (status == CLI_DONE)
        status = apply_prepared(L, &request, formats);
    json_decref(formats);
    return status;
}

static int apply(const cli_command *self, int argc, char **argv)
{
    lua_State *L = cli_lua_new("interrupted");
    if (!L)
        return CLI_FAILED;
    assay_prelude_push(L, "apply");
    int status;
    if (argc < 2 || argv[1][0] == '-') {
        status = without_name(self, L, argc, argv);
    } else {
        json_t *about = describe(L, argv[1]);
        status = about ? with_name(L, about, argc - 1, argv + 1)
                       : cli_usage_error(self, "%s", luaL_tolstring(L, -1, NULL));
        json_decref(about);
    }
    lua_close(L);
    return status;
}

const cli_command cli_apply = {"apply", "[NAME [OPTION]... FILE]", "Apply a method to a file",
    "NAME is one of those below; without it they are listed. FILE is CSV, JSON lines, NPY, a "
    "cloud\n"
    "of points (PLY, OFF, OBJ, XYZ) or a log of samples. What is written appears whole or not at "
    "all.",
    apply};
