/*
 * The mouse: a click puts the cursor on a row or turns to a tab, two open, the wheel scrolls the
 * list or the text below it, and a divider is dragged. Views only say, while they draw, what lies
 * where; those that draw pictures answer to the mouse within them by themselves.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "run/bytes.h"
#include "tui/frame.h"

enum { WHEEL = 3 };
static const double double_click = 0.4; /* seconds between two presses that are one */

/* ---- what lies where ---- */

void tui_zone(struct tui_view *view, enum tui_zone_kind kind, struct tui_area area, int index)
{
    struct tui_pointing *pointing = &view->tui->pointing;
    if (pointing->view != view->serial) {
        pointing->view = view->serial;
        pointing->dragging = false;
    }
    if (pointing->count < TUI_ZONES && area.rows > 0 && area.cols > 0)
        pointing->zones[pointing->count++] = (struct tui_zone){kind, area, index};
}

static bool within(struct tui_area area, int y, int x)
{
    return y >= area.y && y < area.y + area.rows && x >= area.x && x < area.x + area.cols;
}

static const struct tui_zone *zone_at(const struct tui *tui, struct tui_mouse mouse)
{
    const struct tui_pointing *pointing = &tui->pointing;
    if (pointing->view != tui->top->serial)
        return NULL;
    for (size_t i = 0; i < pointing->count; i++)
        if (within(pointing->zones[i].area, mouse.y, mouse.x))
            return &pointing->zones[i];
    return NULL;
}

/* ---- the divider ---- */

static int clamp(int value, int low, int high)
{
    return value > high ? high : value < low ? low : value;
}

static const char *divider_name(bool beside)
{
    return beside ? "divider beside" : "divider below";
}

int tui_split(struct tui_view *view, struct tui_area area, bool beside, int usual)
{
    struct tui_pointing *pointing = &view->tui->pointing;
    const json_t *kept = tui_recall(view->tui, view->ops, divider_name(beside));
    int size = beside ? area.cols : area.rows, first = usual, least = beside ? 20 : 3;
    if (json_is_number(kept))
        first = clamp((int)lround(json_number_value(kept) * size), least, size - 1 - least);
    struct tui_area line = area, rest = area;
    if (beside) {
        line.x += first;
        line.cols = 1;
        rest.x = line.x + 1;
        rest.cols -= first + 1;
        for (int y = 0; y < area.rows; y++)
            tui_fill(area.y + y, line.x, 1, TUI_DIM, TUI_VLINE);
    } else {
        line.y += first;
        line.rows = 1;
        rest.y = line.y + 1;
        rest.rows -= first + 1;
        tui_fill(line.y, area.x, area.cols, TUI_DIM, TUI_HLINE);
    }
    tui_zone(view, TUI_ZONE_DIVIDER, line, 0);
    tui_zone(view, TUI_ZONE_DETAIL, rest, 0);
    pointing->divided = area;
    pointing->beside = beside;
    pointing->divides = true;
    return first;
}

int tui_divide(struct tui *tui, double fraction)
{
    const struct tui_pointing *pointing = &tui->pointing;
    if (pointing->view != tui->top->serial || !pointing->divides)
        return assay_fail(ASSAY_ENOTFOUND, "there is no divider in this view");
    fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    tui_remember(tui, tui->top->ops, divider_name(pointing->beside),
        json_real(round(1000 * fraction) / 1000));
    tui->dirty = true;
    return ASSAY_OK;
}

static void drag(struct tui *tui, struct tui_mouse mouse)
{
    const struct tui_pointing *pointing = &tui->pointing;
    int size = pointing->beside ? pointing->divided.cols : pointing->divided.rows;
    int at = pointing->beside ? mouse.x - pointing->divided.x : mouse.y - pointing->divided.y;
    if (size > 0)
        tui_divide(tui, (double)at / size);
}

/* ---- rows and tabs ---- */

static void click_row(
    struct tui *tui, const struct tui_zone *zone, struct tui_mouse mouse, bool twice)
{
    struct tui_list *list = tui->top->list;
    if (!list || list->pager || tui->top->editing)
        return;
    size_t index = list->top + (size_t)(zone->index + mouse.y - zone->area.y);
    if (index >= list->count)
        return;
    tui_list_move_to(list, index);
    if (twice)
        tui_frame_request(tui, TUI_OPEN);
}

static void press(struct tui *tui, struct tui_mouse mouse)
{
    struct tui_pointing *pointing = &tui->pointing;
    const struct tui_zone *zone = zone_at(tui, mouse);
    double now = assay_monotonic();
    bool twice = pointing->last.kind == TUI_MOUSE_PRESS && pointing->last.y == mouse.y &&
                 pointing->last.x == mouse.x && now - pointing->pressed < double_click;
    pointing->last = mouse;
    pointing->pressed = now;
    if (twice)
        pointing->last.kind = TUI_MOUSE_NOTHING; /* a third begins anew */
    if (!zone)
        return;
    if (zone->kind == TUI_ZONE_DIVIDER)
        pointing->dragging = true;
    else if (zone->kind == TUI_ZONE_TAB && tui->top->ops->pick)
        tui->top->ops->pick(tui->top, zone->index);
    else if (zone->kind == TUI_ZONE_ROWS)
        click_row(tui, zone, mouse, twice);
}

static void turn_wheel(struct tui *tui, struct tui_mouse mouse)
{
    const struct tui_zone *zone = zone_at(tui, mouse);
    bool up = mouse.kind == TUI_MOUSE_WHEEL_UP,
         detail = zone && (zone->kind == TUI_ZONE_DETAIL || zone->kind == TUI_ZONE_DIVIDER);
    enum tui_request request = detail ? up ? TUI_DETAIL_UP : TUI_DETAIL_DOWN
                               : up   ? TUI_UP
                                      : TUI_DOWN;
    for (int i = 0; i < WHEEL; i++)
        tui_frame_request(tui, request);
}

/* A question or a field that is typed waits for the keyboard; a query stays where it is while its
 * result is scrolled. */
void tui_frame_mouse(struct tui *tui, struct tui_mouse mouse)
{
    struct tui_pointing *pointing = &tui->pointing;
    tui->dirty = true;
    bool typing =
        tui->asking != TUI_ASKS_NOTHING || (tui->top->editing && tui->top->ops != &tui_sql_view);
    if (typing || mouse.kind == TUI_MOUSE_NOTHING)
        return;
    tui_frame_load(tui);
    if (pointing->dragging && pointing->view == tui->top->serial) {
        if (mouse.kind == TUI_MOUSE_DRAG || mouse.kind == TUI_MOUSE_RELEASE)
            drag(tui, mouse);
        pointing->dragging = mouse.kind == TUI_MOUSE_DRAG;
    } else if (tui->top->ops->mouse && tui->top->ops->mouse(tui->top, mouse)) {
        return;
    } else if (mouse.kind == TUI_MOUSE_PRESS) {
        press(tui, mouse);
    } else if (mouse.kind == TUI_MOUSE_WHEEL_UP || mouse.kind == TUI_MOUSE_WHEEL_DOWN) {
        turn_wheel(tui, mouse);
    }
}
