/* What a configuration may say: the tables at the end. */
#include "tui/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/suggest.h"
#include "lua/configuration.h"
#include "tui/keymap.h"

struct reading {
    struct tui_config *config;
    void (*tell)(void *context, const char *message);
    void *context;
};

/* ---- values ---- */

static int wrong(const char *name, const char *wanted)
{
    return assay_fail(ASSAY_EINVAL, "%s must be %s", name, wanted);
}

static int take_flag(const char *name, const json_t *value, bool *out)
{
    if (!json_is_boolean(value))
        return wrong(name, "true or false");
    *out = json_is_true(value);
    return ASSAY_OK;
}

static int take_text(const char *name, const json_t *value, char *out, size_t size)
{
    if (!json_is_string(value) || json_string_length(value) >= size)
        return wrong(name, "a text");
    snprintf(out, size, "%s", json_string_value(value));
    return ASSAY_OK;
}

/* One of a few words. */
static int take_word(const char *name, const json_t *value, const char *const *words, int *out)
{
    char hint[256];
    size_t count = 0;
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    for (; words[count]; count++)
        if (strcmp(words[count], text) == 0) {
            *out = (int)count;
            return ASSAY_OK;
        }
    assay_suggest(text, words, count, hint, sizeof hint);
    return assay_fail(ASSAY_EINVAL, "%s can't be \"%s\"%s", name, text, hint);
}

/* ---- settings ---- */

static int set_mouse(struct tui_config *config, const char *name, const json_t *value)
{
    return take_flag(name, value, &config->mouse);
}

static int set_sixel(struct tui_config *config, const char *name, const json_t *value)
{
    return take_flag(name, value, &config->sixel);
}

static int set_remember(struct tui_config *config, const char *name, const json_t *value)
{
    return take_flag(name, value, &config->remember);
}

static int set_theme(struct tui_config *config, const char *name, const json_t *value)
{
    static const char *const themes[] = {"auto", "dark", "light", NULL};
    int theme, status = take_word(name, value, themes, &theme);
    if (status == ASSAY_OK)
        config->colours.theme = (enum tui_theme)theme;
    return status;
}

static int set_colours(struct tui_config *config, const char *name, const json_t *value)
{
    json_int_t depth = json_integer_value(value);
    if (json_is_string(value) && strcmp(json_string_value(value), "true") == 0)
        config->colours.depth = 1 << 24;
    else if (json_is_integer(value) && (depth == 8 || depth == 16 || depth == 256))
        config->colours.depth = (int)depth;
    else
        return wrong(name, "8, 16, 256 or \"true\"");
    return ASSAY_OK;
}

static int set_start(struct tui_config *config, const char *name, const json_t *value)
{
    static const char *const starts[] = {
        "experiments", "runs", "compose", "sql", "messages", "help", NULL};
    int at, status = take_word(name, value, starts, &at);
    if (status == ASSAY_OK)
        snprintf(config->start, sizeof config->start, "%s", starts[at]);
    return status;
}

static int set_runs_sort(struct tui_config *config, const char *name, const json_t *value)
{
    return take_text(name, value, config->runs_sort, sizeof config->runs_sort);
}

static int set_runs_filter(struct tui_config *config, const char *name, const json_t *value)
{
    return take_text(name, value, config->runs_filter, sizeof config->runs_filter);
}

/* A text or a list of them. */
static int set_runs_columns(struct tui_config *config, const char *name, const json_t *value)
{
    char *out = config->runs_columns;
    size_t size = sizeof config->runs_columns, used = 0, i;
    json_t *one;
    if (!json_is_array(value))
        return take_text(name, value, out, size);
    json_array_foreach(value, i, one)
    {
        if (!json_is_string(one) || used + json_string_length(one) + 2 > size)
            return wrong(name, "a list of names");
        used += (size_t)snprintf(out + used, size - used, "%s ", json_string_value(one));
    }
    return ASSAY_OK;
}

