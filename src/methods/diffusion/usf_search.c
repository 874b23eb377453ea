/*
 * Evolutionary search of solver schedules; see usf.h. Changes and their chances are those of the
 * published search (configs/evo_search.yml), but that a child keeps its number of model calls
 * unless they are free: where an analytic first step comes or goes, a step goes or comes with it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/diffusion/usf.h"

#define NEAR_TIE 1e-4 /* in lambda */

assay_usf_search_options assay_usf_search_defaults(const assay_schedule *schedule, size_t nfe)
{
    return (assay_usf_search_options){.schedule = schedule,
        .nfe = nfe,
        .t_start = schedule->t_max,
        .t_end = assay_sampler_t_end(schedule),
        .evaluations = 400,
        .rank_bar = 15,
        .evo_prob = 0.3,
        .select = true};
}

/* ---- genomes ---- */

static void bind(assay_usf_genome *g)
{
    g->schedule.t = g->t;
    g->schedule.step = g->step;
}

void assay_usf_copy(const assay_usf_schedule *from, assay_usf_genome *to)
{
    const size_t n = from->n;
    memmove(to->t, from->t, (n + 1) * sizeof *to->t);
    memmove(to->step, from->step, n * sizeof *to->step);
    to->schedule.n = n;
    to->schedule.afs = from->afs;
    bind(to);
}

static bool chance(assay_rng *rng, double p)
{
    return assay_rng_uniform(rng) < p;
}

/* An index by its weight. */
static size_t pick(assay_rng *rng, const double *weights, size_t n)
{
    double u = assay_rng_uniform(rng);
    for (size_t i = 0; i + 1 < n; i++) {
        if (u < weights[i])
            return i;
        u -= weights[i];
    }
    return n - 1;
}

/* Order 1..4, not above its place i (from 1). */
static int draw_order(assay_rng *rng, size_t i)
{
    static const double weights[] = {.2, .4, .3, .1};
    const size_t order = pick(rng, weights, ASSAY_USF_ORDER) + 1;
    return (int)(order < i ? order : i);
}

/* Orders that their place allows, correctors that follow from their predictors, none at the end. */
static void settle(assay_usf_genome *g)
{
    for (size_t i = 0; i < g->schedule.n; i++) {
        assay_usf_step *step = &g->step[i];
        if (step->predictor.order > (int)i + 1)
            assay_usf_full_order((int)i + 1, &step->predictor);
        if (i + 1 == g->schedule.n)
            step->corrector = ASSAY_CORRECTOR_NONE;
        if (step->corrector != ASSAY_CORRECTOR_NONE)
            assay_usf_correct(&step->predictor, &step->correction);
    }
}

static bool has_near_ties(const assay_usf_search_options *o, const double *t, size_t n)
{
    double before = 0, lambda;
    for (size_t i = 0; i <= n; i++) {
        if (assay_schedule_eval(o->schedule, t[i], NULL, NULL, &lambda) != ASSAY_OK)
            return true;
        if (i > 0 && !(lambda - before >= NEAR_TIE))
            return true;
        before = lambda;
    }
    return false;
}

/* ---- mutation ---- */

