/* Editing one line, in UTF-8. */
#define NCURSES_WIDECHAR 1
#include "tui/prompt.h"

#include <curses.h>
#include <stdio.h>
#include <string.h>

#include "tui/keymap.h"
#include "tui/screen.h"

#define FUNCTION(code) (TUI_KEY_FUNCTION + (code))
#define CONTROL(letter) ((letter)&0x1f)

void tui_line_set(struct tui_line *line, const char *text)
{
    snprintf(line->text, sizeof line->text, "%s", text);
    line->cursor = strlen(line->text);
}

static size_t before(const struct tui_line *line, size_t at)
{
    while (at > 0 && ((unsigned char)line->text[--at] & 0xc0) == 0x80) {
    }
    return at;
}

static size_t after(const struct tui_line *line, size_t at)
{
    unsigned code;
    return at + tui_decode(line->text + at, &code);
}

static void cut(struct tui_line *line, size_t from, size_t to)
{
    memmove(line->text + from, line->text + to, strlen(line->text + to) + 1);
    line->cursor = from;
}

static void insert(struct tui_line *line, int key)
{
    char bytes[5];
    size_t n = tui_encode((unsigned)key, bytes), length = strlen(line->text);
    if (length + n >= sizeof line->text)
        return;
    memmove(line->text + line->cursor + n, line->text + line->cursor, length - line->cursor + 1);
    memcpy(line->text + line->cursor, bytes, n);
    line->cursor += n;
}

static size_t word_before(const struct tui_line *line)
{
    size_t at = line->cursor;
    while (at > 0 && line->text[at - 1] == ' ')
        at--;
    while (at > 0 && line->text[at - 1] != ' ')
        at--;
    return at;
}

enum tui_typed tui_line_key(struct tui_line *line, int key)
{
    switch (key) {
    case TUI_ENTER:
    case '\n':
    case FUNCTION(KEY_ENTER):
        return TUI_TYPED;
    case TUI_ESCAPE:
    case CONTROL('C'):
    case CONTROL('G'):
        return TUI_GIVEN_UP;
    case TUI_BACKSPACE:
    case '\b':
    case FUNCTION(KEY_BACKSPACE):
        cut(line, before(line, line->cursor), line->cursor);
        break;
    case FUNCTION(KEY_DC):
    case CONTROL('D'):
        cut(line, line->cursor, after(line, line->cursor));
        break;
    case CONTROL('U'):
        cut(line, 0, line->cursor);
        break;
    case CONTROL('K'):
        line->text[line->cursor] = '\0';
        break;
    case CONTROL('W'):
        cut(line, word_before(line), line->cursor);
        break;
    case FUNCTION(KEY_LEFT):
    case CONTROL('B'):
        line->cursor = before(line, line->cursor);
        break;
    case FUNCTION(KEY_RIGHT):
    case CONTROL('F'):
        line->cursor = after(line, line->cursor);
        break;
    case FUNCTION(KEY_HOME):
    case CONTROL('A'):
        line->cursor = 0;
        break;
    case FUNCTION(KEY_END):
    case CONTROL('E'):
        line->cursor = strlen(line->text);
        break;
    default:
        if (key >= ' ' && key < TUI_KEY_FUNCTION)
            insert(line, key);
    }
    return TUI_TYPING;
}

int tui_line_draw(const struct tui_line *line, int y, int x, int width, int style)
{
    struct tui_line head = *line;
    head.text[head.cursor] = '\0';
    size_t from = 0;
    while (tui_width(head.text + from) >= width && head.text[from])
        from = after(&head, from);
    tui_blank(y, x, width, style);
    tui_put(y, x, width, style, line->text + from);
    return x + tui_width(head.text + from);
}
