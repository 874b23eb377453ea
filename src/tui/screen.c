/*
 * Drawing through ncursesw. Curses is one per process, and so is the state here.
 *
 * A scripted screen is a real curses screen whose terminal is /dev/null: what `:save-screen` writes
 * is read back from curses' window, so it is what a terminal would have shown.
 */
#define NCURSES_WIDECHAR 1
#include "tui/screen.h"

#include "plot/figure.h" /* before term.h, which defines the word `lines` */
#include "run/bytes.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

#include "core/status.h"
#include "tui/colour.h"
#include "tui/terminal.h"

enum { MOST_PICTURES = 32, KEY_ANSWER = KEY_MAX + 1 };

/* Pictures in pixels, as they are placed on a screen. */
struct pictures {
    struct placed {
        int y, x;
        unsigned long id;
        const char *text;
        size_t size;
    } items[MOST_PICTURES];
    size_t count;
};

static struct {
    SCREEN *curses;
    FILE *null;
    bool scripted, ascii, colour;
    attr_t styles[TUI_STYLES];
    int pairs[TUI_STYLES], selected[TUI_STYLES]; /* selected: under the cursor */
    attr_t selection;
    struct tui_colours asked;
    bool asked_known;
    struct tui_mouse mouse;
    bool listening, held;
    bool sixels, unwanted;           /* the terminal has them; the user does not want them */
    bool asked_what, answering;      /* the terminal, what it can; it is just saying so */
    double asked_at;
    char answer[128];
    size_t answer_length;
    struct pictures shown, next;
    bool lost; /* what stood on the terminal */
} screen;

static const char *const glyphs[TUI_GLYPHS][2] = {
    [TUI_HLINE] = {"─", "-"},
    [TUI_VLINE] = {"│", "|"},
    [TUI_TEE_DOWN] = {"┬", "+"},
    [TUI_TEE_UP] = {"┴", "+"},
    [TUI_ELLIPSIS] = {"…", "~"},
    [TUI_CHECK] = {"✓", "+"},
    [TUI_CROSS] = {"✗", "x"},
    [TUI_UNSURE] = {"?", "?"},
    [TUI_TROUBLE] = {"!", "!"},
    [TUI_NEVER] = {"·", "."},
    [TUI_POINTER] = {"▸", ">"},
    [TUI_DOT] = {"·", "|"},
    [TUI_LEFT] = {"◂", "<"},
    [TUI_RIGHT] = {"▸", ">"},
    [TUI_MARKED] = {"●", "@"},
    [TUI_PINNED] = {"▪", "*"},
    [TUI_ASCENDING] = {"▴", "^"},
    [TUI_DESCENDING] = {"▾", "v"},
    [TUI_BLOCK] = {"▪", "#"},
};

/* A style on a dark and on a light ground, in 256 colours and in 8 (-1: the terminal's own), and
 * without any. */
static const struct {
    short dark, light, dark_few, light_few;
    attr_t attributes, plain;
} styles[TUI_STYLES] = {
    [TUI_NORMAL] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
    [TUI_DIM] = {245, 243, -1, -1, A_NORMAL, A_DIM},
    [TUI_BOLD] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
    [TUI_TITLE] = {75, 25, COLOR_CYAN, COLOR_BLUE, A_BOLD, A_BOLD},
    [TUI_STATUS] = {-1, -1, -1, -1, A_REVERSE, A_REVERSE},
    [TUI_KEY] = {75, 25, COLOR_CYAN, COLOR_BLUE, A_NORMAL, A_BOLD},
    [TUI_GOOD] = {71, 28, COLOR_GREEN, COLOR_GREEN, A_NORMAL, A_NORMAL},
    [TUI_BAD] = {203, 160, COLOR_RED, COLOR_RED, A_BOLD, A_BOLD},
    [TUI_WARN] = {214, 130, COLOR_YELLOW, COLOR_MAGENTA, A_NORMAL, A_NORMAL},
    [TUI_LIVE] = {75, 25, COLOR_CYAN, COLOR_BLUE, A_BOLD, A_BOLD},
    /* the nearest of eight to the palette of the figures; in 256 it is theirs
     * (plot/style.c), which the colour-blind can tell apart */
    [TUI_SERIES] = {0, 0, COLOR_BLUE, COLOR_BLUE, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_YELLOW, COLOR_YELLOW, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_GREEN, COLOR_GREEN, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_MAGENTA, COLOR_MAGENTA, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_RED, COLOR_RED, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_CYAN, COLOR_CYAN, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_WHITE, COLOR_BLACK, A_BOLD, A_BOLD},
    /* their markers differ from those above */
    {0, 0, COLOR_YELLOW, COLOR_YELLOW, A_BOLD, A_BOLD},
    {0, 0, COLOR_WHITE, COLOR_BLACK, A_NORMAL, A_NORMAL},
    {0, 0, COLOR_MAGENTA, COLOR_MAGENTA, A_BOLD, A_BOLD},
    {0, 0, COLOR_RED, COLOR_RED, A_BOLD, A_BOLD},
    {0, 0, COLOR_BLUE, COLOR_BLUE, A_BOLD, A_BOLD},
};

