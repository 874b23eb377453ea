/* What this machine is and has. For this room, and for who tells what it will do. */
#ifndef ASSAY_RUN_MACHINE_H
#define ASSAY_RUN_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int assay_machine_cores(void);       /* that this process may use */
uint64_t assay_machine_tasks(void);  /* processes and their threads that this user has now */
uint64_t assay_machine_memory(void); /* bytes: physical, or the control group's limit */

/* {"assay", "build", "lua", "sqlite", "gsl", "blas", "libc", "os", "cpu"} as JSON; the caller
 * frees; NULL: no memory. */
char *assay_machine_versions(void);

/* Why rows may differ that were made under the versions `before` and `now` (as above), in words. */
void assay_machine_cause(const char *before, const char *now, char *out, size_t size);

/* Has this process the file open? */
bool assay_machine_has_open(const char *path);

/* /dev/null, open for reading and writing as a descriptor above the standard streams'; those of
 * them that were closed are /dev/null afterwards. -1 when it can't be opened. */
int assay_machine_null(void);

#endif
