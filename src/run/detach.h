/* Leaving the terminal. For the other files of this room. */
#ifndef ASSAY_RUN_DETACH_H
#define ASSAY_RUN_DETACH_H

#include <stdbool.h>
#include <stdint.h>

/* What the detached process does: it calls assay_detached once its run stands, or returns a failure
 * with its message before. */
typedef int (*assay_detach_body)(void *context, int report);

/* Run `body` in a process that outlives this one; returns when it has called assay_detached (*run
 * is what it gave), or with its failure. `silent`: it prints nothing while it prepares. */
int assay_detach(assay_detach_body body, void *context, bool silent, int64_t *run);

/* In the body: let the caller go on, and leave its session and its terminal. */
void assay_detached(int report, int64_t run);

#endif
