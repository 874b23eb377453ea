/* IDX by hand, NPY and NPZ as NumPy wrote them: values, round trips, and files that are cut at
 * every byte, changed at every byte, or speak of more than they hold. */
#include "data/idx.h"
#include "data/npy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/status.h"
#include "numpy_files.h"

static char path[] = "/tmp/assay-arrays-XXXXXX.gz"; /* the name does not make it gzip */

static int make_path(void **state)
{
    (void)state;
    int file = mkstemps(path, 3);
    return file < 0 || close(file);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_bytes(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

typedef int read_function(const char *, const assay_progress *, assay_array *);

static int read_first_of_npz(const char *file, const assay_progress *progress, assay_array *out)
{
    assay_npz archive = {0};
    int status = assay_npz_read(file, progress, &archive);
    if (status)
        return status;
    if (archive.count) {
        *out = archive.arrays[0];
        archive.arrays[0] = (assay_array){0};
    }
    assay_npz_free(&archive);
    return ASSAY_OK;
}

static assay_array read_good(read_function *read, const void *bytes, size_t length)
{
    assay_array array = {0};
    write_bytes(bytes, length);
    if (read(path, NULL, &array))
        fail_msg("%s", assay_errmsg());
    return array;
}

static void assert_refused(
    read_function *read, const void *bytes, size_t length, int status, const char *message)
{
    assay_array array = {0};
    write_bytes(bytes, length);
    assert_int_equal(read(path, NULL, &array), status);
    assert_null(array.data);
    if (!strstr(assay_errmsg(), message))
        fail_msg("\"%s\" does not hold \"%s\"", assay_errmsg(), message);
    assert_non_null(strstr(assay_errmsg(), path));
}

static void assert_shape(const assay_array *a, assay_element type, size_t rank, const size_t *shape)
{
    assert_int_equal(a->type, type);
    assert_int_equal(a->rank, rank);
    for (size_t i = 0; i < rank; i++)
        assert_int_equal(a->shape[i], shape[i]);
}

#define SHAPE(...)                                                                                 \
    (const size_t[])                                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const unsigned char images[] = {
    0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255};

static void idx_types(void **state)
{
    (void)state;
    assay_array a = read_good(assay_idx_read, images, sizeof images);
    assert_shape(&a, ASSAY_U8, 3, SHAPE(2, 2, 3));
    assert_true(assay_array_at(&a, 4) == 4 && assay_array_at(&a, 11) == 255);
    assay_array_free(&a);

    static const struct {
        unsigned char bytes[24];
        size_t size;
        assay_element type;
        double value;
    } cases[] = {
        {{0, 0, 0x09, 1, 0, 0, 0, 1, 0xfe}, 9, ASSAY_I8, -2},
        {{0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0x7f}, 10, ASSAY_I16, -129},
        {{0, 0, 0x0c, 1, 0, 0, 0, 1, 0x80, 0, 0, 1}, 12, ASSAY_I32, -2147483647.0},
        {{0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0}, 12, ASSAY_F32, 1.5},
        {{0, 0, 0x0e, 1, 0, 0, 0, 1, 0xc0, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18}, 16, ASSAY_F64,
            -3.141592653589793},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        a = read_good(assay_idx_read, cases[i].bytes, cases[i].size);
        assert_shape(&a, cases[i].type, 1, SHAPE(1));
        assert_true(assay_array_at(&a, 0) == cases[i].value);
        assert_int_equal(assay_idx_write(path, &a), ASSAY_OK); /* and compressed there and back */
        assay_array_free(&a);
        assert_int_equal(assay_idx_read(path, NULL, &a), ASSAY_OK);
        assert_true(assay_array_at(&a, 0) == cases[i].value);
        assay_array_free(&a);
    }
}

static void idx_in_parts(void **state)
{
    (void)state;
    assay_idx *file = NULL;
    assay_array a = {0};
    write_bytes(idx_gzip, sizeof idx_gzip);
    assert_int_equal(assay_idx_open(path, NULL, &file), ASSAY_OK);
    assert_int_equal(assay_idx_shape(file).shape[0], 2);
    assert_int_equal(assay_idx_skip(file, 1), ASSAY_OK);
    assert_int_equal(assay_idx_next(file, 100, &a), ASSAY_OK);
    assert_shape(&a, ASSAY_U8, 3, SHAPE(1, 2, 3));
    assert_true(assay_array_at(&a, 0) == 6 && assay_array_at(&a, 5) == 11);
    assay_array_free(&a);
    assert_int_equal(assay_idx_next(file, 1, &a), ASSAY_OK);
    assert_int_equal(a.shape[0], 0);
    assay_array_free(&a);
    assay_idx_close(file);

    /* Two gzip members, one behind the other, are one file. */
    unsigned char twice[2 * sizeof idx_gzip];
    memcpy(twice, idx_gzip, sizeof idx_gzip);
    memcpy(twice + sizeof idx_gzip, idx_gzip, sizeof idx_gzip);
    assert_refused(
        assay_idx_read, twice, sizeof twice, ASSAY_EFORMAT, "byte 28: more bytes follow");
}

static void idx_lies(void **state)
{
    (void)state;
    unsigned char bytes[sizeof images];
    memcpy(bytes, images, sizeof bytes);
    bytes[4] = 0x7f; /* 2 billion images */
    assert_refused(
        assay_idx_read, bytes, sizeof bytes, ASSAY_EFORMAT, "byte 16: the header speaks of 21307");
    memset(bytes + 4, 0xff, 8);
    assert_refused(
        assay_idx_read, bytes, sizeof bytes, ASSAY_EFORMAT, "byte 16: the header speaks of");
    bytes[3] = 5;
    memset(bytes + 4, 0xff, 20);
    assert_refused(assay_idx_read, bytes, sizeof bytes, ASSAY_EFORMAT, "beyond all memory");
    bytes[3] = 17;
    assert_refused(
        assay_idx_read, bytes, sizeof bytes, ASSAY_EFORMAT, "rank must be in 1..16, got 17");
    bytes[2] = 7;
    bytes[3] = 1;
    assert_refused(assay_idx_read, bytes, sizeof bytes, ASSAY_EFORMAT, "got 0x07");
    assert_refused(assay_idx_read, "PK", 2, ASSAY_EFORMAT, "byte 2: the file ends here");
    assert_refused(assay_idx_read, "\1\2\3\4\5", 5, ASSAY_EFORMAT, "no IDX file");

    assay_array wide = {0};
    assert_int_equal(assay_array_alloc(ASSAY_I64, 1, SHAPE(2), &wide), ASSAY_OK);
    assert_int_equal(assay_idx_write(path, &wide), ASSAY_EINVAL);
    assert_non_null(strstr(assay_errmsg(), "got i64"));
    assay_array_free(&wide);
    assay_array none = {0};
    assert_int_equal(assay_idx_read("/tmp", NULL, &none), ASSAY_EIO);
    assert_int_equal(assay_idx_read("/nowhere/x", NULL, &none), ASSAY_EIO);
}

static void numpy_values(void **state)
{
    (void)state;
    assay_array a = read_good(assay_npy_read, npy_f8, sizeof npy_f8);
    assert_shape(&a, ASSAY_F64, 2, SHAPE(2, 3));
    const double f8[] = {1.5, -2, 3, 4, 5e300, -0.25};
    assert_memory_equal(a.data, f8, sizeof f8);
    assay_array_free(&a);

    a = read_good(assay_npy_read, npy_big_i4_fortran, sizeof npy_big_i4_fortran);
    assert_shape(&a, ASSAY_I32, 3, SHAPE(2, 3, 4));
    for (size_t i = 0; i < 24; i++)
        assert_true(assay_array_at(&a, i) == (double)i - 3);
    assay_array_free(&a);

    a = read_good(assay_npy_read, npy_v2_u2, sizeof npy_v2_u2);
    assert_shape(&a, ASSAY_U16, 1, SHAPE(2));
    assert_true(assay_array_at(&a, 1) == 65535);
    assay_array_free(&a);

    a = read_good(assay_npy_read, npy_v3_bool, sizeof npy_v3_bool);
    assert_shape(&a, ASSAY_BOOL, 2, SHAPE(3, 1));
    assert_memory_equal(a.data, "\1\0\1", 3);
    assay_array_free(&a);

    a = read_good(assay_npy_read, npy_empty, sizeof npy_empty);
    assert_shape(&a, ASSAY_F32, 3, SHAPE(3, 0, 2));
    assay_array_free(&a);

    double as_double;
    a = read_good(assay_npy_read, npy_scalar_i8, sizeof npy_scalar_i8);
    assert_int_equal(a.rank, 0);
    assert_true(*(int64_t *)a.data == -(1LL << 62));
    assert_int_equal(assay_array_doubles(&a, &as_double), ASSAY_EINVAL);
    assert_non_null(strstr(assay_errmsg(), "-4611686018427387904"));
    assay_array_free(&a);

    assert_refused(assay_npy_read, npy_half, sizeof npy_half, ASSAY_EFORMAT, "'<f2'");
    assert_refused(assay_npy_read, npy_struct, sizeof npy_struct, ASSAY_EFORMAT, "structured");
}

/* What we write is byte for byte what NumPy writes. */
static void numpy_writes(void **state)
{
    (void)state;
    static const struct {
        const unsigned char *bytes;
        size_t size;
    } files[] = {{npy_f8, sizeof npy_f8}, {npy_scalar_i8, sizeof npy_scalar_i8},
        {npy_empty, sizeof npy_empty}};
    for (size_t i = 0; i < 3; i++) {
        unsigned char got[1024];
        assay_array a = read_good(assay_npy_read, files[i].bytes, files[i].size);
        assert_int_equal(assay_npy_write(path, &a), ASSAY_OK);
        FILE *file = fopen(path, "rb");
        size_t size = fread(got, 1, sizeof got, file);
        fclose(file);
        assert_int_equal(size, files[i].size);
        assert_memory_equal(got, files[i].bytes, size);
        assay_array_free(&a);
    }
}

static void archives(void **state)
{
    (void)state;
    assay_npz npz = {0};
    write_bytes(npz_stored, sizeof npz_stored);
    assert_int_equal(assay_npz_read(path, NULL, &npz), ASSAY_OK);
    assert_int_equal(npz.count, 2);
    assert_string_equal(npz.names[0], "x");
    assert_string_equal(npz.names[1], "y");
    assert_true(assay_array_at(&npz.arrays[0], 3) == 3 && assay_array_at(&npz.arrays[1], 1) == 1.5);

    assert_int_equal(
        assay_npz_write(path, 2, (const char *const *)npz.names, npz.arrays), ASSAY_OK);
    assay_npz_free(&npz);
    assert_int_equal(assay_npz_read(path, NULL, &npz), ASSAY_OK);
    assert_int_equal(npz.count, 2);
    assert_shape(&npz.arrays[1], ASSAY_F64, 2, SHAPE(1, 2));
    assert_true(assay_array_at(&npz.arrays[1], 1) == 1.5);
    const char *const same[] = {"a", "a"};
    assert_int_equal(assay_npz_write(path, 2, same, npz.arrays), ASSAY_EINVAL);
    assay_npz_free(&npz);

    assay_array a = {0};
    write_bytes(npz_deflated, sizeof npz_deflated);
    assert_int_equal(assay_npz_read_one(path, "ramp", NULL, &a), ASSAY_OK);
    assert_shape(&a, ASSAY_F32, 1, SHAPE(50));
    assert_true(assay_array_at(&a, 49) == 49);
    assay_array_free(&a);
    assert_int_equal(assay_npz_read_one(path, "rump", NULL, &a), ASSAY_ENOTFOUND);
    assert_non_null(strstr(assay_errmsg(), "zeros, ramp"));
}

/* A file that is cut anywhere is refused; one that is changed anywhere is refused or read, and then
 * within its memory (which valgrind and the sanitizers see). */
static void damage(void **state)
{
    (void)state;
    static const struct {
        const unsigned char *bytes;
        size_t size;
        read_function *read;
    } files[] = {{images, sizeof images, assay_idx_read},
        {idx_gzip, sizeof idx_gzip, assay_idx_read}, {npy_f8, sizeof npy_f8, assay_npy_read},
        {npy_v2_u2, sizeof npy_v2_u2, assay_npy_read},
        {npz_stored, sizeof npz_stored, read_first_of_npz},
        {npz_deflated, sizeof npz_deflated, read_first_of_npz}};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        unsigned char *bytes = malloc(files[f].size);
        for (size_t i = 0; i < files[f].size; i++)
            assert_refused(files[f].read, files[f].bytes, i, ASSAY_EFORMAT, "");
        static const unsigned char changes[] = {0x01, 0x80, 0xff};
        for (size_t i = 0; i < 3 * files[f].size; i++) {
            assay_array a = {0};
            memcpy(bytes, files[f].bytes, files[f].size);
            bytes[i / 3] ^= changes[i % 3];
            write_bytes(bytes, files[f].size);
            if (files[f].read(path, NULL, &a) == ASSAY_OK && a.data)
                for (size_t j = 0; j < assay_array_count(&a); j++)
                    (void)isnan(assay_array_at(&a, j));
            assay_array_free(&a);
        }
        free(bytes);
    }
    /* In an archive every byte of an array is under its checksum. */
    unsigned char copy[sizeof npz_stored];
    memcpy(copy, npz_stored, sizeof copy);
    const unsigned char ramp[] = {0, 0, 1, 0, 2, 0, 3, 0};
    unsigned char *data = memmem(copy, sizeof copy, ramp, sizeof ramp);
    assert_non_null(data);
    data[2] ^= 4;
    assert_refused(read_first_of_npz, copy, sizeof copy, ASSAY_EFORMAT, "CRC-32");
    /* So is one of gzip. */
    unsigned char packed[sizeof idx_gzip];
    memcpy(packed, idx_gzip, sizeof packed);
    packed[sizeof packed - 6] ^= 1;
    assert_refused(assay_idx_read, packed, sizeof packed, ASSAY_EFORMAT, "corrupt");
}

static void npy_lies(void **state)
{
    (void)state;
    static const struct {
        const char *header, *message;
    } cases[] = {
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }",
            "larger than the 16"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), "
         "}",
            "larger than the 16"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", "larger than the 16"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "more bytes follow"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }", "tuple of sides"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': 2, }", "tuple of sides"},
        {"{'descr': '<f8', 'fortran_order': Maybe, 'shape': (2,), }", "fortran_order"},
        {"{'descr': '<f8', 'descr': '<f8', 'shape': (2,), }", "repeated"},
        {"{'descr': '<f8', 'shape': (2,), }", "no dict"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)", "no dict"},
        {"{'descr': '<U4', 'fortran_order': False, 'shape': (2,), }", "'<U4'"},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (16,), }", "element 0 of a bool"},
        {"__import__('os')", "no dict"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[256] = "\x93NUMPY\1";
        size_t length = strlen(cases[i].header);
        bytes[8] = (unsigned char)length;
        memcpy(bytes + 10, cases[i].header, length);
        memset(bytes + 10 + length, 7, 16);
        assert_refused(assay_npy_read, bytes, 10 + length + 16, ASSAY_EFORMAT, cases[i].message);
    }
}

