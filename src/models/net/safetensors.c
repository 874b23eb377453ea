/* safetensors; see safetensors.h. */
#include "models/net/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are stored");

enum { MOST_HEADER = 16 << 20, MOST_TENSORS = 1 << 20, LENGTH = 8 };

struct assay_metadata {
    json_t *json; /* an object of strings */
};

static int fail(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(const char *what, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return assay_fail(ASSAY_EFORMAT, "%s: not a safetensors file: %s", what, text);
}

/* ---- reading ---- */

static size_t dtype_size(const char *dtype)
{
    static const struct {
        const char *name;
        size_t size;
    } dtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4},
        {"I16", 2}, {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1}, {"BOOL", 1}};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, dtype) == 0)
            return dtypes[i].size;
    return 0;
}

static bool whole(const json_t *json, size_t *out)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0)
        return false;
    *out = (size_t)json_integer_value(json);
    return true;
}

static int read_shape(const char *what, const json_t *json, assay_stored_tensor *t)
{
    if (!json_is_array(json) || json_array_size(json) > ASSAY_TENSOR_RANK)
        return fail(what, "tensor \"%.64s\": shape must be a list of at most %d numbers", t->name,
            ASSAY_TENSOR_RANK);
    t->rank = (int)json_array_size(json);
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        if (!whole(json_array_get(json, (size_t)i), &t->n[i]))
            return fail(what, "tensor \"%.64s\": shape[%d] is not a whole number", t->name, i);
        if (t->n[i] && t->count > PTRDIFF_MAX / t->n[i])
            return fail(what, "tensor \"%.64s\" has too many numbers", t->name);
        t->count *= t->n[i];
    }
    return ASSAY_OK;
}

static int read_tensor(const char *what, const json_t *json, const unsigned char *data, size_t size,
    assay_stored_tensor *t)
{
    const char *dtype = json_string_value(json_object_get(json, "dtype"));
    const json_t *offsets = json_object_get(json, "data_offsets");
    size_t first = 0, last = 0;
    if (!dtype || dtype_size(dtype) == 0)
        return fail(
            what, "tensor \"%.64s\": dtype \"%.16s\" is not known", t->name, dtype ? dtype : "");
    snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
    const int status = read_shape(what, json_object_get(json, "shape"), t);
    if (status != ASSAY_OK)
        return status;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !whole(json_array_get(offsets, 0), &first) || !whole(json_array_get(offsets, 1), &last))
        return fail(what, "tensor \"%.64s\": data_offsets must be two whole numbers", t->name);
    if (first > last || last > size)
        return fail(what, "tensor \"%.64s\": offsets %zu and %zu are not within %zu bytes", t->name,
            first, last, size);
    if ((last - first) % dtype_size(dtype) != 0 || (last - first) / dtype_size(dtype) != t->count)
        return fail(what, "tensor \"%.64s\" at offset %zu: %zu bytes for %zu numbers of %s",
            t->name, first, last - first, t->count, t->dtype);
    t->data = data + first;
    t->size = last - first;
    return ASSAY_OK;
}

static int by_place(const void *x, const void *y)
{
    const assay_stored_tensor *a = x, *b = y;
    if (a->data != b->data)
        return a->data < b->data ? -1 : 1;
    return (a->size > b->size) - (a->size < b->size);
}

/* One behind the other from the first byte to the last. */
static int check_places(
    const char *what, const assay_safetensors *s, const unsigned char *data, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < s->count; i++) {
        const size_t first = (size_t)(s->at[i].data - data);
        if (first != at)
            return fail(what, "tensor \"%.64s\" begins at offset %zu, where %zu was expected: %s",
                s->at[i].name, first, at, first < at ? "it overlaps another" : "there is a hole");
        at += s->at[i].size;
    }
    return at == size ? ASSAY_OK
                      : fail(what, "%zu bytes after offset %zu belong to no tensor", size - at, at);
}

static int read_metadata(const char *what, json_t *json, assay_safetensors *out)
{
    const char *key;
    json_t *value;
    if (!json_is_object(json))
        return fail(what, "__metadata__ is not an object");
    json_object_foreach(json, key, value) if (!json_is_string(value)) return fail(
        what, "__metadata__: \"%.64s\" is not a text", key);
    out->metadata = malloc(sizeof *out->metadata);
    if (!out->metadata)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", what);
    out->metadata->json = json_incref(json);
    return ASSAY_OK;
}

static int read_entry(const char *what, const char *name, const json_t *json,
    const unsigned char *data, size_t size, assay_safetensors *out)
{
    assay_stored_tensor *t = &out->at[out->count];
    *t = (assay_stored_tensor){.name = strdup(name)};
    if (!t->name)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", what);
    out->count++;
    return read_tensor(what, json, data, size, t);
}

