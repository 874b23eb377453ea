/* Orders of scores, Plackett-Luce and its baselines against closed forms, brute force and
 * identities. */
#include "methods/inference/onebench.h"

#include "../check.h"
#include "core/rank.h"
#include "core/stats.h"

static const assay_pl_method iterative[] = {ASSAY_PL_ILSR, ASSAY_PL_MM, ASSAY_PL_NEWTON};

/* A view of a square in an array. */
static assay_matrix square(double *data, size_t n)
{
    return assay_matrix_view(data, n, n);
}

/* ---- Plackett-Luce ---- */

static void two_models_have_the_log_odds(void **state)
{
    (void)state;
    const double pairs[][2] = {{3, 1}, {7, 7}, {0.25, 2.5}, {1000, 1}};
    for (size_t t = 0; t < 4; t++) {
        double c[] = {0, pairs[t][0], pairs[t][1], 0}, theta[2], se[2];
        const assay_matrix counts = square(c, 2);
        const double a = pairs[t][0], b = pairs[t][1], p = a / (a + b);
        for (size_t m = 0; m < 3; m++) {
            const assay_pl_opts o = {.method = iterative[m], .tol = 1e-13};
            assay_pl_info info = {.se = se};
            ok(assay_pl_pairwise_dense(&counts, &o, theta, &info));
            close_to(theta[0] - theta[1], log(a / b), 1e-10);
            close_to(theta[0] + theta[1], 0, 1e-12);
            close_to(info.log_likelihood, a * log(p) + b * log(1 - p), 1e-9 * (a + b));
            /* Var(theta_1 - theta_2) = 1 / (n p q), each side half of it */
            close_to(se[0], 0.5 / sqrt((a + b) * p * (1 - p)), 1e-9 / sqrt(b));
            close_to(se[1], se[0], 1e-12);
        }
    }
}

enum { MODELS = 7 };

/* Random counts with a chain of wins both ways, so that the graph is connected. */
static void draw_counts(assay_rng *rng, double *c)
{
    for (size_t i = 0; i < MODELS; i++)
        for (size_t j = 0; j < MODELS; j++)
            c[i * MODELS + j] = i == j ? 0 : (double)assay_rng_below(rng, 4) * (i < j ? 1.5 : 0.5);
    for (size_t i = 0; i + 1 < MODELS; i++) {
        c[i * MODELS + i + 1] += 1;
        c[(i + 1) * MODELS + i] += 0.5;
    }
}

/* wins less expected wins, straight from the definition */
static double gradient_of_pairs(const double *c, const double *theta, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < MODELS; j++)
        if (j != i) {
            const double n = c[i * MODELS + j] + c[j * MODELS + i];
            sum += c[i * MODELS + j] - n / (1 + exp(theta[j] - theta[i]));
        }
    return sum;
}

static void methods_agree_on_pairs(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(3);
    for (int trial = 0; trial < 20; trial++) {
        double c[MODELS * MODELS], theta[3][MODELS], total = 0;
        draw_counts(&rng, c);
        const assay_matrix counts = square(c, MODELS);
        for (size_t i = 0; i < MODELS * MODELS; i++)
            total += c[i];
        for (size_t m = 0; m < 3; m++) {
            const assay_pl_opts o = {.method = iterative[m], .tol = 1e-10};
            ok(assay_pl_pairwise_dense(&counts, &o, theta[m], NULL));
            for (size_t i = 0; i < MODELS; i++) {
                close_to(theta[m][i], theta[0][i], 1e-6);
                close_to(gradient_of_pairs(c, theta[m], i), 0, 1e-6 * total);
            }
        }
    }
}

/* MM and Newton have one objective, also with a prior; its gradient is 0 at the uncentred optimum,
 * where the weights sum to the number of models. */
