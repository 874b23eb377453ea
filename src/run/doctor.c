/* The list of findings, and the order of the checks. */
#include "run/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

const char *assay_finding_state_name(assay_finding_state state)
{
    static const char *const names[] = {"good", "warning", "bad", "fixed"};
    return names[state];
}

int assay_doctor_add(assay_finding_list *list, const char *check, assay_finding_state state,
    const char *advice, const char *format, ...)
{
    assay_finding *grown = realloc(list->findings, (list->count + 1) * sizeof *grown);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a finding");
    list->findings = grown;
    assay_finding *one = &grown[list->count];
    *one = (assay_finding){.check = check, .state = state};
    va_list args;
    va_start(args, format);
    int size = vasprintf(&one->found, format, args);
    va_end(args);
    if (size < 0)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for a finding");
    list->count++;
    one->advice = advice ? strdup(advice) : NULL;
    return advice && !one->advice ? assay_fail(ASSAY_ENOMEM, "not enough memory for a finding")
                                  : ASSAY_OK;
}

int assay_doctor(const assay_doctor_options *options, assay_finding_list *out)
{
    *out = (assay_finding_list){0};
    int status = assay_doctor_host(out);
    if (!status)
        status = assay_doctor_database(options, out);
    if (status)
        assay_finding_list_free(out);
    return status;
}

void assay_finding_list_free(assay_finding_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->findings[i].found);
        free(list->findings[i].advice);
    }
    free(list->findings);
    *list = (assay_finding_list){0};
}