static void elements(void **state)
{
    (void)state;
    assay_element type;
    assert_int_equal(assay_element_find("i16", &type), ASSAY_OK);
    assert_int_equal(type, ASSAY_I16);
    assert_int_equal(assay_element_find("i17", &type), ASSAY_ENOTFOUND);
    for (assay_element t = ASSAY_BOOL; t <= ASSAY_F64; t++) {
        assay_array a = {0};
        assert_int_equal(assay_array_alloc(t, 1, SHAPE(2), &a), ASSAY_OK);
        assert_int_equal(assay_array_set(&a, 1, 1), ASSAY_OK);
        assert_true(assay_array_at(&a, 1) == 1 && assay_array_at(&a, 0) == 0);
        int expected = t >= ASSAY_F32 ? ASSAY_OK : ASSAY_EINVAL;
        assert_int_equal(assay_array_set(&a, 0, 0.5), expected);
        assert_int_equal(assay_array_set(&a, 0, NAN), expected);
        assert_int_equal(assay_array_set(&a, 0, 0x1p64), expected);
        assay_array_free(&a);
    }
    assay_array whole = {0};
    float out[1];
    assert_int_equal(assay_array_alloc(ASSAY_I32, 1, SHAPE(1), &whole), ASSAY_OK);
    assert_int_equal(assay_array_set(&whole, 0, 16777217), ASSAY_OK);
    assert_int_equal(assay_array_floats(&whole, out), ASSAY_EINVAL);
    assert_int_equal(assay_array_set(&whole, 0, 16777216), ASSAY_OK);
    assert_int_equal(assay_array_floats(&whole, out), ASSAY_OK);
    assert_true(out[0] == 16777216.0f);
    assay_array_free(&whole);
    assert_int_equal(assay_array_alloc(ASSAY_F64, 2, SHAPE(SIZE_MAX / 4, 4), &whole), ASSAY_ENOMEM);
    assert_int_equal(assay_array_alloc(ASSAY_F64, 17, SHAPE(1), &whole), ASSAY_EINVAL);
}

