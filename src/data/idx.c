/* IDX files. See idx.h for the format; the header's sizes are held against the file's before memory
 * is asked for. */
#include "data/idx.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/status.h"
#include "data/input.h"
#include "data/swap.h"

struct assay_idx {
    assay_input *input;
    assay_array shape; /* without data */
    size_t item_size;  /* bytes */
    size_t item;       /* items read */
};

static const struct {
    unsigned char code;
    assay_element type;
} codes[] = {{0x08, ASSAY_U8}, {0x09, ASSAY_I8}, {0x0b, ASSAY_I16}, {0x0c, ASSAY_I32},
    {0x0d, ASSAY_F32}, {0x0e, ASSAY_F64}};

enum { CODES = sizeof codes / sizeof *codes };

static int take_type(assay_idx *file, unsigned char code)
{
    for (size_t i = 0; i < CODES; i++)
        if (codes[i].code == code) {
            file->shape.type = codes[i].type;
            return ASSAY_OK;
        }
    return assay_input_refuse(
        file->input, "the type must be 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e, got 0x%02x", code);
}

static int take_sides(assay_idx *file)
{
    uint64_t most = 0;
    size_t item = assay_element_size(file->shape.type);
    for (size_t i = 0; i < file->shape.rank; i++) {
        unsigned char b[4];
        int status = assay_input_read(file->input, b, sizeof b);
        if (status)
            return status;
        size_t side = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
        file->shape.shape[i] = side;
        most = assay_input_most(file->input);
        if (i > 0 && side > 0 && item > SIZE_MAX / 2 / side)
            return assay_input_refuse(file->input, "the sides' product is beyond all memory");
        if (i > 0)
            item *= side;
    }
    file->item_size = item;
    if (item > 0 && file->shape.shape[0] > most / item)
        return assay_input_refuse(file->input,
            "the header speaks of %zu items of %zu bytes, but at most %llu bytes follow",
            file->shape.shape[0], item, (unsigned long long)most);
    return ASSAY_OK;
}

static int take_header(assay_idx *file)
{
    unsigned char magic[4];
    int status = assay_input_read(file->input, magic, sizeof magic);
    if (status)
        return status;
    if (magic[0] != 0 || magic[1] != 0)
        return assay_input_refuse(
            file->input, "this is no IDX file: it must begin with two zero bytes");
    if (magic[3] < 1 || magic[3] > ASSAY_ARRAY_MAX_RANK)
        return assay_input_refuse(
            file->input, "the rank must be in 1..%d, got %d", (int)ASSAY_ARRAY_MAX_RANK, magic[3]);
    file->shape.rank = magic[3];
    status = take_type(file, magic[2]);
    return status ? status : take_sides(file);
}

int assay_idx_open(const char *path, const assay_progress *progress, assay_idx **out)
{
    assay_idx *file = calloc(1, sizeof *file);
    if (!file)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    int status = assay_input_open(path, progress, &file->input);
    if (!status)
        status = take_header(file);
    if (status)
        assay_idx_close(file);
    else
        *out = file;
    return status;
}

void assay_idx_close(assay_idx *file)
{
    if (!file)
        return;
    assay_input_close(file->input);
    free(file);
}

assay_array assay_idx_shape(const assay_idx *file)
{
    return file->shape;
}

static size_t limited(const assay_idx *file, size_t items)
{
    size_t left = file->shape.shape[0] - file->item;
    return items < left ? items : left;
}

static int advance(assay_idx *file, void *out, size_t items)
{
    int status = assay_input_read(file->input, out, items * file->item_size);
    if (status)
        return status;
    file->item += items;
    return file->item == file->shape.shape[0] ? assay_input_end(file->input) : ASSAY_OK;
}

int assay_idx_next(assay_idx *file, size_t items, assay_array *out)
{
    assay_array array = file->shape;
    array.shape[0] = limited(file, items);
    int status = assay_array_alloc(array.type, array.rank, array.shape, &array);
    if (status)
        return status;
    status = advance(file, array.data, array.shape[0]);
    if (status) {
        assay_array_free(&array);
        return status;
    }
    assay_from_big_endian(array.data, assay_array_count(&array), assay_element_size(array.type));
    *out = array;
    return ASSAY_OK;
}

int assay_idx_skip(assay_idx *file, size_t items)
{
    return advance(file, NULL, limited(file, items));
}

int assay_idx_read(const char *path, const assay_progress *progress, assay_array *out)
{
    assay_idx *file = NULL;
    int status = assay_idx_open(path, progress, &file);
    if (!status)
        status = assay_idx_next(file, SIZE_MAX, out);
    assay_idx_close(file);
    return status;
}

/* ------------------------------------------------------------------ writing */

static int header_of(const assay_array *array, unsigned char *header)
{
    assay_element type = array->type == ASSAY_BOOL ? ASSAY_U8 : array->type;
    for (size_t i = 0; i < CODES; i++)
        if (codes[i].type == type)
            header[2] = codes[i].code;
    if (header[2] == 0)
        return assay_fail(ASSAY_EINVAL, "idx: IDX holds u8, i8, i16, i32, f32 and f64, got %s",
            assay_element_name(array->type));
    if (array->rank < 1)
        return assay_fail(ASSAY_EINVAL, "idx: rank must be at least 1, got 0");
    header[3] = (unsigned char)array->rank;
    for (size_t i = 0; i < array->rank; i++) {
        if (array->shape[i] > UINT32_MAX)
            return assay_fail(
                ASSAY_EINVAL, "idx: a side must be below 2^32, got %zu", array->shape[i]);
        for (size_t j = 0; j < 4; j++)
            header[4 + 4 * i + j] = (unsigned char)(array->shape[i] >> (24 - 8 * j));
    }
    return ASSAY_OK;
}

static bool write_elements(gzFile out, const assay_array *array)
{
    unsigned char chunk[8192];
    size_t size = assay_element_size(array->type), count = assay_array_count(array);
    size_t most = sizeof chunk / size;
    for (size_t i = 0; i < count; i += most) {
        size_t now = count - i < most ? count - i : most;
        memcpy(chunk, (const char *)array->data + i * size, now * size);
        assay_from_big_endian(chunk, now, size);
        if (gzwrite(out, chunk, (unsigned)(now * size)) != (int)(now * size))
            return false;
    }
    return true;
}

int assay_idx_write(const char *path, const assay_array *array)
{
    unsigned char header[4 + 4 * ASSAY_ARRAY_MAX_RANK] = {0};
    int status = header_of(array, header);
    if (status)
        return status;
    size_t length = strlen(path), size = 4 + 4 * array->rank;
    bool gzip = length > 3 && strcmp(path + length - 3, ".gz") == 0;
    gzFile out = gzopen(path, gzip ? "wb" : "wbT"); /* T: as it is */
    if (!out)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    bool good = gzwrite(out, header, (unsigned)size) == (int)size && write_elements(out, array);
    if (gzclose(out) != Z_OK || !good) {
        status = assay_fail(ASSAY_EIO, "%s: cannot write: %s", path, strerror(errno));
        remove(path);
    }
    return status;
}
