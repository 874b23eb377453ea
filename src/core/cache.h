/*
 * What is dear to make, kept on disk: bytes by name, made once even when many processes want them
 * at the same time.
 *
 * An entry is a file NAME.entry whose head says how long it is and what its SHA-256 is; what does
 * not agree with its head is made again. The maker holds a lock (flock) on NAME.lock, so a maker
 * that dies leaves the work to the next one at once. The cache is never necessary: where it can't
 * be written, things are made and not kept.
 */
#ifndef ASSAY_CORE_CACHE_H
#define ASSAY_CORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "core/progress.h"
#include "core/sha256.h"

/* $XDG_CACHE_HOME/assay, or ~/.cache/assay where that is not set (or not absolute, which its
 * specification says to ignore). ASSAY_ENOTFOUND when HOME is not set either. */
int assay_cache_directory(char *out, size_t size);

typedef struct assay_cache_entry {
    unsigned char *data; /* what was found; NULL: it is to be made */
    size_t size;
    char name[ASSAY_SHA256_HEX];
    char reason[512];    /* why what is made can't be kept, "" when it can */
    int directory, lock; /* file descriptors, or -1 */
} assay_cache_entry;

/*
 * Look for the entry whose name is the hexadecimal SHA-256 `name`. ASSAY_OK with data, or without:
 * then the caller makes it and holds the lock until assay_cache_end. While another process makes
 * it this waits; `waiting` hears what the other one tells with assay_cache_tell (total 0: nothing
 * yet), several times a second, and may give up: ASSAY_ECANCELLED. No other failure: `reason`.
 */
int assay_cache_begin(
    const char *directory, const char *name, const assay_progress *waiting, assay_cache_entry *out);

/* How far the maker is, for those who wait. */
void assay_cache_tell(const assay_cache_entry *entry, double done, double total);

/* Keep what was made. ASSAY_EIO when it can't be kept: the entry is then not there. */
int assay_cache_put(assay_cache_entry *entry, const void *data, size_t size);

/* Free the data and release the lock; an entry that is zero but for -1 in its descriptors, or ended
 * before, is fine. */
void assay_cache_end(assay_cache_entry *entry);

/* Remove an entry whose content, although it is what was written, is of no use. */
void assay_cache_drop(const assay_cache_entry *entry);

typedef struct assay_cache_trimmed {
    size_t entries, removed, busy; /* busy: stayed because somebody makes or reads them */
    uint64_t left, freed;          /* bytes; freed also counts what makers that died left */
} assay_cache_trimmed;

/* Remove entries, the least recently used first, until their files hold at most `limit` bytes; none
 * that is in use. What makers that died left goes too, other files stay. A directory that is not
 * there is empty. ASSAY_EIO when it can't be read or a file can't be removed. */
int assay_cache_trim(const char *directory, uint64_t limit, assay_cache_trimmed *out);

#endif
