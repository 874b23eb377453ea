/*
 * Runs: made, claimed by a process, finished, found, listed, deleted.
 *
 * A run that stands as queued or running, but whose process is gone, is read as interrupted; it is
 * not rewritten, since a reader writes nothing. Its row says who had it, so that the next claim can
 * tell a dead run from a live one.
 */
#include "store/internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/sha256.h"
#include "core/suggest.h"

static const char *const run_states[] = {
    "queued", "running", "done", "failed", "cancelled", "interrupted"};

const char *assay_run_state_name(assay_run_state state)
{
    return run_states[state];
}

assay_run_state store_run_state(const char *name)
{
    for (int i = 0; i <= ASSAY_RUN_INTERRUPTED; i++)
        if (strcmp(run_states[i], name) == 0)
            return (assay_run_state)i;
    return ASSAY_RUN_INTERRUPTED;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* A random UUID (RFC 9562, version 4). It names the run across files; no result depends on it. */
static int make_uuid(char out[37])
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != sizeof b)
        return assay_fail(ASSAY_EIO, "the system gave no random bytes for a run's uuid");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    char *to = out;
    for (int i = 0; i < 16; i++)
        to += sprintf(to, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
    return ASSAY_OK;
}

/* The experiment's record with this script and declaration; a script is kept once. */
static int find_experiment(assay_store *store, const assay_run_new *run, int64_t *id)
{
    char sha[ASSAY_SHA256_HEX];
    const char *describe = run->describe ? run->describe : "{}";
    bool found;
    assay_sha256_hex(run->script, strlen(run->script), sha);
    int status = store_integer(
        store, STORE_EXPERIMENT_FIND, id, &found, "sss", run->experiment, sha, describe);
    if (status || found)
        return status;
    status =
        store_run(store, STORE_EXPERIMENT_ADD, "ssss", run->experiment, sha, run->script, describe);
    *id = sqlite3_last_insert_rowid(store->db);
    return status;
}

static int add_run(assay_store *store, const assay_run_new *run, int64_t *id)
{
    char uuid[37];
    int64_t experiment;
    store_owner self;
    int status = make_uuid(uuid);
    if (status == ASSAY_OK)
        status = find_experiment(store, run, &experiment);
    if (status)
        return status;
    store_owner_self(&self);
    double now = store_now();
    status = store_run(store, STORE_RUN_ADD, "siiiisiiddsssss", uuid, experiment,
        (int64_t)run->seed, run->replicates, run->workers, self.host, self.pid, self.start, now,
        now, run->path ? run->path : "", run->method, run->preset, run->params ? run->params : "{}",
        run->versions ? run->versions : "{}");
    *id = sqlite3_last_insert_rowid(store->db);
    return status;
}

int assay_store_run_create(assay_store *store, const assay_run_new *run, int64_t *id)
{
    bool own;
    if (!run->experiment || !run->experiment[0] || !run->script)
        return assay_fail(ASSAY_EINVAL, "a run needs an experiment's name and its script");
    int status = store_enter(store, &own);
    if (status)
        return status;
    return store_leave(store, own, add_run(store, run, id));
}

/* ---- one process has it ---------------------------------------------------------------------- */

/* What a run's row says about its process. */
typedef struct tenure {
    assay_run_state state; /* as stored */
    store_owner owner;
    double heartbeat, claimed;
} tenure;

static int no_run(int64_t run)
{
    return assay_fail(
        ASSAY_ENOTFOUND, "there is no run %lld (`assay ls` lists them)", (long long)run);
}

/* The statement stands at the run's row. */
static int find_row(assay_store *store, store_statement which, int64_t run, sqlite3_stmt **s)
{
    bool row = false;
    int status = store_bind(store, which, s, "i", run);
    if (status == ASSAY_OK)
        status = store_step(store, *s, &row);
    return status || row ? status : no_run(run);
}

