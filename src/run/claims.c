/* Claims and fits: between the engine's JSON, the plot room's laws and the store. */
#include "run/claims.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "run/run.h"

static char *copy_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? strdup(text) : NULL;
}

static double number_or_nan(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static char *text_or(const json_t *object, const char *key, const char *absent)
{
    char *text = copy_text(object, key);
    return text ? text : strdup(absent);
}

static assay_claim_result read_claim(const json_t *claim)
{
    return (assay_claim_result){
        .name = text_or(claim, "name", ""),
        .text = text_or(claim, "text", ""),
        .verdict = text_or(claim, "verdict", "error"),
        .estimate = number_or_nan(claim, "estimate"),
        .low = number_or_nan(claim, "low"),
        .high = number_or_nan(claim, "high"),
        .p = number_or_nan(claim, "p"),
        .n = (int64_t)json_number_value(json_object_get(claim, "n")),
        .test = copy_text(claim, "test"),
        .message = copy_text(claim, "message"),
    };
}

/* Claims from an array; a message makes them errors. */
static int read_claims(const json_t *claims, const char *message, assay_claim_list *out)
{
    size_t count = json_array_size(claims);
    *out = (assay_claim_list){0};
    if (!count)
        return ASSAY_OK;
    out->claims = calloc(count, sizeof *out->claims);
    if (!out->claims)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for %zu claims", count);
    for (size_t i = 0; i < count; i++) {
        assay_claim_result *claim = &out->claims[out->count++];
        *claim = read_claim(json_array_get(claims, i));
        if (message) {
            free(claim->message);
            claim->message = strdup(message);
        }
    }
    return ASSAY_OK;
}

int assay_claims_parse(const char *json, assay_claim_list *out)
{
    json_error_t error;
    json_t *claims = json_loads(json, 0, &error);
    *out = (assay_claim_list){0};
    int status = json_is_array(claims)
                     ? read_claims(claims, NULL, out)
                     : assay_fail(ASSAY_EFORMAT, "the verdicts are no JSON array: %s",
                           claims ? "another value" : error.text);
    json_decref(claims);
    return status;
}

int assay_claims_failed(const char *describe, const char *message, assay_claim_list *out)
{
    json_t *declaration = json_loads(describe, 0, NULL);
    int status = read_claims(json_object_get(declaration, "claims"), message, out);
    json_decref(declaration);
    return status;
}

size_t assay_claims_declared(const char *describe)
{
    json_t *declaration = json_loads(describe, 0, NULL);
    size_t count = json_array_size(json_object_get(declaration, "claims"));
    json_decref(declaration);
    return count;
}

size_t assay_fits_declared(const char *describe)
{
    json_t *declaration = json_loads(describe, 0, NULL), *figure;
    size_t i, count = 0;
    json_array_foreach(json_object_get(declaration, "figures"), i, figure)
    {
        count += json_is_string(json_object_get(figure, "fit"));
    }
    json_decref(declaration);
    return count;
}

static json_t *finite_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *parameters_json(const assay_fit *fit)
{
    json_t *parameters = json_object();
    for (size_t i = 0; i < fit->parameters; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "value", finite_or_null(fit->value[i]));
        json_object_set_new(one, "low", finite_or_null(fit->low[i]));
        json_object_set_new(one, "high", finite_or_null(fit->high[i]));
        json_object_set_new(parameters, assay_law_parameter(fit->law, i), one);
    }
    return parameters;
}

/* {"law", "text", "parameters": {a: {"value", "low", "high"}...}, "level", "rss", "aic", "r2",
 * "points", "dropped"} or {"error"}; numbers that are not finite are null. The caller frees. */
static char *fit_json(const assay_series *series)
{
    json_t *record = json_object();
    if (!series->fitted) {
        const char *why = series->fit_error ? series->fit_error : "it was not fitted";
        json_object_set_new(record, "error", json_string(why));
    } else {
        const assay_fit *fit = &series->fit;
        char text[256];
        assay_fit_text(fit, "plain", text, sizeof text);
        json_object_set_new(record, "law", json_string(assay_law_name(fit->law)));
        json_object_set_new(record, "text", json_string(text));
        json_object_set_new(record, "parameters", parameters_json(fit));
        json_object_set_new(record, "level", finite_or_null(fit->level));
        json_object_set_new(record, "rss", finite_or_null(fit->rss));
        json_object_set_new(record, "aic", finite_or_null(fit->aic));
        json_object_set_new(record, "r2", finite_or_null(fit->r2));
        json_object_set_new(record, "points", json_integer((json_int_t)fit->points));
        json_object_set_new(record, "dropped", json_integer((json_int_t)fit->dropped));
    }
    char *text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(record);
    return text;
}

static int store_fit(
    assay_store *store, int64_t run, const char *figure, const assay_series *series)
{
    char *json = fit_json(series);
    int status = json ? assay_store_fit_put(store, run, figure, series->label, json)
                      : assay_fail(ASSAY_ENOMEM, "not enough memory for a fit");
    free(json);
    return status;
}

/* A figure that the rows can't fill (a column that no cell logged) is the run's note, not the
 * run's failure. */
static int store_fits_of(assay_store *store, int64_t run, const assay_figure *figure)
{
    assay_series_set *set = NULL;
    if (!figure->fit)
        return ASSAY_OK;
    if (assay_run_series(store, run, figure, &set)) {
        char text[1024];
        snprintf(text, sizeof text, "no fit: %s", assay_errmsg());
        return assay_store_note(store, run, -1, text);
    }
    int status = ASSAY_OK;
    for (size_t i = 0; i < set->count && !status; i++)
        status = store_fit(store, run, figure->name, &set->series[i]);
    assay_series_set_free(set);
    return status;
}

int assay_fits_store(assay_store *store, int64_t run)
{
    assay_figure **figures;
    size_t count;
    int status = assay_run_figures(store, run, &figures, &count);
    if (status)
        return status;
    for (size_t i = 0; i < count && !status; i++)
        status = store_fits_of(store, run, figures[i]);
    assay_run_figures_free(figures, count);
    return status;
}
