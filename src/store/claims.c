/* What was found out about a run's rows: verdicts of its claims, fits of its figures. */
#include "store/internal.h"

#include <math.h>
#include <stdlib.h>

static int add_claim(
    assay_store *store, int64_t run, size_t position, const assay_claim_result *claim)
{
    int status = store_run(store, STORE_CLAIM_ADD, "iisssddddiss", run, (int64_t)position,
        claim->name, claim->text, claim->verdict, claim->estimate, claim->low, claim->high,
        claim->p, claim->n, claim->test, claim->message);
    if (status && sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run %lld", (long long)run);
    return status;
}

int assay_store_claims_put(assay_store *store, int64_t run, const assay_claim_list *claims)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_CLAIM_DELETE, "i", run);
    for (size_t i = 0; status == ASSAY_OK && i < claims->count; i++)
        status = add_claim(store, run, i, &claims->claims[i]);
    return store_leave(store, own, status);
}

void assay_claim_list_clear(assay_claim_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->claims[i].name);
        free(list->claims[i].text);
        free(list->claims[i].verdict);
        free(list->claims[i].test);
        free(list->claims[i].message);
    }
    free(list->claims);
    *list = (assay_claim_list){0};
}

static double number_or_nan(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? NAN : sqlite3_column_double(s, column);
}

static int read_claim(sqlite3_stmt *s, assay_claim_result *out)
{
    *out = (assay_claim_result){
        .estimate = number_or_nan(s, 3),
        .low = number_or_nan(s, 4),
        .high = number_or_nan(s, 5),
        .p = number_or_nan(s, 6),
        .n = sqlite3_column_int64(s, 7),
    };
    const struct {
        int column;
        char **to;
    } texts[] = {
        {0, &out->name}, {1, &out->text}, {2, &out->verdict}, {8, &out->test}, {9, &out->message}};
    int status = ASSAY_OK;
    for (size_t i = 0; status == ASSAY_OK && i < sizeof texts / sizeof *texts; i++)
        status = store_text(s, texts[i].column, texts[i].to);
    return status;
}

int assay_store_claims_get(assay_store *store, int64_t run, assay_claim_list *out)
{
    sqlite3_stmt *s;
    bool row = true;
    *out = (assay_claim_list){0};
    int status = store_bind(store, STORE_CLAIM_LIST, &s, "i", run);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)&out->claims, out->count, sizeof *out->claims);
        if (status == ASSAY_OK)
            status = read_claim(s, &out->claims[out->count++]);
    }
    if (status) {
        sqlite3_reset(s);
        assay_claim_list_clear(out);
    }
    return status;
}

int assay_store_fit_put(
    assay_store *store, int64_t run, const char *figure, const char *series, const char *json)
{
    bool own;
    int status = store_enter(store, &own);
    if (status)
        return status;
    status = store_run(store, STORE_FIT_PUT, "isss", run, figure, series, json);
    if (status && sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
        status = assay_fail(ASSAY_ENOTFOUND, "there is no run %lld", (long long)run);
    return store_leave(store, own, status);
}

int assay_store_fit_get(
    assay_store *store, int64_t run, const char *figure, const char *series, char **json)
{
    sqlite3_stmt *s;
    bool row = false;
    *json = NULL;
    int status = store_bind(store, STORE_FIT_GET, &s, "iss", run, figure, series);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return assay_fail(ASSAY_ENOTFOUND, "run %lld: figure \"%s\" has no fit of series \"%s\"",
            (long long)run, figure, series);
    status = store_text(s, 0, json);
    sqlite3_reset(s);
    return status;
}
