/* Cores, memory and versions, from the kernel and the libraries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "run/machine.h"

#include <cblas.h>
#include <dirent.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <gsl/gsl_version.h>
#include <jansson.h>
#include <link.h>
#include <lua.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

int assay_machine_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

uint64_t assay_machine_memory(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re"); /* of the container */
    unsigned long long limit;
    if (file && fscanf(file, "%llu", &limit) == 1 && limit > 0 && limit < memory)
        memory = limit;
    if (file)
        fclose(file);
    return memory;
}

/* A process's directory belongs to its user; its task directory has a link for each thread. */
uint64_t assay_machine_tasks(void)
{
    DIR *directory = opendir("/proc");
    struct stat task;
    uint64_t count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char name[sizeof entry->d_name + 8];
        snprintf(name, sizeof name, "%s/task", entry->d_name);
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
            fstatat(dirfd(directory), name, &task, 0) == 0 && task.st_uid == getuid())
            count += task.st_nlink > 2 ? task.st_nlink - 2 : 1;
    }
    if (directory)
        closedir(directory);
    return count;
}

/* The first "model name" of /proc/cpuinfo, or the machine's architecture. */
static void cpu_model(const struct utsname *system, char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "%s", system->machine);
    for (int i = 0; file && i < 32 && fgets(line, sizeof line, file); i++) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !value)
            continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file)
        fclose(file);
}

/* The linker's build id, as hex, when it is among the notes. */
static void find_build_id(const char *at, const char *end, char out[17])
{
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const void *)at;
        const char *id = at + sizeof *note + ((note->n_namesz + 3) & ~3u);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz >= 8)
            for (int i = 0; i < 8; i++)
                sprintf(out + 2 * i, "%02x", (unsigned char)id[i]);
        at = id + ((note->n_descsz + 3) & ~3u);
    }
}

static int read_build_id(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const char *at = (const char *)info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_NOTE)
            find_build_id(at, at + segment->p_memsz, context);
    }
    return 1; /* the first object is the program */
}

char *assay_machine_versions(void)
{
    struct utsname system;
    char cpu[256], os[256], build[17] = "unknown";
    if (uname(&system))
        return NULL;
    cpu_model(&system, cpu, sizeof cpu);
    snprintf(os, sizeof os, "%s %s %s", system.sysname, system.release, system.machine);
    dl_iterate_phdr(read_build_id, build);
    json_t *versions =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "assay", PACKAGE_VERSION,
            "build", build, "lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE,
            "sqlite", sqlite3_libversion(), "gsl", gsl_version, "blas", openblas_get_config(),
            "libc", gnu_get_libc_version(), "os", os, "cpu", cpu);
    char *text = versions ? json_dumps(versions, JSON_COMPACT) : NULL;
    json_decref(versions);
    return text;
}

void assay_machine_cause(const char *before, const char *now, char *out, size_t size)
{
    /* what can change a number; SQLite keeps bits and the kernel computes none */
    static const struct {
        const char *key, *name;
    } causes[] = {{"assay", "assay"}, {"build", "the build of assay"}, {"lua", "Lua"},
        {"libc", "the C library"}, {"blas", "OpenBLAS"}, {"gsl", "GSL"}, {"cpu", "the processor"}};
    json_t *then = json_loads(before, 0, NULL), *here = json_loads(now, 0, NULL);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof causes / sizeof *causes && used < size; i++) {
        const char *was = json_string_value(json_object_get(then, causes[i].key));
        const char *is = json_string_value(json_object_get(here, causes[i].key));
        if (was && is && strcmp(was, is) != 0)
            used += (size_t)snprintf(out + used, size - used, "%s%s was %s and is %s",
                used ? "; " : "", causes[i].name, was, is);
    }
    if (!used)
        snprintf(out, size,
            "program, libraries and processor are those of the first run, so the script depends on "
            "something else: the clock, the environment, a file, next, the text of an address");
    json_decref(then);
    json_decref(here);
}

bool assay_machine_has_open(const char *path)
{
    struct stat file, other;
    DIR *directory = opendir("/proc/self/fd");
    bool found = false;
    if (directory && stat(path, &file) == 0)
        for (struct dirent *entry; !found && (entry = readdir(directory));)
            found = fstatat(dirfd(directory), entry->d_name, &other, 0) == 0 &&
                    other.st_dev == file.st_dev && other.st_ino == file.st_ino;
    if (directory)
        closedir(directory);
    return found;
}

int assay_machine_null(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd;
}
