/*
 * NPY and NPZ. The header of an array is a Python dict literal of three known keys, which a parser
 * of exactly that reads; the archive is found by the central directory at its end, as zip wants it
 * (local headers may lack the sizes).
 */
#include "data/npy.h"

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

/* ------------------------------------------------------------------ the header of an array */

struct header {
    assay_array array; /* without data */
    bool swapped, fortran;
    bool has_descr, has_order, has_shape;
    const char *text; /* what is still to be parsed */
};

static void skip_blanks(struct header *h)
{
    h->text += strspn(h->text, " \t\r\n");
}

static bool take(struct header *h, char c)
{
    skip_blanks(h);
    if (*h->text != c)
        return false;
    h->text++;
    return true;
}

/* 'text' or "text", without escapes. */
static bool take_quoted(struct header *h, char *out, size_t size)
{
    skip_blanks(h);
    char quote = *h->text;
    const char *end = quote == '\'' || quote == '"' ? strchr(h->text + 1, quote) : NULL;
    if (!end || (size_t)(end - h->text - 1) >= size)
        return false;
    size_t length = (size_t)(end - h->text - 1);
    memcpy(out, h->text + 1, length);
    out[length] = '\0';
    h->text = end + 1;
    return true;
}

static bool take_word(struct header *h, const char *word)
{
    skip_blanks(h);
    size_t length = strlen(word);
    if (strncmp(h->text, word, length) != 0)
        return false;
    h->text += length;
    return true;
}

static const struct {
    const char *code;
    assay_element type;
} descrs[] = {{"b1", ASSAY_BOOL}, {"u1", ASSAY_U8}, {"i1", ASSAY_I8}, {"u2", ASSAY_U16},
    {"i2", ASSAY_I16}, {"u4", ASSAY_U32}, {"i4", ASSAY_I32}, {"u8", ASSAY_U64}, {"i8", ASSAY_I64},
    {"f4", ASSAY_F32}, {"f8", ASSAY_F64}};

static const char *descr_of(assay_element type)
{
    for (size_t i = 0; i < sizeof descrs / sizeof *descrs; i++)
        if (descrs[i].type == type)
            return descrs[i].code;
    return NULL;
}

static int take_descr(struct header *h, const assay_input *input)
{
    char descr[64] = "";
    if (!take_quoted(h, descr, sizeof descr))
        return assay_input_refuse(input, "descr must be a plain type such as '<f8'; structured "
                                         "arrays are not read");
    const char *orders = "<>|=", *order = descr[0] ? strchr(orders, descr[0]) : NULL;
    for (size_t i = 0; order && i < sizeof descrs / sizeof *descrs; i++)
        if (strcmp(descr + 1, descrs[i].code) == 0) {
            h->array.type = descrs[i].type;
            h->swapped = (*order == '<' && !assay_is_little_endian()) ||
                         (*order == '>' && assay_is_little_endian());
            return ASSAY_OK;
        }
    return assay_input_refuse(input,
        "arrays of type '%s' are not read; the types are b1, i1 to i8, u1 to u8, f4 and f8", descr);
}

static int take_shape(struct header *h, const assay_input *input)
{
    bool good = take(h, '(');
    while (good && !take(h, ')')) {
        skip_blanks(h);
        size_t digits = strspn(h->text, "0123456789");
        if (h->array.rank == ASSAY_ARRAY_MAX_RANK)
            return assay_input_refuse(
                input, "the rank must be at most %d", (int)ASSAY_ARRAY_MAX_RANK);
        good = digits > 0 && digits <= 18;
        if (!good)
            break;
        h->array.shape[h->array.rank++] = (size_t)strtoull(h->text, NULL, 10);
        h->text += digits;
        h->text += *h->text == 'L'; /* Python 2 */
        skip_blanks(h);
        good = take(h, ',') || *h->text == ')';
    }
    return good ? ASSAY_OK : assay_input_refuse(input, "the shape must be a tuple of sides");
}

