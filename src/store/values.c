/*
 * Values: the hot path of a run.
 *
 * A value costs one insert: the cell's key is computed, the metric's id is the caller's, and what a
 * transaction adds to the counters (rows of cells and runs, which metrics a run has) is remembered
 * and written once, when it commits.
 */
#include "store/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- counters -------------------------------------------------------------------------------- */

void store_tally_forget(assay_store *store, int64_t cell)
{
    if (cell == 0) {
        store->tally_count = 0;
        store->measured_run = 0;
        return;
    }
    for (size_t i = 0; i < store->tally_count; i++)
        if (store->tallies[i].cell == cell)
            store->tallies[i--] = store->tallies[--store->tally_count];
}

static int write_tally(assay_store *store, const store_tally *tally)
{
    sqlite3_stmt *s;
    bool row = false;
    int status = store_bind(store, STORE_CELL_STATE, &s, "i", tally->cell);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status || !row)
        return status;
    int64_t more = tally->rows - sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    if (more <= 0)
        return ASSAY_OK;
    status = store_run(store, STORE_CELL_ROWS, "ii", tally->cell, tally->rows);
    return status ? status
                  : store_run(
                        store, STORE_RUN_COUNT, "iiii", tally->run, (int64_t)0, (int64_t)0, more);
}

int store_tally_flush(assay_store *store)
{
    int status = ASSAY_OK;
    for (size_t i = 0; status == ASSAY_OK && i < store->tally_count; i++)
        status = write_tally(store, &store->tallies[i]);
    store->tally_count = 0;
    return status;
}

/* The tally of a cell: nearly always the one of the last value. */
static int tally_of(assay_store *store, int64_t run, int64_t cell, store_tally **out)
{
    if (store->tally_last < store->tally_count && store->tallies[store->tally_last].cell == cell) {
        *out = &store->tallies[store->tally_last];
        return ASSAY_OK;
    }
    size_t i = 0;
    while (i < store->tally_count && store->tallies[i].cell != cell)
        i++;
    if (i == store->tally_count) {
        if (i == store->tally_room) {
            size_t room = i ? 2 * i : 64;
            store_tally *grown = realloc(store->tallies, room * sizeof *grown);
            if (!grown)
                return assay_fail(ASSAY_ENOMEM, "out of memory for %zu counters", room);
            store->tallies = grown;
            store->tally_room = room;
        }
        store->tallies[store->tally_count++] = (store_tally){.run = run, .cell = cell};
    }
    store->tally_last = i;
    *out = &store->tallies[i];
    return ASSAY_OK;
}

/* Note that the run has this metric. `measured` is a bit set of those already noted. */
static int note_measure(assay_store *store, int64_t run, int64_t metric)
{
    size_t byte = (size_t)metric / CHAR_BIT;
    unsigned char bit = (unsigned char)(1u << (metric % CHAR_BIT));
    if (store->measured_run == run && byte < store->measured_size && (store->measured[byte] & bit))
        return ASSAY_OK;
    int status = store_run(store, STORE_MEASURE_ADD, "ii", run, metric);
    if (status)
        return sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_FOREIGNKEY
                   ? assay_fail(ASSAY_ENOTFOUND, "there is no run %lld or no metric %lld",
                         (long long)run, (long long)metric)
                   : status;
    if (byte >= store->measured_size) {
        size_t size = 2 * byte + 64;
        unsigned char *grown = realloc(store->measured, size);
        if (!grown)
            return assay_fail(ASSAY_ENOMEM, "out of memory for %zu metrics", size * CHAR_BIT);
        memset(grown + store->measured_size, 0, size - store->measured_size);
        store->measured = grown;
        store->measured_size = size;
    }
    if (store->measured_run != run)
        memset(store->measured, 0, store->measured_size);
    store->measured_run = run;
    store->measured[byte] |= bit;
    return ASSAY_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

int assay_store_metric(assay_store *store, const char *name, int64_t *metric)
{
    static const char *const taken[] = {"run", "cell", "replicate"};
    bool found, own;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0)
            return assay_fail(ASSAY_EINVAL,
                "a measure can't be named \"%s\": every table of rows has that column already",
                name);
    int status = store_integer(store, STORE_METRIC_FIND, metric, &found, "s", name);
    if (status || found)
        return status;
    status = store_enter(store, &own);
    if (status)
        return status;
    /* Another process may have added it while this one waited. */
    status = store_integer(store, STORE_METRIC_FIND, metric, &found, "s", name);
    if (status == ASSAY_OK && !found) {
        status = store_run(store, STORE_METRIC_ADD, "s", name);
        *metric = sqlite3_last_insert_rowid(store->db);
    }
    return store_leave(store, own, status);
}

