/*
 * Checkpoints: what is written is what others read (the format's own words are checked byte by
 * byte), and no change of a file's bytes, no truncation and no lie of a header is ever a crash or a
 * net that isn't one.
 */
#include <inttypes.h>
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

#include "core/rng.h"
#include "core/status.h"
#include "models/net/checkpoint.h"
#include "models/net/fit.h"
#include "models/net/safetensors.h"

static void ok(int status)
{
    if (status != ASSAY_OK)
        fail_msg("%s", assay_errmsg());
}

static void refuses(int status, int wanted, const char *words)
{
    if (status != wanted || !strstr(assay_errmsg(), words))
        fail_msg("%d \"%s\" is not %d \"%s\"", status, assay_errmsg(), wanted, words);
}

static const char *const spec = "{\"input\":[3],\"layers\":[{\"type\":\"dense\",\"out\":4},"
                                "{\"type\":\"relu\"},{\"type\":\"dense\",\"out\":2}]}";

/* A net in the midst of a training, so that all that can be stored is. */
static assay_net *trained(void)
{
    assay_net *net;
    double x[12] = {1, 2, 3, 0, 1, 0, -1, 0, 2, 3, 1, 1}, losses[3];
    const int32_t labels[4] = {0, 1, 1, 0};
    ok(assay_net_new(spec, 5, SIZE_MAX, &net));
    assay_params_flag(&net->params, "dense1.bias", ASSAY_PARAM_FROZEN, true);
    assay_fit_options o = ASSAY_FIT_DEFAULTS;
    o.training.optimiser.kind = ASSAY_ADAMW;
    o.training.optimiser.lr = 0.1;
    o.training.ema = 0.5;
    o.steps = 3;
    o.batch = 2;
    o.seed = 9;
    const assay_net_data data = {.x = assay_matrix_view(x, 4, 3), .labels = labels, .n_labels = 4};
    ok(assay_net_fit(net, &data, &o, losses));
    return net;
}

static void comes_back_whole(void **state)
{
    (void)state;
    assay_net *net = trained(), *back;
    unsigned char *bytes, *again;
    size_t size, size_again;
    ok(assay_net_encode(net, &bytes, &size));
    ok(assay_net_decode(bytes, size, "bytes", &back));
    const size_t length = net->params.length * sizeof(float);
    assert_memory_equal(back->params.w, net->params.w, length);
    assert_memory_equal(back->state.m, net->state.m, length);
    assert_memory_equal(back->state.v, net->state.v, length);
    assert_memory_equal(back->state.average, net->state.average, length);
    assert_true(back->state.step == 3 && back->state.seed == 9 && back->seed == 5);
    assert_true(back->params.at[1].flags & ASSAY_PARAM_FROZEN);
    assert_false(back->params.at[0].flags & ASSAY_PARAM_FROZEN);
    ok(assay_net_encode(back, &again, &size_again));
    assert_int_equal(size, size_again);
    assert_memory_equal(bytes, again, size);
    free(bytes);
    free(again);
    assay_net_free(net);
    assay_net_free(back);
}

/* The layout as its specification has it, read here by hand. */
static void is_the_format(void **state)
{
    (void)state;
    assay_net *net = trained();
    unsigned char *bytes;
    size_t size;
    uint64_t length;
    float first;
    ok(assay_net_encode(net, &bytes, &size));
    memcpy(&length, bytes, 8);
    assert_true(length % 8 == 0 && length < size);
    assert_int_equal(bytes[8], '{');
    const char *header = (const char *)bytes + 8;
    assert_memory_equal(header + 1, "\"__metadata__\":{\"format\":\"assay.net\"", 36);
    char *text = strndup(header, (size_t)length);
    assert_non_null(strstr(
        text, "\"dense1.weight\":{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[0,48]}"));
    assert_non_null(
        strstr(text, "\"dense1.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[48,64]}"));
    memcpy(&first, bytes + 8 + length + 48, sizeof first);
    assert_true(first == net->params.w[net->params.at[1].off]);
    free(text);
    free(bytes);
    assay_net_free(net);
}

/* ---- headers by hand ---- */

static int parse(const char *header, size_t data, assay_safetensors *out)
{
    static unsigned char bytes[4096];
    const uint64_t length = strlen(header);
    assert_true(8 + length + data <= sizeof bytes);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, (size_t)length);
    return assay_safetensors_parse(bytes, 8 + (size_t)length + data, "file", out);
}