static void prior_has_one_optimum(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(4);
    for (int trial = 0; trial < 10; trial++) {
        double c[MODELS * MODELS], theta[2][MODELS], sum = 0;
        const double alpha = 0.05 * (trial + 1);
        draw_counts(&rng, c);
        for (size_t j = 0; j < MODELS; j++)
            c[2 * MODELS + j] = 0; /* never wins */
        const assay_matrix counts = square(c, MODELS);
        for (size_t m = 0; m < 2; m++) {
            const assay_pl_opts o = {
                .method = iterative[1 + m], .alpha = alpha, .tol = 1e-11, .max_iter = 20000};
            ok(assay_pl_pairwise_dense(&counts, &o, theta[m], NULL));
        }
        for (size_t i = 0; i < MODELS; i++)
            sum += exp(theta[1][i]);
        for (size_t i = 0; i < MODELS; i++) {
            close_to(theta[0][i], theta[1][i], 1e-6);
            const double w = exp(theta[1][i]) * MODELS / sum;
            close_to(gradient_of_pairs(c, theta[1], i) + alpha * (1 - w), 0, 1e-6);
        }
    }
}

enum { RANKINGS = 40 };

typedef struct drawn {
    size_t order[RANKINGS][MODELS];
    assay_ranking ranking[RANKINGS];
} drawn;

static void draw_rankings(assay_rng *rng, drawn *d, size_t least)
{
    for (size_t r = 0; r < RANKINGS; r++) {
        assay_rng_permutation(rng, MODELS, d->order[r]);
        d->ranking[r] =
            (assay_ranking){d->order[r], least + assay_rng_below(rng, MODELS + 1 - least)};
    }
}

/* The likelihood of rankings, straight from its product. */
static double likelihood_of(const drawn *d, const double *theta)
{
    double sum = 0;
    for (size_t r = 0; r < RANKINGS; r++)
        for (size_t a = 0; a < d->ranking[r].n; a++) {
            double left = 0;
            for (size_t b = a; b < d->ranking[r].n; b++)
                left += exp(theta[d->order[r][b]]);
            sum += theta[d->order[r][a]] - log(left);
        }
    return sum;
}

static void methods_agree_on_rankings(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(5);
    for (int trial = 0; trial < 5; trial++) {
        drawn d;
        double theta[3][MODELS], best = 0;
        draw_rankings(&rng, &d, 2);
        for (size_t m = 0; m < 3; m++) {
            const assay_pl_opts o = {.method = iterative[m], .tol = 1e-10};
            assay_pl_info info = {0};
            ok(assay_pl_rankings(MODELS, d.ranking, RANKINGS, &o, theta[m], &info));
            best = likelihood_of(&d, theta[m]);
            close_to(info.log_likelihood, best, 1e-9);
            for (size_t i = 0; i < MODELS; i++)
                close_to(theta[m][i], theta[0][i], 1e-6);
        }
        for (size_t i = 0; i < MODELS; i++) { /* no neighbour is likelier */
            theta[0][i] += 1e-3;
            assert_true(likelihood_of(&d, theta[0]) < best);
            theta[0][i] -= 2e-3;
            assert_true(likelihood_of(&d, theta[0]) < best);
            theta[0][i] += 1e-3;
        }
    }
}

static void short_rankings_and_records_are_pairs(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(6);
    drawn d;
    draw_rankings(&rng, &d, 2);
    double c[MODELS * MODELS] = {0}, pairs[MODELS], rankings[MODELS], top1[MODELS];
    assay_top1 record[RANKINGS];
    for (size_t r = 0; r < RANKINGS; r++) {
        d.ranking[r].n = 2;
        c[d.order[r][0] * MODELS + d.order[r][1]] += 1;
        record[r] = (assay_top1){d.order[r][0], &d.order[r][1], 1};
    }
    const assay_matrix counts = square(c, MODELS);
    for (int m = ASSAY_PL_ILSR; m <= ASSAY_PL_NEWTON; m++) {
        const assay_pl_opts o = {.method = (assay_pl_method)m, .alpha = 0.1};
        ok(assay_pl_pairwise_dense(&counts, &o, pairs, NULL));
        ok(assay_pl_rankings(MODELS, d.ranking, RANKINGS, &o, rankings, NULL));
        ok(assay_pl_top1(MODELS, record, RANKINGS, &o, top1, NULL));
        for (size_t i = 0; i < MODELS; i++) {
            close_to(rankings[i], pairs[i], 1e-9);
            close_to(top1[i], pairs[i], 1e-9);
        }
    }
}

