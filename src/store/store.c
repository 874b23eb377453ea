/*
 * The handle: opening and migrating a file, waiting for a turn to write, transactions, errors.
 *
 * Every write transaction begins with BEGIN IMMEDIATE, so that it waits for its turn before it has
 * read anything: a transaction that reads first and writes later can be refused without waiting
 * (SQLITE_BUSY_SNAPSHOT), and no time-out would help. The file is never opened but through SQLite:
 * closing another descriptor of it would drop this process's locks (POSIX advisory locks).
 */
#include "store/internal.h"

#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const statement_text[] = {
#define STORE_TEXT(name, sql) sql,
    STORE_STATEMENTS(STORE_TEXT)
#undef STORE_TEXT
};

/* ---- waiting --------------------------------------------------------------------------------- */

double store_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Sleep before attempt `count`: up to 2^count ms, at most 32, uniformly, so that processes that
 * collided don't collide again. (Not an experiment's randomness: xorshift64.) */
static void back_off(assay_store *store, int count)
{
    store->jitter ^= store->jitter << 13;
    store->jitter ^= store->jitter >> 7;
    store->jitter ^= store->jitter << 17;
    long limit = 1000000L << (count < 5 ? count : 5);
    struct timespec pause = {0, 100000 + (long)(store->jitter % (uint64_t)limit)};
    nanosleep(&pause, NULL);
}

static int wait_turn(void *context, int count)
{
    assay_store *store = context;
    if (count == 0)
        store->waiting_from = monotonic();
    if (monotonic() - store->waiting_from >= store->patience)
        return 0;
    back_off(store, count);
    return 1;
}

/* SQLite doesn't ask the busy handler everywhere (the switch to WAL, a reader that meets a
 * recovery), so whoever starts something asks here too. */
static bool should_retry(assay_store *store, int code, double from, int count)
{
    bool busy = (code & 0xff) == SQLITE_BUSY || code == SQLITE_PROTOCOL;
    if (!busy || code == SQLITE_BUSY_SNAPSHOT || monotonic() - from >= store->patience)
        return false;
    back_off(store, count);
    return true;
}

