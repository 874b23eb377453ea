#include "fuzz/targets.h"

#include <fcntl.h>
#include <gsl/gsl_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/status.h"
#include "data/csv.h"
#include "data/idx.h"
#include "data/jsonl.h"
#include "data/mesh.h"
#include "data/npy.h"
#include "data/samples.h"
#include "data/text.h"
#include "lua/engine.h"
#include "models/net/safetensors.h"
#include "run/frame.h"
#include "store/store.h"
#include "tui/artifact.h"

static char scratch[64]; /* a directory in memory where there is one */

void fuzz_prepare(void)
{
    gsl_set_error_handler_off();
    snprintf(scratch, sizeof scratch, "%s/assay-fuzz-XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(scratch))
        abort();
}

static const char *file_with(const char *suffix, const uint8_t *data, size_t size)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/x%s", scratch, suffix);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, data, size) != (ssize_t)size || close(file))
        abort();
    return path;
}

static void remove_file(const char *suffix)
{
    char path[96];
    snprintf(path, sizeof path, "%s/x%s", scratch, suffix);
    unlink(path);
}

void fuzz_clean(void)
{
    static const char *const suffixes[] = {".csv", ".jsonl", ".npy", ".npz", ".idx", ".off", ".obj",
        ".ply", ".xyz", ".txt", ".db", ".db-wal", ".db-shm", ".db-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        remove_file(suffixes[i]);
    rmdir(scratch);
}

/* ---- tables ---- */

static void csv(const uint8_t *data, size_t size)
{
    assay_table *table = NULL;
    if (assay_csv_read(file_with(".csv", data, size), NULL, &table) == ASSAY_OK)
        assay_table_free(table);
}

static void jsonl(const uint8_t *data, size_t size)
{
    assay_table *table = NULL;
    if (assay_jsonl_read(file_with(".jsonl", data, size), NULL, &table) == ASSAY_OK)
        assay_table_free(table);
}

static void samples(const uint8_t *data, size_t size)
{
    assay_table *table = NULL;
    if (assay_samples_read(file_with(".jsonl", data, size), &table) == ASSAY_OK)
        assay_table_free(table);
}

static void text(const uint8_t *data, size_t size)
{
    char *all = NULL;
    size_t length;
    if (assay_text_read(file_with(".txt", data, size), NULL, &all, &length) == ASSAY_OK)
        free(all);
}

/* ---- arrays ---- */

static void npy(const uint8_t *data, size_t size)
{
    assay_array array = {0};
    if (assay_npy_read(file_with(".npy", data, size), NULL, &array) == ASSAY_OK)
        assay_array_free(&array);
}

static void npz(const uint8_t *data, size_t size)
{
    assay_npz all = {0};
    if (assay_npz_read(file_with(".npz", data, size), NULL, &all) == ASSAY_OK)
        assay_npz_free(&all);
}

static void idx(const uint8_t *data, size_t size)
{
    assay_array array = {0};
    if (assay_idx_read(file_with(".idx", data, size), NULL, &array) == ASSAY_OK)
        assay_array_free(&array);
}

static void safetensors(const uint8_t *data, size_t size)
{
    assay_safetensors tensors = {0};
    if (assay_safetensors_parse(data, size, "fuzz", &tensors) == ASSAY_OK)
        assay_safetensors_free(&tensors);
}

/* ---- meshes ---- */

static void mesh(const char *suffix, const uint8_t *data, size_t size)
{
    assay_mesh read = {0};
    if (assay_mesh_read(file_with(suffix, data, size), NULL, &read) == ASSAY_OK)
        assay_mesh_free(&read);
}

static void off(const uint8_t *data, size_t size)
{
    mesh(".off", data, size);
}

static void obj(const uint8_t *data, size_t size)
{
    mesh(".obj", data, size);
}

static void ply(const uint8_t *data, size_t size)
{
    mesh(".ply", data, size);
}

static void xyz(const uint8_t *data, size_t size)
{
    mesh(".xyz", data, size);
}

/* ---- scripts and parameters ---- */

/* A file of the experiments directory that is only listed: opened, described, planned. */
static void script(const uint8_t *data, size_t size)
{
    char *source = strndup((const char *)data, size);
    assay_experiment *experiment = NULL;
    if (!source)
        abort();
    if (assay_experiment_open("fuzz.lua", source, ASSAY_LOAD_LIST, &experiment) == ASSAY_OK) {
        (void)assay_experiment_describe(experiment);
        if (assay_experiment_plan(experiment, NULL, NULL, 0, 0) == ASSAY_OK) {
            const char *params;
            int64_t replicate;
            (void)assay_experiment_cell(experiment, 0, &params, &replicate);
        }
        assay_experiment_close(experiment);
    }
    free(source);
}

static assay_experiment *with_parameters(void)
{
    static assay_experiment *experiment;
    static const char *const declared =
        "return require 'assay'.experiment { name = 'p', run = function() end, params = {\n"
        "i = { default = 1, min = -5, max = 1000 }, f = { default = 0.5, min = 0 },\n"
        "s = { default = 'x' }, b = { default = true }, c = { default = 'a', choices = { 'a', 'b' "
        "} },\n"
        "l = { default = { 1, 2 } } } }";
    if (!experiment &&
        assay_experiment_open("p.lua", declared, ASSAY_LOAD_LIST, &experiment) != ASSAY_OK)
        abort();
    return experiment;
}

/* NAME=VALUE as typed; the first byte chooses the parameter. */
static void setting(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"i", "f", "s", "b", "c", "l"};
    if (size == 0)
        return;
    char *value = strndup((const char *)data + 1, size - 1);
    if (!value)
        abort();
    assay_setting one = {names[data[0] % 6], value};
    (void)assay_experiment_plan(with_parameters(), NULL, &one, 1, 1);
    free(value);
}