static int take_entry(struct header *h, const assay_input *input)
{
    char key[32];
    if (!take_quoted(h, key, sizeof key) || !take(h, ':'))
        return assay_input_refuse(input, "the header is no dict of descr, fortran_order and shape");
    if (strcmp(key, "descr") == 0 && !h->has_descr) {
        h->has_descr = true;
        return take_descr(h, input);
    }
    if (strcmp(key, "shape") == 0 && !h->has_shape) {
        h->has_shape = true;
        return take_shape(h, input);
    }
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->has_order = true;
        h->fortran = take_word(h, "True");
        if (h->fortran || take_word(h, "False"))
            return ASSAY_OK;
    }
    return assay_input_refuse(input, "\"%s\" in the header is unknown, repeated or wrong", key);
}

static int parse_header(struct header *h, const assay_input *input)
{
    int status = ASSAY_OK;
    bool good = take(h, '{');
    while (good && !status && !take(h, '}')) {
        status = take_entry(h, input);
        if (!status && !take(h, ',')) {
            good = take(h, '}');
            break;
        }
    }
    skip_blanks(h);
    if (!status && (!good || *h->text || !h->has_descr || !h->has_order || !h->has_shape))
        status =
            assay_input_refuse(input, "the header is no dict of descr, fortran_order and shape");
    return status;
}

/* "\x93NUMPY", version, length of the header in 2 or (from version 2 on) 4 bytes, header. */
static int read_header(struct header *h, assay_input *input)
{
    unsigned char start[8], length[4] = {0};
    int status = assay_input_read(input, start, sizeof start);
    if (status)
        return status;
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return assay_input_refuse(input, "this is no NPY file: it must begin with \\x93NUMPY");
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return assay_input_refuse(
            input, "the format's version must be 1.0, 2.0 or 3.0, got %d.%d", start[6], start[7]);
    status = assay_input_read(input, length, start[6] == 1 ? 2 : 4);
    if (status)
        return status;
    size_t size =
        (size_t)length[3] << 24 | (size_t)length[2] << 16 | (size_t)length[1] << 8 | length[0];
    if (size > 65535)
        return assay_input_refuse(input, "a header of %zu bytes; 65535 are enough", size);
    char *text = calloc(size + 1, 1);
    if (!text)
        return assay_fail(ASSAY_ENOMEM, "npy: out of memory");
    status = assay_input_read(input, text, size);
    h->text = text;
    if (!status)
        status = strlen(text) == size ? parse_header(h, input)
                                      : assay_input_refuse(input, "a NUL byte in the header");
    h->text = NULL;
    free(text);
    return status;
}

/* ------------------------------------------------------------------ an array */

/* Fortran order: the first position varies fastest. Walks the target in order. */
static int from_fortran(assay_array *array, const assay_progress *progress)
{
    assay_array to = {0};
    int status = assay_array_alloc(array->type, array->rank, array->shape, &to);
    if (status)
        return status;
    size_t size = assay_element_size(array->type), count = assay_array_count(array);
    size_t at[ASSAY_ARRAY_MAX_RANK] = {0}, strides[ASSAY_ARRAY_MAX_RANK], from = 0, stride = 1;
    for (size_t j = 0; j < array->rank; j++) {
        strides[j] = stride;
        stride *= array->shape[j];
    }
    for (size_t i = 0; i < count && !status; i++) {
        if (i % (1 << 20) == 0) /* all is read: only to be stopped */
            status = assay_progress_report(progress, 1, 1);
        memcpy((char *)to.data + i * size, (const char *)array->data + from * size, size);
        for (size_t j = array->rank; j-- > 0;) {
            from += strides[j];
            if (++at[j] < array->shape[j])
                break;
            from -= strides[j] * array->shape[j];
            at[j] = 0;
        }
    }
    assay_array_free(status ? &to : array);
    if (!status)
        *array = to;
    return status;
}

static int size_is_there(const assay_array *array, const assay_input *input)
{
    uint64_t most = assay_input_most(input), bytes = assay_element_size(array->type);
    for (size_t i = 0; i < array->rank; i++)
        if (array->shape[i] == 0)
            return ASSAY_OK;
    for (size_t i = 0; i < array->rank; i++) {
        if (bytes > most / array->shape[i])
            return assay_input_refuse(input,
                "the array that the header speaks of is larger than the %llu bytes that can follow",
                (unsigned long long)most);
        bytes *= array->shape[i];
    }
    return ASSAY_OK;
}