void assay_store_set_patience(assay_store *store, double seconds)
{
    store->patience = seconds;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static int fail_busy(assay_store *store)
{
    char holders[256];
    store_holders(sqlite3_db_filename(store->db, "main"), holders, sizeof holders);
    return assay_fail(ASSAY_EBUSY,
        "%s: waited %g s to write, but another process keeps the file for itself%s%s; end it, or "
        "try again",
        store->path, store->patience, holders[0] ? ": " : "", holders);
}

/* Is there a directory for the file, in which this user may not write? */
static bool is_readonly(const char *path)
{
    char *copy = strdup(path);
    const char *directory = copy ? dirname(copy) : NULL;
    bool readonly = directory && access(directory, F_OK) == 0 && access(directory, W_OK) != 0;
    free(copy);
    return readonly;
}

static int fail_readonly(assay_store *store)
{
    if (store->mode == ASSAY_STORE_READ)
        return assay_fail(ASSAY_EINVAL, "%s was opened for reading only", store->path);
    return assay_fail(ASSAY_EIO,
        "%s can't be written: it or its directory is read-only for you; change the permissions "
        "(chmod u+w, for the directory too: SQLite keeps its log beside the file), or choose "
        "another "
        "file with --db or ASSAY_DB",
        store->path);
}

/* What the system said last of the file, else of its log. */
static int last_errno(sqlite3 *db)
{
    int number = 0;
    sqlite3_file *log = NULL;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
    if (!number)
        sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

/* Of SQLite's errors of input and output, the two that a user can mend. */
static int fail_input_output(assay_store *store, const char *said)
{
    int number = last_errno(store->db);
    const char *advice = number == EDQUOT  ? "; your quota is used up: make room (assay rm, assay "
                                             "gc), or copy the file to another disk"
                         : number == EFBIG ? "; the file would be larger than it may be (ulimit -f)"
                                           : "";
    return assay_fail(ASSAY_EIO, "%s: %s%s%s%s", store->path, said, number ? ": " : "",
        number ? strerror(number) : "", advice);
}

int store_fail(assay_store *store, int code)
{
    const char *said = sqlite3_errmsg(store->db);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return fail_busy(store);
    case SQLITE_READONLY:
        return fail_readonly(store);
    case SQLITE_NOMEM:
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", store->path);
    case SQLITE_NOTADB:
        return assay_fail(ASSAY_EFORMAT,
            "%s is not a database; choose another file with --db or ASSAY_DB", store->path);
    case SQLITE_CORRUPT:
        return assay_fail(ASSAY_EFORMAT,
            "%s is damaged (%s); `sqlite3 FILE .recover` saves what can be saved", store->path,
            said);
    case SQLITE_FULL:
        return assay_fail(ASSAY_EIO,
            "%s: the disk is full; what was committed is there: make room (assay rm, assay gc), or "
            "copy the file to another disk",
            store->path);
    case SQLITE_IOERR:
        return fail_input_output(store, said);
    case SQLITE_CANTOPEN:
        if (is_readonly(store->path))
            return fail_readonly(store);
        return assay_fail(ASSAY_EIO,
            "%s can't be opened (or its log %s-wal beside it): check that the directory exists and "
            "that you may write in it",
            store->path, store->path);
    case SQLITE_TOOBIG:
        return assay_fail(ASSAY_EINVAL, "%s: a text or blob is too big for SQLite", store->path);
    case SQLITE_CONSTRAINT:
        return assay_fail(ASSAY_EINVAL, "%s: %s", store->path, said);
    default:
        return assay_fail(ASSAY_EIO, "%s: %s", store->path, said);
    }
}

/* ---- statements ------------------------------------------------------------------------------ */

int store_prepare(assay_store *store, const char *sql, sqlite3_stmt **out, const char **tail)
{
    double from = monotonic();
    for (int count = 0;; count++) {
        int code = sqlite3_prepare_v3(store->db, sql, -1, 0, out, tail);
        if (code == SQLITE_OK)
            return ASSAY_OK;
        if (!should_retry(store, code, from, count))
            return store_fail(store, code);
    }
}

static int cached(assay_store *store, store_statement which, sqlite3_stmt **out)
{
    *out = store->statements[which];
    if (*out) {
        sqlite3_reset(*out);
        return ASSAY_OK;
    }
    double from = monotonic();
    for (int count = 0;; count++) {
        int code = sqlite3_prepare_v3(store->db, statement_text[which], -1,
            SQLITE_PREPARE_PERSISTENT, &store->statements[which], NULL);
        *out = store->statements[which];
        if (code == SQLITE_OK)
            return ASSAY_OK;
        if (!should_retry(store, code, from, count))
            return store_fail(store, code);
    }
}

static int bind_next(sqlite3_stmt *statement, int at, char type, va_list *args)
{
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, at, va_arg(*args, int64_t));
    case 'd':
        return sqlite3_bind_double(statement, at, va_arg(*args, double));
    case 's': {
        const char *text = va_arg(*args, const char *);
        return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
    }
    default: {
        const void *data = va_arg(*args, const void *);
        size_t size = va_arg(*args, size_t);
        return sqlite3_bind_blob64(statement, at, size ? data : "", size, SQLITE_STATIC);
    }
    }
}

static int bind_all(
    assay_store *store, store_statement which, sqlite3_stmt **out, const char *types, va_list *args)
{
    int status = cached(store, which, out);
    for (int at = 1; status == ASSAY_OK && types[at - 1]; at++) {
        int code = bind_next(*out, at, types[at - 1], args);
        if (code != SQLITE_OK)
            status = store_fail(store, code);
    }
    return status;
}

int store_bind(
    assay_store *store, store_statement which, sqlite3_stmt **out, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int status = bind_all(store, which, out, types, &args);
    va_end(args);
    return status;
}