/* ---- colours ---- */

/* COLORFGBG ends in the number of the ground's colour, where a terminal sets it. */
static bool light_ground(void)
{
    const char *colours = getenv("COLORFGBG"), *ground = colours ? strrchr(colours, ';') : NULL;
    if (screen.asked.theme != TUI_THEME_AUTO)
        return screen.asked.theme == TUI_THEME_LIGHT;
    return ground && (strcmp(ground, ";7") == 0 || strcmp(ground, ";15") == 0);
}

static int depth(void)
{
    return screen.asked.depth && screen.asked.depth < COLORS ? screen.asked.depth : COLORS;
}

static int resolve(struct tui_colour colour)
{
    int number = tui_colour_resolve(colour, depth());
    /* a terminal of all colours that is to show fewer */
    if (number >= 8 && COLORS > 256 && depth() <= 256)
        number =
            tui_colour_resolve((struct tui_colour){TUI_COLOUR_INDEX, (unsigned)number}, COLORS);
    return number;
}

static int theme_colour(int style, bool light)
{
    int number;
    if (depth() < 256)
        number = light ? styles[style].light_few : styles[style].dark_few;
    else if (style >= TUI_SERIES)
        number = assay_plot_color256((size_t)(style - TUI_SERIES));
    else
        number = light ? styles[style].light : styles[style].dark;
    return number < 0 ? -1 : resolve((struct tui_colour){TUI_COLOUR_INDEX, (unsigned)number});
}

static attr_t with_look(attr_t attributes, const struct tui_look *look)
{
    const struct {
        int wanted;
        attr_t bit;
    } bits[] = {{look->bold, A_BOLD}, {look->underline, A_UNDERLINE}, {look->reverse, A_REVERSE}};
    if (screen.colour && (look->has_text || look->has_ground))
        attributes &= ~(attr_t)A_REVERSE; /* which would turn what was asked for */
    for (int i = 0; i < 3; i++)
        attributes = bits[i].wanted < 0 ? attributes
                     : bits[i].wanted   ? attributes | bits[i].bit
                                        : attributes & ~bits[i].bit;
    return attributes;
}

static int make_pair(int number, int text, int ground)
{
    if ((text < 0 && ground < 0) || init_extended_pair(number, text, ground) != OK)
        return 0;
    return number;
}

static void set_style_colours(int style, bool light)
{
    const struct tui_look *look = &screen.asked.looks[style], *selected = &screen.asked.selected;
    int text = look->has_text ? resolve(look->text) : theme_colour(style, light);
    int ground = look->has_ground ? resolve(look->ground) : -1;
    screen.pairs[style] = make_pair(style + 1, text, ground);
    if (selected->has_text)
        text = resolve(selected->text);
    if (selected->has_ground)
        ground = resolve(selected->ground);
    screen.selected[style] = make_pair(TUI_STYLES + style + 1, text, ground);
}

static void set_styles(void)
{
    bool light = light_ground();
    for (int i = 0; i < TUI_STYLES; i++) {
        screen.pairs[i] = screen.selected[i] = 0;
        screen.styles[i] = with_look(
            screen.colour ? styles[i].attributes : styles[i].plain, &screen.asked.looks[i]);
        if (screen.colour)
            set_style_colours(i, light);
    }
    screen.selection = with_look(A_REVERSE, &screen.asked.selected);
}

static void start_colours(void)
{
    const char *no_color = getenv("NO_COLOR");
    if (!screen.asked_known)
        tui_colours_init(&screen.asked);
    screen.asked_known = true;
    screen.colour = has_colors() && !(no_color && *no_color) && start_color() == OK;
    if (screen.colour)
        use_default_colors();
    set_styles();
}

