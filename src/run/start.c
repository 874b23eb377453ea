/*
 * Starting, resuming and reproducing runs: each makes a launch (an experiment with its plan, a
 * store, a run, its cells), claims the run, and hands it to the coordinator.
 */
#include "run/run.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/rng.h"
#include "core/status.h"
#include "run/claims.h"
#include "run/coordinator.h"
#include "run/detach.h"
#include "run/machine.h"

enum { CELLS_AT_ONCE = 20000 }; /* made in one transaction: about 0.1 s */

/* Everything that a run needs, from whichever of the three it came. */
struct launch {
    const char *file; /* start: the experiment's file */
    int64_t of;       /* resume, reproduce: the stored run */
    const assay_run_options *options;
    assay_experiment *experiment;
    assay_store *store;
    int64_t run, *cells, before;
    int64_t left; /* cells that are not done and not asked for */
    size_t cell_count;
    uint64_t seed;
    assay_run_info info; /* of the stored run */
    assay_run_state state;
};

static void launch_close(struct launch *launch)
{
    free(launch->cells);
    assay_run_info_clear(&launch->info);
    assay_experiment_close(launch->experiment);
    assay_store_close(launch->store);
}

static int choose_workers(const assay_run_options *options)
{
    return options->workers > 0 ? options->workers : assay_machine_cores();
}

static int check_options(const assay_run_options *options)
{
    if (!options->database)
        return assay_fail(ASSAY_EINVAL, "a run needs a database");
    if (options->workers < 0 || options->workers > 4096)
        return assay_fail(
            ASSAY_EINVAL, "workers must be in 0..4096 (0: one a core), got %d", options->workers);
    if (!(options->cell_time >= 0))
        return assay_fail(ASSAY_EINVAL, "a cell's time limit must be at least 0 seconds, got %g",
            options->cell_time);
    return ASSAY_OK;
}

/* The slugs of a declaration, joined by commas; NULL when there is none. The caller frees. */
static char *join_methods(const json_t *methods)
{
    char text[1024] = "";
    size_t i, used = 0;
    json_t *slug;
    json_array_foreach(methods, i, slug)
    {
        const char *name = json_string_value(slug);
        if (name && used + strlen(name) + 2 < sizeof text)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? "," : "", name);
    }
    return used ? strdup(text) : NULL;
}

/* Cells that the run does not have yet: at most `most`, so that other writers get their turn. */
static int create_cells(struct launch *launch, int64_t *made, int64_t most)
{
    int64_t count = assay_experiment_cells(launch->experiment);
    int64_t end = count - *made > most ? *made + most : count;
    int status = ASSAY_OK;
    for (int64_t i = *made; i < end && !status; i++) {
        const char *params;
        int64_t replicate;
        status = assay_experiment_cell(launch->experiment, i, &params, &replicate);
        if (!status)
            status = assay_store_cell_create(launch->store, launch->run, i, params, replicate);
    }
    *made = end;
    return status;
}

/* Within a transaction that is open: end it as the status says. */
static int end_transaction(struct launch *launch, int status)
{
    if (!status)
        status = assay_store_commit(launch->store);
    if (status)
        assay_store_rollback(launch->store);
    return status;
}

static int create_more(struct launch *launch, int64_t *made)
{
    assay_store_give_way();
    int status = assay_store_begin(launch->store);
    return status ? status : end_transaction(launch, create_cells(launch, made, CELLS_AT_ONCE));
}

/* The run with its first cells in one transaction, the others in as many as it takes: what a kill
 * leaves is a run that never started, whose cells a resume completes. */
static int create_stored(struct launch *launch, const assay_run_new *new_run)
{
    char message[1024];
    int64_t made = 0;
    int status = assay_store_begin(launch->store);
    if (status)
        return status;
    status = assay_store_run_create(launch->store, new_run, &launch->run);
    if (!status)
        status = create_cells(launch, &made, CELLS_AT_ONCE);
    status = end_transaction(launch, status);
    if (status)
        return status;
    while (!status && made < assay_experiment_cells(launch->experiment))
        status = create_more(launch, &made);
    if (!status)
        return ASSAY_OK;
    snprintf(message, sizeof message, "%s", assay_errmsg());
    (void)assay_store_run_finish(launch->store, launch->run, ASSAY_RUN_INTERRUPTED, 0, message);
    return assay_fail(status, "run %lld was stopped: %s; 'assay resume %lld' goes on with it",
        (long long)launch->run, message, (long long)launch->run);
}

