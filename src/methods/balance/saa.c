/* Sample adaptive augmentation; see saa.h. */
#include "methods/balance/saa.h"

#include <math.h>
#include <stdlib.h>

#include "core/status.h"

int assay_history_update(
    double *history, size_t n, const size_t *index, const double *loss, size_t m, double weight)
{
    if (m > n)
        return assay_fail(
            ASSAY_EINVAL, "a batch has at most %zu images, got %zu", n, m);
    if (!(weight >= 0 && weight <= 1))
        return assay_fail(ASSAY_EINVAL, "weight must be in 0..1, got %g", weight);
    for (size_t i = 0; i < m; i++) {
        if (index[i] >= n)
            return assay_fail(ASSAY_EINVAL, "index[%zu] must be in 1..%zu, got %zu",
                i + 1, n, index[i] + 1);
        if (!isfinite(loss[i]))
            return assay_fail(ASSAY_EINVAL,
                "the loss of image %zu must be finite, got %g", index[i] + 1,
                loss[i]);
    }
    for (size_t i = 0; i < m; i++)
        history[index[i]] = (1 - weight) * history[index[i]] + weight * loss[i];
    return ASSAY_OK;
}

/* ---- Otsu ---- */

static double edge(double low, double high, size_t bins, size_t i)
{
    return i == bins ? high : low + (double)i * ((high - low) / (double)bins);
}

/* The bin of x as numpy's histogram has it: edges belong to the right, the last one to the left. */
static size_t bin_of(double x, double low, double high, size_t bins)
{
    size_t b = (size_t)((x - low) / (high - low) * (double)bins);
    b = b < bins ? b : bins - 1;
    if (x < edge(low, high, bins, b))
        return b - 1;
    return b + 1 < bins && x >= edge(low, high, bins, b + 1) ? b + 1 : b;
}

/* The bin below the first best split. */
static size_t best_split(
    const double *count, const double *centre, size_t bins, double n, double sum)
{
    double below = 0, sum_below = 0, most = -1;
    size_t best = 0;
    for (size_t b = 0; b + 1 < bins; b++) {
        below += count[b];
        sum_below += count[b] * centre[b];
        const double apart = sum_below / below - (sum - sum_below) / (n - below);
        const double between = below * (n - below) * apart * apart;
        if (between > most) {
            most = between;
            best = b;
        }
    }
    return best;
}

int assay_otsu(const double *x, size_t n, size_t bins, double *threshold)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "otsu: x must have at least 1 value");
    if (bins < 2)
        return assay_fail(ASSAY_EINVAL, "otsu: bins must be at least 2, got %zu", bins);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return assay_fail(ASSAY_EINVAL, "otsu: x[%zu] must be finite, got %g", i + 1, x[i]);
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    *threshold = low;
    /* bins narrower than numbers can be told apart are as good as none */
    if (!(low + (high - low) / (double)bins > low && isfinite(high - low)))
        return ASSAY_OK;
    double *count = calloc(2 * bins, sizeof *count), *centre = count + bins;
    if (!count)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu bins", bins);
    for (size_t i = 0; i < n; i++)
        count[bin_of(x[i], low, high, bins)] += 1;
    for (size_t b = 0; b < bins; b++) {
        centre[b] = (edge(low, high, bins, b) + edge(low, high, bins, b + 1)) / 2;
        sum += count[b] * centre[b];
    }
    *threshold = centre[best_split(count, centre, bins, (double)n, sum)];
    free(count);
    return ASSAY_OK;
}

int assay_naive_update(
    unsigned char *flag, const double *history, size_t n, double threshold, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(history[i]))
            return assay_fail(ASSAY_EINVAL,
                "the history of image %zu must be finite, got %g", i + 1, history[i]);
    for (size_t i = 0; i < n; i++) {
        flag[i] = history[i] < threshold ? 1 : history[i] > threshold ? 0 : flag[i];
        *count += flag[i];
    }
    return ASSAY_OK;
}

/* ---- FixMatch ---- */

/* p = softmax(z / temperature); returns log sum exp(z / temperature). */
static double softmax(const double *z, size_t classes, double temperature, double *p)
{
    double most = -INFINITY, sum = 0;
    for (size_t c = 0; c < classes; c++)
        most = fmax(most, z[c] / temperature);
    for (size_t c = 0; c < classes; c++)
        sum += p[c] = exp(z[c] / temperature - most);
    for (size_t c = 0; c < classes; c++)
        p[c] /= sum;
    return most + log(sum);
}

static size_t largest(const double *p, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        best = p[c] > p[best] ? c : best;
    return best;
}

/* CE(target, softmax(z)) = log sum exp z - sum target z, and p of z */
static double cross_entropy(const double *z, const double *target, size_t classes, double *p)
{
    double loss = softmax(z, classes, 1, p);
    for (size_t c = 0; c < classes; c++)
        loss -= target[c] > 0 ? target[c] * z[c] : 0;
    return loss;
}