static int read_tenure(assay_store *store, int64_t run, tenure *out)
{
    sqlite3_stmt *s;
    int status = find_row(store, STORE_RUN_OWNER, run, &s);
    if (status)
        return status;
    out->state = store_run_state((const char *)sqlite3_column_text(s, 0));
    snprintf(
        out->owner.host, sizeof out->owner.host, "%s", (const char *)sqlite3_column_text(s, 1));
    out->owner.pid = sqlite3_column_int64(s, 2);
    out->owner.start = sqlite3_column_int64(s, 3);
    out->heartbeat = sqlite3_column_double(s, 4);
    out->claimed = sqlite3_column_double(s, 5);
    sqlite3_reset(s);
    return ASSAY_OK;
}

static bool is_alive(const tenure *held)
{
    return store_owner_alive(held->owner.host, held->owner.pid, held->owner.start, held->heartbeat);
}

static bool same_owner(const store_owner *a, const store_owner *b)
{
    return strcmp(a->host, b->host) == 0 && a->pid == b->pid && a->start == b->start;
}

static int fail_taken(int64_t run, const store_owner *owner)
{
    return assay_fail(ASSAY_EBUSY, "run %lld belongs to process %lld on %s, which is at work on it",
        (long long)run, (long long)owner->pid, owner->host);
}

/* A request to cancel survives only the claim of a run that no process had yet: it was meant for
 * the one that takes it now. */
static int claim(assay_store *store, int64_t run, int64_t workers)
{
    tenure held;
    store_owner self;
    store_owner_self(&self);
    int status = read_tenure(store, run, &held);
    if (status)
        return status;
    bool was_running = held.state == ASSAY_RUN_RUNNING;
    if (was_running && !same_owner(&held.owner, &self) && is_alive(&held))
        return fail_taken(run, &held.owner);
    double worked = was_running ? fmax(held.heartbeat - held.claimed, 0) : 0;
    status = store_run(store, STORE_RUN_CLAIM,
        "isiidid"
        "i",
        run, self.host, self.pid, self.start, store_now(), workers, worked,
        (int64_t)(held.state == ASSAY_RUN_QUEUED));
    return status ? status : store_run(store, STORE_CELLS_REQUEUE, "i", run);
}

int assay_store_run_claim(assay_store *store, int64_t run, int64_t workers)
{
    bool own;
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, claim(store, run, workers));
}

static int heartbeat(assay_store *store, int64_t run, bool *cancel_requested)
{
    store_owner self;
    tenure held;
    int64_t flag = 0;
    bool found;
    store_owner_self(&self);
    int status = store_integer(store, STORE_RUN_HEARTBEAT, &flag, &found, "idsii", run, store_now(),
        self.host, self.pid, self.start);
    *cancel_requested = flag != 0;
    if (status || found)
        return status;
    status = read_tenure(store, run, &held);
    if (status)
        return status;
    if (held.state != ASSAY_RUN_RUNNING)
        return assay_fail(ASSAY_EINVAL, "run %lld is %s: this process has not claimed it",
            (long long)run, run_states[held.state]);
    return fail_taken(run, &held.owner);
}

int assay_store_run_heartbeat(assay_store *store, int64_t run, bool *cancel_requested)
{
    bool own;
    *cancel_requested = false;
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, heartbeat(store, run, cancel_requested));
}

static int finish_run(
    assay_store *store, int64_t run, assay_run_state state, double elapsed_here, const char *error)
{
    int status = store_run(
        store, STORE_RUN_FINISH, "isdds", run, run_states[state], store_now(), elapsed_here, error);
    if (status == ASSAY_OK && sqlite3_changes(store->db) == 0)
        return no_run(run);
    return status ? status : store_run(store, STORE_CELLS_REQUEUE, "i", run);
}

int assay_store_run_finish(
    assay_store *store, int64_t run, assay_run_state state, double elapsed_here, const char *error)
{
    bool own;
    if (state == ASSAY_RUN_QUEUED || state == ASSAY_RUN_RUNNING)
        return assay_fail(ASSAY_EINVAL, "a run can't end as %s", run_states[state]);
    int status = store_enter(store, &own);
    return status ? status
                  : store_leave(store, own, finish_run(store, run, state, elapsed_here, error));
}

