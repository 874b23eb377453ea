/* Files that are written whole or not at all. */
#ifndef ASSAY_CORE_FILE_H
#define ASSAY_CORE_FILE_H

#include <stddef.h>

/*
 * Write `size` bytes to the file `path`, relative to the open `directory` (or AT_FDCWD), with the
 * permissions of the file that is there, else `mode` less the umask. A new file takes the old one's
 * place (a link is followed and stays), so that nobody reads half of it and a failure leaves the
 * old one; what is no regular file (a pipe, a device) is written to as it is. Errors: ASSAY_EIO
 * with the path and the reason, ASSAY_ENOMEM.
 */
int assay_file_write(int directory, const char *path, const void *data, size_t size, int mode);

#endif
