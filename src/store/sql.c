/*
 * The user's own SQL, and results as a table, CSV or JSON.
 *
 * CSV and JSON are written as the rows come; a table is kept until its widths are known. Reading
 * only is not left to PRAGMA query_only, which the user's SQL could switch off: each statement is
 * asked whether it writes before it runs.
 */
#include "store/sql.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "store/internal.h"

/* How a result set is written: called once at its start, for each row, and at its end. */
typedef struct result_format {
    const char *name;
    int (*begin)(sqlite3_stmt *s, FILE *out, void **state);
    int (*row)(sqlite3_stmt *s, FILE *out, void *state);
    void (*end)(FILE *out, void *state); /* frees the state, which may be NULL */
} result_format;

/* A number as the fewest digits that read back the same; integers and texts as they are. The text
 * lives until the next call with the same buffer. */
static const char *entry_text(sqlite3_stmt *s, int column, char *buffer, size_t size)
{
    if (sqlite3_column_type(s, column) == SQLITE_FLOAT) {
        assay_datum d = {ASSAY_DATUM_NUMBER, sqlite3_column_double(s, column), NULL};
        assay_datum_text(&d, buffer, size);
        if (!strpbrk(buffer, ".en")) /* the number 1 is not the integer 1; e, inf and nan show it */
            strncat(buffer, ".0", size - strlen(buffer) - 1);
        return buffer;
    }
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? text : "";
}

static void write_hex(const unsigned char *data, size_t size, FILE *out)
{
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%02x", data[i]);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void write_csv_text(const char *text, size_t size, FILE *out)
{
    bool quoted = false;
    for (size_t i = 0; i < size && !quoted; i++)
        quoted = strchr(",\"\r\n", text[i]) != NULL;
    if (!quoted) {
        fwrite(text, 1, size, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            fputc('"', out);
        fputc(text[i], out);
    }
    fputc('"', out);
}

static int csv_begin(sqlite3_stmt *s, FILE *out, void **state)
{
    *state = NULL;
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const char *name = sqlite3_column_name(s, i);
        fputs(i ? "," : "", out);
        write_csv_text(name, strlen(name), out);
    }
    fputc('\n', out);
    return ASSAY_OK;
}

static int csv_row(sqlite3_stmt *s, FILE *out, void *state)
{
    char buffer[64];
    (void)state;
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        fputs(i ? "," : "", out);
        int type = sqlite3_column_type(s, i);
        if (type == SQLITE_BLOB)
            write_hex(sqlite3_column_blob(s, i), (size_t)sqlite3_column_bytes(s, i), out);
        else if (type == SQLITE_TEXT) {
            const char *text = (const char *)sqlite3_column_text(s, i);
            write_csv_text(text, (size_t)sqlite3_column_bytes(s, i), out);
        } else
            fputs(entry_text(s, i, buffer, sizeof buffer), out);
    }
    fputc('\n', out);
    return ASSAY_OK;
}

static void csv_end(FILE *out, void *state)
{
    (void)out;
    (void)state;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Length of the valid UTF-8 sequence at p (of at most `left` bytes), 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t length = p[0] < 0x80   ? 1
                    : p[0] < 0xc2 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf5 ? 4
                                  : 0;
    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if (length == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)))
        return 0; /* overlong, surrogate */
    if (length == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)))
        return 0; /* overlong, beyond U+10FFFF */
    return length;
}

static void write_json_text(const char *text, size_t size, FILE *out)
{
    fputc('"', out);
    for (size_t i = 0; i < size;) {
        const unsigned char *p = (const unsigned char *)text + i;
        size_t length = utf8_length(p, size - i);
        if (length == 0)
            fputs("\\ufffd", out);
        else if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", out);
        else if (*p == '\t')
            fputs("\\t", out);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(out, "\\u%04x", *p);
        else
            fwrite(p, 1, length, out);
        i += length ? length : 1;
    }
    fputc('"', out);
}