static int request_cancel(assay_store *store, int64_t run)
{
    tenure held;
    int status = read_tenure(store, run, &held);
    if (status)
        return status;
    if (held.state > ASSAY_RUN_RUNNING)
        return assay_fail(ASSAY_EINVAL, "run %lld has ended already: it is %s", (long long)run,
            run_states[held.state]);
    if (!is_alive(&held))
        return assay_fail(ASSAY_EINVAL,
            "run %lld was interrupted: its process is gone, there is nothing to cancel",
            (long long)run);
    return store_run(store, STORE_RUN_CANCEL, "i", run);
}

int assay_store_run_request_cancel(assay_store *store, int64_t run)
{
    bool own;
    int status = store_enter(store, &own);
    return status ? status : store_leave(store, own, request_cancel(store, run));
}

/* ---- reading --------------------------------------------------------------------------------- */

void assay_run_info_clear(assay_run_info *info)
{
    free(info->uuid);
    free(info->experiment);
    free(info->path);
    free(info->method);
    free(info->preset);
    free(info->params);
    free(info->host);
    free(info->versions);
    free(info->error);
    free(info->label);
    free(info->tags);
    *info = (assay_run_info){0};
}

void assay_run_list_free(assay_run_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        assay_run_info_clear(&list->runs[i]);
    free(list->runs);
    *list = (assay_run_list){0};
}

/* Columns are numbered as in STORE_RUN_COLUMNS. */
static int read_texts(sqlite3_stmt *s, assay_run_info *out)
{
    const struct {
        int column;
        char **to;
    } texts[] = {{1, &out->uuid}, {2, &out->experiment}, {3, &out->path}, {4, &out->method},
        {5, &out->preset}, {6, &out->params}, {14, &out->host}, {18, &out->versions},
        {25, &out->error}, {27, &out->label}, {30, &out->tags}};
    int status = ASSAY_OK;
    for (size_t i = 0; status == ASSAY_OK && i < sizeof texts / sizeof *texts; i++)
        status = store_text(s, texts[i].column, texts[i].to);
    return status;
}

/* Seconds of work of the present process are not yet in the row. */
static void settle(assay_run_info *info, int64_t pid_start, double claimed)
{
    if (info->state != ASSAY_RUN_QUEUED && info->state != ASSAY_RUN_RUNNING)
        return;
    bool alive = store_owner_alive(info->host, info->pid, pid_start, info->heartbeat);
    if (claimed > 0) /* a clock that was set back must not take work away */
        info->elapsed += fmax((alive ? store_now() : info->heartbeat) - claimed, 0);
    if (!alive)
        info->state = ASSAY_RUN_INTERRUPTED;
}

static int read_run(sqlite3_stmt *s, assay_run_info *out)
{
    *out = (assay_run_info){0};
    int status = read_texts(s, out);
    if (status)
        return status;
    out->id = sqlite3_column_int64(s, 0);
    out->seed = (uint64_t)sqlite3_column_int64(s, 7);
    out->replicates = sqlite3_column_int64(s, 8);
    out->state = store_run_state((const char *)sqlite3_column_text(s, 9));
    out->cells = sqlite3_column_int64(s, 10);
    out->cells_done = sqlite3_column_int64(s, 11);
    out->cells_failed = sqlite3_column_int64(s, 12);
    out->rows = sqlite3_column_int64(s, 13);
    out->pid = sqlite3_column_int64(s, 15);
    out->workers = sqlite3_column_int64(s, 17);
    out->created = sqlite3_column_double(s, 19);
    out->started = sqlite3_column_double(s, 20);
    out->finished = sqlite3_column_double(s, 21);
    out->heartbeat = sqlite3_column_double(s, 22);
    out->elapsed = sqlite3_column_double(s, 24);
    out->cancel_requested = sqlite3_column_int(s, 26) != 0;
    out->pinned = sqlite3_column_int(s, 28) != 0;
    out->discarded = sqlite3_column_double(s, 29);
    settle(out, sqlite3_column_int64(s, 16), sqlite3_column_double(s, 23));
    return ASSAY_OK;
}

