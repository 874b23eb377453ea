/* Optimal string alignment distance (Damerau-Levenshtein without repeated edits), three rows. */
#include "core/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 }; /* names are short; what is longer is compared by its first 63 characters */

static int lower(const char *text, size_t i)
{
    return tolower((unsigned char)text[i]);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t assay_edit_distance(const char *a, const char *b)
{
    size_t la = least(strlen(a), LONGEST), lb = least(strlen(b), LONGEST);
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= lb; j++)
        last[j] = j;
    for (size_t i = 1; i <= la; i++) {
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t replace = last[j - 1] + (lower(a, i - 1) != lower(b, j - 1));
            now[j] = least(replace, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a, i - 1) == lower(b, j - 2) &&
                lower(a, i - 2) == lower(b, j - 1))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[lb];
}

static void list(const char *const *known, size_t count, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, " (there are: ");
    for (size_t i = 0; i < count && used < size; i++) {
        if (used + strlen(known[i]) + sizeof ", ...)" > size) {
            used += (size_t)snprintf(out + used, size - used, "...");
            break;
        }
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", known[i], i + 1 < count ? ", " : "");
    }
    if (used < size)
        snprintf(out + used, size - used, ")");
}

void assay_suggest(
    const char *unknown, const char *const *known, size_t count, char *out, size_t size)
{
    size_t best = 0, distance = (size_t)-1;
    for (size_t i = 0; i < count; i++) {
        size_t d = assay_edit_distance(unknown, known[i]);
        if (d < distance) {
            distance = d;
            best = i;
        }
    }
    if (count == 0)
        snprintf(out, size, "%s", "");
    else if (distance <= strlen(known[best]) / 3 + (strlen(known[best]) < 3))
        snprintf(out, size, " (did you mean \"%s\"?)", known[best]);
    else
        list(known, count, out, size);
}
