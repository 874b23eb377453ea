/* What subcommands share: the database, errors, JSON, times and colours. */
#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"

int cli_failed(void)
{
    fprintf(stderr, "assay: %s\n", assay_errmsg());
    return CLI_FAILED;
}

const char *cli_database(const char *option)
{
    const char *environment = getenv("ASSAY_DB");
    if (option)
        return option;
    return environment && *environment ? environment : "assay.db";
}

int cli_open(const char *option, assay_store_mode mode, assay_store **store)
{
    const char *path = cli_database(option);
    if (mode != ASSAY_STORE_CREATE && access(path, F_OK) != 0 && errno == ENOENT) {
        fprintf(stderr,
            "assay: there is no database %s. 'assay run FILE' makes one; --db or ASSAY_DB names "
            "another.\n",
            path);
        return CLI_FAILED;
    }
    return assay_store_open(path, mode, store) ? cli_failed() : CLI_DONE;
}

int cli_open_run(const cli_command *self, const char *option, assay_store_mode mode, bool optional,
    int argc, char **argv, int first, assay_store **store, int64_t *run)
{
    *store = NULL;
    if (argc - first > 1)
        return cli_usage_error(self, "one RUN at a time, got \"%s\" too", argv[first + 1]);
    if (argc == first && !optional)
        return cli_usage_error(self, "which RUN? (an id of 'assay ls', or \"last\")");
    int status = cli_open(option, mode, store);
    if (status)
        return status;
    return assay_store_run_find(*store, argc > first ? argv[first] : "last", run) ? cli_failed()
                                                                                  : CLI_DONE;
}

bool cli_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

const char *cli_paint(const char *role)
{
    static const struct {
        const char *role, *escape;
    } palette[] = {{"good", "\033[32m"}, {"bad", "\033[31m"}, {"warn", "\033[33m"},
        {"dim", "\033[2m"}, {"bold", "\033[1m"}};
    for (size_t i = 0; cli_colour() && i < sizeof palette / sizeof *palette; i++)
        if (strcmp(palette[i].role, role) == 0)
            return palette[i].escape;
    return "";
}

const char *cli_plain(void)
{
    return cli_colour() ? "\033[0m" : "";
}

const char *cli_verdict_paint(const char *verdict)
{
    if (strcmp(verdict, "supported") == 0)
        return cli_paint("good");
    return cli_paint(strcmp(verdict, "inconclusive") == 0 ? "warn" : "bad");
}

const char *cli_state_paint(assay_run_state state)
{
    if (state == ASSAY_RUN_DONE)
        return cli_paint("good");
    return cli_paint(state == ASSAY_RUN_QUEUED || state == ASSAY_RUN_RUNNING ? "bold" : "warn");
}

void cli_time_text(double unix_seconds, char *out, size_t size)
{
    time_t t = (time_t)unix_seconds;
    struct tm parts;
    if (unix_seconds <= 0 || !localtime_r(&t, &parts) || !strftime(out, size, "%F %H:%M", &parts))
        snprintf(out, size, "-");
}