/* Bradley-Terry data of known theta: the error, its fall with the data, and the standard errors. */
static void draw_pairs(assay_rng *rng, double *c, size_t n, uint64_t matches, const double *theta)
{
    memset(c, 0, n * n * sizeof *c);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            const double p = 1 / (1 + exp(theta[j] - theta[i]));
            const uint64_t won = assay_rng_binomial(rng, matches, p);
            c[i * n + j] = (double)won;
            c[j * n + i] = (double)(matches - won);
        }
}

static void known_scores_are_found(void **state)
{
    (void)state;
    const double truth[] = {1, 0.5, 0, -0.5, -1};
    double mean_error[3] = {0}, first[50], se_of_first = 0;
    for (size_t size = 0; size < 3; size++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            assay_rng rng = assay_rng_seed(100 * size + seed);
            double c[25], theta[5], se[5], largest = 0;
            draw_pairs(&rng, c, 5, (uint64_t[]){100, 600, 10000}[size], truth);
            const assay_matrix counts = square(c, 5);
            assay_pl_info info = {.se = se};
            ok(assay_pl_pairwise_dense(&counts, NULL, theta, &info));
            for (size_t i = 0; i < 5; i++)
                largest = fmax(largest, fabs(theta[i] - truth[i]));
            mean_error[size] += largest / 50;
            if (size == 1) {
                first[seed] = theta[0];
                se_of_first += se[0] / 50;
            }
        }
    assert_true(mean_error[1] > 0.03 && mean_error[1] < 0.08);
    close_to(log10(mean_error[2] / mean_error[0]) / 2, -0.5, 0.1);
    /* sd of 50 draws: relative error 1 / sqrt(98) = 0.1 */
    close_to(assay_sd(first, 50) / se_of_first, 1, 0.35);
}

static void names_and_copies_change_nothing(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(7);
    double c[MODELS * MODELS], moved[MODELS * MODELS], theta[MODELS], other[MODELS];
    size_t order[MODELS];
    draw_counts(&rng, c);
    assay_rng_permutation(&rng, MODELS, order);
    for (size_t i = 0; i < MODELS; i++)
        for (size_t j = 0; j < MODELS; j++)
            moved[order[i] * MODELS + order[j]] = 2 * c[i * MODELS + j];
    const assay_matrix counts = square(c, MODELS), renamed = square(moved, MODELS);
    ok(assay_pl_pairwise_dense(&counts, NULL, theta, NULL));
    ok(assay_pl_pairwise_dense(&renamed, NULL, other, NULL));
    for (size_t i = 0; i < MODELS; i++)
        close_to(other[order[i]], theta[i], 1e-7);
}

static void warm_start_ends_at_once(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(8);
    double c[MODELS * MODELS], theta[MODELS], again[MODELS];
    draw_counts(&rng, c);
    const assay_matrix counts = square(c, MODELS);
    assay_pl_info info = {0};
    ok(assay_pl_pairwise_dense(&counts, NULL, theta, &info));
    assert_true(info.iterations > 3);
    const assay_pl_opts warm = {.init = theta};
    ok(assay_pl_pairwise_dense(&counts, &warm, again, &info));
    assert_int_equal(info.iterations, 1);
}

static void far_spreads_are_exact(void **state)
{
    (void)state;
    double c[] = {0, 1, 1e-140, 0}, chain[] = {0, 1, 0, 1e-200, 0, 1, 0, 1e-200, 0}, theta[3];
    const assay_matrix counts = square(c, 2), further = square(chain, 3);
    for (int m = 0; m < 3; m += 2) {
        const assay_pl_opts o = {.method = iterative[m]};
        ok(assay_pl_pairwise_dense(&counts, &o, theta, NULL));
        close_to(theta[0] - theta[1], 140 * log(10), 1e-6);
    }
    assert_int_equal(assay_pl_pairwise_dense(&further, NULL, theta, NULL), ASSAY_ECONVERGE);
    assert_non_null(strstr(assay_errmsg(), "use method \"newton\""));
    const assay_pl_opts newton = {.method = ASSAY_PL_NEWTON};
    ok(assay_pl_pairwise_dense(&further, &newton, theta, NULL));
    close_to(theta[0] - theta[1], 200 * log(10), 1e-6);
    close_to(theta[1] - theta[2], 200 * log(10), 1e-6);
}

