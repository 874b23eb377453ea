/* Frames: what is written is what is read, in whatever pieces it comes; what is damaged is refused
 * without a read or write out of bounds (the sanitizers watch). */
#include "run/frame.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/rng.h"
#include "core/status.h"

/* All that a writer sends for two rows, a note, an artifact and its end. */
static size_t record(unsigned char *out, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assay_frame_writer writer;
    assert_int_equal(assay_frame_writer_open(&writer, ends[1]), ASSAY_OK);
    assay_cell_sink sink = assay_frame_sink(&writer);
    sink.row_begin(sink.context);
    sink.row_number(sink.context, "loss", NAN);
    sink.row_integer(sink.context, "step", INT64_MIN);
    sink.row_text(sink.context, "kind", "a\0b", 3);
    sink.row_end(sink.context);
    sink.row_begin(sink.context);
    sink.row_integer(sink.context, "step", 2);
    sink.row_number(sink.context, "loss", -0.0);
    sink.row_end(sink.context);
    sink.note(sink.context, "half way");
    sink.artifact(sink.context, "grid", "text/plain", "0123456789", 10);
    assert_int_equal(assay_frame_done(&writer), ASSAY_OK);
    assay_frame_writer_close(&writer);
    close(ends[1]);
    ssize_t n = read(ends[0], out, size);
    close(ends[0]);
    assert_true(n > 0 && (size_t)n < size);
    return (size_t)n;
}

static void expect_first_row(const assay_frame *frame)
{
    size_t at = 0;
    bool corrupt;
    assay_row_entry entry;
    assert_true(assay_row_next(frame->payload, frame->size, &at, &entry, &corrupt));
    assert_int_equal(entry.name, 0);
    assert_true(isnan(entry.number));
    assert_true(assay_row_next(frame->payload, frame->size, &at, &entry, &corrupt));
    assert_int_equal(entry.name, 1);
    assert_true(entry.integer == INT64_MIN);
    assert_true(assay_row_next(frame->payload, frame->size, &at, &entry, &corrupt));
    assert_int_equal(entry.name, 2);
    assert_int_equal(entry.size, 3);
    assert_memory_equal(entry.text, "a\0b", 3);
    assert_false(assay_row_next(frame->payload, frame->size, &at, &entry, &corrupt));
    assert_false(corrupt);
}

static void what_is_written_is_read_bytewise(void **state)
{
    (void)state;
    static const assay_frame_kind kinds[] = {ASSAY_FRAME_NAME, ASSAY_FRAME_NAME, ASSAY_FRAME_NAME,
        ASSAY_FRAME_ROW, ASSAY_FRAME_ROW, ASSAY_FRAME_NOTE, ASSAY_FRAME_ARTIFACT, ASSAY_FRAME_DONE};
    unsigned char sent[4096];
    size_t size = record(sent, sizeof sent), at = 0, seen = 0;
    for (size_t have = 0; have <= size; have++) {
        assay_frame frame;
        size_t used;
        assert_int_equal(assay_frame_next(sent + at, have - at, &frame, &used), ASSAY_OK);
        if (!used)
            continue;
        at += used;
        assert_true(seen < sizeof kinds / sizeof *kinds);
        assert_int_equal(frame.kind, kinds[seen]);
        if (seen == 3)
            expect_first_row(&frame);
        if (frame.kind == ASSAY_FRAME_NOTE)
            assert_memory_equal(frame.payload, "half way", frame.size);
        if (frame.kind == ASSAY_FRAME_ARTIFACT) {
            assay_frame_artifact artifact;
            assert_int_equal(assay_frame_read_artifact(&frame, &artifact), ASSAY_OK);
            assert_string_equal(artifact.name, "grid");
            assert_string_equal(artifact.type, "text/plain");
            assert_int_equal(artifact.size, 10);
            assert_memory_equal(artifact.data, "0123456789", 10);
        }
        seen++;
    }
    assert_int_equal(seen, sizeof kinds / sizeof *kinds);
    assert_int_equal(at, size);
}

/* Read all there is in exactly sized memory, so that a byte too far is seen. */
static void read_damaged(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assay_frame frame;
    size_t used = 1;
    for (size_t at = 0; used && at < size; at += used) {
        if (assay_frame_next(copy + at, size - at, &frame, &used))
            break;
        if (!used)
            break;
        assert_true(frame.size <= size - at);
        size_t entry_at = 0;
        bool corrupt;
        assay_row_entry entry;
        assay_frame_artifact artifact;
        double done, total;
        assay_frame_read_artifact(&frame, &artifact);
        assay_frame_read_progress(&frame, &done, &total);
        while (assay_row_next(frame.payload, frame.size, &entry_at, &entry, &corrupt))
            assert_true(entry.kind != ASSAY_DATUM_TEXT || entry.size <= frame.size);
    }
    free(copy);
}

static void damage_is_bounded(void **state)
{
    (void)state;
    unsigned char sent[4096], damaged[4096];
    size_t size = record(sent, sizeof sent);
    assay_rng rng = assay_rng_seed(1);
    for (int trial = 0; trial < 20000; trial++) {
        memcpy(damaged, sent, size);
        for (int i = 0; i < 4; i++)
            damaged[assay_rng_below(&rng, size)] = (unsigned char)assay_rng_u32(&rng);
        read_damaged(damaged, assay_rng_below(&rng, size + 1));
    }
}

static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    assay_frame frame;
    size_t used;
    unsigned char unknown[] = {0, 0, 0, 0, 99};
    assert_int_equal(assay_frame_next(unknown, 5, &frame, &used), ASSAY_EFORMAT);
    unsigned char huge[] = {255, 255, 255, 255, ASSAY_FRAME_ROW};
    assert_int_equal(assay_frame_next(huge, 5, &frame, &used), ASSAY_EFORMAT);
}

static void names_are_interned_in_order(void **state)
{
    (void)state;
    assay_names names = {0};
    char name[16];
    uint32_t id;
    bool added;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 1000; i++) {
            int size = snprintf(name, sizeof name, "m%u", i);
            assert_int_equal(assay_names_intern(&names, name, (size_t)size, &id, &added), ASSAY_OK);
            assert_int_equal(id, i);
            assert_int_equal(added, round == 0);
        }
    }
    assert_int_equal(assay_names_intern(&names, "m10", 2, &id, &added), ASSAY_OK);
    assert_int_equal(id, 1);
    assay_names_free(&names);
}

static void text_is_made_clean(void **state)
{
    (void)state;
    char out[64];
    assay_text_clean("a\0b\x1b[1m\xff\xc3\xa9\xed\xa0\x80", 13, out, sizeof out);
    assert_string_equal(out, "a\xef\xbf\xbd"
                             "b?[1m\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assay_text_clean("\xe2\x82\xac\xe2\x82\xac", 6, out, 6);
    assert_string_equal(out, "\xe2\x82\xac");
    assay_text_clean("\xf0\x9f\x98\x80\xf5\x80\xf0\x80\x80\x80", 10, out, sizeof out);
    assert_memory_equal(out, "\xf0\x9f\x98\x80\xef\xbf\xbd", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_bytewise),
        cmocka_unit_test(damage_is_bounded),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(names_are_interned_in_order),
        cmocka_unit_test(text_is_made_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
