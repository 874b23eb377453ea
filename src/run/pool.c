/*
 * Forking, listening, limiting and reaping.
 *
 * A process per cell, not one that takes many cells: a fork of a small coordinator costs less than
 * a millisecond, and no cell can see what another one has left behind.
 *
 * A cell's end is the end of its process (waitid), not that of its pipe, which its own children may
 * hold open; then its group is killed while the dead leader still keeps the group's number from
 * being given to somebody else, and the pipes are read to their end.
 */
#include "run/pool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"
#include "run/machine.h"

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_LIMITS 0 /* the sanitizer's shadow is terabytes of data */
#else
#define MEMORY_LIMITS 1
#endif

enum {
    READ_SIZE = 64 << 10,
    PIPE_SIZE = 512 << 10, /* so that a cell goes on while the coordinator writes a batch */
    LINE_SIZE = 4 << 10,   /* longer lines are cut into several */
    LINES = 10000,         /* printed lines kept of a cell */
    KEPT = 256 << 10,      /* buffer memory that stays with a slot */
    MOST_FILES = 1024,     /* open in a cell */
    MORE_TASKS = 4096      /* processes and threads, beyond those that the user has at the start */
};

static const double time_grace = 1.0; /* seconds from the soft stop to SIGKILL */
static const double stop_grace = 0.5;

struct slot_name {
    uint32_t id;  /* the pool's */
    uint64_t row; /* the last one that has it, counted from 1 */
};

struct slot {
    pid_t pid; /* 0: free */
    int64_t cell;
    int frames, lines; /* pipe ends, -1: at their end */
    double began, soft_at, kill_at;
    assay_pool_limits limits;
    bool timed_out, stopped, killed;
    bool done, failed;
    char *error;
    double progress;
    assay_bytes in;
    struct slot_name *names; /* by the process's ids */
    size_t name_count, name_capacity;
    uint64_t rows;
    char line[LINE_SIZE];
    size_t line_size, line_count;
};

struct assay_pool {
    assay_pool_calls calls;
    assay_names names;
    struct slot *slots;
    struct pollfd *polls; /* the signalfd, then frames and lines of each slot */
    size_t slot_count, busy;
    int signals, null;
    rlim_t most_tasks;
    int stop_signal;
    sigset_t saved_mask;
    struct sigaction saved_pipe, saved_child;
};

/* ---- the cell's process ---- */

/* What the handler of the soft stop needs; set in the cell's process only. */
static const assay_pool_calls *handler_calls;
static char time_reason[64];

static void on_soft_stop(int signal)
{
    const char *reason = signal == SIGUSR1 ? time_reason : "cancelled";
    handler_calls->interrupt(handler_calls->context, reason);
}

/* The coordinator has died: so do the cell and all that it has started. */
static void on_orphaned(int signal)
{
    (void)signal;
    kill(0, SIGKILL);
}

/* The cell leads its own group before it asks to be told, or it would kill its coordinator's. */
static void die_with(pid_t parent)
{
    if (setpgid(0, 0))
        _exit(1);
    struct sigaction orphaned = {.sa_handler = on_orphaned};
    sigemptyset(&orphaned.sa_mask);
    sigaction(SIGPWR, &orphaned, NULL);
    prctl(PR_SET_PDEATHSIG, SIGPWR);
    sigset_t told;
    sigemptyset(&told);
    sigaddset(&told, SIGPWR);
    sigprocmask(SIG_UNBLOCK, &told, NULL);
    if (getppid() != parent)
        _exit(1);
}

static void reset_signals(const assay_pool *pool)
{
    /* Those of crashes too: a handler of the caller's would go on with the caller's work here. */
    static const int defaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGHUP,
        SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD, SIGALRM, SIGTSTP, SIGWINCH};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        signal(defaults[i], SIG_DFL);
    struct sigaction soft = {.sa_handler = on_soft_stop}; /* and a blocked read ends */
    sigemptyset(&soft.sa_mask);
    sigaction(SIGUSR1, &soft, NULL);
    sigaction(SIGUSR2, &soft, NULL);
    sigset_t mask = pool->saved_mask;
    sigdelset(&mask, SIGUSR1);
    sigdelset(&mask, SIGUSR2);
    sigdelset(&mask, SIGPWR);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* The sixth number of statm is what RLIMIT_DATA counts, in pages. */
