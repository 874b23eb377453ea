/* Plain text. A corpus is wanted in memory whole (tokenisers and splits go back and forth), so that
 * it is read whole. */
#include "data/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "data/input.h"

/* Bytes of the character at p, 0 when it is none (Unicode 15, table 3-7). */
static size_t character(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] > 0xf4 || p[0] == 0 || length > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (length > 1 && (p[1] < low || p[1] > high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static int check_utf8(const char *path, const char *text, size_t size)
{
    size_t line = 1, length;
    for (size_t i = 0; i < size; i += length) {
        length = character((const unsigned char *)text + i, size - i);
        if (length == 0)
            return assay_fail(ASSAY_EFORMAT,
                "%s:%zu: byte %zu (0x%02x) is not UTF-8 text; convert it with iconv", path, line, i,
                (unsigned char)text[i]);
        line += text[i] == '\n';
    }
    return ASSAY_OK;
}

int assay_text_read(const char *path, const assay_progress *progress, char **text, size_t *size)
{
    assay_input *input = NULL;
    char *bytes = NULL;
    int status = assay_input_open(path, progress, &input);
    if (!status)
        status = assay_input_read_rest(input, &bytes, size);
    if (!status)
        status = check_utf8(path, bytes, *size);
    if (!status && *size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        *size -= 3;
        memmove(bytes, bytes + 3, *size + 1);
    }
    assay_input_close(input);
    if (status)
        free(bytes);
    else
        *text = bytes;
    return status;
}

/* ------------------------------------------------------------------ units */

static bool next_line(const char *text, size_t size, size_t *at, const char **start, size_t *length)
{
    if (*at >= size)
        return false;
    *start = text + *at;
    const char *end = memchr(*start, '\n', size - *at);
    *length = end ? (size_t)(end - *start) : size - *at;
    *at += *length + (end != NULL);
    if (end && *length > 0 && (*start)[*length - 1] == '\r')
        --*length;
    return true;
}

static bool is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r", line[i]))
            return false;
    return true;
}

bool assay_text_next(const char *text, size_t size, assay_text_unit unit, size_t *at,
    const char **start, size_t *length)
{
    const char *line;
    size_t line_length;
    bool any = next_line(text, size, at, start, length);
    if (unit == ASSAY_TEXT_LINES)
        return any;
    while (any && is_blank(*start, *length))
        any = next_line(text, size, at, start, length);
    if (!any)
        return false;
    while (next_line(text, size, at, &line, &line_length) && !is_blank(line, line_length))
        *length = (size_t)(line - *start) + line_length;
    return true;
}