/* A new run of the planned experiment. */
static int create_run(struct launch *launch, const char *path, const char *preset)
{
    assay_experiment *experiment = launch->experiment;
    const char *describe = assay_experiment_describe(experiment);
    json_t *declaration = describe ? json_loads(describe, 0, NULL) : NULL;
    char *method = join_methods(json_object_get(declaration, "method"));
    char *versions = assay_machine_versions();
    assay_run_new new_run = {
        .experiment = assay_experiment_name(experiment),
        .path = path,
        .method = method,
        .script = assay_experiment_script(experiment),
        .preset = preset,
        .params = assay_experiment_params(experiment),
        .describe = describe,
        .versions = versions,
        .seed = launch->seed,
        .replicates = assay_experiment_replicates(experiment),
        .workers = choose_workers(launch->options),
    };
    int status = declaration && versions
                     ? create_stored(launch, &new_run)
                     : assay_fail(ASSAY_ENOMEM, "not enough memory for a run's description");
    free(method);
    free(versions);
    json_decref(declaration);
    return status;
}

/* The cells that are not done: after the claim, so that no other process changes them. */
static int list_cells(struct launch *launch)
{
    size_t count;
    const assay_run_options *options = launch->options;
    int status = assay_store_cells_left(launch->store, launch->run, &launch->cells, &count);
    if (status)
        return status;
    launch->before = assay_experiment_cells(launch->experiment) - (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!options->one_cell || launch->cells[i] == options->cell)
            launch->cells[launch->cell_count++] = launch->cells[i];
        else
            launch->left++;
    }
    return ASSAY_OK;
}

/* Fisher-Yates. */
static void shuffle_cells(struct launch *launch)
{
    assay_rng rng = assay_rng_seed(launch->options->order_seed);
    for (size_t i = launch->cell_count; i > 1; i--) {
        size_t j = (size_t)assay_rng_below(&rng, i);
        int64_t swapped = launch->cells[i - 1];
        launch->cells[i - 1] = launch->cells[j];
        launch->cells[j] = swapped;
    }
}

/* ---- the three beginnings ---- */

static int prepare_start(struct launch *launch)
{
    const assay_run_options *options = launch->options;
    char absolute[PATH_MAX];
    launch->seed = options->seed;
    int status = assay_experiment_open(launch->file, NULL, ASSAY_LOAD_RUN, &launch->experiment);
    if (!status)
        status = assay_experiment_plan(launch->experiment, options->preset, options->settings,
            options->setting_count, options->replicates);
    if (!status)
        status = assay_store_open(options->database, ASSAY_STORE_CREATE, &launch->store);
    if (status)
        return status;
    const char *path = realpath(launch->file, absolute) ? absolute : launch->file;
    return create_run(launch, path, options->preset);
}

/* Open the store, and the stored experiment with its stored plan. */
static int open_stored(struct launch *launch)
{
    char *script = NULL;
    int status = assay_store_open(launch->options->database, ASSAY_STORE_WRITE, &launch->store);
    if (!status)
        status = assay_store_run_get(launch->store, launch->of, &launch->info);
    if (!status)
        status = assay_store_run_script(launch->store, launch->of, &script);
    if (!status)
        status =
            assay_experiment_open(launch->info.path, script, ASSAY_LOAD_RUN, &launch->experiment);
    if (!status)
        status = assay_experiment_plan_restore(
            launch->experiment, launch->info.params, launch->info.replicates);
    free(script);
    launch->seed = launch->info.seed;
    return status;
}

/* A run that was killed while its cells were made never started, and lacks some. In one
 * transaction: whoever else resumes it waits, and finds them made. */
static int complete_cells(struct launch *launch)
{
    assay_run_info now;
    int64_t planned = assay_experiment_cells(launch->experiment);
    if (launch->info.started > 0 || launch->info.cells >= planned)
        return ASSAY_OK;
    int status = assay_store_begin(launch->store);
    if (status)
        return status;
    status = assay_store_run_get(launch->store, launch->run, &now);
    if (!status && now.state == ASSAY_RUN_QUEUED)
        status = assay_fail(ASSAY_EBUSY,
            "run %lld belongs to process %lld on %s, which still makes "
            "its cells",
            (long long)launch->run, (long long)now.pid, now.host);
    int64_t made = status ? planned : now.cells;
    if (!status)
        status = create_cells(launch, &made, planned);
    launch->info.cells = planned;
    assay_run_info_clear(&now);
    return end_transaction(launch, status);
}

