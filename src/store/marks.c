/* What people say about runs: labels, tags, pins; and throwing runs away so that they can be had
 * back. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

static int check_changed(assay_store *store, int64_t run)
{
    if (sqlite3_changes(store->db) == 0)
        return assay_fail(
            ASSAY_ENOTFOUND, "there is no run %lld (`assay ls` lists them)", (long long)run);
    return ASSAY_OK;
}

int assay_store_run_label(assay_store *store, int64_t run, const char *label)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_RUN_LABEL, "is", run, label && *label ? label : NULL);
    return store_leave(store, own, status ? status : check_changed(store, run));
}

int assay_store_run_pin(assay_store *store, int64_t run, bool pinned)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_RUN_PIN, "ii", run, (int64_t)pinned);
    return store_leave(store, own, status ? status : check_changed(store, run));
}

static int put_tag(assay_store *store, int64_t run, const char *tag, bool on)
{
    int64_t id;
    bool found;
    int status = store_integer(store, STORE_RUN_EXISTS, &id, &found, "i", run);
    if (status == ASSAY_OK && !found)
        return assay_fail(
            ASSAY_ENOTFOUND, "there is no run %lld (`assay ls` lists them)", (long long)run);
    return status ? status
                  : store_run(store, on ? STORE_TAG_ADD : STORE_TAG_DELETE, "is", run, tag);
}

int assay_store_run_tag(assay_store *store, int64_t run, const char *tag, bool on)
{
    bool own;
    if (!*tag || strcspn(tag, " \t\n\"") != strlen(tag))
        return assay_fail(
            ASSAY_EINVAL, "a tag is one word without spaces and quotes, got \"%s\"", tag);
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, put_tag(store, run, tag, on));
}

static int discard(assay_store *store, int64_t run, bool discarded)
{
    assay_run_info info;
    int status = assay_store_run_get(store, run, &info);
    if (status)
        return status;
    if (discarded && info.state <= ASSAY_RUN_RUNNING)
        status = assay_fail(ASSAY_EBUSY, "run %lld is %s: cancel it before it is deleted",
            (long long)run, assay_run_state_name(info.state));
    assay_run_info_clear(&info);
    return status ? status
                  : store_run(store, STORE_RUN_DISCARD, "id", run, discarded ? store_now() : 0.0);
}

int assay_store_run_discard(assay_store *store, int64_t run, bool discarded)
{
    bool own;
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, discard(store, run, discarded));
}

int assay_store_run_discarded(assay_store *store, int64_t **ids, size_t *count)
{
    sqlite3_stmt *s;
    bool row = true;
    *ids = NULL;
    *count = 0;
    int status = store_bind(store, STORE_RUN_DISCARDED, &s, "");
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)ids, *count, sizeof **ids);
        if (status == ASSAY_OK)
            (*ids)[(*count)++] = sqlite3_column_int64(s, 0);
    }
    if (status) {
        sqlite3_reset(s);
        free(*ids);
        *ids = NULL;
        *count = 0;
    }
    return status;
}
