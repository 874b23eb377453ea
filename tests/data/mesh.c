/* Meshes of every format by hand against the same square pyramid, their round trips, and files that
 * are cut, changed or lie; texts and their units. */
#include "data/mesh.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "core/status.h"
#include "data/text.h"

static char directory[] = "/tmp/assay-mesh-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void write_file(const char *end, const void *bytes, size_t length)
{
    snprintf(path, sizeof path, "%s/m%s", directory, end);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static const double corners[5][3] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0.5, 0.5, -0.75}};
static const size_t triangles[6][3] = {
    {0, 1, 2}, {0, 2, 3}, {0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 0, 4}};

static void assert_pyramid(const char *end, const void *bytes, size_t length)
{
    assay_mesh mesh = {0};
    write_file(end, bytes, length);
    int status = assay_mesh_read(path, NULL, &mesh);
    unlink(path);
    if (status)
        fail_msg("%s", assay_errmsg());
    assert_int_equal(mesh.vertices, 5);
    assert_memory_equal(mesh.xyz, corners, sizeof corners);
    if (strcmp(end, ".xyz") != 0) {
        assert_int_equal(mesh.faces, 6);
        assert_memory_equal(mesh.corners, triangles, sizeof triangles);
    }
    assay_mesh_free(&mesh);
}

static const char off[] = "# a pyramid\nOFF\n5 5 8\n0 0 0\n1 0 0 # right\n1 1 0\n\n0 1 0 255 0 0\n"
                          ".5 5e-1 -0.75\n4 0 1 2 3\n3 0 1 4\n3 1 2 4\n3 2 3 4 1 0 0\n3 3 0 4\n";
static const char off_glued[] =
    "OFF5 5 8\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n.5 .5 -.75\n4 0 1 2 3\n3 0 1 4\n"
    "3 1 2 4\n3 2 3 4\n3 3 0 4";
static const char obj[] = "mtllib a.mtl\no p\r\nv 0 0 0\r\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvn 0 0 1\nvt "
                          "0 0\nf 1/1/1 2/1 3//1 -1\n"
                          "v 0.5 0.5 -0.75\ns off\nf 1 2 5\nf 2 3 5\nf 3 4 5\nf -2 -5 -1\n";
static const char xyz[] = "# x y z\n0 0 0\n1 0 0 7 7 7\n\n1 1 0\n0 1 0\n0.5 0.5 -0.75";
static const char ply[] =
    "ply\nformat ascii 1.0\ncomment by hand\nelement vertex 5\nproperty float x\nproperty uchar "
    "red\n"
    "property float y\nproperty float z\nelement face 5\nproperty list uchar int vertex_indices\n"
    "element edge 1\nproperty int a\nend_header\n0 9 0 0\n1 9 0 0\n1 9 1 0\n0 9 1 0\n0.5 9 0.5 "
    "-0.75\n"
    "4 0 1 2 3\n3 0 1 4\n3 1 2 4\n3 2 3 4\n3 3 0 4\n17\n";

/* The binary pyramid: doubles x y z, faces with a byte and 16-bit corners. */
static size_t make_binary(unsigned char *out, int big)
{
    static const unsigned char faces[5][5] = {
        {4, 0, 1, 2, 3}, {3, 0, 1, 4}, {3, 1, 2, 4}, {3, 2, 3, 4}, {3, 3, 0, 4}};
    size_t at = (size_t)sprintf((char *)out,
        "ply\nformat binary_%s_endian 1.0\nelement vertex 5\nproperty double x\nproperty double y\n"
        "property double z\nelement face 5\nproperty list uint8 ushort vertex_index\nend_header\n",
        big ? "big" : "little");
    for (size_t i = 0; i < 15; i++) {
        uint64_t bits;
        memcpy(&bits, &corners[i / 3][i % 3], 8);
        for (size_t j = 0; j < 8; j++)
            out[at++] = (unsigned char)(bits >> (big ? 56 - 8 * j : 8 * j));
    }
    for (size_t i = 0; i < 5; i++) {
        out[at++] = faces[i][0];
        for (size_t j = 1; j <= faces[i][0]; j++) {
            out[at++] = big ? 0 : faces[i][j];
            out[at++] = big ? faces[i][j] : 0;
        }
    }
    return at;
}

