/*
 * The store: one SQLite file that is the single source of truth. The TUI and the CLI are views of
 * it; a run's coordinator is the only writer of that run's rows; any number of runs write at a time.
 *
 * A handle belongs to one thread. Every function that can fail returns an ASSAY_ status with the
 * message in assay_errmsg(); "database is locked" is never among them: writers wait their turn
 * (bounded; after a minute ASSAY_EBUSY names the file and what may hold it). After a fork only the
 * parent uses the handle; a child may close its copy, which leaves the parent's connection alone.
 *
 * Reading (`assay ls`) needs no right to write: in a directory that can't be written the file is
 * read as it stands, which is all of it unless a log (FILE-wal) lies beside it; then the message says
 * to copy both.
 */
#ifndef ASSAY_STORE_STORE_H
#define ASSAY_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/table.h"

struct sqlite3;
typedef struct assay_store assay_store;

typedef enum assay_store_mode {
    ASSAY_STORE_READ,  /* must exist; migrates an older file where it may write */
    ASSAY_STORE_WRITE, /* must exist; migrates */
    ASSAY_STORE_CREATE /* created when missing; migrates */
} assay_store_mode;

int assay_store_open(const char *path, assay_store_mode mode, assay_store **out);
void assay_store_close(assay_store *store); /* NULL is fine */
const char *assay_store_path(const assay_store *store);
struct sqlite3 *assay_store_sqlite(assay_store *store); /* for `assay sql` and the benchmarks */

/* How long a call waits for its turn to write before it fails with ASSAY_EBUSY; 60 s unless set. For
 * the TUI, which has to stay awake. */
void assay_store_set_patience(assay_store *store, double seconds);

/* Let those who wait have their turn: between the transactions of work that takes many. */
void assay_store_give_way(void);

/* Is the file at the path still the one that was opened (not deleted, not replaced)? ASSAY_EIO with
 * what happened, when it is not. */
int assay_store_check_file(assay_store *store);

/* A number that changes whenever another connection has committed: for redrawing only then. */
int assay_store_data_version(assay_store *store, int64_t *version);

/* One write transaction over several calls (BEGIN IMMEDIATE); not nested. Calls outside of one are
 * each their own transaction. After a failure in between, roll back; metric ids that were first given
 * in a transaction that was rolled back are void. Commit fails (ASSAY_EIO, and nothing is kept) when
 * the file was deleted or replaced meanwhile. */
int assay_store_begin(assay_store *store);
int assay_store_commit(assay_store *store);
void assay_store_rollback(assay_store *store);

typedef enum assay_run_state {
    ASSAY_RUN_QUEUED,
    ASSAY_RUN_RUNNING,
    ASSAY_RUN_DONE, /* every cell done */
    ASSAY_RUN_FAILED, /* finished, with failed cells */
    ASSAY_RUN_CANCELLED,
    ASSAY_RUN_INTERRUPTED /* its process is gone */
} assay_run_state;

typedef enum assay_cell_state {
    ASSAY_CELL_QUEUED,
    ASSAY_CELL_RUNNING,
    ASSAY_CELL_DONE,
    ASSAY_CELL_FAILED
} assay_cell_state;

const char *assay_run_state_name(assay_run_state state);
const char *assay_cell_state_name(assay_cell_state state);

/* A run as it is read back. Strings live until assay_run_info_clear (or the list's free). */
typedef struct assay_run_info {
    int64_t id;
    char *uuid;
    char *experiment; /* name */
    char *path;       /* of the script when it was started, absolute */
    char *method;     /* slug(s), comma separated, or NULL */
    char *preset;     /* or NULL */
    char *params;     /* JSON object of the concrete parameters, lists where swept */
    uint64_t seed;
    int64_t replicates;
    assay_run_state state; /* as stored; assay_store_run_* turn dead runs into INTERRUPTED on reading */
    int64_t cells, cells_done, cells_failed;
    int64_t rows;
    char *host;
    int64_t pid;
    int64_t workers;
    char *versions;   /* JSON: assay, lua, sqlite, gsl, gnuplot, os, cpu */
    double created, started, finished, heartbeat; /* Unix seconds; 0: not yet */
    double elapsed;   /* seconds of work, summed over resumes */
    char *error;      /* or NULL */
    bool cancel_requested;
    char *label;      /* what people call it, or NULL */
    char *tags;       /* spaces between them, or NULL */
    bool pinned;      /* stands before the others */
    double discarded; /* when it was thrown away, 0: it was not */
} assay_run_info;

