/* The database's side: its file system, the room there, the file, its log and its runs. */
#include "run/doctor.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/status.h"
#include "store/store.h"

static const int64_t mebi = 1 << 20;
static const int64_t little_room = 64, scarce_room = 1024; /* MiB */
static const int64_t long_log = 256;                       /* MiB; a quiet one is cut to 64 */
static const int64_t read_at_once = 1024;                  /* MiB that are examined unasked */
static const double clock_slack = 60;                      /* seconds */

typedef struct doctor {
    const assay_doctor_options *options;
    assay_finding_list *list;
    assay_store *store;
    int64_t size; /* of the file */
} doctor;

/* ---- the file system ---- */

assay_filesystem assay_doctor_filesystem(uint64_t number, const char **name)
{
    static const struct {
        uint64_t number;
        assay_filesystem kind;
        const char *name;
    } known[] = {/* statfs(2), linux/magic.h */
        {0x6969, ASSAY_FILESYSTEM_NETWORK, "NFS"}, {0x517b, ASSAY_FILESYSTEM_NETWORK, "SMB"},
        {0xff534d42, ASSAY_FILESYSTEM_NETWORK, "CIFS"},
        {0xfe534d42, ASSAY_FILESYSTEM_NETWORK, "SMB2"},
        {0x65735546, ASSAY_FILESYSTEM_NETWORK, "FUSE (sshfs and others)"},
        {0x01021997, ASSAY_FILESYSTEM_NETWORK, "9P"}, {0x5346414f, ASSAY_FILESYSTEM_NETWORK, "AFS"},
        {0x6b414653, ASSAY_FILESYSTEM_NETWORK, "AFS"},
        {0x0bd00bd0, ASSAY_FILESYSTEM_NETWORK, "Lustre"},
        {0x47504653, ASSAY_FILESYSTEM_NETWORK, "GPFS"},
        {0x19830326, ASSAY_FILESYSTEM_NETWORK, "BeeGFS"},
        {0x00c36400, ASSAY_FILESYSTEM_NETWORK, "Ceph"},
        {0x7461636f, ASSAY_FILESYSTEM_NETWORK, "OCFS2"},
        {0x01161970, ASSAY_FILESYSTEM_NETWORK, "GFS2"},
        {0xaad7aaea, ASSAY_FILESYSTEM_NETWORK, "PanFS"},
        {0x01021994, ASSAY_FILESYSTEM_MEMORY, "tmpfs"},
        {0x858458f6, ASSAY_FILESYSTEM_MEMORY, "ramfs"}, {0xef53, ASSAY_FILESYSTEM_LOCAL, "ext4"},
        {0x58465342, ASSAY_FILESYSTEM_LOCAL, "XFS"}, {0x9123683e, ASSAY_FILESYSTEM_LOCAL, "Btrfs"},
        {0x2fc12fc1, ASSAY_FILESYSTEM_LOCAL, "ZFS"},
        {0x794c7630, ASSAY_FILESYSTEM_LOCAL, "overlay"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].number == number) {
            *name = known[i].name;
            return known[i].kind;
        }
    *name = "a local file system";
    return ASSAY_FILESYSTEM_LOCAL;
}

/* The directory that holds the database, links followed. */
static void directory_of(const char *database, char out[PATH_MAX])
{
    char path[PATH_MAX], real[PATH_MAX];
    snprintf(path, sizeof path, "%s", realpath(database, real) ? real : database);
    snprintf(out, PATH_MAX, "%s", dirname(path));
}

static int look_at_filesystem(doctor *self)
{
    char directory[PATH_MAX];
    struct statfs found;
    const char *name;
    directory_of(self->options->database, directory);
    if (statfs(directory, &found))
        return assay_doctor_add(self->list, "file system", ASSAY_FINDING_BAD,
            "make the directory, or choose another file with --db or ASSAY_DB", "%s: %s", directory,
            strerror(errno));
    switch (assay_doctor_filesystem((uint64_t)(unsigned long)found.f_type & 0xffffffffu, &name)) {
    case ASSAY_FILESYSTEM_NETWORK:
        return assay_doctor_add(self->list, "file system", ASSAY_FINDING_WARNING,
            "SQLite's log is shared through memory, so all programs that use the file must run on "
            "one machine, and its locks must work: put the database on a local disk (--db or "
            "ASSAY_DB), and copy it when no run goes",
            "%s is on %s", directory, name);
    case ASSAY_FILESYSTEM_MEMORY:
        return assay_doctor_add(self->list, "file system", ASSAY_FINDING_WARNING,
            "what is there is gone after a restart: choose another file with --db or ASSAY_DB",
            "%s is in memory (%s)", directory, name);
    default:
        return assay_doctor_add(
            self->list, "file system", ASSAY_FINDING_GOOD, NULL, "%s is on %s", directory, name);
    }
}

