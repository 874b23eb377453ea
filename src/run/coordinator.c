/*
 * One loop: hand out cells, step the pool, write what has come, once a second say that we live and
 * look whether somebody wants us to stop.
 *
 * At the run's end its claims are checked in a process of the pool too: a check is a script like
 * any cell, and may loop, crash or be cancelled.
 */
#include "run/coordinator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/status.h"
#include "run/batch.h"
#include "run/claims.h"
#include "run/imported.h"

enum {
    BATCH_SIZE = 256 << 10, /* small, so that cells go on meanwhile */
    FORK_TRIES = 100,
    CLAIMS = -1 /* the "cell" that checks the claims */
};

static const double batch_time = 0.1, heartbeat_time = 1.0, line_time = 0.1; /* seconds */

typedef struct coordinator {
    const assay_coordination *what;
    assay_pool *pool;
    assay_batch batch;
    size_t next;
    int refused; /* times in a row that no process could be had */
    int64_t done, failed, rows;
    int64_t *seq; /* rows of each cell that runs, by cell */
    double began, beat_at, line_at;
    bool stopping;
    const assay_table *table; /* for the claims */
    char *claims;             /* their JSON */
    char *claims_error;
} coordinator;

/* ---- in the cell's process ---- */

static int check_claims(coordinator *self, assay_frame_writer *out)
{
    const char *json;
    int status =
        assay_experiment_check_claims(self->what->experiment, self->table, self->what->seed, &json);
    return status ? status : assay_frame_result(out, json);
}

static int work(void *context, int64_t cell, assay_frame_writer *out)
{
    coordinator *self = context;
    if (cell == CLAIMS)
        return check_claims(self, out);
    assay_cell_sink sink = assay_frame_sink(out);
    out->database = assay_store_path(self->what->store);
    sink.samples = assay_imported_samples;
    return assay_experiment_run_cell(self->what->experiment, cell, self->what->seed, &sink);
}

static void interrupt(void *context, const char *reason)
{
    assay_experiment_interrupt(((coordinator *)context)->what->experiment, reason);
}

/* ---- what comes from cells ---- */

static int flush(coordinator *self)
{
    return assay_batch_flush(&self->batch, assay_pool_names(self->pool));
}

static int flush_when_large(coordinator *self, int status)
{
    return status || self->batch.events.size < BATCH_SIZE ? status : flush(self);
}

static int keep_result(coordinator *self, const assay_frame *frame)
{
    free(self->claims);
    self->claims = strndup((const char *)frame->payload, frame->size);
    return self->claims ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory for verdicts");
}

static int on_frame(void *context, int64_t cell, assay_frame *frame)
{
    coordinator *self = context;
    int status = ASSAY_OK;
    if (frame->kind == ASSAY_FRAME_RESULT && cell == CLAIMS) {
        status = keep_result(self, frame);
    } else if (frame->kind == ASSAY_FRAME_ROW && cell != CLAIMS) {
        status = assay_batch_row(&self->batch, cell, self->seq[cell]++, frame);
        self->rows++;
    } else if (frame->kind == ASSAY_FRAME_NOTE) {
        status = assay_batch_note(&self->batch, cell, (const char *)frame->payload, frame->size);
    } else if (frame->kind == ASSAY_FRAME_ARTIFACT && cell != CLAIMS) {
        status = assay_batch_artifact(&self->batch, cell, frame);
    }
    return flush_when_large(self, status);
}

static int on_line(void *context, int64_t cell, const char *line)
{
    coordinator *self = context;
    return flush_when_large(self, assay_batch_note(&self->batch, cell, line, strlen(line)));
}

static int end_claims(coordinator *self, assay_pool_outcome outcome, const char *error)
{
    if (outcome == ASSAY_POOL_DONE)
        return ASSAY_OK;
    free(self->claims);
    self->claims = NULL;
    self->claims_error = strdup(error);
    return self->claims_error ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory");
}

static int on_end(
    void *context, int64_t cell, assay_pool_outcome outcome, double elapsed, const char *error)
{
    coordinator *self = context;
    if (cell == CLAIMS)
        return end_claims(self, outcome, error);
    if (outcome == ASSAY_POOL_STOPPED)
        return ASSAY_OK; /* the run's end puts it back among the queued */
    bool done = outcome == ASSAY_POOL_DONE;
    self->done += done;
    self->failed += !done;
    return assay_batch_finish(
        &self->batch, cell, done ? ASSAY_CELL_DONE : ASSAY_CELL_FAILED, elapsed, error);
}