static void one_model_and_the_unmeasured(void **state)
{
    (void)state;
    double none[] = {0}, theta[3] = {5, 5, 5}, se[3];
    bool unmeasured[3];
    const assay_matrix alone = square(none, 1);
    assay_pl_info info = {.se = se, .unmeasured = unmeasured};
    for (int m = ASSAY_PL_ILSR; m <= ASSAY_PL_NEWTON; m++)
        for (int alpha = 0; alpha < 2; alpha++) {
            const assay_pl_opts o = {.method = (assay_pl_method)m, .alpha = alpha};
            ok(assay_pl_pairwise_dense(&alone, &o, theta, m == ASSAY_PL_LSR ? NULL : &info));
            assert_true(theta[0] == 0);
        }
    double c[] = {0, 2, 0, 1, 0, 0, 0, 0, 0};
    const assay_matrix counts = square(c, 3);
    for (int m = ASSAY_PL_ILSR; m <= ASSAY_PL_NEWTON; m++) {
        const assay_pl_opts o = {.method = (assay_pl_method)m, .alpha = 0.01};
        ok(assay_pl_pairwise_dense(&counts, &o, theta, &info));
        close_to(theta[2], 0, 0.3);
        assert_true(!unmeasured[0] && !unmeasured[1] && unmeasured[2]);
        assert_true(se[2] > se[0] && se[2] > 2);
    }
}

static void graphs_that_do_not_hang_together_are_refused(void **state)
{
    (void)state;
    double c[] = {0, 2, 0, 1, 0, 0, 0, 0, 0}, theta[3];
    const assay_matrix counts = square(c, 3);
    refuses(assay_pl_pairwise_dense(&counts, NULL, theta, NULL),
        "alpha must be greater than 0 (0.01, say) here, got 0");
    assert_non_null(strstr(assay_errmsg(), "2 groups {1, 2}, {3}"));
    const size_t order[] = {0, 1, 2};
    const assay_ranking ranking = {order, 3};
    refuses(assay_pl_rankings(3, &ranking, 1, NULL, theta, NULL), "3 groups {1}, {2}, {3}");
}

static int stop(void *context, double done, double total)
{
    (void)context;
    return done > 2 && total > 2;
}