static int check_fixmatch(const double *weak, const double *strong, size_t n, size_t classes,
    const struct assay_fixmatch_options *o)
{
    if (n == 0 || classes < 2)
        return assay_fail(ASSAY_EINVAL,
            "fixmatch_loss: there must be at least 1 image and 2 classes, got %zu and %zu", n,
            classes);
    if (!(o->tau >= 0 && o->tau <= 1))
        return assay_fail(ASSAY_EINVAL, "fixmatch_loss: tau must be in (0, 1], got %g", o->tau);
    if (!(o->lambda >= 0 && isfinite(o->lambda)) ||
        !(o->temperature >= 0 && isfinite(o->temperature)))
        return assay_fail(ASSAY_EINVAL,
            "fixmatch_loss: lambda and temperature must be at least 0, got %g and %g", o->lambda,
            o->temperature);
    for (size_t i = 0; i < n * classes; i++)
        if (!isfinite(weak[i]) || !isfinite(strong[i]))
            return assay_fail(ASSAY_EINVAL, "fixmatch_loss: the logits of image %zu must be finite",
                i / classes + 1);
    return ASSAY_OK;
}

int assay_fixmatch_loss(const double *weak, const double *strong, size_t n, size_t classes,
    const struct assay_fixmatch_options *options, double *loss, double *grad_strong,
    unsigned char *mask, size_t *label, double *sample_loss, double *confidence)
{
    const double tau = options->tau > 0 ? options->tau : 0.95;
    const double weight = (options->lambda > 0 ? options->lambda : 1) / (double)n;
    const int status = check_fixmatch(weak, strong, n, classes, options);
    double *target = status ? NULL : malloc(2 * classes * sizeof *target), *p = target + classes;
    if (status)
        return status;
    if (!target)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu classes", classes);
    *loss = 0;
    for (size_t i = 0; i < n; i++) {
        softmax(weak + i * classes, classes, 1, p);
        const size_t q = label[i] = largest(p, classes);
        const double sure = p[q];
        mask[i] = sure >= (options->thresholds ? options->thresholds[q] : tau);
        for (size_t c = 0; c < classes; c++)
            target[c] = c == q;
        if (options->temperature > 0)
            softmax(weak + i * classes, classes, options->temperature, target);
        sample_loss[i] = cross_entropy(strong + i * classes, target, classes, p);
        if (confidence)
            confidence[i] = sure;
        *loss += mask[i] ? weight * sample_loss[i] : 0;
        for (size_t c = 0; c < classes && grad_strong; c++)
            grad_strong[i * classes + c] = mask[i] ? weight * (p[c] - target[c]) : 0;
    }
    free(target);
    return ASSAY_OK;
}

/* ---- FlexMatch ---- */

static double mapped(double beta, assay_flexmatch_map map)
{
    return map == ASSAY_FLEXMATCH_LINEAR    ? beta
           : map == ASSAY_FLEXMATCH_CONCAVE ? log(beta + 1) / log(2)
                                            : beta / (2 - beta);
}

int assay_flexmatch_thresholds(const size_t *state, size_t n, size_t classes,
    const struct assay_flexmatch_options *options, double *beta, double *threshold)
{
    const double tau = options->tau > 0 ? options->tau : 0.95;
    double none = 0, most = 0;
    if (n == 0 || classes == 0)
        return assay_fail(
            ASSAY_EINVAL, "flexmatch_thresholds: there must be at least 1 image and 1 class");
    if (!(options->tau >= 0 && options->tau <= 1))
        return assay_fail(
            ASSAY_EINVAL, "flexmatch_thresholds: tau must be in (0, 1], got %g", options->tau);
    for (size_t c = 0; c < classes; c++)
        beta[c] = 0;
    for (size_t i = 0; i < n; i++) {
        if (state[i] > classes)
            return assay_fail(ASSAY_EINVAL,
                "flexmatch_thresholds: state[%zu] must be in 0..%zu, got %zu", i + 1, classes,
                state[i]);
        if (state[i] == 0)
            none++;
        else
            beta[state[i] - 1]++;
    }
    for (size_t c = 0; c < classes; c++)
        most = fmax(most, beta[c]);
    const double over = options->no_warmup ? most : fmax(most, none);
    for (size_t c = 0; c < classes; c++) {
        beta[c] = over > 0 ? beta[c] / over : 0;
        threshold[c] = tau * mapped(beta[c], options->map);
    }
    return ASSAY_OK;
}

double assay_ema_alpha(double it, double m)
{
    return fmin(1 - 1 / (it + 1), m);
}

double assay_cosine_7_16(double it, double total)
{
    return cos(7 * M_PI * it / (16 * total));
}
