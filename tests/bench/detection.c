/*
 * make bench: what dense detectors train and run on, against torchvision (focal loss with its
 * gradient, suppression) and PyTorch (a whole training step), one thread each, in turns within one
 * run. CPU seconds, the best of several; losses and numbers of kept boxes are compared. Ours
 * computes losses in double precision, theirs in single.
 *
 *     detection SOURCE-DIRECTORY
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peer.h"
#include "core/rng.h"
#include "core/status.h"
#include "methods/balance/detector.h"
#include "models/net/fit.h"

enum {
    IMAGES = 16,
    SIDE = 64,
    CLASSES = 10,
    SHAPES = 3,
    POSITIONS = 256,
    ANCHORS = SHAPES * POSITIONS,
    BOXES = 5000,
    TURNS = 7,
    STEPS = 10
};

static const char spec[] =
    "{\"input\":[1,64,64],\"layers\":["
    "{\"type\":\"conv\",\"out\":16,\"k\":3,\"pad\":1,\"stride\":2},{\"type\":\"relu\"},"
    "{\"type\":\"conv\",\"out\":24,\"k\":3,\"pad\":1,\"stride\":2},{\"type\":\"relu\"},"
    "{\"type\":\"conv\",\"out\":24,\"k\":3,\"pad\":2,\"dilation\":2},{\"type\":\"relu\"},"
    "{\"type\":\"conv\",\"out\":24,\"k\":3,\"pad\":2,\"dilation\":2},{\"type\":\"relu\"},"
    "{\"type\":\"conv\",\"out\":24,\"k\":3,\"pad\":1},{\"type\":\"relu\"},"
    "{\"type\":\"conv\",\"out\":42,\"k\":1},{\"type\":\"flatten\"}]}";

static void must(int status, const char *what)
{
    if (status == ASSAY_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, assay_errmsg());
    exit(1);
}

/* What both sides work on; also in the file. */
static struct {
    double z[IMAGES * ANCHORS * CLASSES], target[IMAGES * ANCHORS], boxes[BOXES * 4], scores[BOXES];
    double images[IMAGES * SIDE * SIDE], code[IMAGES * ANCHORS * 4];
} data;

static int targets[IMAGES * ANCHORS];
static double slope[IMAGES * ANCHORS * (CLASSES + 4)];

static void draw(void)
{
    assay_rng rng = assay_rng_seed(7);
    for (size_t i = 0; i < sizeof data.z / sizeof *data.z; i++)
        data.z[i] = (float)(assay_rng_normal(&rng) - 4);
    for (size_t i = 0; i < IMAGES * ANCHORS; i++) {
        targets[i] = assay_rng_below(&rng, 54) ? 0 : 1 + (int)assay_rng_below(&rng, CLASSES);
        data.target[i] = targets[i];
    }
    for (size_t i = 0; i < BOXES; i++) {
        data.scores[i] = (float)assay_rng_uniform(&rng);
        for (size_t k = 0; k < 2; k++) {
            data.boxes[4 * i + k] = (float)(600 * assay_rng_uniform(&rng));
            data.boxes[4 * i + k + 2] =
                (float)(data.boxes[4 * i + k] + 10 + 90 * assay_rng_uniform(&rng));
        }
    }
    for (size_t i = 0; i < sizeof data.images / sizeof *data.images; i++)
        data.images[i] = (float)assay_rng_uniform(&rng);
    for (size_t i = 0; i < sizeof data.code / sizeof *data.code; i++)
        data.code[i] = (float)assay_rng_normal(&rng);
}

static double focal(void)
{
    const assay_matrix z = assay_matrix_view(data.z, IMAGES * ANCHORS, CLASSES);
    assay_matrix grad = assay_matrix_view(slope, IMAGES * ANCHORS, CLASSES);
    assay_det_loss_options o = ASSAY_DET_LOSS_DEFAULTS;
    assay_det_loss_result r;
    o.images = IMAGES;
    must(assay_det_loss(ASSAY_DET_FOCAL, &z, targets, &o, NULL, &r, &grad, NULL), "focal");
    return r.loss;
}

static double nms(void)
{
    static size_t keep[BOXES];
    size_t kept = 0;
    const assay_matrix boxes = assay_matrix_view(data.boxes, BOXES, 4);
    must(assay_nms(&boxes, data.scores, 0.5, BOXES, keep, &kept), "nms");
    return (double)kept;
}