static void refusals(void **state)
{
    (void)state;
    double c[] = {0, 1, 1, 0}, theta[2], wide[6] = {0};
    assay_matrix counts = square(c, 2), rectangle = assay_matrix_view(wide, 2, 3);
    const assay_progress stopping = {stop, NULL};
    refuses(assay_pl_pairwise_dense(&rectangle, NULL, theta, NULL), "square");
    c[1] = -1;
    refuses(assay_pl_pairwise_dense(&counts, NULL, theta, NULL),
        "counts[1][2] must be finite and at least 0, got -1");
    c[1] = NAN;
    refuses(assay_pl_pairwise_dense(&counts, NULL, theta, NULL), "got nan");
    c[1] = INFINITY;
    refuses(assay_pl_pairwise_dense(&counts, NULL, theta, NULL), "got inf");
    c[1] = c[3] = 1;
    refuses(assay_pl_pairwise_dense(&counts, NULL, theta, NULL), "counts[2][2] must be 0");
    c[3] = 0;
    assay_pl_opts o = {.alpha = -1};
    refuses(assay_pl_pairwise_dense(&counts, &o, theta, NULL), "alpha");
    o = (assay_pl_opts){.tol = NAN};
    refuses(assay_pl_pairwise_dense(&counts, &o, theta, NULL), "tol");
    o = (assay_pl_opts){.init = (double[]){0, INFINITY}};
    refuses(assay_pl_pairwise_dense(&counts, &o, theta, NULL), "init[2]");
    double slow[] = {0, 50, 0, 1, 0, 50, 0, 1, 0}, scores[3];
    const assay_matrix steep = square(slow, 3);
    o = (assay_pl_opts){.max_iter = 3, .method = ASSAY_PL_MM};
    assert_int_equal(assay_pl_pairwise_dense(&steep, &o, scores, NULL), ASSAY_ECONVERGE);
    assert_non_null(strstr(assay_errmsg(), "not converged after 3 iterations"));
    o = (assay_pl_opts){.progress = &stopping, .method = ASSAY_PL_MM};
    assert_int_equal(assay_pl_pairwise_dense(&steep, &o, scores, NULL), ASSAY_ECANCELLED);
    counts.rows = counts.cols = 0;
    refuses(assay_pl_pairwise_dense(&counts, NULL, theta, NULL), "at least 1 model");
    const size_t twice[] = {1, 0, 1};
    const assay_ranking ranking = {twice, 3};
    const assay_top1 record = {1, twice, 1}, outside = {0, (size_t[]){2}, 1};
    refuses(assay_pl_rankings(2, &ranking, 1, NULL, theta, NULL), "ranking 1 has model 2 twice");
    refuses(assay_pl_top1(2, &record, 1, NULL, theta, NULL), "record 1 has model 2 twice");
    refuses(assay_pl_top1(2, &outside, 1, NULL, theta, NULL), "record 1 has model 3");
}

/* ---- orders ---- */

enum { POOL = 6, ITEMS = 30 };

static void draw_scores(assay_rng *rng, double *y)
{
    for (size_t i = 0; i < POOL * ITEMS; i++)
        y[i] = assay_rng_below(rng, 4) == 0 ? (double)NAN : (double)assay_rng_below(rng, 5);
}

static void pairs_are_counted(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(9);
    double y[POOL * ITEMS], w[POOL * POOL], t[POOL * POOL];
    draw_scores(&rng, y);
    const assay_matrix scores = assay_matrix_view(y, POOL, ITEMS);
    assay_matrix wins = square(w, POOL), ties = square(t, POOL);
    ok(assay_to_pairwise(&scores, &wins, &ties));
    double matches = 0;
    for (size_t i = 0; i < POOL; i++)
        for (size_t j = 0; j < POOL; j++) {
            double above = 0, equal = 0;
            for (size_t k = 0; k < ITEMS; k++) {
                const double a = y[i * ITEMS + k], b = y[j * ITEMS + k];
                above += !isnan(a) && !isnan(b) && a > b;
                equal += i != j && !isnan(a) && !isnan(b) && a == b;
            }
            assert_true(w[i * POOL + j] == above && t[i * POOL + j] == equal);
            matches += above + equal / 2;
        }
    size_t n = 0;
    ok(assay_to_matches(&scores, NULL, &n));
    assert_true((double)n == matches);
    y[7] = -INFINITY;
    refuses(assay_to_pairwise(&scores, &wins, &ties), "scores[1][8] (model, item) must be finite");
}