/* ---- the loop ---- */

static int hand_out(coordinator *self)
{
    int status = ASSAY_OK;
    while (!status && self->next < self->what->cell_count && assay_pool_idle(self->pool)) {
        int64_t cell = self->what->cells[self->next];
        status = assay_pool_start(self->pool, cell, &self->what->limits);
        if (status == ASSAY_EBUSY && self->refused++ < FORK_TRIES) {
            usleep(assay_pool_busy(self->pool) ? 0 : 100000);
            return ASSAY_OK; /* perhaps when a process, ours or another, has ended */
        }
        if (status)
            return status;
        self->refused = 0;
        self->next++;
        self->seq[cell] = 0;
        status = assay_batch_start(&self->batch, cell);
    }
    return status;
}

static void stop(coordinator *self)
{
    self->stopping = true;
    assay_pool_stop(self->pool);
}

static int beat(coordinator *self, double now)
{
    bool cancel = false;
    self->beat_at = now + heartbeat_time;
    int status = assay_store_check_file(self->what->store);
    if (!status)
        status = assay_store_run_heartbeat(self->what->store, self->what->run, &cancel);
    if (!status && cancel && !self->stopping)
        stop(self);
    return status;
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static void show_line(coordinator *self, double now)
{
    self->line_at = now + line_time;
    double elapsed = now - self->began;
    double here = (double)(self->done + self->failed) + assay_pool_progress(self->pool);
    double left = (double)self->what->cell_count - here;
    assay_progress_line line = {
        .finished = (double)self->what->before + here,
        .done = self->what->before + self->done,
        .failed = self->failed,
        .cells = self->what->total,
        .rate = elapsed > 0 ? (double)self->rows / elapsed : -1,
        .eta = here > 0 ? elapsed * left / here : -1,
        .took = -1,
    };
    char text[256];
    assay_progress_format(&line, terminal_width(), text, sizeof text);
    dprintf(STDERR_FILENO, "\r%s\033[K", text);
}

static double next_wait(const coordinator *self, double now)
{
    double until = fmin(self->beat_at, self->batch.since + batch_time);
    if (self->what->show_progress)
        until = fmin(until, self->line_at);
    return fmax(until - now, 0);
}

static int attend(coordinator *self)
{
    double now = assay_monotonic();
    int status = ASSAY_OK;
    if (assay_pool_signal(self->pool) && !self->stopping)
        stop(self);
    if (now >= self->batch.since + batch_time)
        status = flush(self);
    if (!status && now >= self->beat_at)
        status = beat(self, now);
    if (!status && self->what->show_progress && now >= self->line_at)
        show_line(self, now);
    return status;
}

static bool has_work(const coordinator *self)
{
    return assay_pool_busy(self->pool) || (!self->stopping && self->next < self->what->cell_count);
}

static int loop(coordinator *self)
{
    int status = attend(self);
    while (!status && has_work(self)) {
        if (!self->stopping)
            status = hand_out(self);
        if (!status)
            status = assay_pool_step(self->pool, next_wait(self, assay_monotonic()));
        if (!status)
            status = attend(self);
    }
    return status ? status : flush(self);
}

/* ---- the run's end ---- */

static int put_claims(coordinator *self, const char *describe)
{
    assay_claim_list list = {0};
    int status = self->claims
                     ? assay_claims_parse(self->claims, &list)
                     : assay_claims_failed(describe,
                           self->claims_error ? self->claims_error : "no verdict came", &list);
    if (!status)
        status = assay_store_claims_put(self->what->store, self->what->run, &list);
    assay_claim_list_clear(&list);
    return status;
}

/* All rows, for a check may ask for any: 9 bytes a value, and as much for each parameter of a row.
 * Where they don't fit, the claims can't be checked; the run is as good as ever. */
static int read_rows(coordinator *self, assay_table **rows)
{
    char text[512];
    int status = assay_store_rows(self->what->store, self->what->run, NULL, 0, rows);
    if (status != ASSAY_ENOMEM)
        return status;
    snprintf(text, sizeof text,
        "the run's rows do not fit in memory (%s): log fewer rows or measures, or check the claims "
        "where there is more ('assay claims RUN --again')",
        assay_errmsg());
    self->claims_error = strdup(text);
    return self->claims_error ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory");
}

static int check_in_process(coordinator *self)
{
    static const assay_pool_limits none = {0};
    int status = assay_pool_start(self->pool, CLAIMS, &none);
    return status ? status : loop(self);
}

static int conclude_claims(coordinator *self, const char *describe)
{
    assay_table *rows = NULL;
    int status = read_rows(self, &rows);
    self->table = rows;
    if (!status && rows)
        status = check_in_process(self);
    self->table = NULL;
    assay_table_free(rows);
    if (status || self->stopping)
        return status;
    return put_claims(self, describe);
}

/* Verdicts and fits over the rows that there are. */
static int conclude(coordinator *self)
{
    const char *describe = assay_experiment_describe(self->what->experiment);
    int status = ASSAY_OK;
    if (describe && assay_claims_declared(describe))
        status = conclude_claims(self, describe);
    if (describe && !status && !self->stopping && assay_fits_declared(describe))
        status = assay_fits_store(self->what->store, self->what->run);
    return status;
}

static assay_run_state end_state(const coordinator *self)
{
    if (self->stopping)
        return ASSAY_RUN_CANCELLED;
    if (self->what->left)
        return self->what->left_as;
    return self->failed ? ASSAY_RUN_FAILED : ASSAY_RUN_DONE;
}

static int finish(coordinator *self, assay_run_state *state)
{
    const assay_coordination *what = self->what;
    int status = self->stopping ? ASSAY_OK : conclude(self);
    if (!status)
        status = assay_store_view_refresh(what->store, assay_experiment_name(what->experiment));
    if (!status)
        status = assay_store_run_finish(
            what->store, what->run, end_state(self), assay_monotonic() - self->began, NULL);
    if (!status)
        *state = end_state(self);
    return status;
}

/* The coordinator can't go on. The run says so where the store can still be written; the message is
 * that of the failure, whatever fails on the way. */
static int give_up(coordinator *self, int status)
{
    char message[2048];
    const assay_coordination *what = self->what;
    if (assay_store_check_file(what->store)) /* it explains whatever SQLite said */
        status = ASSAY_EIO;
    snprintf(message, sizeof message, "%s", assay_errmsg());
    bool there = assay_store_check_file(what->store) == ASSAY_OK;
    if (there)
        (void)assay_store_run_finish(what->store, what->run, ASSAY_RUN_INTERRUPTED,
            assay_monotonic() - self->began, message);
    return assay_fail(status, "run %lld was stopped: %s; %s'assay resume %lld' goes on with it",
        (long long)what->run, message, there ? "" : "once the file is back, ",
        (long long)what->run);
}

static int64_t largest_cell(const assay_coordination *what)
{
    int64_t largest = 0;
    for (size_t i = 0; i < what->cell_count; i++)
        largest = what->cells[i] > largest ? what->cells[i] : largest;
    return largest;
}

int assay_coordinate(const assay_coordination *what, assay_run_state *state)
{
    double now = assay_monotonic();
    coordinator self = {.what = what, .began = now, .line_at = now, .beat_at = now};
    assay_pool_calls calls = {&self, work, interrupt, on_frame, on_line, on_end};
    *state = ASSAY_RUN_INTERRUPTED;
    fflush(NULL); /* what is buffered must not be printed again by every cell */
    assay_batch_init(&self.batch, what->store, what->run);
    self.seq = calloc((size_t)largest_cell(what) + 1, sizeof *self.seq);
    int status =
        self.seq ? assay_pool_open(what->workers, &calls, what->held, &self.pool)
                 : assay_fail(ASSAY_ENOMEM, "not enough memory for %zu cells", what->cell_count);
    if (!status)
        status = loop(&self);
    if (!status)
        status = finish(&self, state);
    if (status)
        status = give_up(&self, status);
    if (what->show_progress)
        dprintf(STDERR_FILENO, "\r\033[K");
    assay_pool_close(self.pool);
    assay_batch_free(&self.batch);
    free(self.seq);
    free(self.claims);
    free(self.claims_error);
    return status;
}
