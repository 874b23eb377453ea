/* Foreign forms of sample logs, turned into plain objects. Part of samples.c; not installed. */
#ifndef ASSAY_DATA_SAMPLES_FORMS_H
#define ASSAY_DATA_SAMPLES_FORMS_H

#include <jansson.h>
#include <stdbool.h>

typedef enum assay_samples_form {
    ASSAY_SAMPLES_PLAIN,
    ASSAY_SAMPLES_HARNESS,
    ASSAY_SAMPLES_BATCH
} assay_samples_form;

assay_samples_form assay_samples_form_of(json_t *object);
const char *assay_samples_form_name(assay_samples_form form);

/* The metric of a harness's line that says what is correct: `wanted`, or the usual one. *metric
 * belongs to the object or is `wanted`. ASSAY_EFORMAT without file and line. */
int assay_samples_metric(json_t *object, const char *wanted, const char **metric);

/* Append the line's samples to `rows` as plain objects. Messages are without file and line. */
int assay_samples_harness(json_t *object, const char *metric, json_t *rows);

/* The same of a batch; *failed: the request failed (then there is no row), and errmsg says how. */
int assay_samples_batch(json_t *object, bool *failed, json_t *rows);

#endif
