/*
 * Arrays of numbers. One switch reads an element and one writes it; whole arrays of bytes, which is
 * what images are, go through them too: at 1 ns an element nothing is gained by twenty loops.
 */
#include "data/array.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

static const struct {
    const char *name;
    size_t size;
    double least, most; /* of the integer types; doubles next to the limits of 64 bits */
} elements[] = {
    [ASSAY_BOOL] = {"bool", 1, 0, 1},
    [ASSAY_U8] = {"u8", 1, 0, UINT8_MAX},
    [ASSAY_I8] = {"i8", 1, INT8_MIN, INT8_MAX},
    [ASSAY_U16] = {"u16", 2, 0, UINT16_MAX},
    [ASSAY_I16] = {"i16", 2, INT16_MIN, INT16_MAX},
    [ASSAY_U32] = {"u32", 4, 0, UINT32_MAX},
    [ASSAY_I32] = {"i32", 4, INT32_MIN, INT32_MAX},
    [ASSAY_U64] = {"u64", 8, 0, 0x1.fffffffffffffp63},
    [ASSAY_I64] = {"i64", 8, -0x1p63, 0x1.fffffffffffffp62},
    [ASSAY_F32] = {"f32", 4, 0, 0},
    [ASSAY_F64] = {"f64", 8, 0, 0},
};

enum { ELEMENTS = sizeof elements / sizeof *elements };

size_t assay_element_size(assay_element type)
{
    return elements[type].size;
}

const char *assay_element_name(assay_element type)
{
    return elements[type].name;
}

int assay_element_find(const char *name, assay_element *type)
{
    for (size_t i = 0; i < ELEMENTS; i++)
        if (strcmp(elements[i].name, name) == 0) {
            *type = (assay_element)i;
            return ASSAY_OK;
        }
    return assay_fail(ASSAY_ENOTFOUND,
        "array: type must be bool, u8, i8, u16, i16, u32, i32, u64, i64, f32 or f64, got \"%s\"",
        name);
}

size_t assay_array_count(const assay_array *array)
{
    size_t count = 1;
    for (size_t i = 0; i < array->rank; i++)
        count *= array->shape[i];
    return count;
}

/* The bytes of an array; the product of the other sides of an empty one must fit, too. */
static int size_of(assay_element type, size_t rank, const size_t *shape, size_t *bytes)
{
    size_t total = elements[type].size;
    bool empty = false;
    for (size_t i = 0; i < rank; i++) {
        empty = empty || shape[i] == 0;
        if (shape[i] != 0 && total > (size_t)PTRDIFF_MAX / shape[i])
            return assay_fail(ASSAY_ENOMEM, "array: its size does not fit in memory");
        total *= shape[i] ? shape[i] : 1;
    }
    *bytes = empty ? 0 : total;
    return ASSAY_OK;
}

int assay_array_alloc(assay_element type, size_t rank, const size_t *shape, assay_array *out)
{
    if (rank > ASSAY_ARRAY_MAX_RANK)
        return assay_fail(ASSAY_EINVAL, "array: rank must be at most %d, got %zu",
            (int)ASSAY_ARRAY_MAX_RANK, rank);
    size_t bytes = 0;
    int status = size_of(type, rank, shape, &bytes);
    if (status)
        return status;
    assay_array array = {.type = type, .rank = rank};
    for (size_t i = 0; i < rank; i++)
        array.shape[i] = shape[i];
    array.data = calloc(bytes ? bytes : 1, 1);
    if (!array.data)
        return assay_fail(ASSAY_ENOMEM, "array: %zu bytes do not fit in memory", bytes);
    *out = array;
    return ASSAY_OK;
}

void assay_array_free(assay_array *array)
{
    free(array->data);
    *array = (assay_array){0};
}

double assay_array_at(const assay_array *array, size_t i)
{
    const void *data = array->data;
    switch (array->type) {
    case ASSAY_BOOL:
    case ASSAY_U8:
        return ((const uint8_t *)data)[i];
    case ASSAY_I8:
        return ((const int8_t *)data)[i];
    case ASSAY_U16:
        return ((const uint16_t *)data)[i];
    case ASSAY_I16:
        return ((const int16_t *)data)[i];
    case ASSAY_U32:
        return ((const uint32_t *)data)[i];
    case ASSAY_I32:
        return ((const int32_t *)data)[i];
    case ASSAY_U64:
        return (double)((const uint64_t *)data)[i];
    case ASSAY_I64:
        return (double)((const int64_t *)data)[i];
    case ASSAY_F32:
        return (double)((const float *)data)[i];
    default:
        return ((const double *)data)[i];
    }
}

static bool is_float(assay_element type)
{
    return type == ASSAY_F32 || type == ASSAY_F64;
}

static int not_held(const assay_array *array, size_t i, const char *as, int bits)
{
    return assay_fail(ASSAY_EINVAL,
        "array: element %zu is the integer %.0f; a %s holds integers up to 2^%d", i,
        assay_array_at(array, i), as, bits);
}

int assay_array_doubles(const assay_array *array, double *out)
{
    size_t count = assay_array_count(array);
    bool wide = array->type == ASSAY_U64 || array->type == ASSAY_I64;
    for (size_t i = 0; i < count; i++) {
        out[i] = assay_array_at(array, i);
        if (wide && fabs(out[i]) > 0x1p53)
            return not_held(array, i, "double", 53);
    }
    return ASSAY_OK;
}

int assay_array_floats(const assay_array *array, float *out)
{
    size_t count = assay_array_count(array);
    bool wide = !is_float(array->type) && elements[array->type].size >= 4;
    for (size_t i = 0; i < count; i++) {
        double x = assay_array_at(array, i);
        if (wide && fabs(x) > 0x1p24)
            return not_held(array, i, "float", 24);
        out[i] = (float)x;
    }
    return ASSAY_OK;
}

static void store(assay_array *array, size_t i, double x)
{
    void *data = array->data;
    switch (array->type) {
    case ASSAY_BOOL:
    case ASSAY_U8:
        ((uint8_t *)data)[i] = (uint8_t)x;
        break;
    case ASSAY_I8:
        ((int8_t *)data)[i] = (int8_t)x;
        break;
    case ASSAY_U16:
        ((uint16_t *)data)[i] = (uint16_t)x;
        break;
    case ASSAY_I16:
        ((int16_t *)data)[i] = (int16_t)x;
        break;
    case ASSAY_U32:
        ((uint32_t *)data)[i] = (uint32_t)x;
        break;
    case ASSAY_I32:
        ((int32_t *)data)[i] = (int32_t)x;
        break;
    case ASSAY_U64:
        ((uint64_t *)data)[i] = (uint64_t)x;
        break;
    case ASSAY_I64:
        ((int64_t *)data)[i] = (int64_t)x;
        break;
    case ASSAY_F32:
        ((float *)data)[i] = (float)x;
        break;
    default:
        ((double *)data)[i] = x;
    }
}

int assay_array_set(assay_array *array, size_t i, double x)
{
    double least = elements[array->type].least, most = elements[array->type].most;
    if (!is_float(array->type) && !(x >= least && x <= most && x == floor(x)))
        return assay_fail(ASSAY_EINVAL,
            "array: elements of type %s are whole numbers in %.17g..%.17g, got %.17g",
            elements[array->type].name, least, most, x);
    store(array, i, x);
    return ASSAY_OK;
}
