/* assay gc: the cache of what experiments build, and the database, made smaller. */
#include "cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/status.h"

static const uint64_t usual_size = (uint64_t)4 << 30;

static void size_text(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* What deleted runs have left in it. */
static int compact(const char *option)
{
    assay_store *store;
    const char *path = cli_database(option);
    int64_t freed;
    bool at_work;
    char text[32];
    if (!option && access(path, F_OK))
        return CLI_DONE; /* there is none, and none was asked for */
    int status = cli_open(option, ASSAY_STORE_WRITE, &store);
    if (status)
        return status;
    if (assay_store_compact(store, &at_work, &freed)) {
        assay_store_close(store);
        return cli_failed();
    }
    assay_store_close(store);
    size_text((uint64_t)freed, text, sizeof text);
    if (at_work)
        printf("%s: a run is at work on it, so it stays as large as it is\n", path);
    else
        printf("%s: %s given back\n", path, text);
    return CLI_DONE;
}

static int gc(const cli_command *self, int argc, char **argv)
{
    uint64_t limit = usual_size;
    const char *database = NULL;
    const cli_option options[] = {
        {"cache-size", 's', CLI_SIZE, "SIZE", "what may stay: 500M, 2G, 0 for nothing (default 4G)",
            &limit},
        CLI_DB(&database), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage_error(self, "takes no operand, got \"%s\"", argv[first]);
    char directory[PATH_MAX], freed[32], left[32];
    assay_cache_trimmed done;
    if (assay_cache_directory(directory, sizeof directory) ||
        assay_cache_trim(directory, limit, &done))
        return cli_failed();
    size_text(done.freed, freed, sizeof freed);
    size_text(done.left, left, sizeof left);
    printf("%s: %zu of %zu entries removed, %s freed, %s left", directory, done.removed,
        done.entries, freed, left);
    if (done.busy)
        printf(" (%zu in use)", done.busy);
    printf("\n");
    return compact(database);
}

const cli_command cli_gc = {"gc", "", "Limit the cache of what experiments build; give room back",
    "Removes entries, the least recently used first, until the rest is no larger than SIZE. What "
    "is\n"
    "in use stays. A run that needs a removed entry builds it again. What deleted runs have left "
    "in the\n"
    "database goes back to the file system when it is a quarter of the file and no run is at work.",
    gc};
