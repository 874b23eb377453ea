/* Text in aligned columns. Cells are gathered first, since widths are known only at the end. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct cli_table {
    size_t columns, cells, room;
    const char *const *headings;
    char **text;
};

static void out_of_memory(void)
{
    fprintf(stderr, "assay: out of memory\n");
    exit(CLI_FAILED);
}

cli_table *cli_table_new(size_t columns, const char *const *headings)
{
    cli_table *table = calloc(1, sizeof *table);
    if (!table)
        out_of_memory();
    table->columns = columns;
    table->headings = headings;
    return table;
}

/* One line, and of control characters only the escapes of colour. */
static void clean(char *text)
{
    for (char *c = text; *c; c++) {
        size_t colour = 0;
        if (c[0] == '\033' && c[1] == '[')
            colour = 2 + strspn(c + 2, "0123456789;");
        if (colour && c[colour] == 'm')
            c += colour;
        else if (*c == '\n' || *c == '\t')
            *c = ' ';
        else if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

void cli_table_cell(cli_table *table, const char *format, ...)
{
    if (table->cells == table->room) {
        table->room = table->room ? 2 * table->room : 64;
        table->text = realloc(table->text, table->room * sizeof *table->text);
        if (!table->text)
            out_of_memory();
    }
    va_list args;
    va_start(args, format);
    if (vasprintf(&table->text[table->cells], format, args) < 0)
        out_of_memory();
    clean(table->text[table->cells++]);
    va_end(args);
}

/* Columns that a text takes on the terminal; escapes of colour take none. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    mbstate_t state = {0};
    while (*text) {
        if (*text == '\033') {
            text += strcspn(text, "m");
            text += *text != '\0';
            continue;
        }
        wchar_t c;
        size_t bytes = mbrtowc(&c, text, strlen(text), &state);
        if (bytes == (size_t)-1 || bytes == (size_t)-2) {
            bytes = 1;
            c = L'?';
            state = (mbstate_t){0};
        }
        int columns = wcwidth(c);
        width += columns > 0 ? (size_t)columns : 0;
        text += bytes;
    }
    return width;
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
    size_t own = width_of(text), pad = width > own ? width - own : 0;
    if (right)
        printf("%*s", (int)pad, "");
    fputs(text, stdout);
    if (!right && !last)
        printf("%*s", (int)pad, "");
    fputs(last ? "\n" : "  ", stdout);
}

void cli_table_drop(cli_table *table)
{
    for (size_t i = 0; i < table->cells; i++)
        free(table->text[i]);
    free(table->text);
    free(table);
}

void cli_table_print(cli_table *table, size_t indent)
{
    size_t *width = calloc(table->columns, sizeof *width);
    if (!width)
        out_of_memory();
    for (size_t j = 0; j < table->columns; j++)
        width[j] = width_of(table->headings[j]) - (table->headings[j][0] == '>');
    for (size_t i = 0; i < table->cells; i++) {
        size_t w = width_of(table->text[i]), j = i % table->columns;
        width[j] = w > width[j] ? w : width[j];
    }
    for (size_t j = 0; j < table->columns; j++) {
        bool right = table->headings[j][0] == '>';
        printf("%*s%s", j ? 0 : (int)indent, "", cli_paint("bold"));
        print_cell(table->headings[j] + right, width[j], right, j + 1 == table->columns);
        fputs(cli_plain(), stdout);
    }
    for (size_t i = 0; i < table->cells; i++) {
        size_t j = i % table->columns;
        printf("%*s", j ? 0 : (int)indent, "");
        print_cell(table->text[i], width[j], table->headings[j][0] == '>', j + 1 == table->columns);
    }
    free(width);
    cli_table_drop(table);
}
