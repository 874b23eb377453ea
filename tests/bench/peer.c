/* See peer.h. */
#include "bench/peer.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

bench_peer bench_peer_start(const char *source, const char *script)
{
    int to[2], from[2];
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/bench/%s", source, script);
    if (pipe(to) || pipe(from))
        return (bench_peer){0};
    const pid_t child = fork();
    if (child == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        close(from[0]);
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        setenv("OMP_NUM_THREADS", "1", 1);
        execl("/usr/bin/python3", "python3", path, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    return (bench_peer){fdopen(to[1], "w"), fdopen(from[0], "r")};
}

bool bench_peer_ask(bench_peer *peer, const char *line, double *seconds, double *answer)
{
    if (!peer->to || !peer->from)
        return false;
    fprintf(peer->to, "%s\n", line);
    return fflush(peer->to) == 0 && fscanf(peer->from, "%lf %lf", seconds, answer) == 2;
}

double bench_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void bench_report_ms(const char *what, double ours, double theirs, double goal)
{
    char us[32], them[32];
    snprintf(us, sizeof us, "%.3g ms", 1e3 * ours);
    snprintf(them, sizeof them, isfinite(theirs) ? "%.3g ms" : "no peer", 1e3 * theirs);
    printf("%-44s %14s %14s %9.3g   >= %.2f%s\n", what, us, them, theirs / ours, goal,
        theirs / ours < goal ? "   missed" : "");
    fflush(stdout);
}
