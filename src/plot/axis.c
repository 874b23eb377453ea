/*
 * Ranges and ticks.
 *
 * Ticks are multiples of 1, 2 or 5 times a power of ten; a log axis has decades when it spans two
 * of them or more (three ticks), else the multiples 1, 2, 5 of its decades, else (less than a
 * factor of five) the ticks of a linear axis. Whole numbers (rounds, groups) have no ticks between
 * them. They are computed here and not by gnuplot, so that the text drawn around a terminal's dots
 * and the dots agree.
 */
#include "plot/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double room = 0.04;

static void extend(assay_axis *axis, double v)
{
    if (!isfinite(v) || (axis->log && v <= 0))
        return;
    axis->lo = fmin(axis->lo, v);
    axis->hi = fmax(axis->hi, v);
}

static double forward(const assay_axis *axis, double v)
{
    return axis->log ? log10(v) : v;
}

static double backward(const assay_axis *axis, double u)
{
    return axis->log ? pow(10, u) : u;
}

/* A range around a single value. */
static void widen(assay_axis *axis)
{
    if (axis->log) {
        axis->lo /= sqrt(10);
        axis->hi *= sqrt(10);
        return;
    }
    double half = axis->lo == 0 ? 1 : fabs(axis->lo) / 2;
    axis->lo -= half;
    axis->hi += half;
}

/* The figure's bounds where it has them, else the data's with room. */
static void settle(assay_axis *axis, double min, double max)
{
    const double limit = 1e300;
    if (axis->lo > axis->hi) {
        axis->lo = axis->log ? 1 : 0;
        axis->hi = axis->log ? 10 : 1;
    } else if (axis->lo == axis->hi) {
        widen(axis);
    } else {
        double lo = forward(axis, fmax(axis->lo, -limit)),
               hi = forward(axis, fmin(axis->hi, limit));
        double margin = hi / 2 < lo / 2 + limit / 4 ? room * (hi - lo) : 0;
        axis->lo = backward(axis, lo - margin);
        axis->hi = backward(axis, hi + margin);
    }
    if (!isnan(min))
        axis->lo = min;
    if (!isnan(max))
        axis->hi = max;
    if (axis->lo < axis->hi)
        return;
    if (isnan(max))
        axis->hi = axis->log ? axis->lo * 10 : axis->lo + 1;
    else
        axis->lo = axis->log ? axis->hi / 10 : axis->hi - 1;
}

static void extend_by_set(const assay_series_set *set, assay_axis *x, assay_axis *y)
{
    for (size_t s = 0; s < set->count; s++)
        for (size_t i = 0; i < set->series[s].count; i++) {
            const assay_point *point = &set->series[s].points[i];
            extend(x, point->x);
            x->whole = x->whole && point->x == floor(point->x);
            extend(y, point->y);
            extend(y, point->low);
            extend(y, point->high);
        }
    for (size_t f = 0; f < set->facet_count; f++)
        extend_by_set(set->facets[f].set, x, y);
}

void assay_axis_ranges(
    const assay_figure *figure, const assay_series_set *set, assay_axis *x, assay_axis *y)
{
    *x = (assay_axis){INFINITY, -INFINITY, figure->logx, true};
    *y = (assay_axis){INFINITY, -INFINITY, figure->logy, false};
    extend_by_set(set, x, y);
    for (size_t i = 0; i < figure->line_count; i++)
        extend(y, figure->lines[i].y);
    x->whole = x->whole && x->lo <= x->hi;
    settle(x, figure->xmin, figure->xmax);
    settle(y, figure->ymin, figure->ymax);
}

double assay_axis_place(const assay_axis *axis, double v)
{
    if (axis->log && !(v > 0))
        return NAN;
    double lo = forward(axis, axis->lo), hi = forward(axis, axis->hi);
    return (forward(axis, v) - lo) / (hi - lo);
}

double assay_axis_value(const assay_axis *axis, double place)
{
    double lo = forward(axis, axis->lo), hi = forward(axis, axis->hi);
    return backward(axis, lo + place * (hi - lo));
}

bool assay_axis_decades(const assay_axis *axis)
{
    return axis->log && floor(log10(axis->hi) + 1e-9) - ceil(log10(axis->lo) - 1e-9) >= 2;
}

static bool inside(const assay_axis *axis, double v)
{
    double place = assay_axis_place(axis, v);
    return place >= -1e-9 && place <= 1 + 1e-9;
}