/* In parts what it is whole; in Fortran order whole or not at all. */
static void npy_in_parts(void **state)
{
    (void)state;
    const size_t shape[] = {7, 3};
    assay_array written = {0}, part = {0};
    assay_npy *file = NULL;
    assert_int_equal(assay_array_alloc(ASSAY_I16, 2, shape, &written), ASSAY_OK);
    for (size_t i = 0; i < 21; i++)
        ((int16_t *)written.data)[i] = (int16_t)(i * i);
    assert_int_equal(assay_npy_write(path, &written), ASSAY_OK);
    assert_int_equal(assay_npy_open(path, NULL, &file), ASSAY_OK);
    assert_int_equal(assay_npy_shape(file).shape[0], 7);
    assert_int_equal(assay_npy_skip(file, 2), ASSAY_OK);
    assert_int_equal(assay_npy_next(file, 3, &part), ASSAY_OK);
    assert_int_equal(part.shape[0], 3);
    assert_memory_equal(part.data, (int16_t *)written.data + 6, 9 * sizeof(int16_t));
    assay_array_free(&part);
    assert_int_equal(assay_npy_next(file, 100, &part), ASSAY_OK);
    assert_int_equal(part.shape[0], 2);
    assert_int_equal(((int16_t *)part.data)[5], 400);
    assay_array_free(&part);
    assert_int_equal(assay_npy_next(file, 1, &part), ASSAY_OK);
    assert_int_equal(part.shape[0], 0);
    assay_array_free(&part);
    assay_npy_close(file);
    assay_array_free(&written);
    write_bytes(npy_big_i4_fortran, sizeof npy_big_i4_fortran);
    assert_int_equal(assay_npy_open(path, NULL, &file), ASSAY_OK);
    assert_int_equal(assay_npy_next(file, 1, &part), ASSAY_EINVAL);
    assert_int_equal(assay_npy_skip(file, 1), ASSAY_EINVAL);
    assert_int_equal(assay_npy_next(file, SIZE_MAX, &part), ASSAY_OK);
    assay_array_free(&part);
    assay_npy_close(file);
}

