/* What `assay doctor` asks of a file: its log, its pages, and runs whose process is gone. */
#include "store/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int assay_store_log_size(assay_store *store, int64_t *size)
{
    char *name = NULL;
    struct stat file;
    if (asprintf(&name, "%s-wal", sqlite3_db_filename(store->db, "main")) < 0)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a file's name");
    int status = ASSAY_OK;
    *size = 0;
    if (stat(name, &file) == 0)
        *size = file.st_size;
    else if (errno != ENOENT)
        status = assay_fail(ASSAY_EIO, "%s: %s", name, strerror(errno));
    free(name);
    return status;
}

/* The checkpoint's answer is a row: busy, pages in the log, pages that were moved. */
int assay_store_empty_log(assay_store *store, bool *emptied, char *holders, size_t size)
{
    sqlite3_stmt *s = NULL;
    bool row;
    *emptied = false;
    holders[0] = '\0';
    int status = store_prepare(store, "PRAGMA wal_checkpoint(TRUNCATE)", &s, NULL);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status == ASSAY_OK)
        *emptied = row && sqlite3_column_int(s, 0) == 0;
    if (status == ASSAY_OK && !*emptied)
        store_holders(sqlite3_db_filename(store->db, "main"), holders, size);
    sqlite3_finalize(s);
    return status;
}

static int is_at_work(assay_store *store, bool *at_work)
{
    sqlite3_stmt *s;
    bool row = true;
    *at_work = false;
    int status = store_bind(store, STORE_RUN_UNFINISHED, &s, "");
    while (status == ASSAY_OK && !*at_work) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        assay_run_info info;
        status = assay_store_run_get(store, sqlite3_column_int64(s, 0), &info);
        *at_work = !status && info.state != ASSAY_RUN_INTERRUPTED;
        assay_run_info_clear(&info);
    }
    sqlite3_reset(s);
    return status;
}

static int pragma_number(assay_store *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    int status = store_prepare(store, sql, &s, NULL);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    *value = row ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return status;
}

int assay_store_compact(assay_store *store, bool *at_work, int64_t *freed)
{
    int64_t pages, unused, size;
    bool emptied;
    char holders[256];
    *freed = 0;
    int status = is_at_work(store, at_work);
    if (status == ASSAY_OK)
        status = pragma_number(store, "PRAGMA page_count", &pages);
    if (status == ASSAY_OK)
        status = pragma_number(store, "PRAGMA freelist_count", &unused);
    if (status == ASSAY_OK)
        status = pragma_number(store, "PRAGMA page_size", &size);
    if (status || *at_work || unused < pages / 4 || unused == 0)
        return status;
    status = store_execute(store, "VACUUM");
    if (status == ASSAY_OK) /* the file shrinks when the log has gone into it */
        status = assay_store_empty_log(store, &emptied, holders, sizeof holders);
    *freed = status ? 0 : unused * size;
    return status;
}

int assay_store_examine(assay_store *store, bool *sound, char *found, size_t size)
{
    sqlite3_stmt *s = NULL;
    bool row;
    *sound = false;
    int status = store_prepare(store, "PRAGMA integrity_check(1)", &s, NULL);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status == ASSAY_OK) {
        const char *said = row ? (const char *)sqlite3_column_text(s, 0) : "nothing was said";
        *sound = said && strcmp(said, "ok") == 0;
        snprintf(found, size, "%s", said ? said : "?");
    }
    sqlite3_finalize(s);
    return status;
}

static int add_orphan(assay_store *store, int64_t id, assay_run_list *out)
{
    assay_run_info info;
    int status = assay_store_run_get(store, id, &info);
    if (status)
        return status == ASSAY_ENOTFOUND ? ASSAY_OK : status; /* deleted meanwhile */
    if (info.state == ASSAY_RUN_INTERRUPTED)
        status = store_grow((void **)&out->runs, out->count, sizeof *out->runs);
    if (status || info.state != ASSAY_RUN_INTERRUPTED)
        assay_run_info_clear(&info);
    else
        out->runs[out->count++] = info;
    return status;
}

int assay_store_orphans(assay_store *store, assay_run_list *out)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = (assay_run_list){0};
    int status = store_bind(store, STORE_RUN_UNFINISHED, &s, "");
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = add_orphan(store, sqlite3_column_int64(s, 0), out);
    }
    if (status) {
        sqlite3_reset(s);
        assay_run_list_free(out);
    }
    return status;
}

/* Within the transaction nobody can take the run between the question and the answer. */
static int settle(assay_store *store, int64_t run)
{
    assay_run_info info;
    int status = assay_store_run_get(store, run, &info);
    if (status)
        return status;
    assay_run_state state = info.state;
    assay_run_info_clear(&info);
    if (state != ASSAY_RUN_INTERRUPTED)
        return ASSAY_OK;
    status = store_run(store, STORE_RUN_SETTLE, "is", run, "its process was gone");
    return status ? status : store_run(store, STORE_CELLS_REQUEUE, "i", run);
}

int assay_store_run_settle(assay_store *store, int64_t run)
{
    bool own;
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, settle(store, run));
}
