/*
 * Two runs, bitwise: cells with their parameters, then every value by type and bits. NaN equals NaN
 * (it is NULL in both); the integer 1 differs from the number 1.0, and 0.0 from -0.0.
 */
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct comparison {
    assay_store *store;
    int64_t a, b;
    bool *equal;
    char *difference;
    size_t size;
} comparison;

/* Where a value stands within its run. */
typedef struct place {
    int64_t index, seq, metric;
} place;

static int compare_places(const place *a, const place *b)
{
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    return (a->metric > b->metric) - (a->metric < b->metric);
}

/* "0.25", "integer 1", "number 1", "nan", "\"llama\"", cut at 60 bytes. */
static void value_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER:
        snprintf(out, size, "integer %lld", (long long)sqlite3_column_int64(s, column));
        break;
    case SQLITE_FLOAT: {
        assay_datum datum = {ASSAY_DATUM_NUMBER, sqlite3_column_double(s, column), NULL};
        char digits[64];
        assay_datum_text(&datum, digits, sizeof digits);
        /* "-0" is only told from "0" by its sign bit, which the short form drops */
        bool negative_zero = datum.number == 0 && __builtin_signbit(datum.number);
        snprintf(out, size, "number %s", negative_zero ? "-0" : digits);
        break;
    }
    case SQLITE_NULL:
        snprintf(out, size, "nan");
        break;
    default:
        snprintf(out, size, "\"%.60s\"", (const char *)sqlite3_column_text(s, column));
    }
}

static bool same_bits(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int type = sqlite3_column_type(a, column);
    if (type != sqlite3_column_type(b, column))
        return false;
    if (type == SQLITE_INTEGER)
        return sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column);
    if (type == SQLITE_FLOAT) {
        double x = sqlite3_column_double(a, column), y = sqlite3_column_double(b, column);
        return memcmp(&x, &y, sizeof x) == 0;
    }
    const void *x = sqlite3_column_blob(a, column), *y = sqlite3_column_blob(b, column);
    int size = sqlite3_column_bytes(a, column);
    return size == sqlite3_column_bytes(b, column) &&
           (size == 0 || memcmp(x, y, (size_t)size) == 0);
}

/* Parameters and replicate of one cell. */
static void compare_cell(comparison *c, sqlite3_stmt *a, sqlite3_stmt *b)
{
    long long index = sqlite3_column_int64(a, 0);
    *c->equal = false;
    if (index != sqlite3_column_int64(b, 0))
        snprintf(c->difference, c->size,
            "cell %lld of run %" PRId64 " is cell %lld in run %" PRId64, index, c->a,
            (long long)sqlite3_column_int64(b, 0), c->b);
    else if (sqlite3_column_int64(a, 1) != sqlite3_column_int64(b, 1))
        snprintf(c->difference, c->size,
            "cell %lld: replicate %lld in run %" PRId64 ", %lld in run %" PRId64, index,
            (long long)sqlite3_column_int64(a, 1), c->a, (long long)sqlite3_column_int64(b, 1),
            c->b);
    else if (!same_bits(a, b, 2))
        snprintf(c->difference, c->size,
            "cell %lld: parameters %.200s in run %" PRId64 ", %.200s in run %" PRId64, index,
            (const char *)sqlite3_column_text(a, 2), c->a, (const char *)sqlite3_column_text(b, 2),
            c->b);
    else
        *c->equal = true;
}

static int compare_cells(comparison *c, sqlite3_stmt *a, sqlite3_stmt *b)
{
    int64_t count = 0;
    bool in_a = true, in_b = true;
    while (*c->equal) {
        int status = store_step(c->store, a, &in_a);
        if (status == ASSAY_OK)
            status = store_step(c->store, b, &in_b);
        if (status || (!in_a && !in_b))
            return status;
        if (in_a && in_b)
            compare_cell(c, a, b);
        else {
            *c->equal = false;
            snprintf(c->difference, c->size,
                "run %" PRId64 " has %" PRId64 " cells, run %" PRId64 " has more",
                in_a ? c->b : c->a, count, in_a ? c->a : c->b);
        }
        count++;
    }
    return ASSAY_OK;
}