static int explain_refusal(
    assay_store *store, int status, int64_t run, int64_t index, int64_t seq, int64_t metric)
{
    switch (sqlite3_extended_errcode(store->db)) {
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return assay_fail(
            ASSAY_ENOTFOUND, "run %lld has no cell %lld", (long long)run, (long long)index);
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return assay_fail(ASSAY_EINVAL,
            "run %lld, cell %lld: row %lld already has a value of metric %lld", (long long)run,
            (long long)index, (long long)seq, (long long)metric);
    default:
        return status;
    }
}

/* Insert the value bound as the fourth parameter. */
static int insert(
    assay_store *store, sqlite3_stmt *s, int64_t run, int64_t index, int64_t seq, int64_t metric)
{
    int64_t cell = store_cell_key(run, index);
    store_tally *tally = NULL;
    bool row;
    int status = note_measure(store, run, metric);
    if (status == ASSAY_OK)
        status = tally_of(store, run, cell, &tally);
    if (status)
        return status;
    sqlite3_bind_int64(s, 1, cell);
    sqlite3_bind_int64(s, 2, seq);
    sqlite3_bind_int64(s, 3, metric);
    status = store_step(store, s, &row);
    if (status)
        return explain_refusal(store, status, run, index, seq, metric);
    if (seq >= tally->rows)
        tally->rows = seq + 1;
    return ASSAY_OK;
}

static int check_place(int64_t run, int64_t index, int64_t seq, int64_t metric)
{
    if (run < 1 || index < 0 || index >= 1 << STORE_CELL_BITS || seq < 0 || metric < 1)
        return assay_fail(ASSAY_EINVAL,
            "there can be no value at run %lld, cell %lld, row %lld, metric %lld", (long long)run,
            (long long)index, (long long)seq, (long long)metric);
    return ASSAY_OK;
}

static int put(
    assay_store *store, sqlite3_stmt *s, int64_t run, int64_t index, int64_t seq, int64_t metric)
{
    if (store->in_transaction)
        return insert(store, s, run, index, seq, metric);
    int status = assay_store_begin(store);
    return status ? status : store_leave(store, true, insert(store, s, run, index, seq, metric));
}

static int ready(
    assay_store *store, int64_t run, int64_t index, int64_t seq, int64_t metric, sqlite3_stmt **s)
{
    int status = check_place(run, index, seq, metric);
    return status ? status : store_bind(store, STORE_VALUE_ADD, s, "");
}

int assay_store_value_number(
    assay_store *store, int64_t run, int64_t index, int64_t seq, int64_t metric, double value)
{
    sqlite3_stmt *s;
    int status = ready(store, run, index, seq, metric, &s);
    if (status)
        return status;
    sqlite3_bind_double(s, 4, value); /* NaN binds NULL */
    return put(store, s, run, index, seq, metric);
}

int assay_store_value_integer(
    assay_store *store, int64_t run, int64_t index, int64_t seq, int64_t metric, int64_t value)
{
    sqlite3_stmt *s;
    int status = ready(store, run, index, seq, metric, &s);
    if (status)
        return status;
    sqlite3_bind_int64(s, 4, value);
    return put(store, s, run, index, seq, metric);
}

int assay_store_value_text(assay_store *store, int64_t run, int64_t index, int64_t seq,
    int64_t metric, const char *value, size_t size)
{
    sqlite3_stmt *s;
    int status = ready(store, run, index, seq, metric, &s);
    if (status)
        return status;
    int code = sqlite3_bind_text64(s, 4, value ? value : "", size, SQLITE_STATIC, SQLITE_UTF8);
    return code == SQLITE_OK ? put(store, s, run, index, seq, metric) : store_fail(store, code);
}
