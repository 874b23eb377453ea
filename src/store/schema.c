/*
 * The schema, as the migrations that lead to it: migration i takes a file from version i to i + 1
 * (PRAGMA user_version). A released migration is never edited; a change is a new one at the end.
 *
 * A cell's key is computed, not looked up: run * 2^24 + idx, so that a value can be written without
 * a query, and a run's values are one contiguous range of the clustered table. Hence the limit of
 * 2^24 cells a run. Counters (run.cells_done, run.rows, ...) are kept, not counted, because a list
 * of ten thousand runs has to appear at once. `measure` is the index of which metrics a run has.
 * Figures are declared in the experiment's JSON, so `figure` is a view of it. In note and artifact,
 * cell is the 0-based number within the run, -1 for the run itself.
 */
#include "store/internal.h"

static const char *const version_1 =
    "CREATE TABLE experiment ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  sha TEXT NOT NULL," /* SHA-256 of the script, in hex */
    "  script TEXT NOT NULL,"
    "  describe TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX experiment_name ON experiment (name, sha);"

    "CREATE TABLE run ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* the number of a deleted run is not given again */
    "  uuid TEXT NOT NULL UNIQUE,"
    "  experiment INTEGER NOT NULL REFERENCES experiment,"
    "  state TEXT NOT NULL CHECK (state IN"
    "    ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),"
    "  cells INTEGER NOT NULL DEFAULT 0,"
    "  cells_done INTEGER NOT NULL DEFAULT 0,"
    "  cells_failed INTEGER NOT NULL DEFAULT 0,"
    "  rows INTEGER NOT NULL DEFAULT 0,"
    "  seed INTEGER NOT NULL," /* the 64 bits of the unsigned seed */
    "  replicates INTEGER NOT NULL,"
    "  workers INTEGER NOT NULL,"
    "  host TEXT NOT NULL,"
    "  pid INTEGER NOT NULL,"
    "  pid_start INTEGER NOT NULL," /* clock ticks from boot to the process's start, 0: unknown */
    "  created REAL NOT NULL,"
    "  started REAL NOT NULL DEFAULT 0,"
    "  finished REAL NOT NULL DEFAULT 0,"
    "  heartbeat REAL NOT NULL,"
    "  claimed REAL NOT NULL DEFAULT 0," /* when the present process took it, 0: none has */
    "  elapsed REAL NOT NULL DEFAULT 0,"
    "  cancel_requested INTEGER NOT NULL DEFAULT 0,"
    "  path TEXT NOT NULL,"
    "  method TEXT,"
    "  preset TEXT,"
    "  params TEXT NOT NULL,"
    "  versions TEXT NOT NULL,"
    "  error TEXT"
    ") STRICT;"
    "CREATE INDEX run_experiment ON run (experiment);"

    "CREATE TABLE cell ("
    "  id INTEGER PRIMARY KEY CHECK (id = (run << 24) + idx),"
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  idx INTEGER NOT NULL CHECK (idx BETWEEN 0 AND 16777215),"
    "  replicate INTEGER NOT NULL,"
    "  state TEXT NOT NULL DEFAULT 'queued'"
    "    CHECK (state IN ('queued', 'running', 'done', 'failed')),"
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  rows INTEGER NOT NULL DEFAULT 0,"
    "  elapsed REAL NOT NULL DEFAULT 0,"
    "  params TEXT NOT NULL,"
    "  error TEXT,"
    "  UNIQUE (run, idx)"
    ") STRICT;"

    "CREATE TABLE metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"

    "CREATE TABLE value ("
    "  cell INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE,"
    "  seq INTEGER NOT NULL,"
    "  metric INTEGER NOT NULL," /* of `measure`, which holds the reference to metric */
    "  value ANY,"               /* NULL is NaN; what was never logged has no line */
    "  PRIMARY KEY (cell, seq, metric)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE measure ("
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  metric INTEGER NOT NULL REFERENCES metric,"
    "  PRIMARY KEY (run, metric)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE note ("
    "  id INTEGER PRIMARY KEY,"
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  cell INTEGER NOT NULL CHECK (cell >= -1),"
    "  time REAL NOT NULL,"
    "  text TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX note_run ON note (run);"

    "CREATE TABLE artifact ("
    "  id INTEGER PRIMARY KEY,"
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  cell INTEGER NOT NULL CHECK (cell >= -1),"
    "  name TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  data BLOB NOT NULL,"
    "  UNIQUE (run, cell, name)"
    ") STRICT;"

    "CREATE TABLE claim ("
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  text TEXT,"
    "  verdict TEXT NOT NULL,"
    "  estimate REAL, low REAL, high REAL, p REAL," /* NULL: none */
    "  n INTEGER NOT NULL,"
    "  test TEXT,"
    "  message TEXT,"
    "  PRIMARY KEY (run, position)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE fit ("
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  figure TEXT NOT NULL,"
    "  series TEXT NOT NULL,"
    "  json TEXT NOT NULL,"
    "  PRIMARY KEY (run, figure, series)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE VIEW figure AS"
    "  SELECT e.id AS experiment, json_extract(f.value, '$.name') AS name, f.value AS declaration"
    "  FROM experiment e, json_each(e.describe, '$.figures') f;"

    /* Which view shows which experiment's rows, and the text that made it. */
    "CREATE TABLE wide (experiment TEXT PRIMARY KEY, view TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    "  sql TEXT NOT NULL) STRICT;"

    "CREATE TABLE sample_log ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  sha TEXT NOT NULL,"     /* SHA-256 of the content */
    "  columns TEXT NOT NULL," /* JSON array of names, in order */
    "  rows INTEGER NOT NULL,"
    "  imported REAL NOT NULL"
    ") STRICT;"
    "CREATE TABLE sample ("
    "  log INTEGER NOT NULL REFERENCES sample_log ON DELETE CASCADE,"
    "  row INTEGER NOT NULL,"
    "  problem ANY, sample ANY, correct ANY, answer ANY, reward ANY, logprob ANY, tokens ANY,"
    "  cost ANY, text ANY,"
    "  extra TEXT," /* JSON object of the other columns, or NULL */
    "  PRIMARY KEY (log, row)"
    ") STRICT, WITHOUT ROWID;";

/* What people say about runs: a name, tags, a pin; and runs that were thrown away but can be had back.
 * The index holds only the latter, so that counting them costs nothing. */
static const char *const version_2 =
    "ALTER TABLE run ADD COLUMN label TEXT;"
    "ALTER TABLE run ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN discarded REAL NOT NULL DEFAULT 0;" /* when; 0: it was not */
    "CREATE INDEX run_discarded ON run (experiment, discarded) WHERE discarded > 0;"
    "CREATE TABLE tag ("
    "  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    "  tag TEXT NOT NULL,"
    "  PRIMARY KEY (run, tag)"
    ") STRICT, WITHOUT ROWID;";

const char *const store_migrations[] = {version_1, version_2};
const int store_version = sizeof store_migrations / sizeof *store_migrations;