/* "0.25" with as many decimals as the step needs; "2e6" far from 1. */
static void label_linear(double v, double step, double largest, char *out, size_t size)
{
    int power = (int)floor(log10(step) + 1e-9), decimals = power < 0 ? -power : 0;
    if (fabs(v) < step / 1e6)
        v = 0;
    if ((largest < 1e6 && decimals <= 4) || v == 0) {
        snprintf(out, size, "%.*f", largest < 1e6 && decimals <= 4 ? decimals : 0, v);
        return;
    }
    int digits = (int)floor(log10(fabs(v)) + 1e-9) - power; /* behind the point */
    char text[40];
    snprintf(text, sizeof text, "%.*e", digits < 0 ? 0 : digits > 12 ? 12 : digits, v);
    char *exponent = strchr(text, 'e');
    *exponent = '\0';
    snprintf(out, size, "%se%ld", text, strtol(exponent + 1, NULL, 10));
}

/* The step 1, 2 or 5 x 10^k that gives at most about `target` ticks. */
static double nice_step(double span, size_t target)
{
    double raw = span / (double)target, power = pow(10, floor(log10(raw)));
    double mantissa = raw / power;
    return power * (mantissa <= 1.0001 ? 1 : mantissa <= 2.0001 ? 2 : mantissa <= 5.0001 ? 5 : 10);
}

static size_t ticks_linear(const assay_axis *axis, size_t target, assay_tick *ticks)
{
    double step = nice_step(axis->hi - axis->lo, target);
    double largest = fmax(fabs(axis->lo), fabs(axis->hi));
    size_t n = 0;
    if (axis->whole && step < 1 && floor(axis->hi) > ceil(axis->lo)) /* at least two */
        step = 1;
    /* beyond 2^53 steps from zero, counting them is not exact */
    if (!isfinite(step) || step <= 0 || largest / step > 9e15)
        return 0;
    for (double i = ceil(axis->lo / step - 1e-6); i * step <= axis->hi + step * 1e-6; i++) {
        if (n == ASSAY_AXIS_TICKS)
            break;
        ticks[n] = (assay_tick){.value = i * step};
        label_linear(i * step, step, largest, ticks[n].label, sizeof ticks[n].label);
        n++;
    }
    return n;
}

static size_t ticks_decades(const assay_axis *axis, size_t target, assay_tick *ticks)
{
    int first = (int)ceil(log10(axis->lo) - 1e-9), last = (int)floor(log10(axis->hi) + 1e-9);
    int step = (last - first) / (int)target + 1;
    bool plain = first >= -3 && last <= 4;
    size_t n = 0;
    for (int e = first + (step - (first % step + step) % step) % step; e <= last; e += step) {
        if (n == ASSAY_AXIS_TICKS)
            break;
        ticks[n] = (assay_tick){.value = pow(10, e), .decade = !plain, .exponent = e};
        if (plain)
            snprintf(ticks[n].label, sizeof ticks[n].label, "%g", pow(10, e));
        else
            snprintf(ticks[n].label, sizeof ticks[n].label, "1e%d", e);
        n++;
    }
    return n;
}

/* 1, 2, 5 times powers of ten. */
static size_t ticks_multiples(const assay_axis *axis, assay_tick *ticks)
{
    static const int multiples[] = {1, 2, 5};
    size_t n = 0;
    for (int e = (int)floor(log10(axis->lo)); e <= (int)floor(log10(axis->hi)); e++)
        for (size_t m = 0; m < 3; m++) {
            double v = multiples[m] * pow(10, e);
            if (!inside(axis, v) || n == ASSAY_AXIS_TICKS)
                continue;
            ticks[n] = (assay_tick){.value = v};
            snprintf(ticks[n].label, sizeof ticks[n].label, "%g", v);
            n++;
        }
    return n;
}

size_t assay_axis_ticks(const assay_axis *axis, size_t target, assay_tick *ticks)
{
    target = target < 2 ? 2 : target > ASSAY_AXIS_TICKS / 2 ? ASSAY_AXIS_TICKS / 2 : target;
    if (assay_axis_decades(axis))
        return ticks_decades(axis, target, ticks);
    size_t n = axis->log ? ticks_multiples(axis, ticks) : 0;
    return n >= 2 && n <= target + 2 ? n : ticks_linear(axis, target, ticks);
}