void tui_screen_colours(const struct tui_colours *colours)
{
    screen.asked = *colours;
    screen.asked_known = true;
    if (screen.curses) {
        set_styles();
        clearok(stdscr, TRUE);
    }
}

/* Where all colours are asked for: the description of this terminal that has them, or NULL. */
static const char *direct_colour(const char *term)
{
    static const char *const names[][2] = {
        {"xterm", "xterm-direct"}, {"tmux", "tmux-direct"}, {"screen", "tmux-direct"}};
    int error = 0;
    for (size_t i = 0; screen.asked.depth > 256 && i < sizeof names / sizeof *names; i++) {
        if (strncmp(term, names[i][0], strlen(names[i][0])) != 0 ||
            setupterm(names[i][1], STDOUT_FILENO, &error) != OK)
            continue;
        del_curterm(cur_term);
        return names[i][1];
    }
    return NULL;
}

/* ---- what the terminal can ---- */

/* Not curses' own output: it is flushed before. */
static void send_bytes(const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(STDOUT_FILENO, text, size);
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, 1000);
        else if (n < 0 && errno != EINTR)
            return; /* a terminal that is gone is met elsewhere */
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
}

/* "Primary device attributes": the answer comes as keys do, ESC [ ? 62 ; 4 ; ... c, and is known by its
 * beginning; 4 stands for sixels. */
static void ask_terminal(void)
{
    static const char question[] = "\033[c";
    const char *no_color = getenv("NO_COLOR");
    if (screen.scripted || (no_color && *no_color) || screen.ascii || define_key("\033[?", KEY_ANSWER) != OK)
        return;
    send_bytes(question, sizeof question - 1);
    screen.asked_what = true;
    screen.answering = false;
    screen.asked_at = assay_monotonic();
}

static void take_answer(void)
{
    screen.answer[screen.answer_length] = '\0';
    screen.asked_what = screen.answering = false;
    char *rest = screen.answer;
    for (int i = 0; *rest; i++) { /* the first number is the terminal's kind */
        char *end;
        long number = strtol(rest, &end, 10);
        if (end == rest)
            break;
        screen.sixels = screen.sixels || (i && number == 4);
        rest = *end == ';' ? end + 1 : end;
    }
}

/* Was it a part of the answer? One that does not go on within a second is none. */
static bool heard_answer(wint_t key)
{
    if (!screen.answering || assay_monotonic() - screen.asked_at > 1)
        return screen.answering = false;
    if (key >= 0x40 && key <= 0x7e) {
        if (key == 'c')
            take_answer();
        screen.answering = false;
    } else if (screen.answer_length + 1 < sizeof screen.answer) {
        screen.answer[screen.answer_length++] = (char)key;
    }
    return true;
}

static void begin_answer(void)
{
    screen.answering = true;
    screen.answer_length = 0;
    screen.asked_at = assay_monotonic();
}

/* An answer that comes when the terminal is given back would be typed into the shell: a moment is left
 * for it. */
static void await_answer(void)
{
    double end = screen.asked_at + 0.3;
    char byte = '\0';
    while (screen.asked_what && byte != 'c' && assay_monotonic() < end) {
        int left = (int)(1e3 * (end - assay_monotonic())) + 1;
        if (poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, left) <= 0 ||
            read(STDIN_FILENO, &byte, 1) != 1)
            break;
    }
    screen.asked_what = false;
}

/* newterm leaves the process on failure of an unknown terminal only with initscr; here it returns
 * NULL, but a terminal without cursor addressing passes, so that is asked for first. */
static int open_terminal(void)
{
    const char *term = getenv("TERM");
    int error = 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return assay_fail(ASSAY_EINVAL,
            "the terminal interface needs a terminal on standard input and output; without one, "
            "use the subcommands (assay --help) or assay tui --script FILE");
    if (!term || !*term)
        return assay_fail(ASSAY_EINVAL, "TERM is not set; try TERM=xterm-256color assay");
    if (setupterm(term, STDOUT_FILENO, &error) != OK)
        return assay_fail(ASSAY_EINVAL,
            "the terminal type TERM=%s is not known here; try TERM=xterm-256color assay", term);
    bool usable = cursor_address && clear_screen;
    del_curterm(cur_term); /* newterm reads the description anew */
    if (!usable)
        return assay_fail(ASSAY_EINVAL,
            "TERM=%s cannot place its cursor, so there is no screen to draw on; use the "
            "subcommands (assay --help)",
            term);
    tui_terminal_remember();
    const char *direct = direct_colour(term);
    screen.curses = newterm(direct ? direct : term, stdout, stdin);
    if (!screen.curses)
        return assay_fail(ASSAY_EINVAL, "curses can't use the terminal TERM=%s", term);
    return ASSAY_OK;
}