static int check_plan(const struct launch *launch)
{
    int64_t planned = assay_experiment_cells(launch->experiment);
    if (planned != launch->info.cells)
        return assay_fail(ASSAY_EFORMAT,
            "run %lld has %lld cells, but its stored script makes %lld: it depends on something "
            "that has changed since",
            (long long)launch->run, (long long)launch->info.cells, (long long)planned);
    return ASSAY_OK;
}

static int check_cell(const struct launch *launch)
{
    assay_cell_info cell;
    if (!launch->options->one_cell)
        return ASSAY_OK;
    int status = assay_store_cell_get(launch->store, launch->run, launch->options->cell, &cell);
    if (status)
        return status;
    if (cell.state == ASSAY_CELL_DONE)
        status = assay_fail(ASSAY_EINVAL, "cell %lld of run %lld is done already",
            (long long)cell.index, (long long)launch->run);
    assay_cell_info_clear(&cell);
    return status;
}

static int prepare_resume(struct launch *launch)
{
    int status = open_stored(launch);
    launch->run = launch->of;
    if (!status)
        status = complete_cells(launch);
    if (!status)
        status = check_plan(launch);
    return status ? status : check_cell(launch);
}

static int prepare_reproduce(struct launch *launch)
{
    int status = open_stored(launch);
    return status ? status : create_run(launch, launch->info.path, launch->info.preset);
}

/* ---- from there on ---- */

static assay_pool_limits choose_limits(const struct launch *launch, int workers)
{
    const assay_run_options *options = launch->options;
    json_t *declaration = json_loads(assay_experiment_describe(launch->experiment), 0, NULL);
    const json_t *declared = json_object_get(declaration, "limits");
    double time = json_number_value(json_object_get(declared, "time"));
    double memory = json_number_value(json_object_get(declared, "memory"));
    json_decref(declaration);
    uint64_t fair = assay_machine_memory() / 5 * 4 / (uint64_t)workers;
    return (assay_pool_limits){
        .time = options->cell_time > 0 ? options->cell_time : time,
        .memory = options->cell_memory ? options->cell_memory
                  : memory > 0         ? (uint64_t)memory
                                       : fair,
    };
}

static int claim(struct launch *launch, int workers)
{
    int status = assay_store_run_claim(launch->store, launch->run, workers);
    if (status)
        return status;
    status = list_cells(launch);
    if (status)
        (void)assay_store_run_finish(
            launch->store, launch->run, ASSAY_RUN_INTERRUPTED, 0, "not enough memory");
    else if (launch->options->order_seed)
        shuffle_cells(launch);
    return status;
}

static int coordinate(struct launch *launch, int report, const sigset_t *held)
{
    int workers = choose_workers(launch->options);
    int status = claim(launch, workers);
    if (status)
        return status;
    if (report >= 0)
        assay_detached(report, launch->run);
    assay_coordination what = {
        .experiment = launch->experiment,
        .store = launch->store,
        .run = launch->run,
        .seed = launch->seed,
        .cells = launch->cells,
        .cell_count = launch->cell_count,
        .total = assay_experiment_cells(launch->experiment),
        .before = launch->before,
        .left = launch->left,
        .left_as = launch->info.state,
        .workers = workers,
        .limits = choose_limits(launch, workers),
        .show_progress = report < 0 && !launch->options->quiet && isatty(STDERR_FILENO),
        .held = held,
    };
    return assay_coordinate(&what, &launch->state);
}

/* Whoever sees the run as running may tell its process to stop, and be heard. */
static int hold_and_coordinate(struct launch *launch, int report)
{
    sigset_t held;
    assay_pool_hold(&held);
    const int status = coordinate(launch, report, &held);
    sigprocmask(SIG_SETMASK, &held, NULL);
    return status;
}

static bool is_complete(const struct launch *launch)
{
    return launch->of && launch->run == launch->of && launch->info.state == ASSAY_RUN_DONE;
}

typedef struct beginning {
    struct launch *launch;
    int (*prepare)(struct launch *launch);
} beginning;

/* The whole of it; `report` is the detached process's pipe, or -1. */
static int begin_and_run(void *context, int report)
{
    const beginning *begin = context;
    struct launch *launch = begin->launch;
    int status = begin->prepare(launch);
    if (!status && is_complete(launch)) {
        launch->state = ASSAY_RUN_DONE;
        if (report >= 0)
            assay_detached(report, launch->run);
    } else if (!status) {
        status = hold_and_coordinate(launch, report);
    }
    return status;
}

