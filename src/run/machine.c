/* Cores, memory and versions, from the kernel and the libraries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "run/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <gsl/gsl_version.h>
#include <jansson.h>
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

char *assay_machine_versions(void)
{
    struct utsname system;
    char cpu[256], os[256];
    if (uname(&system))
        return NULL;
    cpu_model(&system, cpu, sizeof cpu);
    snprintf(os, sizeof os, "%s %s %s", system.sysname, system.release, system.machine);
    json_t *versions = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "assay", PACKAGE_VERSION, "lua",
        LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE, "sqlite",
        sqlite3_libversion(), "gsl", gsl_version, "os", os, "cpu", cpu);
    char *text = versions ? json_dumps(versions, JSON_COMPACT) : NULL;
    json_decref(versions);
    return text;
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
