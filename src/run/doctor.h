/*
 * What `assay doctor` looks at: this program and its libraries, gnuplot, locale and terminal, the
 * database with its file system, space, log and runs. A finding says what is there, and where that
 * is not as it should be, what to do.
 */
#ifndef ASSAY_RUN_DOCTOR_H
#define ASSAY_RUN_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum assay_finding_state {
    ASSAY_FINDING_GOOD,
    ASSAY_FINDING_WARNING, /* works, but something is missing or may fail later */
    ASSAY_FINDING_BAD,     /* does not work */
    ASSAY_FINDING_FIXED    /* was mended now */
} assay_finding_state;

typedef struct assay_finding {
    const char *check; /* "gnuplot", "log", ... */
    assay_finding_state state;
    char *found;
    char *advice; /* what to do, or NULL */
} assay_finding;

typedef struct assay_finding_list {
    assay_finding *findings;
    size_t count;
} assay_finding_list;

typedef struct assay_doctor_options {
    const char *database; /* path; it need not exist */
    bool fix;             /* mend what can be mended without loss */
    bool thorough;        /* read all of the database, however large */
} assay_doctor_options;

const char *assay_finding_state_name(assay_finding_state state);

/* All findings, in a fixed order of checks. Fails for want of memory only: what can't be looked at
 * is a finding. The process's locale is that of setlocale(LC_CTYPE, ""). */
int assay_doctor(const assay_doctor_options *options, assay_finding_list *out);
void assay_finding_list_free(assay_finding_list *list);

/* What kind of file system has this number (statfs' f_type), and its name. */
typedef enum assay_filesystem {
    ASSAY_FILESYSTEM_LOCAL,
    ASSAY_FILESYSTEM_NETWORK, /* other machines may see the file: SQLite's log must not be shared */
    ASSAY_FILESYSTEM_MEMORY   /* gone after a restart */
} assay_filesystem;
assay_filesystem assay_doctor_filesystem(uint64_t number, const char **name);

/* For the files of this room: add a finding. `advice` may be NULL. */
int assay_doctor_add(assay_finding_list *list, const char *check, assay_finding_state state,
    const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));
int assay_doctor_host(assay_finding_list *list);
int assay_doctor_database(const assay_doctor_options *options, assay_finding_list *list);

#endif