static void write_json_entry(sqlite3_stmt *s, int column, FILE *out)
{
    char buffer[64];
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_NULL:
        fputs("null", out);
        break;
    case SQLITE_BLOB:
        fputc('"', out);
        write_hex(sqlite3_column_blob(s, column), (size_t)sqlite3_column_bytes(s, column), out);
        fputc('"', out);
        break;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(s, column);
        write_json_text(text, (size_t)sqlite3_column_bytes(s, column), out);
        break;
    }
    case SQLITE_FLOAT:
        if (!isfinite(sqlite3_column_double(s, column))) {
            fputs("null", out);
            break;
        }
        /* fall through */
    default:
        fputs(entry_text(s, column, buffer, sizeof buffer), out);
    }
}

static int json_begin(sqlite3_stmt *s, FILE *out, void **state)
{
    (void)s;
    bool *first = malloc(sizeof *first);
    *state = first;
    if (!first)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    *first = true;
    fputc('[', out);
    return ASSAY_OK;
}

static int json_row(sqlite3_stmt *s, FILE *out, void *state)
{
    bool *first = state;
    fputs(*first ? "\n{" : ",\n{", out);
    *first = false;
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const char *name = sqlite3_column_name(s, i);
        fputs(i ? ", " : "", out);
        write_json_text(name, strlen(name), out);
        fputs(": ", out);
        write_json_entry(s, i, out);
    }
    fputc('}', out);
    return ASSAY_OK;
}

static void json_end(FILE *out, void *state)
{
    bool *first = state;
    if (first)
        fputs(*first ? "]\n" : "\n]\n", out);
    free(first);
}

/* ---- table ----------------------------------------------------------------------------------- */

enum {
    WIDEST = 80,        /* columns of the terminal that one entry may take */
    BYTES = 4 * WIDEST, /* and bytes, since combining marks take no column */
    PIECE = 8
};

typedef struct grid_entry {
    char *text;
    int width;
} grid_entry;

typedef struct grid {
    int columns;
    int *widths;
    bool *numeric;       /* every entry of the column is a number or NULL */
    grid_entry *entries; /* row by row, names first */
    size_t count, room;
} grid;

static void grid_free(grid *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++)
        free(g->entries[i].text);
    free(g->entries);
    free(g->widths);
    free(g->numeric);
    free(g);
}

/* The next character as it may be printed, escaped when it would move the cursor or is no UTF-8.
 * Returns the bytes that were read. */
static size_t next_piece(const unsigned char *p, size_t left, char piece[PIECE], int *width)
{
    size_t length = utf8_length(p, left);
    wchar_t wide = 0;
    mbstate_t shift = {0};
    *width = -1;
    if (length > 0 && mbrtowc(&wide, (const char *)p, length, &shift) == length)
        *width = wcwidth(wide);
    if (length > 0 && *width >= 0) {
        memcpy(piece, p, length);
        piece[length] = '\0';
        return length;
    }
    if (*p == '\n' || *p == '\t' || *p == '\0')
        *width = snprintf(piece, PIECE, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : '0');
    else
        *width = snprintf(piece, PIECE, "\\x%02x", *p);
    return 1;
}

/* A text on one line, cut with "..." when it is wider than WIDEST. NULL when memory ran out. */
static char *printable(const char *text, size_t size, int *width)
{
    char line[BYTES + PIECE + 1] = "", piece[PIECE];
    char *to = line, *cut = line;
    int cut_width = 0, w;
    *width = 0;
    for (size_t i = 0; i < size;) {
        i += next_piece((const unsigned char *)text + i, size - i, piece, &w);
        if (*width + w > WIDEST || to - line > BYTES - PIECE) {
            strcpy(cut, "...");
            *width = cut_width + 3;
            break;
        }
        to = stpcpy(to, piece);
        *width += w;
        if (*width <= WIDEST - 3) {
            cut = to;
            cut_width = *width;
        }
    }
    return strdup(line);
}

