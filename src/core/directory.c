/* See directory.h. */
#include "core/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int assay_directory_make(const char *path)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(part, 0700); /* the last one tells whether it worked */
        *slash = '/';
    }
    return mkdir(part, 0700) && errno != EEXIST ? -1
                                                : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
