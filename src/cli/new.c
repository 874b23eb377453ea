/* assay new: a documented experiment that runs as it is. */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/status.h"
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

static int write_skeleton(const char *path, const char *name)
{
    FILE *file = fopen(path, "wx");
    if (!file) {
        fprintf(stderr, "assay: %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    fill(file, assay_experiment_template(), name);
    fchmod(fileno(file), 0755);
    if (fclose(file) != 0) {
        fprintf(stderr, "assay: %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    printf("%s\nNext: assay run %s    then: assay plot\n", path, path);
    return CLI_DONE;
}

static int new_experiment(const cli_command *self, int argc, char **argv)
{
    const cli_option options[] = {CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first != 1)
        return cli_usage_error(self, "give one NAME");
    if (!good_name(argv[first]))
        return cli_usage_error(self, "NAME must be of a-z, 0-9, - and _, got \"%s\"", argv[first]);
    char path[4096];
    snprintf(path, sizeof path, "%s.lua", argv[first]);
    return write_skeleton(path, argv[first]);
}

const cli_command cli_new = {"new", "NAME", "Write a first experiment, NAME.lua",
    "The file runs as it is and explains each field; assay-experiment(5) has them all.",
    new_experiment};
