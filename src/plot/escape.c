/*
 * Escaping for gnuplot's enhanced text, LaTeX and Markdown. One table a markup: the character, and
 * what stands for it.
 */
#include "plot/escape.h"

#include <stddef.h>
#include <string.h>

typedef struct substitute {
    char from;
    const char *to;
} substitute;

static const substitute plain[] = {{0, NULL}};

/* "''" is one quote inside of single quotes; the rest is enhanced text's own. */
static const substitute enhanced[] = {{'\'', "''"}, {'\\', "\\\\"}, {'_', "\\_"}, {'^', "\\^"},
    {'{', "\\{"}, {'}', "\\}"}, {'@', "\\@"}, {'&', "\\&"}, {'~', "\\~"}, {0, NULL}};

static const substitute latex[] = {{'\\', "\\textbackslash{}"}, {'_', "\\_"}, {'%', "\\%"},
    {'&', "\\&"}, {'#', "\\#"}, {'$', "\\$"}, {'{', "\\{"}, {'}', "\\}"},
    {'^', "\\textasciicircum{}"}, {'~', "\\textasciitilde{}"}, {'<', "\\textless{}"},
    {'>', "\\textgreater{}"}, {'|', "\\textbar{}"}, {'"', "\\textquotedbl{}"}, {0, NULL}};

static const substitute markdown[] = {{'\\', "\\\\"}, {'|', "\\|"}, {'*', "\\*"}, {'_', "\\_"},
    {'`', "\\`"}, {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'[', "\\["}, {']', "\\]"},
    {'#', "\\#"}, {'~', "\\~"}, {0, NULL}};

static const substitute *const tables[] = {plain, enhanced, latex, markdown};

size_t assay_utf8_length(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t n = c[0] < 0x80                   ? 1
               : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
               : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
               : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, and beyond U+10FFFF */
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return n;
}

size_t assay_utf8_columns(const char *text)
{
    size_t columns = 0;
    for (; *text; columns++) {
        size_t n = assay_utf8_length(text);
        text += n ? n : 1;
    }
    return columns;
}

static const char *find(const substitute *table, char c)
{
    for (; table->to; table++)
        if (table->from == c)
            return table->to;
    return NULL;
}

void assay_escape(const char *text, assay_markup markup, FILE *out)
{
    while (*text) {
        size_t n = assay_utf8_length(text);
        const char *to = find(tables[markup], *text);
        if (n == 0)
            fputc('?', out);
        else if ((unsigned char)*text < ' ' || *text == 127)
            fputc(' ', out);
        else if (to)
            fputs(to, out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
}
