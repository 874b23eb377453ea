/* Every prepared statement of the store: its name and its SQL. What is built at run time (views,
 * `assay sql`) is not here. */
#ifndef ASSAY_STORE_STATEMENTS_H
#define ASSAY_STORE_STATEMENTS_H

#define STORE_RUN_COLUMNS                                                                          \
    "r.id, r.uuid, e.name, r.path, r.method, r.preset, r.params, r.seed, r.replicates, r.state, "  \
    "r.cells, r.cells_done, r.cells_failed, r.rows, r.host, r.pid, r.pid_start, r.workers, "       \
    "r.versions, r.created, r.started, r.finished, r.heartbeat, r.claimed, r.elapsed, r.error, "   \
    "r.cancel_requested, r.label, r.pinned, r.discarded, "                                         \
    "(SELECT group_concat(tag, ' ') FROM tag WHERE tag.run = r.id) "

/* The mean over a run's cells of the last value that each logged of a measure; NULL: none did. */
#define STORE_LAST_MEAN(name, run)                                                                 \
    "(SELECT avg((SELECT v.value FROM value v WHERE v.cell = c.id AND v.metric = m.id "            \
    "AND typeof(v.value) <> 'text' ORDER BY v.seq DESC LIMIT 1)) "                                 \
    "FROM metric m CROSS JOIN measure ON measure.metric = m.id CROSS JOIN cell c "                 \
    "ON c.run = measure.run WHERE m.name = " name " AND measure.run = " run                        \
    " AND c.state <> 'failed')"

#define STORE_CELL_COLUMNS                                                                         \
    "idx, replicate, attempts, rows, state, elapsed, params, error FROM cell "

