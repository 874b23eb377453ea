/*
 * How a long loop tells how far it is and learns that it should stop. A loop that may run longer
 * than a second calls assay_progress_report every few milliseconds of work.
 */
#ifndef ASSAY_CORE_PROGRESS_H
#define ASSAY_CORE_PROGRESS_H

#include "core/status.h"

typedef struct assay_progress {
    int (*report)(void *context, double done, double total); /* nonzero: stop */
    void *context;
} assay_progress;

/* ASSAY_OK, or ASSAY_ECANCELLED when the callback asks to stop; `progress` may be NULL. */
static inline int assay_progress_report(const assay_progress *progress, double done, double total)
{
    if (progress && progress->report && progress->report(progress->context, done, total))
        return assay_fail(ASSAY_ECANCELLED, "cancelled");
    return ASSAY_OK;
}

#endif
