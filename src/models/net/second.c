/* Gradients of single examples, whole or projected, and products with the Hessian; see net.h. */
#include <stdlib.h>

#include "core/status.h"
#include "models/net/graph.h"
#include "models/net/kernel.h"
#include "models/net/net.h"

/* ---- gradients of examples ---- */

enum { EXAMPLES = 64, POSITIONS = 1024 };

struct rows {
    const assay_net *net;
    const size_t *chosen;
    size_t n_chosen, cols;
    float *block; /* EXAMPLES x cols */
};

static int keep(void *user, size_t example, double loss, float *grad)
{
    (void)loss;
    const struct rows *rows = user;
    float *row = rows->block + example * rows->cols;
    for (size_t i = 0; i < rows->n_chosen; i++) {
        const assay_param *p = &rows->net->params.at[rows->chosen[i]];
        memcpy(row, grad + p->off, p->size * sizeof *row);
        row += p->size;
    }
    return ASSAY_OK;
}

/* `count` rows of k signs / sqrt(k), of the flat positions from `first` on. */
static void draw_signs(const assay_rng *root, size_t first, size_t count, size_t k, float *signs)
{
    const float size = (float)(1 / sqrt((double)k));
    for (size_t i = 0; i < count; i++) {
        assay_rng rng = assay_rng_split(root, first + i);
        uint32_t word = 0;
        for (size_t j = 0; j < k; j++) {
            if (j % 32 == 0)
                word = assay_rng_u32(&rng);
            signs[i * k + j] = word >> (j % 32) & 1 ? size : -size;
        }
    }
}

/* projected [n, k] = sum over positions of block [n, cols] signs [cols, k] */
static void project_block(const struct rows *rows, size_t n, size_t k, const assay_rng *root,
    float *signs, float *projected)
{
    size_t at = 0;
    memset(projected, 0, n * k * sizeof *projected);
    for (size_t i = 0; i < rows->n_chosen; i++) {
        const assay_param *p = &rows->net->params.at[rows->chosen[i]];
        for (size_t first = 0; first < p->size; first += POSITIONS) {
            const size_t left = p->size - first, count = left < POSITIONS ? left : POSITIONS;
            draw_signs(root, p->off + first, count, k, signs);
            assay_gemm(rows->net->gemm, false, false, n, k, count, 1, rows->block + at, rows->cols,
                signs, k, 1, projected, k);
            at += count;
        }
    }
}

struct projection {
    size_t k;
    assay_rng root;
    float *signs, *projected;
};

static int make_projection(size_t k, uint64_t seed, struct projection *p)
{
    const assay_rng rng = assay_rng_seed(seed);
    *p = (struct projection){.k = k, .root = assay_rng_split_name(&rng, "project")};
    if (k == 0)
        return ASSAY_OK;
    if (k <= SIZE_MAX / sizeof(float) / POSITIONS) {
        p->signs = malloc(POSITIONS * k * sizeof *p->signs);
        p->projected = malloc(EXAMPLES * k * sizeof *p->projected);
    }
    return p->signs && p->projected
               ? ASSAY_OK
               : assay_fail(ASSAY_ENOMEM, "net: out of memory for a projection to %zu numbers", k);
}

static void give_rows(
    const struct rows *rows, struct projection *p, size_t first, size_t n, assay_matrix *out)
{
    const float *from = rows->block;
    if (p->k) {
        project_block(rows, n, p->k, &p->root, p->signs, p->projected);
        from = p->projected;
    }
    for (size_t e = 0; e < n; e++)
        for (size_t j = 0; j < out->cols; j++)
            *assay_matrix_at(out, first + e, j) = (double)from[e * out->cols + j];
}

static int check_chosen(const assay_net *net, struct rows *rows)
{
    for (size_t i = 0; i < rows->n_chosen; i++) {
        const assay_param *p = &net->params.at[rows->chosen[i]];
        if (!assay_param_learns(p))
            return assay_fail(ASSAY_EINVAL, "net: \"%s\" is frozen: it has no gradient", p->name);
        rows->cols += p->size;
    }
    return rows->cols ? ASSAY_OK : assay_fail(ASSAY_EINVAL, "net: no parameter is chosen");
}

