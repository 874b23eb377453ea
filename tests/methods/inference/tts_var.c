/* The search over paths and its parts: identities, closed forms, brute force, a toy whose rewards
 * tell each path's line. */
#include "methods/inference/tts_var.h"

#include "../check.h"

/* ---- schedules ---- */

static void schedules(void **state)
{
    (void)state;
    const double tokens[] = {1, 4, 16, 36, 64, 144, 256, 400, 576, 1024, 1600, 2304, 4096};
    size_t one[ASSAY_TTS_SCALES], eight[ASSAY_TTS_SCALES], generated[ASSAY_TTS_SCALES];
    double total = 0;
    ok(assay_batch_schedule(assay_tts_base, ASSAY_TTS_SCALES, 1, one));
    ok(assay_batch_schedule(assay_tts_base, ASSAY_TTS_SCALES, 8, eight));
    for (size_t s = 0; s < ASSAY_TTS_SCALES; s++)
        assert_int_equal(eight[s], 8 * one[s]);
    ok(assay_schedule_cost(one, tokens, ASSAY_TTS_SCALES, generated, &total));
    assert_true(total == 14656); /* 1.39302 images of 10521 tokens */
    refuses(assay_batch_schedule(one, ASSAY_TTS_SCALES, 0, eight), "n must be at least 1");
    refuses(assay_batch_schedule((size_t[]){4, 2, 3}, 3, 1, eight),
        "must not increase, got 3 after 2 at scale 2");
    refuses(assay_batch_schedule((size_t[]){4, 0}, 2, 1, eight), "at least 1, got 0 at scale 1");
    refuses(assay_batch_schedule(one, 0, 1, eight), "at least 1 scale");
    refuses(assay_schedule_cost((size_t[]){1}, (double[]){-1}, 1, generated, &total),
        "cost must be finite and at least 0, got -1 at scale 0");
}

/* ---- potentials ---- */

enum { PATHS = 5, EARLIER = 3 };

static void weights_ignore_constants(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(1);
    double r[PATHS], h[PATHS * EARLIER], shifted[PATHS], h_shifted[PATHS * EARLIER];
    for (size_t i = 0; i < PATHS; i++)
        shifted[i] = (r[i] = assay_rng_normal(&rng)) + 7;
    for (size_t i = 0; i < PATHS * EARLIER; i++)
        h[i] = assay_rng_normal(&rng);
    const assay_matrix history = assay_matrix_view(h, PATHS, EARLIER);
    const assay_matrix other = assay_matrix_view(h_shifted, PATHS, EARLIER);
    for (int kind = ASSAY_POTENTIAL_VALUE; kind <= ASSAY_POTENTIAL_SUM; kind++) {
        double j[PATHS], w[PATHS], v[PATHS];
        for (size_t i = 0; i < PATHS * EARLIER; i++) /* SUM: any constant a scale; else the same */
            h_shifted[i] = h[i] + (kind == ASSAY_POTENTIAL_SUM ? 3.0 * (double)(i % EARLIER) : 7);
        ok(assay_potential(r, &history, PATHS, (assay_potential_kind)kind, 1.5, 0, j, w));
        ok(assay_potential(shifted, &other, PATHS, (assay_potential_kind)kind, 1.5, 0, j, v));
        for (size_t i = 0; i < PATHS; i++)
            close_to(v[i], w[i], 1e-13);
        ok(assay_potential(r, &history, PATHS, (assay_potential_kind)kind, 0, 0, j, w));
        for (size_t i = 0; i < PATHS; i++)
            close_to(w[i], 1.0 / PATHS, 1e-15);
    }
}