int store_step(assay_store *store, sqlite3_stmt *statement, bool *row)
{
    bool first = !store->in_transaction && !sqlite3_stmt_busy(statement);
    double from = first ? monotonic() : 0;
    for (int count = 0;; count++) {
        int code = sqlite3_step(statement);
        *row = code == SQLITE_ROW;
        if (code == SQLITE_ROW)
            return ASSAY_OK;
        if (code == SQLITE_DONE) {
            sqlite3_reset(statement);
            return ASSAY_OK;
        }
        /* The message is built before the reset, which could change it. */
        int status = store_fail(store, code);
        sqlite3_reset(statement);
        if (!first || !should_retry(store, code, from, count))
            return status;
    }
}

static int run_out(assay_store *store, sqlite3_stmt *statement)
{
    bool row = true;
    while (row) {
        int status = store_step(store, statement, &row);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

int store_run(assay_store *store, store_statement which, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list args;
    va_start(args, types);
    int status = bind_all(store, which, &statement, types, &args);
    va_end(args);
    return status ? status : run_out(store, statement);
}

int store_integer(
    assay_store *store, store_statement which, int64_t *value, bool *found, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list args;
    va_start(args, types);
    int status = bind_all(store, which, &statement, types, &args);
    va_end(args);
    if (status == ASSAY_OK)
        status = store_step(store, statement, found);
    if (status)
        return status;
    if (*found && sqlite3_column_type(statement, 0) == SQLITE_NULL)
        *found = false;
    if (*found)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return ASSAY_OK;
}

int store_execute(assay_store *store, const char *sql)
{
    int status = ASSAY_OK;
    while (status == ASSAY_OK && *sql) {
        sqlite3_stmt *statement = NULL;
        status = store_prepare(store, sql, &statement, &sql);
        if (status == ASSAY_OK && statement)
            status = run_out(store, statement);
        sqlite3_finalize(statement);
    }
    return status;
}

int store_text(sqlite3_stmt *statement, int column, char **out)
{
    *out = NULL;
    const char *text = (const char *)sqlite3_column_text(statement, column);
    if (!text)
        return ASSAY_OK;
    *out = strdup(text);
    return *out ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "out of memory for a text of the store");
}

int store_grow(void **items, size_t count, size_t size)
{
    if (count & (count - 1))
        return ASSAY_OK; /* full only at 0, 1, 2, 4, ... */
    void *grown = realloc(*items, (count ? 2 * count : 1) * size);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "out of memory for %zu records", 2 * count);
    *items = grown;
    return ASSAY_OK;
}

/* ---- transactions ---------------------------------------------------------------------------- */

int assay_store_check_file(assay_store *store)
{
    struct stat now;
    const char *name = sqlite3_db_filename(store->db, "main");
    if (stat(name, &now) != 0)
        return assay_fail(ASSAY_EIO,
            "%s was deleted or moved while it was in use (%s); what is "
            "written now would be lost",
            store->path, strerror(errno));
    if (now.st_dev != store->device || now.st_ino != store->inode)
        return assay_fail(ASSAY_EIO,
            "%s was replaced by another file while it was in use; what is written now would be "
            "lost",
            store->path);
    return ASSAY_OK;
}

/* Longer than most waits of back_off take to look again, shorter than anybody notices. */
void assay_store_give_way(void)
{
    nanosleep(&(struct timespec){0, 10000000}, NULL);
}

int assay_store_begin(assay_store *store)
{
    if (store->in_transaction)
        return assay_fail(ASSAY_EINVAL, "%s: a transaction is already open", store->path);
    if (store->mode == ASSAY_STORE_READ)
        return fail_readonly(store);
    int status = store_run(store, STORE_BEGIN_WRITE, "");
    store->in_transaction = status == ASSAY_OK;
    return status;
}

void assay_store_rollback(assay_store *store)
{
    store_tally_forget(store, 0);
    store->in_transaction = false;
    if (!sqlite3_get_autocommit(store->db))
        store_run(store, STORE_ROLLBACK, "");
}