/* Any increasing function of an item's scores, another for each item. */
static void only_the_order_within_an_item_counts(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(10);
    double y[POOL * ITEMS], z[POOL * ITEMS], w[2][POOL * POOL], t[2][POOL * POOL];
    draw_scores(&rng, y);
    for (size_t i = 0; i < POOL * ITEMS; i++)
        z[i] = i % ITEMS % 3 == 0   ? exp(y[i])
               : i % ITEMS % 3 == 1 ? -100 + 0.25 * y[i] * y[i] * y[i]
                                    : atan(y[i] - 2);
    for (int k = 0; k < 2; k++) {
        const assay_matrix scores = assay_matrix_view(k ? z : y, POOL, ITEMS);
        assay_matrix wins = square(w[k], POOL), ties = square(t[k], POOL);
        ok(assay_to_pairwise(&scores, &wins, &ties));
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    assert_memory_equal(t[0], t[1], sizeof t[0]);
}

/* Counted over all records, winner against loser, top-1 records are the wins of pairs. */
static void records_and_rankings_hold_the_pairs(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(11);
    double y[POOL * ITEMS], w[POOL * POOL], t[POOL * POOL], seen[POOL * POOL] = {0};
    draw_scores(&rng, y);
    for (size_t i = 0; i < POOL; i++) {
        y[i * ITEMS] = 3;                            /* all equal */
        y[i * ITEMS + 1] = i == 2 ? 1 : (double)NAN; /* one model */
        y[i * ITEMS + 2] = NAN;                      /* none */
    }
    const assay_matrix scores = assay_matrix_view(y, POOL, ITEMS);
    assay_matrix wins = square(w, POOL), ties = square(t, POOL);
    assay_top1_list top1;
    assay_ranking_list rankings;
    ok(assay_to_pairwise(&scores, &wins, &ties));
    ok(assay_to_top1(&scores, &top1));
    for (size_t r = 0; r < top1.count; r++)
        for (size_t l = 0; l < top1.record[r].n; l++)
            seen[top1.record[r].winner * POOL + top1.record[r].losers[l]]++;
    assert_memory_equal(seen, w, sizeof w);
    ok(assay_to_rankings(&scores, &rankings));
    memset(seen, 0, sizeof seen);
    for (size_t r = 0; r < rankings.count; r++)
        for (size_t a = 0; a < rankings.ranking[r].n; a++)
            for (size_t b = a + 1; b < rankings.ranking[r].n; b++)
                seen[rankings.ranking[r].order[a] * POOL + rankings.ranking[r].order[b]]++;
    for (size_t i = 0; i < POOL; i++)
        for (size_t j = i + 1; j < POOL; j++) { /* ties go to the lower number */
            assert_true(seen[i * POOL + j] == w[i * POOL + j] + t[i * POOL + j]);
            assert_true(seen[j * POOL + i] == w[j * POOL + i]);
        }
    assay_top1_free(&top1);
    assay_ranking_free(&rankings);
}

/* Mutual reachability by Warshall's closure. */
static void components_are_mutual_reach(void **state)
{
    (void)state;
    enum { N = 9 };
    assay_rng rng = assay_rng_seed(12);
    for (int trial = 0; trial < 200; trial++) {
        double c[N * N] = {0};
        bool reach[N][N] = {{false}};
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++)
                c[i * N + j] = reach[i][j] = i != j && assay_rng_below(&rng, 8) == 0;
        for (size_t k = 0; k < N; k++)
            for (size_t i = 0; i < N; i++)
                for (size_t j = 0; j < N; j++)
                    reach[i][j] = reach[i][j] || (reach[i][k] && reach[k][j]);
        const assay_matrix counts = square(c, N);
        size_t component[N], n = 0, next = 0;
        ok(assay_comparison_components(&counts, component, &n));
        for (size_t i = 0; i < N; i++) {
            next += component[i] == next; /* numbered by first member */
            for (size_t j = 0; j < N; j++)
                assert_true(
                    (component[i] == component[j]) == (i == j || (reach[i][j] && reach[j][i])));
        }
        assert_int_equal(next, n);
    }
}

/* ---- baselines ---- */

static void rating_weighs_ties_as_half_wins(void **state)
{
    (void)state;
    double w[] = {0, 3, 1, 0}, t[] = {0, 4, 4, 0}, rating[2];
    const assay_matrix wins = square(w, 2), ties = square(t, 2);
    ok(assay_bradley_terry_rating(&wins, &ties, 400, 10, 1000, 0, rating));
    close_to(rating[0] - rating[1], 400 * log10(5.0 / 3.0), 1e-6);
    close_to(rating[0] + rating[1], 2000, 1e-9);
    t[1] = 3;
    refuses(assay_bradley_terry_rating(&wins, &ties, 400, 10, 1000, 0, rating), "symmetric");
    refuses(assay_borda(&wins, &ties, rating), "borda: ties must be symmetric");
    t[1] = 4;
    refuses(assay_bradley_terry_rating(&wins, &ties, 0, 10, 1000, 0, rating), "scale");
    refuses(assay_bradley_terry_rating(&wins, &ties, 400, 1, 1000, 0, rating), "base");
}