static int look_at_space(doctor *self)
{
    char directory[PATH_MAX];
    struct statvfs found;
    directory_of(self->options->database, directory);
    if (statvfs(directory, &found))
        return ASSAY_OK; /* the file system's finding says why */
    int64_t room = (int64_t)((double)found.f_bavail * (double)found.f_frsize / (double)mebi);
    assay_finding_state state = room < little_room   ? ASSAY_FINDING_BAD
                                : room < scarce_room ? ASSAY_FINDING_WARNING
                                                     : ASSAY_FINDING_GOOD;
    return assay_doctor_add(self->list, "free space", state,
        state
            ? "a run that finds the disk full stops and can be resumed: delete runs (assay rm) or "
              "cached models (assay gc), or choose another file with --db or ASSAY_DB"
            : NULL,
        "%.4g %s", room < 1024 ? (double)room : (double)room / 1024, room < 1024 ? "MiB" : "GiB");
}

static int look_at_rights(doctor *self)
{
    char directory[PATH_MAX];
    directory_of(self->options->database, directory);
    if (access(directory, F_OK)) /* the file system's finding says so */
        return ASSAY_OK;
    const char *denied =
        access(directory, W_OK) ? directory
        : access(self->options->database, F_OK) == 0 && access(self->options->database, W_OK)
            ? self->options->database
            : NULL;
    if (!denied)
        return assay_doctor_add(
            self->list, "rights", ASSAY_FINDING_GOOD, NULL, "you may write there");
    return assay_doctor_add(self->list, "rights", ASSAY_FINDING_BAD,
        "runs can't be stored: change the permissions (chmod u+w, for the directory too: SQLite "
        "keeps its log beside the file), or choose another file with --db or ASSAY_DB",
        "%s: %s", denied, strerror(errno));
}

/* ---- the file ---- */

/* A log without its database was left by one that was deleted or moved. */
static int look_at_absence(doctor *self)
{
    char log[PATH_MAX];
    snprintf(log, sizeof log, "%s-wal", self->options->database);
    if (access(log, F_OK) == 0)
        return assay_doctor_add(self->list, "database", ASSAY_FINDING_WARNING,
            "the database was deleted or moved without its log: put it back beside the log, which "
            "may hold its last rows; a new database removes the log",
            "there is no %s, but its log %s", self->options->database, log);
    return assay_doctor_add(self->list, "database", ASSAY_FINDING_GOOD, NULL,
        "there is no %s yet: 'assay run' makes it", self->options->database);
}

static int look_at_pages(doctor *self, const char *name, int64_t runs)
{
    char found[512];
    bool sound;
    if (self->size > read_at_once * mebi && !self->options->thorough)
        return assay_doctor_add(self->list, "database", ASSAY_FINDING_GOOD, NULL,
            "%s, %.4g GiB, %lld runs; its pages were not read (--thorough reads them)", name,
            (double)self->size / (double)mebi / 1024, (long long)runs);
    int status = assay_store_examine(self->store, &sound, found, sizeof found);
    if (status || !sound)
        return assay_doctor_add(self->list, "database", ASSAY_FINDING_BAD,
            "make a copy of it and its log first; `sqlite3 FILE .recover` saves what can be saved",
            "%s is damaged: %s", name, status ? assay_errmsg() : found);
    return assay_doctor_add(self->list, "database", ASSAY_FINDING_GOOD, NULL,
        "%s, %.4g MiB, %lld runs, every page sound", name, (double)self->size / (double)mebi,
        (long long)runs);
}

static int look_at_file(doctor *self)
{
    int64_t runs;
    if (assay_store_run_count(self->store, NULL, &runs))
        return assay_doctor_add(self->list, "database", ASSAY_FINDING_BAD,
            "make a copy of it and its log first; `sqlite3 FILE .recover` saves what can be saved",
            "%s", assay_errmsg());
    return look_at_pages(self, assay_store_path(self->store), runs);
}

/* ---- the log ---- */

static int empty_log(doctor *self, int64_t size)
{
    char holders[256];
    bool emptied;
    double mebibytes = (double)size / (double)mebi;
    if (assay_store_empty_log(self->store, &emptied, holders, sizeof holders))
        return assay_doctor_add(
            self->list, "log", ASSAY_FINDING_WARNING, "try again", "%s", assay_errmsg());
    if (emptied)
        return assay_doctor_add(self->list, "log", ASSAY_FINDING_FIXED, NULL,
            "%.4g MiB were moved into the database", mebibytes);
    return assay_doctor_add(self->list, "log", ASSAY_FINDING_WARNING,
        "somebody reads or writes: it is emptied when they end", "%.4g MiB, in use%s%s", mebibytes,
        holders[0] ? " by " : "", holders);
}