static int falling(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void insert_step(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    const size_t n = g->schedule.n;
    double t[ASSAY_USF_STEPS + 1];
    size_t at;
    do { /* a time that is not at another's */
        memcpy(t, g->t, (n + 1) * sizeof *t);
        t[n + 1] = o->t_end + assay_rng_uniform_open(rng) * (o->t_start - o->t_end);
        const double inserted = t[n + 1];
        qsort(t, n + 2, sizeof *t, falling);
        for (at = 0; t[at] != inserted;)
            at++;
    } while (has_near_ties(o, t, n + 1));
    memcpy(g->t, t, (n + 2) * sizeof *t);
    memmove(g->step + at, g->step + at - 1, (n + 1 - at) * sizeof *g->step);
    g->step[at - 1] = (assay_usf_step){.data = chance(rng, 0.5),
        .corrector = chance(rng, 0.5) ? ASSAY_CORRECTOR_PSEUDO : ASSAY_CORRECTOR_NONE};
    assay_usf_full_order(draw_order(rng, at), &g->step[at - 1].predictor);
    g->schedule.n = n + 1;
    settle(g);
}

static void delete_step(assay_usf_genome *g, assay_rng *rng)
{
    const size_t n = g->schedule.n, at = 1 + assay_rng_below(rng, n - 1); /* an inner time */
    memmove(g->t + at, g->t + at + 1, (n - at) * sizeof *g->t);
    memmove(g->step + at - 1, g->step + at, (n - at) * sizeof *g->step);
    g->schedule.n = n - 1;
    settle(g);
}

static int keep_calls(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    settle(g);
    while (assay_usf_nfe(&g->schedule) < o->nfe && g->schedule.n < ASSAY_USF_STEPS)
        insert_step(g, o, rng);
    while (assay_usf_nfe(&g->schedule) > o->nfe && g->schedule.n > 1)
        delete_step(g, rng);
    if (assay_usf_nfe(&g->schedule) != o->nfe)
        return assay_fail(ASSAY_EINVAL, "no schedule of %zu model calls was found", o->nfe);
    return ASSAY_OK;
}

/* Any number of calls from 1 on. */
static void keep_a_call(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    settle(g);
    while (assay_usf_nfe(&g->schedule) < 1)
        insert_step(g, o, rng);
}

static int settle_calls(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    if (!o->free)
        return keep_calls(g, o, rng);
    keep_a_call(g, o, rng);
    return ASSAY_OK;
}

/* A step comes, or an inner time goes. */
static void mutate_length(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    const double u = assay_rng_uniform(rng);
    if (u < 0.2 && g->schedule.n + 1 < ASSAY_USF_STEPS)
        insert_step(g, o, rng);
    else if (u >= 0.8 && g->schedule.n > 1)
        delete_step(g, rng);
}

static void mutate_afs(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    static const double weights[] = {.3, .3, .4};
    if (o->afs && chance(rng, o->evo_prob))
        g->schedule.afs = (assay_usf_afs)pick(rng, weights, 3);
}

static void mutate_times(assay_usf_genome *g, const assay_usf_search_options *o, assay_rng *rng)
{
    const size_t n = g->schedule.n;
    double t[ASSAY_USF_STEPS + 1];
    memcpy(t, g->t, (n + 1) * sizeof *t);
    for (size_t i = 1; i < n; i++) {
        if (!chance(rng, o->evo_prob))
            continue;
        const double moved = t[i] * (1 + 0.08 * assay_rng_normal(rng));
        if (moved > o->t_end + 1e-3 && moved < o->t_start - 1e-3)
            t[i] = moved;
    }
    qsort(t, n + 1, sizeof *t, falling);
    if (!has_near_ties(o, t, n))
        memcpy(g->t, t, (n + 1) * sizeof *t);
}

/* The first derivative from the nearest nodes, 1 or 2 of them. */
static void redraw_estimate(assay_usf_taylor *f, assay_rng *rng)
{
    const size_t wanted = 1 + assay_rng_below(rng, 2), most = (size_t)f->order - 1;
    f->derivative[0].n = wanted < most ? wanted : most;
    for (size_t j = 0; j < f->derivative[0].n; j++)
        f->derivative[0].active[j] = -2 - (int)j;
}

static void mutate_step(
    assay_usf_step *step, size_t i, const assay_usf_search_options *o, assay_rng *rng)
{
    assay_usf_taylor *f = &step->predictor;
    const double p = o->evo_prob;
    if (chance(rng, p))
        assay_usf_full_order(draw_order(rng, i + 1), f);
    if (chance(rng, p))
        step->data = chance(rng, 0.5);
    if (f->order > 1 && chance(rng, p)) {
        assay_usf_derivative *d = &f->derivative[0];
        d->coef = d->relax == ASSAY_RELAX_LINEAR ? d->coef : 0;
        d->relax = ASSAY_RELAX_LINEAR;
        d->coef += 0.03 * assay_rng_normal(rng);
    }
    if (f->order > 1 && chance(rng, p))
        redraw_estimate(f, rng);
    if (chance(rng, p))
        step->corrector = chance(rng, 0.5) ? ASSAY_CORRECTOR_PSEUDO : ASSAY_CORRECTOR_NONE;
}

static int check_length(const assay_usf_schedule *s)
{
    if (s->n >= ASSAY_USF_STEPS)
        return assay_fail(ASSAY_EINVAL,
            "schedules that are searched have at most %d steps, got %zu", ASSAY_USF_STEPS - 1,
            s->n);
    return ASSAY_OK;
}

int assay_usf_mutate(const assay_usf_schedule *in, const assay_usf_search_options *o,
    assay_rng *rng, assay_usf_genome *out)
{
    int status = check_length(in);
    if (status != ASSAY_OK)
        return status;
    assay_usf_copy(in, out);
    mutate_afs(out, o, rng);
    if (o->free)
        mutate_length(out, o, rng);
    if ((status = settle_calls(out, o, rng)) != ASSAY_OK)
        return status;
    mutate_times(out, o, rng);
    for (size_t i = 0; i < out->schedule.n; i++)
        mutate_step(&out->step[i], i, o, rng);
    settle(out);
    return assay_usf_check(&out->schedule);
}

/* ---- crossover ---- */

enum { TIMES, ORDERS, PREDICTION, CORRECTORS, AFS, TRAITS };

/* What of b replaces that of a, step by step or trait by trait. */
static void take(assay_usf_genome *out, const assay_usf_schedule *b, int trait)
{
    for (size_t i = 0; i < b->n; i++)
        if (trait == ORDERS)
            out->step[i].predictor = b->step[i].predictor;
        else if (trait == PREDICTION)
            out->step[i].data = b->step[i].data;
        else if (trait == CORRECTORS)
            out->step[i].corrector = b->step[i].corrector;
    if (trait == TIMES)
        memcpy(out->t, b->t, (b->n + 1) * sizeof *out->t);
    else if (trait == AFS)
        out->schedule.afs = b->afs;
}

int assay_usf_crossover(const assay_usf_schedule *a, const assay_usf_schedule *b,
    const assay_usf_search_options *o, assay_rng *rng, assay_usf_genome *out)
{
    int status = check_length(a);
    if (status != ASSAY_OK)
        return status;
    assay_usf_copy(a, out);
    if (a->n != b->n)
        return ASSAY_OK;
    if (chance(rng, 0.5)) { /* deep: step by step */
        for (size_t i = 0; i < a->n; i++) {
            if (chance(rng, 0.5))
                out->step[i].data = b->step[i].data;
            if (chance(rng, 0.5))
                out->step[i].predictor = b->step[i].predictor;
        }
    } else {
        unsigned taken;
        do /* at least one from each */
            taken = (unsigned)assay_rng_below(rng, 1U << TRAITS);
        while (taken == 0 || taken == (1U << TRAITS) - 1);
        for (int trait = 0; trait < TRAITS; trait++)
            if (taken & 1U << trait)
                take(out, b, trait);
    }
    status = settle_calls(out, o, rng);
    return status == ASSAY_OK ? assay_usf_check(&out->schedule) : status;
}

/* ---- the search ---- */

void assay_usf_population_free(assay_usf_population *p)
{
    free(p->genome);
    free(p->history);
    free(p->values);
    free(p->best_by_hand);
    *p = (assay_usf_population){0};
}

typedef struct search {
    assay_usf_objective_fn f;
    void *context;
    const assay_usf_search_options *o;
    assay_usf_population *p; /* genomes in the order of evaluation */
    size_t *rank;            /* of p->n genomes, the best first */
} search;

static int evaluate(search *s)
{
    assay_usf_population *p = s->p;
    assay_usf_genome *g = &p->genome[p->n];
    int status = s->f(s->context, &g->schedule, &g->value);
    if (status != ASSAY_OK)
        return status;
    if (!isfinite(g->value))
        g->value = INFINITY;
    size_t at = p->n;
    while (at > 0 && p->genome[s->rank[at - 1]].value > g->value)
        at--;
    memmove(s->rank + at + 1, s->rank + at, (p->n - at) * sizeof *s->rank);
    s->rank[at] = p->n;
    p->values[p->n] = g->value;
    p->history[p->n] = p->genome[s->rank[0]].value;
    p->n++;
    return assay_progress_report(s->o->progress, (double)p->n, (double)s->o->evaluations);
}

static int evaluate_handmade(search *s)
{
    static const int forms[][2] = {{1, 0}, {2, 0}, {2, 1}, {3, 0}, {3, 1}}; /* order, corrector */
    const assay_usf_search_options *o = s->o;
    int status = ASSAY_OK;
    for (int spacing = 0; spacing < 4; spacing++)
        for (int data = 0; data < 2; data++)
            for (size_t k = 0; k < 5; k++) {
                if (s->p->n == o->evaluations || status != ASSAY_OK)
                    return status;
                const assay_usf_plan plan = {.solver = ASSAY_USF_MULTISTEP,
                    .data = data,
                    .order = forms[k][0],
                    .relax = ASSAY_RELAX_DPMSOLVER_2,
                    .corrector = forms[k][1] ? ASSAY_CORRECTOR_PSEUDO : ASSAY_CORRECTOR_NONE,
                    .lower_order_final = true,
                    .t_start = o->t_start,
                    .t_end = o->t_end,
                    .spacing = (assay_spacing)spacing,
                    .rho = 7};
                assay_usf_genome *g = &s->p->genome[s->p->n];
                bind(g);
                status = assay_usf_from(o->schedule, &plan, o->nfe, &g->schedule);
                if (status == ASSAY_OK)
                    status = evaluate(s);
            }
    return status;
}

/* Parents are of the best, or in the control any of the hand-made. */
static const assay_usf_schedule *parent(const search *s, assay_rng *rng)
{
    const assay_usf_population *p = s->p;
    if (!s->o->select)
        return &p->genome[assay_rng_below(rng, p->handmade)].schedule;
    const size_t bar = s->o->rank_bar < p->n ? s->o->rank_bar : p->n;
    return &p->genome[s->rank[assay_rng_below(rng, bar)]].schedule;
}

static int breed(search *s, assay_rng *rng)
{
    assay_usf_genome *child = &s->p->genome[s->p->n], crossed;
    const assay_usf_schedule *from = parent(s, rng);
    int status = ASSAY_OK;
    if (chance(rng, s->o->evo_prob)) {
        status = assay_usf_crossover(from, parent(s, rng), s->o, rng, &crossed);
        from = &crossed.schedule;
    }
    if (status == ASSAY_OK)
        status = assay_usf_mutate(from, s->o, rng, child);
    return status == ASSAY_OK ? evaluate(s) : status;
}

/* ---- stages with a predictor ---- */

enum { STAGES = 4, GENERATIONS = 4, CHILDREN = 150, UNGUIDED = 6 /* one of so many */ };

/* Candidates of a stage: the best that were tried, and all children; ranked by score. */
typedef struct stage {
    search *s;
    assay_usf_predictor *p;
    assay_usf_genome *genome; /* bar + GENERATIONS * CHILDREN */
    double *score;
    size_t *rank, bar, n;
} stage;

static int learn(stage *g, assay_rng *rng)
{
    const assay_usf_population *p = g->s->p;
    const assay_usf_schedule **all = calloc(p->n, sizeof *all);
    int status =
        all ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory to learn from %zu schedules", p->n);
    for (size_t i = 0; i < p->n && all; i++)
        all[i] = &p->genome[i].schedule;
    if (status == ASSAY_OK)
        status = assay_usf_predictor_train(g->p, all, p->values, p->n, NULL, rng, NULL);
    free(all);
    return status;
}

/* Scores of the genomes from `first` on, and the ranks of all. */
static int rank_stage(stage *g, size_t first)
{
    const assay_usf_schedule *new[CHILDREN];
    int status = ASSAY_OK;
    for (size_t at = first; at < g->n && status == ASSAY_OK; at += CHILDREN) {
        const size_t n = g->n - at < CHILDREN ? g->n - at : CHILDREN;
        for (size_t i = 0; i < n; i++)
            new[i] = &g->genome[at + i].schedule;
        status = assay_usf_predictor_score(g->p, new, n, g->score + at);
    }
    for (size_t i = first; i < g->n && status == ASSAY_OK; i++) {
        size_t at = i;
        while (at > 0 && g->score[g->rank[at - 1]] > g->score[i])
            at--;
        memmove(g->rank + at + 1, g->rank + at, (i - at) * sizeof *g->rank);
        g->rank[at] = i;
    }
    return status;
}

/* A generation of children of the best by score, which are scored alone. */
static int breed_scored(stage *g, assay_rng *rng)
{
    const size_t first = g->n, bar = g->bar < g->n ? g->bar : g->n;
    int status = ASSAY_OK;
    for (size_t k = 0; k < CHILDREN && status == ASSAY_OK; k++) {
        assay_usf_genome crossed;
        const assay_usf_schedule *from = &g->genome[g->rank[assay_rng_below(rng, bar)]].schedule;
        if (chance(rng, g->s->o->evo_prob)) {
            const assay_usf_schedule *other =
                &g->genome[g->rank[assay_rng_below(rng, bar)]].schedule;
            status = assay_usf_crossover(from, other, g->s->o, rng, &crossed);
            from = &crossed.schedule;
        }
        if (status == ASSAY_OK)
            status = assay_usf_mutate(from, g->s->o, rng, &g->genome[g->n++]);
    }
    return status == ASSAY_OK ? rank_stage(g, first) : status;
}

/* The best children by score are tried, and a sixth as many that nobody chose. */
static int try_stage(stage *g, size_t quota, assay_rng *rng)
{
    const size_t unguided = quota / UNGUIDED, from = g->bar;
    size_t left = quota - unguided;
    int status = ASSAY_OK;
    for (size_t k = 0; k < g->n && left > 0 && status == ASSAY_OK; k++) {
        if (g->rank[k] < from)
            continue; /* was tried */
        assay_usf_copy(&g->genome[g->rank[k]].schedule, &g->s->p->genome[g->s->p->n]);
        status = evaluate(g->s);
        left--;
    }
    for (size_t k = 0; k < unguided + left && status == ASSAY_OK; k++)
        status = breed(g->s, rng);
    return status;
}

static int run_stage(stage *g, size_t quota, assay_rng *rng)
{
    const search *s = g->s;
    int status = learn(g, rng);
    g->bar = s->o->rank_bar < s->p->n ? s->o->rank_bar : s->p->n;
    for (size_t i = 0; i < g->bar; i++)
        assay_usf_copy(&s->p->genome[s->rank[i]].schedule, &g->genome[i]);
    g->n = g->bar;
    if (status == ASSAY_OK)
        status = rank_stage(g, 0);
    for (int k = 0; k < GENERATIONS && status == ASSAY_OK; k++)
        status = breed_scored(g, rng);
    return status == ASSAY_OK ? try_stage(g, quota, rng) : status;
}

/* What is left of the evaluations in four stages. */
static int search_in_stages(search *s, assay_rng *rng)
{
    const size_t most = s->o->rank_bar + GENERATIONS * CHILDREN;
    stage g = {.s = s,
        .genome = calloc(most, sizeof *g.genome),
        .score = calloc(most, sizeof *g.score),
        .rank = calloc(most, sizeof *g.rank)};
    int status = g.genome && g.score && g.rank
                     ? assay_usf_predictor_new(s->o->schedule, rng, &g.p)
                     : assay_fail(ASSAY_ENOMEM, "no memory for %zu candidates", most);
    for (size_t k = 0; k < STAGES && status == ASSAY_OK; k++) {
        const size_t left = s->o->evaluations - s->p->n, quota = left / (STAGES - k);
        if (quota > 0)
            status = run_stage(&g, quota, rng);
    }
    assay_usf_predictor_free(g.p);
    free(g.genome);
    free(g.score);
    free(g.rank);
    return status;
}

/* The genomes in the order of their ranks. */
static int sort_population(search *s)
{
    assay_usf_population *p = s->p;
    assay_usf_genome *sorted = malloc(p->n * sizeof *sorted);
    if (!sorted)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu schedules", p->n);
    for (size_t i = 0; i < p->n; i++) {
        sorted[i] = p->genome[s->rank[i]];
        bind(&sorted[i]);
    }
    free(p->genome);
    p->genome = sorted;
    return ASSAY_OK;
}

int assay_usf_search(assay_usf_objective_fn f, void *context, const assay_usf_search_options *o,
    assay_rng *rng, assay_usf_population *out)
{
    if (o->nfe < 1 || o->nfe + 1 >= ASSAY_USF_STEPS)
        return assay_fail(
            ASSAY_EINVAL, "nfe must be in 1..%d, got %zu", ASSAY_USF_STEPS - 2, o->nfe);
    if (o->evaluations < 1 || o->rank_bar < 1)
        return assay_fail(ASSAY_EINVAL, "evaluations and rank_bar must be at least 1");
    if (o->predictor && !o->select)
        return assay_fail(ASSAY_EINVAL, "predictor needs select: it chooses among children of the best");
    *out = (assay_usf_population){.genome = calloc(o->evaluations, sizeof *out->genome),
        .history = calloc(o->evaluations, sizeof *out->history),
        .values = calloc(o->evaluations, sizeof *out->values),
        .best_by_hand = calloc(1, sizeof *out->best_by_hand)};
    search s = {f, context, o, out, calloc(o->evaluations + 1, sizeof *s.rank)};
    int status = out->genome && out->history && out->values && out->best_by_hand && s.rank
                     ? evaluate_handmade(&s)
                     : assay_fail(ASSAY_ENOMEM, "no memory for %zu schedules", o->evaluations);
    if (status == ASSAY_OK) {
        const assay_usf_genome *best = &out->genome[s.rank[0]];
        out->handmade = out->n;
        assay_usf_copy(&best->schedule, out->best_by_hand);
        out->best_by_hand->value = out->best_handmade = best->value;
    }
    if (status == ASSAY_OK && o->predictor)
        status = search_in_stages(&s, rng);
    while (status == ASSAY_OK && out->n < o->evaluations)
        status = breed(&s, rng);
    if (status == ASSAY_OK)
        status = sort_population(&s);
    free(s.rank);
    return status;
}