void cli_duration_text(double seconds, char *out, size_t size)
{
    long whole = lround(seconds);
    if (seconds < 100)
        snprintf(out, size, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(out, size, "%ld:%02ld", whole / 60, whole % 60);
    else
        snprintf(out, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

int cli_print_json(json_t *value)
{
    bool ok = value && json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0;
    json_decref(value);
    printf("\n");
    return ok && fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
}

int cli_print_list(cli_table *table, json_t *all, bool json)
{
    if (json) {
        cli_table_drop(table);
        return cli_print_json(all);
    }
    json_decref(all);
    cli_table_print(table, 0);
    return CLI_DONE;
}

json_t *cli_number_json(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *parsed_or_null(const char *text)
{
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

static json_t *time_or_null(double t)
{
    return t > 0 ? json_real(t) : json_null();
}

json_t *cli_run_json(const assay_run_info *info)
{
    json_t *o = json_object();
    json_object_set_new(o, "id", json_integer(info->id));
    json_object_set_new(o, "uuid", text_or_null(info->uuid));
    json_object_set_new(o, "experiment", text_or_null(info->experiment));
    json_object_set_new(o, "method", text_or_null(info->method));
    json_object_set_new(o, "path", text_or_null(info->path));
    json_object_set_new(o, "preset", text_or_null(info->preset));
    json_object_set_new(o, "params", parsed_or_null(info->params));
    json_object_set_new(o, "seed", json_integer((json_int_t)info->seed));
    json_object_set_new(o, "replicates", json_integer(info->replicates));
    json_object_set_new(o, "state", json_string(assay_run_state_name(info->state)));
    json_object_set_new(o, "cells", json_integer(info->cells));
    json_object_set_new(o, "cells_done", json_integer(info->cells_done));
    json_object_set_new(o, "cells_failed", json_integer(info->cells_failed));
    json_object_set_new(o, "rows", json_integer(info->rows));
    json_object_set_new(o, "host", text_or_null(info->host));
    json_object_set_new(o, "pid", json_integer(info->pid));
    json_object_set_new(o, "workers", json_integer(info->workers));
    json_object_set_new(o, "versions", parsed_or_null(info->versions));
    json_object_set_new(o, "created", time_or_null(info->created));
    json_object_set_new(o, "started", time_or_null(info->started));
    json_object_set_new(o, "finished", time_or_null(info->finished));
    json_object_set_new(o, "elapsed", json_real(info->elapsed));
    json_object_set_new(o, "error", text_or_null(info->error));
    return o;
}

json_t *cli_claims_json(const assay_claim_list *claims)
{
    json_t *list = json_array();
    for (size_t i = 0; i < claims->count; i++) {
        const assay_claim_result *c = &claims->claims[i];
        json_t *o = json_object();
        json_object_set_new(o, "name", text_or_null(c->name));
        json_object_set_new(o, "text", text_or_null(c->text));
        json_object_set_new(o, "verdict", text_or_null(c->verdict));
        json_object_set_new(o, "estimate", cli_number_json(c->estimate));
        json_object_set_new(o, "low", cli_number_json(c->low));
        json_object_set_new(o, "high", cli_number_json(c->high));
        json_object_set_new(o, "p", cli_number_json(c->p));
        json_object_set_new(o, "n", json_integer(c->n));
        json_object_set_new(o, "test", text_or_null(c->test));
        json_object_set_new(o, "message", text_or_null(c->message));
        json_array_append_new(list, o);
    }
    return list;
}

static size_t terminal_columns(void)
{
    struct winsize window = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 40 ? window.ws_col
                                                                                : 80;
}

void cli_print_wrapped(const char *text, size_t used, size_t hang)
{
    size_t columns = terminal_columns();
    while (*text) {
        size_t word = strcspn(text, " ");
        if (used > hang && used + 1 + word > columns) {
            printf("\n%*s", (int)hang, "");
            used = hang;
        }
        used += (size_t)printf(used > hang ? " %.*s" : "%.*s", (int)word, text);
        text += word + (text[word] == ' ');
    }
    printf("\n");
}

static void print_numbers(const assay_claim_result *c, size_t indent)
{
    char text[512];
    int used = snprintf(text, sizeof text, "estimate %.4g", c->estimate);
    if (!isnan(c->low) && !isnan(c->high))
        used += snprintf(text + used, sizeof text - (size_t)used, " [%.4g, %.4g]", c->low, c->high);
    if (c->n > 0)
        used += snprintf(text + used, sizeof text - (size_t)used, ", n = %lld", (long long)c->n);
    if (!isnan(c->p))
        used += snprintf(text + used, sizeof text - (size_t)used,
            c->p < 1e-4 ? ", p < 0.0001" : ", p = %.4f", c->p);
    if (c->test && *c->test)
        snprintf(text + used, sizeof text - (size_t)used, ", %s", c->test);
    printf("%*s%s", (int)indent, "", cli_paint("dim"));
    cli_print_wrapped(text, indent, indent);
    printf("%s", cli_plain());
}

void cli_print_claims(const assay_claim_list *claims, size_t indent)
{
    size_t hang = indent + 15;
    for (size_t i = 0; i < claims->count; i++) {
        const assay_claim_result *c = &claims->claims[i];
        printf("%*s%s%-13s%s  %s%s%s:", (int)indent, "", cli_verdict_paint(c->verdict), c->verdict,
            cli_plain(), cli_paint("bold"), c->name, cli_plain());
        cli_print_wrapped(c->text ? c->text : "", hang + strlen(c->name) + 1, hang);
        if (!isnan(c->estimate))
            print_numbers(c, hang);
        if (c->message && *c->message) {
            printf("%*s", (int)hang, "");
            cli_print_wrapped(c->message, hang, hang);
        }
    }
}