/* bool is 0 or 1 by its type; a file may hold anything. */
static int check_bools(const assay_array *array, const assay_input *input)
{
    const unsigned char *bytes = array->data;
    for (size_t i = 0; array->type == ASSAY_BOOL && i < assay_array_count(array); i++)
        if (bytes[i] > 1)
            return assay_input_refuse(
                input, "element %zu of a bool array is the byte %d", i, bytes[i]);
    return ASSAY_OK;
}

/* ------------------------------------------------------------------ an array, in parts */

struct assay_npy {
    assay_input *input;
    struct header header;
    size_t item; /* the next one */
    const assay_progress *progress;
};

/* Owns the input, also when it fails. */
static int open_on(assay_input *input, const assay_progress *progress, assay_npy **out)
{
    assay_npy *file = calloc(1, sizeof *file);
    if (!file) {
        assay_input_close(input);
        return assay_fail(ASSAY_ENOMEM, "npy: out of memory");
    }
    file->input = input;
    file->progress = progress;
    int status = read_header(&file->header, input);
    if (!status)
        status = size_is_there(&file->header.array, input);
    if (status)
        assay_npy_close(file);
    else
        *out = file;
    return status;
}

int assay_npy_open(const char *path, const assay_progress *progress, assay_npy **out)
{
    assay_input *input = NULL;
    int status = assay_input_open(path, progress, &input);
    return status ? status : open_on(input, progress, out);
}

void assay_npy_close(assay_npy *file)
{
    if (!file)
        return;
    assay_input_close(file->input);
    free(file);
}

assay_array assay_npy_shape(const assay_npy *file)
{
    return file->header.array;
}

static size_t all_items(const assay_npy *file)
{
    return file->header.array.rank ? file->header.array.shape[0] : 1;
}

/* The shape of the next items; a part is refused where they lie scattered. */
static int next_shape(const assay_npy *file, size_t items, assay_array *out)
{
    const size_t left = all_items(file) - file->item;
    *out = file->header.array;
    if (out->rank > 0)
        out->shape[0] = items < left ? items : left;
    if (file->header.fortran && out->rank > 1 && out->shape[0] > 0 &&
        out->shape[0] < all_items(file))
        return assay_fail(
            ASSAY_EINVAL, "npy: this array is in Fortran order: it is read whole or not at all");
    return ASSAY_OK;
}

/* `out` NULL: past them. */
static int advance(assay_npy *file, const assay_array *shape, void *out)
{
    const size_t bytes = assay_array_count(shape) * assay_element_size(shape->type);
    int status = assay_input_read(file->input, out, bytes);
    if (status)
        return status;
    file->item += shape->rank ? shape->shape[0] : 1;
    return file->item == all_items(file) ? assay_input_end(file->input) : ASSAY_OK;
}

/* As the machine and C have it. */
static int convert(const assay_npy *file, assay_array *array)
{
    if (file->header.swapped)
        assay_swap_bytes(array->data, assay_array_count(array), assay_element_size(array->type));
    int status = check_bools(array, file->input);
    if (!status && file->header.fortran && array->rank > 1)
        status = from_fortran(array, file->progress);
    return status;
}

int assay_npy_next(assay_npy *file, size_t items, assay_array *out)
{
    assay_array array;
    int status = next_shape(file, items, &array);
    if (!status)
        status = assay_array_alloc(array.type, array.rank, array.shape, &array);
    if (status)
        return status;
    status = advance(file, &array, array.data);
    if (!status)
        status = convert(file, &array);
    if (status)
        assay_array_free(&array);
    else
        *out = array;
    return status;
}

int assay_npy_skip(assay_npy *file, size_t items)
{
    assay_array shape;
    int status = next_shape(file, items, &shape);
    return status ? status : advance(file, &shape, NULL);
}

