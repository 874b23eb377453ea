/*
 * Whose run is it, and does that process still live?
 *
 * A process is (host, pid, start time): a pid alone is given again, sooner in a container. On this
 * host the kernel is asked; a process on another host is believed for a minute after its heartbeat.
 */
#include "store/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static const double heartbeat_limit = 60; /* seconds */

/* Field 22 of /proc/PID/stat, 0 when there is no such file; *dead for a zombie. Fields are counted
 * from the last ')', since a command's name may hold spaces and parentheses. */
static int64_t start_time(int64_t pid, bool *dead)
{
    char name[64], line[1024];
    *dead = false;
    snprintf(name, sizeof name, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(name, "re");
    if (!file)
        return 0;
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    char *at = strrchr(line, ')');
    if (!at || at[1] != ' ')
        return 0;
    *dead = at[2] == 'Z' || at[2] == 'X';
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

static void this_host(char *out, size_t size)
{
    struct utsname system;
    snprintf(out, size, "%s", uname(&system) == 0 ? system.nodename : "localhost");
}

void store_owner_self(store_owner *self)
{
    bool dead;
    this_host(self->host, sizeof self->host);
    self->pid = getpid();
    self->start = start_time(self->pid, &dead);
}

bool store_owner_alive(const char *host, int64_t pid, int64_t start, double heartbeat)
{
    char here[256];
    this_host(here, sizeof here);
    if (strcmp(host, here) != 0)
        return store_now() - heartbeat < heartbeat_limit;
    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
        return false;
    bool dead;
    int64_t now = start_time(pid, &dead);
    return !dead && (now == 0 || start == 0 || now == start);
}

/* Add "pid 71 (assay)" to a list. */
static void add_holder(char *out, size_t size, long pid)
{
    char name[64], command[64] = "";
    snprintf(name, sizeof name, "/proc/%ld/comm", pid);
    FILE *file = fopen(name, "re");
    if (file) {
        if (fgets(command, sizeof command, file))
            command[strcspn(command, "\n")] = '\0';
        fclose(file);
    }
    char text[160];
    snprintf(text, sizeof text, "pid %ld (%s)", pid, command[0] ? command : "?");
    if (strstr(out, text))
        return;
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? ", " : "", text);
}

/* /proc/locks: "3: POSIX  ADVISORY  WRITE 71 fe:01:8213 120 120"; the inode identifies the file. */
void store_holders(const char *path, char *out, size_t size)
{
    char name[4096], line[256];
    struct stat file, log;
    out[0] = '\0';
    snprintf(name, sizeof name, "%s-shm", path);
    bool has_file = stat(path, &file) == 0, has_log = stat(name, &log) == 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && fgets(line, sizeof line, locks)) {
        long pid;
        unsigned long long inode;
        if (sscanf(line, "%*s POSIX %*s WRITE %ld %*[^:]:%*[^:]:%llu", &pid, &inode) != 2 ||
            pid <= 0 || pid == getpid())
            continue;
        if ((has_file && inode == file.st_ino) || (has_log && inode == log.st_ino))
            add_holder(out, size, pid);
    }
    if (locks)
        fclose(locks);
}
