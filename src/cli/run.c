/* assay run: start an experiment, in place or detached; and its --help, made of the declaration. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/running.h"
#include "core/status.h"
#include "lua/engine.h"

static void print_value(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (json_is_string(value))
        printf("%s", json_string_value(value));
    else
        printf("%s", text ? text : "?");
    free(text);
}

static void print_default(const json_t *value)
{
    if (!json_is_array(value)) {
        print_value(value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        printf(i ? "," : "");
        print_value(json_array_get(value, i));
    }
}

/* ", 1..100", ", at least 1" */
static void print_range(const json_t *param)
{
    const json_t *min = json_object_get(param, "min"), *max = json_object_get(param, "max");
    if (!json_is_number(min) && !json_is_number(max))
        return;
    printf(json_is_number(min) && json_is_number(max) ? ", "
           : json_is_number(min)                      ? ", at least "
                                                      : ", at most ");
    if (json_is_number(min))
        print_value(min);
    if (json_is_number(min) && json_is_number(max))
        printf("..");
    if (json_is_number(max))
        print_value(max);
}

static void print_choices(const json_t *choices)
{
    size_t column = 0;
    for (size_t i = 0; i < json_array_size(choices); i++) {
        char *text = json_dumps(json_array_get(choices, i), JSON_ENCODE_ANY);
        if (i == 0 || column + strlen(text ? text : "") > 72) {
            printf(i ? "\n%14s" : "%14s", "");
            column = 14;
        }
        column +=
            (size_t)printf(i + 1 < json_array_size(choices) ? "%s, " : "%s\n", text ? text : "?");
        free(text);
    }
}

static void print_param(const json_t *param)
{
    const char *doc = json_string_value(json_object_get(param, "doc"));
    printf("  %-12s", json_string_value(json_object_get(param, "name")));
    printf("%s%s%s", doc ? doc : "", doc ? "; " : "",
        json_string_value(json_object_get(param, "type")));
    print_range(param);
    printf(" (");
    print_default(json_object_get(param, "default"));
    printf(")\n");
    print_choices(json_object_get(param, "choices"));
}

/* As they could be typed: quick  problems=24 samples=1000 */
static void print_presets(json_t *presets)
{
    const char *name, *param;
    json_t *preset, *value;
    if (json_object_size(presets) > 0)
        printf("\nPresets (--preset):\n");
    json_object_foreach(presets, name, preset)
    {
        printf("  %-12s", name);
        json_object_foreach(preset, param, value)
        {
            printf("%s=", param);
            print_default(value);
            printf(" ");
        }
        printf("\n");
    }
}

/* What a script declares becomes its help. */
static int script_help(const char *path)
{
    assay_experiment *experiment = NULL;
    if (assay_experiment_open(path, NULL, ASSAY_LOAD_LIST, &experiment))
        return cli_failed();
    const char *text = assay_experiment_describe(experiment);
    json_t *about = text ? json_loads(text, 0, NULL) : NULL;
    if (!about) {
        assay_experiment_close(experiment);
        return cli_failed();
    }
    const char *title = json_string_value(json_object_get(about, "title"));
    printf("\n%s: %s\n\nParameters (NAME=VALUE; a list a,b,c is swept), with their defaults:\n",
        assay_experiment_name(experiment), title ? title : "");
    size_t i;
    json_t *param;
    json_array_foreach(json_object_get(about, "params"), i, param) print_param(param);
    print_presets(json_object_get(about, "presets"));
    json_decref(about);
    assay_experiment_close(experiment);
    return CLI_DONE;
}

static int read_settings(
    const cli_command *self, char **words, int count, assay_setting *settings, size_t *used)
{
    for (int i = 0; i < count; i++) {
        char *equals = strchr(words[i], '=');
        if (!equals || equals == words[i])
            return cli_usage_error(self, "\"%s\" is not NAME=VALUE", words[i]);
        *equals = '\0';
        settings[(*used)++] = (assay_setting){words[i], equals + 1};
    }
    return -1;
}

static int start(const char *path, const assay_run_options *options)
{
    int64_t run = 0;
    assay_run_state state = ASSAY_RUN_QUEUED;
    if (assay_run_start(path, options, &run, &state))
        return cli_failed();
    if (!options->detach)
        return cli_report_run(options->database, run, state, options->quiet);
    printf("run %lld started; 'assay watch %lld' follows it, 'assay cancel %lld' stops it\n",
        (long long)run, (long long)run, (long long)run);
    return CLI_DONE;
}

static int run(const cli_command *self, int argc, char **argv)
{
    cli_run_flags flags = {.seed = 1};
    bool help = false, detach = false;
    const char *preset = NULL;
    int64_t replicates = 0;
    const cli_option options[] = {
        {"preset", 'p', CLI_TEXT, "NAME", "start from the preset NAME of the script", &preset},
        {"replicates", 'r', CLI_COUNT, "N", "replicates of each grid point (default: the script's)",
            &replicates},
        {"seed", 's', CLI_INTEGER, "N", "seed of all randomness (default: 1)", &flags.seed},
        {"detach", 0, CLI_FLAG, NULL, "return at once; the run outlives the terminal", &detach},
        CLI_RUN_OPTIONS(flags), {"help", 'h', CLI_HELP, NULL, NULL, &help}, CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (help)
        cli_help(self, options);
    if (first == argc)
        return help ? CLI_DONE : cli_usage_error(self, "which experiment? (a FILE or a name)");
    char *path = NULL;
    if (assay_run_locate(argv[first], &path))
        return cli_failed();
    assay_setting *settings = calloc((size_t)argc, sizeof *settings);
    size_t count = 0;
    status = settings ? read_settings(self, argv + first + 1, argc - first - 1, settings, &count)
                      : CLI_FAILED;
    if (status < 0 && help) {
        status = script_help(path);
    } else if (status < 0) {
        assay_run_options how = cli_run_options(&flags);
        how.preset = preset;
        how.settings = settings;
        how.setting_count = count;
        how.replicates = replicates;
        how.detach = detach;
        status = start(path, &how);
    }
    free(settings);
    free(path);
    return status;
}

const cli_command cli_run = {"run", "EXPERIMENT [NAME=VALUE]...", "Run an experiment",
    "EXPERIMENT is a Lua file, or the name of one that 'assay ls --experiments' lists. NAME=VALUE "
    "sets\n"
    "a parameter; a list a,b,c is swept. 'assay run EXPERIMENT --help' shows what it declares.",
    run};