static void potentials_by_definition(void **state)
{
    (void)state;
    const double r[] = {2, -1, 5}, rising[] = {3, 4, 5};
    double h[] = {1, 3, /**/ 0, -4, /**/ 5, 4}, j[3], w[3];
    const assay_matrix history = assay_matrix_view(h, 3, 2);
    ok(assay_potential(r, &history, 3, ASSAY_POTENTIAL_MAX, 1, 0, j, w));
    assert_true(j[0] == 3 && j[1] == 0 && j[2] == 5);
    ok(assay_potential(r, &history, 3, ASSAY_POTENTIAL_DIFF, 1, 0, j, w));
    assert_true(j[0] == -1 && j[1] == 3 && j[2] == 1);
    ok(assay_potential(r, &history, 3, ASSAY_POTENTIAL_SUM, 1, 0, j, w));
    assert_true(j[0] == 6 && j[1] == -5 && j[2] == 14);
    ok(assay_potential(r, &history, 3, ASSAY_POTENTIAL_TOPK, 1, 2, j, w));
    assert_true(j[0] == 5 && j[1] == -1 && j[2] == 10);
    ok(assay_potential(r, &history, 3, ASSAY_POTENTIAL_TOPK, 1, 9, j, w));
    assert_true(j[0] == 6); /* no more than there are */
    double low[] = {1, 2, /**/ 2, 3, /**/ 3, 4};
    const assay_matrix below = assay_matrix_view(low, 3, 2);
    ok(assay_potential(rising, &below, 3, ASSAY_POTENTIAL_MAX, 1, 0, j, w));
    assert_memory_equal(j, rising, sizeof rising); /* rising rewards: MAX is VALUE */
    for (int kind = ASSAY_POTENTIAL_VALUE; kind <= ASSAY_POTENTIAL_TOPK; kind++) {
        ok(assay_potential(r, NULL, 3, (assay_potential_kind)kind, 1, 1, j, w));
        assert_memory_equal(j, r, sizeof r); /* no history: all are VALUE */
    }
}

static void infinite_rewards(void **state)
{
    (void)state;
    double j[3], w[3], both[] = {INFINITY, 0, 0};
    const double low[] = {-INFINITY, 1, 1}, high[] = {INFINITY, 1, INFINITY};
    const double none[] = {-INFINITY, -INFINITY, -INFINITY}, mixed[] = {-INFINITY, 0, 0};
    ok(assay_potential(low, NULL, 3, ASSAY_POTENTIAL_VALUE, 10, 0, j, w));
    assert_true(w[0] == 0 && w[1] == 0.5);
    ok(assay_potential(low, NULL, 3, ASSAY_POTENTIAL_VALUE, -10, 0, j, w));
    assert_true(w[0] == 1 && w[1] == 0); /* minimised */
    ok(assay_potential(high, NULL, 3, ASSAY_POTENTIAL_VALUE, 10, 0, j, w));
    assert_true(w[0] == 0.5 && w[1] == 0 && w[2] == 0.5);
    ok(assay_potential(none, NULL, 3, ASSAY_POTENTIAL_VALUE, 10, 0, j, w));
    close_to(w[0], 1.0 / 3, 1e-16);
    ok(assay_potential(low, NULL, 3, ASSAY_POTENTIAL_VALUE, 0, 0, j, w));
    close_to(w[0], 1.0 / 3, 1e-16);
    const assay_matrix history = assay_matrix_view(both, 3, 1);
    refuses(assay_potential(mixed, &history, 3, ASSAY_POTENTIAL_SUM, 1, 0, j, w),
        "path 1 is nan: its rewards hold both infinities");
    refuses(assay_potential((double[]){1, NAN}, NULL, 2, ASSAY_POTENTIAL_VALUE, 1, 0, j, w),
        "reward[2] must be a number, got nan");
    both[2] = NAN;
    refuses(assay_potential(high, &history, 3, ASSAY_POTENTIAL_MAX, 1, 0, j, w), "history[3][1]");
    refuses(assay_potential(high, &history, 2, ASSAY_POTENTIAL_MAX, 1, 0, j, w),
        "history must have 2 rows");
    refuses(assay_potential(low, NULL, 3, ASSAY_POTENTIAL_VALUE, NAN, 0, j, w),
        "lambda must be finite, got nan");
    refuses(assay_potential(low, NULL, 3, ASSAY_POTENTIAL_TOPK, 1, 0, j, w), "top");
}

/* r ~ N(0, 1) tilted by exp(r) is N(1, 1). */
static void gaussian_tilting(void **state)
{
    (void)state;
    enum { N = 4096 };
    static double r[N], j[N], w[N];
    static size_t index[N];
    assay_rng rng = assay_rng_seed(2);
    double sum = 0;
    assay_rng_fill_normal(&rng, r, N);
    ok(assay_potential(r, NULL, N, ASSAY_POTENTIAL_VALUE, 1, 0, j, w));
    ok(assay_resample_draw(w, N, N, ASSAY_RESAMPLE_MULTINOMIAL, &rng, index));
    for (size_t i = 0; i < N; i++)
        sum += r[index[i]];
    close_to(sum / N, 1, 0.24);
}