static int read_header(const char *what, json_t *header, const unsigned char *data, size_t size,
    assay_safetensors *out)
{
    const char *name;
    json_t *value;
    int status = ASSAY_OK;
    if (!json_is_object(header) || json_object_size(header) > MOST_TENSORS)
        return fail(what, "the header is not an object of at most %d tensors", MOST_TENSORS);
    out->at = calloc(json_object_size(header) + 1, sizeof *out->at);
    if (!out->at)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", what);
    json_object_foreach(header, name, value)
    {
        status = strcmp(name, "__metadata__") == 0 ? read_metadata(what, value, out)
                                                   : read_entry(what, name, value, data, size, out);
        if (status != ASSAY_OK)
            return status;
    }
    qsort(out->at, out->count, sizeof *out->at, by_place);
    return check_places(what, out, data, size);
}

int assay_safetensors_parse(
    const void *bytes, size_t size, const char *what, assay_safetensors *out)
{
    uint64_t length = 0;
    json_error_t error;
    const unsigned char *data = bytes;
    *out = (assay_safetensors){0};
    if (size < LENGTH)
        return fail(what, "%zu bytes are too few", size);
    memcpy(&length, data, LENGTH);
    if (length > MOST_HEADER || length > size - LENGTH)
        return fail(what, "a header of %llu bytes in a file of %zu (at most %d)",
            (unsigned long long)length, size, MOST_HEADER);
    data += LENGTH;
    json_t *header = json_loadb((const char *)data, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!header)
        return fail(what, "the header at byte %d: %s", error.position, error.text);
    const int status =
        read_header(what, header, data + length, size - LENGTH - (size_t)length, out);
    json_decref(header);
    if (status != ASSAY_OK)
        assay_safetensors_free(out);
    return status;
}

static int read_all(const char *path, int file, unsigned char **bytes, size_t *size)
{
    struct stat info;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
        return assay_fail(ASSAY_EIO, "%s: not a regular file", path);
    *size = (size_t)info.st_size;
    *bytes = malloc(*size + 1);
    if (!*bytes)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory for %zu bytes", path, *size);
    for (size_t done = 0; done < *size;) {
        const ssize_t n = read(file, *bytes + done, *size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return assay_fail(
                ASSAY_EIO, "%s: %s", path, n < 0 ? strerror(errno) : "it became shorter");
        done += (size_t)n;
    }
    return ASSAY_OK;
}

int assay_safetensors_read(const char *path, assay_safetensors *out)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    *out = (assay_safetensors){0};
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    int status = read_all(path, file, &bytes, &size);
    close(file);
    if (status == ASSAY_OK)
        status = assay_safetensors_parse(bytes, size, path, out);
    if (status == ASSAY_OK)
        out->owned = bytes;
    else
        free(bytes);
    return status;
}

void assay_safetensors_free(assay_safetensors *tensors)
{
    for (size_t i = 0; i < tensors->count; i++)
        free(tensors->at[i].name);
    if (tensors->metadata)
        json_decref(tensors->metadata->json);
    free(tensors->metadata);
    free(tensors->at);
    free(tensors->owned);
    *tensors = (assay_safetensors){0};
}

const assay_stored_tensor *assay_safetensors_find(
    const assay_safetensors *tensors, const char *name)
{
    for (size_t i = 0; i < tensors->count; i++)
        if (strcmp(tensors->at[i].name, name) == 0)
            return &tensors->at[i];
    return NULL;
}

const char *assay_safetensors_metadata(const assay_safetensors *tensors, const char *key)
{
    return tensors->metadata ? json_string_value(json_object_get(tensors->metadata->json, key))
                             : NULL;
}

/* ---- writing ---- */

static size_t count_of(const assay_tensor_source *t)
{
    size_t count = 1;
    for (int i = 0; i < t->rank; i++)
        count *= t->n[i];
    return count;
}

static json_t *entry_of(const assay_tensor_source *t, size_t first)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)t->n[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
        (json_int_t)first, (json_int_t)(first + count_of(t) * sizeof(float)));
}

/* The header's text, padded with spaces so that the numbers begin at a multiple of 8. */
static char *header_of(const assay_tensor_source *tensors, size_t n_tensors,
    const assay_metadata_source *metadata, size_t n_metadata)
{
    json_t *header = json_object(), *texts = json_object();
    size_t at = 0;
    for (size_t i = 0; i < n_metadata; i++)
        json_object_set_new(texts, metadata[i].key, json_string(metadata[i].value));
    json_object_set_new(header, "__metadata__", texts);
    for (size_t i = 0; i < n_tensors; i++) {
        json_object_set_new(header, tensors[i].name, entry_of(&tensors[i], at));
        at += count_of(&tensors[i]) * sizeof(float);
    }
    const bool complete = json_object_size(header) == n_tensors + 1;
    char *text = complete ? json_dumps(header, JSON_COMPACT) : NULL, *padded = NULL;
    json_decref(header);
    if (text) {
        const size_t length = strlen(text), whole_length = (length + 7) / 8 * 8;
        padded = malloc(whole_length + 1);
        if (padded) {
            memset(padded, ' ', whole_length);
            memcpy(padded, text, length);
            padded[whole_length] = '\0';
        }
    }
    free(text);
    return padded;
}