static int get_run(assay_store *store, int64_t id, assay_run_info *out)
{
    sqlite3_stmt *s;
    *out = (assay_run_info){0};
    int status = find_row(store, STORE_RUN_GET, id, &s);
    if (status)
        return status;
    status = read_run(s, out);
    sqlite3_reset(s);
    if (status)
        assay_run_info_clear(out);
    return status;
}

/* A run may end between the reading of its row and the question whether its process lives; it only
 * looks interrupted then, and the row read again has how it ended. */
int assay_store_run_get(assay_store *store, int64_t id, assay_run_info *out)
{
    int status = get_run(store, id, out);
    if (status || out->state != ASSAY_RUN_INTERRUPTED)
        return status;
    assay_run_info_clear(out);
    return get_run(store, id, out);
}

static int append_run(sqlite3_stmt *s, assay_run_list *list)
{
    int status = store_grow((void **)&list->runs, list->count, sizeof *list->runs);
    return status ? status : read_run(s, &list->runs[list->count++]);
}

int assay_store_run_list(
    assay_store *store, const char *experiment, size_t limit, size_t offset, assay_run_list *out)
{
    sqlite3_stmt *s;
    bool row = true;
    int64_t most = limit ? (int64_t)limit : -1, skip = (int64_t)offset;
    *out = (assay_run_list){0};
    int status = experiment
                     ? store_bind(store, STORE_RUN_LIST_OF, &s, "sii", experiment, most, skip)
                     : store_bind(store, STORE_RUN_LIST, &s, "ii", most, skip);
    while (status == ASSAY_OK) {
        status = store_step(store, s, &row);
        if (status || !row)
            break;
        status = append_run(s, out);
    }
    if (status) {
        sqlite3_reset(s);
        assay_run_list_free(out);
    }
    return status;
}

int assay_store_run_count(assay_store *store, const char *experiment, int64_t *count)
{
    bool found;
    return experiment ? store_integer(store, STORE_RUN_TOTAL_OF, count, &found, "s", experiment)
                      : store_integer(store, STORE_RUN_TOTAL, count, &found, "");
}

/* Column of the run's experiment: 2 the script, 3 the declaration. */
static int experiment_text(assay_store *store, int64_t run, int column, char **text)
{
    sqlite3_stmt *s;
    bool row = false;
    *text = NULL;
    int status = store_bind(store, STORE_RUN_EXPERIMENT, &s, "i", run);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return no_run(run);
    status = store_text(s, column, text);
    sqlite3_reset(s);
    return status;
}

int assay_store_run_script(assay_store *store, int64_t run, char **text)
{
    return experiment_text(store, run, 2, text);
}

int assay_store_run_describe(assay_store *store, int64_t run, char **json)
{
    return experiment_text(store, run, 3, json);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* " (did you mean ...)" over the first column of a statement's rows. */
static void suggest(
    assay_store *store, store_statement which, const char *unknown, char *out, size_t size)
{
    enum { MOST = 256 };
    char *names[MOST];
    size_t count = 0;
    sqlite3_stmt *s;
    bool row = true;
    out[0] = '\0';
    if (store_bind(store, which, &s, "") != ASSAY_OK)
        return;
    while (count < MOST && store_step(store, s, &row) == ASSAY_OK && row)
        if (store_text(s, 0, &names[count]) == ASSAY_OK)
            count++;
    sqlite3_reset(s);
    assay_suggest(unknown, (const char *const *)names, count, out, size);
    while (count > 0)
        free(names[--count]);
}

static int find_last(assay_store *store, const char *experiment, int64_t *id)
{
    bool found;
    int status = experiment ? store_integer(store, STORE_RUN_LAST_OF, id, &found, "s", experiment)
                            : store_integer(store, STORE_RUN_LAST, id, &found, "");
    if (status || found)
        return status;
    if (!experiment)
        return assay_fail(ASSAY_ENOTFOUND, "%s holds no run yet", store->path);
    char hint[512];
    suggest(store, STORE_EXPERIMENT_NAMES, experiment, hint, sizeof hint);
    return assay_fail(
        ASSAY_ENOTFOUND, "there is no run of an experiment \"%s\"%s", experiment, hint);
}

static int find_uuid(assay_store *store, const char *text, int64_t *id)
{
    char prefix[37];
    size_t size = 0;
    for (; text[size] && size < 36; size++)
        prefix[size] = (char)tolower((unsigned char)text[size]);
    prefix[size] = '\0';
    sqlite3_stmt *s;
    bool row = false, second = false;
    int status = store_bind(store, STORE_RUN_BY_UUID, &s, "s", prefix);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status || !row)
        return status ? status
                      : assay_fail(ASSAY_ENOTFOUND,
                            "there is no run whose uuid begins with \"%s\" (`assay ls` lists them)",
                            text);
    *id = sqlite3_column_int64(s, 0);
    status = store_step(store, s, &second);
    sqlite3_reset(s);
    if (status == ASSAY_OK && second)
        return assay_fail(
            ASSAY_EINVAL, "several runs have uuids that begin with \"%s\": write more of it", text);
    return status;
}