/* ---- clustering ---- */

/* The least inertia over all partitions of 8 points into 3 parts. */
static double best_inertia(const double *x, size_t d)
{
    double best = INFINITY;
    for (int code = 0; code < 6561; code++) { /* 3^8 */
        double sum[3][2] = {{0}}, n[3] = {0}, inertia = 0;
        int part[8], rest = code;
        for (size_t i = 0; i < 8; i++, rest /= 3) {
            part[i] = rest % 3;
            n[part[i]]++;
            for (size_t j = 0; j < d; j++)
                sum[part[i]][j] += x[i * d + j];
        }
        for (size_t i = 0; i < 8; i++)
            for (size_t j = 0; j < d; j++) {
                const double gap = x[i * d + j] - sum[part[i]][j] / n[part[i]];
                inertia += gap * gap;
            }
        best = fmin(best, inertia);
    }
    return best;
}

static void selection_is_the_best_partition(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(3);
    for (int trial = 0; trial < 10; trial++) {
        double x[16], c[6], inertia;
        size_t index[3], label[8];
        assay_rng_fill_normal(&rng, x, 16);
        const assay_matrix features = assay_matrix_view(x, 8, 2);
        assay_matrix centres = assay_matrix_view(c, 3, 2);
        ok(assay_diversity_select(&features, 3, NULL, 50, &rng, index, label, &centres, &inertia));
        close_to(inertia, best_inertia(x, 2), 1e-9);
        for (size_t k = 0; k < 3; k++) { /* one of each cluster, none of it nearer */
            assert_int_equal(label[index[k]], k);
            for (size_t i = 0; i < 8; i++)
                if (label[i] == k)
                    assert_true(
                        hypot(x[2 * i] - c[2 * k], x[2 * i + 1] - c[2 * k + 1]) >=
                        hypot(x[2 * index[k]] - c[2 * k], x[2 * index[k] + 1] - c[2 * k + 1]) -
                            1e-12);
        }
    }
}

static void selection_ends(void **state)
{
    (void)state;
    double same[12] = {0}, c[12], inertia;
    size_t index[6], label[6];
    assay_rng rng = assay_rng_seed(4);
    const assay_matrix features = assay_matrix_view(same, 6, 2);
    assay_matrix three = assay_matrix_view(c, 3, 2), six = assay_matrix_view(c, 6, 2);
    ok(assay_diversity_select(&features, 3, NULL, 10, &rng, index, label, &three, &inertia));
    assert_true(index[0] < 6 && index[1] < 6 && index[2] < 6);
    assert_true(index[0] != index[1] && index[1] != index[2] && index[0] != index[2]);
    ok(assay_diversity_select(&features, 6, NULL, 10, &rng, index, label, &six, &inertia));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(index[i], i);
    refuses(assay_diversity_select(&features, 7, NULL, 10, &rng, index, label, &six, NULL),
        "k must be in 1..6 (the rows of features), got 7");
    refuses(
        assay_diversity_select(&features, 0, NULL, 10, &rng, index, label, &six, NULL), "got 0");
    refuses(
        assay_diversity_select(&features, 2, (size_t[]){1, 1}, 10, &rng, index, label, &six, NULL),
        "row 2 twice");
    refuses(
        assay_diversity_select(&features, 2, (size_t[]){1, 6}, 10, &rng, index, label, &six, NULL),
        "init[2] must be in 1..6, got 7");
    same[3] = INFINITY;
    refuses(assay_diversity_select(&features, 2, NULL, 10, &rng, index, label, &six, NULL),
        "features[2][2] must be finite");
}

/* ---- patches ---- */

/* The score's variance is the largest eigenvalue of the covariance (by power iteration); a constant
 * row added changes nothing; wide and tall matrices go two ways to the same axis. */