/* Parameters as a database stores them. */
static void plan(const uint8_t *data, size_t size)
{
    char *stored = strndup((const char *)data, size);
    if (!stored)
        abort();
    (void)assay_experiment_plan_restore(with_parameters(), stored, 1);
    free(stored);
}

/* ---- between processes, and the database ---- */

/* What a cell's process may write into its pipe. */
static void frame(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size ? size : 1);
    size_t at = 0, used = 0;
    assay_frame next;
    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    while (assay_frame_next(bytes + at, size - at, &next, &used) == ASSAY_OK && used) {
        double done, total;
        assay_frame_artifact artifact;
        assay_row_entry entry;
        bool corrupt;
        size_t row = 0;
        if (next.kind == ASSAY_FRAME_PROGRESS)
            (void)assay_frame_read_progress(&next, &done, &total);
        if (next.kind == ASSAY_FRAME_ARTIFACT)
            (void)assay_frame_read_artifact(&next, &artifact);
        while (next.kind == ASSAY_FRAME_ROW &&
               assay_row_next(next.payload, next.size, &row, &entry, &corrupt))
            assay_row_set_name(&entry, 1);
        at += used;
    }
    free(bytes);
}

static void read_runs(assay_store *store)
{
    assay_run_list runs;
    if (assay_store_run_list(store, NULL, 4, 0, &runs))
        return;
    for (size_t i = 0; i < runs.count; i++) {
        assay_table *rows = NULL;
        assay_cell_list cells;
        assay_claim_list claims;
        assay_note_list notes;
        if (assay_store_rows(store, runs.runs[i].id, NULL, 0, &rows) == ASSAY_OK)
            assay_table_free(rows);
        if (assay_store_cells(store, runs.runs[i].id, 16, 0, &cells) == ASSAY_OK)
            assay_cell_list_free(&cells);
        if (assay_store_claims_get(store, runs.runs[i].id, &claims) == ASSAY_OK)
            assay_claim_list_clear(&claims);
        if (assay_store_notes(store, runs.runs[i].id, 16, &notes) == ASSAY_OK)
            assay_note_list_free(&notes);
    }
    assay_run_list_free(&runs);
}

static void database(const uint8_t *data, size_t size)
{
    assay_store *store = NULL;
    remove_file(".db-wal");
    remove_file(".db-journal");
    if (assay_store_open(file_with(".db", data, size), ASSAY_STORE_READ, &store) == ASSAY_OK) {
        assay_store_set_patience(store, 0);
        read_runs(store);
        assay_store_close(store);
    }
}

/* ---- artifacts, as the terminal interface shows them ---- */

static void picture(const uint8_t *data, size_t size)
{
    struct tui_picture read;
    if (tui_picture_read(data, size, &read))
        tui_picture_free(&read);
}

/* What it is, from all that it may be called. */
static void artifact(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/csv", "text/plain", "application/json", "image/png"};
    struct artifact_content content = {0};
    uint8_t *copy = malloc(size + 1); /* which is taken over */
    if (!copy)
        abort();
    memcpy(copy, data, size);
    (void)artifact_content_read(copy, size, types[size % 4], &content);
    (void)artifact_first_way(&content);
    artifact_content_clear(&content);
}

/* Sets of points of a table. */
static void points(const uint8_t *data, size_t size)
{
    assay_table *table = NULL;
    struct tui_points read;
    if (assay_csv_read(file_with(".csv", data, size), NULL, &table) != ASSAY_OK)
        return;
    if (tui_points_read(table, &read))
        tui_points_free(&read);
    assay_table_free(table);
}

const fuzz_target fuzz_targets[] = {
    {"csv", csv},
    {"jsonl", jsonl},
    {"samples", samples},
    {"text", text},
    {"npy", npy},
    {"npz", npz},
    {"idx", idx},
    {"safetensors", safetensors},
    {"off", off},
    {"obj", obj},
    {"ply", ply},
    {"xyz", xyz},
    {"script", script},
    {"setting", setting},
    {"plan", plan},
    {"frame", frame},
    {"database", database},
    {"picture", picture},
    {"artifact", artifact},
    {"points", points},
};
const size_t fuzz_target_count = sizeof fuzz_targets / sizeof *fuzz_targets;

const fuzz_target *fuzz_find(const char *name)
{
    for (size_t i = 0; i < fuzz_target_count; i++)
        if (strcmp(fuzz_targets[i].name, name) == 0)
            return &fuzz_targets[i];
    return NULL;
}