static int read_array(assay_input *input, const assay_progress *progress, assay_array *out)
{
    assay_npy *file = NULL;
    int status = open_on(input, progress, &file);
    if (!status)
        status = assay_npy_next(file, SIZE_MAX, out);
    assay_npy_close(file);
    return status;
}

int assay_npy_read(const char *path, const assay_progress *progress, assay_array *out)
{
    assay_input *input = NULL;
    int status = assay_input_open(path, progress, &input);
    return status ? status : read_array(input, progress, out);
}

/* ------------------------------------------------------------------ the archive's directory */

struct member {
    char *name; /* without .npy */
    uint64_t stored, size, offset;
    uint32_t crc;
    unsigned method;
};

struct directory {
    const char *path;
    unsigned char *bytes; /* of the directory, then of the end record while it is looked for */
    size_t size;
    uint64_t file_size, entries, offset;
    struct member *members;
    size_t count;
};

static uint64_t le(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    while (size-- > 0)
        value = value << 8 | bytes[size];
    return value;
}

static int refuse(const struct directory *d, uint64_t at, const char *text)
{
    return assay_fail(ASSAY_EFORMAT, "%s: byte %llu: %s", d->path, (unsigned long long)at, text);
}

static int read_at(const struct directory *d, FILE *file, uint64_t at, void *out, size_t size)
{
    if (at > d->file_size || size > d->file_size - at)
        return refuse(d, at, "the archive says that something is here, behind its end");
    if (fseeko(file, (off_t)at, SEEK_SET) != 0 || fread(out, 1, size, file) != size)
        return assay_fail(ASSAY_EIO, "%s: %s", d->path, errno ? strerror(errno) : "cut while read");
    return ASSAY_OK;
}

/* Counts and places beyond 32 bits stand in a record of their own before the end record. */
static int take_zip64(struct directory *d, FILE *file, uint64_t end)
{
    unsigned char locator[20], record[56];
    if (end < sizeof locator)
        return ASSAY_OK;
    int status = read_at(d, file, end - sizeof locator, locator, sizeof locator);
    if (status || memcmp(locator, "PK\6\7", 4) != 0)
        return status;
    status = read_at(d, file, le(locator + 8, 8), record, sizeof record);
    if (!status && memcmp(record, "PK\6\6", 4) != 0)
        status = refuse(d, le(locator + 8, 8), "the zip64 end record is not here");
    if (status)
        return status;
    d->entries = le(record + 32, 8);
    d->size = (size_t)le(record + 40, 8);
    d->offset = le(record + 48, 8);
    return ASSAY_OK;
}

/* The end record is the last 22 bytes, unless a comment of up to 65535 bytes follows. */
static int find_directory(struct directory *d, FILE *file)
{
    enum { END = 22, LONGEST = END + 65535 };
    unsigned char tail[LONGEST];
    size_t size = d->file_size < LONGEST ? (size_t)d->file_size : LONGEST;
    int status = read_at(d, file, d->file_size - size, tail, size);
    if (status)
        return status;
    for (size_t i = size; i-- > 0;) {
        if (size - i < END || memcmp(tail + i, "PK\5\6", 4) != 0 ||
            le(tail + i + 20, 2) != size - i - END)
            continue;
        d->entries = le(tail + i + 10, 2);
        d->size = (size_t)le(tail + i + 12, 4);
        d->offset = le(tail + i + 16, 4);
        return take_zip64(d, file, d->file_size - size + i);
    }
    return refuse(d, d->file_size, "this is no zip archive, or it is cut: no end record");
}

/* Sizes that are all ones stand in the extra field 1, in this order. */
static void take_extra(struct member *m, const unsigned char *extra, size_t size)
{
    uint64_t *const fields[] = {&m->size, &m->stored, &m->offset};
    while (size >= 4) {
        size_t length = (size_t)le(extra + 2, 2);
        if (length > size - 4)
            return;
        const unsigned char *at = extra + 4, *end = at + length;
        for (size_t i = 0; le(extra, 2) == 1 && i < 3; i++)
            if (*fields[i] == UINT32_MAX && end - at >= 8) {
                *fields[i] = le(at, 8);
                at += 8;
            }
        extra += 4 + length;
        size -= 4 + length;
    }
}

