/*
 * make bench: reading CSV and IDX against pandas' read_csv of the same numbers as CSV: 10,000
 * images of 785 small integers, half of them 0, and 200,000 rows of ten floats as Python prints
 * them. CPU seconds of the process, the best of several; both sides' sums of all numbers are
 * compared.
 *
 *     data SOURCE-DIRECTORY
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peer.h"
#include "core/rng.h"
#include "core/status.h"
#include "data/csv.h"
#include "data/idx.h"

enum { TURNS = 5, IMAGES = 10000, PIXELS = 785, ROWS = 200000, COLUMNS = 10, GOAL = 10 };

static void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, assay_errmsg());
    exit(1);
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        die(path);
    return file;
}

static unsigned pixel(assay_rng *rng)
{
    return assay_rng_below(rng, 2) ? (unsigned)assay_rng_below(rng, 256) : 0;
}

static void write_images(const char *csv, const char *idx)
{
    static const unsigned char head[] = {
        0, 0, 8, 2, 0, 0, IMAGES >> 8, IMAGES & 255, 0, 0, PIXELS >> 8, PIXELS & 255};
    FILE *text = create(csv), *bytes = create(idx);
    assay_rng rng = assay_rng_seed(1);
    fwrite(head, 1, sizeof head, bytes);
    for (int c = 0; c < PIXELS; c++)
        fprintf(text, "%sp%d", c ? "," : "", c);
    for (int row = 0; row < IMAGES; row++)
        for (int c = 0; c < PIXELS; c++) {
            const unsigned value = pixel(&rng);
            fprintf(text, "%c%u", c ? ',' : '\n', value);
            fputc((int)value, bytes);
        }
    fputc('\n', text);
    fclose(text);
    fclose(bytes);
}

static void write_floats(const char *csv)
{
    FILE *text = create(csv);
    assay_rng rng = assay_rng_seed(2);
    for (int c = 0; c < COLUMNS; c++)
        fprintf(text, "%sc%d", c ? "," : "", c);
    for (int row = 0; row < ROWS; row++)
        for (int c = 0; c < COLUMNS; c++) {
            const double x = assay_rng_normal(&rng);
            char shortest[40];
            int digits = 15;
            do
                snprintf(shortest, sizeof shortest, "%.*g", digits, x);
            while (strtod(shortest, NULL) != x && digits++ < 17);
            fprintf(text, "%c%s", c ? ',' : '\n', shortest);
        }
    fputc('\n', text);
    fclose(text);
}

static double csv_seconds(const char *path, double *sum)
{
    assay_table *table;
    const double start = bench_cpu_seconds();
    if (assay_csv_read(path, NULL, &table))
        die(path);
    const double seconds = bench_cpu_seconds() - start;
    *sum = 0;
    for (size_t row = 0; row < assay_table_rows(table); row++)
        for (size_t c = 0; c < assay_table_columns(table); c++)
            *sum += assay_table_get(table, row, c).number;
    assay_table_free(table);
    return seconds;
}

static double idx_seconds(const char *path, double *sum)
{
    assay_array array;
    const double start = bench_cpu_seconds();
    if (assay_idx_read(path, NULL, &array))
        die(path);
    const double seconds = bench_cpu_seconds() - start;
    *sum = 0;
    const unsigned char *bytes = array.data;
    for (size_t i = 0; i < (size_t)IMAGES * PIXELS; i++)
        *sum += bytes[i];
    assay_array_free(&array);
    return seconds;
}

static void compare(const char *what, double (*seconds)(const char *path, double *sum),
    const char *path, const char *csv, bench_peer *peer)
{
    double ours = INFINITY, theirs = INFINITY, sum = 0, now, peer_sum;
    for (int i = 0; i < TURNS; i++) {
        ours = fmin(ours, seconds(path, &sum));
        if (!bench_peer_ask(peer, csv, &now, &peer_sum))
            continue;
        theirs = fmin(theirs, now);
        if (!(fabs(sum - peer_sum) <= 1e-9 * fabs(peer_sum)))
            printf("%-44s sums differ: %.17g and %.17g\n", what, sum, peer_sum);
    }
    bench_report_ms(what, ours, theirs, GOAL);
}

int main(int argc, char **argv)
{
    char directory[] = "./bench.XXXXXX", images[64], idx[64], floats[64];
    if (argc != 2) {
        fprintf(stderr, "usage: data SOURCE-DIRECTORY\n");
        return 2;
    }
    if (!mkdtemp(directory))
        return 1;
    snprintf(images, sizeof images, "%s/images.csv", directory);
    snprintf(idx, sizeof idx, "%s/images.idx", directory);
    snprintf(floats, sizeof floats, "%s/floats.csv", directory);
    bench_peer peer = bench_peer_start(argv[1], "data.py");
    write_images(images, idx);
    write_floats(floats);
    compare("CSV, 10^4 x 785 integers / pandas", csv_seconds, images, images, &peer);
    compare("the same as IDX / pandas of the CSV", idx_seconds, idx, images, &peer);
    compare("CSV, 2 x 10^5 x 10 floats / pandas", csv_seconds, floats, floats, &peer);
    unlink(images);
    unlink(idx);
    unlink(floats);
    return rmdir(directory) != 0;
}