typedef struct assay_run_list {
    assay_run_info *runs;
    size_t count;
} assay_run_list;

void assay_run_info_clear(assay_run_info *info);
void assay_run_list_free(assay_run_list *list);

/* What a new run is made of. */
typedef struct assay_run_new {
    const char *experiment, *path, *method, *script, *preset, *params, *describe, *versions;
    /* describe: the experiment's declaration as JSON (figures, claims, params) */
    uint64_t seed;
    int64_t replicates, workers;
} assay_run_new;

/* Queued; until it is claimed it belongs to this process, and is interrupted when that ends. */
int assay_store_run_create(assay_store *store, const assay_run_new *run, int64_t *id);

/* Add cell `index` (0-based, below 2^24); call inside a transaction for many. */
int assay_store_cell_create(
    assay_store *store, int64_t run, int64_t index, const char *params, int64_t replicate);

/* This process takes the run: state running, host, pid, process start time, heartbeat. ASSAY_EBUSY
 * when a live process has it. Cells that stand as running, from a process that died, are queued
 * again. heartbeat: ASSAY_EBUSY when another process has the run by now. finish: for the states after
 * RUNNING; cells that still run are queued again. request_cancel: ASSAY_EINVAL when the run has ended
 * or was interrupted. */
int assay_store_run_claim(assay_store *store, int64_t run, int64_t workers);
int assay_store_run_heartbeat(assay_store *store, int64_t run, bool *cancel_requested);
int assay_store_run_finish(assay_store *store, int64_t run, assay_run_state state,
    double elapsed_here, const char *error);
int assay_store_run_request_cancel(assay_store *store, int64_t run);

/* Cell life. start deletes what an earlier, unfinished attempt left and counts the attempt. */
int assay_store_cell_start(assay_store *store, int64_t run, int64_t index);
int assay_store_cell_finish(assay_store *store, int64_t run, int64_t index, assay_cell_state state,
    double elapsed, const char *error);

/* One value of row `seq` (0-based within the cell). Metric ids come from assay_store_metric, which
 * finds or adds the name ("run", "cell" and "replicate" are refused). NaN is kept (as NULL) and
 * differs from a value that was never logged; all other bits are kept. The counts of rows of the
 * cell and the run follow at the commit. */
int assay_store_metric(assay_store *store, const char *name, int64_t *metric);
int assay_store_value_number(assay_store *store, int64_t run, int64_t index, int64_t seq, int64_t metric, double value);
int assay_store_value_integer(assay_store *store, int64_t run, int64_t index, int64_t seq, int64_t metric, int64_t value);
int assay_store_value_text(assay_store *store, int64_t run, int64_t index, int64_t seq, int64_t metric, const char *value, size_t size);

int assay_store_note(assay_store *store, int64_t run, int64_t index /* -1: the run */, const char *text);
int assay_store_artifact(assay_store *store, int64_t run, int64_t index, const char *name,
    const char *type /* "image/pgm", "text/plain", ... */, const void *data, size_t size);

typedef struct assay_claim_result {
    char *name, *text;
    char *verdict; /* "supported", "not supported", "inconclusive", "error" */
    double estimate, low, high, p; /* NaN: none */
    int64_t n;
    char *test;    /* "paired t over replicate", ... or NULL */
    char *message; /* why, or NULL */
} assay_claim_result;

typedef struct assay_claim_list {
    assay_claim_result *claims;
    size_t count;
} assay_claim_list;

int assay_store_claims_put(assay_store *store, int64_t run, const assay_claim_list *claims); /* replaces */
int assay_store_claims_get(assay_store *store, int64_t run, assay_claim_list *out);
void assay_claim_list_clear(assay_claim_list *list);

/* Fits are computed in C and stored; one record a figure and series. */
int assay_store_fit_put(assay_store *store, int64_t run, const char *figure, const char *series, const char *json);
int assay_store_fit_get(assay_store *store, int64_t run, const char *figure, const char *series, char **json); /* caller frees */

/* Reading. `text` of find: an id, a prefix (>= 4) of a uuid, "last", or "last:EXPERIMENT". */
int assay_store_run_find(assay_store *store, const char *text, int64_t *id);
int assay_store_run_get(assay_store *store, int64_t id, assay_run_info *out);
int assay_store_run_list(assay_store *store, const char *experiment /* or NULL */, size_t limit /* 0: all */,
    size_t offset, assay_run_list *out); /* newest first */