static int begin(struct launch *launch, int (*prepare)(struct launch *))
{
    beginning how = {launch, prepare};
    const assay_run_options *options = launch->options;
    int status = check_options(options);
    if (status)
        return status;
    if (!options->detach)
        return begin_and_run(&how, -1);
    if (assay_machine_has_open(options->database))
        return assay_fail(ASSAY_EBUSY,
            "%s is open in this process: it must be closed while a run is detached",
            options->database);
    launch->state = ASSAY_RUN_RUNNING;
    return assay_detach(begin_and_run, &how, options->quiet, &launch->run);
}

int assay_run_start(
    const char *file, const assay_run_options *options, int64_t *run, assay_run_state *state)
{
    struct launch launch = {.file = file, .options = options, .state = ASSAY_RUN_INTERRUPTED};
    int status = begin(&launch, prepare_start);
    *run = launch.run;
    *state = launch.state;
    launch_close(&launch);
    return status;
}

int assay_run_resume(int64_t run, const assay_run_options *options, assay_run_state *state)
{
    struct launch launch = {.of = run, .options = options, .state = ASSAY_RUN_INTERRUPTED};
    int status = begin(&launch, prepare_resume);
    *state = launch.state;
    launch_close(&launch);
    return status;
}

/* Add the likely cause to what is known of the first difference. */
static void add_cause(const struct launch *launch, char *difference, size_t size)
{
    char cause[1024];
    size_t used = strlen(difference);
    char *now = assay_machine_versions();
    if (now && launch->info.versions) {
        assay_machine_cause(launch->info.versions, now, cause, sizeof cause);
        snprintf(difference + used, size - used, "\nlikely cause: %s", cause);
    }
    free(now);
}

int assay_run_reproduce(int64_t run, const assay_run_options *options, int64_t *again, bool *equal,
    char *difference, size_t size)
{
    struct launch launch = {.of = run, .options = options, .state = ASSAY_RUN_INTERRUPTED};
    *equal = false;
    if (options->detach)
        return assay_fail(
            ASSAY_EINVAL, "a reproduction is compared at its end: it can't be detached");
    int status = begin(&launch, prepare_reproduce);
    *again = launch.run;
    if (!status && launch.state == ASSAY_RUN_CANCELLED)
        status = assay_fail(ASSAY_ECANCELLED, "run %lld, which reproduces run %lld, was cancelled",
            (long long)launch.run, (long long)run);
    if (!status)
        status = assay_store_rows_compare(launch.store, run, launch.run, equal, difference, size);
    if (!status && !*equal)
        add_cause(&launch, difference, size);
    launch_close(&launch);
    return status;
}

/* ---- cancelling ---- */

/* Ask by signal too, where the process is near: it hears that at once. */
static int ask(assay_store *store, int64_t run)
{
    assay_run_info info;
    char host[256] = "";
    int status = assay_store_run_request_cancel(store, run);
    if (!status)
        status = assay_store_run_get(store, run, &info);
    if (status)
        return status;
    gethostname(host, sizeof host - 1);
    if (info.state == ASSAY_RUN_RUNNING && info.pid > 1 && info.host && !strcmp(info.host, host))
        kill((pid_t)info.pid, SIGTERM);
    assay_run_info_clear(&info);
    return ASSAY_OK;
}

static int await_end(assay_store *store, int64_t run, double wait)
{
    double until = assay_monotonic() + wait;
    for (;;) {
        assay_run_info info;
        int status = assay_store_run_get(store, run, &info);
        if (status)
            return status;
        bool ended = info.state != ASSAY_RUN_RUNNING && info.state != ASSAY_RUN_QUEUED;
        long long pid = info.pid;
        assay_run_info_clear(&info);
        if (ended)
            return ASSAY_OK;
        if (assay_monotonic() >= until)
            return assay_fail(ASSAY_EBUSY,
                "run %lld was asked to stop, but its process %lld has not ended within %g s",
                (long long)run, pid, wait);
        usleep(20000);
    }
}

int assay_run_cancel(const char *database, int64_t run, double wait)
{
    assay_store *store;
    int status = assay_store_open(database, ASSAY_STORE_WRITE, &store);
    if (status)
        return status;
    status = ask(store, run);
    if (!status && wait > 0)
        status = await_end(store, run, wait);
    assay_store_close(store);
    return status;
}
