/* A program that is measured beside ours, in turns: it reads a line, does what the line says, and
 * answers its CPU seconds and one number to compare. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdio.h>

typedef struct bench_peer {
    FILE *to, *from; /* NULL: there is none */
} bench_peer;

/* python3 of the system (which Debian's packages belong to) with a script of this directory. */
bench_peer bench_peer_start(const char *source, const char *script);
bool bench_peer_ask(bench_peer *peer, const char *line, double *seconds, double *answer);

double bench_cpu_seconds(void); /* of this process */

/* One line of the table, in milliseconds; theirs is infinite without a peer. */
void bench_report_ms(const char *what, double ours, double theirs, double goal);

#endif