static void patch_axis(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(5);
    for (int trial = 0; trial < 20; trial++) {
        enum { MOST = 12 };
        const size_t rows = trial % 2 ? 12 : 4, cols = trial % 2 ? 4 : 12;
        double x[48], moved[48], score[MOST], other[MOST], axis[MOST], next[MOST],
            mean[MOST] = {0}, value = 0, sum = 0;
        assay_rng_fill_normal(&rng, x, 48);
        for (size_t i = 0; i < 48; i++) {
            moved[i] = x[i] + 3 * (double)(i % cols);
            mean[i % cols] += x[i] / (double)rows;
        }
        const assay_matrix patches = assay_matrix_view(x, rows, cols),
                           shifted = assay_matrix_view(moved, rows, cols);
        ok(assay_patch_pca(&patches, score));
        ok(assay_patch_pca(&shifted, other));
        assay_rng_fill_normal(&rng, axis, cols);
        for (int it = 0; it < 3000; it++) {
            double length = 0;
            memset(next, 0, sizeof next);
            for (size_t i = 0; i < rows; i++) {
                double along = 0;
                for (size_t j = 0; j < cols; j++)
                    along += (x[i * cols + j] - mean[j]) * axis[j];
                for (size_t j = 0; j < cols; j++)
                    next[j] += along * (x[i * cols + j] - mean[j]);
            }
            for (size_t j = 0; j < cols; j++)
                length += next[j] * next[j];
            value = sqrt(length);
            for (size_t j = 0; j < cols; j++)
                axis[j] = next[j] / value;
        }
        size_t largest = 0;
        for (size_t j = 0; j < cols; j++)
            largest = fabs(axis[j]) > fabs(axis[largest]) ? j : largest;
        for (size_t i = 0; i < rows; i++) {
            double along = 0;
            for (size_t j = 0; j < cols; j++)
                along += (x[i * cols + j] - mean[j]) * axis[j] * (axis[largest] > 0 ? 1 : -1);
            close_to(score[i], along, 1e-6);
            close_to(other[i], score[i], 1e-9);
            sum += score[i] * score[i];
        }
        close_to(sum, value, 1e-8);
    }
}

static void patch_features_of_images(void **state)
{
    (void)state;
    double x[] = {1, 2, /**/ 3, 6, /**/ 0, 0, /**/ 5, 1}, f[4], whole[4], each[2];
    const assay_matrix patches = assay_matrix_view(x, 4, 2);
    assay_matrix out = assay_matrix_view(f, 2, 2), first;
    ok(assay_patch_features_of(&patches, 2, ASSAY_PATCH_POOL, &out));
    assert_true(f[0] == 2 && f[1] == 4 && f[2] == 2.5 && f[3] == 0.5);
    ok(assay_patch_features_of(&patches, 2, ASSAY_PATCH_PCA, &out));
    ok(assay_matrix_sub(&patches, 2, 2, 0, 2, &first));
    ok(assay_patch_pca(&first, each));
    assert_memory_equal(f + 2, each, sizeof each);
    ok(assay_patch_features_of(&patches, 2, ASSAY_PATCH_PCA_ALL, &out));
    ok(assay_patch_pca(&patches, whole));
    assert_memory_equal(f, whole, sizeof whole);
    refuses(assay_patch_features_of(&patches, 3, ASSAY_PATCH_PCA, &out), "equally many patches");
    double constant[] = {0.1, 0.7, 0.1, 0.7, 0.1, 0.7}, zero[3];
    const assay_matrix flat = assay_matrix_view(constant, 3, 2),
                       none = assay_matrix_view(constant, 0, 0);
    ok(assay_patch_pca(&flat, zero));
    assert_true(zero[0] == 0 && zero[1] == 0 && zero[2] == 0);
    refuses(assay_patch_pca(&none, zero), "at least 1 patch");
    constant[1] = NAN;
    refuses(assay_patch_pca(&flat, zero), "patches[1][2] must be finite");
}