static int set_experiments_sort(struct tui_config *config, const char *name, const json_t *value)
{
    static const char *const orders[] = {"family", "name", "last", "state", NULL};
    int at, status = take_word(name, value, orders, &at);
    if (status == ASSAY_OK)
        snprintf(config->experiments_sort, sizeof config->experiments_sort, "%s", orders[at]);
    return status;
}

static int set_figure_band(struct tui_config *config, const char *name, const json_t *value)
{
    static const char *const bands[] = {"none", "ci95", "sd", "minmax", NULL};
    int at, status = take_word(name, value, bands, &at);
    if (status == ASSAY_OK)
        json_object_set_new(config->figure, "band", json_string(bands[at]));
    return status;
}

/* Only off can be said of all figures: which law fits is each one's own. */
static int set_figure_fit(struct tui_config *config, const char *name, const json_t *value)
{
    if (!json_is_boolean(value))
        return wrong(name, "true (as declared) or false (none)");
    if (json_is_true(value))
        json_object_del(config->figure, "fit");
    else
        json_object_set_new(config->figure, "fit", json_null());
    return ASSAY_OK;
}

static int set_figure_legend(struct tui_config *config, const char *name, const json_t *value)
{
    static const char *const places[] = {"left", "right", "below", "off", NULL};
    int at, status = take_word(name, value, places, &at);
    if (status == ASSAY_OK)
        json_object_set_new(config->figure, "key", json_string(places[at]));
    return status;
}

static int set_figure_smooth(struct tui_config *config, const char *name, const json_t *value)
{
    json_int_t window = json_integer_value(value);
    if (!json_is_integer(value) || window < 1 || window > 99 || window % 2 == 0)
        return wrong(name, "an odd number of points, 1..99");
    config->smooth = (int)window;
    return ASSAY_OK;
}

/* ---- functions ---- */

static const char *text_at(const json_t *values, size_t index)
{
    return json_string_value(json_array_get(values, index));
}

static int bind_key(struct reading *self, const json_t *values)
{
    (void)self;
    char warning[256];
    size_t count = json_array_size(values);
    const char *key = text_at(values, 0), *action = text_at(values, 1), *view = text_at(values, 2);
    if (!key || !action || count > 3 || (count == 3 && !view))
        return assay_fail(ASSAY_EINVAL, "bind takes a key, an action or \":command\", and a view");
    int status = tui_keymap_bind(key, action, view, warning, sizeof warning);
    if (status == ASSAY_OK && *warning) /* it is bound all the same */
        status = assay_fail(ASSAY_EINVAL, "%s", warning);
    return status;
}

static int unbind_key(struct reading *self, const json_t *values)
{
    size_t count = json_array_size(values);
    const char *key = text_at(values, 0), *view = text_at(values, 1);
    (void)self;
    if (!key || count > 2 || (count == 2 && !view))
        return assay_fail(ASSAY_EINVAL, "unbind takes a key and a view");
    return tui_keymap_unbind(key, view);
}

static int parse_colour(const json_t *value, struct tui_colour *out)
{
    char number[32];
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    else if (!json_is_string(value))
        return assay_fail(ASSAY_EINVAL, "a colour is a text or a number 0..255");
    return tui_colour_parse(json_is_string(value) ? json_string_value(value) : number, out);
}

static int set_attribute(struct tui_look *look, const char *name, const json_t *value)
{
    static const char *const known[] = {"text", "ground", "bold", "underline", "reverse"};
    char hint[128];
    bool flag = false;
    if (strcmp(name, "text") == 0) {
        look->has_text = true;
        return parse_colour(value, &look->text);
    }
    if (strcmp(name, "ground") == 0) {
        look->has_ground = true;
        return parse_colour(value, &look->ground);
    }
    int *attribute = strcmp(name, "bold") == 0        ? &look->bold
                     : strcmp(name, "underline") == 0 ? &look->underline
                     : strcmp(name, "reverse") == 0   ? &look->reverse
                                                      : NULL;
    if (!attribute) {
        assay_suggest(name, known, sizeof known / sizeof *known, hint, sizeof hint);
        return assay_fail(ASSAY_ENOTFOUND, "colour knows no \"%s\"%s", name, hint);
    }
    int status = take_flag(name, value, &flag);
    if (status == ASSAY_OK)
        *attribute = flag;
    return status;
}

