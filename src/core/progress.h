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

/* One stretch of a longer piece of work: what its loops report is told on as the share from..to
 * of 1. assay_progress_stretch first = {progress, 0, 0.5}; const assay_progress own =
 * assay_progress_of(&first);   */
typedef struct assay_progress_stretch {
    const assay_progress *whole; /* may be NULL */
    double from, to;
} assay_progress_stretch;

static inline int assay_progress_stretch_report(void *context, double done, double total)
{
    const assay_progress_stretch *s = (const assay_progress_stretch *)context;
    const double share = total > 0 ? done / total : 1;
    return s->whole && s->whole->report &&
           s->whole->report(s->whole->context, s->from + (s->to - s->from) * share, 1);
}

static inline assay_progress assay_progress_of(assay_progress_stretch *stretch)
{
    const assay_progress progress = {assay_progress_stretch_report, stretch};
    return progress;
}

#endif