static int take_name(
    struct directory *d, struct member *m, const unsigned char *name, size_t length)
{
    if (length == 0 || memchr(name, 0, length))
        return refuse(d, d->offset, "a member's name is empty or holds a NUL byte");
    if (length > 4 && memcmp(name + length - 4, ".npy", 4) == 0)
        length -= 4;
    m->name = strndup((const char *)name, length);
    if (!m->name)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", d->path);
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->members[i].name, m->name) == 0)
            return assay_fail(ASSAY_EFORMAT, "%s: two arrays are named \"%s\"", d->path, m->name);
    return ASSAY_OK;
}

/* An entry of the directory: 46 bytes, name, extra fields, comment. */
static int take_member(struct directory *d, size_t *at)
{
    const unsigned char *entry = d->bytes + *at;
    if (d->size - *at < 46 || memcmp(entry, "PK\1\2", 4) != 0)
        return refuse(d, d->offset + *at, "the directory's next entry is not here");
    size_t name = (size_t)le(entry + 28, 2), extra = (size_t)le(entry + 30, 2);
    size_t whole = 46 + name + extra + (size_t)le(entry + 32, 2);
    if (whole > d->size - *at)
        return refuse(d, d->offset + *at, "an entry reaches beyond the directory");
    struct member *m = &d->members[d->count];
    *m = (struct member){.method = (unsigned)le(entry + 10, 2),
        .crc = (uint32_t)le(entry + 16, 4),
        .stored = le(entry + 20, 4),
        .size = le(entry + 24, 4),
        .offset = le(entry + 42, 4)};
    take_extra(m, entry + 46 + name, extra);
    int status = take_name(d, m, entry + 46, name);
    d->count += m->name != NULL;
    if (!status && (le(entry + 8, 2) & 1))
        status = assay_fail(ASSAY_EFORMAT, "%s(%s): is encrypted", d->path, m->name);
    if (!status && m->method != 0 && m->method != 8)
        status = assay_fail(ASSAY_EFORMAT, "%s(%s): zip method %u; 0 and 8 (deflate) are read",
            d->path, m->name, m->method);
    *at += whole;
    return status;
}

/* Data follow the local header, whose name and extra fields may differ from the directory's. */
static int find_data(const struct directory *d, FILE *file, struct member *m)
{
    unsigned char local[30];
    int status = read_at(d, file, m->offset, local, sizeof local);
    if (!status && memcmp(local, "PK\3\4", 4) != 0)
        status = refuse(d, m->offset, "a member should begin here");
    if (!status)
        m->offset += sizeof local + le(local + 26, 2) + le(local + 28, 2);
    return status;
}

static int read_members(struct directory *d, FILE *file)
{
    if (d->offset > d->file_size || d->size > d->file_size - d->offset || d->entries > d->size / 46)
        return refuse(d, d->offset, "a directory of that many entries cannot be here");
    d->bytes = malloc(d->size + 1);
    d->members = calloc(d->entries + 1, sizeof *d->members);
    if (!d->bytes || !d->members)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", d->path);
    int status = read_at(d, file, d->offset, d->bytes, d->size);
    size_t at = 0;
    for (uint64_t i = 0; i < d->entries && !status; i++) {
        status = take_member(d, &at);
        if (!status)
            status = find_data(d, file, &d->members[d->count - 1]);
    }
    return status;
}

static void close_directory(struct directory *d)
{
    for (size_t i = 0; i < d->count; i++)
        free(d->members[i].name);
    free(d->members);
    free(d->bytes);
}

static int open_directory(const char *path, struct directory *d)
{
    *d = (struct directory){.path = path};
    FILE *file = fopen(path, "rb");
    if (!file || fseeko(file, 0, SEEK_END) != 0) {
        int status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return status;
    }
    off_t size = ftello(file);
    d->file_size = size > 0 ? (uint64_t)size : 0;
    int status = find_directory(d, file);
    if (!status)
        status = read_members(d, file);
    fclose(file);
    if (status)
        close_directory(d);
    return status;
}

/* ------------------------------------------------------------------ reading archives */

