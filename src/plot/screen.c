/* Screens of glyphs: freed, and printed with the sequences of a 256-colour terminal. */
#include <stdio.h>
#include <stdlib.h>

#include "core/status.h"
#include "plot/figure.h"

void assay_screen_free(assay_screen *screen)
{
    free(screen->cells);
    free(screen->plots);
    *screen = (assay_screen){0};
}

static void put_code(unsigned code, FILE *out)
{
    if (code < 0x80) {
        fputc((int)code, out);
    } else if (code < 0x800) {
        fputc((int)(0xc0 | code >> 6), out);
        fputc((int)(0x80 | (code & 0x3f)), out);
    } else {
        if (code < 0x10000) {
            fputc((int)(0xe0 | code >> 12), out);
        } else {
            fputc((int)(0xf0 | code >> 18), out);
            fputc((int)(0x80 | (code >> 12 & 0x3f)), out);
        }
        fputc((int)(0x80 | (code >> 6 & 0x3f)), out);
        fputc((int)(0x80 | (code & 0x3f)), out);
    }
}

/* Change from the look of the glyph before, if it changes. */
static void put_look(const assay_glyph *before, const assay_glyph *glyph, FILE *out)
{
    if (before->series == glyph->series && before->bold == glyph->bold)
        return;
    fputs("\033[0", out);
    if (glyph->bold)
        fputs(";1", out);
    if (glyph->series >= 0)
        fprintf(out, ";38;5;%d", assay_plot_color256((size_t)glyph->series));
    fputc('m', out);
}

int assay_screen_print(const assay_screen *screen, FILE *out, bool colour)
{
    const assay_glyph none = {' ', -1, false};
    for (size_t row = 0; row < screen->rows; row++) {
        const assay_glyph *cells = screen->cells + row * screen->cols, *before = &none;
        size_t end = screen->cols;
        while (end > 0 && cells[end - 1].code == ' ')
            end--;
        for (size_t col = 0; col < end; col++) {
            if (colour)
                put_look(before, &cells[col], out);
            put_code(cells[col].code, out);
            before = &cells[col];
        }
        if (colour)
            put_look(before, &none, out);
        fputc('\n', out);
    }
    return ferror(out) ? assay_fail(ASSAY_EIO, "the drawing could not be written") : ASSAY_OK;
}
