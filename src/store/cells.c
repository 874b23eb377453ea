/* Cells: their life, and the run's counters that follow it in the same transaction. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const cell_states[] = {"queued", "running", "done", "failed"};

const char *assay_cell_state_name(assay_cell_state state)
{
    return cell_states[state];
}

static assay_cell_state state_of(const char *name)
{
    for (int i = 0; i < ASSAY_CELL_FAILED; i++)
        if (strcmp(cell_states[i], name) == 0)
            return (assay_cell_state)i;
    return ASSAY_CELL_FAILED;
}

static int no_cell(int64_t run, int64_t index)
{
    return assay_fail(
        ASSAY_ENOTFOUND, "run %lld has no cell %lld", (long long)run, (long long)index);
}

static int check_index(int64_t run, int64_t index)
{
    if (index < 0 || index >= 1 << STORE_CELL_BITS)
        return assay_fail(ASSAY_EINVAL, "run %lld: a cell's number must be in 0..%d, got %lld",
            (long long)run, (1 << STORE_CELL_BITS) - 1, (long long)index);
    return ASSAY_OK;
}

static int add_cell(
    assay_store *store, int64_t run, int64_t index, const char *params, int64_t replicate)
{
    int status = store_run(store, STORE_RUN_COUNT_CELL, "i", run);
    if (status == ASSAY_OK && sqlite3_changes(store->db) == 0)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run %lld", (long long)run);
    return status ? status
                  : store_run(store, STORE_CELL_ADD, "iiisi", store_cell_key(run, index), run,
                        index, params ? params : "{}", replicate);
}

int assay_store_cell_create(
    assay_store *store, int64_t run, int64_t index, const char *params, int64_t replicate)
{
    bool own;
    int status = check_index(run, index);
    if (status == ASSAY_OK)
        status = store_enter(store, &own);
    if (status)
        return status;
    return store_leave(store, own, add_cell(store, run, index, params, replicate));
}

/* The stored state and row count of a cell. */
static int read_state(
    assay_store *store, int64_t run, int64_t index, assay_cell_state *state, int64_t *rows)
{
    sqlite3_stmt *s;
    bool row = false;
    int status = store_bind(store, STORE_CELL_STATE, &s, "i", store_cell_key(run, index));
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return no_cell(run, index);
    *state = state_of((const char *)sqlite3_column_text(s, 0));
    *rows = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return ASSAY_OK;
}

static int count_change(
    assay_store *store, int64_t run, assay_cell_state from, assay_cell_state to, int64_t rows)
{
    int64_t done = (to == ASSAY_CELL_DONE) - (from == ASSAY_CELL_DONE);
    int64_t failed = (to == ASSAY_CELL_FAILED) - (from == ASSAY_CELL_FAILED);
    if (done == 0 && failed == 0 && rows == 0)
        return ASSAY_OK;
    return store_run(store, STORE_RUN_COUNT, "iiii", run, done, failed, rows);
}

static int start_cell(assay_store *store, int64_t run, int64_t index)
{
    assay_cell_state before;
    int64_t rows, key = store_cell_key(run, index);
    store_tally_forget(store, key);
    int status = read_state(store, run, index, &before, &rows);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_VALUE_DELETE, "ii", key, key);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_NOTE_DELETE, "ii", run, index);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_ARTIFACT_DELETE, "ii", run, index);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_CELL_START, "i", key);
    return status ? status : count_change(store, run, before, ASSAY_CELL_RUNNING, -rows);
}

int assay_store_cell_start(assay_store *store, int64_t run, int64_t index)
{
    bool own;
    int status = check_index(run, index);
    if (status == ASSAY_OK)
        status = store_enter(store, &own);
    return status ? status : store_leave(store, own, start_cell(store, run, index));
}

static int finish_cell(assay_store *store, int64_t run, int64_t index, assay_cell_state state,
    double elapsed, const char *error)
{
    assay_cell_state before;
    int64_t rows;
    int status = read_state(store, run, index, &before, &rows);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_CELL_FINISH, "isds", store_cell_key(run, index),
            cell_states[state], elapsed, error);
    return status ? status : count_change(store, run, before, state, 0);
}