static int grid_add(grid *g, int column, const char *text, size_t size)
{
    grid_entry entry;
    if (g->count == g->room) {
        size_t room = g->room ? 2 * g->room : 256;
        grid_entry *grown = realloc(g->entries, room * sizeof *grown);
        if (!grown)
            return assay_fail(ASSAY_ENOMEM, "out of memory for a result: ask for csv or json");
        g->entries = grown;
        g->room = room;
    }
    entry.text = printable(text, size, &entry.width);
    if (!entry.text)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a result: ask for csv or json");
    g->entries[g->count++] = entry;
    if (entry.width > g->widths[column])
        g->widths[column] = entry.width;
    return ASSAY_OK;
}

static int table_begin(sqlite3_stmt *s, FILE *out, void **state)
{
    (void)out;
    grid *g = calloc(1, sizeof *g);
    *state = g;
    if (!g)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    g->columns = sqlite3_column_count(s);
    g->widths = calloc((size_t)g->columns, sizeof *g->widths);
    g->numeric = malloc((size_t)g->columns * sizeof *g->numeric);
    if (!g->widths || !g->numeric)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    int status = ASSAY_OK;
    for (int i = 0; status == ASSAY_OK && i < g->columns; i++) {
        const char *name = sqlite3_column_name(s, i);
        g->numeric[i] = true;
        status = grid_add(g, i, name, strlen(name));
    }
    return status;
}

static int table_row(sqlite3_stmt *s, FILE *out, void *state)
{
    grid *g = state;
    char buffer[64];
    int status = ASSAY_OK;
    (void)out;
    for (int i = 0; status == ASSAY_OK && i < g->columns; i++) {
        int type = sqlite3_column_type(s, i);
        if (type == SQLITE_BLOB)
            snprintf(buffer, sizeof buffer, "(%d bytes)", sqlite3_column_bytes(s, i));
        const char *text = type == SQLITE_BLOB ? buffer : entry_text(s, i, buffer, sizeof buffer);
        size_t size = type == SQLITE_TEXT ? (size_t)sqlite3_column_bytes(s, i) : strlen(text);
        if (type == SQLITE_TEXT || type == SQLITE_BLOB)
            g->numeric[i] = false;
        status = grid_add(g, i, text, size);
    }
    return status;
}

/* Two spaces between columns; a text at the end of a line is not padded. */
static void write_line(const grid *g, const grid_entry *entries, FILE *out)
{
    for (int i = 0; i < g->columns; i++) {
        int padding = g->widths[i] - entries[i].width;
        bool last = i + 1 == g->columns;
        fprintf(out, "%s%*s%s%*s", i ? "  " : "", g->numeric[i] ? padding : 0, "", entries[i].text,
            g->numeric[i] || last ? 0 : padding, "");
    }
    fputc('\n', out);
}

static void write_rule(const grid *g, FILE *out)
{
    for (int i = 0; i < g->columns; i++) {
        fputs(i ? "  " : "", out);
        for (int w = 0; w < g->widths[i]; w++)
            fputc('-', out);
    }
    fputc('\n', out);
}

static void table_end(FILE *out, void *state)
{
    grid *g = state;
    size_t columns = g ? (size_t)g->columns : 0;
    for (size_t i = 0; g && i + columns <= g->count; i += columns) {
        write_line(g, g->entries + i, out);
        if (i == 0)
            write_rule(g, out);
    }
    grid_free(g);
}

static const result_format formats[] = {
    {"table", table_begin, table_row, table_end},
    {"csv", csv_begin, csv_row, csv_end},
    {"json", json_begin, json_row, json_end},
};

/* ---- statements ------------------------------------------------------------------------------ */

static int run_statement(
    assay_store *store, sqlite3_stmt *s, const result_format *format, FILE *out)
{
    bool row = true, shows = sqlite3_column_count(s) > 0;
    void *state = NULL;
    int status = shows ? format->begin(s, out, &state) : ASSAY_OK;
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        if (shows)
            status = format->row(s, out, state);
    }
    if (shows)
        format->end(out, state);
    return status;
}

