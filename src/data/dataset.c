/*
 * The registry of data sets. It is C rather than a file beside the data: it must name the sets that
 * are not there, too.
 */
#include "data/dataset.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sha256.h"
#include "core/status.h"
#include "core/suggest.h"

#define TABLE(name, sha256) (const assay_dataset_part[]){{"all", "table", name, 0, sha256}}, 1
#define PARTS(parts) parts, sizeof(parts) / sizeof *(parts)

static const assay_dataset_part fashion_mnist[] = {
    {"train", "images", "fashion-mnist/train-images-idx3-ubyte.gz", 0,
        "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"},
    {"train", "labels", "fashion-mnist/train-labels-idx1-ubyte.gz", 0,
        "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"},
    {"test", "images", "fashion-mnist/t10k-images-idx3-ubyte.gz", 0,
        "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"},
    {"test", "labels", "fashion-mnist/t10k-labels-idx1-ubyte.gz", 0,
        "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"},
};

static const assay_dataset_part pointsp[] = {
    {"bed", "meshes", "pointsp/bed", 6,
        "f807fb22894887af64f8eb5f9344d57d1ca8a045d21700acbe6772f3efa5ab1f"},
    {"bottle", "meshes", "pointsp/bottle", 7,
        "66a9fe512c83d0b1bcd2de0e74c2d338a7a7bbbab9691a31c2d91d900a5d92fd"},
    {"building", "meshes", "pointsp/building", 8,
        "48a77fee8252c7f9463f5af924dbf267eb92bc8253432bd6753946e16123bcd6"},
    {"cabinet", "meshes", "pointsp/cabinet", 8,
        "58843e0231ea06151ae0ab093e6bf003be191db5e394e2641ac328f6a9f990d5"},
    {"cactus", "meshes", "pointsp/cactus", 4,
        "f6488abe89803a95562b72af637974a1c59ff95809efd86c9d4d17714167f7c5"},
    {"car", "meshes", "pointsp/car", 5,
        "65e51e33aef7991974410d15ed3dca75bf77a24058b53a55a43dce3e255c6ed8"},
    {"chair", "meshes", "pointsp/chair", 6,
        "7eb44ec8ab021748481adf477071a8d44d810a3ea15eb00717519610e1acae39"},
    {"frame", "meshes", "pointsp/frame", 8,
        "eca735d59968966f864f11e083efacc44d5d2ca709579447107253979c96e8c1"},
    {"plate", "meshes", "pointsp/plate", 6,
        "939b92bf788cd307de656ea714854aaae359c8638f7585d55fd4976fb9401044"},
    {"shelf", "meshes", "pointsp/shelf", 7,
        "86a86a465c1d0e3303d22baff5f3cfcd5e217feb03749ca48768181435ff01c1"},
    {"sofa", "meshes", "pointsp/sofa", 4,
        "3e2421e9af0447411ac1e4451d7223c92fbc161da2f65a32cc6c7d74f042a7b8"},
    {"table", "meshes", "pointsp/table", 8,
        "9351f6b1202ce1c981f0c65ad2e6772f7eeed2393b77c5d43270300ad09d5e54"},
};

/* No checksums: releases of base-files differ in blanks and addresses, and any of them will do. A
 * task on a text records the text's own. */
#define LICENCE(name)                                                                              \
    {                                                                                              \
        name, "text", "common-licenses/" name, 0, NULL                                             \
    }
static const assay_dataset_part licences[] = {LICENCE("GPL-2"), LICENCE("GPL-3"),
    LICENCE("LGPL-2.1"), LICENCE("GFDL-1.3"), LICENCE("MPL-2.0"), LICENCE("Apache-2.0"),
    LICENCE("Artistic")};

#define MLBENCH "Debian's r-cran-mlbench 2.1-3; UCI Machine Learning Repository"
#define OWN_COPY                                                                                   \
    "not shipped (licence not cleared): put the table, a header line first and the class last, "   \
    "below one of the data directories at smote/"
#define SHIPPED "comes with assay, in experiments/data"