static uint64_t data_size(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    unsigned long long pages = 0;
    if (n <= 0 || sscanf(text, "%*u %*u %*u %*u %*u %llu", &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool limit_memory(uint64_t limit)
{
    struct rlimit data;
    if (!MEMORY_LIMITS || !limit || getrlimit(RLIMIT_DATA, &data))
        return false;
    rlim_t allowed = (rlim_t)(data_size() + limit);
    if (allowed >= data.rlim_cur)
        return false;
    data.rlim_cur = allowed;
    return setrlimit(RLIMIT_DATA, &data) == 0;
}

static void unlimit_memory(void)
{
    struct rlimit data;
    if (getrlimit(RLIMIT_DATA, &data) == 0) {
        data.rlim_cur = data.rlim_max;
        setrlimit(RLIMIT_DATA, &data);
    }
}

/* Files and processes that a script opens and starts without end are its own error, before they are
 * the machine's. The limit of processes counts all of the user's, and does not hold root. */
static void limit_handles(const assay_pool *pool)
{
    struct rlimit files, tasks;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > MOST_FILES) {
        files.rlim_cur = MOST_FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (getrlimit(RLIMIT_NPROC, &tasks) == 0 && tasks.rlim_cur > pool->most_tasks) {
        tasks.rlim_cur = pool->most_tasks;
        setrlimit(RLIMIT_NPROC, &tasks);
    }
}

/* Should the machine run out of memory all the same, the kernel is to end a cell, not the
 * coordinator or somebody's shell. */
static void offer_to_the_kernel(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = write(fd, "500", 3);
    (void)n;
    close(fd);
}

static bool is_about_memory(const char *message)
{
    return strstr(message, "not enough memory") || strstr(message, "memory ran out") ||
           strstr(message, "out of memory");
}

static void report_failure(assay_frame_writer *out, const struct slot *self, bool limited)
{
    const char *message = assay_errmsg();
    char text[8192];
    if (limited && is_about_memory(message)) {
        double mebibytes = (double)self->limits.memory / (1 << 20);
        snprintf(text, sizeof text, "%s\n(the memory limit of a cell is %.4g %s)", message,
            mebibytes < 1024 ? mebibytes : mebibytes / 1024, mebibytes < 1024 ? "MiB" : "GiB");
        message = text;
    }
    assay_frame_error(out, message);
}

static void close_parents_ends(const assay_pool *pool)
{
    close(pool->signals);
    for (size_t i = 0; i < pool->slot_count; i++) {
        if (pool->slots[i].pid && pool->slots[i].frames >= 0)
            close(pool->slots[i].frames);
        if (pool->slots[i].pid && pool->slots[i].lines >= 0)
            close(pool->slots[i].lines);
    }
}

/* Never returns. Nothing of the coordinator is cleaned up here: its database handle belongs to it,
 * and atexit's functions are its own. */
static _Noreturn void be_the_cell(
    const assay_pool *pool, const struct slot *self, pid_t parent, int frames, int lines)
{
    die_with(parent);
    handler_calls = &pool->calls;
    snprintf(time_reason, sizeof time_reason, "time limit of %g s exceeded", self->limits.time);
    close_parents_ends(pool);
    dup2(pool->null, STDIN_FILENO);
    dup2(lines, STDOUT_FILENO);
    dup2(lines, STDERR_FILENO);
    close(lines);
    close(pool->null);
    setvbuf(stdout, NULL, _IOLBF, 0);
    assay_frame_writer out;
    if (assay_frame_writer_open(&out, frames))
        _exit(1);
    offer_to_the_kernel();
    limit_handles(pool);
    bool limited = limit_memory(self->limits.memory);
    reset_signals(pool);
    int status = pool->calls.work(pool->calls.context, self->cell, &out);
    if (limited)
        unlimit_memory();
    fflush(NULL);
    if (!status)
        status = assay_frame_done(&out);
    if (status)
        report_failure(&out, self, limited);
    _exit(status ? 1 : 0);
}

/* ---- the coordinator ---- */

static int make_pipe(int ends[2], int size)
{
    if (pipe2(ends, O_CLOEXEC))
        return assay_fail(ASSAY_EBUSY, "can't make a pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (size)
        fcntl(ends[1], F_SETPIPE_SZ, size); /* refused where the user has too many: then smaller */
    return ASSAY_OK;
}

static struct slot *free_slot(assay_pool *pool)
{
    for (size_t i = 0; i < pool->slot_count; i++)
        if (!pool->slots[i].pid)
            return &pool->slots[i];
    return NULL;
}

/* What a cell had, but for memory that the next one can use. */
static void renew_slot(struct slot *slot)
{
    assay_bytes in = slot->in;
    struct slot_name *names = slot->names;
    size_t capacity = slot->name_capacity;
    assay_bytes_clear(&in, KEPT);
    free(slot->error);
    memset(slot, 0, offsetof(struct slot, line));
    slot->line_size = slot->line_count = 0;
    slot->in = in;
    slot->names = names;
    slot->name_capacity = capacity;
    slot->frames = slot->lines = -1;
}

static int fork_cell(assay_pool *pool, struct slot *slot)
{
    int frames[2], lines[2];
    int status = make_pipe(frames, PIPE_SIZE);
    if (status)
        return status;
    status = make_pipe(lines, 0);
    if (status) {
        close(frames[0]);
        close(frames[1]);
        return status;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        be_the_cell(pool, slot, parent, frames[1], lines[1]);
    close(frames[1]);
    close(lines[1]);
    if (pid < 0) {
        status = assay_fail(ASSAY_EBUSY, "can't start a process for a cell: %s", strerror(errno));
        close(frames[0]);
        close(lines[0]);
        return status;
    }
    slot->pid = pid;
    slot->frames = frames[0];
    slot->lines = lines[0];
    return ASSAY_OK;
}

int assay_pool_start(assay_pool *pool, int64_t cell, const assay_pool_limits *limits)
{
    struct slot *slot = free_slot(pool);
    if (!slot)
        return assay_fail(ASSAY_EBUSY, "all %zu workers are busy", pool->slot_count);
    renew_slot(slot);
    slot->cell = cell;
    slot->limits = *limits;
    slot->began = assay_monotonic();
    slot->soft_at = limits->time > 0 ? slot->began + limits->time : INFINITY;
    slot->kill_at = INFINITY;
    int status = fork_cell(pool, slot);
    if (!status)
        pool->busy++;
    return status;
}

static void signal_cell(const struct slot *slot, int signal)
{
    if (kill(-slot->pid, signal))
        kill(slot->pid, signal); /* it has not made its group yet */
}

/* What the engine lets through: an identifier that is not one of the columns of every row. */
static bool is_measure_name(const char *name, size_t size)
{
    static const char *const taken[] = {"run", "cell", "replicate"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (size == strlen(taken[i]) && memcmp(name, taken[i], size) == 0)
            return false;
    for (size_t i = 0; i < size; i++)
        if (name[i] != '_' && !isalnum((unsigned char)name[i]))
            return false;
    return size > 0;
}

static int name_frame(assay_pool *pool, struct slot *slot, const assay_frame *frame)
{
    if (!is_measure_name((const char *)frame->payload, frame->size))
        return assay_fail(ASSAY_EFORMAT, "what can't be a measure's name");
    if (slot->name_count == ASSAY_FRAME_NAMES)
        return assay_fail(ASSAY_EFORMAT, "more than %d names", ASSAY_FRAME_NAMES);
    if (slot->name_count == slot->name_capacity) {
        size_t capacity = slot->name_capacity ? 2 * slot->name_capacity : 16;
        struct slot_name *names = realloc(slot->names, capacity * sizeof *names);
        if (!names)
            return assay_fail(ASSAY_ENOMEM, "not enough memory for %zu names", capacity);
        slot->names = names;
        slot->name_capacity = capacity;
    }
    bool added;
    int status = assay_names_intern(&pool->names, (const char *)frame->payload, frame->size,
        &slot->names[slot->name_count].id, &added);
    if (!status)
        slot->names[slot->name_count++].row = 0;
    return status;
}

/* Give the row the pool's names; after this nobody has to check it again. */
static int translate_row(struct slot *slot, const assay_frame *frame)
{
    size_t at = 0;
    bool corrupt;
    assay_row_entry entry;
    slot->rows++;
    while (assay_row_next(frame->payload, frame->size, &at, &entry, &corrupt)) {
        if (entry.name >= slot->name_count)
            return assay_fail(ASSAY_EFORMAT, "a measure with the unknown number %u", entry.name);
        struct slot_name *name = &slot->names[entry.name];
        if (name->row == slot->rows)
            return assay_fail(ASSAY_EFORMAT, "a row with a measure twice");
        name->row = slot->rows;
        assay_row_set_name(&entry, name->id);
    }
    return corrupt ? assay_fail(ASSAY_EFORMAT, "a row that is cut short") : ASSAY_OK;
}

static int progress_frame(struct slot *slot, const assay_frame *frame)
{
    double done, total;
    int status = assay_frame_read_progress(frame, &done, &total);
    if (!status && total > 0 && done >= 0)
        slot->progress = fmin(done / total, 1);
    return status;
}

static int error_frame(struct slot *slot, const assay_frame *frame)
{
    size_t size = frame->size < LINE_SIZE * 2 ? frame->size : LINE_SIZE * 2;
    free(slot->error);
    slot->error = malloc(3 * size + 1);
    if (!slot->error)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a message");
    assay_text_clean((const char *)frame->payload, size, slot->error, 3 * size + 1);
    slot->failed = true;
    return ASSAY_OK;
}

static int handle_frame(assay_pool *pool, struct slot *slot, assay_frame *frame)
{
    assay_frame_artifact artifact;
    int status = ASSAY_OK;
    switch (frame->kind) {
    case ASSAY_FRAME_NAME:
        return name_frame(pool, slot, frame);
    case ASSAY_FRAME_PROGRESS:
        return progress_frame(slot, frame);
    case ASSAY_FRAME_ERROR:
        return error_frame(slot, frame);
    case ASSAY_FRAME_DONE:
        slot->done = true;
        return ASSAY_OK;
    case ASSAY_FRAME_ROW:
        status = translate_row(slot, frame);
        break;
    case ASSAY_FRAME_ARTIFACT:
        status = assay_frame_read_artifact(frame, &artifact);
        break;
    case ASSAY_FRAME_NOTE:
    case ASSAY_FRAME_RESULT:
        break;
    }
    return status ? status : pool->calls.frame(pool->calls.context, slot->cell, frame);
}

/* Corrupt frames are the cell's failure, others are the coordinator's. */
static int handle_frames(assay_pool *pool, struct slot *slot)
{
    size_t at = 0, used = 0;
    int status;
    do {
        assay_frame frame;
        status = assay_frame_next(slot->in.data + at, slot->in.size - at, &frame, &used);
        if (!status && used)
            status = handle_frame(pool, slot, &frame);
        at += used;
    } while (!status && used);
    assay_bytes_consume(&slot->in, at);
    if (status != ASSAY_EFORMAT)
        return status;
    char text[512];
    snprintf(text, sizeof text, "the cell's process sent what is no frame (%.400s) and was killed",
        assay_errmsg());
    free(slot->error);
    slot->error = strdup(text);
    slot->failed = true;
    slot->killed = true;
    slot->in.size = 0;
    close(slot->frames);
    slot->frames = -1;
    signal_cell(slot, SIGKILL);
    return slot->error ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory for a message");
}

static void close_end(int *fd)
{
    close(*fd);
    *fd = -1;
}

/* Read once; *more tells whether there may be more now. */
static int read_frames(assay_pool *pool, struct slot *slot, bool *more)
{
    *more = false;
    int status = assay_bytes_reserve(&slot->in, READ_SIZE);
    if (status)
        return status;
    ssize_t n = read(slot->frames, slot->in.data + slot->in.size, READ_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ASSAY_OK;
    if (n <= 0) {
        close_end(&slot->frames);
        return ASSAY_OK;
    }
    slot->in.size += (size_t)n;
    status = handle_frames(pool, slot);
    *more = slot->frames >= 0;
    return status;
}

static int give_line(assay_pool *pool, struct slot *slot)
{
    char text[3 * LINE_SIZE + 1];
    if (slot->line_count++ < LINES)
        assay_text_clean(slot->line, slot->line_size, text, sizeof text);
    else if (slot->line_count == LINES + 1)
        snprintf(
            text, sizeof text, "(more than %d lines were printed: the rest is not kept)", LINES);
    bool wanted = slot->line_count <= LINES + 1;
    slot->line_size = 0;
    return wanted ? pool->calls.line(pool->calls.context, slot->cell, text) : ASSAY_OK;
}

static int take_output(assay_pool *pool, struct slot *slot, const char *text, size_t size)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < size && !status; i++) {
        if (text[i] != '\n')
            slot->line[slot->line_size++] = text[i];
        if (text[i] == '\n' || slot->line_size == LINE_SIZE)
            status = give_line(pool, slot);
    }
    return status;
}

static int read_lines(assay_pool *pool, struct slot *slot, bool *more)
{
    char text[16 << 10];
    *more = false;
    ssize_t n = read(slot->lines, text, sizeof text);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ASSAY_OK;
    if (n <= 0) {
        close_end(&slot->lines);
        return ASSAY_OK;
    }
    *more = true;
    return take_output(pool, slot, text, (size_t)n);
}

static int drain(assay_pool *pool, struct slot *slot)
{
    int status = ASSAY_OK;
    for (bool more = slot->frames >= 0; more && !status;)
        status = read_frames(pool, slot, &more);
    for (bool more = slot->lines >= 0; more && !status;)
        status = read_lines(pool, slot, &more);
    if (!status && slot->line_size)
        status = give_line(pool, slot);
    return status;
}

/* How the process ended, in words, when it did not say so itself. */
static void describe_end(const struct slot *slot, const siginfo_t *info, char *out, size_t size)
{
    if (slot->timed_out)
        snprintf(out, size,
            "time limit of %g s exceeded (the cell did not stop within %g s and was killed)",
            slot->limits.time, time_grace);
    else if (info->si_code == CLD_EXITED)
        snprintf(out, size,
            "the script ended the process (exit status %d) before the cell was done",
            info->si_status);
    else if (info->si_status == SIGKILL)
        snprintf(out, size,
            "killed by signal 9 (SIGKILL) before the cell was done: by somebody, or by the kernel "
            "because memory ran out");
    else
        snprintf(out, size, "killed by signal %d (SIG%s: %s) before the cell was done",
            info->si_status, sigabbrev_np(info->si_status) ? sigabbrev_np(info->si_status) : "?",
            strsignal(info->si_status));
}

static void release_slot(assay_pool *pool, struct slot *slot)
{
    if (slot->frames >= 0)
        close_end(&slot->frames);
    if (slot->lines >= 0)
        close_end(&slot->lines);
    slot->pid = 0;
    pool->busy--;
}

static int finish_cell(assay_pool *pool, struct slot *slot, const siginfo_t *info)
{
    kill(-slot->pid, SIGKILL);
    int status = drain(pool, slot);
    waitpid(slot->pid, NULL, 0);
    char text[256];
    describe_end(slot, info, text, sizeof text);
    bool done = slot->done && !slot->failed;
    assay_pool_outcome outcome = done            ? ASSAY_POOL_DONE
                                 : slot->stopped ? ASSAY_POOL_STOPPED
                                                 : ASSAY_POOL_FAILED;
    const char *error = done ? NULL : slot->error ? slot->error : text;
    release_slot(pool, slot);
    if (status)
        return status;
    return pool->calls.end(
        pool->calls.context, slot->cell, outcome, assay_monotonic() - slot->began, error);
}

static int reap(assay_pool *pool)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < pool->slot_count && !status; i++) {
        struct slot *slot = &pool->slots[i];
        siginfo_t info = {0};
        if (slot->pid && !waitid(P_PID, (id_t)slot->pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
            info.si_pid)
            status = finish_cell(pool, slot, &info);
    }
    return status;
}

static int take_signals(assay_pool *pool)
{
    struct signalfd_siginfo info[8];
    bool child = false;
    ssize_t n;
    while ((n = read(pool->signals, info, sizeof info)) > 0) {
        for (size_t i = 0; i < (size_t)n / sizeof *info; i++) {
            if (info[i].ssi_signo == SIGCHLD)
                child = true;
            else
                pool->stop_signal = (int)info[i].ssi_signo;
        }
    }
    return child ? reap(pool) : ASSAY_OK;
}

static void keep_limits(assay_pool *pool, double now)
{
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        if (!slot->pid || slot->killed)
            continue;
        if (now >= slot->kill_at) {
            slot->killed = true;
            signal_cell(slot, SIGKILL);
        } else if (now >= slot->soft_at) {
            slot->timed_out = true;
            slot->soft_at = INFINITY;
            slot->kill_at = fmin(slot->kill_at, now + time_grace);
            signal_cell(slot, SIGUSR1);
        }
    }
}

static double next_deadline(const assay_pool *pool, double deadline)
{
    for (size_t i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].pid && !pool->slots[i].killed)
            deadline = fmin(deadline, fmin(pool->slots[i].soft_at, pool->slots[i].kill_at));
    return deadline;
}

static void fill_polls(assay_pool *pool)
{
    pool->polls[0] = (struct pollfd){.fd = pool->signals, .events = POLLIN};
    for (size_t i = 0; i < pool->slot_count; i++) {
        const struct slot *slot = &pool->slots[i];
        pool->polls[1 + 2 * i] =
            (struct pollfd){.fd = slot->pid ? slot->frames : -1, .events = POLLIN};
        pool->polls[2 + 2 * i] =
            (struct pollfd){.fd = slot->pid ? slot->lines : -1, .events = POLLIN};
    }
}

static int read_ready(assay_pool *pool)
{
    int status = ASSAY_OK;
    bool more;
    for (size_t i = 0; i < pool->slot_count && !status; i++) {
        struct slot *slot = &pool->slots[i];
        if (pool->polls[1 + 2 * i].revents && slot->frames >= 0)
            status = read_frames(pool, slot, &more);
        if (!status && pool->polls[2 + 2 * i].revents && slot->lines >= 0)
            status = read_lines(pool, slot, &more);
    }
    return status;
}

int assay_pool_step(assay_pool *pool, double seconds)
{
    double now = assay_monotonic();
    keep_limits(pool, now);
    double wait = next_deadline(pool, now + seconds) - now;
    int milliseconds = wait <= 0 ? 0 : (int)ceil(fmin(wait, 3600) * 1000);
    fill_polls(pool);
    int ready = poll(pool->polls, (nfds_t)(1 + 2 * pool->slot_count), milliseconds);
    if (ready < 0 && errno != EINTR)
        return assay_fail(ASSAY_EIO, "can't wait for the cells: %s", strerror(errno));
    if (ready <= 0)
        return ASSAY_OK;
    int status = read_ready(pool);
    if (!status && pool->polls[0].revents)
        status = take_signals(pool);
    return status;
}

void assay_pool_stop(assay_pool *pool)
{
    double kill_at = assay_monotonic() + stop_grace;
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        if (!slot->pid || slot->stopped)
            continue;
        slot->stopped = true;
        slot->kill_at = fmin(slot->kill_at, kill_at);
        signal_cell(slot, SIGUSR2);
    }
}

size_t assay_pool_busy(const assay_pool *pool)
{
    return pool->busy;
}

size_t assay_pool_idle(const assay_pool *pool)
{
    return pool->slot_count - pool->busy;
}

double assay_pool_progress(const assay_pool *pool)
{
    double sum = 0;
    for (size_t i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].pid)
            sum += pool->slots[i].progress;
    return sum;
}

