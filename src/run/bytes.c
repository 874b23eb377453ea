/* Bytes that grow, interned names, clean text and the clock. */
#include "run/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/status.h"

int assay_bytes_reserve(assay_bytes *bytes, size_t more)
{
    if (bytes->capacity - bytes->size >= more)
        return ASSAY_OK;
    size_t capacity = bytes->capacity ? bytes->capacity : 256;
    while (capacity - bytes->size < more) {
        if (capacity > SIZE_MAX / 2)
            return assay_fail(ASSAY_ENOMEM, "not enough memory for a buffer of %zu bytes", more);
        capacity *= 2;
    }
    unsigned char *data = realloc(bytes->data, capacity);
    if (!data)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a buffer of %zu bytes", capacity);
    bytes->data = data;
    bytes->capacity = capacity;
    return ASSAY_OK;
}

int assay_bytes_append(assay_bytes *bytes, const void *data, size_t size)
{
    int status = assay_bytes_reserve(bytes, size);
    if (status || !size)
        return status;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return ASSAY_OK;
}

void assay_bytes_consume(assay_bytes *bytes, size_t size)
{
    if (!size)
        return;
    bytes->size -= size;
    memmove(bytes->data, bytes->data + size, bytes->size);
}

void assay_bytes_clear(assay_bytes *bytes, size_t keep)
{
    bytes->size = 0;
    if (bytes->capacity > keep)
        assay_bytes_free(bytes);
}

void assay_bytes_free(assay_bytes *bytes)
{
    free(bytes->data);
    *bytes = (assay_bytes){0};
}

/* FNV-1a, folded so that the low bits depend on all. */
static uint32_t hash(const char *name, size_t size)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return h ^ (h >> 15);
}

/* The slot where the name is, or the empty one where it belongs. */
static size_t find_slot(const assay_names *names, const char *name, size_t size)
{
    size_t mask = names->slot_count - 1;
    size_t slot = hash(name, size) & mask;
    while (names->slots[slot]) {
        const char *known = names->names[names->slots[slot] - 1];
        if (strncmp(known, name, size) == 0 && known[size] == '\0')
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow_names(assay_names *names)
{
    size_t slot_count = names->slot_count ? 2 * names->slot_count : 32;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    char **list = realloc(names->names, slot_count / 2 * sizeof *list);
    if (list)
        names->names = list;
    if (!slots || !list) {
        free(slots);
        return assay_fail(ASSAY_ENOMEM, "not enough memory for %zu names", slot_count / 2);
    }
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    for (size_t i = 0; i < names->count; i++)
        slots[find_slot(names, list[i], strlen(list[i]))] = (uint32_t)i + 1;
    return ASSAY_OK;
}

int assay_names_intern(assay_names *names, const char *name, size_t size, uint32_t *id, bool *added)
{
    *added = false;
    size_t slot = 0;
    if (names->slot_count) {
        slot = find_slot(names, name, size);
        if (names->slots[slot]) {
            *id = names->slots[slot] - 1;
            return ASSAY_OK;
        }
    }
    if (2 * (names->count + 1) > names->slot_count) {
        int status = grow_names(names);
        if (status)
            return status;
        slot = find_slot(names, name, size);
    }
    char *copy = strndup(name, size);
    if (!copy)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a name");
    *id = (uint32_t)names->count;
    names->names[names->count++] = copy;
    names->slots[slot] = *id + 1;
    *added = true;
    return ASSAY_OK;
}

void assay_names_free(assay_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
    free(names->slots);
    *names = (assay_names){0};
}

/* Bytes of the well-formed UTF-8 sequence at `text`, 0 when there is none (RFC 3629, section 4). */
static size_t utf8_length(const unsigned char *text, size_t length)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    bool surrogate = first == 0xed && text[1] > 0x9f;
    bool too_large = first == 0xf4 && text[1] > 0x8f;
    return overlong || surrogate || too_large ? 0 : n;
}

void assay_text_clean(const char *text, size_t length, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        const char *piece = text + i;
        size_t n = utf8_length((const unsigned char *)piece, length - i);
        size_t step = n ? n : 1;
        if (n == 0 || *piece == '\0') {
            piece = "\xef\xbf\xbd";
            n = 3;
        } else if (n == 1 && ((unsigned char)*piece < 0x20 || *piece == 0x7f) && *piece != '\n' &&
                   *piece != '\t') {
            piece = "?";
        }
        if (used + n + 1 > size)
            break;
        memcpy(out + used, piece, n);
        used += n;
        i += step;
    }
    out[used] = '\0';
}

double assay_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