static int read_member(
    const char *path, const struct member *m, const assay_progress *progress, assay_array *out)
{
    assay_input *input = NULL;
    int status = assay_input_open_part(
        path, m->name, m->offset, m->stored, m->method == 8, m->size, m->crc, progress, &input);
    return status ? status : read_array(input, progress, out);
}

void assay_npz_free(assay_npz *archive)
{
    for (size_t i = 0; i < archive->count; i++) {
        free(archive->names[i]);
        assay_array_free(&archive->arrays[i]);
    }
    free(archive->names);
    free(archive->arrays);
    *archive = (assay_npz){0};
}

int assay_npz_read(const char *path, const assay_progress *progress, assay_npz *out)
{
    struct directory d;
    int status = open_directory(path, &d);
    if (status)
        return status;
    assay_npz archive = {.names = calloc(d.count + 1, sizeof *archive.names),
        .arrays = calloc(d.count + 1, sizeof *archive.arrays)};
    if (!archive.names || !archive.arrays)
        status = assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < d.count && !status; i++) {
        status = read_member(path, &d.members[i], progress, &archive.arrays[i]);
        if (status)
            break;
        archive.names[i] = d.members[i].name;
        d.members[i].name = NULL;
        archive.count++;
    }
    close_directory(&d);
    if (status)
        assay_npz_free(&archive);
    else
        *out = archive;
    return status;
}

static int not_there(const struct directory *d, const char *name)
{
    char names[512] = "";
    for (size_t i = 0, at = 0; i < d->count && at < sizeof names - 1; i++) {
        int wrote =
            snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", d->members[i].name);
        at += (size_t)wrote < sizeof names - at ? (size_t)wrote : sizeof names - 1 - at;
    }
    return assay_fail(
        ASSAY_ENOTFOUND, "%s: holds no array \"%s\" (there are: %s)", d->path, name, names);
}

int assay_npz_read_one(
    const char *path, const char *name, const assay_progress *progress, assay_array *out)
{
    struct directory d;
    int status = open_directory(path, &d);
    if (status)
        return status;
    const struct member *found = NULL;
    for (size_t i = 0; i < d.count && !found; i++)
        if (strcmp(d.members[i].name, name) == 0)
            found = &d.members[i];
    status = found ? read_member(path, found, progress, out) : not_there(&d, name);
    close_directory(&d);
    return status;
}

/* ------------------------------------------------------------------ writing */

enum { HEADER_ROOM = 512 };

/* The whole header, a multiple of 64 bytes, so that data are aligned; its size. */
static size_t make_header(const assay_array *array, char *header)
{
    char order = assay_element_size(array->type) == 1 ? '|' : assay_is_little_endian() ? '<' : '>';
    char *text = header + 10;
    int at = sprintf(
        text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, descr_of(array->type));
    for (size_t i = 0; i < array->rank; i++)
        at += sprintf(text + at, "%s%zu", i ? ", " : "", array->shape[i]);
    at += sprintf(text + at, "%s), }", array->rank == 1 ? "," : "");
    size_t size = ((size_t)at + 11 + 63) / 64 * 64;
    memset(text + at, ' ', size - 10 - (size_t)at);
    header[size - 1] = '\n';
    memcpy(header, "\x93NUMPY\1", 8);
    header[8] = (char)((size - 10) & 255);
    header[9] = (char)((size - 10) >> 8);
    return size;
}

static size_t bytes_of(const assay_array *array)
{
    return assay_array_count(array) * assay_element_size(array->type);
}

static int finish_file(FILE *file, const char *path)
{
    bool bad = ferror(file) != 0;
    if (fclose(file) == 0 && !bad)
        return ASSAY_OK;
    int status = assay_fail(ASSAY_EIO, "%s: cannot write: %s", path, strerror(errno));
    remove(path);
    return status;
}