static void formats(void **state)
{
    (void)state;
    unsigned char binary[1024];
    assert_pyramid(".off", off, strlen(off));
    assert_pyramid(".OFF", off_glued, strlen(off_glued));
    assert_pyramid(".obj", obj, strlen(obj));
    assert_pyramid(".xyz", xyz, strlen(xyz));
    assert_pyramid(".ply", ply, strlen(ply));
    assert_pyramid(".ply", binary, make_binary(binary, 0));
    assert_pyramid(".ply", binary, make_binary(binary, 1));
}

static void round_trips(void **state)
{
    (void)state;
    static const char *const ends[] = {".off", ".obj", ".ply", ".xyz"};
    double points[] = {0.1, 1.0 / 3, -1e-300, 1e300, 5e-324, 2, 3, 4, 5};
    size_t face[] = {2, 1, 0};
    const assay_mesh mesh = {.vertices = 3, .faces = 1, .xyz = points, .corners = face};
    for (size_t i = 0; i < 4; i++) {
        assay_mesh back = {0};
        snprintf(path, sizeof path, "%s/w%s", directory, ends[i]);
        assert_int_equal(assay_mesh_write(path, &mesh), ASSAY_OK);
        assert_int_equal(assay_mesh_read(path, NULL, &back), ASSAY_OK);
        unlink(path);
        assert_int_equal(back.vertices, 3);
        assert_memory_equal(back.xyz, points, sizeof points);
        assert_int_equal(back.faces, i < 3);
        if (i < 3)
            assert_memory_equal(back.corners, face, sizeof face);
        assay_mesh_free(&back);
    }
}

static void assert_refused(const char *end, const void *bytes, size_t length, const char *message)
{
    assay_mesh mesh = {0};
    write_file(end, bytes, length);
    int status = assay_mesh_read(path, NULL, &mesh);
    unlink(path);
    assert_int_equal(status, ASSAY_EFORMAT);
    assert_null(mesh.xyz);
    if (!strstr(assay_errmsg(), message))
        fail_msg("\"%s\" does not hold \"%s\"", assay_errmsg(), message);
}

#define PLY_HEADER(counts)                                                                         \
    "ply\nformat ascii 1.0\nelement vertex " counts                                                \
    "\nproperty float x\nproperty float y\nproperty float z\n"