int assay_store_run_count(assay_store *store, const char *experiment /* or NULL */, int64_t *count);
int assay_store_run_script(assay_store *store, int64_t run, char **text);   /* caller frees */
int assay_store_run_describe(assay_store *store, int64_t run, char **json); /* caller frees */

typedef struct assay_cell_info {
    int64_t index, replicate, attempts, rows;
    assay_cell_state state;
    double elapsed;
    char *params; /* JSON */
    char *error;  /* message and traceback, or NULL */
} assay_cell_info;

typedef struct assay_cell_list {
    assay_cell_info *cells;
    size_t count;
} assay_cell_list;

int assay_store_cells(assay_store *store, int64_t run, size_t limit /* 0: all */, size_t offset, assay_cell_list *out);
int assay_store_cell_get(assay_store *store, int64_t run, int64_t index, assay_cell_info *out);
/* The first cells that failed. */
int assay_store_cells_failed(assay_store *store, int64_t run, size_t limit, assay_cell_list *out);
/* The numbers of the cells that are not done, in order, for a run of any size: 8 bytes each; the
 * caller frees. */
int assay_store_cells_left(assay_store *store, int64_t run, int64_t **out, size_t *count);
void assay_cell_info_clear(assay_cell_info *info);
void assay_cell_list_free(assay_cell_list *list);

/* What a list of all cells needs of each, in the order of their numbers; the caller frees. */
typedef struct assay_cell_brief {
    assay_cell_state state;
    int64_t rows;
} assay_cell_brief;

int assay_store_cell_briefs(assay_store *store, int64_t run, assay_cell_brief **out, size_t *count);

typedef struct assay_note {
    int64_t index; /* cell, -1: the run */
    double time;
    char *text;
} assay_note;

typedef struct assay_note_list {
    assay_note *notes;
    size_t count;
} assay_note_list;

int assay_store_notes(assay_store *store, int64_t run, size_t limit, assay_note_list *out); /* oldest first */
void assay_note_list_free(assay_note_list *list);

typedef struct assay_artifact_info {
    int64_t index;
    char *name, *type;
    int64_t size;
} assay_artifact_info;

typedef struct assay_artifact_list {
    assay_artifact_info *artifacts;
    size_t count;
} assay_artifact_list;

int assay_store_artifacts(assay_store *store, int64_t run, assay_artifact_list *out);
void assay_artifact_list_free(assay_artifact_list *list);
int assay_store_artifact_get(assay_store *store, int64_t run, int64_t index, const char *name, void **data, size_t *size);

/*
 * What people say about a run. label: NULL or "" takes it away. tag: a word without spaces, put on or
 * taken off. discard: a run that is thrown away is in no list and no view and is not "last", but
 * keeps all it has until delete; discard(false) has it back. A live run can't be (ASSAY_EBUSY).
 * discarded lists those that were thrown away; the caller frees.
 */
int assay_store_run_label(assay_store *store, int64_t run, const char *label);
int assay_store_run_tag(assay_store *store, int64_t run, const char *tag, bool on);
int assay_store_run_pin(assay_store *store, int64_t run, bool pinned);
int assay_store_run_discard(assay_store *store, int64_t run, bool discard);
int assay_store_run_discarded(assay_store *store, int64_t **ids, size_t *count);

/*
 * Runs by a query, pinned ones first: `filter` (NULL or "": all) is words between spaces, all of which
 * have to hold; "..." keeps spaces, and - before a word turns it round.
 *
 *     word            stands in the experiment's name, the label, a tag or a parameter's value
 *     FIELD:VALUE     the field holds VALUE (a state: begins with it; created: begins with it)
 *     FIELD=VALUE     is VALUE; also != < <= > >=
 *     is:WORD         live, pinned, labelled, discarded (which are left out otherwise)
 *
 * A field is id, exp (or experiment), state, preset, method, host, label, tag, note, error, verdict,
 * seed, cells, done, failed, rows, workers, replicates, elapsed (seconds), created (2026-01-31 14:05),
 * or a parameter (of one that is swept any value may hold), or a measure (the mean over cells of the
 * last value of each). `sort` is such a field, NULL for id; runs that lack it come last.
 * `experiment` (or NULL) narrows to one. Errors (ASSAY_EINVAL, ASSAY_ENOTFOUND) name the word, and
 * what there is. The caller frees ids.
 */
