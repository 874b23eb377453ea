/* The program: finds the subcommand and runs it; without one it opens the workbench. */
#include "cli/cli.h"

#include <cblas.h>
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/suggest.h"

static const cli_command *const commands[] = {&cli_tui, &cli_new, &cli_run, &cli_ls, &cli_show,
    &cli_watch, &cli_cancel, &cli_resume, &cli_reproduce, &cli_plot, &cli_table_command,
    &cli_diff, &cli_claims, &cli_methods, &cli_data, &cli_apply, &cli_lua, &cli_sql, &cli_import,
    &cli_export, &cli_serve, &cli_rm, &cli_gc, &cli_doctor};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int help(void)
{
    printf("Usage: assay [COMMAND [ARGUMENT]...]\n\n"
           "A workbench for research on sampling methods. Without a command it opens the terminal\n"
           "interface.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n'assay COMMAND --help' tells more; so do assay(1), assay-experiment(5) and "
           "assay-lua(3).\n"
           "Exit status: 0 done, 1 failed, 2 the command line is wrong.\n");
    return CLI_DONE;
}

static int unknown(const char *word)
{
    const char *names[COMMANDS];
    char hint[512];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    assay_suggest(word, names, COMMANDS, hint, sizeof hint);
    fprintf(stderr, "assay: unknown command \"%s\"%s\nTry 'assay --help'.\n", word, hint);
    return CLI_USAGE;
}

/* Output that found no room is a failure, whatever the command thought. */
static int written(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (status == CLI_DONE)
        fprintf(stderr, "assay: the output could not be written: %s\n", strerror(errno));
    return status == CLI_DONE ? CLI_FAILED : status;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    openblas_set_num_threads(1); /* results do not depend on OPENBLAS_NUM_THREADS */
    gsl_set_error_handler_off(); /* every GSL status is checked where it is returned */
    const char *word = argc > 1 ? argv[1] : "tui";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("assay %s\n", PACKAGE_VERSION);
        return CLI_DONE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return written(help());
    int skip = argc > 1;
    if (word[0] == '-') { /* options of the interface: assay --db FILE */
        word = "tui";
        skip = 0;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, word) == 0)
            return written(commands[i]->run(commands[i], argc - skip, argv + skip));
    return unknown(word);
}
