/* Checking a stored run's claims again, in a process that the caller outlives whatever a check
 * does. */
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "run/claims.h"
#include "run/pool.h"
#include "run/run.h"

typedef struct check {
    assay_experiment *experiment;
    const assay_table *rows;
    uint64_t seed;
    char *json, *error; /* one of them, at the end */
    bool stopped;
} check;

static int work(void *context, int64_t cell, assay_frame_writer *out)
{
    (void)cell;
    check *self = context;
    const char *json;
    int status = assay_experiment_check_claims(self->experiment, self->rows, self->seed, &json);
    return status ? status : assay_frame_result(out, json);
}

static void interrupt(void *context, const char *reason)
{
    assay_experiment_interrupt(((check *)context)->experiment, reason);
}

static int on_frame(void *context, int64_t cell, assay_frame *frame)
{
    (void)cell;
    check *self = context;
    if (frame->kind != ASSAY_FRAME_RESULT)
        return ASSAY_OK;
    free(self->json);
    self->json = strndup((const char *)frame->payload, frame->size);
    return self->json ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory for verdicts");
}

static int on_line(void *context, int64_t cell, const char *line)
{
    (void)context, (void)cell, (void)line;
    return ASSAY_OK;
}

static int on_end(
    void *context, int64_t cell, assay_pool_outcome outcome, double elapsed, const char *error)
{
    (void)cell, (void)elapsed;
    check *self = context;
    self->stopped = outcome == ASSAY_POOL_STOPPED;
    if (outcome == ASSAY_POOL_DONE)
        return ASSAY_OK;
    self->error = strdup(error);
    return self->error ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory");
}

/* The check in its process, to its end. */
static int run_check(check *self)
{
    assay_pool_calls calls = {self, work, interrupt, on_frame, on_line, on_end};
    assay_pool_limits none = {0};
    assay_pool *pool;
    int status = assay_pool_open(1, &calls, NULL, &pool);
    if (!status)
        status = assay_pool_start(pool, 0, &none);
    while (!status && assay_pool_busy(pool)) {
        status = assay_pool_step(pool, 60);
        if (!status && assay_pool_signal(pool))
            assay_pool_stop(pool);
    }
    assay_pool_close(pool);
    if (!status && self->stopped)
        return assay_fail(ASSAY_ECANCELLED, "cancelled");
    return status;
}

static int open_run(assay_store *store, int64_t run, check *self, char **describe)
{
    assay_run_info info;
    char *script = NULL;
    int status = assay_store_run_get(store, run, &info);
    if (status)
        return status;
    status = assay_store_run_script(store, run, &script);
    if (!status)
        status = assay_store_run_describe(store, run, describe);
    if (!status)
        status = assay_experiment_open(info.path, script, ASSAY_LOAD_RUN, &self->experiment);
    if (!status)
        status = assay_experiment_plan_restore(self->experiment, info.params, info.replicates);
    self->seed = info.seed;
    free(script);
    assay_run_info_clear(&info);
    return status;
}

static int put_verdicts(assay_store *store, int64_t run, const check *self, const char *describe)
{
    assay_claim_list list = {0};
    int status =
        self->json && !self->error
            ? assay_claims_parse(self->json, &list)
            : assay_claims_failed(describe, self->error ? self->error : "no verdict came", &list);
    if (!status)
        status = assay_store_claims_put(store, run, &list);
    assay_claim_list_clear(&list);
    return status;
}

int assay_run_check_claims(assay_store *store, int64_t run)
{
    check self = {0};
    char *describe = NULL;
    assay_table *rows = NULL;
    int status = open_run(store, run, &self, &describe);
    if (!status)
        status = assay_store_rows(store, run, NULL, 0, &rows);
    self.rows = rows;
    if (!status)
        status = run_check(&self);
    if (!status)
        status = put_verdicts(store, run, &self, describe);
    assay_table_free(rows);
    assay_experiment_close(self.experiment);
    free(describe);
    free(self.json);
    free(self.error);
    return status;
}