static int open_null(void)
{
    static const char *const terms[] = {"xterm-256color", "xterm", "vt100", "ansi"};
    screen.null = fopen("/dev/null", "r+");
    if (!screen.null)
        return assay_fail(ASSAY_EIO, "can't open /dev/null");
    for (size_t i = 0; i < sizeof terms / sizeof *terms && !screen.curses; i++)
        screen.curses = newterm(terms[i], screen.null, screen.null);
    if (!screen.curses)
        return assay_fail(ASSAY_EIO, "no terminal description was found (Debian: ncurses-base)");
    return tui_screen_resize(24, 80);
}

int tui_screen_open(bool scripted, bool ascii)
{
    setlocale(LC_CTYPE, ""); /* not LC_NUMERIC: numbers keep their point */
    screen.scripted = scripted;
    screen.ascii = ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    int status = scripted ? open_null() : open_terminal();
    if (status != ASSAY_OK) {
        tui_screen_close();
        return status;
    }
    set_term(screen.curses);
    if (!scripted)
        tui_terminal_guard();
    start_colours();
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    ask_terminal();
    return ASSAY_OK;
}

void tui_screen_close(void)
{
    if (screen.curses) {
        tui_screen_listen(false);
        await_answer();
        screen.sixels = false;
        screen.shown.count = screen.next.count = 0;
        endwin();
        if (!screen.scripted)
            tui_terminal_release();
        delscreen(screen.curses);
        screen.curses = NULL;
    }
    if (screen.null) {
        fclose(screen.null);
        screen.null = NULL;
    }
}

bool tui_screen_ascii(void)
{
    return screen.ascii;
}

void tui_screen_size(int *rows, int *cols)
{
    getmaxyx(stdscr, *rows, *cols);
}

int tui_screen_resize(int rows, int cols)
{
    if (!screen.scripted)
        return assay_fail(ASSAY_EINVAL, "only a script can resize the screen");
    if (rows < 1 || rows > 1000 || cols < 1 || cols > 1000)
        return assay_fail(ASSAY_EINVAL, "resize wants COLSxROWS, each in 1..1000");
    if (resizeterm(rows, cols) != OK)
        return assay_fail(ASSAY_ENOMEM, "can't resize the screen to %dx%d", cols, rows);
    return ASSAY_OK;
}

void tui_screen_begin(void)
{
    erase();
    screen.next.count = 0;
}

/* ---- pixels ---- */

bool tui_screen_has_sixels(void)
{
    return screen.sixels;
}

bool tui_screen_sixels(void)
{
    return screen.sixels && !screen.unwanted;
}

void tui_screen_want_sixels(bool wanted)
{
    screen.unwanted = !wanted;
}

/* A terminal that does not tell has characters of 10 x 20, as the VT340 had. */
void tui_screen_pixel_size(struct tui_area area, size_t *width, size_t *height, double *line)
{
    struct winsize window = {0};
    double across = 10, down = 20;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_xpixel && window.ws_ypixel &&
        window.ws_col && window.ws_row) {
        across = (double)window.ws_xpixel / window.ws_col;
        down = (double)window.ws_ypixel / window.ws_row;
    }
    *width = area.cols > 0 ? (size_t)(across * area.cols) : 0;
    *height = area.rows > 0 ? (size_t)(down * area.rows) : 0;
    *line = down;
}

/* Its place is filled with spaces that curses takes for letters: it does not touch them again. */
void tui_put_sixels(struct tui_area area, const char *text, size_t size, unsigned long id)
{
    static const wchar_t held = 0xa0;
    if (screen.next.count == MOST_PICTURES)
        return;
    for (int y = 0; y < area.rows; y++)
        for (int x = 0; x < area.cols; x++)
            mvaddnwstr(area.y + y, area.x + x, &held, 1);
    screen.next.items[screen.next.count++] = (struct placed){area.y, area.x, id, text, size};
}

