/* What was said since the interface was opened, newest first: errors, warnings, and what was done.
 */
#include <stdio.h>

#include "core/status.h"
#include "tui/detail.h"
#include "tui/format.h"
#include "tui/frame.h"

struct messages {
    struct tui_view view;
    struct tui_list list;
    struct tui_detail detail;
    size_t detailed;
    bool detail_known;
};

static const struct tui_message *message_at(const struct messages *self, size_t index)
{
    const struct tui *tui = self->view.tui;
    return &tui->log[(tui->log_end - 1 - index) % TUI_LOG];
}

static int load(struct tui_view *view)
{
    struct messages *self = (struct messages *)view;
    size_t count = view->tui->log_end < TUI_LOG ? view->tui->log_end : TUI_LOG;
    tui_list_resize(&self->list, count);
    self->detail_known = false;
    return ASSAY_OK;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    (void)target;
    view->list = &((struct messages *)view)->list;
    return ASSAY_OK;
}

static void close_view(struct tui_view *view)
{
    tui_detail_clear(&((struct messages *)view)->detail);
}

static void describe(struct messages *self)
{
    const struct tui_message *message = message_at(self, self->list.cursor);
    tui_detail_clear(&self->detail);
    tui_detail_add(&self->detail, message->style, 0, "%s", message->text);
    self->detailed = self->list.cursor;
    self->detail_known = true;
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct messages *self = (struct messages *)view;
    int lines = area.rows - area.rows / 3 - 1;
    char date[TUI_SHORT];
    load(view);
    if (!self->list.count) {
        tui_put(area.y + 1, 2, area.cols - 4, TUI_NORMAL,
            "Nothing was said yet: errors and what was done will stand here.");
        return;
    }
    lines = tui_split(view, area, false, lines);
    tui_list_show(&self->list, (size_t)lines);
    tui_zone(view, TUI_ZONE_ROWS, (struct tui_area){area.y, 0, lines, area.cols}, 0);
    for (int row = 0; row < lines && self->list.top + (size_t)row < self->list.count; row++) {
        size_t i = self->list.top + (size_t)row;
        const struct tui_message *message = message_at(self, i);
        int y = area.y + row, mark = i == self->list.cursor ? TUI_SELECTED : 0;
        tui_blank(y, 0, area.cols, TUI_NORMAL | mark);
        if (mark)
            tui_put(y, 0, 1, TUI_NORMAL | mark, tui_glyph(TUI_POINTER));
        tui_format_date(message->time, date);
        tui_put(y, 2, 16, TUI_DIM | mark, date);
        tui_put(y, 19, area.cols - 19, message->style | mark, message->text);
    }
    describe(self);
    tui_detail_draw(&self->detail,
        (struct tui_area){area.y + lines + 1, 2, area.rows - lines - 1, area.cols - 4});
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    snprintf(out, size, "%s", message_at((struct messages *)view, index)->text);
    return out;
}

const struct view_ops tui_messages_view = {
    .name = "messages",
    .hint = "j/k:move  /:search  q:close",
    .size = sizeof(struct messages),
    .open = open_view,
    .load = load,
    .draw = draw,
    .close = close_view,
    .text = text,
};