static void reads_what_others_write(void **state)
{
    (void)state;
    assay_safetensors s;
    ok(parse("{\"b\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[8,24]},"
             "\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
             "\"e\":{\"dtype\":\"F16\",\"shape\":[0,3],\"data_offsets\":[24,24]}}   ",
        24, &s));
    assert_int_equal(s.count, 3);
    assert_string_equal(s.at[0].name, "a");
    const assay_stored_tensor *b = assay_safetensors_find(&s, "b");
    assert_true(b && b->rank == 2 && b->count == 4 && b->size == 16);
    assert_null(assay_safetensors_find(&s, "c"));
    assert_null(assay_safetensors_metadata(&s, "format"));
    assay_safetensors_free(&s);
}

static void lies_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *header, *words;
        size_t data;
    } cases[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
            "tensor \"b\" begins at offset 4, where 8 was expected: it overlaps", 12},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}",
            "there is a hole", 16},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "4 bytes after offset 8 belong to no tensor", 12},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "tensor \"a\": offsets 0 and 8 are not within 4 bytes", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
            "tensor \"a\" at offset 0: 8 bytes for 3 numbers of F32", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "not within", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
            "shape[0] is not a whole number", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e3],\"data_offsets\":[0,8]}}",
            "shape[0] is not a whole number", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,8],\"data_offsets\":[0,8]}}",
            "too many numbers", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}",
            "at most 8 numbers", 8},
        {"{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "dtype \"F33\" is not known", 8},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "dtype \"\" is not known", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", "two whole numbers", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "duplicate", 8},
        {"{\"__metadata__\":{\"a\":1}}", "\"a\" is not a text", 0},
        {"{\"__metadata__\":[]}", "__metadata__ is not an object", 0},
        {"[]", "the header is not an object", 0},
        {"{\"a\":7}", "dtype", 0},
        {"{\"a\":", "the header at byte", 0},
        {"{} x", "the header at byte", 0},
        {"", "the header at byte", 0},
    };
    assay_safetensors s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuses(parse(cases[i].header, cases[i].data, &s), ASSAY_EFORMAT, cases[i].words);
        assert_null(s.at);
    }
    const uint64_t lengths[] = {16 + 1, (16 << 20) + 1, UINT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        unsigned char bytes[24] = {0};
        memcpy(bytes, &lengths[i], 8);
        refuses(
            assay_safetensors_parse(bytes, sizeof bytes, "file", &s), ASSAY_EFORMAT, "a header of");
    }
    refuses(assay_safetensors_parse("abc", 3, "file", &s), ASSAY_EFORMAT, "3 bytes are too few");
}

/* ---- files that are safetensors and no such net ---- */

