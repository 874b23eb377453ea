/* Directories that come about when something is kept in them. */
#ifndef ASSAY_CORE_DIRECTORY_H
#define ASSAY_CORE_DIRECTORY_H

/* Make a directory, and those above it, for this user alone, where they are not there yet. An open
 * descriptor of it, or -1 with errno. */
int assay_directory_make(const char *path);

#endif
