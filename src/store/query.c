/*
 * Runs by a query (store.h describes its words): each word becomes a condition in SQL, all joined
 * by AND. Values are quoted by SQLite; a name of a parameter or measure is a word of letters,
 * digits and _ . - , so it needs no escaping inside a JSON path.
 *
 * A run that stands as running but whose process is gone is interrupted (runs.c): the state is
 * asked of a function that looks at the process, only for runs that stand as live.
 */
#include "store/internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/suggest.h"

enum field_kind { TEXT, NUMBER, MOMENT, STATE };

static const struct field {
    const char *name;
    enum field_kind kind;
    const char *sql;
} fields[] = {
    {"id", NUMBER, "r.id"},
    {"exp", TEXT, "e.name"},
    {"experiment", TEXT, "e.name"},
    {"state", STATE,
        "CASE WHEN r.state IN ('queued', 'running') THEN "
        "run_state(r.state, r.host, r.pid, r.pid_start, r.heartbeat) ELSE r.state END"},
    {"preset", TEXT, "r.preset"},
    {"method", TEXT, "r.method"},
    {"host", TEXT, "r.host"},
    {"label", TEXT, "r.label"},
    {"tag", TEXT, NULL},
    {"note", TEXT, NULL},
    {"verdict", TEXT, NULL},
    {"error", TEXT, "r.error"},
    {"seed", NUMBER, "r.seed"},
    {"cells", NUMBER, "r.cells"},
    {"done", NUMBER, "r.cells_done"},
    {"failed", NUMBER, "r.cells_failed"},
    {"rows", NUMBER, "r.rows"},
    {"workers", NUMBER, "r.workers"},
    {"replicates", NUMBER, "r.replicates"},
    {"elapsed", NUMBER,
        "(r.elapsed + CASE WHEN r.claimed > 0 THEN r.heartbeat - r.claimed ELSE 0 END)"},
    {"created", MOMENT, "strftime('%Y-%m-%d %H:%M', r.created, 'unixepoch', 'localtime')"},
    {"is", TEXT, NULL},
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* A field with several values a run: what holds of any of them. */
static const struct {
    const char *name, *from;
} manifold[] = {
    {"tag", "FROM tag t WHERE t.run = r.id AND t.tag"},
    {"note", "FROM note t WHERE t.run = r.id AND t.text"},
    {"verdict", "FROM claim t WHERE t.run = r.id AND t.verdict"},
};

static const struct {
    const char *word, *sql;
} kinds[] = {
    {"live", "r.state IN ('queued', 'running') AND "
             "run_state(r.state, r.host, r.pid, r.pid_start, r.heartbeat) <> 'interrupted'"},
    {"pinned", "r.pinned"},
    {"labelled", "r.label IS NOT NULL"},
    {"discarded", "r.discarded > 0"},
};

struct word {
    bool negated, has_operator;
    char name[128], operator[3], value[512];
};

struct builder {
    assay_store *store;
    sqlite3_str *sql;
    bool discarded; /* they were asked for */
};

static const struct field *find_field(const char *name)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static int add_names(assay_store *store, store_statement which, char ***names, size_t *count)
{
    sqlite3_stmt *s;
    bool row = true;
    int status = store_bind(store, which, &s, "");
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)names, *count, sizeof **names);
        if (status == ASSAY_OK)
            status = store_text(s, 0, &(*names)[(*count)++]);
    }
    if (status)
        sqlite3_reset(s);
    return status;
}

