/*
 * The screen: everything that is put on it, and the only file that knows curses' drawing calls.
 *
 * Text comes in as UTF-8, is measured by wcwidth and cut with an ellipsis where it does not fit.
 * Bytes that are not UTF-8 and control characters are shown as a replacement, never sent on. In
 * ASCII mode (--ascii, or a locale that is not UTF-8) nothing above 127 leaves this file.
 */
#ifndef ASSAY_TUI_SCREEN_H
#define ASSAY_TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

enum tui_style {
    TUI_NORMAL,
    TUI_DIM,
    TUI_BOLD,
    TUI_TITLE,
    TUI_STATUS, /* the status bar */
    TUI_KEY,    /* the name of a key */
    TUI_GOOD,
    TUI_BAD,
    TUI_WARN,
    TUI_LIVE,   /* what is going on now */
    TUI_SERIES, /* the first of TUI_SERIES_COUNT colours of a figure */
    TUI_SERIES_COUNT = 12,
    TUI_STYLES = TUI_SERIES + TUI_SERIES_COUNT,
    TUI_SELECTED = 0x100 /* added to a style: the line with the cursor */
};

enum tui_glyph {
    TUI_HLINE,
    TUI_VLINE,
    TUI_TEE_DOWN,
    TUI_TEE_UP,
    TUI_ELLIPSIS,
    TUI_CHECK,    /* supported */
    TUI_CROSS,    /* not supported */
    TUI_UNSURE,   /* inconclusive */
    TUI_TROUBLE,  /* an error */
    TUI_NEVER,    /* nothing yet */
    TUI_POINTER,  /* the line with the cursor */
    TUI_DOT,      /* between words */
    TUI_LEFT,     /* choices to the left */
    TUI_RIGHT,
    TUI_MARKED,     /* a run that was marked */
    TUI_PINNED,
    TUI_ASCENDING,  /* beside the title of the column that is sorted by */
    TUI_DESCENDING,
    TUI_BLOCK,      /* a cell that is done, in the strip of all */
    TUI_GLYPHS
};

/* A rectangle of the screen. */
struct tui_area {
    int y, x, rows, cols;
};

/* Open the terminal (or, scripted, a screen of 80x24 on none). The reason of a failure is in
 * assay_errmsg(). */
int tui_screen_open(bool scripted, bool ascii);
void tui_screen_close(void);
bool tui_screen_ascii(void);
void tui_screen_size(int *rows, int *cols);
int tui_screen_resize(int rows, int cols);
void tui_screen_begin(void);                         /* an empty screen */
void tui_screen_end(int cursor_y, int cursor_x);     /* show it; y < 0: no cursor */
void tui_screen_redraw(void);                        /* the next end sends all of it again */
int tui_screen_save(const char *path);
bool tui_screen_shows(const char *text);

/* Give the terminal to another program, and take it back. */
void tui_screen_suspend(void);
void tui_screen_resume(void);

/* The next key that waits, or TUI_NO_KEY; TUI_KEY_RESIZE when the terminal's size changed. Keys
 * that are not characters are TUI_KEY_FUNCTION + curses' KEY_ code. */
enum { TUI_NO_KEY = -1, TUI_KEY_RESIZE = -2, TUI_KEY_MOUSE = -3, TUI_KEY_FUNCTION = 0x200000 };
int tui_screen_key(void);

/* What the mouse did, after TUI_KEY_MOUSE. */
struct tui_mouse {
    enum tui_mouse_kind {
        TUI_MOUSE_NOTHING,
        TUI_MOUSE_PRESS, /* the left button */
        TUI_MOUSE_DRAG,  /* moved while it is held */
        TUI_MOUSE_RELEASE,
        TUI_MOUSE_WHEEL_UP,
        TUI_MOUSE_WHEEL_DOWN
    } kind;
    int y, x;
};
struct tui_mouse tui_screen_mouse(void);
void tui_screen_listen(bool mouse); /* ask the terminal to report it, or no longer */

const char *tui_glyph(enum tui_glyph glyph);

/* Put text at most `width` columns wide; gives the columns used. */
int tui_put(int y, int x, int width, int style, const char *text);
int tui_putf(int y, int x, int width, int style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
int tui_put_right(int y, int x, int width, int style, const char *text); /* flush right */
void tui_put_code(int y, int x, int style, unsigned code);
/* What an image is made of: two pixels of any colour a character, 2 x 4 dots a character (braille),
 * or letters. */
enum tui_pixels { TUI_HALVES, TUI_DOTS, TUI_LETTERS };
enum tui_pixels tui_screen_pixels(void);
/* Two pixels, one above the other; only where there are TUI_HALVES. */
void tui_put_halves(int y, int x, const unsigned char above[3], const unsigned char below[3]);
/* The bit of a braille character (0x2800 on) for the dot in that row and column. */
unsigned tui_dot(int row, int col);
void tui_fill(int y, int x, int width, int style, enum tui_glyph glyph);
void tui_blank(int y, int x, int width, int style);
/* done of total as a bar. */
void tui_put_bar(int y, int x, int width, int style, double fraction);

/*
 * Pixels, where the terminal has told that it shows sixels (it is asked when the screen is opened, and
 * nobody waits for its answer) and the user wants them. The text of a picture (sixel.h) is sent when
 * the rest of the screen stands; it has to last until then. `id` tells pictures apart: one that is
 * there already is not sent again.
 */
bool tui_screen_sixels(void);
bool tui_screen_has_sixels(void); /* whatever the user wants */
void tui_screen_want_sixels(bool wanted);
void tui_screen_pixel_size(struct tui_area area, size_t *width, size_t *height, double *line);
void tui_put_sixels(struct tui_area area, const char *text, size_t size, unsigned long id);

/* Text without a place. */
size_t tui_decode(const char *text, unsigned *code); /* bytes of the next character (0 at the end) */
size_t tui_encode(unsigned code, char out[5]);
int tui_width(const char *text);                     /* columns */
/* Take the next line of at most `width` columns from *text, broken between words; false at the end. */
bool tui_wrap(const char **text, int width, char *line, size_t size);
/* Put wrapped text, without its first `skip` lines; gives the number of lines it has in all. */
int tui_put_wrapped(struct tui_area area, int skip, int style, const char *text);

#endif