static void lies(void **state)
{
    (void)state;
    static const struct {
        const char *end, *text, *message;
    } cases[] = {
        {".off", "", ":1: this is no OFF"},
        {".off", "OFF\n", ":2: the numbers of vertices"},
        {".off", "OFF\n999999999999 1 0\n0 0 0\n",
            ":2: the header speaks of 999999999999 vertices"},
        {".off", "OFF\n1 99999999 0\n0 0 0\n", ":2: the header speaks of 99999999 faces"},
        {".off", "OFF\n-1 0 0\n", ":2: the number of vertices must be"},
        {".off", "OFF\n2 0 0\n0 0 0          \n", ":4: the file ends at vertex 2 of 2"},
        {".off", "OFF\n1 0 0\n0 nan 0\n", ":3: y must be a finite number, got \"nan\""},
        {".off", "OFF\n1 0 0\n0 0x\n", ":3: y must be"},
        {".off", "OFF\n1 0 0\n0 0\n", ":3: z is missing"},
        {".off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n",
            ":6: corners must be in 0..2, got 3"},
        {".off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n2 0 1    \n", ":6: a face has at least 3"},
        {".off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n99999999 0 1\n", ":6: a corner is missing"},
        {".off", "OFF\n1 0 0\n0 0 0\n1 1 1\n", ":4: more follows"},
        {".off", "OFF\n0 0 0\n", "holds no vertices"},
        {".obj", "v 0 0\n", ":1: z is missing"},
        {".obj", "v 0 0 0\nf 1 1\n", ":2: a face has at least 3"},
        {".obj", "v 0 0 0\nf 1 1 2\n", "the corner 2, but there are 1"},
        {".obj", "v 0 0 0\nf 1 0 1\n", ":2: a corner must be"},
        {".obj", "v 0 0 0\nf 1 1 -2\n", ":2: corner -2 is before"},
        {".obj", "v 0 0 0\nf 1 1 99999999999999999999\n", ":2: a corner must be"},
        {".obj", "# nothing\n", "holds no vertices"},
        {".xyz", "1 2 inf\n", ":1: z must be a finite"},
        {".ply", "plx\n", ":1: this is no PLY"},
        {".ply", "ply\nformat ascii 2.0\n", ":2: the format's version"},
        {".ply", "ply\nformat text 1.0\n", ":2: the format must be"},
        {".ply", "ply\nelement vertex 1\nproperty float x\nend_header\n1\n",
            ":4: the format is missing"},
        {".ply", PLY_HEADER("1"), "end_header is missing"},
        {".ply", PLY_HEADER("88888888888") "end_header\n0 0 0\n",
            "the header speaks of 88888888888"},
        {".ply", PLY_HEADER("2") "end_header\n0 0 0\n0     \n", ":9: a value is missing"},
        {".ply", PLY_HEADER("2") "end_header\n0 0 0\n         ", "the file ends at 1 of 2"},
        {".ply", PLY_HEADER("1") "end_header\n0 0 0 0\n", ":8: more values"},
        {".ply", PLY_HEADER("1") "property float x\nend_header\n0 0 0 0\n", ":7: this property"},
        {".ply", PLY_HEADER("1") "element face 1\nend_header\n0 0 0\n", "faces must have"},
        {".ply",
            PLY_HEADER("1") "element face 1\nproperty list float int vertex_index\nend_header\n",
            ":8: a list's length"},
        {".ply",
            PLY_HEADER(
                "1") "element face 1\nproperty list int int vertex_index\nend_header\n0 0 0\n"
                     "3 0 0 1\n",
            "the corner 1, but there are 1"},
        {".ply", PLY_HEADER("1") "element more 999999999999\nend_header\n0 0 0\n",
            "element 2 has no properties"},
        {".ply", "ply\nformat ascii 1.0\nproperty float x\n", ":3: a property stands before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].end, cases[i].text, strlen(cases[i].text), cases[i].message);
    assay_mesh none = {0};
    assert_int_equal(assay_mesh_read("a.stl", NULL, &none), ASSAY_EINVAL);
    assert_int_equal(assay_mesh_read("/nowhere/a.off", NULL, &none), ASSAY_EIO);

    unsigned char binary[1024];
    size_t length = make_binary(binary, 0);
    for (size_t i = 0; i < length; i++)
        assert_refused(".ply", binary, i, "");
    binary[length] = 0;
    assert_refused(".ply", binary, length + 1, "byte");
    memcpy(binary + length - 2, "\x05\x00", 2);
    assert_refused(".ply", binary, length, "the corner 5, but there are 5");
}

/* Refused or read, within its memory. */
static void changes(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    const struct {
        const char *end;
        const void *bytes;
        size_t length;
    } files[] = {{".off", off, strlen(off)}, {".obj", obj, strlen(obj)}, {".ply", ply, strlen(ply)},
        {".ply", NULL, make_binary(bytes, 1)}};
    for (size_t f = 0; f < 4; f++)
        for (size_t i = 0; i < 2 * files[f].length; i++) {
            assay_mesh mesh = {0};
            if (files[f].bytes)
                memcpy(bytes, files[f].bytes, files[f].length);
            else
                make_binary(bytes, 1);
            bytes[i / 2] ^= i % 2 ? 0x80 : 0x08;
            write_file(files[f].end, bytes, files[f].length);
            if (assay_mesh_read(path, NULL, &mesh) == ASSAY_OK)
                for (size_t j = 0; j < 3 * mesh.faces; j++)
                    assert_true(mesh.corners[j] < mesh.vertices);
            assay_mesh_free(&mesh);
            unlink(path);
        }
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        {"plain\n", ASSAY_OK},
        {"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 "
         "\xf4\x8f\xbf\xbf",
            ASSAY_OK},
        {"", ASSAY_OK},
        {"a\n\xc0\xaf", ASSAY_EFORMAT},      /* overlong */
        {"\xe0\x9f\xbf", ASSAY_EFORMAT},     /* overlong */
        {"\xf0\x8f\xbf\xbf", ASSAY_EFORMAT}, /* overlong */
        {"\xed\xa0\x80", ASSAY_EFORMAT},     /* a surrogate */
        {"\xf4\x90\x80\x80", ASSAY_EFORMAT}, /* beyond U+10FFFF */
        {"\x80", ASSAY_EFORMAT},
        {"\xe2\x82", ASSAY_EFORMAT}, /* cut */
        {"\xe2\x28\xa1", ASSAY_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        size_t size = 0;
        write_file(".txt", cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(assay_text_read(path, NULL, &text, &size), cases[i].status);
        if (!cases[i].status) {
            assert_int_equal(size, strlen(cases[i].bytes));
            assert_string_equal(text, cases[i].bytes);
        }
        if (i == 3)
            assert_non_null(strstr(assay_errmsg(), ":2: byte 2 (0xc0)"));
        free(text);
    }
    char *text = NULL;
    size_t size = 0;
    write_file(".txt", "a\0b", 3);
    assert_int_equal(assay_text_read(path, NULL, &text, &size), ASSAY_EFORMAT);
    write_file(".txt",
        "\xef\xbb\xbf"
        "b",
        4);
    assert_int_equal(assay_text_read(path, NULL, &text, &size), ASSAY_OK);
    assert_string_equal(text, "b");
    free(text);
    unlink(path);
}

static void units(void **state)
{
    (void)state;
    static const char text[] = "\n \t\none\r\ntwo\n\n\nthree";
    static const char *const lines[] = {"", " \t", "one", "two", "", "", "three"};
    static const char *const paragraphs[] = {"one\r\ntwo", "three"};
    const char *start;
    size_t at = 0, length, n = 0;
    for (; assay_text_next(text, strlen(text), ASSAY_TEXT_LINES, &at, &start, &length); n++) {
        assert_int_equal(length, strlen(lines[n]));
        assert_memory_equal(start, lines[n], length);
    }
    assert_int_equal(n, 7);
    for (at = n = 0;
         assay_text_next(text, strlen(text), ASSAY_TEXT_PARAGRAPHS, &at, &start, &length); n++) {
        assert_int_equal(length, strlen(paragraphs[n]));
        assert_memory_equal(start, paragraphs[n], length);
    }
    assert_int_equal(n, 2);
}

/* ---- long files ---- */

static int stop_late(void *context, double done, double total)
{
    int *calls = context;
    assert_true(done >= 0 && done <= total);
    return ++*calls == 4;
}

static void writes_gzip(const char *file, const char *bytes, size_t length)
{
    gzFile out = gzopen(file, "wb");
    assert_non_null(out);
    assert_int_equal(gzwrite(out, bytes, (unsigned)length), (int)length);
    assert_int_equal(gzclose(out), Z_OK);
}

static void compressed_meshes(void **state)
{
    (void)state;
    assay_mesh plain = {0}, packed = {0};
    write_file(".off", off, strlen(off));
    assert_int_equal(assay_mesh_read(path, NULL, &plain), ASSAY_OK);
    unlink(path);
    strcat(path, ".gz");
    writes_gzip(path, off, strlen(off));
    assert_int_equal(assay_mesh_read(path, NULL, &packed), ASSAY_OK);
    assert_int_equal(packed.vertices, plain.vertices);
    assert_int_equal(packed.faces, plain.faces);
    assert_memory_equal(packed.xyz, plain.xyz, 3 * plain.vertices * sizeof *plain.xyz);
    assert_int_equal(assay_mesh_write(path, &plain), ASSAY_EINVAL);
    unlink(path);
    assay_mesh_free(&plain);
    assay_mesh_free(&packed);
    assert_int_equal(assay_mesh_read("a.gz", NULL, &packed), ASSAY_EINVAL);
}

/* 100000 points: some two megabytes, some lines between two reports. */
static void long_files_tell_and_stop(void **state)
{
    (void)state;
    enum { POINTS = 100000, LINE = 24 };
    char *lines = malloc(POINTS * LINE + 1);
    assert_non_null(lines);
    for (size_t i = 0; i < POINTS; i++)
        sprintf(lines + i * LINE, "%06zu 0.25 0.123456789\n", i);
    write_file(".xyz", lines, POINTS * LINE);
    int calls = 0;
    const assay_progress progress = {stop_late, &calls};
    assay_mesh mesh = {0};
    assert_int_equal(assay_mesh_read(path, &progress, &mesh), ASSAY_ECANCELLED);
    assert_int_equal(calls, 4);
    assert_null(mesh.xyz);
    calls = 4; /* never again */
    assert_int_equal(assay_mesh_read(path, &progress, &mesh), ASSAY_OK);
    assert_int_equal(mesh.vertices, POINTS);
    assert_true(calls > 8);
    assay_mesh_free(&mesh);
    unlink(path);
    write_file(".txt", lines, POINTS * LINE);
    char *text = NULL;
    size_t size;
    calls = 3;
    assert_int_equal(assay_text_read(path, &progress, &text, &size), ASSAY_ECANCELLED);
    assert_null(text);
    unlink(path);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(formats), cmocka_unit_test(round_trips),
        cmocka_unit_test(lies), cmocka_unit_test(changes), cmocka_unit_test(texts),
        cmocka_unit_test(units), cmocka_unit_test(compressed_meshes),
        cmocka_unit_test(long_files_tell_and_stop)};
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