static const assay_dataset sets[] = {
    {"cruxeval", "ten answers each of CodeLlama-7B to 800 CRUXEval problems", ASSAY_DATASET_CSV,
        "facebookresearch/cruxeval", "MIT", SHIPPED, NULL, 800, 3,
        TABLE("monkeys/cruxeval_output_codellama7b.csv",
            "127701fd1a0c6c204c65e734282047b617ec9434a41dd3e7f21c98ce75b6d382")},
    {"fashion-mnist", "70000 grey images of clothes, 28 x 28, in 10 classes", ASSAY_DATASET_IDX,
        "Zalando SE, zalandoresearch/fashion-mnist", "MIT (Expat)",
        "apt-get install dataset-fashion-mnist", "/usr/share/datasets", 0, 0, PARTS(fashion_mnist)},
    {"german-credit", "credit risks of 1000 applicants, 20 mixed features", ASSAY_DATASET_CSV,
        "UCI Statlog, German credit", "not cleared", OWN_COPY "german_credit.csv", NULL, 1000, 21,
        TABLE("smote/german_credit.csv", NULL)},
    {"letter", "letters of 20 fonts by 16 moments, 26 classes", ASSAY_DATASET_CSV,
        MLBENCH " (D. Slate, 1991)", "GPL-2 (as packaged)", SHIPPED, NULL, 20000, 17,
        TABLE("smote/letter.csv",
            "fbc9216a6f8b6f038b73517c2377b21bc69cb161e642ea354b3497f89e21c232")},
    {"licences", "seven licence texts, 137000 characters of English", ASSAY_DATASET_TEXT,
        "Debian's base-files: Free Software Foundation, Mozilla, Apache, L. Wall",
        "verbatim copies of each are allowed", "apt-get install base-files", "/usr/share", 0, 0,
        PARTS(licences)},
    {"livecodebench", "scores of 56 models on 2462 LiveCodeBench items", ASSAY_DATASET_CSV,
        "LiveCodeBench (Jain et al. 2024, arXiv 2403.07974), reshaped",
        "CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/", SHIPPED, NULL, 2462, 60,
        TABLE("onebench/livecodebench_scores.csv",
            "557ab12b573218ff93eef9722a68ece3b54675b30fa2ab25df1211dfd8a57ca5")},
    {"mammography", "microcalcifications, 260 of 11183, 6 features", ASSAY_DATASET_CSV,
        "Woods et al. 1993", "not cleared", OWN_COPY "mammography.csv", NULL, 11183, 7,
        TABLE("smote/mammography.csv", NULL)},
    {"monkeys", "correct ones of 10000 samples of 7 Pythia models to 128 MATH problems",
        ASSAY_DATASET_CSV, "Brown et al. 2024, arXiv 2407.21787; Schaeffer et al. 2025", "MIT",
        SHIPPED, NULL, 128, 8,
        TABLE("monkeys/math_pythia_counts.csv",
            "031832b9077366eb2cc48c7fe03d3e8a33f5e379da076b3481704418d334ba0a")},
    {"oil-spill", "oil slicks in radar images, 41 of 937, 49 features", ASSAY_DATASET_CSV,
        "Kubat, Holte, Matwin 1998", "not cleared", OWN_COPY "oil_spill.csv", NULL, 937, 50,
        TABLE("smote/oil_spill.csv", NULL)},
    {"phoneme", "nasal and oral vowels, 1586 of 5404, 5 features", ASSAY_DATASET_CSV,
        "ELENA project", "not cleared", OWN_COPY "phoneme.csv", NULL, 5404, 6,
        TABLE("smote/phoneme.csv", NULL)},
    {"pima", "diabetes of 768 Pima women, 268 with, 8 features", ASSAY_DATASET_CSV,
        MLBENCH " (V. Sigillito, 1990)", "GPL-2 (as packaged)", SHIPPED, NULL, 768, 9,
        TABLE(
            "smote/pima.csv", "348c88de157045097738f8df0d66d206d4a47ec7a57a20178a3925ac9d2da549")},
    {"pointsp", "77 triangle meshes of things in 12 classes", ASSAY_DATASET_OFF,
        "KayKit asset packs by Kay Lousberg", "CC0 1.0", SHIPPED, NULL, 0, 0, PARTS(pointsp)},
    {"satimage", "Landsat pixels, 36 features, 6 classes of soil", ASSAY_DATASET_CSV,
        MLBENCH " (A. Srinivasan, 1993)", "GPL-2 (as packaged)", SHIPPED, NULL, 6435, 37,
        TABLE("smote/satimage.csv",
            "b51c0507e28d1d9e0e038bcc0650f64eccce7ff53cb9934d5d25f354c91a1f76")},
    {"vehicle", "silhouettes of 846 vehicles, 18 features, 4 classes", ASSAY_DATASET_CSV,
        MLBENCH " (Turing Institute)", "GPL-2 (as packaged)", SHIPPED, NULL, 846, 19,
        TABLE("smote/vehicle.csv",
            "1228d08b5b45492c1d9f2b02b96fc21914f458df8e2bfd58c65e6ea444dc056a")},
    {"votes", "16 votes of 435 members of the US House of 1984, 2 parties", ASSAY_DATASET_CSV,
        MLBENCH " (J. Schlimmer, 1987)", "GPL-2 (as packaged)", SHIPPED, NULL, 435, 17,
        TABLE(
            "smote/votes.csv", "2daac7bfdf7c76376051a6afa9a00521663088772d3d3b970964d1bb31cd6a9f")},
};

enum { SETS = sizeof sets / sizeof *sets };

size_t assay_dataset_count(void)
{
    return SETS;
}

const assay_dataset *assay_dataset_at(size_t i)
{
    return &sets[i];
}