#define STORE_STATEMENTS(X)                                                                        \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(DATA_VERSION, "PRAGMA data_version")                                                         \
                                                                                                   \
    X(EXPERIMENT_FIND, "SELECT id FROM experiment WHERE name = ? AND sha = ? AND describe = ?")    \
    X(EXPERIMENT_ADD, "INSERT INTO experiment (name, sha, script, describe) VALUES (?, ?, ?, ?)")  \
    X(EXPERIMENT_PRUNE, "DELETE FROM experiment WHERE id = ?1 AND NOT EXISTS "                     \
                        "(SELECT 1 FROM run WHERE experiment = ?1)")                               \
    X(EXPERIMENT_NAMES, "SELECT DISTINCT name FROM experiment")                                    \
    X(EXPERIMENT_EXISTS, "SELECT 1 FROM experiment WHERE name = ?")                                \
                                                                                                   \
    X(RUN_ADD,                                                                                     \
        "INSERT INTO run (uuid, experiment, state, seed, replicates, workers, host, pid, "         \
        "pid_start, created, heartbeat, path, method, preset, params, versions) "                  \
        "VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                          \
    X(RUN_OWNER, "SELECT state, host, pid, pid_start, heartbeat, claimed FROM run WHERE id = ?")   \
    X(RUN_CLAIM, "UPDATE run SET state = 'running', host = ?2, pid = ?3, pid_start = ?4, "         \
                 "heartbeat = ?5, claimed = ?5, finished = 0, error = NULL, workers = ?6, "        \
                 "started = CASE started WHEN 0 THEN ?5 ELSE started END, "                        \
                 "elapsed = elapsed + ?7, cancel_requested = cancel_requested AND ?8 "             \
                 "WHERE id = ?1")                                                                  \
    X(RUN_HEARTBEAT, "UPDATE run SET heartbeat = ?2 WHERE id = ?1 AND state = 'running' AND "      \
                     "host = ?3 AND pid = ?4 AND pid_start = ?5 RETURNING cancel_requested")       \
    X(RUN_FINISH, "UPDATE run SET state = ?2, finished = ?3, heartbeat = ?3, claimed = 0, "        \
                  "elapsed = elapsed + ?4, error = ?5, cancel_requested = 0 WHERE id = ?1")        \
    X(RUN_SETTLE, "UPDATE run SET state = 'interrupted', finished = heartbeat, error = ?2, "       \
                  "elapsed = elapsed + CASE WHEN claimed > 0 THEN max(heartbeat - claimed, 0) ELSE 0 END, "     \
                  "claimed = 0, cancel_requested = 0 WHERE id = ?1 AND state IN ('queued', 'running')") \
    X(RUN_UNFINISHED, "SELECT id FROM run WHERE state IN ('queued', 'running') ORDER BY id")       \
    X(RUN_CANCEL, "UPDATE run SET cancel_requested = 1 WHERE id = ?")                              \
    X(RUN_COUNT_CELL, "UPDATE run SET cells = cells + 1 WHERE id = ?")                             \
    X(RUN_COUNT, "UPDATE run SET cells_done = cells_done + ?2, cells_failed = cells_failed + ?3, " \
                 "rows = rows + ?4 WHERE id = ?1")                                                 \
    X(RUN_GET, "SELECT " STORE_RUN_COLUMNS                                                         \
               "FROM run r JOIN experiment e ON e.id = r.experiment WHERE r.id = ?")               \
    X(RUN_TOTAL, "SELECT (SELECT count(*) FROM run) - "                                            \
                 "(SELECT count(*) FROM run WHERE discarded > 0)")                                 \
    X(RUN_TOTAL_OF, "SELECT (SELECT count(*) FROM run WHERE experiment IN (SELECT id FROM "        \
                    "experiment WHERE name = ?1)) - (SELECT count(*) FROM run WHERE discarded > 0 "\
                    "AND experiment IN (SELECT id FROM experiment WHERE name = ?1))")              \
    X(RUN_LIST,                                                                                    \
        "SELECT " STORE_RUN_COLUMNS "FROM run r JOIN experiment e ON e.id = r.experiment "         \
        "WHERE r.discarded = 0 ORDER BY r.id DESC LIMIT ? OFFSET ?")                                                     \
    X(RUN_LIST_OF,                                                                                 \
        "SELECT " STORE_RUN_COLUMNS "FROM run r JOIN experiment e ON e.id = r.experiment "         \
        "WHERE r.id IN (SELECT id FROM run WHERE experiment IN "                                   \
        "(SELECT id FROM experiment WHERE name = ?) AND discarded = 0 "                            \
        "ORDER BY id DESC LIMIT ? OFFSET ?) "                                                      \
        "ORDER BY r.id DESC")                                                                      \
    X(RUN_EXISTS, "SELECT id FROM run WHERE id = ?")                                               \
    X(RUN_LAST, "SELECT max(id) FROM run WHERE discarded = 0")                                     \
    X(RUN_LAST_OF, "SELECT max(id) FROM run WHERE discarded = 0 AND experiment IN "                \
                   "(SELECT id FROM experiment WHERE name = ?)")                                   \
    X(RUN_BY_UUID, "SELECT id FROM run WHERE uuid >= ?1 AND uuid < ?1 || 'g' LIMIT 2")             \
    X(RUN_EXPERIMENT, "SELECT e.id, e.name, e.script, e.describe FROM run r "                      \
                      "JOIN experiment e ON e.id = r.experiment WHERE r.id = ?")                   \
    X(RUN_DELETE, "DELETE FROM run WHERE id = ?")                                                  \
    X(RUN_LABEL, "UPDATE run SET label = ?2 WHERE id = ?1")                                        \
    X(RUN_PIN, "UPDATE run SET pinned = ?2 WHERE id = ?1")                                         \
    X(RUN_DISCARD, "UPDATE run SET discarded = ?2 WHERE id = ?1")                                  \
    X(RUN_DISCARDED, "SELECT id FROM run WHERE discarded > 0 ORDER BY id")                         \
    X(TAG_ADD, "INSERT OR IGNORE INTO tag (run, tag) VALUES (?, ?)")                               \
    X(TAG_DELETE, "DELETE FROM tag WHERE run = ? AND tag = ?")                                     \
    X(PARAM_NAMES, "SELECT DISTINCT p.key FROM run r, json_each(r.params) p ORDER BY p.key")       \
    X(MEASURE_NAMES, "SELECT name FROM metric ORDER BY name")                                      \
    X(RUN_MEASURE, "SELECT " STORE_LAST_MEAN("?2", "?1"))                                          \
                                                                                                   \
    X(CELL_ADD, "INSERT INTO cell (id, run, idx, params, replicate) VALUES (?, ?, ?, ?, ?)")       \
    X(CELL_STATE, "SELECT state, rows FROM cell WHERE id = ?")                                     \
    X(CELL_START, "UPDATE cell SET state = 'running', attempts = attempts + 1, rows = 0, "         \
                  "elapsed = 0, error = NULL WHERE id = ?")                                        \
    X(CELL_FINISH, "UPDATE cell SET state = ?2, elapsed = ?3, error = ?4 WHERE id = ?1")           \
    X(CELL_ROWS, "UPDATE cell SET rows = ?2 WHERE id = ?1")                                        \
    X(CELLS_REQUEUE, "UPDATE cell SET state = 'queued' WHERE run = ? AND state = 'running'")       \
    X(CELL_LIST, "SELECT " STORE_CELL_COLUMNS "WHERE run = ? ORDER BY idx LIMIT ? OFFSET ?")       \
    X(CELL_FAILED, "SELECT " STORE_CELL_COLUMNS "WHERE run = ? AND state = 'failed' "              \
                   "ORDER BY idx LIMIT ?")                                                         \
    X(CELL_LEFT, "SELECT idx FROM cell WHERE run = ? AND state <> 'done' ORDER BY idx")            \
    X(CELL_GET, "SELECT " STORE_CELL_COLUMNS "WHERE id = ?")                                       \
    X(CELL_FIRST, "SELECT idx, replicate, params, state FROM cell WHERE run = ? ORDER BY idx")     \
    X(CELL_FROM, "SELECT idx, replicate, params, state FROM cell WHERE run = ? AND idx >= ? "      \
                 "ORDER BY idx")                                                                   \
    X(CELL_BRIEFS, "SELECT state, rows FROM cell WHERE run = ? ORDER BY idx")                      \
    X(CELL_SECOND, "SELECT idx, replicate, params FROM cell WHERE run = ? ORDER BY idx")           \
    X(CELL_EMPTIED, "UPDATE cell SET state = 'queued', rows = 0 WHERE id = ?")                     \
    X(CELL_DELETE, "DELETE FROM cell WHERE id BETWEEN ? AND ?")                                    \
                                                                                                   \
    X(METRIC_FIND, "SELECT id FROM metric WHERE name = ?")                                         \
    X(METRIC_ADD, "INSERT INTO metric (name) VALUES (?)")                                          \
    X(METRIC_NAMES, "SELECT m.id, m.name FROM measure JOIN metric m ON m.id = measure.metric "     \
                    "WHERE measure.run IN (?, ?) GROUP BY m.id ORDER BY m.id")                     \
    X(MEASURE_ADD, "INSERT OR IGNORE INTO measure (run, metric) VALUES (?, ?)")                    \
    X(VALUE_ADD, "INSERT INTO value (cell, seq, metric, value) VALUES (?, ?, ?, ?)")               \
    X(VALUE_FIRST, "SELECT cell, seq, metric, value FROM value WHERE cell BETWEEN ? AND ? "        \
                   "ORDER BY cell, seq, metric")                                                   \
    X(VALUE_BETWEEN,                                                                               \
        "SELECT cell, seq, metric, value FROM value WHERE (cell, seq) >= (?, ?) "                  \
        "AND (cell, seq) <= (?, ?) ORDER BY cell, seq, metric")                                    \
    X(VALUE_SECOND, "SELECT cell, seq, metric, value FROM value WHERE cell BETWEEN ? AND ? "       \
                    "ORDER BY cell, seq, metric")                                                  \
    X(VALUE_AFTER, "SELECT cell, seq FROM value WHERE cell BETWEEN ?1 AND ?2 "                \
                   "ORDER BY cell, seq, metric LIMIT 1 OFFSET ?3")                                 \
    X(VALUE_DELETE_BEFORE,                                                                         \
        "DELETE FROM value WHERE cell >= ?1 AND (cell, seq) < (?2, ?3)")                           \
    X(VALUE_DELETE, "DELETE FROM value WHERE cell BETWEEN ? AND ?")                                \
                                                                                                   \
    X(NOTE_ADD, "INSERT INTO note (run, cell, time, text) VALUES (?, ?, ?, ?)")                    \
    X(NOTE_LIST, "SELECT cell, time, text FROM note WHERE run = ? ORDER BY id LIMIT ?")            \
    X(NOTE_DELETE, "DELETE FROM note WHERE run = ? AND cell = ?")                                  \
    X(NOTE_DELETE_SOME, "DELETE FROM note WHERE id IN "                                            \
                        "(SELECT id FROM note WHERE run = ? LIMIT ?)")                             \
    X(ARTIFACT_DELETE_SOME, "DELETE FROM artifact WHERE id IN "                                    \
                            "(SELECT id FROM artifact WHERE run = ? LIMIT ?)")                     \
    X(ARTIFACT_ADD,                                                                                \
        "INSERT INTO artifact (run, cell, name, type, data) VALUES (?, ?, ?, ?, ?) "               \
        "ON CONFLICT (run, cell, name) DO UPDATE SET type = excluded.type, data = excluded.data")  \
    X(ARTIFACT_LIST, "SELECT cell, name, type, length(data) FROM artifact WHERE run = ? "          \
                     "ORDER BY cell, name")                                                        \
    X(ARTIFACT_GET, "SELECT data FROM artifact WHERE run = ? AND cell = ? AND name = ?")           \
    X(ARTIFACT_DELETE, "DELETE FROM artifact WHERE run = ? AND cell = ?")                          \
                                                                                                   \
    X(CLAIM_ADD, "INSERT INTO claim (run, position, name, text, verdict, estimate, low, high, p, " \
                 "n, test, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                  \
    X(CLAIM_LIST, "SELECT name, text, verdict, estimate, low, high, p, n, test, message "          \
                  "FROM claim WHERE run = ? ORDER BY position")                                    \
    X(CLAIM_DELETE, "DELETE FROM claim WHERE run = ?")                                             \
    X(FIT_PUT, "INSERT INTO fit (run, figure, series, json) VALUES (?, ?, ?, ?) "                  \
               "ON CONFLICT (run, figure, series) DO UPDATE SET json = excluded.json")             \
    X(FIT_GET, "SELECT json FROM fit WHERE run = ? AND figure = ? AND series = ?")                 \
                                                                                                   \
    X(WIDE_GET, "SELECT view, sql FROM wide WHERE experiment = ?")                                 \
    X(WIDE_PUT, "INSERT INTO wide (experiment, view, sql) VALUES (?, ?, ?) "                       \
                "ON CONFLICT (experiment) DO UPDATE SET view = excluded.view, sql = excluded.sql") \
    X(WIDE_DELETE, "DELETE FROM wide WHERE experiment = ?")                                        \
    X(WIDE_TAKEN, "SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE")                     \
    X(WIDE_PARAMS, "SELECT DISTINCT p.key FROM experiment e JOIN run r ON r.experiment = e.id, "   \
                   "json_each(r.params) p WHERE e.name = ? ORDER BY p.key")                        \
    X(WIDE_METRICS, "SELECT DISTINCT m.id, m.name FROM experiment e JOIN run r "                   \
                    "ON r.experiment = e.id JOIN measure ON measure.run = r.id "                   \
                    "JOIN metric m ON m.id = measure.metric WHERE e.name = ? ORDER BY m.id")       \
                                                                                                   \
    X(LOG_FIND, "SELECT id, sha, columns FROM sample_log WHERE name = ?")                          \
    X(LOG_ADD, "INSERT INTO sample_log (name, sha, columns, rows, imported) "                      \
               "VALUES (?, ?, ?, ?, ?) RETURNING id")                                              \
    X(LOG_LIST, "SELECT name, columns, rows, imported FROM sample_log ORDER BY name")              \
    X(LOG_DELETE, "DELETE FROM sample_log WHERE name = ?")                                         \
    X(SAMPLE_ADD, "INSERT INTO sample (log, row, problem, sample, correct, answer, reward, "       \
                  "logprob, tokens, cost, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(SAMPLE_LIST, "SELECT problem, sample, correct, answer, reward, logprob, tokens, cost, text, " \
                   "extra FROM sample WHERE log = ? ORDER BY row")

#endif