int assay_store_run_find(assay_store *store, const char *text, int64_t *id)
{
    if (strcmp(text, "last") == 0)
        return find_last(store, NULL, id);
    if (strncmp(text, "last:", 5) == 0)
        return find_last(store, text + 5, id);
    size_t size = strlen(text);
    if (size > 0 && size < 19 && strspn(text, "0123456789") == size) {
        bool found;
        int64_t number = strtoll(text, NULL, 10);
        int status = store_integer(store, STORE_RUN_EXISTS, id, &found, "i", number);
        if (status || found)
            return status;
        if (size < 4)
            return no_run(number);
    }
    if (size < 4 || size > 36 || strspn(text, "0123456789abcdefABCDEF-") != size)
        return assay_fail(ASSAY_EINVAL,
            "\"%s\" names no run: give its number, 4 or more characters of its uuid, \"last\" or "
            "\"last:EXPERIMENT\"",
            text);
    return find_uuid(store, text, id);
}

/* ---- deleting -------------------------------------------------------------------------------- */

/*
 * A run may hold gigabytes, and other writers wait no longer than for a part of it: values, notes
 * and artifacts go some at a time, the rest at once. After the first part the run counts as thrown
 * away; a cell that still stands as done has all its rows. Whoever is killed on the way leaves what
 * `assay rm --discarded` ends.
 *
 * Meanwhile this connection looks after no references: a part takes values before their cells, so
 * there is nothing to look after, and SQLite, which otherwise first lists the rows that it is to
 * delete, is four times as fast. The run itself goes with references kept, and with it what is left
 * of it.
 */
enum {
    VALUES_AT_ONCE = 200000,
    CELLS_AT_ONCE = 100000,
    NOTES_AT_ONCE = 50000,
    ARTIFACTS_AT_ONCE = 64
};

typedef struct deletion {
    int64_t run, next, last; /* keys of the cells that are left */
    bool values_gone;
} deletion;

/* Where the values that go now end: before row *seq of *cell. */
static int find_end(assay_store *store, const deletion *d, int64_t *cell, int64_t *seq, bool *more)
{
    sqlite3_stmt *s;
    int status =
        store_bind(store, STORE_VALUE_AFTER, &s, "iii", d->next, d->last, (int64_t)VALUES_AT_ONCE);
    if (status == ASSAY_OK)
        status = store_step(store, s, more);
    if (status || !*more)
        return status;
    *cell = sqlite3_column_int64(s, 0);
    *seq = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return ASSAY_OK;
}

static int delete_some_values(assay_store *store, deletion *d)
{
    int64_t cell = 0, seq = 0;
    bool more = false;
    int status = find_end(store, d, &cell, &seq, &more);
    if (status == ASSAY_OK && !more) {
        d->values_gone = true;
        return store_run(store, STORE_VALUE_DELETE, "ii", d->next, d->last);
    }
    if (status == ASSAY_OK)
        status = store_run(store, STORE_VALUE_DELETE_BEFORE, "iii", d->next, cell, seq);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_CELL_EMPTIED, "i", cell);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_CELL_DELETE, "ii", d->next, cell - 1);
    d->next = cell;
    return status;
}