int assay_store_cell_finish(assay_store *store, int64_t run, int64_t index, assay_cell_state state,
    double elapsed, const char *error)
{
    bool own;
    int status = check_index(run, index);
    if (status == ASSAY_OK)
        status = store_enter(store, &own);
    return status ? status
                  : store_leave(store, own, finish_cell(store, run, index, state, elapsed, error));
}

/* ---- reading --------------------------------------------------------------------------------- */

void assay_cell_info_clear(assay_cell_info *info)
{
    free(info->params);
    free(info->error);
    *info = (assay_cell_info){0};
}

void assay_cell_list_free(assay_cell_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        assay_cell_info_clear(&list->cells[i]);
    free(list->cells);
    *list = (assay_cell_list){0};
}

/* Columns are numbered as in STORE_CELL_COLUMNS. */
static int read_cell(sqlite3_stmt *s, assay_cell_info *out)
{
    *out = (assay_cell_info){
        .index = sqlite3_column_int64(s, 0),
        .replicate = sqlite3_column_int64(s, 1),
        .attempts = sqlite3_column_int64(s, 2),
        .rows = sqlite3_column_int64(s, 3),
        .state = state_of((const char *)sqlite3_column_text(s, 4)),
        .elapsed = sqlite3_column_double(s, 5),
    };
    int status = store_text(s, 6, &out->params);
    return status ? status : store_text(s, 7, &out->error);
}

int assay_store_cell_get(assay_store *store, int64_t run, int64_t index, assay_cell_info *out)
{
    sqlite3_stmt *s;
    bool row = false;
    *out = (assay_cell_info){0};
    int status = check_index(run, index);
    if (status == ASSAY_OK)
        status = store_bind(store, STORE_CELL_GET, &s, "i", store_cell_key(run, index));
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return no_cell(run, index);
    status = read_cell(s, out);
    sqlite3_reset(s);
    if (status)
        assay_cell_info_clear(out);
    return status;
}

/* The cells of a statement that stands before them; status: of its binding. */
static int read_cells(assay_store *store, int status, sqlite3_stmt *s, assay_cell_list *out)
{
    bool row = true;
    *out = (assay_cell_list){0};
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)&out->cells, out->count, sizeof *out->cells);
        if (status == ASSAY_OK)
            status = read_cell(s, &out->cells[out->count++]);
    }
    if (status) {
        sqlite3_reset(s);
        assay_cell_list_free(out);
    }
    return status;
}

int assay_store_cells(
    assay_store *store, int64_t run, size_t limit, size_t offset, assay_cell_list *out)
{
    sqlite3_stmt *s = NULL;
    int status = store_bind(store, STORE_CELL_LIST, &s, "iii", run,
        limit ? (int64_t)limit : (int64_t)-1, (int64_t)offset);
    return read_cells(store, status, s, out);
}

int assay_store_cells_failed(assay_store *store, int64_t run, size_t limit, assay_cell_list *out)
{
    sqlite3_stmt *s = NULL;
    int status = store_bind(store, STORE_CELL_FAILED, &s, "ii", run, (int64_t)limit);
    return read_cells(store, status, s, out);
}

int assay_store_cells_left(assay_store *store, int64_t run, int64_t **out, size_t *count)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = NULL;
    *count = 0;
    int status = store_bind(store, STORE_CELL_LEFT, &s, "i", run);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)out, *count, sizeof **out);
        if (status == ASSAY_OK)
            (*out)[(*count)++] = sqlite3_column_int64(s, 0);
    }
    if (status) {
        sqlite3_reset(s);
        free(*out);
        *out = NULL;
        *count = 0;
    }
    return status;
}

int assay_store_cell_briefs(assay_store *store, int64_t run, assay_cell_brief **out, size_t *count)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = NULL;
    *count = 0;
    int status = store_bind(store, STORE_CELL_BRIEFS, &s, "i", run);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)out, *count, sizeof **out);
        if (status == ASSAY_OK)
            (*out)[(*count)++] = (assay_cell_brief){
                state_of((const char *)sqlite3_column_text(s, 0)), sqlite3_column_int64(s, 1)};
    }
    if (status) {
        sqlite3_reset(s);
        free(*out);
        *out = NULL;
        *count = 0;
    }
    return status;
}