static bool same_pictures(void)
{
    if (screen.shown.count != screen.next.count)
        return false;
    for (size_t i = 0; i < screen.next.count; i++) {
        const struct placed *a = &screen.shown.items[i], *b = &screen.next.items[i];
        if (a->y != b->y || a->x != b->x || a->id != b->id)
            return false;
    }
    return true;
}

/* The cursor is put back where curses thinks that it is. */
static void send_pictures(void)
{
    char place[48];
    for (size_t i = 0; i < screen.next.count; i++) {
        const struct placed *picture = &screen.next.items[i];
        int length =
            snprintf(place, sizeof place, "\0337\033[%d;%dH", picture->y + 1, picture->x + 1);
        send_bytes(place, (size_t)length);
        send_bytes(picture->text, picture->size);
        send_bytes("\0338", 2);
    }
    screen.shown = screen.next;
}

void tui_screen_end(int cursor_y, int cursor_x)
{
    curs_set(cursor_y >= 0);
    move(cursor_y >= 0 ? cursor_y : 0, cursor_y >= 0 ? cursor_x : 0);
    bool same = !screen.lost && same_pictures();
    if (!same && screen.shown.count) /* pixels go with all else */
        clearok(stdscr, TRUE);
    refresh();
    if (!same)
        send_pictures();
    screen.lost = false;
}

void tui_screen_redraw(void)
{
    clearok(stdscr, TRUE);
    screen.lost = true;
}

void tui_screen_suspend(void)
{
    def_prog_mode();
    if (screen.listening)
        tui_terminal_drags(false);
    if (!screen.scripted)
        endwin();
}

void tui_screen_resume(void)
{
    reset_prog_mode();
    clearok(stdscr, TRUE);
    refresh();
    screen.lost = true;
    if (screen.listening)
        tui_terminal_drags(true);
}

/* Two presses are told from one by the frame, so that curses does not wait to see whether a second
 * follows. Moving counts while the button is held. */
static int take_mouse(void)
{
    MEVENT event;
    enum tui_mouse_kind kind = TUI_MOUSE_NOTHING;
    if (getmouse(&event) != OK)
        return TUI_KEY_MOUSE; /* some other button */
    if (event.bstate & BUTTON1_PRESSED)
        kind = TUI_MOUSE_PRESS;
    else if (event.bstate & BUTTON1_RELEASED)
        kind = TUI_MOUSE_RELEASE;
    else if (event.bstate & BUTTON4_PRESSED)
        kind = TUI_MOUSE_WHEEL_UP;
    else if (event.bstate & BUTTON5_PRESSED)
        kind = TUI_MOUSE_WHEEL_DOWN;
    else if (event.bstate & REPORT_MOUSE_POSITION && screen.held)
        kind = TUI_MOUSE_DRAG;
    screen.held = kind == TUI_MOUSE_PRESS || kind == TUI_MOUSE_DRAG;
    screen.mouse = (struct tui_mouse){kind, event.y, event.x};
    return TUI_KEY_MOUSE;
}

struct tui_mouse tui_screen_mouse(void)
{
    struct tui_mouse mouse = screen.mouse;
    screen.mouse.kind = TUI_MOUSE_NOTHING;
    return mouse;
}

void tui_screen_listen(bool mouse)
{
    mmask_t wanted = BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED |
                     REPORT_MOUSE_POSITION;
    if (screen.scripted || screen.listening == mouse)
        return;
    screen.listening = mouse;
    screen.held = false;
    mouseinterval(0);
    mousemask(mouse ? wanted : 0, NULL);
    tui_terminal_drags(mouse);
}

int tui_screen_key(void)
{
    wint_t key;
    switch (get_wch(&key)) {
    case OK:
        return heard_answer(key) ? TUI_KEY_RESIZE : (int)key; /* the screen may be another */
    case KEY_CODE_YES:
        if (key == KEY_ANSWER) {
            begin_answer();
            return TUI_KEY_RESIZE;
        }
        if (key == KEY_MOUSE)
            return take_mouse();
        screen.lost = screen.lost || key == KEY_RESIZE;
        return key == KEY_RESIZE ? TUI_KEY_RESIZE : TUI_KEY_FUNCTION + (int)key;
    default:
        return TUI_NO_KEY;
    }
}

const char *tui_glyph(enum tui_glyph glyph)
{
    return glyphs[glyph][screen.ascii];
}

/* ---- text ---- */