/* A name that is no field has to be a parameter or a measure of some run. */
static int check_name(assay_store *store, const char *name)
{
    char **names = NULL, hint[512];
    size_t count = 0;
    bool known = false;
    int status = add_names(store, STORE_PARAM_NAMES, &names, &count);
    if (status == ASSAY_OK)
        status = add_names(store, STORE_MEASURE_NAMES, &names, &count);
    for (size_t i = 0; status == ASSAY_OK && i < FIELDS; i++) {
        status = store_grow((void **)&names, count, sizeof *names);
        if (status == ASSAY_OK && !(names[count++] = strdup(fields[i].name)))
            status = assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    for (size_t i = 0; status == ASSAY_OK && i < count; i++)
        known = known || strcmp(names[i], name) == 0;
    if (status == ASSAY_OK && !known) {
        assay_suggest(name, (const char *const *)names, count, hint, sizeof hint);
        status = assay_fail(
            ASSAY_ENOTFOUND, "no run has a field, parameter or measure \"%s\"%s", name, hint);
    }
    free_names(names, count);
    return status;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return end != text && !*end;
}

static const char *sql_operator(const struct word *word)
{
    return strcmp(word->operator, ":") == 0 ? "=" : word->operator;
}

/* LIKE the value, whose own wildcards stand for themselves, at the beginning or anywhere. */
static void append_like(sqlite3_str *sql, const char *value, bool anywhere)
{
    char pattern[2 * sizeof((struct word *)0)->value + 3], *to = pattern;
    if (anywhere)
        *to++ = '%';
    for (; *value; *to++ = *value++)
        if (strchr("%_\\", *value))
            *to++ = '\\';
    *to++ = '%';
    *to = '\0';
    sqlite3_str_appendf(sql, " LIKE %Q ESCAPE '\\'", pattern);
}

static void compare(sqlite3_str *sql, const struct word *word, bool anywhere)
{
    if (strcmp(word->operator, ":") == 0)
        append_like(sql, word->value, anywhere);
    else
        sqlite3_str_appendf(sql, " %s %Q COLLATE NOCASE", word->operator, word->value);
}

static int compare_number(sqlite3_str *sql, const struct word *word)
{
    if (!is_number(word->value))
        return assay_fail(ASSAY_EINVAL, "%s is a number, got \"%s\"", word->name, word->value);
    sqlite3_str_appendf(sql, " %s CAST(%Q AS NUMERIC)", sql_operator(word), word->value);
    return ASSAY_OK;
}

static int add_kind(struct builder *b, const struct word *word)
{
    const char *known[sizeof kinds / sizeof *kinds];
    char hint[256];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        known[i] = kinds[i].word;
        if (strcasecmp(kinds[i].word, word->value) == 0) {
            b->discarded = b->discarded || strcmp(kinds[i].word, "discarded") == 0;
            sqlite3_str_appendf(b->sql, "(%s)", kinds[i].sql);
            return ASSAY_OK;
        }
    }
    assay_suggest(word->value, known, sizeof kinds / sizeof *kinds, hint, sizeof hint);
    return assay_fail(ASSAY_EINVAL, "no run is \"%s\"%s", word->value, hint);
}

static int add_field(struct builder *b, const struct field *field, const struct word *word)
{
    if (strcmp(field->name, "is") == 0)
        return add_kind(b, word);
    for (size_t i = 0; i < sizeof manifold / sizeof *manifold; i++)
        if (strcmp(field->name, manifold[i].name) == 0) {
            sqlite3_str_appendf(b->sql, "EXISTS (SELECT 1 %s", manifold[i].from);
            compare(b->sql, word, true);
            sqlite3_str_appendall(b->sql, ")");
            return ASSAY_OK;
        }
    sqlite3_str_appendf(b->sql, "coalesce((%s)", field->sql);
    int status = ASSAY_OK;
    if (field->kind == NUMBER)
        status = compare_number(b->sql, word);
    else
        compare(b->sql, word, field->kind == TEXT);
    sqlite3_str_appendall(b->sql, ", 0)");
    return status;
}

/* A parameter's values (a list's, one by one), or the measure's. */
static int add_value(struct builder *b, const struct word *word)
{
    int status = check_name(b->store, word->name);
    if (status)
        return status;
    bool number = is_number(word->value);
    sqlite3_str_appendf(b->sql, "(EXISTS (SELECT 1 FROM json_each(r.params, '$.\"%s\"') j WHERE %s",
        word->name,
        number ? "j.type IN ('integer', 'real') AND j.value"
               : "CASE j.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
                 "ELSE CAST(j.value AS TEXT) END");
    if (number)
        status = compare_number(b->sql, word);
    else
        compare(b->sql, word, true);
    sqlite3_str_appendall(b->sql, ")");
    if (status == ASSAY_OK && number) {
        sqlite3_str_appendf(b->sql, " OR coalesce(" STORE_LAST_MEAN("%Q", "r.id"), word->name);
        status = compare_number(b->sql, word);
        sqlite3_str_appendall(b->sql, ", 0)");
    }
    sqlite3_str_appendall(b->sql, ")");
    return status;
}

