/*
 * The message of CHOPS and its reply. The candidates are shown in an order of the caller's, so that
 * no place is favoured, and the choice is translated back.
 */
#include "methods/inference/multilingual.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

static int check_order(const char *who, const uint32_t *order, size_t n)
{
    if (n == 0 || n > 1000000)
        return assay_fail(ASSAY_EINVAL, "%s: there must be 1..10^6 candidates, got %zu", who, n);
    if (!order)
        return ASSAY_OK;
    unsigned char *seen = calloc(n, 1);
    int status = seen ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "%s: out of memory", who);
    for (size_t i = 0; !status && i < n; i++)
        if (order[i] >= n || seen[order[i]]++)
            status = assay_fail(ASSAY_EINVAL,
                "%s: order must hold each of 1..%zu once, got %u at place %zu", who, n,
                order[i] + 1, i + 1);
    free(seen);
    return status;
}

static void print_message(FILE *to, const char *task, const char *const *candidate, size_t n,
    const uint32_t *order, size_t max_points)
{
    fprintf(to, "Task:\n%s\n\nCandidates:\n", task);
    for (size_t place = 0; place < n; place++)
        fprintf(to, "\n[%zu]\n%s\n", place + 1, candidate[order ? order[place] : place]);
    fprintf(to,
        "\nWrite a checklist of at most %zu points that a correct answer in the language of the "
        "task must meet, judge every candidate against it, and end with [[number]] of the best "
        "one.\n",
        max_points);
}

int assay_chops_prompt(const char *task, const char *const *candidate, size_t n,
    const uint32_t *order, size_t max_points, char **out)
{
    size_t size;
    const int status = check_order("chops_prompt", order, n);
    *out = NULL;
    if (status)
        return status;
    if (max_points == 0)
        return assay_fail(ASSAY_EINVAL, "chops_prompt: max_points must be at least 1, got 0");
    FILE *to = open_memstream(out, &size);
    if (!to)
        return assay_fail(ASSAY_ENOMEM, "chops_prompt: out of memory");
    print_message(to, task, candidate, n, order, max_points);
    if (fclose(to) == 0)
        return ASSAY_OK;
    free(*out);
    *out = NULL;
    return assay_fail(ASSAY_ENOMEM, "chops_prompt: out of memory");
}

/* ---- the reply ---- */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* Whether "[[ k ]]" stands at s. Numbers beyond long are none that could be chosen: LONG_MAX. */
static bool brackets_at(const char *s, long *k)
{
    char *end;
    long number;
    if (s[0] != '[' || s[1] != '[')
        return false;
    s = skip_blanks(s + 2);
    if (*s < '0' || *s > '9')
        return false;
    number = strtol(s, &end, 10);
    s = skip_blanks(end);
    if (s[0] != ']' || s[1] != ']')
        return false;
    *k = number;
    return true;
}

static bool last_brackets(const char *reply, long *k)
{
    bool found = false;
    for (const char *s = reply; *s; s++)
        found = brackets_at(s, k) || found;
    return found;
}

static bool choice_at(const char *s, size_t size, long *k)
{
    json_t *object = json_loadb(s, size, JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *choice = json_object_get(object, "choice");
    const bool found = json_is_integer(choice);
    if (found)
        *k = json_integer_value(choice);
    json_decref(object);
    return found;
}

static bool last_choice(const char *reply, long *k)
{
    const size_t size = strlen(reply);
    for (size_t i = size; i-- > 0;)
        if (reply[i] == '{' && choice_at(reply + i, size - i, k))
            return true;
    return false;
}

int assay_chops_parse(const char *reply, size_t n, const uint32_t *order, size_t fallback,
    size_t *index, bool *parsed)
{
    long k = 0;
    const int status = check_order("chops_parse", order, n);
    if (status)
        return status;
    if (fallback >= n)
        return assay_fail(
            ASSAY_EINVAL, "chops_parse: fallback must be in 1..%zu, got %zu", n, fallback + 1);
    *parsed = (last_brackets(reply, &k) || last_choice(reply, &k)) && k >= 1 && (size_t)k <= n;
    *index = !*parsed ? fallback : order ? order[k - 1] : (size_t)k - 1;
    return ASSAY_OK;
}
