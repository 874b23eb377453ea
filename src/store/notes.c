/* Notes and artifacts of a cell, or of the run itself (cell -1). */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

/* Turn SQLite's "FOREIGN KEY constraint failed" into words. */
static int explain(assay_store *store, int status, int64_t run)
{
    if (status && sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run %lld", (long long)run);
    return status;
}

int assay_store_note(assay_store *store, int64_t run, int64_t index, const char *text)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_NOTE_ADD, "iids", run, index, store_now(), text);
    return store_leave(store, own, explain(store, status, run));
}

int assay_store_artifact(assay_store *store, int64_t run, int64_t index, const char *name,
    const char *type, const void *data, size_t size)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_ARTIFACT_ADD, "iissb", run, index, name, type, data, size);
    return store_leave(store, own, explain(store, status, run));
}

void assay_note_list_free(assay_note_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->notes[i].text);
    free(list->notes);
    *list = (assay_note_list){0};
}

int assay_store_notes(assay_store *store, int64_t run, size_t limit, assay_note_list *out)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = (assay_note_list){0};
    int status =
        store_bind(store, STORE_NOTE_LIST, &s, "ii", run, limit ? (int64_t)limit : (int64_t)-1);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)&out->notes, out->count, sizeof *out->notes);
        if (status)
            break;
        assay_note *note = &out->notes[out->count++];
        note->index = sqlite3_column_int64(s, 0);
        note->time = sqlite3_column_double(s, 1);
        status = store_text(s, 2, &note->text);
    }
    if (status) {
        sqlite3_reset(s);
        assay_note_list_free(out);
    }
    return status;
}

void assay_artifact_list_free(assay_artifact_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->artifacts[i].name);
        free(list->artifacts[i].type);
    }
    free(list->artifacts);
    *list = (assay_artifact_list){0};
}

int assay_store_artifacts(assay_store *store, int64_t run, assay_artifact_list *out)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = (assay_artifact_list){0};
    int status = store_bind(store, STORE_ARTIFACT_LIST, &s, "i", run);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)&out->artifacts, out->count, sizeof *out->artifacts);
        if (status)
            break;
        assay_artifact_info *artifact = &out->artifacts[out->count++];
        *artifact = (assay_artifact_info){
            .index = sqlite3_column_int64(s, 0), .size = sqlite3_column_int64(s, 3)};
        status = store_text(s, 1, &artifact->name);
        if (status == ASSAY_OK)
            status = store_text(s, 2, &artifact->type);
    }
    if (status) {
        sqlite3_reset(s);
        assay_artifact_list_free(out);
    }
    return status;
}

int assay_store_artifact_get(
    assay_store *store, int64_t run, int64_t index, const char *name, void **data, size_t *size)
{
    sqlite3_stmt *s;
    bool row = false;
    *data = NULL;
    *size = 0;
    int status = store_bind(store, STORE_ARTIFACT_GET, &s, "iis", run, index, name);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return assay_fail(ASSAY_ENOTFOUND, "run %lld, cell %lld: there is no artifact \"%s\"",
            (long long)run, (long long)index, name);
    *size = (size_t)sqlite3_column_bytes(s, 0);
    *data = malloc(*size + 1); /* a zero after the end, so that a text can be used as one */
    if (*data) {
        if (*size > 0)
            memcpy(*data, sqlite3_column_blob(s, 0), *size);
        ((char *)*data)[*size] = '\0';
    }
    sqlite3_reset(s);
    return *data ? ASSAY_OK
                 : assay_fail(ASSAY_ENOMEM, "out of memory for %zu bytes of \"%s\"", *size, name);
}
