/* See save.h. */
#include "tui/save.h"

#include <fcntl.h>

#include "core/file.h"
#include "core/status.h"

int tui_save(struct tui *tui, const char *path, const void *data, size_t size)
{
    int status = assay_file_write(AT_FDCWD, path, data, size, 0666);
    if (status == ASSAY_OK)
        tui_say(tui, TUI_GOOD, "wrote %s", path);
    return status;
}