static int next_value(comparison *c, sqlite3_stmt *s, int64_t run, bool *row, place *at)
{
    int status = store_step(c->store, s, row);
    if (status || !*row)
        return status;
    at->index = sqlite3_column_int64(s, 0) - store_cell_key(run, 0);
    at->seq = sqlite3_column_int64(s, 1);
    at->metric = sqlite3_column_int64(s, 2);
    return ASSAY_OK;
}

/* The first difference; of a and b, one that lacks the value is NULL. */
static int describe(comparison *c, const place *at, sqlite3_stmt *a, sqlite3_stmt *b)
{
    char in_a[128] = "absent", in_b[128] = "absent", name[256] = "?";
    sqlite3_stmt *names;
    bool row = true;
    *c->equal = false;
    if (a)
        value_text(a, 3, in_a, sizeof in_a);
    if (b)
        value_text(b, 3, in_b, sizeof in_b);
    int status = store_bind(c->store, STORE_METRIC_NAMES, &names, "ii", c->a, c->b);
    while (status == ASSAY_OK && row) {
        status = store_step(c->store, names, &row);
        if (status == ASSAY_OK && row && sqlite3_column_int64(names, 0) == at->metric)
            snprintf(name, sizeof name, "%s", (const char *)sqlite3_column_text(names, 1));
    }
    snprintf(c->difference, c->size,
        "cell %" PRId64 ", row %" PRId64 ", %s: %s in run %" PRId64 ", %s in run %" PRId64,
        at->index, at->seq, name, in_a, c->a, in_b, c->b);
    return status;
}

static int compare_values(comparison *c, sqlite3_stmt *a, sqlite3_stmt *b)
{
    for (;;) {
        place at_a, at_b;
        bool in_a, in_b;
        int status = next_value(c, a, c->a, &in_a, &at_a);
        if (status == ASSAY_OK)
            status = next_value(c, b, c->b, &in_b, &at_b);
        if (status || (!in_a && !in_b))
            return status;
        int order = !in_a ? 1 : !in_b ? -1 : compare_places(&at_a, &at_b);
        if (order < 0)
            return describe(c, &at_a, a, NULL);
        if (order > 0)
            return describe(c, &at_b, NULL, b);
        if (!same_bits(a, b, 3))
            return describe(c, &at_a, a, b);
    }
}

static int bind_values(assay_store *store, store_statement which, int64_t run, sqlite3_stmt **s)
{
    return store_bind(
        store, which, s, "ii", store_cell_key(run, 0), store_cell_key(run + 1, 0) - 1);
}

static int compare(comparison *c)
{
    sqlite3_stmt *a = NULL, *b = NULL;
    int status = store_bind(c->store, STORE_CELL_FIRST, &a, "i", c->a);
    if (status == ASSAY_OK)
        status = store_bind(c->store, STORE_CELL_SECOND, &b, "i", c->b);
    if (status == ASSAY_OK)
        status = compare_cells(c, a, b);
    sqlite3_reset(a);
    sqlite3_reset(b);
    if (status || !*c->equal)
        return status;
    status = bind_values(c->store, STORE_VALUE_FIRST, c->a, &a);
    if (status == ASSAY_OK)
        status = bind_values(c->store, STORE_VALUE_SECOND, c->b, &b);
    if (status == ASSAY_OK)
        status = compare_values(c, a, b);
    sqlite3_reset(a);
    sqlite3_reset(b);
    return status;
}

static int check_run(assay_store *store, int64_t run)
{
    int64_t id;
    bool found;
    int status = store_integer(store, STORE_RUN_EXISTS, &id, &found, "i", run);
    if (status == ASSAY_OK && !found)
        return assay_fail(ASSAY_ENOTFOUND, "there is no run %lld", (long long)run);
    return status;
}

int assay_store_rows_compare(
    assay_store *store, int64_t a, int64_t b, bool *equal, char *difference, size_t size)
{
    comparison c = {store, a, b, equal, difference, size};
    bool own;
    *equal = true;
    if (size > 0)
        difference[0] = '\0';
    int status = store_read_enter(store, &own);
    if (status)
        return status;
    status = check_run(store, a);
    if (status == ASSAY_OK)
        status = check_run(store, b);
    if (status == ASSAY_OK)
        status = compare(&c);
    store_read_leave(store, own);
    if (status)
        *equal = false;
    return status;
}
