/*
 * assay_table: columns of entries.
 *
 * A column is two arrays grown together: kinds and a number or an interned text. Texts are interned
 * once a table in a hash set, since a sweep's labels repeat millions of times. New columns and rows
 * cost nothing for the entries that they lack: a column's arrays reach only to its last set row.
 */
#include "data/table.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"

typedef union entry {
    double number;
    const char *text;
} entry;

typedef struct column {
    char *name;
    unsigned char *kind; /* NULL in a given column where all are of `kinds` */
    entry *value;
    size_t rows, room;
    bool given; /* value is a part of the table's given array */
    assay_datum_kind kinds;
} column;

struct assay_table {
    column *columns;
    size_t column_count, column_room;
    size_t rows;
    char **texts; /* open addressing, a power of two of slots */
    size_t text_count, text_room;
    double *given_numbers; /* of all columns, see assay_table_give */
};

assay_table *assay_table_new(void)
{
    return calloc(1, sizeof(assay_table));
}

void assay_table_free(assay_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->column_count; i++) {
        free(table->columns[i].name);
        free(table->columns[i].kind);
        if (!table->columns[i].given)
            free(table->columns[i].value);
    }
    free(table->given_numbers);
    for (size_t i = 0; i < table->text_room; i++)
        free(table->texts[i]);
    free(table->columns);
    free(table->texts);
    free(table);
}

size_t assay_table_rows(const assay_table *table)
{
    return table->rows;
}

size_t assay_table_columns(const assay_table *table)
{
    return table->column_count;
}

const char *assay_table_name(const assay_table *table, size_t at)
{
    return table->columns[at].name;
}

static bool find(const assay_table *table, const char *name, size_t *at)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0) {
            *at = i;
            return true;
        }
    return false;
}

int assay_table_find(const assay_table *table, const char *name, size_t *at)
{
    if (find(table, name, at))
        return ASSAY_OK;
    char hint[512];
    const char **names = malloc((table->column_count + 1) * sizeof *names);
    if (!names)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t i = 0; i < table->column_count; i++)
        names[i] = table->columns[i].name;
    assay_suggest(name, names, table->column_count, hint, sizeof hint);
    free(names);
    return assay_fail(ASSAY_ENOTFOUND, "there is no column \"%s\"%s", name, hint);
}

int assay_table_column(assay_table *table, const char *name, size_t *at)
{
    if (find(table, name, at))
        return ASSAY_OK;
    if (table->column_count == table->column_room) {
        size_t room = table->column_room ? 2 * table->column_room : 16;
        column *grown = realloc(table->columns, room * sizeof *grown);
        if (!grown)
            return assay_fail(ASSAY_ENOMEM, "out of memory for %zu columns", room);
        table->columns = grown;
        table->column_room = room;
    }
    char *copy = strdup(name);
    if (!copy)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a column's name");
    *at = table->column_count++;
    table->columns[*at] = (column){.name = copy};
    return ASSAY_OK;
}

int assay_table_append(assay_table *table)
{
    table->rows++;
    return ASSAY_OK;
}

static bool enlarge(column *c, size_t room)
{
    unsigned char *kind = realloc(c->kind, room);
    if (kind)
        c->kind = kind;
    entry *value = realloc(c->value, room * sizeof *value);
    if (value)
        c->value = value;
    return kind && value;
}

/* A kind for each row of a given column. */
static int tell_kinds(column *c)
{
    if (c->kind)
        return ASSAY_OK;
    c->kind = malloc(c->room + 1);
    if (!c->kind)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu rows", c->rows);
    memset(c->kind, (int)c->kinds, c->rows);
    return ASSAY_OK;
}

/* Out of the given array, which can't grow, into arrays of its own. */
static bool copy_out(column *c, size_t room)
{
    column own = {.name = c->name,
        .kind = malloc(room),
        .value = malloc(room * sizeof(entry)),
        .rows = c->rows,
        .room = c->room};
    if (!own.kind || !own.value) {
        free(own.kind);
        free(own.value);
        return false;
    }
    memcpy(own.kind, c->kind, c->rows);
    memcpy(own.value, c->value, c->rows * sizeof *c->value);
    free(c->kind);
    *c = own;
    return true;
}

static int reach(column *c, size_t rows)
{
    const int status = c->given ? tell_kinds(c) : ASSAY_OK;
    if (status)
        return status;
    if (rows > c->room) {
        size_t room = c->room ? c->room : 64;
        while (room < rows)
            room *= 2;
        if (c->given ? !copy_out(c, room) : !enlarge(c, room))
            return assay_fail(ASSAY_ENOMEM, "out of memory for %zu rows", rows);
        c->room = room;
    }
    if (rows > c->rows) {
        memset(c->kind + c->rows, ASSAY_DATUM_MISSING, rows - c->rows);
        c->rows = rows;
    }
    return ASSAY_OK;
}

static int set(assay_table *table, size_t at, assay_datum_kind kind, entry value)
{
    if (at >= table->column_count || table->rows == 0)
        return assay_fail(ASSAY_EINVAL, "column %zu of row %zu does not exist", at, table->rows);
    column *c = &table->columns[at];
    int status = reach(c, table->rows);
    if (status)
        return status;
    c->kind[table->rows - 1] = (unsigned char)kind;
    c->value[table->rows - 1] = value;
    return ASSAY_OK;
}

int assay_table_set_number(assay_table *table, size_t at, double number)
{
    return set(table, at, ASSAY_DATUM_NUMBER, (entry){.number = number});
}