static int check_reads_only(const assay_store *store, sqlite3_stmt *s, int number)
{
    if (store->mode != ASSAY_STORE_READ || sqlite3_stmt_readonly(s))
        return ASSAY_OK;
    return assay_fail(ASSAY_EINVAL,
        "statement %d writes, but %s was opened for reading only: nothing was changed", number,
        store->path);
}

/* SQLite's own words are what helps with SQL; other failures have ours. */
static int explain(assay_store *store, int status, int number)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    if (code == SQLITE_INTERRUPT)
        return assay_fail(ASSAY_ECANCELLED, "statement %d was stopped", number);
    if (status == ASSAY_EBUSY || (code != SQLITE_ERROR && code != SQLITE_CONSTRAINT))
        return status;
    return assay_fail(ASSAY_EINVAL, "statement %d: %s", number, sqlite3_errmsg(store->db));
}

static int run_all(assay_store *store, const char *sql, const result_format *format, FILE *out)
{
    int status = ASSAY_OK, shown = 0;
    for (int number = 1; status == ASSAY_OK && *sql; number++) {
        sqlite3_stmt *s = NULL;
        status = store_prepare(store, sql, &s, &sql);
        if (status)
            status = explain(store, status, number);
        else if (s) {
            status = check_reads_only(store, s, number);
            if (status == ASSAY_OK) {
                if (sqlite3_column_count(s) > 0 && shown++ > 0 && format == &formats[0])
                    fputc('\n', out);
                status = run_statement(store, s, format, out);
                if (status)
                    status = explain(store, status, number);
            }
        }
        sqlite3_finalize(s);
    }
    return status;
}

/* The user's SQL may have begun what it did not end. */
static int close_transaction(assay_store *store, int status)
{
    if (store->in_transaction || sqlite3_get_autocommit(store->db))
        return status;
    store_run(store, STORE_ROLLBACK, "");
    return status ? status
                  : assay_fail(ASSAY_EINVAL,
                        "the transaction that BEGIN opened was not committed: it was rolled back");
}

int assay_store_sql(assay_store *store, const char *sql, const char *format, FILE *out)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, format) == 0) {
            int status = close_transaction(store, run_all(store, sql, &formats[i], out));
            if (fflush(out) != 0 && status == ASSAY_OK)
                status = assay_fail(ASSAY_EIO, "the result could not be written");
            return status;
        }
    return assay_fail(
        ASSAY_EINVAL, "format must be \"table\", \"csv\" or \"json\", got \"%s\"", format);
}

static int cancelled(void *flag)
{
    return atomic_load((const atomic_bool *)flag);
}

void assay_store_sql_heed(assay_store *store, const atomic_bool *cancel)
{
    enum { INSTRUCTIONS = 10000 }; /* of SQLite's machine, well below a millisecond */
    sqlite3_progress_handler(
        store->db, cancel ? INSTRUCTIONS : 0, cancel ? cancelled : NULL, (void *)(uintptr_t)cancel);
}

int assay_store_sql_names(assay_store *store, char ***names)
{
    static const char sql[] =
        "SELECT m.name FROM sqlite_schema m WHERE m.type IN ('table', 'view') "
        "AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' UNION "
        "SELECT c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
        "WHERE m.type IN ('table', 'view') ORDER BY 1";
    sqlite3_stmt *s = NULL;
    size_t count = 0;
    bool row = true;
    *names = NULL;
    int status = store_prepare(store, sql, &s, NULL);
    while (status == ASSAY_OK) {
        status = store_grow((void **)names, count, sizeof **names);
        if (status == ASSAY_OK)
            (*names)[count] = NULL;
        if (status == ASSAY_OK)
            status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_text(s, 0, &(*names)[count++]);
    }
    sqlite3_finalize(s);
    if (status) {
        while (*names && count)
            free((*names)[--count]);
        free(*names);
        *names = NULL;
    }
    return status;
}