typedef struct assay_run_query {
    const char *experiment, *filter, *sort;
    bool ascending;
} assay_run_query;

int assay_store_run_select(assay_store *store, const assay_run_query *query, int64_t **ids, size_t *count);

/* The names of what the run's cells logged; NULL at the end. The caller frees each and the array. */
int assay_store_run_measures(assay_store *store, int64_t run, char ***names);

/* The mean over the run's cells of the last value of a measure; NaN when there is none. */
int assay_store_run_measure(assay_store *store, int64_t run, const char *measure, double *value);

/*
 * A run's rows as a table: columns "cell", "replicate", the parameters (those of the cell), then the
 * measures, in the order of their first appearance by (cell, seq). Rows are ordered by (cell, seq).
 * Rows of failed cells are left out: half a cell would bias means and claims (`assay sql` shows them).
 * A measure with a parameter's name wins over the parameter. `columns` (NULL: all) limits what is
 * read to the named ones; one that the run lacks is not in the table. Booleans are 0 and 1, lists
 * their JSON; an integer beyond 2^53 becomes the nearest number. Cells that run are read, too: while
 * a run goes, its rows so far.
 */
int assay_store_rows(assay_store *store, int64_t run, const char *const *columns, size_t count, assay_table **out);

/* Of these the ones from row `seq` of a cell to row `last_seq` of another (0-based, both included):
 * a page of them. */
int assay_store_rows_between(assay_store *store, int64_t run, int64_t cell, int64_t seq,
    int64_t last_cell, int64_t last_seq, assay_table **out);

/* The same rows of two runs, compared bitwise. equal = true, or the first difference in words. */
int assay_store_rows_compare(assay_store *store, int64_t a, int64_t b, bool *equal, char *difference, size_t size);

int assay_store_run_delete(assay_store *store, int64_t run); /* refuses a live run (ASSAY_EBUSY) */

/* A view named after the experiment (made anew when its columns change): a row a line, with run,
 * cell, replicate, parameters and measures as columns. */
int assay_store_view_refresh(assay_store *store, const char *experiment);

/*
 * Graded-sample logs (columns problem, sample, correct, answer, reward, logprob, tokens, cost, text,
 * and whatever else the table has), imported whole in one transaction. The same content again under
 * the same name: already = true and nothing is written. Other content under a taken name is
 * ASSAY_EINVAL. samples gives the table back as it was, column by column and kind by kind.
 */
int assay_store_import_samples(assay_store *store, const char *name, const assay_table *samples, bool *already);
int assay_store_samples(assay_store *store, const char *name, assay_table **out);
int assay_store_samples_delete(assay_store *store, const char *name);

typedef struct assay_sample_log {
    char *name;
    char *columns; /* JSON array of names */
    int64_t rows;
    double imported; /* Unix seconds */
} assay_sample_log;

typedef struct assay_sample_log_list {
    assay_sample_log *logs;
    size_t count;
} assay_sample_log_list;

int assay_store_sample_logs(assay_store *store, assay_sample_log_list *out); /* by name */
void assay_sample_log_list_free(assay_sample_log_list *list);

/*
 * Health. log_size: bytes of FILE-wal, 0 when there is none. empty_log moves what it holds into the
 * file and cuts it to nothing; not emptied when a reader still needs it, and then who (as words, may be
 * empty). examine reads the whole file: sound, or the first thing that is wrong. orphans are the
 * runs that stand as queued or running though their process is gone; settle writes that down, so
 * that they need no asking (a run that lives is left alone). compact gives the pages that deleted
 * runs have left back to the file system, when they are a quarter of the file and no run is at work
 * on it: that takes the time, and for a while the room, of a copy.
 */
int assay_store_log_size(assay_store *store, int64_t *size);
int assay_store_empty_log(assay_store *store, bool *emptied, char *holders, size_t size);
int assay_store_examine(assay_store *store, bool *sound, char *found, size_t size);
int assay_store_compact(assay_store *store, bool *at_work, int64_t *freed);
int assay_store_orphans(assay_store *store, assay_run_list *out);
int assay_store_run_settle(assay_store *store, int64_t run);

#endif