/* What can't be is refused as a whole. */
static int set_colour(struct reading *self, const json_t *values)
{
    const char *role = text_at(values, 0), *name;
    const json_t *colour = json_array_get(values, 1);
    json_t *value;
    struct tui_look *look, changed;
    if (!role || !colour || json_array_size(values) != 2)
        return assay_fail(ASSAY_EINVAL,
            "colour takes a role and a colour, or { text =, ground =, bold =, underline =, "
            "reverse = }");
    int status = tui_colours_find(&self->config->colours, role, &look);
    if (status != ASSAY_OK)
        return status;
    changed = *look;
    if (!json_is_object(colour))
        status = set_attribute(&changed, "text", colour);
    json_object_foreach((json_t *)(uintptr_t)colour, name, value) if (status == ASSAY_OK) status =
        set_attribute(&changed, name, value);
    if (status == ASSAY_OK)
        *look = changed;
    return status;
}

/* ---- what there is ---- */

static const struct {
    const char *name;
    int (*set)(struct tui_config *config, const char *name, const json_t *value);
} settings[] = {
    {"colours", set_colours},
    {"experiments.sort", set_experiments_sort},
    {"figure.band", set_figure_band},
    {"figure.fit", set_figure_fit},
    {"figure.legend", set_figure_legend},
    {"figure.smooth", set_figure_smooth},
    {"mouse", set_mouse},
    {"remember", set_remember},
    {"runs.columns", set_runs_columns},
    {"runs.filter", set_runs_filter},
    {"runs.sort", set_runs_sort},
    {"sixel", set_sixel},
    {"start", set_start},
    {"theme", set_theme},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static const struct {
    const char *name;
    int (*call)(struct reading *self, const json_t *values);
} functions[] = {{"bind", bind_key}, {"colour", set_colour}, {"unbind", unbind_key}};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static int take(void *context, const char *name, const json_t *values)
{
    struct reading *self = context;
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].call(self, values);
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].set(self->config, name, json_array_get(values, 0));
    return assay_fail(ASSAY_ENOTFOUND, "there is nothing called \"%s\"", name);
}

static void tell(void *context, const char *message)
{
    struct reading *self = context;
    self->tell(self->context, message);
}

int tui_config_read(struct tui_config *config, const char *path,
    void (*telling)(void *context, const char *message), void *context)
{
    const char *function_names[FUNCTIONS + 1] = {NULL}, *setting_names[SETTINGS + 1] = {NULL};
    struct reading self = {config, telling, context};
    for (size_t i = 0; i < FUNCTIONS; i++)
        function_names[i] = functions[i].name;
    for (size_t i = 0; i < SETTINGS; i++)
        setting_names[i] = settings[i].name;
    return assay_config_read(
        path, &(assay_config_reader){&self, function_names, setting_names, take, tell});
}

void tui_config_clear(struct tui_config *config)
{
    json_decref(config->figure);
    config->figure = NULL;
}

void tui_config_reset(struct tui_config *config)
{
    tui_config_clear(config);
    tui_keymap_reset();
    *config = (struct tui_config){.mouse = true, .remember = true, .sixel = true, .figure = json_object()};
    tui_colours_init(&config->colours);
}

int tui_config_path(char *out, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int used;
    if (config && config[0] == '/')
        used = snprintf(out, size, "%s/assay/config.lua", config);
    else if (home && home[0] == '/')
        used = snprintf(out, size, "%s/.config/assay/config.lua", home);
    else
        return assay_fail(
            ASSAY_ENOTFOUND, "there is no place for a configuration: set XDG_CONFIG_HOME or HOME");
    if (used < 0 || (size_t)used >= size)
        return assay_fail(ASSAY_ENOTFOUND, "the path of the configuration is too long");
    return ASSAY_OK;
}