static void consistency(void **state)
{
    (void)state;
    double h[] = {1, 5, 1, /**/ 2, 5, 8, /**/ 3, 5, 27}, spearman[3], pearson[3];
    const assay_matrix history = assay_matrix_view(h, 3, 3), none = assay_matrix_view(h, 0, 0);
    ok(assay_reward_consistency(&history, spearman, pearson));
    assert_true(fabs(spearman[0] - 1) < 1e-15 && fabs(spearman[2] - 1) < 1e-15 && isnan(spearman[1]) && isnan(pearson[1]));
    assert_true(pearson[0] < 1 && pearson[0] > 0.9);
    refuses(assay_reward_consistency(&none, spearman, pearson), "a path and a scale");
    h[4] = NAN;
    refuses(assay_reward_consistency(&history, spearman, pearson), "history[2][2]");
}

/* ---- the search, on a toy ---- */

enum { WIDEST = 32, SCALES = 6 };

/* A path is what it drew at each scale, and the number it was born with. */
typedef struct path {
    double drawn[SCALES];
    size_t born, scales;
} path;

typedef struct toy {
    path path[WIDEST];
    size_t paths, steps;
    bool fixed; /* the reward is that of scale 0 for ever */
    double feature[SCALES];
    size_t bad_scale; /* where the reward is NaN, or features differ in number */
    bool ragged;
} toy;

static int toy_begin(void *context, size_t paths, assay_rng *rng)
{
    toy *t = context;
    (void)rng;
    assert_true(paths <= WIDEST);
    t->paths = paths;
    for (size_t p = 0; p < paths; p++)
        t->path[p] = (path){.born = p};
    return ASSAY_OK;
}

static int toy_step(void *context, size_t p, size_t scale, assay_rng *rng)
{
    toy *t = context;
    assert_true(p < t->paths && t->path[p].scales == scale);
    t->path[p].drawn[scale] = assay_rng_normal(rng);
    t->path[p].scales++;
    t->steps++;
    return ASSAY_OK;
}

static int toy_reward(void *context, size_t p, size_t scale, double *reward)
{
    toy *t = context;
    *reward = 0;
    for (size_t s = 0; s <= scale; s++)
        *reward += t->path[p].drawn[s];
    if (t->fixed)
        *reward = t->path[p].drawn[0];
    if (t->bad_scale == scale + 1 && !t->ragged)
        *reward = NAN;
    return ASSAY_OK;
}

static int toy_features(void *context, size_t p, size_t scale, const double **x, size_t *n)
{
    toy *t = context;
    memcpy(t->feature, t->path[p].drawn, sizeof t->feature);
    *x = t->feature;
    *n = scale + 1 - (t->ragged && t->bad_scale == scale + 1 && p == 1);
    return ASSAY_OK;
}

static int toy_select(void *context, const size_t *parent, size_t n)
{
    toy *t = context;
    path moved[WIDEST];
    for (size_t p = 0; p < n; p++)
        moved[p] = t->path[parent[p]];
    memcpy(t->path, moved, sizeof moved);
    t->paths = n;
    return ASSAY_OK;
}

static assay_path_model model_of(toy *t)
{
    return (assay_path_model){t, toy_begin, toy_step, toy_reward, toy_features, toy_select};
}

static const size_t falling[SCALES] = {16, 12, 12, 6, 3, 2};

static void a_flat_schedule_is_best_of_n(void **state)
{
    (void)state;
    const size_t flat[SCALES] = {8, 8, 8, 8, 8, 8};
    for (uint64_t seed = 0; seed < 20; seed++) {
        toy t = {.paths = 0};
        const assay_path_model model = model_of(&t);
        const assay_rng rng = assay_rng_seed(seed);
        const assay_tts_opts o = {.kept = flat, .scales = SCALES, .lambda = 10};
        assay_tts_result r;
        ok(assay_tts_var(&model, &o, &rng, &r));
        /* the same streams: scale, then path */
        double best = -INFINITY;
        for (size_t p = 0; p < 8; p++) {
            double sum = 0;
            for (size_t s = 0; s < SCALES; s++) {
                const assay_rng of_scale = assay_rng_split(&rng, s);
                assay_rng of_path = assay_rng_split(&of_scale, p);
                sum += assay_rng_normal(&of_path);
            }
            best = fmax(best, sum);
        }
        assert_true(r.reward == best && r.cost == 8 * SCALES);
        assay_tts_result_free(&r);
    }
    const size_t single[SCALES] = {1, 1, 1, 1, 1, 1};
    toy t = {.paths = 0};
    const assay_path_model model = model_of(&t);
    const assay_rng rng = assay_rng_seed(1);
    const assay_tts_opts o = {.kept = single, .scales = SCALES};
    assay_tts_result r;
    ok(assay_tts_var(&model, &o, &rng, &r));
    assert_true(r.best == 0 && t.steps == SCALES && t.path[0].drawn[5] != 0);
    assay_tts_result_free(&r);
}