static int look_at_log(doctor *self)
{
    int64_t size;
    if (assay_store_log_size(self->store, &size))
        return assay_doctor_add(
            self->list, "log", ASSAY_FINDING_BAD, "check its permissions", "%s", assay_errmsg());
    if (self->options->fix && size > 0)
        return empty_log(self, size);
    bool is_long = size > long_log * mebi;
    return assay_doctor_add(self->list, "log", is_long ? ASSAY_FINDING_WARNING : ASSAY_FINDING_GOOD,
        is_long ? "a program that keeps reading keeps it from being emptied; end it, then assay "
                  "doctor --fix"
                : NULL,
        size ? "%.4g MiB" : "empty", (double)size / (double)mebi);
}

/* ---- runs ---- */

static void name_runs(const assay_run_list *runs, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < runs->count && used + 32 < size; i++)
        used += (size_t)snprintf(
            out + used, size - used, i ? ", %lld" : "%lld", (long long)runs->runs[i].id);
}

static int settle_runs(doctor *self, const assay_run_list *runs, const char *names)
{
    for (size_t i = 0; i < runs->count; i++)
        if (assay_store_run_settle(self->store, runs->runs[i].id))
            return assay_doctor_add(
                self->list, "runs", ASSAY_FINDING_WARNING, "try again", "%s", assay_errmsg());
    return assay_doctor_add(self->list, "runs", ASSAY_FINDING_FIXED,
        "assay resume RUN goes on with one of them",
        "%zu whose process was gone stand as interrupted now: %s", runs->count, names);
}

static int look_at_runs(doctor *self)
{
    char names[256];
    assay_run_list runs;
    if (assay_store_orphans(self->store, &runs))
        return assay_doctor_add(self->list, "runs", ASSAY_FINDING_BAD, NULL, "%s", assay_errmsg());
    int status;
    name_runs(&runs, names, sizeof names);
    if (runs.count == 0)
        status = assay_doctor_add(
            self->list, "runs", ASSAY_FINDING_GOOD, NULL, "none has lost its process");
    else if (self->options->fix)
        status = settle_runs(self, &runs, names);
    else
        status = assay_doctor_add(self->list, "runs", ASSAY_FINDING_WARNING,
            "assay resume RUN goes on with one of them; assay doctor --fix writes down that they "
            "were interrupted",
            "%zu whose process is gone: %s", runs.count, names);
    assay_run_list_free(&runs);
    return status;
}

/* Runs on other hosts are known to live by their heartbeats: clocks must agree. */
static int look_at_clock(doctor *self)
{
    assay_run_list runs;
    if (assay_store_run_list(self->store, NULL, 64, 0, &runs))
        return ASSAY_OK; /* the database's finding says why */
    double now = (double)time(NULL), ahead = 0;
    const char *host = "";
    for (size_t i = 0; i < runs.count; i++)
        if (runs.runs[i].heartbeat - now > ahead) {
            ahead = runs.runs[i].heartbeat - now;
            host = runs.runs[i].host;
        }
    int status =
        ahead > clock_slack
            ? assay_doctor_add(self->list, "clock", ASSAY_FINDING_WARNING,
                  "set the clocks right (timedatectl): whether a run on another host lives is told "
                  "by its heartbeat",
                  "a run of host %s has a heartbeat that is %.0f s ahead of this clock", host,
                  ahead)
            : assay_doctor_add(
                  self->list, "clock", ASSAY_FINDING_GOOD, NULL, "agrees with the stored runs");
    assay_run_list_free(&runs);
    return status;
}

static int look_inside(doctor *self)
{
    static int (*const looks[])(doctor *) = {
        look_at_file, look_at_log, look_at_runs, look_at_clock};
    assay_store_mode mode = self->options->fix ? ASSAY_STORE_WRITE : ASSAY_STORE_READ;
    if (assay_store_open(self->options->database, mode, &self->store))
        return assay_doctor_add(
            self->list, "database", ASSAY_FINDING_BAD, NULL, "%s", assay_errmsg());
    int status = ASSAY_OK;
    for (size_t i = 0; i < sizeof looks / sizeof *looks && !status; i++)
        status = looks[i](self);
    assay_store_close(self->store);
    return status;
}

int assay_doctor_database(const assay_doctor_options *options, assay_finding_list *list)
{
    doctor self = {.options = options, .list = list};
    struct stat file;
    int status = look_at_filesystem(&self);
    if (!status)
        status = look_at_space(&self);
    if (!status)
        status = look_at_rights(&self);
    if (status)
        return status;
    if (stat(options->database, &file) && errno == ENOENT)
        return look_at_absence(&self);
    self.size = file.st_size;
    return look_inside(&self);
}