static void write_net(const char *architecture, const char *format, const char *version,
    const char *tensor, size_t count, unsigned char **bytes, size_t *size)
{
    static const float numbers[64];
    const assay_tensor_source tensors[] = {{tensor, 1, &count, numbers}};
    const assay_metadata_source metadata[] = {{"format", format}, {"version", version},
        {"architecture", architecture}, {"seed", "1"}, {"step", "0"}, {"train_seed", "0"},
        {"prediction", "0"}};
    ok(assay_safetensors_encode(tensors, 1, metadata, 7, bytes, size));
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static const char *const small =
        "{\"input\":[2],\"layers\":[{\"type\":\"dense\",\"out\":1,\"bias\":false}]}";
    const struct {
        const char *architecture, *format, *version, *tensor, *words;
        size_t count;
        int status;
    } cases[] = {
        {small, "pt", "1", "w", "holds no net", 2, ASSAY_EFORMAT},
        {small, "assay.net", "2", "w", "by a newer version", 2, ASSAY_EVERSION},
        {small, "assay.net", "x", "w", "\"version\" is not a number", 2, ASSAY_EFORMAT},
        {small, "assay.net", "1", "w", "there is no tensor \"dense1.weight\"", 2, ASSAY_EFORMAT},
        {small, "assay.net", "1", "w", "there is no tensor \"dense1.weight\"", 1, ASSAY_EFORMAT},
        {small, "assay.net", "1", "dense1.weight", "[2], doesn't fit the model's, [1, 2]", 2,
            ASSAY_EFORMAT},
        /* a description that asks for gigabytes is refused by what the file holds */
        {"{\"input\":[60000],\"layers\":[{\"type\":\"dense\",\"out\":30000}]}", "assay.net", "1",
            "dense1.weight", "more numbers than there is room for", 2, ASSAY_EINVAL},
        {"{\"input\":[1,1,1],\"layers\":[{\"type\":\"upsample\"}", "assay.net", "1", "w",
            "the description is not JSON", 2, ASSAY_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_net *net;
        unsigned char *bytes;
        size_t size;
        write_net(cases[i].architecture, cases[i].format, cases[i].version, cases[i].tensor,
            cases[i].count, &bytes, &size);
        refuses(assay_net_decode(bytes, size, "file", &net), cases[i].status, cases[i].words);
        assert_null(net);
        free(bytes);
    }
}

static void growing_images_are_refused(void **state)
{
    (void)state;
    char text[8192] = "{\"input\":[1,2,2],\"layers\":[";
    assay_net *net;
    for (int i = 0; i < 100; i++)
        strcat(text, "{\"type\":\"upsample\"},");
    strcpy(text + strlen(text) - 1, "]}");
    refuses(assay_net_new(text, 1, SIZE_MAX, &net), ASSAY_EINVAL, "layer upsample12: the output");
}

/* ---- mutations ---- */

static void try_bytes(const unsigned char *bytes, size_t size)
{
    assay_net *net;
    unsigned char *copy = malloc(size ? size : 1); /* so that a sanitizer sees what lies beyond */
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    if (assay_net_decode(copy, size, "file", &net) == ASSAY_OK) {
        double x[3] = {1, 2, 3}, y[64];
        if (assay_net_inputs(net) == 3 && assay_net_outputs(net) <= 64) {
            const assay_matrix in = assay_matrix_view(x, 1, 3);
            assay_matrix out = assay_matrix_view(y, 1, assay_net_outputs(net));
            ok(assay_net_predict(net, &in, SIZE_MAX, NULL, &out));
        }
    } else {
        assert_null(net);
    }
    assay_net_free(net);
    free(copy);
}

static void mutated_files_are_no_crash(void **state)
{
    (void)state;
    assay_net *net = trained();
    assay_rng rng = assay_rng_seed(1);
    unsigned char *bytes, *changed;
    size_t size;
    ok(assay_net_encode(net, &bytes, &size));
    changed = malloc(size);
    assert_non_null(changed);
    for (size_t i = 0; i < size; i++) {
        assay_net *none;
        assert_int_not_equal(assay_net_decode(bytes, i, "file", &none), ASSAY_OK);
    }
    for (size_t i = 0; i < size; i++) {
        memcpy(changed, bytes, size);
        changed[i] ^= (unsigned char)(1 << assay_rng_below(&rng, 8));
        try_bytes(changed, size);
    }
    for (int i = 0; i < 3000; i++) {
        memcpy(changed, bytes, size);
        const size_t edits = 1 + assay_rng_below(&rng, 4);
        for (size_t e = 0; e < edits; e++) /* digits and words of the header are what matters */
            changed[8 + assay_rng_below(&rng, 700)] =
                (unsigned char)"0123456789-,:[]{}\" eE."[assay_rng_below(&rng, 22)];
        try_bytes(changed, size);
    }
    free(bytes);
    free(changed);
    assay_net_free(net);
}

/* ---- files ---- */

static void files(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-checkpoint-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assay_net *net = trained(), *back, *other;
    ok(assay_net_save(net, path));
    ok(assay_net_load(path, &back));
    assert_memory_equal(back->params.w, net->params.w, net->params.length * sizeof(float));
    ok(assay_net_new(
        "{\"input\":[3],\"layers\":[{\"type\":\"dense\",\"out\":5}]}", 1, SIZE_MAX, &other));
    refuses(assay_net_restore(other, path), ASSAY_EINVAL,
        "another architecture: \"dense1.weight\" has 12 numbers, the net's 15");
    memset(back->params.w, 0, back->params.length * sizeof(float));
    ok(assay_net_restore(back, path));
    assert_memory_equal(back->params.w, net->params.w, net->params.length * sizeof(float));
    refuses(assay_net_save(net, "/nowhere/x"), ASSAY_EIO, "/nowhere/x");
    assay_net_free(other);
    refuses(assay_net_load("/nowhere/x", &other), ASSAY_EIO, "No such file");
    refuses(assay_net_load("/tmp", &other), ASSAY_EIO, "not a regular file");
    unlink(path);
    assay_net_free(net);
    assay_net_free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_whole),
        cmocka_unit_test(is_the_format),
        cmocka_unit_test(reads_what_others_write),
        cmocka_unit_test(lies_are_named),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(growing_images_are_refused),
        cmocka_unit_test(mutated_files_are_no_crash),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