/* The reward never changes after scale 0, so sharp resampling finds the best of the first ones. */
static void a_fixed_reward_finds_the_best_start(void **state)
{
    (void)state;
    bool everywhere[SCALES] = {false, true, true, true, true, true};
    for (uint64_t seed = 0; seed < 20; seed++) {
        toy t = {.fixed = true};
        const assay_path_model model = model_of(&t);
        const assay_rng rng = assay_rng_seed(seed), of_scale = assay_rng_split(&rng, 0);
        const assay_tts_opts o = {
            .kept = falling, .scales = SCALES, .lambda = 1e6, .resample = everywhere};
        assay_tts_result r;
        double best = -INFINITY;
        ok(assay_tts_var(&model, &o, &rng, &r));
        for (size_t p = 0; p < 16; p++) {
            assay_rng of_path = assay_rng_split(&of_scale, p);
            best = fmax(best, assay_rng_normal(&of_path));
        }
        assert_true(r.reward == best);
        assay_tts_result_free(&r);
    }
}

/* Every path's history is the rewards of its own line, and the table of ancestors leads to its
 * birth. */
static void lines_stay_together(void **state)
{
    (void)state;
    const bool extract[SCALES] = {false, true}, resample[SCALES] = {false, false, true, true};
    for (uint64_t seed = 0; seed < 50; seed++) {
        toy t = {.paths = 0};
        const assay_path_model model = model_of(&t);
        const assay_rng rng = assay_rng_seed(seed);
        const double cost[SCALES] = {1, 2, 4, 8, 16, 32};
        assay_tts_opts o = {.kept = falling,
            .cost = cost,
            .scales = SCALES,
            .lambda = 2,
            .extract = extract,
            .resample = resample,
            .kind = (assay_potential_kind)(seed % 5),
            .top = 2,
            .resampling = (assay_resample_kind)(seed % 2)};
        assay_tts_result r;
        ok(assay_tts_var(&model, &o, &rng, &r));
        assert_true(r.cost == 16 + 16 * 2 + 12 * 4 + 12 * 8 + 6 * 16 + 3 * 32);
        assert_int_equal(r.history.rows, 3); /* of the last ones the best is the answer */
        double best = -INFINITY;
        bool copied = false;
        for (size_t p = 0; p < t.paths; p++) {
            double sum = 0;
            for (size_t s = 0; s < SCALES; s++) {
                sum += t.path[p].drawn[s];
                close_to(*assay_matrix_at(&r.history, p, s), sum, 1e-12);
            }
            best = fmax(best, sum);
            size_t at = p;
            for (size_t s = SCALES; s-- > 0;)
                at = r.ancestor[s * 16 + at];
            assert_int_equal(at, t.path[p].born);
            for (size_t q = 0; q < p; q++) { /* copies went separate ways */
                copied = copied || t.path[p].born == t.path[q].born;
                assert_true(t.path[p].drawn[5] != t.path[q].drawn[5]);
            }
        }
        assert_true(r.reward == best && r.reward == *assay_matrix_at(&r.history, r.best, 5));
        for (size_t s = 0; s < SCALES; s++) {
            const size_t kept = s + 1 < SCALES ? falling[s] : 3;
            assert_true(r.ancestor[s * 16 + kept - 1] != SIZE_MAX);
            assert_true(kept == 16 || r.ancestor[s * 16 + kept] == SIZE_MAX);
        }
        assay_tts_result_free(&r);
    }
}

