/* Wrapped paragraphs. */
#include "tui/detail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void tui_detail_clear(struct tui_detail *detail)
{
    for (size_t i = 0; i < detail->count; i++)
        free(detail->paragraphs[i].text);
    free(detail->paragraphs);
    *detail = (struct tui_detail){0};
}

void tui_detail_add(struct tui_detail *detail, int style, int indent, const char *format, ...)
{
    struct tui_paragraph *grown =
        realloc(detail->paragraphs, (detail->count + 1) * sizeof *detail->paragraphs);
    char *text = NULL;
    va_list arguments;
    if (!grown)
        return;
    detail->paragraphs = grown;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0)
        detail->paragraphs[detail->count++] = (struct tui_paragraph){style, indent, text};
    va_end(arguments);
}

/* An empty paragraph is an empty line. Gives the number of lines; draws those within `area`. */
static int draw_paragraph(const struct tui_paragraph *paragraph, struct tui_area area, int line)
{
    const char *text = paragraph->text;
    char words[4096];
    int indent = 0, lines = 0;
    while (tui_wrap(&text, area.cols - indent, words, sizeof words)) {
        int y = line + lines++;
        if (y >= 0 && y < area.rows)
            tui_put(area.y + y, area.x + indent, area.cols - indent, paragraph->style, words);
        indent = paragraph->indent < area.cols / 2 ? paragraph->indent : 0;
    }
    return lines ? lines : 1;
}

static int draw_all(const struct tui_detail *detail, struct tui_area area)
{
    int line = -detail->skip;
    for (size_t i = 0; i < detail->count; i++)
        line += draw_paragraph(&detail->paragraphs[i], area, line);
    return line + detail->skip;
}

/* Scroll so that a paragraph is seen, with a line or two before it; not when it is. */
static void show(struct tui_detail *detail, struct tui_area area)
{
    struct tui_area nowhere = {area.y, area.x, 0, area.cols};
    int line = 0;
    for (size_t i = 0; i + 1 < detail->shown && i < detail->count; i++)
        line += draw_paragraph(&detail->paragraphs[i], nowhere, line);
    if (detail->shown && (line < detail->skip || line >= detail->skip + area.rows - 1))
        detail->skip = line > 2 ? line - 2 : 0;
    detail->shown = 0;
}

/* When there is more than fits, the last line says so. */
void tui_detail_draw(struct tui_detail *detail, struct tui_area area)
{
    struct tui_area nowhere = {area.y, area.x, 0, area.cols};
    if (area.rows <= 0 || area.cols <= 0)
        return;
    detail->lines = draw_all(detail, nowhere);
    show(detail, area);
    if (detail->lines <= area.rows) {
        detail->skip = 0;
        draw_all(detail, area);
        return;
    }
    int last = detail->lines - (area.rows - 1);
    detail->skip = detail->skip < last ? detail->skip : last;
    area.rows--;
    draw_all(detail, area);
    if (detail->skip < last)
        tui_putf(area.y + area.rows, area.x, area.cols, TUI_DIM, "J/K: %d more %s",
            last - detail->skip, last - detail->skip == 1 ? "line" : "lines");
    else
        tui_put(area.y + area.rows, area.x, area.cols, TUI_DIM, "K: back up");
}

bool tui_detail_request(struct tui_detail *detail, enum tui_request request)
{
    if (request == TUI_DETAIL_DOWN)
        detail->skip++;
    else if (request == TUI_DETAIL_UP)
        detail->skip -= detail->skip > 0;
    else
        return false;
    return true;
}