int assay_net_example_grads(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const size_t *chosen, size_t n_chosen, size_t project, uint64_t seed,
    const assay_progress *progress, assay_matrix *out)
{
    struct rows rows = {net, chosen, n_chosen, 0, NULL};
    struct projection projection = {0};
    int status = assay_net_check(net, loss, data);
    if (status == ASSAY_OK)
        status = check_chosen(net, &rows);
    if (status == ASSAY_OK && !net->shards)
        status = assay_net_threads(net, 1);
    if (status == ASSAY_OK)
        status = make_projection(project, seed, &projection);
    if (status == ASSAY_OK && !(rows.block = calloc(EXAMPLES * rows.cols, sizeof *rows.block)))
        status =
            assay_fail(ASSAY_ENOMEM, "net: out of memory for gradients of %d examples", EXAMPLES);
    assay_graph graph = assay_net_graph(net, loss, data);
    for (size_t first = 0; first < data->x.rows && status == ASSAY_OK; first += EXAMPLES) {
        const size_t left = data->x.rows - first, n = left < EXAMPLES ? left : EXAMPLES;
        const assay_batch batch = {.examples = n, .scale = assay_net_share(net, loss)};
        graph.first = first;
        status = assay_shards_each(
            net->shards, &net->params, assay_graph_build, &graph, &batch, keep, &rows);
        if (status == ASSAY_OK)
            give_rows(&rows, &projection, first, n, out);
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)(first + n), (double)data->x.rows);
    }
    free(rows.block);
    free(projection.signs);
    free(projection.projected);
    return status;
}

/* ---- Hessian times vector ---- */

struct product {
    const assay_net *net;
    assay_graph graph;
    double scale, h;
    const double *v;
    double *w, *grad, *out; /* flat */
};

static double largest_of(const assay_net *net, const double *v, bool of_weights)
{
    double most = 0;
    for (size_t i = 0; i < net->params.count; i++) {
        const assay_param *p = &net->params.at[i];
        for (size_t k = p->off; k < p->off + p->size && assay_param_learns(p); k++)
            most = fmax(most, fabs(of_weights ? (double)net->params.w[k] : v[k]));
    }
    return most;
}

/* out += sign / 2h gradient at w + sign h v, of one block */
static int add_side(struct product *p, size_t first, size_t n, double sign)
{
    const assay_params *params = &p->net->params;
    double unused;
    for (size_t i = 0; i < params->length; i++)
        p->w[i] = (double)params->w[i] + sign * p->h * p->v[i];
    memset(p->grad, 0, params->length * sizeof *p->grad);
    p->graph.first = first;
    const assay_batch batch = {.examples = n, .scale = p->scale};
    const assay_shard shard = {0, n, 0, n, 0};
    const int status = assay_loss_double(
        params, assay_graph_build_double, &p->graph, &batch, &shard, p->w, p->grad, &unused);
    for (size_t i = 0; i < params->length; i++)
        p->out[i] += sign * p->grad[i] / (2 * p->h);
    return status;
}

static int add_blocks(struct product *p, size_t rows, const assay_progress *progress)
{
    int status = ASSAY_OK;
    for (size_t first = 0; first < rows && status == ASSAY_OK; first += ASSAY_SHARD_ROWS) {
        const size_t left = rows - first, n = left < ASSAY_SHARD_ROWS ? left : ASSAY_SHARD_ROWS;
        status = add_side(p, first, n, 1);
        if (status == ASSAY_OK)
            status = add_side(p, first, n, -1);
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)(first + n), (double)rows);
    }
    return status;
}

int assay_net_hvp(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, const double *v, double *out)
{
    const size_t length = net->params.length;
    memset(out, 0, length * sizeof *out);
    int status = assay_net_check(net, loss, data);
    if (status == ASSAY_OK && data->weights)
        status = assay_fail(ASSAY_EINVAL, "net: a Hessian's product takes no weights of examples");
    const double size = largest_of(net, v, false);
    if (status != ASSAY_OK || size == 0)
        return status;
    if (!isfinite(size))
        return assay_fail(ASSAY_EINVAL, "net: v must be finite, got %g", size);
    struct product p = {.net = net,
        .graph = assay_net_graph(net, loss, data),
        .scale = assay_net_share(net, loss) / assay_net_counted(loss, data),
        .h = 1e-4 * fmax(largest_of(net, v, true), 1) / size,
        .v = v,
        .w = calloc(2 * length + 1, sizeof *p.w),
        .out = out};
    p.grad = p.w ? p.w + length : NULL;
    status = p.w ? add_blocks(&p, data->x.rows, progress)
                 : assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu numbers", 2 * length);
    free(p.w);
    return status;
}