static assay_net *net;

static int judge(void *context, uint64_t step, const size_t *index, size_t n,
    const assay_matrix *outputs, double *loss, assay_matrix *gradient)
{
    (void)context;
    (void)step;
    static int target[IMAGES * ANCHORS];
    static double code[IMAGES * ANCHORS * 4];
    const assay_detector_head head = {CLASSES, SHAPES, POSITIONS};
    const assay_detector_loss_options o = ASSAY_DETECTOR_LOSS_DEFAULTS;
    const assay_matrix codes = assay_matrix_view(code, n, 4 * ANCHORS);
    assay_detector_loss_result r;
    for (size_t i = 0; i < n; i++) {
        memcpy(target + i * ANCHORS, targets + index[i] * ANCHORS, ANCHORS * sizeof *target);
        memcpy(assay_matrix_row(&codes, i), data.code + index[i] * 4 * ANCHORS,
            4 * ANCHORS * sizeof *code);
    }
    const int status = assay_detector_loss(&head, outputs, target, &codes, &o, NULL, &r, gradient);
    *loss = r.loss;
    return status;
}

/* The loss of the last of some more steps. */
static double train(void)
{
    double losses[STEPS];
    const assay_net_data examples = {.x = assay_matrix_view(data.images, IMAGES, SIDE * SIDE)};
    assay_fit_options o = ASSAY_FIT_DEFAULTS;
    o.training.optimiser.kind = ASSAY_SGD;
    o.training.optimiser.lr = 1e-4;
    o.training.optimiser.momentum = 0.9;
    o.resume = net->state.step > 0;
    o.steps = net->state.step + STEPS;
    o.batch = IMAGES;
    o.judge = judge;
    must(assay_net_fit(net, &examples, &o, losses), "step");
    return losses[STEPS - 1];
}

static void write_all(const char *file)
{
    FILE *out = fopen(file, "wb");
    bool done = out && fwrite(&data, sizeof data, 1, out) == 1;
    for (size_t i = 0; done && i < net->params.count; i++) {
        const assay_param *p = &net->params.at[i];
        for (size_t k = 0; k < p->size; k++) {
            const double w = (double)net->params.w[p->off + k];
            done = done && fwrite(&w, sizeof w, 1, out) == 1;
        }
    }
    if (!done || fclose(out))
        must(assay_fail(ASSAY_EIO, "can't write %s", file), "data");
}

static void compare(const char *title, const char *words, double goal, double (*run)(void),
    double each, double tolerance, const char *file, bench_peer *peer)
{
    char line[512];
    double ours = INFINITY, theirs = INFINITY, now, peer_answer;
    snprintf(line, sizeof line, "%s %d %s", words, STEPS, file);
    for (int i = 0; i < TURNS; i++) {
        const double start = bench_cpu_seconds(), answer = run();
        ours = fmin(ours, (bench_cpu_seconds() - start) / each);
        if (!bench_peer_ask(peer, line, &now, &peer_answer))
            continue;
        theirs = fmin(theirs, now / each);
        if (fabs(peer_answer - answer) > tolerance * fabs(answer))
            printf("  %s: the peer's answer is %.10g, ours %.10g\n", title, peer_answer, answer);
    }
    bench_report_ms(title, ours, theirs, goal);
}

int main(int argc, char **argv)
{
    char file[] = "/tmp/assay-bench-XXXXXX";
    if (argc != 2) {
        fprintf(stderr, "usage: detection SOURCE-DIRECTORY\n");
        return 2;
    }
    openblas_set_num_threads(1);
    draw();
    must(assay_net_new(spec, 3, SIZE_MAX, &net), "net");
    close(mkstemp(file));
    write_all(file);
    bench_peer peer = bench_peer_start(argv[1], "detection.py");
    compare("focal loss and gradient, 12,288 x 10", "focal", 1, focal, 1, 1e-4, file, &peer);
    compare("suppression of 5,000 boxes", "nms", 1, nms, 1, 1e-3, file, &peer);
    compare("step of a detector, 16 images of 64 x 64", "step", 1, train, STEPS, 1e-3, file, &peer);
    unlink(file);
    assay_net_free(net);
    return 0;
}
