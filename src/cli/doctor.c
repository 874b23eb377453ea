/* assay doctor: what is wrong here, and what to do. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "run/doctor.h"

static const char *paint_of(assay_finding_state state)
{
    static const char *const roles[] = {"good", "warn", "bad", "good"};
    return cli_paint(roles[state]);
}

static json_t *finding_json(const assay_finding *finding)
{
    return json_pack("{s:s, s:s, s:s, s:s?}", "check", finding->check, "state",
        assay_finding_state_name(finding->state), "found", finding->found, "advice",
        finding->advice);
}

static void print_finding(const assay_finding *finding)
{
    printf("%s%-8s%s %-12s %s\n", paint_of(finding->state),
        assay_finding_state_name(finding->state), cli_plain(), finding->check, finding->found);
    if (finding->advice) {
        printf("%22s", "");
        cli_print_wrapped(finding->advice, 22, 22);
    }
}

static int doctor(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    bool json = false;
    assay_doctor_options how = {0};
    const cli_option options[] = {CLI_DB(&database),
        {"fix", 0, CLI_FLAG, NULL,
            "mend what is safe: empty the log, write down which runs were interrupted, bring an "
            "older database to this version",
            &how.fix},
        {"thorough", 0, CLI_FLAG, NULL, "read all of the database, however large", &how.thorough},
        CLI_JSON(&json), CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage_error(self, "takes no operand, got \"%s\"", argv[first]);
    how.database = cli_database(database);
    assay_finding_list list;
    if (assay_doctor(&how, &list))
        return cli_failed();
    bool bad = false;
    json_t *all = json_array();
    for (size_t i = 0; i < list.count; i++) {
        bad = bad || list.findings[i].state == ASSAY_FINDING_BAD;
        json_array_append_new(all, finding_json(&list.findings[i]));
        if (!json)
            print_finding(&list.findings[i]);
    }
    assay_finding_list_free(&list);
    if (json)
        status = cli_print_json(all);
    else
        json_decref(all);
    return bad || (json && status) ? CLI_FAILED : CLI_DONE;
}

const cli_command cli_doctor = {"doctor", "", "Look for what is wrong here, and say what to do",
    "Looks at the program and its libraries, gnuplot, the locale, the terminal, and the database "
    "with\n"
    "its file system, free space, log and runs. Exit status 1 when something does not work.",
    doctor};
