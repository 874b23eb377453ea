/* Colours: their names, and the nearest that a terminal has. */
#include "tui/colour.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/status.h"
#include "core/suggest.h"

static const char *const names[16] = {"black", "red", "green", "yellow", "blue", "magenta", "cyan",
    "white", "bright-black", "bright-red", "bright-green", "bright-yellow", "bright-blue",
    "bright-magenta", "bright-cyan", "bright-white"};

/* xterm's usual sixteen; terminals differ in them. */
static const unsigned sixteen[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
    0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff,
    0xffffff};

static const unsigned steps[6] = {0, 95, 135, 175, 215, 255}; /* of the 6x6x6 cube */

int tui_colour_parse(const char *text, struct tui_colour *out)
{
    char *end;
    size_t length = strlen(text);
    if (strcasecmp(text, "default") == 0) {
        *out = (struct tui_colour){TUI_COLOUR_OWN, 0};
        return ASSAY_OK;
    }
    for (unsigned i = 0; i < 16; i++)
        if (strcasecmp(names[i], text) == 0) {
            *out = (struct tui_colour){TUI_COLOUR_INDEX, i};
            return ASSAY_OK;
        }
    if (text[0] == '#' && length == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6) {
        *out = (struct tui_colour){TUI_COLOUR_RGB, (unsigned)strtoul(text + 1, NULL, 16)};
        return ASSAY_OK;
    }
    unsigned long index = strtoul(text, &end, 10);
    if (length && strspn(text, "0123456789") == length && index < 256) {
        *out = (struct tui_colour){TUI_COLOUR_INDEX, (unsigned)index};
        return ASSAY_OK;
    }
    return assay_fail(ASSAY_EINVAL,
        "a colour is default, black, red, green, yellow, blue, magenta, cyan or white (also with "
        "bright- before it), 0..255, or #rrggbb; got \"%s\"",
        text);
}

static unsigned rgb_of(unsigned index)
{
    if (index < 16)
        return sixteen[index];
    if (index >= 232)
        return (8 + 10 * (index - 232)) * 0x010101;
    index -= 16;
    return steps[index / 36] << 16 | steps[index / 6 % 6] << 8 | steps[index % 6];
}

static int difference(unsigned a, unsigned b)
{
    int sum = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        int d = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);
        sum += d * d;
    }
    return sum;
}

/* Of the colours from `first` up to `end`, the nearest. */
static unsigned nearest(unsigned rgb, unsigned first, unsigned end)
{
    unsigned best = first;
    for (unsigned i = first + 1; i < end; i++)
        if (difference(rgb_of(i), rgb) < difference(rgb_of(best), rgb))
            best = i;
    return best;
}

int tui_colour_resolve(struct tui_colour colour, int colours)
{
    bool index = colour.kind == TUI_COLOUR_INDEX;
    if (colour.kind == TUI_COLOUR_OWN || colours < 8)
        return -1;
    if (index && (int)colour.value < (colours > 256 ? 8 : colours))
        return (int)colour.value;
    unsigned rgb = index ? rgb_of(colour.value) : colour.value;
    if (colours > 256)
        return rgb < 8 ? 0 : (int)rgb;
    if (colours == 256) /* the sixteen are what the user made them */
        return (int)nearest(rgb, 16, 256);
    if (colours < 16 && index && colour.value < 16)
        return (int)colour.value - 8;
    return (int)nearest(rgb, 0, colours < 16 ? 8 : 16);
}

/* ---- roles ---- */

static const char *const roles[] = {[TUI_NORMAL] = "normal",
    [TUI_DIM] = "dim",
    [TUI_BOLD] = "bold",
    [TUI_TITLE] = "title",
    [TUI_STATUS] = "status",
    [TUI_KEY] = "key",
    [TUI_GOOD] = "good",
    [TUI_BAD] = "bad",
    [TUI_WARN] = "warn",
    [TUI_LIVE] = "live",
    [TUI_SERIES] = "series1",
    "series2",
    "series3",
    "series4",
    "series5",
    "series6",
    "series7",
    "series8",
    "series9",
    "series10",
    "series11",
    "series12",
    [TUI_STYLES] = "selected"};

void tui_colours_init(struct tui_colours *colours)
{
    static const struct tui_look unset = {.bold = -1, .underline = -1, .reverse = -1};
    *colours = (struct tui_colours){.selected = unset};
    for (int i = 0; i < TUI_STYLES; i++)
        colours->looks[i] = unset;
}

int tui_colours_find(struct tui_colours *colours, const char *role, struct tui_look **look)
{
    char hint[256];
    for (int i = 0; i <= TUI_STYLES; i++)
        if (strcmp(roles[i], role) == 0) {
            *look = i == TUI_STYLES ? &colours->selected : &colours->looks[i];
            return ASSAY_OK;
        }
    assay_suggest(role, roles, TUI_STYLES + 1, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "there is no role \"%s\"%s", role, hint);
}