int assay_store_commit(assay_store *store)
{
    if (!store->in_transaction)
        return assay_fail(ASSAY_EINVAL, "%s: there is no transaction to commit", store->path);
    int status = store_tally_flush(store);
    if (status == ASSAY_OK)
        status = assay_store_check_file(store);
    if (status == ASSAY_OK)
        status = store_run(store, STORE_COMMIT, "");
    if (status) {
        assay_store_rollback(store);
        return status;
    }
    store->in_transaction = false;
    return ASSAY_OK;
}

int store_enter(assay_store *store, bool *own)
{
    *own = !store->in_transaction;
    return *own ? assay_store_begin(store) : ASSAY_OK;
}

int store_leave(assay_store *store, bool own, int status)
{
    if (!own)
        return status;
    if (status == ASSAY_OK)
        return assay_store_commit(store);
    assay_store_rollback(store);
    return status;
}

int store_read_enter(assay_store *store, bool *own)
{
    *own = sqlite3_get_autocommit(store->db) != 0;
    return *own ? store_run(store, STORE_BEGIN_READ, "") : ASSAY_OK;
}

void store_read_leave(assay_store *store, bool own)
{
    if (own)
        store_run(store, STORE_ROLLBACK, "");
}

int assay_store_data_version(assay_store *store, int64_t *version)
{
    bool found;
    return store_integer(store, STORE_DATA_VERSION, version, &found, "");
}

/* ---- opening --------------------------------------------------------------------------------- */