static int delete_some_cells(assay_store *store, deletion *d)
{
    int64_t first = d->next;
    int64_t end = d->last - first > CELLS_AT_ONCE ? first + CELLS_AT_ONCE : d->last;
    d->next = end + 1;
    return store_run(store, STORE_CELL_DELETE, "ii", first, end);
}

/* *more: not all of it is gone. */
static int delete_part(assay_store *store, deletion *d, bool *more)
{
    *more = true;
    if (!d->values_gone)
        return delete_some_values(store, d);
    if (d->next <= d->last)
        return delete_some_cells(store, d);
    int status = store_run(store, STORE_NOTE_DELETE_SOME, "ii", d->run, (int64_t)NOTES_AT_ONCE);
    bool notes = sqlite3_changes(store->db) == NOTES_AT_ONCE;
    if (status == ASSAY_OK)
        status =
            store_run(store, STORE_ARTIFACT_DELETE_SOME, "ii", d->run, (int64_t)ARTIFACTS_AT_ONCE);
    *more = notes || sqlite3_changes(store->db) == ARTIFACTS_AT_ONCE;
    return status;
}

/* The script of an experiment without runs goes too, and with the last of its name its view. */
static int prune_experiment(assay_store *store, int64_t id, const char *name)
{
    int64_t one;
    bool left;
    int status = store_run(store, STORE_EXPERIMENT_PRUNE, "i", id);
    if (status == ASSAY_OK)
        status = store_integer(store, STORE_EXPERIMENT_EXISTS, &one, &left, "s", name);
    if (status || left)
        return status;
    return store_view_drop(store, name);
}

/* Nobody works on it, and from now on nobody sees it. */
static int check_deletion(assay_store *store, int64_t run)
{
    tenure held;
    int status = read_tenure(store, run, &held);
    if (status)
        return status;
    if (held.state <= ASSAY_RUN_RUNNING && is_alive(&held))
        return fail_taken(run, &held.owner);
    return store_run(store, STORE_RUN_DISCARD, "id", run, store_now());
}

/* The rest: few lines each. */
static int delete_run(assay_store *store, int64_t run)
{
    sqlite3_stmt *s;
    bool row = false;
    char *name = NULL;
    int status = store_bind(store, STORE_RUN_EXPERIMENT, &s, "i", run);
    if (status == ASSAY_OK)
        status = store_step(store, s, &row);
    if (status)
        return status;
    if (!row)
        return no_run(run);
    int64_t experiment = sqlite3_column_int64(s, 0);
    status = store_text(s, 1, &name);
    sqlite3_reset(s);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_RUN_DELETE, "i", run);
    if (status == ASSAY_OK)
        status = prune_experiment(store, experiment, name);
    free(name);
    return status;
}

/* Within one transaction: as many parts as there is time for. */
static int delete_for_a_while(assay_store *store, deletion *d, bool *more)
{
    const double began = store_now();
    int status = check_deletion(store, d->run);
    while (status == ASSAY_OK && *more && fabs(store_now() - began) < 0.1)
        status = delete_part(store, d, more);
    return status;
}

static int delete_parts(assay_store *store, int64_t run)
{
    deletion d = {run, store_cell_key(run, 0), store_cell_key(run + 1, 0) - 1, false};
    int status = ASSAY_OK;
    for (bool more = true, own; more && status == ASSAY_OK;) {
        status = store_enter(store, &own);
        if (status == ASSAY_OK)
            status = store_leave(store, own, delete_for_a_while(store, &d, &more));
        if (own && more && status == ASSAY_OK)
            assay_store_give_way();
    }
    return status;
}

static void keep_references(assay_store *store, bool keep)
{
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, keep, NULL);
}

int assay_store_run_delete(assay_store *store, int64_t run)
{
    bool own;
    if (!store->in_transaction) /* within one they can't be left alone */
        keep_references(store, false);
    int status = delete_parts(store, run);
    keep_references(store, true);
    if (status == ASSAY_OK)
        status = store_enter(store, &own);
    if (status)
        return status;
    status = check_deletion(store, run); /* somebody may have taken it since the last part */
    return store_leave(store, own, status ? status : delete_run(store, run));
}
