/* Plain text corpora: UTF-8 files, whole, and their lines or paragraphs. */
#ifndef ASSAY_DATA_TEXT_H
#define ASSAY_DATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/progress.h"

/* The file's bytes without a byte order mark, and behind them a NUL; the caller frees them. Plain
 * or gzip; `progress` may be NULL. ASSAY_EFORMAT with line and byte where it is not UTF-8 (RFC
 * 3629: no overlong forms, no surrogates) or holds a NUL. */
int assay_text_read(const char *path, const assay_progress *progress, char **text, size_t *size);

typedef enum assay_text_unit {
    ASSAY_TEXT_LINES,      /* without LF or CRLF; one behind the last line end is none */
    ASSAY_TEXT_PARAGRAPHS, /* what stands between lines that are empty or blank */
} assay_text_unit;

/* The next unit from *at on, which moves behind it; false when there is none. */
bool assay_text_next(const char *text, size_t size, assay_text_unit unit, size_t *at,
    const char **start, size_t *length);

#endif
