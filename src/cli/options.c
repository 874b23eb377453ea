/*
 * Options: one table a command serves the parser (getopt_long) and the help text, so that neither
 * can say what the other does not.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/suggest.h"

enum { HELP_VALUE = 256, HELP_COLUMN = 29 };

int cli_usage_error(const cli_command *self, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "assay %s: ", self->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry 'assay %s --help'.\n", self->name);
    return CLI_USAGE;
}

/* Words from HELP_COLUMN on, in lines of at most 100. */
static void print_wrapped(const char *text)
{
    enum { WIDTH = 100 - HELP_COLUMN };
    while (strlen(text) > WIDTH) {
        size_t end = WIDTH;
        while (end > 0 && text[end] != ' ')
            end--;
        if (end == 0)
            break;
        printf("%.*s\n%*s", (int)end, text, HELP_COLUMN, "");
        text += end + 1;
    }
    printf("%s\n", text);
}

/* An option that leaves no room for its help has it below. */
static void print_option(const char *name, int letter, const char *argument, const char *help)
{
    int used = letter ? printf("  -%c, --%s", letter, name) : printf("      --%s", name);
    if (argument)
        used += printf("=%s", argument);
    if (used >= HELP_COLUMN)
        used = printf("\n") - 1;
    printf("%*s", HELP_COLUMN - used, "");
    print_wrapped(help);
}

void cli_help(const cli_command *self, const cli_option *options)
{
    printf("Usage: assay %s%s%s%s\n\n%s.\n", self->name, options->name ? " [OPTION]..." : "",
        *self->operands ? " " : "", self->operands, self->summary);
    if (self->about)
        printf("\n%s\n", self->about);
    printf("\n");
    for (; options->name; options++)
        if (options->kind != CLI_HELP)
            print_option(options->name, options->letter, options->argument, options->help);
    print_option("help", 'h', NULL, "show this help");
}

static int bad_value(const cli_command *self, const cli_option *option, const char *text)
{
    static const char *const wanted[] = {[CLI_INTEGER] = "a whole number",
        [CLI_COUNT] = "a whole number of at least 1",
        [CLI_NUMBER] = "a number of at least 0",
        [CLI_SECONDS] = "a number above 0",
        [CLI_BYTES] = "a size such as 500M or 2G, at least 1M",
        [CLI_SIZE] = "a size such as 500M or 2G"};
    return cli_usage_error(
        self, "--%s must be %s, got \"%s\"", option->name, wanted[option->kind], text);
}

static bool read_bytes(const char *text, double least, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end == text || (*end && (!unit || end[1])))
        return false;
    value = ldexp(value, unit ? 10 * (int)(unit - units + 1) : 0);
    if (!(value >= least && value < 0x1p63))
        return false;
    *out = (uint64_t)value;
    return true;
}

static int set(const cli_command *self, const cli_option *option, const char *text)
{
    char *end = NULL;
    bool allowed = true;
    errno = 0;
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_HELP:
        *(bool *)option->value = true;
        return -1;
    case CLI_TEXT:
        *(const char **)option->value = text;
        return -1;
    case CLI_INTEGER:
    case CLI_COUNT: {
        long long value = strtoll(text, &end, 10);
        *(int64_t *)option->value = value;
        allowed = option->kind == CLI_INTEGER || value >= 1;
        break;
    }
    case CLI_NUMBER:
    case CLI_SECONDS: {
        double value = strtod(text, &end);
        *(double *)option->value = value;
        allowed = isfinite(value) && (option->kind == CLI_NUMBER ? value >= 0 : value > 0);
        break;
    }
    case CLI_BYTES:
    case CLI_SIZE:
        return read_bytes(text, option->kind == CLI_BYTES ? 0x1p20 : 0, option->value)
                   ? -1
                   : bad_value(self, option, text);
    }
    return errno || end == text || *end || !allowed ? bad_value(self, option, text) : -1;
}

static int unknown(const cli_command *self, const cli_option *options, const char *word)
{
    const char *names[CLI_MOST_OPTIONS + 1];
    size_t count = 0;
    for (; options[count].name && count < CLI_MOST_OPTIONS; count++)
        names[count] = options[count].name;
    names[count++] = "help";
    char hint[512] = "", name[64];
    if (strncmp(word, "--", 2) == 0) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
        assay_suggest(name, names, count, hint, sizeof hint);
    }
    return cli_usage_error(self, "unknown option \"%s\"%s", word, hint);
}

int cli_parse(const cli_command *self, const cli_option *options, int argc, char **argv, int *first)
{
    struct option longs[CLI_MOST_OPTIONS + 2] = {{0}};
    char shorts[2 * CLI_MOST_OPTIONS + 4] = ":h";
    size_t count = 0, used = 2;
    bool own_help = false;
    for (; options[count].name && count < CLI_MOST_OPTIONS; count++) {
        const cli_option *o = &options[count];
        longs[count] = (struct option){o->name, o->argument ? required_argument : no_argument, NULL,
            (int)count + HELP_VALUE + 1};
        own_help = own_help || o->kind == CLI_HELP;
        if (o->letter) {
            shorts[used++] = (char)o->letter;
            if (o->argument)
                shorts[used++] = ':';
        }
    }
    if (!own_help)
        longs[count] = (struct option){"help", no_argument, NULL, HELP_VALUE};
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        size_t at = count;
        if (c > HELP_VALUE)
            at = (size_t)(c - HELP_VALUE - 1);
        for (size_t i = 0; at == count && i < count; i++)
            if (options[i].letter == c || (c == 'h' && options[i].kind == CLI_HELP))
                at = i;
        if (c == ':')
            return cli_usage_error(self, "option \"%s\" needs a value", argv[optind - 1]);
        if (c == '?')
            return unknown(self, options, argv[optind - 1]);
        if (at == count) {
            cli_help(self, options);
            return CLI_DONE;
        }
        int status = set(self, &options[at], optarg);
        if (status >= 0)
            return status;
    }
    *first = optind;
    return -1;
}