int assay_safetensors_encode(const assay_tensor_source *tensors, size_t n_tensors,
    const assay_metadata_source *metadata, size_t n_metadata, unsigned char **bytes, size_t *size)
{
    char *header = header_of(tensors, n_tensors, metadata, n_metadata);
    const uint64_t length = header ? strlen(header) : 0;
    *size = LENGTH + (size_t)length;
    for (size_t i = 0; i < n_tensors; i++)
        *size += count_of(&tensors[i]) * sizeof(float);
    *bytes = header ? malloc(*size) : NULL;
    if (!*bytes) {
        free(header);
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for a file of %zu bytes", *size);
    }
    memcpy(*bytes, &length, LENGTH);
    memcpy(*bytes + LENGTH, header, (size_t)length);
    unsigned char *at = *bytes + LENGTH + length;
    for (size_t i = 0; i < n_tensors; i++) {
        const size_t n = count_of(&tensors[i]) * sizeof(float);
        memcpy(at, tensors[i].data, n);
        at += n;
    }
    free(header);
    return ASSAY_OK;
}

enum { SHAPE_TEXT = 128 };

/* "[16, 3]"; what doesn't fit is left out. */
static const char *shape_text(int rank, const size_t *n, char *out)
{
    size_t at = (size_t)snprintf(out, SHAPE_TEXT, "[");
    for (int i = 0; i < rank && at < SHAPE_TEXT - 2; i++)
        at += (size_t)snprintf(out + at, SHAPE_TEXT - at, "%s%zu", i ? ", " : "", n[i]);
    snprintf(out + (at < SHAPE_TEXT - 2 ? at : SHAPE_TEXT - 2), 2, "]");
    return out;
}

int assay_safetensors_floats(const assay_safetensors *s, const char *what, const char *name,
    int rank, const size_t *n, float *to)
{
    const assay_stored_tensor *t = assay_safetensors_find(s, name);
    if (!t)
        return assay_fail(ASSAY_EFORMAT, "%s: there is no tensor \"%s\"", what, name);
    if (strcmp(t->dtype, "F32") != 0)
        return assay_fail(
            ASSAY_EFORMAT, "%s: tensor \"%s\" must be F32, got %s", what, name, t->dtype);
    bool fits = t->rank == rank;
    for (int i = 0; fits && i < rank; i++)
        fits = t->n[i] == n[i];
    char stored[SHAPE_TEXT], wanted[SHAPE_TEXT];
    if (!fits)
        return assay_fail(ASSAY_EFORMAT, "%s: tensor \"%s\", %s, doesn't fit the model's, %s", what,
            name, shape_text(t->rank, t->n, stored), shape_text(rank, n, wanted));
    memcpy(to, t->data, t->size);
    return ASSAY_OK;
}

int assay_safetensors_decode(
    const void *bytes, size_t size, const char *what, assay_safetensors_reader *reader, void *model)
{
    assay_safetensors s;
    int status = assay_safetensors_parse(bytes, size, what, &s);
    if (status == ASSAY_OK)
        status = reader(&s, what, model);
    assay_safetensors_free(&s);
    return status;
}

int assay_safetensors_load(const char *path, assay_safetensors_reader *reader, void *model)
{
    assay_safetensors s;
    int status = assay_safetensors_read(path, &s);
    if (status == ASSAY_OK)
        status = reader(&s, path, model);
    assay_safetensors_free(&s);
    return status;
}

static int write_all(int file, const unsigned char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(file, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

int assay_safetensors_write(const char *path, const void *bytes, size_t size)
{
    const size_t room = strlen(path) + 16;
    char *temporary = malloc(room);
    if (!temporary)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", path);
    snprintf(temporary, room, "%s.XXXXXX", path);
    const int file = mkstemp(temporary);
    bool good = file >= 0;
    if (good) {
        const mode_t mask = umask(0);
        umask(mask);
        good = fchmod(file, 0666 & ~mask) == 0 && write_all(file, bytes, size) == 0;
        good = close(file) == 0 && good;
        good = good && rename(temporary, path) == 0;
    }
    const int error = errno;
    if (!good && file >= 0)
        unlink(temporary);
    free(temporary);
    return good ? ASSAY_OK : assay_fail(ASSAY_EIO, "%s: %s", path, strerror(error));
}
