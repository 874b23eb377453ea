/* The thread-local message behind assay_errmsg. */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[4096];

int assay_fail(int status, const char *format, ...)
{
    /* The arguments may point into the old message, so the new one is built beside it. */
    char text[sizeof message];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(message, sizeof message, "%s", text);
    return status;
}

const char *assay_errmsg(void)
{
    return message;
}