size_t tui_decode(const char *text, unsigned *code)
{
    const unsigned char *s = (const unsigned char *)text;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80             ? 1
               : (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    *code = n == 1 ? s[0] : n ? s[0] & (0x7fu >> n) : 0xfffd;
    if (n == 1)
        return s[0] != '\0';
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            n = 0;
            break;
        }
        *code = *code << 6 | (s[i] & 0x3f);
    }
    if (n && *code >= least[n] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff))
        return n;
    *code = 0xfffd;
    return 1;
}

size_t tui_encode(unsigned code, char out[5])
{
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[n] = '\0';
    for (size_t i = n; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[n] | code);
    return n;
}

/* What is shown for a character, and how wide that is. */
static int shown(unsigned *code)
{
    if (*code < 0x20 || *code == 0x7f)
        *code = *code == '\t' || *code == '\n' ? ' ' : '?';
    else if (*code > 0x7f && screen.ascii)
        *code = '?';
    int width = *code < 0x80 ? 1 : wcwidth((wchar_t)*code);
    if (width < 0) {
        *code = screen.ascii ? '?' : 0xfffd;
        width = 1;
    }
    return width;
}

int tui_width(const char *text)
{
    unsigned code;
    int width = 0;
    for (size_t n; (n = tui_decode(text, &code)) > 0; text += n)
        width += shown(&code);
    return width;
}

bool tui_wrap(const char **text, int width, char *line, size_t size)
{
    const char *s = *text, *space = NULL, *end;
    unsigned code;
    int used = 0;
    size_t n;
    if (!*s)
        return false;
    for (; (n = tui_decode(s, &code)) > 0 && code != '\n'; s += n) {
        int w = shown(&code);
        if (used + w > width && s > *text)
            break;
        if (code == ' ')
            space = s;
        used += w;
    }
    end = s;
    if (*s && *s != '\n' && *s != ' ' && space && space > *text)
        end = space;
    snprintf(line, size, "%.*s", (int)(end - *text), *text);
    if (*end == '\n' || *end == ' ')
        end++;
    *text = end;
    return true;
}

/* ---- drawing ---- */

static void set_style(int style)
{
    int base = style & 0xff;
    attr_t attributes = screen.styles[base];
    int pair = screen.pairs[base];
    if (style & TUI_SELECTED) {
        attributes |= screen.selection;
        pair = screen.selected[base];
    }
    attr_set(attributes, 0, &pair);
}

int tui_put(int y, int x, int width, int style, const char *text)
{
    bool cut = tui_width(text) > width;
    int limit = cut ? width - 1 : width, used = 0, at = 0, count = 0;
    wchar_t cluster[4]; /* a character and the combining ones that follow it */
    unsigned code;
    if (width <= 0)
        return 0;
    set_style(style);
    for (size_t n; (n = tui_decode(text, &code)) > 0; text += n) {
        int w = shown(&code);
        if (used + w > limit)
            break;
        if (w > 0) {
            mvaddnwstr(y, x + at, cluster, count);
            at = used;
            used += w;
            count = 0;
        }
        if (w > 0 || (count > 0 && count < 4))
            cluster[count++] = (wchar_t)code;
    }
    mvaddnwstr(y, x + at, cluster, count);
    set_style(TUI_NORMAL);
    if (cut) {
        tui_decode(tui_glyph(TUI_ELLIPSIS), &code);
        tui_put_code(y, x + used++, style, code);
    }
    return used;
}

int tui_putf(int y, int x, int width, int style, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return tui_put(y, x, width, style, text);
}

int tui_put_right(int y, int x, int width, int style, const char *text)
{
    int pad = width - tui_width(text);
    return tui_put(y, x + (pad > 0 ? pad : 0), pad > 0 ? width - pad : width, style, text);
}

void tui_put_code(int y, int x, int style, unsigned code)
{
    shown(&code);
    wchar_t wide = (wchar_t)code;
    set_style(style);
    mvaddnwstr(y, x, &wide, 1);
    set_style(TUI_NORMAL);
}

enum tui_pixels tui_screen_pixels(void)
{
    return screen.ascii ? TUI_LETTERS : screen.colour && depth() >= 256 ? TUI_HALVES : TUI_DOTS;
}