static void elo_conserves_and_depends_on_order(void **state)
{
    (void)state;
    enum { N = 4, M = 200 };
    assay_rng rng = assay_rng_seed(13);
    const assay_elo_opts o = {4, 400, 10, 1000};
    assay_match match[M], backwards[M];
    double rating[N], other[N], sum = 0, change = 0;
    for (size_t m = 0; m < M; m++) {
        size_t two[2];
        assay_rng_sample(&rng, N, 2, two);
        match[m] = (assay_match){two[0], two[1], 0.5 * (double)assay_rng_below(&rng, 3)};
        backwards[M - 1 - m] = match[m];
    }
    ok(assay_elo(match, M, N, &o, rating));
    ok(assay_elo(backwards, M, N, &o, other));
    for (size_t i = 0; i < N; i++) {
        sum += rating[i];
        change += fabs(rating[i] - other[i]);
    }
    close_to(sum, 4000, 1e-8);
    assert_true(change > 0.1);
    const assay_match one = {0, 1, 1}; /* expected 1/2 of k */
    ok(assay_elo(&one, 1, N, &o, rating));
    close_to(rating[0], 1002, 1e-12);
    match[0].result = 2;
    refuses(assay_elo(match, 1, N, &o, rating), "result in 0..1");
    match[0] = (assay_match){1, 1, 1};
    refuses(assay_elo(match, 1, N, &o, rating), "match 1 must be of two");
}

/* Complete scores without ties: Borda is the mean rate of wins. */
static void borda_orders_by_win_rate(void **state)
{
    (void)state;
    assay_rng rng = assay_rng_seed(14);
    double y[POOL * ITEMS], w[POOL * POOL], t[POOL * POOL], borda[POOL], dowdall[POOL], rank[POOL];
    for (size_t k = 0; k < ITEMS; k++)
        for (size_t i = 0; i < POOL; i++)
            y[i * ITEMS + k] = assay_rng_normal(&rng) + 0.3 * (double)i;
    const assay_matrix scores = assay_matrix_view(y, POOL, ITEMS);
    assay_matrix wins = square(w, POOL), ties = square(t, POOL);
    ok(assay_to_pairwise(&scores, &wins, &ties));
    ok(assay_borda(&wins, &ties, borda));
    ok(assay_dowdall(&wins, &ties, dowdall));
    for (size_t i = 0; i < POOL; i++) {
        double beaten = 0;
        for (size_t k = 0; k < ITEMS; k++) {
            double column[POOL];
            for (size_t j = 0; j < POOL; j++)
                column[j] = y[j * ITEMS + k];
            ok(assay_ranks(column, POOL, rank));
            beaten += rank[i] - 1;
        }
        close_to(borda[i], beaten, 1e-12);
        close_to(dowdall[i], beaten + 0.5 * (ITEMS * (POOL - 1) - beaten), 1e-12);
    }
}

static void means_by_group(void **state)
{
    (void)state;
    double y[] = {1, 3, 10, 10, /**/ 2, NAN, 20, 40, /**/ NAN, NAN, NAN, NAN, /**/ 0, 1, NAN, NAN};
    const size_t group[] = {7, 7, 2, 2};
    double mean[4], normalized[4];
    const assay_matrix scores = assay_matrix_view(y, 4, 4);
    ok(assay_mean_score(&scores, group, mean, normalized));
    close_to(mean[0], 6, 1e-15);
    close_to(mean[1], 62.0 / 3, 1e-14);
    assert_true(isnan(mean[2]) && isnan(normalized[2]));
    /* group 7: means 2, 2, -, 0.5; group 2: 10, 30, -, - */
    close_to(normalized[0], 0.5, 1e-15);
    close_to(normalized[1], 1, 1e-15);
    close_to(normalized[3], 0, 1e-15);
    ok(assay_mean_score(&scores, NULL, mean, NULL));
    const assay_matrix alone = assay_matrix_view(y, 1, 4);
    ok(assay_mean_score(&alone, group, mean, normalized));
    close_to(normalized[0], 0.5, 1e-15); /* nothing to compare with */
}

