/*
 * What a call that can fail returns, and where it says why.
 *
 * Every fallible function of libassay returns ASSAY_OK or one of the negative codes below. The
 * message of the last failure of this thread is kept until its next failure (as sqlite3_errmsg and
 * dlerror keep theirs); it names the argument, its value and what is allowed.
 */
#ifndef ASSAY_CORE_STATUS_H
#define ASSAY_CORE_STATUS_H

enum assay_status {
    ASSAY_OK = 0,
    ASSAY_EINVAL = -1,     /* an argument is out of its range or of the wrong shape */
    ASSAY_ENOMEM = -2,     /* memory ran out */
    ASSAY_EIO = -3,        /* a file, pipe or database could not be read or written */
    ASSAY_EFORMAT = -4,    /* a file's content is not what its format says */
    ASSAY_ENOTFOUND = -5,  /* a name or id does not exist */
    ASSAY_ECONVERGE = -6,  /* an iteration did not converge */
    ASSAY_ECANCELLED = -7, /* the caller's progress callback asked to stop */
    ASSAY_EBUSY = -8,      /* somebody else holds what is needed */
    ASSAY_EVERSION = -9,   /* written by a newer version */
    ASSAY_ESCRIPT = -10,   /* a Lua script failed; the message holds its error */
    ASSAY_ENONFINITE = -11 /* a computation gave NaN, an infinity, or diverged */
};

/* Keep the formatted message as this thread's last failure and return `status`:
 *     return assay_fail(ASSAY_EINVAL, "smote: k must be in 1..%zu, got %zu", limit, k);   */
int assay_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of this thread's last failure; "" before the first. Never NULL. Messages longer than
 * 4 KiB are cut. */
const char *assay_errmsg(void);

#endif