/* Told from 0 to 1, and stopped where it is asked to. */
struct listener {
    int calls, stop_at;
    double last;
};

static int listen(void *context, double done, double total)
{
    struct listener *l = context;
    assert_true(done >= l->last && done <= total);
    l->last = done;
    return ++l->calls == l->stop_at;
}

static void long_reads_tell_and_stop(void **state)
{
    (void)state;
    const size_t side[] = {5 << 20};
    static read_function *const readers[] = {
        assay_idx_read, assay_idx_read, assay_npy_read, read_first_of_npz};
    assay_array big = {0};
    assert_int_equal(assay_array_alloc(ASSAY_U8, 1, side, &big), ASSAY_OK);
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"big"};
        char file[300];
        struct listener l = {.stop_at = 0};
        const assay_progress progress = {listen, &l};
        assay_array a = {0};
        snprintf(file, sizeof file, "%s%s", path, i == 1 ? ".big.gz" : ".big");
        assert_int_equal(i < 2    ? assay_idx_write(file, &big)
                         : i == 2 ? assay_npy_write(file, &big)
                                  : assay_npz_write(file, 1, names, &big),
            ASSAY_OK);
        assert_int_equal(readers[i](file, &progress, &a), ASSAY_OK);
        assert_true(l.calls >= 5);
        assay_array_free(&a);
        l = (struct listener){.stop_at = 3};
        assert_int_equal(readers[i](file, &progress, &a), ASSAY_ECANCELLED);
        assert_int_equal(l.calls, 3);
        assert_null(a.data);
        unlink(file);
    }
    assay_array_free(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(elements), cmocka_unit_test(idx_types),
        cmocka_unit_test(idx_in_parts), cmocka_unit_test(idx_lies), cmocka_unit_test(numpy_values),
        cmocka_unit_test(numpy_writes), cmocka_unit_test(archives), cmocka_unit_test(npy_lies),
        cmocka_unit_test(damage), cmocka_unit_test(npy_in_parts),
        cmocka_unit_test(long_reads_tell_and_stop)};
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
