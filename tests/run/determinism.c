/* Every experiment that is shipped gives the same rows, bitwise: with one worker and with four, its
 * cells in order and shuffled, with a cold cache and a warm one, whatever OPENBLAS_NUM_THREADS
 * says, and when every second of its cells was killed and another process resumed the run.
 *
 * Each run is a process of its own, because much that could differ (Lua's hash seed, addresses,
 * OpenBLAS's threads) is settled when a process starts: the program calls itself. */
#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>

/* Parameters that make an experiment small. One that is not here runs its quick preset. */
static const struct {
    const char *name, *settings;
    int64_t replicates;
} small[] = {
    {"saa",
        "method=fixmatch+saa,fixmatch+confidence,flexmatch+saa norm=group,batch unlabelled=224 "
        "steps=6",
        1},
    {"smote", "data=pima amounts=one folds=2 seeds=2", 2},
    {"equitable", "world=unequal,letters budget=600 objective=share,lowest rounds=2", 2},
    {"time-shift", "steps=3 windows=\"0,40\" training=10 samples=21 reference=21", 1},
    {"unified-solver", "nfe=3 evaluations=41 noises=8 fresh=8 reference=50 images=3000", 1},
    {"dpm-solver-pp",
        "scales=1 nfe=6 noises=4 reference=20 samples=20 images_sampled=21 images=3000", 1},
    {"binary-bias",
        "data=chain,lm,power,philox answers=50 batches=5 repetitions=5 steps=60 power_series=5", 2},
    {"monkeys",
        "data=pythia_70m,beta,sat,lm_small problems=3 samples=20 simulated=50 trainings=1 "
        "steps=60 sums=5 attempts=5 resamples=10",
        2},
    {"multilingual", "seed=1,2 problems=4 steps=60 batch=8 temperatures=1", 2},
    {"onebench", "study=complete,missing", 1},
    {"selection", "problems=10 resamples=3 permutations=3 resample_permutations=2", 2},
    {"pointsp",
        "part=sampling,net,descriptor corruptions=four severities=4 clouds=2 train_clouds=1 "
        "test_clouds=1 epochs=1",
        1},
    {"tts-var", "runs=2 images=500 regime=noisy prior=0.4", 1},
};

enum { MOST_SETTINGS = 32, MOST_EXPERIMENTS = 128 };

/* ---- the process of a run ---- */

static int forks; /* whether and how many cells were started; -1: none is to be killed */

static void count_fork(void)
{
    forks += forks >= 0;
}

static void die_every_second_time(void)
{
    if (forks > 0 && forks % 2)
        raise(SIGKILL);
}

static const char *stem_of(const char *path)
{
    static char stem[128];
    const char *slash = strrchr(path, '/');
    snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : path);
    stem[strcspn(stem, ".")] = '\0';
    return stem;
}

/* Split "a=1 b=2" in place. */
static size_t read_settings(char *text, assay_setting *settings)
{
    size_t count = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        settings[count++] = (assay_setting){word, equals + 1};
    }
    return count;
}

/* argv: FILE or the number of a run to resume, DATABASE, WORKERS, ORDER, and "killing" when every
 * second cell is to die. */
static int be_a_run(int argc, char **argv)
{
    char text[512] = "";
    assay_setting settings[MOST_SETTINGS];
    assay_run_options options = {.database = argv[2],
        .workers = atoi(argv[3]),
        .order_seed = strtoull(argv[4], NULL, 10),
        .replicates = 2,
        .seed = 1,
        .quiet = true,
        .preset = "quick",
        .settings = settings};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (strcmp(small[i].name, stem_of(argv[1])) == 0) {
            snprintf(text, sizeof text, "%s", small[i].settings);
            options.preset = NULL;
            options.replicates = small[i].replicates;
        }
    options.setting_count = read_settings(text, settings);
    forks = argc > 5 ? 0 : -1;
    pthread_atfork(count_fork, NULL, die_every_second_time);
    int64_t run = atoi(argv[1]);
    assay_run_state state;
    int status = run ? assay_run_resume(run, &options, &state)
                     : assay_run_start(argv[1], &options, &run, &state);
    if (status)
        printf("# %s: %s\n", argv[1], assay_errmsg());
    fflush(stdout);
    return status ? 1 : 10 + (int)state;
}

