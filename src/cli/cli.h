/*
 * The command line: what subcommands share. A subcommand is one file that ends in its
 * `const cli_command`; main.c lists them.
 *
 * Exit status: 0 done, 1 failed, 2 the command line is wrong.
 */
#ifndef ASSAY_CLI_CLI_H
#define ASSAY_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

typedef struct cli_command {
    const char *name;
    const char *operands; /* as the usage line shows them */
    const char *summary;  /* one line */
    const char *about;    /* paragraphs for --help, or NULL */
    int (*run)(const struct cli_command *self, int argc, char **argv);
} cli_command;

typedef enum cli_kind {
    CLI_FLAG,    /* bool *: set to true */
    CLI_TEXT,    /* const char ** */
    CLI_INTEGER, /* int64_t * */
    CLI_COUNT,   /* int64_t *: at least 1 */
    CLI_NUMBER,  /* double *: finite, at least 0 */
    CLI_SECONDS, /* double *: finite, above 0 */
    CLI_BYTES,   /* uint64_t *: with K, M, G or T; at least 1M */
    CLI_SIZE,    /* uint64_t *: the same, 0 and small ones too */
    CLI_HELP     /* bool *, given by cli_parse when a command shows its help itself */
} cli_kind;

typedef struct cli_option {
    const char *name;
    int letter; /* 0: none */
    cli_kind kind;
    const char *argument; /* what the value is called, NULL for flags */
    const char *help;
    void *value;
} cli_option;

#define CLI_DB(target)                                                                             \
    {                                                                                              \
        "db", 'd', CLI_TEXT, "FILE", "the database (default: $ASSAY_DB, or assay.db here)", target \
    }
#define CLI_JSON(target)                                                                           \
    {                                                                                              \
        "json", 0, CLI_FLAG, NULL, "print JSON", target                                            \
    }
#define CLI_OPTIONS_END                                                                            \
    {                                                                                              \
        NULL, 0, CLI_FLAG, NULL, NULL, NULL                                                        \
    }

/* Parse options; operands may stand between them. Returns -1 to go on, with the operands in
 * argv[*first .. argc - 1], or the exit status to leave with (help shown, or a usage error that was
 * printed). */
int cli_parse(
    const cli_command *self, const cli_option *options, int argc, char **argv, int *first);

/* Print "assay: MESSAGE" to stderr and return CLI_USAGE, with a pointer to --help. */
int cli_usage_error(const cli_command *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum { CLI_MOST_OPTIONS = 32 };

/* Print the help of a command (cli_parse does it for --help unless the command asks for CLI_HELP).
 */
void cli_help(const cli_command *self, const cli_option *options);

/* Print "assay: " and assay_errmsg() to stderr; CLI_FAILED. */
int cli_failed(void);

/* The database's path by option, environment and default. */
const char *cli_database(const char *option);

/* Open it to read; a missing one says how runs come about. CLI_DONE or CLI_FAILED (printed). */
int cli_open(const char *option, assay_store_mode mode, assay_store **store);

/* Open it and find RUN among the operands ("last" when there is none and `optional`). */
int cli_open_run(const cli_command *self, const char *option, assay_store_mode mode, bool optional,
    int argc, char **argv, int first, assay_store **store, int64_t *run);

/* Text in columns: each row is `columns` strings; numbers (a leading '>' in the heading) to the
 * right. Widths are those of the terminal (wcwidth), so UTF-8 lines up. */
typedef struct cli_table cli_table;
cli_table *cli_table_new(size_t columns, const char *const *headings);
void cli_table_cell(cli_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_table_print(cli_table *table, size_t indent); /* to stdout; frees it */
void cli_table_drop(cli_table *table);                 /* frees it unprinted */

/* Is stdout a terminal that wants colour? `begin` gives the escape for "good", "bad", "warn",
 * "dim", "bold", or "" without colour. */
bool cli_colour(void);
const char *cli_paint(const char *role);
const char *cli_plain(void); /* ends what cli_paint began */

/* "2026-11-23 14:03", and "1:02:03" or "3.2 s" for a duration. */
void cli_time_text(double unix_seconds, char *out, size_t size);
void cli_duration_text(double seconds, char *out, size_t size);
const char *cli_verdict_paint(const char *verdict);
const char *cli_state_paint(assay_run_state state);

int cli_print_json(json_t *value); /* indented, to stdout; takes the reference */
/* A list as JSON, or as its table; frees both. */
int cli_print_list(cli_table *table, json_t *all, bool json);
json_t *cli_number_json(double x); /* null when it is not finite */
json_t *cli_run_json(const assay_run_info *info);
json_t *cli_claims_json(const assay_claim_list *claims);

/* Words of `text` in lines as wide as the terminal, going on in column `used`; further lines begin in
 * column `hang`. */
void cli_print_wrapped(const char *text, size_t used, size_t hang);

/* The verdicts as text, one claim a line or two. */
void cli_print_claims(const assay_claim_list *claims, size_t indent);

extern const cli_command cli_tui, cli_new, cli_run, cli_ls, cli_show, cli_watch, cli_cancel,
    cli_resume, cli_reproduce, cli_plot, cli_table_command, cli_claims, cli_methods, cli_data,
    cli_lua, cli_sql, cli_import, cli_export, cli_serve, cli_rm, cli_gc, cli_apply, cli_diff,
    cli_doctor;

#endif
