/* Declarations in words. */
#include "tui/declaration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/format.h"

const char *tui_declared_text(const json_t *declaration, const char *field)
{
    const char *text = json_string_value(json_object_get(declaration, field));
    return text ? text : "";
}

/* A text with a comma or a quote in it stands in quotes, or it would be read as a list. */
static void write_text(FILE *out, const char *text)
{
    bool quoted = strpbrk(text, ",\"") != NULL;
    fputs(quoted ? "\"" : "", out);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, out);
    fputs(quoted ? "\"" : "", out);
}

static void write_scalar(FILE *out, const json_t *value)
{
    char number[TUI_SHORT];
    if (json_is_string(value))
        write_text(out, json_string_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "true" : "false", out);
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) {
        tui_format_number(json_real_value(value), number);
        fputs(number, out);
    }
}

char *tui_value_text(const json_t *value)
{
    char *text = NULL;
    size_t size = 0, i;
    json_t *item;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    if (!json_is_array(value))
        write_scalar(out, value);
    json_array_foreach(value, i, item)
    {
        fputs(i ? "," : "", out);
        write_scalar(out, item);
    }
    fclose(out);
    return text;
}

/* A value in double quotes may hold commas; "" in it is one quote. */
bool tui_next_value(const char **text, char *word, size_t size)
{
    const char *at = *text;
    size_t length = 0;
    if (!at)
        return false;
    at += strspn(at, " ");
    bool quoted = *at == '"';
    for (at += quoted; *at && (quoted || *at != ','); at++) {
        if (quoted && *at == '"' && *++at != '"')
            break;
        if (length + 1 < size)
            word[length++] = *at;
    }
    while (!quoted && length && word[length - 1] == ' ')
        length--;
    word[length] = '\0';
    at += strcspn(at, ",");
    *text = *at ? at + 1 : NULL;
    return true;
}

void tui_param_range(const json_t *param, char *out, size_t size)
{
    const json_t *least = json_object_get(param, "min"), *most = json_object_get(param, "max");
    const json_t *choices = json_object_get(param, "choices");
    const char *type = tui_declared_text(param, "type");
    bool has_least = json_is_number(least), has_most = json_is_number(most);
    char low[TUI_SHORT], high[TUI_SHORT];
    tui_format_number(json_number_value(least), low);
    tui_format_number(json_number_value(most), high);
    if (json_array_size(choices) > 0) {
        char *text = tui_value_text(choices);
        snprintf(out, size, "one of %s", text ? text : "");
        free(text);
    } else if (has_least && has_most) {
        snprintf(out, size, "%s %s..%s", type, low, high);
    } else if (has_least || has_most) {
        snprintf(out, size, "%s %s %s", type, has_least ? ">=" : "<=", has_least ? low : high);
    } else {
        snprintf(out, size, "%s", type);
    }
}

static int longest_name(const json_t *params)
{
    int longest = 0;
    size_t i;
    json_t *param;
    json_array_foreach(params, i, param)
    {
        int width = tui_width(tui_declared_text(param, "name"));
        longest = width > longest ? width : longest;
    }
    return longest;
}

void tui_detail_params(struct tui_detail *detail, const json_t *declaration)
{
    const json_t *params = json_object_get(declaration, "params");
    int width = longest_name(params);
    size_t i;
    json_t *param, *preset;
    const char *name;
    char range[256];
    if (json_array_size(params))
        tui_detail_add(detail, TUI_BOLD, 0, "Parameters");
    json_array_foreach(params, i, param)
    {
        char *value = tui_value_text(json_object_get(param, "default"));
        tui_param_range(param, range, sizeof range);
        tui_detail_add(detail, TUI_NORMAL, width + 4, "  %s%*s  %s  (%s)  %s",
            tui_declared_text(param, "name"), width - tui_width(tui_declared_text(param, "name")),
            "", value ? value : "", range, tui_declared_text(param, "doc"));
        free(value);
    }
    json_object_foreach((json_t *)json_object_get(declaration, "presets"), name, preset)
    {
        char *values = json_dumps(preset, JSON_COMPACT | JSON_REAL_PRECISION(15));
        tui_detail_add(detail, TUI_NORMAL, 4, "  preset %s: %s", name, values ? values : "");
        free(values);
    }
}

static const char *verdict_of(const assay_claim_list *claims, const char *name)
{
    for (size_t i = 0; claims && i < claims->count; i++)
        if (strcmp(claims->claims[i].name, name) == 0)
            return claims->claims[i].verdict;
    return NULL;
}

void tui_detail_claims(
    struct tui_detail *detail, const json_t *declaration, const assay_claim_list *claims)
{
    const json_t *declared = json_object_get(declaration, "claims");
    size_t i;
    json_t *claim;
    if (json_array_size(declared))
        tui_detail_add(detail, TUI_BOLD, 0, "Claims");
    json_array_foreach(declared, i, claim)
    {
        const char *verdict = verdict_of(claims, tui_declared_text(claim, "name"));
        tui_detail_add(detail, tui_verdict_style(verdict), 4, "  %s %s: %s",
            tui_verdict_mark(verdict), verdict ? verdict : "not checked yet",
            tui_declared_text(claim, "text"));
    }
}