/* Only asked-for rewards are computed, and only they make the history. */
static void sparse_rewards(void **state)
{
    (void)state;
    const bool some[SCALES] = {false, true}, resample[SCALES] = {false, false, false, true};
    toy t = {.paths = 0};
    const assay_path_model model = model_of(&t);
    const assay_rng rng = assay_rng_seed(1);
    const assay_tts_opts o = {.kept = falling,
        .scales = SCALES,
        .lambda = 2,
        .reward = some,
        .resample = resample,
        .kind = ASSAY_POTENTIAL_SUM};
    assay_tts_result r;
    ok(assay_tts_var(&model, &o, &rng, &r));
    const double *line = assay_matrix_row(&r.history, 0);
    assert_true(isnan(line[0]) && !isnan(line[1]) && isnan(line[2]) && !isnan(line[3]) &&
                isnan(line[4]) && !isnan(line[5]));
    assay_tts_result_free(&r);
}

/* Importance sampling: the answer is drawn with weights exp(lambda r). With lambda = 0 each is as
 * likely. */
static void a_drawn_answer(void **state)
{
    (void)state;
    const size_t flat[SCALES] = {4, 4, 4, 4, 4, 4};
    double seen[4] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        toy t = {.paths = 0};
        const assay_path_model model = model_of(&t);
        const assay_rng rng = assay_rng_seed(seed);
        const assay_tts_opts o = {.kept = flat, .scales = SCALES, .sample_last = true};
        assay_tts_result r;
        ok(assay_tts_var(&model, &o, &rng, &r));
        seen[r.best]++;
        assay_tts_result_free(&r);
    }
    for (size_t p = 0; p < 4; p++)
        close_to(seen[p] / 2000, 0.25, 4 * sqrt(0.25 * 0.75 / 2000));
}

static int stop(void *context, double done, double total)
{
    (void)context;
    return done >= 2 && total == SCALES;
}

static void search_refuses(void **state)
{
    (void)state;
    bool at[SCALES] = {false, false, true}, both[SCALES] = {false, true};
    toy t = {.paths = 0};
    assay_path_model model = model_of(&t);
    const assay_rng rng = assay_rng_seed(1);
    const assay_progress stopping = {stop, NULL};
    assay_tts_opts o = {.kept = falling, .scales = SCALES, .lambda = 1, .extract = at};
    assay_tts_result r;
    refuses(assay_tts_var(&model, &o, &rng, &r),
        "extract needs a reduction at scale 2, but 12 of 12 paths are kept");
    o.extract = o.resample = both;
    refuses(assay_tts_var(&model, &o, &rng, &r), "scale 1 is both in extract and in resample");
    o.resample = NULL;
    model.features = NULL;
    refuses(assay_tts_var(&model, &o, &rng, &r), "extract needs the model's features");
    model.features = toy_features;
    t = (toy){.bad_scale = 2, .ragged = true};
    refuses(assay_tts_var(&model, &o, &rng, &r), "path 2 has 1 features at scale 1, path 1 has 2");
    o.extract = NULL;
    t = (toy){.bad_scale = 3};
    refuses(assay_tts_var(&model, &o, &rng, &r),
        "reward of path 1 at scale 2 must be a number, got nan");
    t = (toy){.paths = 0};
    o.kind = ASSAY_POTENTIAL_TOPK;
    refuses(assay_tts_var(&model, &o, &rng, &r), "top");
    o.kind = ASSAY_POTENTIAL_VALUE;
    o.lambda = INFINITY;
    refuses(assay_tts_var(&model, &o, &rng, &r), "lambda");
    o.lambda = 1;
    o.progress = &stopping;
    assert_int_equal(assay_tts_var(&model, &o, &rng, &r), ASSAY_ECANCELLED);
    o.scales = 0;
    refuses(assay_tts_var(&model, &o, &rng, &r), "at least 1 scale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules),
        cmocka_unit_test(weights_ignore_constants),
        cmocka_unit_test(potentials_by_definition),
        cmocka_unit_test(infinite_rewards),
        cmocka_unit_test(gaussian_tilting),
        cmocka_unit_test(selection_is_the_best_partition),
        cmocka_unit_test(selection_ends),
        cmocka_unit_test(patch_axis),
        cmocka_unit_test(patch_features_of_images),
        cmocka_unit_test(consistency),
        cmocka_unit_test(a_flat_schedule_is_best_of_n),
        cmocka_unit_test(a_fixed_reward_finds_the_best_start),
        cmocka_unit_test(lines_stay_together),
        cmocka_unit_test(sparse_rewards),
        cmocka_unit_test(a_drawn_answer),
        cmocka_unit_test(search_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