static void add_anywhere(struct builder *b, const struct word *word)
{
    static const char *const places[] = {"(e.name", " OR coalesce(r.label, '')",
        " OR EXISTS (SELECT 1 FROM tag t WHERE t.run = r.id AND t.tag",
        ") OR EXISTS (SELECT 1 FROM json_tree(r.params) j WHERE j.atom"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        sqlite3_str_appendall(b->sql, places[i]);
        append_like(b->sql, word->value, true);
    }
    sqlite3_str_appendall(b->sql, "))");
}

static int add_word(struct builder *b, const struct word *word)
{
    const struct field *field = word->has_operator ? find_field(word->name) : NULL;
    sqlite3_str_appendf(b->sql, " AND %s", word->negated ? "NOT " : "");
    if (!word->has_operator) {
        add_anywhere(b, word);
        return ASSAY_OK;
    }
    if (!*word->value)
        return assay_fail(
            ASSAY_EINVAL, "%s%s: what stands after it is missing", word->name, word->operator);
    return field ? add_field(b, field, word) : add_value(b, word);
}

/* ---- words ----------------------------------------------------------------------------------- */

static void put(char *out, size_t size, size_t *length, char c)
{
    if (*length + 1 < size)
        out[(*length)++] = c;
    out[*length] = '\0';
}

/* The value up to a space outside of quotes; gives what follows. */
static const char *read_value(const char *text, struct word *word)
{
    bool quoted = false;
    size_t length = 0;
    word->value[0] = '\0';
    for (; *text && (quoted || !isspace((unsigned char)*text)); text++) {
        if (*text == '"')
            quoted = !quoted;
        else
            put(word->value, sizeof word->value, &length, *text);
    }
    return text;
}

static const char *read_word(const char *text, struct word *word)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    *word = (struct word){0};
    word->negated = *text == '-' && text[1] && !isspace((unsigned char)text[1]);
    text += word->negated;
    size_t name = strspn(text, names), operator= strspn(text + name, ":=<>!");
    word->has_operator = name > 0 && name < sizeof word->name && (operator== 1 || operator== 2);
    if (!word->has_operator)
        return read_value(text, word);
    snprintf(word->name, sizeof word->name, "%.*s", (int)name, text);
    snprintf(word->operator, sizeof word->operator, "%.*s", (int)operator, text + name);
    return read_value(text + name + operator, word);
}

static int check_operator(const struct word *word)
{
    static const char *const known[] = {":", "=", "!=", "<", "<=", ">", ">="};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!word->has_operator || strcmp(word->operator, known[i]) == 0)
            return ASSAY_OK;
    return assay_fail(ASSAY_EINVAL, "%s%s%s: there are the operators : = != < <= > >=", word->name,
        word->operator, word->value);
}

static int add_filter(struct builder *b, const char *filter)
{
    int status = ASSAY_OK;
    struct word word;
    for (const char *text = filter; text && status == ASSAY_OK;) {
        while (isspace((unsigned char)*text))
            text++;
        if (!*text)
            break;
        text = read_word(text, &word);
        status = check_operator(&word);
        if (status == ASSAY_OK)
            status = add_word(b, &word);
    }
    return status;
}

/* ---- order ----------------------------------------------------------------------------------- */

/* A list sorts by its smallest value. */
static int order_key(struct builder *b, const char *sort)
{
    const struct field *field = find_field(sort);
    if (field && strcmp(field->name, "tag") == 0) {
        sqlite3_str_appendall(b->sql, "(SELECT min(tag) FROM tag WHERE tag.run = r.id)");
        return ASSAY_OK;
    }
    if (field && !field->sql)
        return assay_fail(ASSAY_EINVAL, "runs are not sorted by %s: it is not one value", sort);
    if (field) {
        sqlite3_str_appendf(b->sql, "(%s)", field->sql);
        return ASSAY_OK;
    }
    int status = check_name(b->store, sort);
    if (status)
        return status;
    sqlite3_str_appendf(b->sql,
        "coalesce((SELECT min(j.value) FROM json_each(r.params, '$.' || json_quote(%Q)) "
        "j), " STORE_LAST_MEAN("%Q", "r.id") ")",
        sort, sort);
    return ASSAY_OK;
}

