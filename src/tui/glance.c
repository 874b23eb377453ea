/* See glance.h. */
#include "tui/glance.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* A figure of more rows takes too long for a glance: its own view shows how it is read. */
enum { MOST_ROWS = 200000 };

struct glancing {
    struct figure_reading reading; /* the job */
    tui_glance_of *of;
};

static void start(struct tui_glance *self, struct tui_view *view, tui_glance_of *of);

static void was_read(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct glancing *glancing = (struct glancing *)job;
    struct tui_glance *self = view ? glancing->of(view) : NULL;
    if (self) {
        self->reading = false;
        figure_panels_free(self->panels, self->panel_count);
        self->panels = NULL;
        self->panel_count = 0;
        if (job->status == ASSAY_OK) { /* else there is none: the figure's own view says why */
            self->panels = glancing->reading.panels;
            self->panel_count = glancing->reading.panel_count;
            glancing->reading.panels = NULL;
            glancing->reading.panel_count = 0;
        }
        if (self->next != self->run || self->next_rows != self->rows)
            start(self, view, glancing->of);
        tui_dirty(tui);
    }
    figure_reading_clear(&glancing->reading);
}

static void start(struct tui_glance *self, struct tui_view *view, tui_glance_of *of)
{
    struct glancing *glancing = calloc(1, sizeof *glancing);
    self->run = self->next;
    self->rows = self->next_rows;
    if (!glancing)
        return;
    struct figure_reading *reading = &glancing->reading;
    glancing->of = of;
    reading->job.work = figure_read;
    reading->job.done = was_read;
    reading->job.view = view->serial;
    reading->database = strdup(tui_database(view->tui));
    reading->runs = calloc(1, sizeof *reading->runs);
    reading->run_count = 1;
    reading->changes = json_object();
    if (!reading->database || !reading->runs || !reading->changes) {
        figure_reading_clear(reading);
        free(glancing);
        return;
    }
    reading->runs[0] = self->run;
    self->reading = tui_aside(view->tui, &reading->job) == ASSAY_OK;
}

void tui_glance_show(
    struct tui_glance *self, struct tui_view *view, tui_glance_of *of, int64_t run, int64_t rows)
{
    if (rows <= 0 || rows > MOST_ROWS)
        run = 0;
    self->next = run;
    self->next_rows = run ? rows : 0;
    if (run && !self->reading && (run != self->run || rows != self->rows))
        start(self, view, of);
}

bool tui_glance_draw(struct tui_glance *self, struct tui_area area)
{
    bool wanted = self->next && self->next == self->run && self->panel_count && !self->failed;
    if (!wanted || !figure_has_points(self->panels[0].series))
        return false;
    if (!self->raster && assay_raster_open(&self->raster) != ASSAY_OK)
        self->failed = true;
    return !self->failed && figure_panel_draw(self->raster, &self->panels[0], area) == ASSAY_OK;
}

void tui_glance_close(struct tui_glance *self)
{
    figure_panels_free(self->panels, self->panel_count);
    if (self->raster)
        assay_raster_close(self->raster);
    *self = (struct tui_glance){0};
}
