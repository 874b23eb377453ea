/* assay new: a documented experiment that runs as it is, or one that is composed of choices. */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/status.h"
#include "lua/composer.h"
#include "lua/engine.h"

static bool good_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-' && *c != '_')
            return false;
    return *name != '\0';
}

static void fill(FILE *file, const char *text, const char *name)
{
    for (const char *mark; (mark = strstr(text, "@NAME@")) != NULL; text = mark + strlen("@NAME@"))
        fprintf(file, "%.*s%s", (int)(mark - text), text, name);
    fputs(text, file);
}

/* NAME.lua with the text, in which every @NAME@ is the name. */
static int write_experiment(const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.lua", name);
    FILE *file = fopen(path, "wx");
    if (!file) {
        fprintf(stderr, "assay: %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    fill(file, text, name);
    fchmod(fileno(file), 0755);
    if (fclose(file) != 0) {
        fprintf(stderr, "assay: %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    printf("%s\nNext: assay run %s    then: assay plot\n", path, path);
    return CLI_DONE;
}

/* ---- composing ---- */

/* FIELD=VALUE operands as an object. */
static int read_choices(const cli_command *self, int count, char **operands, json_t *choices)
{
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(operands[i], '=');
        if (!equals || equals == operands[i])
            return cli_usage_error(self, "give FIELD=VALUE, got \"%s\"", operands[i]);
        char *field = strndup(operands[i], (size_t)(equals - operands[i]));
        json_t *value = json_string(equals + 1);
        if (!field || !value || json_object_set_new(choices, field, value)) {
            free(field);
            return cli_usage_error(self, "\"%s\" is not UTF-8 text", operands[i]);
        }
        free(field);
    }
    return CLI_DONE;
}

static int compose(const char *name, const json_t *choices, json_t **result)
{
    assay_composer *composer = NULL;
    const char *text = NULL;
    char *asked = json_dumps(choices, JSON_COMPACT);
    *result = NULL;
    int status = asked ? assay_composer_open(&composer) : assay_fail(ASSAY_ENOMEM, "out of memory");
    if (status == ASSAY_OK)
        status = assay_composer_apply(composer, name, asked, &text);
    if (status == ASSAY_OK)
        *result = json_loads(text, 0, NULL);
    free(asked);
    assay_composer_close(composer);
    return *result ? CLI_DONE : cli_failed();
}

static void print_field(const json_t *field)
{
    const json_t *choices = json_object_get(field, "choices"),
                 *value = json_object_get(field, "value");
    const char *error = json_string_value(json_object_get(field, "error"));
    size_t i;
    json_t *choice;
    printf("%s%s%s", cli_paint("bold"), json_string_value(json_object_get(field, "name")),
        cli_plain());
    if (json_is_string(value))
        printf(" = %s", json_string_value(value));
    printf("    %s%s%s\n", cli_paint("dim"), json_string_value(json_object_get(field, "doc")),
        cli_plain());
    if (error)
        printf("    %s%s%s\n", cli_paint("bad"), error, cli_plain());
    json_array_foreach(choices, i, choice)
    {
        const char *name = json_string_value(json_object_get(choice, "value"));
        const char *doc = json_string_value(json_object_get(choice, "doc"));
        const char *why = json_string_value(json_object_get(choice, "why"));
        printf("  %s %s%s%s%s%s%s\n",
            assay_composer_holds(value, name) ? "*"
            : why                             ? "-"
                                              : " ",
            cli_paint(why ? "dim" : ""), name, why || doc ? ": " : "",
            why   ? why
            : doc ? doc
                  : "",
            why && doc ? "" : "", cli_plain());
    }
}

static int show_fields(json_t *result, bool json)
{
    const json_t *fields = json_object_get(result, "fields");
    size_t i;
    json_t *field;
    if (json)
        return cli_print_json(json_incref(result));
    json_array_foreach(fields, i, field) print_field(field);
    return CLI_DONE;
}

static int write_composed(const cli_command *self, const char *name, const json_t *result)
{
    const char *problem = json_string_value(json_object_get(result, "problem"));
    if (problem)
        return cli_usage_error(
            self, "%s ('assay new --fields FIELD=VALUE...' shows the choices)", problem);
    return write_experiment(name, json_string_value(json_object_get(result, "text")));
}

static int composed(
    const cli_command *self, const char *name, bool fields, bool json, int count, char **operands)
{
    json_t *choices = json_object(), *result = NULL;
    int status = read_choices(self, count, operands, choices);
    if (status == CLI_DONE)
        status = compose(name, choices, &result);
    const char *unknown = json_string_value(json_object_get(result, "unknown"));
    const char *problem = json_string_value(json_object_get(result, "problem"));
    if (status == CLI_DONE && unknown && (!problem || fields))
        status = cli_usage_error(self, "%s", unknown);
    else if (status == CLI_DONE)
        status = fields ? show_fields(result, json) : write_composed(self, name, result);
    json_decref(choices);
    json_decref(result);
    return status;
}

static int new_experiment(const cli_command *self, int argc, char **argv)
{
    bool fields = false, json = false;
    const cli_option options[] = {
        {"fields", 'f', CLI_FLAG, NULL, "show what can be chosen, and why the rest can't", &fields},
        CLI_JSON(&json), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (fields)
        return composed(self, "composed", true, json, argc - first, argv + first);
    if (json)
        return cli_usage_error(self, "--json goes with --fields");
    if (first == argc)
        return cli_usage_error(self, "give a NAME");
    const char *name = argv[first++];
    if (!good_name(name))
        return cli_usage_error(self, "NAME must be of a-z, 0-9, - and _, got \"%s\"", name);
    return first < argc ? composed(self, name, false, false, argc - first, argv + first)
                        : write_experiment(name, assay_experiment_template());
}

const cli_command cli_new = {"new", "NAME [FIELD=VALUE...] | --fields [FIELD=VALUE...]",
    "Write an experiment, NAME.lua",
    "The file runs as it is and explains itself; assay-experiment(5) has all fields of one. With\n"
    "fields it compares methods of the catalogue on a testbed without a line of Lua:\n"
    "\n"
    "    assay new mine methods=SMOTE,copies testbed=pima x=k measure=auc\n"
    "\n"
    "What is left out has a default that fits. --fields tells the fields that there are after the\n"
    "given ones, their choices (*: chosen, -: can't be, and why), and whether they make an\n"
    "experiment. Any parameter is a field; a list of values is swept.",
    new_experiment};
