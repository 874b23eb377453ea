/* A picture of a figure on the screen. */
#include "core/status.h"
#include "tui/figure.h"

static int glyph_style(const assay_glyph *glyph)
{
    if (glyph->series >= 0)
        return TUI_SERIES + glyph->series % TUI_SERIES_COUNT;
    return glyph->bold ? TUI_BOLD : TUI_NORMAL;
}

static void put_screen(const assay_screen *screen, struct tui_area area)
{
    for (size_t row = 0; row < screen->rows && (int)row < area.rows; row++)
        for (size_t col = 0; col < screen->cols && (int)col < area.cols; col++) {
            const assay_glyph *glyph = &screen->cells[row * screen->cols + col];
            if (glyph->code > ' ')
                tui_put_code(area.y + (int)row, area.x + (int)col, glyph_style(glyph), glyph->code);
        }
}

bool figure_panel_is_drawn(const struct figure_panel *panel, struct tui_area area)
{
    return panel->drawn && panel->rows == (size_t)area.rows && panel->cols == (size_t)area.cols;
}

/* It is drawn anew only for another size. */
int figure_panel_draw(assay_raster *raster, struct figure_panel *panel, struct tui_area area)
{
    size_t rows = (size_t)area.rows, cols = (size_t)area.cols;
    if (figure_panel_is_drawn(panel, area)) {
        put_screen(&panel->screen, area);
        return ASSAY_OK;
    }
    assay_screen_free(&panel->screen);
    panel->screen = (assay_screen){0};
    panel->drawn = false;
    int status = assay_figure_draw(
        raster, panel->figure, panel->series, rows, cols, tui_screen_ascii(), &panel->screen);
    panel->drawn = status == ASSAY_OK;
    panel->rows = rows;
    panel->cols = cols;
    if (panel->drawn)
        put_screen(&panel->screen, area);
    return status;
}

bool figure_has_points(const assay_series_set *series)
{
    for (size_t i = 0; series && i < series->count; i++)
        if (series->series[i].count)
            return true;
    return series && series->facet_count > 0;
}