int assay_dataset_find(const char *name, const assay_dataset **out)
{
    const char *names[SETS];
    char hint[512];
    for (size_t i = 0; i < SETS; i++) {
        if (strcmp(sets[i].name, name) == 0) {
            *out = &sets[i];
            return ASSAY_OK;
        }
        names[i] = sets[i].name;
    }
    assay_suggest(name, names, SETS, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "there is no data set \"%s\"%s", name, hint);
}

const char *assay_dataset_format_name(assay_dataset_format format)
{
    static const char *const names[] = {"csv", "idx", "off", "text"};
    return names[format];
}

/* ------------------------------------------------------------------ places */

/* Where a search stands: the place that was looked at last, and all of them for the message. */
struct search {
    const char *name;
    char *path;
    char tried[1024];
    bool found, no_memory;
};

static void look(struct search *s, const char *directory, size_t length, const char *below)
{
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (s->found || s->no_memory || length == 0)
        return;
    size_t used = strlen(s->tried);
    snprintf(s->tried + used, sizeof s->tried - used, "%s%.*s%s", used ? ", " : "", (int)length,
        directory, below);
    free(s->path);
    if (asprintf(&s->path, "%.*s%s/%s", (int)length, directory, below, s->name) < 0) {
        s->path = NULL;
        s->no_memory = true;
    }
    s->found = s->path && access(s->path, R_OK) == 0;
}

static void look_in_user_places(struct search *s)
{
    const char *own = getenv("ASSAY_DATA"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    while (own && *own) {
        size_t length = strcspn(own, ":");
        look(s, own, length, "");
        own += length + (own[length] == ':');
    }
    if (data && *data)
        look(s, data, strlen(data), "/assay/data");
    else if (home && *home)
        look(s, home, strlen(home), "/.local/share/assay/data");
}

static int search(struct search *s, const char *const *more, const char *system)
{
    look_in_user_places(s);
    for (; more && *more; more++)
        look(s, *more, strlen(*more), "");
    look(s, "experiments/data", strlen("experiments/data"), "");
    look(s, ASSAY_DATADIR, strlen(ASSAY_DATADIR), "/experiments/data");
    if (system)
        look(s, system, strlen(system), "");
    if (s->found)
        return ASSAY_OK;
    free(s->path);
    s->path = NULL;
    return s->no_memory ? assay_fail(ASSAY_ENOMEM, "%s: out of memory", s->name)
                        : assay_fail(ASSAY_ENOTFOUND, "there is no %s in %s", s->name, s->tried);
}

int assay_dataset_locate(const char *name, const char *const *more, char **path)
{
    struct search s = {.name = name};
    int status = search(&s, more, NULL);
    if (!status)
        *path = s.path;
    return status;
}

size_t assay_dataset_files(const assay_dataset_part *part)
{
    return part->files ? (size_t)part->files : 1;
}

int assay_dataset_file(const assay_dataset *set, const assay_dataset_part *part, size_t i,
    const char *const *more, char **path)
{
    char name[256];
    if (part->files)
        snprintf(name, sizeof name, "%s_%02zu.off", part->name, i + 1);
    else
        snprintf(name, sizeof name, "%s", part->name);
    struct search s = {.name = name};
    int status = search(&s, more, set->system);
    if (status == ASSAY_ENOTFOUND)
        return assay_fail(status, "data set %s: %s (%s)", set->name, assay_errmsg(), set->obtain);
    if (!status)
        *path = s.path;
    return status;
}

/* ------------------------------------------------------------------ checksums */

static int digest_file(const char *path, assay_sha256 *sha, const assay_progress *progress)
{
    unsigned char bytes[65536];
    struct stat about = {0};
    double done = 0;
    int status = ASSAY_OK;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &about) != 0)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    for (size_t got = 1; got > 0 && !status;) {
        got = fread(bytes, 1, sizeof bytes, file);
        assay_sha256_update(sha, bytes, got);
        done += (double)got;
        status = assay_progress_report(progress, done, (double)about.st_size);
    }
    if (!status && ferror(file))
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    return status;
}

int assay_dataset_verify(const assay_dataset *set, const assay_dataset_part *part,
    const char *const *more, const assay_progress *progress)
{
    const double files = (double)assay_dataset_files(part);
    char hex[ASSAY_SHA256_HEX], *path = NULL;
    assay_sha256 sha;
    int status = ASSAY_OK;
    assay_sha256_init(&sha);
    for (size_t i = 0; i < assay_dataset_files(part) && !status; i++) {
        free(path);
        path = NULL;
        assay_progress_stretch stretch = {progress, (double)i / files, (double)(i + 1) / files};
        const assay_progress own = assay_progress_of(&stretch);
        status = assay_dataset_file(set, part, i, more, &path);
        if (!status && part->sha256)
            status = digest_file(path, &sha, &own);
    }
    assay_sha256_final_hex(&sha, hex);
    if (!status && part->sha256 && strcmp(hex, part->sha256) != 0)
        status = assay_fail(ASSAY_EFORMAT,
            "data set %s: %s is another file than the one that is known (SHA-256 %.16s..., not "
            "%.16s...)",
            set->name, path, hex, part->sha256);
    free(path);
    return status;
}
