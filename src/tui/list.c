/* Movement in lists. */
#include "tui/list.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void tui_list_resize(struct tui_list *list, size_t count)
{
    list->count = count;
    if (list->cursor >= count)
        list->cursor = count ? count - 1 : 0;
}

/* A pager's cursor is its top line, and the last page is full. */
static size_t last_position(const struct tui_list *list)
{
    if (list->pager)
        return list->count > list->height ? list->count - list->height : 0;
    return list->count ? list->count - 1 : 0;
}

void tui_list_show(struct tui_list *list, size_t height)
{
    list->height = height;
    list->cursor = smaller(list->cursor, last_position(list));
    if (list->pager)
        list->top = list->cursor;
    if (list->cursor < list->top)
        list->top = list->cursor;
    if (height && list->cursor >= list->top + height)
        list->top = list->cursor - height + 1;
    if (list->count <= height)
        list->top = 0;
    else if (list->top > list->count - height)
        list->top = list->count - height;
}

void tui_list_move_to(struct tui_list *list, size_t index)
{
    list->cursor = smaller(index, last_position(list));
}

static void move_by(struct tui_list *list, size_t lines, bool down)
{
    if (down)
        tui_list_move_to(list, list->cursor + lines);
    else
        list->cursor -= smaller(lines, list->cursor);
}

bool tui_list_request(struct tui_list *list, enum tui_request request)
{
    size_t page = list->height > 1 ? list->height - 1 : 1;
    switch (request) {
    case TUI_UP:
    case TUI_DOWN:
        move_by(list, 1, request == TUI_DOWN);
        return true;
    case TUI_PAGE_UP:
    case TUI_PAGE_DOWN:
        move_by(list, page, request == TUI_PAGE_DOWN);
        return true;
    case TUI_HALF_UP:
    case TUI_HALF_DOWN:
        move_by(list, page / 2 + 1, request == TUI_HALF_DOWN);
        return true;
    case TUI_FIRST:
        list->cursor = 0;
        return true;
    case TUI_LAST:
        list->cursor = last_position(list);
        return true;
    default:
        return false;
    }
}