static int pragma(assay_store *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement;
    bool row;
    int status = store_prepare(store, sql, &statement, NULL);
    if (status)
        return status;
    status = store_step(store, statement, &row);
    if (status == ASSAY_OK && row)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

/* The path as a URI with SQLite's option `immutable`. */
static char *immutable_uri(const char *path)
{
    char *uri = malloc(3 * strlen(path) + sizeof "file:?immutable=1");
    if (!uri)
        return NULL;
    char *to = uri + sprintf(uri, "file:");
    for (; *path; path++)
        to += sprintf(to, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    strcpy(to, "?immutable=1");
    return uri;
}

static int connect_file(assay_store *store, bool immutable)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    char *name = store->path, *uri = NULL;
    if (immutable) {
        name = uri = immutable_uri(store->path);
        flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    } else {
        /* Reading too: a connection that may write tidies the log away when it is the last. */
        flags |= SQLITE_OPEN_READWRITE;
        flags |= store->mode == ASSAY_STORE_CREATE ? SQLITE_OPEN_CREATE : 0;
    }
    if (!name)
        return assay_fail(ASSAY_ENOMEM, "out of memory for the name %s", store->path);
    int code = sqlite3_open_v2(name, &store->db, flags, NULL);
    free(uri);
    if (!store->db)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", store->path);
    if (code != SQLITE_OK)
        return store_fail(store, code);
    sqlite3_busy_handler(store->db, wait_turn, store);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    return ASSAY_OK;
}

/* With the cached statements: they are the connection's, which does not close before them. */
static void disconnect(assay_store *store)
{
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

/* What stands in the file: its application id, version, and number of tables and views; or SQLite's
 * code when it can't be read. */
typedef struct content {
    int64_t application, version, objects;
    int code;
} content;

/* All three as of one moment: another process may be making them right now. */
static int read_content(assay_store *store, content *found)
{
    bool own;
    int status = store_read_enter(store, &own);
    if (status)
        return status;
    status = pragma(store, "PRAGMA application_id", &found->application);
    if (status == ASSAY_OK)
        status = pragma(store, "PRAGMA user_version", &found->version);
    if (status == ASSAY_OK)
        status = pragma(store, "SELECT count(*) FROM sqlite_schema", &found->objects);
    found->code = status ? sqlite3_errcode(store->db) : SQLITE_OK;
    store_read_leave(store, own);
    return status;
}

static bool log_is_pending(const char *path)
{
    char name[4096];
    struct stat log;
    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &log) == 0 && log.st_size > 0;
}

/* In a directory where this user can't write, a WAL database can't make its shared memory file.
 * When its log is empty the file alone is the whole truth and is read as it stands now. */
static int read_without_log(assay_store *store, content *found)
{
    if (log_is_pending(store->path))
        return assay_fail(ASSAY_EIO,
            "%s has a log beside it (%s-wal) but its directory can't be written by you: copy both "
            "to a directory of yours and open the copy",
            store->path, store->path);
    disconnect(store);
    int status = connect_file(store, true);
    return status ? status : read_content(store, found);
}

static int refuse(const assay_store *store, const content *found)
{
    if (found->application != STORE_APPLICATION_ID && (found->application || found->objects))
        return assay_fail(ASSAY_EFORMAT,
            "%s is a database of another program (application_id %lld, %lld tables and views); "
            "choose another file with --db or ASSAY_DB",
            store->path, (long long)found->application, (long long)found->objects);
    if (found->version < 0)
        return assay_fail(ASSAY_EFORMAT,
            "%s is damaged: its version is %lld, where 0 to %d were expected; restore a copy of "
            "it, or choose another file with --db or ASSAY_DB",
            store->path, (long long)found->version, store_version);
    if (found->version > store_version)
        return assay_fail(ASSAY_EVERSION,
            "%s was written by a newer assay (its version is %lld, this program knows %d): use "
            "that "
            "assay, or another file with --db or ASSAY_DB",
            store->path, (long long)found->version, store_version);
    return ASSAY_OK;
}

static int refuse_for_reading(const assay_store *store, const content *found)
{
    if (found->application != STORE_APPLICATION_ID)
        return assay_fail(ASSAY_ENOTFOUND,
            "%s is empty: nothing was run yet (`assay run` fills it)", store->path);
    if (found->version < store_version)
        return assay_fail(ASSAY_EVERSION,
            "%s was written by an older assay (version %lld, now %d) and can't be brought up to "
            "date "
            "there, because it or its directory is read-only for you; copy it to where you may "
            "write",
            store->path, (long long)found->version, store_version);
    return ASSAY_OK;
}

static int set_journal(assay_store *store)
{
    sqlite3_stmt *statement;
    bool row;
    int status = store_prepare(store, "PRAGMA journal_mode = WAL", &statement, NULL);
    if (status)
        return status;
    status = store_step(store, statement, &row);
    /* A file system without shared memory keeps the rollback journal, which needs full syncs. */
    bool wal = status == ASSAY_OK && row &&
               strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    if (status)
        return status;
    /* Some systems' SQLite writes zeros over what is deleted, which doubles what is written. */
    status = store_execute(store, "PRAGMA secure_delete = 0");
    if (status)
        return status;
    return store_execute(store, wal ? "PRAGMA synchronous = NORMAL;"
                                      "PRAGMA wal_autocheckpoint = 4000;"
                                      "PRAGMA journal_size_limit = 67108864;"
                                    : "PRAGMA synchronous = FULL;");
}

/* Inside the exclusive transaction: another process may have migrated the file meanwhile. */
static int migrate_locked(assay_store *store)
{
    content found = {0};
    int status = read_content(store, &found);
    if (status == ASSAY_OK)
        status = refuse(store, &found);
    if (status || found.version == store_version)
        return status;
    for (int64_t i = found.version; status == ASSAY_OK && i < store_version; i++)
        status = store_execute(store, store_migrations[i]);
    char stamp[128];
    snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d",
        STORE_APPLICATION_ID, store_version);
    return status ? status : store_execute(store, stamp);
}