int assay_table_set_integer(assay_table *table, size_t at, long long number)
{
    const long long exact = 1LL << 53;
    if (number > exact || number < -exact)
        return assay_fail(
            ASSAY_EINVAL, "the integer %lld is beyond 2^53, where doubles are not exact", number);
    return set(table, at, ASSAY_DATUM_INTEGER, (entry){.number = (double)number});
}

/* FNV-1a */
static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static char **slot_of(char **texts, size_t room, const char *text)
{
    size_t i = (size_t)hash(text) & (room - 1);
    while (texts[i] && strcmp(texts[i], text) != 0)
        i = (i + 1) & (room - 1);
    return &texts[i];
}

static int grow_texts(assay_table *table)
{
    size_t room = table->text_room ? 2 * table->text_room : 64;
    char **grown = calloc(room, sizeof *grown);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu texts", room);
    for (size_t i = 0; i < table->text_room; i++)
        if (table->texts[i])
            *slot_of(grown, room, table->texts[i]) = table->texts[i];
    free(table->texts);
    table->texts = grown;
    table->text_room = room;
    return ASSAY_OK;
}

static int intern(assay_table *table, const char *text, const char **out)
{
    if (2 * table->text_count >= table->text_room) {
        int status = grow_texts(table);
        if (status)
            return status;
    }
    char **slot = slot_of(table->texts, table->text_room, text);
    if (!*slot) {
        *slot = strdup(text);
        if (!*slot)
            return assay_fail(ASSAY_ENOMEM, "out of memory for a text");
        table->text_count++;
    }
    *out = *slot;
    return ASSAY_OK;
}

int assay_table_set_text(assay_table *table, size_t at, const char *text)
{
    const char *kept = NULL;
    int status = intern(table, text, &kept);
    return status ? status : set(table, at, ASSAY_DATUM_TEXT, (entry){.text = kept});
}

/* Entries are unions of a double and a pointer, so that an array of doubles is one of entries. */
_Static_assert(sizeof(entry) == sizeof(double), "an entry is as large as a double");

void assay_table_give(
    assay_table *table, const assay_datum_kind *kind, size_t rows, size_t room, double *numbers)
{
    for (size_t i = 0; i < table->column_count; i++)
        table->columns[i] = (column){.name = table->columns[i].name,
            .value = (entry *)(void *)(numbers + i * room),
            .rows = rows,
            .room = room,
            .given = true,
            .kinds = kind[i]};
    table->rows = rows;
    table->given_numbers = numbers;
}

int assay_table_put_text(assay_table *table, size_t row, size_t at, const char *text)
{
    column *c = &table->columns[at];
    const char *kept = NULL;
    int status = tell_kinds(c);
    if (status == ASSAY_OK)
        status = intern(table, text, &kept);
    if (status)
        return status;
    c->kind[row] = ASSAY_DATUM_TEXT;
    c->value[row].text = kept;
    return ASSAY_OK;
}

int assay_table_clear(assay_table *table, size_t row, size_t at)
{
    const int status = tell_kinds(&table->columns[at]);
    if (status == ASSAY_OK)
        table->columns[at].kind[row] = ASSAY_DATUM_MISSING;
    return status;
}

assay_datum assay_table_get(const assay_table *table, size_t row, size_t at)
{
    const column *c = &table->columns[at];
    if (row >= c->rows)
        return (assay_datum){ASSAY_DATUM_MISSING, NAN, NULL};
    const assay_datum_kind kind = c->kind ? (assay_datum_kind)c->kind[row] : c->kinds;
    if (kind == ASSAY_DATUM_MISSING)
        return (assay_datum){ASSAY_DATUM_MISSING, NAN, NULL};
    if (kind == ASSAY_DATUM_TEXT)
        return (assay_datum){ASSAY_DATUM_TEXT, NAN, c->value[row].text};
    return (assay_datum){kind, c->value[row].number, NULL};
}

static int rank(const assay_datum *datum)
{
    if (datum->kind == ASSAY_DATUM_MISSING)
        return 0;
    if (datum->kind == ASSAY_DATUM_TEXT)
        return 3;
    return isnan(datum->number) ? 2 : 1;
}

int assay_datum_compare(const assay_datum *a, const assay_datum *b)
{
    int ra = rank(a), rb = rank(b);
    if (ra != rb)
        return ra < rb ? -1 : 1;
    if (ra == 3)
        return a->text == b->text ? 0 : strcmp(a->text, b->text);
    if (ra == 1)
        return (a->number > b->number) - (a->number < b->number);
    return 0;
}

/* The fewest digits that read back as the same double. Up to 15 survive the way there and back, so
 * where fewer do, %.15g ends in zeros, which it leaves out; a subnormal number has not as many. */
static void shortest(double x, char *out, size_t size)
{
    for (int digits = fabs(x) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, x);
        if (strtod(out, NULL) == x)
            return;
    }
}

void assay_datum_text(const assay_datum *datum, char *out, size_t size)
{
    if (datum->kind == ASSAY_DATUM_MISSING)
        snprintf(out, size, "%s", "");
    else if (datum->kind == ASSAY_DATUM_TEXT)
        snprintf(out, size, "%s", datum->text);
    else if (isnan(datum->number))
        snprintf(out, size, "nan");
    else if (isinf(datum->number))
        snprintf(out, size, datum->number > 0 ? "inf" : "-inf");
    else if (datum->kind == ASSAY_DATUM_INTEGER ||
             (datum->number == floor(datum->number) && fabs(datum->number) < 1e15))
        snprintf(out, size, "%.0f", datum->number);
    else
        shortest(datum->number, out, size);
}