/* ---- the test ---- */

typedef struct way {
    const char *file, *workers, *order, *threads, *cache;
    bool killing;
} way;

/* A run in another process; its state. */
static int run_apart(const way *how)
{
    char home[96];
    snprintf(home, sizeof home, "%s/%s", directory, how->cache);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        unsetenv("OPENBLAS_NUM_THREADS");
        if (how->threads)
            setenv("OPENBLAS_NUM_THREADS", how->threads, 1);
        setenv("XDG_CACHE_HOME", home, 1);
        execl("/proc/self/exe", "determinism", how->file, database, how->workers, how->order,
            how->killing ? "killing" : NULL, NULL);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) - 10;
}

/* Print why cells failed; was it for want of images that not every machine has? */
static bool lacks_data(int64_t run)
{
    assay_store *store = open_store();
    assay_cell_list cells;
    bool lacks = false;
    expect_ok(assay_store_cells(store, run, 0, 0, &cells));
    for (size_t i = 0; i < cells.count; i++)
        if (cells.cells[i].error) {
            lacks = lacks || strstr(cells.cells[i].error, "dataset-fashion-mnist");
            if (!strstr(cells.cells[i].error, "signal 9"))
                printf("# cell %zu: %s\n", i, cells.cells[i].error);
        }
    assay_cell_list_free(&cells);
    assay_store_close(store);
    return lacks;
}

static void rows_are_the_same_in_every_way(void **state)
{
    const char *file = *state;
    static const way ways[] = {{.workers = "1", .order = "0", .cache = "one"},
        {.workers = "4", .order = "7", .threads = "3", .cache = "other"},
        {.workers = "2", .order = "8", .threads = "2", .cache = "one", .killing = true}};
    for (int i = 0; i < 3; i++) {
        way how = ways[i];
        how.file = file;
        int end = run_apart(&how);
        if (end == ASSAY_RUN_FAILED && lacks_data(i + 1))
            skip();
        assert_int_equal(end, how.killing ? ASSAY_RUN_FAILED : ASSAY_RUN_DONE);
    }
    assert_int_equal(run_apart(&(way){.file = "3", .workers = "2", .order = "9", .cache = "other"}),
        ASSAY_RUN_DONE);
    expect_equal_rows(1, 2);
    expect_equal_rows(1, 3);
    assay_run_info info = get_info(3);
    assert_true(info.rows > 0);
    assay_run_info_clear(&info);
}

/* ---- the experiments ---- */

static struct CMUnitTest tests[MOST_EXPERIMENTS];
static size_t test_count;

static int add_experiment(const char *path, const struct stat *s, int flag, struct FTW *ftw)
{
    (void)s, (void)ftw;
    const char *dot = strrchr(path, '.');
    if (flag != FTW_F || !dot || strcmp(dot, ".lua") != 0)
        return 0;
    assert_true(test_count < MOST_EXPERIMENTS);
    tests[test_count++] = (struct CMUnitTest){.name = strdup(stem_of(path)),
        .test_func = rows_are_the_same_in_every_way,
        .setup_func = make_directory,
        .teardown_func = remove_directory,
        .initial_state = strdup(path)};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return be_a_run(argc, argv);
    char path[4096], sets[4200];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/experiments", srcdir ? srcdir : ".");
    snprintf(sets, sizeof sets, "%s/data", path);
    setenv("ASSAY_DATA", sets, 1);
    if (nftw(path, add_experiment, 16, FTW_PHYS))
        return 99;
    qsort(tests, test_count, sizeof *tests, by_name);
    const char *only = getenv("ASSAY_TEST_FILTER"); /* a name: nothing else is tested */
    if (only)
        cmocka_set_test_filter(only);
    return _cmocka_run_group_tests("determinism", tests, test_count, NULL, NULL);
}