/* The nearest of the 24 greys, or of the cube of 6 levels a channel. */
static struct tui_colour colour_of(const unsigned char rgb[3])
{
    int low = 255, high = 0, at[3];
    for (int c = 0; c < 3; c++) {
        low = rgb[c] < low ? rgb[c] : low;
        high = rgb[c] > high ? rgb[c] : high;
        at[c] = rgb[c] < 48 ? 0 : rgb[c] < 115 ? 1 : (rgb[c] - 35) / 40;
    }
    int index = 16 + 36 * at[0] + 6 * at[1] + at[2];
    if (high - low < 12)
        index = 232 + (int)((low + high) / 2 * 23 / 255.0 + 0.5);
    return (struct tui_colour){TUI_COLOUR_INDEX, (unsigned)index};
}

void tui_put_halves(int y, int x, const unsigned char above[3], const unsigned char below[3])
{
    int pair = alloc_pair(resolve(colour_of(above)), resolve(colour_of(below)));
    wchar_t half = 0x2580;
    pair = pair > 0 ? pair : 0;
    attr_set(A_NORMAL, 0, &pair);
    mvaddnwstr(y, x, &half, 1);
    attr_set(A_NORMAL, 0, NULL);
}

unsigned tui_dot(int row, int col)
{
    return row == 3 ? 0x40u << col : 1u << (row + 3 * col);
}

void tui_fill(int y, int x, int width, int style, enum tui_glyph glyph)
{
    unsigned code;
    tui_decode(tui_glyph(glyph), &code);
    for (int i = 0; i < width; i++)
        tui_put_code(y, x + i, style, code);
}

void tui_blank(int y, int x, int width, int style)
{
    set_style(style);
    for (int i = 0; i < width; i++)
        mvaddch(y, x + i, ' ');
    set_style(TUI_NORMAL);
}

void tui_put_bar(int y, int x, int width, int style, double fraction)
{
    double filled = (fraction > 1 ? 1 : fraction > 0 ? fraction : 0) * width;
    int whole = (int)filled, eighths = (int)((filled - whole) * 8);
    for (int i = 0; i < width; i++) {
        unsigned code = i < whole               ? 0x2588
                        : i == whole && eighths ? 0x2590u - (unsigned)eighths
                                                : 0x2591;
        if (screen.ascii)
            code = i < whole ? '#' : '-';
        tui_put_code(y, x + i, style, code);
    }
}

int tui_put_wrapped(struct tui_area area, int skip, int style, const char *text)
{
    char line[4096];
    int count = 0;
    for (; tui_wrap(&text, area.cols, line, sizeof line); count++)
        if (count >= skip && count - skip < area.rows)
            tui_put(area.y + count - skip, area.x, area.cols, style, line);
    return count;
}

/* ---- reading the screen back ---- */

static void read_row(int y, int cols, char *out)
{
    wchar_t *row = calloc((size_t)cols * 5 + 1, sizeof *row);
    size_t length = 0;
    if (row && mvinnwstr(y, 0, row, cols * 5) != ERR)
        for (wchar_t *c = row; *c; c++)
            length += tui_encode((unsigned)*c, out + length);
    while (length && out[length - 1] == ' ')
        length--;
    out[length] = '\0';
    free(row);
}

int tui_screen_save(const char *path)
{
    int rows, cols, y, x;
    getyx(stdscr, y, x);
    tui_screen_size(&rows, &cols);
    char *text = malloc((size_t)cols * 20 + 5);
    FILE *file = fopen(path, "w");
    int status = ASSAY_OK;
    if (!file)
        status = assay_fail(ASSAY_EIO, "can't write %s", path);
    if (!text)
        status = assay_fail(ASSAY_ENOMEM, "out of memory");
    for (int row = 0; row < rows && status == ASSAY_OK; row++) {
        read_row(row, cols, text);
        if (fprintf(file, "%s\n", text) < 0)
            status = assay_fail(ASSAY_EIO, "can't write %s", path);
    }
    if (file && fclose(file) != 0 && status == ASSAY_OK)
        status = assay_fail(ASSAY_EIO, "can't write %s", path);
    free(text);
    move(y, x);
    return status;
}

bool tui_screen_shows(const char *wanted)
{
    int rows, cols, y, x;
    bool found = false;
    getyx(stdscr, y, x);
    tui_screen_size(&rows, &cols);
    char *text = malloc((size_t)cols * 20 + 5);
    for (int row = 0; text && row < rows && !found; row++) {
        read_row(row, cols, text);
        found = strstr(text, wanted) != NULL;
    }
    free(text);
    move(y, x);
    return found;
}
