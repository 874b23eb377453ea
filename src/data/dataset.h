/*
 * The data sets that are known by name: what they are, where they come from, under which licence,
 * by which checksums their files are known, and where those are found or how to get them. Sets
 * whose licence does not clearly allow passing them on are known all the same; the user's copy is
 * used.
 *
 * Files are looked for, in this order, below
 *   the directories of $ASSAY_DATA (colons between them),
 *   $XDG_DATA_HOME/assay/data (~/.local/share without it),
 *   those that the caller adds (a script's own),
 *   ./experiments/data, the installed experiments/data, and
 *   the set's own place in the system (a Debian package's).
 */
#ifndef ASSAY_DATA_DATASET_H
#define ASSAY_DATA_DATASET_H

#include <stddef.h>

#include "core/progress.h"

typedef enum assay_dataset_format {
    ASSAY_DATASET_CSV,
    ASSAY_DATASET_IDX,
    ASSAY_DATASET_OFF,
    ASSAY_DATASET_TEXT
} assay_dataset_format;

/* One file, or `files` numbered ones NAME_01.off, ... (then 0 means 1: NAME as it stands). */
typedef struct assay_dataset_part {
    const char *split; /* "train", "test"; the class of meshes; "all" */
    const char *what;  /* "table", "images", "labels", "meshes" */
    const char *name;  /* below the directories above */
    int files;
    const char *sha256; /* of the files, one behind the other; NULL: not known */
} assay_dataset_part;

typedef struct assay_dataset {
    const char *name, *summary;
    assay_dataset_format format;
    const char *origin, *licence;
    const char *obtain;   /* how to get it when it is not there */
    const char *system;   /* its place in the system, or NULL */
    size_t rows, columns; /* of a table; 0: none */
    const assay_dataset_part *parts;
    size_t part_count;
} assay_dataset;

size_t assay_dataset_count(void);
const assay_dataset *assay_dataset_at(size_t i);
int assay_dataset_find(const char *name, const assay_dataset **out); /* ASSAY_ENOTFOUND, a hint */
const char *assay_dataset_format_name(assay_dataset_format format);

/* The path of a file by its name below the directories; `more` (ends with NULL; may be NULL) are
 * the caller's. The caller frees it. ASSAY_ENOTFOUND lists where it was looked for. */
int assay_dataset_locate(const char *name, const char *const *more, char **path);

/* The path of file `i` (0-based) of a part; ASSAY_ENOTFOUND says how to get it. */
int assay_dataset_file(const assay_dataset *set, const assay_dataset_part *part, size_t i,
    const char *const *more, char **path);
size_t assay_dataset_files(const assay_dataset_part *part);

/* The part's checksum is that of the registry, or the registry has none. ASSAY_ENOTFOUND,
 * ASSAY_EIO, ASSAY_EFORMAT when it differs. `progress` may be NULL. */
int assay_dataset_verify(const assay_dataset *set, const assay_dataset_part *part,
    const char *const *more, const assay_progress *progress);

#endif
