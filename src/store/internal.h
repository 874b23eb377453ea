/* What the files of this room share: the handle, its prepared statements, and how to use them. */
#ifndef ASSAY_STORE_INTERNAL_H
#define ASSAY_STORE_INTERNAL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "core/status.h"
#include "store/statements.h"
#include "store/store.h"

#define STORE_APPLICATION_ID 0x41535359 /* "ASSY" */
#define STORE_CELL_BITS 24

extern const char *const store_migrations[];
extern const int store_version; /* the newest, the one this program writes */

typedef enum store_statement {
#define STORE_ENUM(name, sql) STORE_##name,
    STORE_STATEMENTS(STORE_ENUM)
#undef STORE_ENUM
        STORE_STATEMENT_COUNT
} store_statement;

/* Rows of a cell written in the open transaction; added to the counters when it commits. */
typedef struct store_tally {
    int64_t run, cell; /* cell: key */
    int64_t rows;
} store_tally;

struct assay_store {
    sqlite3 *db;
    char *path; /* as given */
    pid_t opener;
    dev_t device;
    ino_t inode;
    assay_store_mode mode;
    bool in_transaction;
    double patience;     /* seconds that a writer waits for its turn */
    double waiting_from; /* of the busy handler */
    uint64_t jitter;
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
    store_tally *tallies;
    size_t tally_count, tally_room, tally_last;
    int64_t measured_run; /* whose bits `measured` holds, 0: none */
    unsigned char *measured;
    size_t measured_size; /* bytes */
};

static inline int64_t store_cell_key(int64_t run, int64_t index)
{
    return (int64_t)((uint64_t)run << STORE_CELL_BITS) + index;
}

/* Seconds since 1970. */
double store_now(void);

/* The statement, reset, with its parameters bound as `types` says, one letter each: i int64_t,
 * d double (NaN binds NULL), s text or NULL, b blob (const void *, size_t). Texts and blobs are
 * not copied: they must live until the statement has run. */
int store_bind(
    assay_store *store, store_statement which, sqlite3_stmt **out, const char *types, ...);

/* Step to the next row: *row says whether there is one; without one the statement is reset. */
int store_step(assay_store *store, sqlite3_stmt *statement, bool *row);

/* Bind and step to the end. */
int store_run(assay_store *store, store_statement which, const char *types, ...);

/* Bind and read the first column of the first row; *found says whether there is a row. */
int store_integer(assay_store *store, store_statement which, int64_t *value, bool *found,
    const char *types, ...);

/* Statements without parameters, SQL text; waits its turn. */
int store_execute(assay_store *store, const char *sql);

/* Prepare, waiting while another process holds the schema. The caller finalises. */
int store_prepare(assay_store *store, const char *sql, sqlite3_stmt **out, const char **tail);

/* A message of the last SQLite failure as an ASSAY_ status. */
int store_fail(assay_store *store, int code);

/* Around a call that writes: a transaction of its own unless one is open. leave commits or, when
 * status is a failure, rolls back what enter began; it returns the status to return. */
int store_enter(assay_store *store, bool *own);
int store_leave(assay_store *store, bool own, int status);

/* Around several statements that must see one state of the file. */
int store_read_enter(assay_store *store, bool *own);
void store_read_leave(assay_store *store, bool own);

/* Counters of rows written but not yet counted: add them, or forget those of one cell (or all: 0). */
int store_tally_flush(assay_store *store);
void store_tally_forget(assay_store *store, int64_t cell);

/* Copies of a column's text: NULL stays NULL. ASSAY_ENOMEM when memory ran out. */
int store_text(sqlite3_stmt *statement, int column, char **out);

/* Room for one more of `count` items in an array that grows by doubling. */
int store_grow(void **items, size_t count, size_t size);

/* The process that writes a run: who it is, and whether another one still lives. */
typedef struct store_owner {
    char host[256];
    int64_t pid;
    int64_t start; /* clock ticks from boot, 0: unknown */
} store_owner;

void store_owner_self(store_owner *self);
bool store_owner_alive(const char *host, int64_t pid, int64_t start, double heartbeat);

/* The state as stored, as its enum. */
assay_run_state store_run_state(const char *name);

/* Who holds locks on the file or its WAL: "pid 71 (assay)", or "" when it can't be told. */
void store_holders(const char *path, char *out, size_t size);

/* Remove an experiment's view, when it has one. */
int store_view_drop(assay_store *store, const char *experiment);

#endif
