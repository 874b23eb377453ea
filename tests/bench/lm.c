/*
 * make bench: sampling from small language models with a cache of keys and values, against PyTorch
 * (lm.py), one thread each, in turns within one run: 64 sequences of one token each go on for 31.
 * The peer reads the very weights from our checkpoint, and before anything is timed both draw the
 * likeliest tokens and compare the sums of their log-probabilities. CPU seconds of the process, the
 * best of many.
 *
 *     lm SOURCE-DIRECTORY
 */
#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/peer.h"
#include "core/status.h"
#include "models/lm/checkpoint.h"
#include "models/lm/sample.h"

enum { TURNS = 15, SEQUENCES = 64, TOKENS = 31 };

static void must(int status, const char *what)
{
    if (status) {
        fprintf(stderr, "bench: %s: %s\n", what, assay_errmsg());
        exit(1);
    }
}

/* Weights whose logits are as far apart as those of a trained model: matrices of U(-1, 1) /
 * sqrt(inputs). */
static assay_lm *make(size_t d)
{
    assay_lm_config config = ASSAY_LM_CONFIG_DEFAULTS;
    assay_rng rng = assay_rng_seed(1);
    assay_lm *lm;
    config.d = d;
    must(assay_lm_new(&config, 1, 1, &lm), "lm");
    for (size_t i = 0; i < lm->params.count; i++) {
        const assay_param *p = &lm->params.at[i];
        for (size_t j = 0; p->rank == 2 && j < p->size; j++)
            lm->params.w[p->off + j] =
                (float)((2 * assay_rng_uniform(&rng) - 1) / sqrt((double)p->n[1]));
    }
    return lm;
}

static double sample(assay_lm *lm, double temperature, double *sum)
{
    size_t length[SEQUENCES];
    int32_t token[SEQUENCES];
    for (int i = 0; i < SEQUENCES; i++) {
        length[i] = 1;
        token[i] = i % (int)lm->config.vocab;
    }
    const assay_lm_tokens prompts = {.sequences = SEQUENCES, .length = length, .token = token};
    assay_lm_sample_options o = ASSAY_LM_SAMPLE_DEFAULTS;
    o.max_tokens = TOKENS;
    o.stop = -1;
    o.pick.temperature = temperature;
    const assay_rng rng = assay_rng_seed(2);
    assay_lm_samples out;
    const double start = bench_cpu_seconds();
    must(assay_lm_sample(lm, &prompts, &o, &rng, NULL, &out), "sampling");
    const double seconds = bench_cpu_seconds() - start;
    *sum = 0;
    for (size_t i = 0; i < (size_t)SEQUENCES * TOKENS; i++)
        *sum += out.logp_model[i];
    assay_lm_samples_free(&out);
    return seconds;
}

static bool ask(bench_peer *peer, const char *path, int temperature, double *seconds, double *sum)
{
    char line[128];
    snprintf(line, sizeof line, "%s %d %d %d", path, SEQUENCES, TOKENS, temperature);
    return bench_peer_ask(peer, line, seconds, sum);
}

static void report(const char *what, double ours, double theirs, double least, double goal)
{
    const double tokens = SEQUENCES * TOKENS;
    bench_report_ms(what, ours, theirs, goal);
    printf("%-44s %10.3g/s %13.3g/s             >= %.3g/s%s\n", "    tokens", tokens / ours,
        tokens / theirs, least, tokens / ours < least ? "   missed" : "");
}

static void compare(const char *what, size_t d, double least, const char *path, bench_peer *peer)
{
    double ours = INFINITY, theirs = INFINITY, sum, peer_sum, seconds;
    assay_lm *lm = make(d);
    must(assay_lm_save(lm, path), path);
    sample(lm, 0, &sum);
    bool there = ask(peer, path, 0, &seconds, &peer_sum);
    if (there && !(fabs(sum - peer_sum) < 1e-5 * fabs(peer_sum)))
        printf("%-44s log-probabilities differ: %.9g and %.9g\n", what, sum, peer_sum);
    for (int i = 0; i < TURNS; i++) {
        ours = fmin(ours, sample(lm, 1, &sum));
        there = there && ask(peer, path, 1, &seconds, &peer_sum);
        theirs = fmin(theirs, there ? seconds : INFINITY);
    }
    report(what, ours, theirs, least, 2.5);
    assay_lm_free(lm);
    unlink(path);
}

int main(int argc, char **argv)
{
    char directory[] = "./bench.XXXXXX", path[2][64];
    if (argc != 2) {
        fprintf(stderr, "usage: lm SOURCE-DIRECTORY\n");
        return 2;
    }
    if (!mkdtemp(directory))
        return 1;
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/%d.safetensors", directory, i);
    openblas_set_num_threads(1);
    bench_peer peer = bench_peer_start(argv[1], "lm.py");
    compare("64 x 31 tokens, L2 d64, keys cached / torch", 64, 1e5, path[0], &peer);
    compare("64 x 31 tokens, L2 d128, keys cached / torch", 128, 5e4, path[1], &peer);
    return rmdir(directory) != 0;
}