static int migrate(assay_store *store)
{
    int status = store_execute(store, "BEGIN EXCLUSIVE");
    if (status)
        return status;
    status = migrate_locked(store);
    if (status == ASSAY_OK)
        status = store_execute(store, "COMMIT");
    if (status && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* An older file is brought up to date by whoever opens it first, if only to read. */
static int update_for_reading(assay_store *store, content *found)
{
    bool older = found->application == STORE_APPLICATION_ID && found->version < store_version;
    if (!older || sqlite3_db_readonly(store->db, "main"))
        return ASSAY_OK;
    int status = migrate(store);
    return status ? status : read_content(store, found);
}

static int open_for_reading(assay_store *store)
{
    content found = {0};
    int status = read_content(store, &found);
    if ((found.code & 0xff) == SQLITE_CANTOPEN || (found.code & 0xff) == SQLITE_READONLY)
        status = read_without_log(store, &found);
    if (status == ASSAY_OK)
        status = refuse(store, &found);
    if (status == ASSAY_OK)
        status = update_for_reading(store, &found);
    if (status == ASSAY_OK)
        status = refuse_for_reading(store, &found);
    return status ? status : store_execute(store, "PRAGMA query_only = 1");
}

static int open_for_writing(assay_store *store)
{
    content found = {0};
    int status = read_content(store, &found);
    if (status == ASSAY_OK)
        status = refuse(store, &found);
    if (status)
        return status;
    if (sqlite3_db_readonly(store->db, "main"))
        return fail_readonly(store);
    status = set_journal(store);
    if (status == ASSAY_OK && found.version < store_version)
        status = migrate(store);
    return status;
}

static int check_path(const char *path, assay_store_mode mode)
{
    struct stat file;
    if (!path[0] || path[0] == ':')
        return assay_fail(ASSAY_EINVAL, "\"%s\" is not the name of a database file", path);
    if (stat(path, &file) != 0) {
        if (errno != ENOENT || mode != ASSAY_STORE_CREATE)
            return assay_fail(errno == ENOENT ? ASSAY_ENOTFOUND : ASSAY_EIO, "%s: %s%s", path,
                strerror(errno),
                errno == ENOENT ? " (`assay run` creates it; --db or ASSAY_DB names another)" : "");
        return ASSAY_OK;
    }
    if (!S_ISREG(file.st_mode))
        return assay_fail(ASSAY_EIO, "%s is not a file", path);
    if (access(path, R_OK) != 0)
        return assay_fail(ASSAY_EIO, "%s can't be read by you: %s", path, strerror(errno));
    return ASSAY_OK;
}

static int remember_file(assay_store *store)
{
    struct stat file;
    if (stat(sqlite3_db_filename(store->db, "main"), &file) != 0)
        return assay_fail(ASSAY_EIO, "%s: %s", store->path, strerror(errno));
    store->device = file.st_dev;
    store->inode = file.st_ino;
    return ASSAY_OK;
}

static int open_store(assay_store *store)
{
    int status = check_path(store->path, store->mode);
    if (status == ASSAY_OK)
        status = connect_file(store, false);
    if (status == ASSAY_OK)
        status =
            store->mode == ASSAY_STORE_READ ? open_for_reading(store) : open_for_writing(store);
    return status ? status : remember_file(store);
}

int assay_store_open(const char *path, assay_store_mode mode, assay_store **out)
{
    *out = NULL;
    assay_store *store = calloc(1, sizeof *store);
    if (!store)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a store");
    store->mode = mode;
    store->patience = 60;
    store->opener = getpid();
    if (getrandom(&store->jitter, sizeof store->jitter, 0) != sizeof store->jitter ||
        store->jitter == 0)
        store->jitter = (uint64_t)getpid() * 0x9e3779b97f4a7c15u;
    store->path = strdup(path);
    int status = store->path ? open_store(store) : assay_fail(ASSAY_ENOMEM, "out of memory");
    if (status) {
        /* A file that is refused is left as it is, log included. */
        if (store->db)
            sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        assay_store_close(store);
        return status;
    }
    *out = store;
    return ASSAY_OK;
}

void assay_store_close(assay_store *store)
{
    if (!store)
        return;
    /* A forked child must not touch the connection: it would act on the parent's locks and log. */
    if (store->opener == getpid())
        disconnect(store);
    free(store->tallies);
    free(store->measured);
    free(store->path);
    free(store);
}

const char *assay_store_path(const assay_store *store)
{
    return store->path;
}

struct sqlite3 *assay_store_sqlite(assay_store *store)
{
    return store->db;
}