const assay_names *assay_pool_names(const assay_pool *pool)
{
    return &pool->names;
}

int assay_pool_signal(const assay_pool *pool)
{
    return pool->stop_signal;
}

/* The signals that the pool listens to: not those that are ignored (nohup, shells' background). */
static void choose_signals(sigset_t *set)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct sigaction action;
        if (sigaction(stops[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(set, stops[i]);
    }
}

void assay_pool_hold(sigset_t *before)
{
    sigset_t set;
    choose_signals(&set);
    sigprocmask(SIG_BLOCK, &set, before);
}

static int hold_signals(assay_pool *pool, const sigset_t *held)
{
    sigset_t set;
    choose_signals(&set);
    pool->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (pool->signals < 0)
        return assay_fail(ASSAY_EIO, "can't listen to signals: %s", strerror(errno));
    /* A cell is born with its soft stops blocked, until it can answer them. */
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &pool->saved_mask);
    if (held)
        pool->saved_mask = *held;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, normal = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &ignore, &pool->saved_pipe);
    sigaction(SIGCHLD, &normal, &pool->saved_child);
    return ASSAY_OK;
}

int assay_pool_open(
    int workers, const assay_pool_calls *calls, const sigset_t *held, assay_pool **out)
{
    *out = NULL;
    if (workers < 1 || workers > 4096)
        return assay_fail(ASSAY_EINVAL, "workers must be in 1..4096, got %d", workers);
    assay_pool *pool = calloc(1, sizeof *pool);
    struct slot *slots = calloc((size_t)workers, sizeof *slots);
    struct pollfd *polls = calloc(1 + 2 * (size_t)workers, sizeof *polls);
    int status = pool && slots && polls
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "not enough memory for %d workers", workers);
    if (status)
        goto failed;
    *pool = (assay_pool){
        .calls = *calls, .slots = slots, .polls = polls, .slot_count = (size_t)workers};
    pool->most_tasks = (rlim_t)assay_machine_tasks() + MORE_TASKS;
    pool->null = assay_machine_null();
    if (pool->null < 0) {
        status = assay_fail(ASSAY_EIO, "can't open /dev/null: %s", strerror(errno));
        goto failed;
    }
    status = hold_signals(pool, held);
    if (status) {
        close(pool->null);
        goto failed;
    }
    *out = pool;
    return ASSAY_OK;
failed:
    free(polls);
    free(slots);
    free(pool);
    return status;
}

static void kill_slot(assay_pool *pool, struct slot *slot)
{
    signal_cell(slot, SIGKILL);
    siginfo_t info;
    while (waitid(P_PID, (id_t)slot->pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
        ;
    kill(-slot->pid, SIGKILL);
    waitpid(slot->pid, NULL, 0);
    release_slot(pool, slot);
}

void assay_pool_close(assay_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->slot_count; i++) {
        if (pool->slots[i].pid)
            kill_slot(pool, &pool->slots[i]);
        assay_bytes_free(&pool->slots[i].in);
        free(pool->slots[i].names);
        free(pool->slots[i].error);
    }
    take_signals(pool);
    close(pool->signals);
    close(pool->null);
    sigaction(SIGPIPE, &pool->saved_pipe, NULL);
    sigaction(SIGCHLD, &pool->saved_child, NULL);
    sigprocmask(SIG_SETMASK, &pool->saved_mask, NULL);
    assay_names_free(&pool->names);
    free(pool->slots);
    free(pool->polls);
    free(pool);
}