int assay_npy_write(const char *path, const assay_array *array)
{
    char header[HEADER_ROOM];
    FILE *file = fopen(path, "wb");
    if (!file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    fwrite(header, 1, make_header(array, header), file);
    fwrite(array->data, 1, bytes_of(array), file);
    return finish_file(file, path);
}

static void put(unsigned char **at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *(*at)++ = (unsigned char)(value >> 8 * i);
}

struct written {
    uint32_t crc, size, offset;
};

/* What local header and directory have in common: version, flags, method, time, CRC, sizes, name.
 */
static void put_common(unsigned char **at, const struct written *w, size_t name)
{
    put(at, 20, 2);
    put(at, 0x800, 2);        /* the name is UTF-8 */
    put(at, 0, 2);            /* stored */
    put(at, 0, 2);            /* at 0:00 ... */
    put(at, 1u << 5 | 1u, 2); /* ... of 1980-01-01 */
    put(at, w->crc, 4);
    put(at, w->size, 4);
    put(at, w->size, 4);
    put(at, name + 4, 2);
    put(at, 0, 2);
}

static void write_member(FILE *file, const char *name, const assay_array *array, struct written *w)
{
    char header[HEADER_ROOM];
    unsigned char local[30], *at = local;
    size_t length = make_header(array, header), bytes = bytes_of(array);
    uLong crc = crc32(0, (const unsigned char *)header, (uInt)length);
    w->crc = (uint32_t)(bytes ? crc32(crc, array->data, (uInt)bytes) : crc);
    w->size = (uint32_t)(length + bytes);
    put(&at, 0x04034b50, 4);
    put_common(&at, w, strlen(name));
    fwrite(local, 1, sizeof local, file);
    fprintf(file, "%s.npy", name);
    fwrite(header, 1, length, file);
    fwrite(array->data, 1, bytes, file);
}

static uint32_t write_entry(FILE *file, const char *name, const struct written *w)
{
    unsigned char entry[46] = {0}, *at = entry;
    put(&at, 0x02014b50, 4);
    put(&at, 20, 2);
    put_common(&at, w, strlen(name));
    at = entry + 42;
    put(&at, w->offset, 4);
    fwrite(entry, 1, sizeof entry, file);
    fprintf(file, "%s.npy", name);
    return (uint32_t)(sizeof entry + strlen(name) + 4);
}

static int check_archive(size_t count, const char *const *names, const assay_array *arrays)
{
    uint64_t total = 0;
    if (count > 65534)
        return assay_fail(ASSAY_EINVAL, "npz: at most 65534 arrays, got %zu", count);
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '\0' || strlen(names[i]) > 60000)
            return assay_fail(ASSAY_EINVAL, "npz: an array's name must have 1..60000 bytes");
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return assay_fail(ASSAY_EINVAL, "npz: two arrays are named \"%s\"", names[i]);
        total += bytes_of(&arrays[i]) + HEADER_ROOM + 2 * (strlen(names[i]) + 64);
    }
    if (total > UINT32_MAX)
        return assay_fail(ASSAY_EINVAL,
            "npz: an archive must stay below 4 GiB, got %llu bytes; write .npy files",
            (unsigned long long)total);
    return ASSAY_OK;
}

static void write_archive(FILE *file, size_t count, const char *const *names,
    const assay_array *arrays, struct written *members)
{
    uint32_t offset = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        members[i].offset = offset;
        write_member(file, names[i], &arrays[i], &members[i]);
        offset += (uint32_t)(30 + strlen(names[i]) + 4) + members[i].size;
    }
    for (size_t i = 0; i < count; i++)
        size += write_entry(file, names[i], &members[i]);
    unsigned char end[22] = {0}, *at = end;
    put(&at, 0x06054b50, 4);
    put(&at, 0, 4);
    put(&at, count, 2);
    put(&at, count, 2);
    put(&at, size, 4);
    put(&at, offset, 4);
    fwrite(end, 1, sizeof end, file);
}

int assay_npz_write(
    const char *path, size_t count, const char *const *names, const assay_array *arrays)
{
    int status = check_archive(count, names, arrays);
    if (status)
        return status;
    struct written *members = calloc(count + 1, sizeof *members);
    FILE *file = members ? fopen(path, "wb") : NULL;
    if (!members)
        status = assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    else if (!file)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    if (!status) {
        write_archive(file, count, names, arrays, members);
        status = finish_file(file, path);
    }
    free(members);
    return status;
}