static void agreement(void **state)
{
    (void)state;
    const double a[] = {4, 3, 2, 1}, b[] = {4, 1, 2, 3};
    double x;
    size_t consistent;
    ok(assay_top_k_precision(a, b, 4, 2, &x));
    close_to(x, 0.5, 1e-15);
    refuses(assay_top_k_precision(a, b, 4, 5, &x), "k must be in 1..4, got 5");
    refuses(assay_top_k_precision(a, b, 4, 0, &x), "k must be in 1..4, got 0");
    ok(assay_rank_distance(a, b, 4, &x));
    close_to(x, 1, 1e-15);
    /* pairs alike in a and b: (1,2) (1,3) (1,4); the full order keeps two of them */
    ok(assay_separability(a, b, (double[]){2, 3, 1, 0}, 4, &x, &consistent));
    assert_int_equal(consistent, 3);
    close_to(x, 2.0 / 3, 1e-15);
    ok(assay_separability(a, (double[]){1, 2, 3, 4}, a, 4, &x, &consistent));
    assert_true(consistent == 0 && isnan(x));
    refuses(assay_separability(a, b, (double[]){NAN, 3, 1, 0}, 4, &x, &consistent), "model 1");
}

static void halves_are_a_fair_deal(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    double c[] = {0, 6, 1, 2, 0, 0, 3, 1, 0}, f[9], s[9], sum = 0, squares = 0;
    const assay_matrix counts = square(c, 3);
    assay_matrix first = square(f, 3), second = square(s, 3);
    assay_rng rng = assay_rng_seed(15);
    for (int draw = 0; draw < DRAWS; draw++) {
        double dealt = 0;
        ok(assay_comparisons_split(&counts, &rng, &first, &second));
        for (size_t i = 0; i < 9; i++) {
            assert_true(f[i] >= 0 && s[i] >= 0 && f[i] + s[i] == c[i]);
            dealt += f[i];
        }
        assert_true(dealt == 6); /* of 13 */
        sum += f[1];
        squares += f[1] * f[1];
    }
    /* hypergeometric: 6 of 13 drawn, 6 of them are of this kind */
    const double mean = 36.0 / 13, variance = 6 * (6.0 / 13) * (7.0 / 13) * (7.0 / 12);
    close_to(sum / DRAWS, mean, 4 * sqrt(variance / DRAWS));
    close_to(squares / DRAWS - mean * mean, variance, 0.1);
    c[1] = 0.5;
    refuses(assay_comparisons_split(&counts, &rng, &first, &second),
        "counts[1][2] must be a whole number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_models_have_the_log_odds),
        cmocka_unit_test(methods_agree_on_pairs),
        cmocka_unit_test(prior_has_one_optimum),
        cmocka_unit_test(methods_agree_on_rankings),
        cmocka_unit_test(short_rankings_and_records_are_pairs),
        cmocka_unit_test(known_scores_are_found),
        cmocka_unit_test(names_and_copies_change_nothing),
        cmocka_unit_test(warm_start_ends_at_once),
        cmocka_unit_test(far_spreads_are_exact),
        cmocka_unit_test(one_model_and_the_unmeasured),
        cmocka_unit_test(graphs_that_do_not_hang_together_are_refused),
        cmocka_unit_test(refusals),
        cmocka_unit_test(pairs_are_counted),
        cmocka_unit_test(only_the_order_within_an_item_counts),
        cmocka_unit_test(records_and_rankings_hold_the_pairs),
        cmocka_unit_test(components_are_mutual_reach),
        cmocka_unit_test(rating_weighs_ties_as_half_wins),
        cmocka_unit_test(elo_conserves_and_depends_on_order),
        cmocka_unit_test(borda_orders_by_win_rate),
        cmocka_unit_test(means_by_group),
        cmocka_unit_test(agreement),
        cmocka_unit_test(halves_are_a_fair_deal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