static int add_order(struct builder *b, const assay_run_query *query)
{
    const char *direction = query->ascending ? "ASC" : "DESC";
    if (!query->sort || !*query->sort || strcmp(query->sort, "id") == 0) {
        sqlite3_str_appendf(b->sql, " ORDER BY r.pinned DESC, r.id %s", direction);
        return ASSAY_OK;
    }
    sqlite3_str_appendall(b->sql, ") ORDER BY pinned DESC, key IS NULL, key ");
    sqlite3_str_appendf(b->sql, "%s, id DESC", direction);
    return ASSAY_OK;
}

static int compose(struct builder *b, const assay_run_query *query)
{
    bool keyed = query->sort && *query->sort && strcmp(query->sort, "id") != 0;
    int status = ASSAY_OK;
    sqlite3_str_appendall(
        b->sql, keyed ? "SELECT id FROM (SELECT r.id AS id, r.pinned AS pinned, " : "SELECT r.id");
    if (keyed) {
        status = order_key(b, query->sort);
        sqlite3_str_appendall(b->sql, " AS key");
    }
    sqlite3_str_appendall(
        b->sql, " FROM run r JOIN experiment e ON e.id = r.experiment WHERE true");
    if (query->experiment)
        sqlite3_str_appendf(b->sql, " AND e.name = %Q", query->experiment);
    if (status == ASSAY_OK)
        status = add_filter(b, query->filter);
    if (!b->discarded)
        sqlite3_str_appendall(b->sql, " AND r.discarded = 0");
    return status ? status : add_order(b, query);
}

/* ---- carried out ----------------------------------------------------------------------------- */

static void run_state(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *state = (const char *)sqlite3_value_text(values[0]),
               *host = (const char *)sqlite3_value_text(values[1]);
    bool alive = state && host &&
                 store_owner_alive(host, sqlite3_value_int64(values[2]),
                     sqlite3_value_int64(values[3]), sqlite3_value_double(values[4]));
    sqlite3_result_text(context, alive ? state : "interrupted", -1, SQLITE_TRANSIENT);
}

static int read_ids(assay_store *store, const char *sql, int64_t **ids, size_t *count)
{
    sqlite3_stmt *s = NULL;
    bool row = true;
    int code = sqlite3_create_function(
        store->db, "run_state", 5, SQLITE_UTF8, NULL, run_state, NULL, NULL);
    int status = code == SQLITE_OK ? store_prepare(store, sql, &s, NULL) : store_fail(store, code);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_grow((void **)ids, *count, sizeof **ids);
        if (status == ASSAY_OK)
            (*ids)[(*count)++] = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return status;
}

int assay_store_run_select(
    assay_store *store, const assay_run_query *query, int64_t **ids, size_t *count)
{
    struct builder b = {store, sqlite3_str_new(store->db), false};
    *ids = NULL;
    *count = 0;
    int status = compose(&b, query);
    char *sql = sqlite3_str_finish(b.sql);
    if (status == ASSAY_OK && !sql)
        status = assay_fail(ASSAY_ENOMEM, "out of memory for a query");
    if (status == ASSAY_OK)
        status = read_ids(store, sql, ids, count);
    sqlite3_free(sql);
    if (status) {
        free(*ids);
        *ids = NULL;
        *count = 0;
    }
    return status;
}

int assay_store_run_measure(assay_store *store, int64_t run, const char *measure, double *value)
{
    sqlite3_stmt *s;
    bool row = false;
    *value = NAN;
    int status = store_bind(store, STORE_RUN_MEASURE, &s, "is", run, measure);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status == ASSAY_OK && row && sqlite3_column_type(s, 0) != SQLITE_NULL)
        *value = sqlite3_column_double(s, 0);
    if (row)
        sqlite3_reset(s);
    return status;
}

int assay_store_run_measures(assay_store *store, int64_t run, char ***names)
{
    sqlite3_stmt *s;
    bool row = true;
    size_t count = 0;
    *names = NULL;
    int status = store_bind(store, STORE_METRIC_NAMES, &s, "ii", run, run);
    while (status == ASSAY_OK) {
        status = store_grow((void **)names, count, sizeof **names);
        if (status == ASSAY_OK)
            (*names)[count] = NULL;
        if (status == ASSAY_OK)
            status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = store_text(s, 1, &(*names)[count++]);
    }
    if (status) {
        sqlite3_reset(s);
        free_names(*names, count);
        *names = NULL;
    }
    return status;
}
