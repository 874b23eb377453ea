/*
 * Signals and the terminal.
 *
 * SIGINT, SIGTERM and SIGHUP only leave a mark: the loop sees it at once (poll is interrupted),
 * goes the ordinary way out, and raises the signal again so that the parent sees how we ended. A
 * second one, or a crash, restores the terminal from within the handler - with strings and settings
 * kept beforehand and write and tcsetattr, which a handler may call, where endwin may not be called
 * - and then falls to the handler that was there before (the sanitizers', or the default).
 */
#define NCURSES_WIDECHAR 1
#include "tui/terminal.h"

#include <curses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

static const int leaving[] = {SIGINT, SIGTERM, SIGHUP};
static const int crashing[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT};
enum { LEAVING = sizeof leaving / sizeof *leaving, CRASHING = sizeof crashing / sizeof *crashing };

static struct {
    struct termios settings;
    bool known;
    char strings[512];
    size_t length;
    struct sigaction before[LEAVING + CRASHING];
    struct sigaction pipe_before;
} kept;

static volatile sig_atomic_t asked, guarded;
static const char mouse_off[] = "\033[?1002l\033[?1000l\033[?1006l";

static void restore(void)
{
    if (!guarded)
        return;
    guarded = 0;
    ssize_t written = write(STDOUT_FILENO, kept.strings, kept.length);
    (void)written; /* there is nobody left to tell */
    if (kept.known)
        tcsetattr(STDIN_FILENO, TCSANOW, &kept.settings);
}

static void on_crash(int number)
{
    restore();
    for (int i = 0; i < CRASHING; i++)
        if (crashing[i] == number)
            sigaction(number, &kept.before[LEAVING + i], NULL);
    raise(number); /* blocked until we return, then met by the handler from before */
}

static void on_leave(int number)
{
    if (!asked) {
        asked = number;
        return;
    }
    restore();
    signal(number, SIG_DFL);
    raise(number);
}

/* exit() from anywhere: endwin is safe here. */
static void at_exit(void)
{
    if (guarded) {
        guarded = 0;
        endwin();
    }
}

static void keep(const char *text)
{
    size_t length = strlen(text);
    if (kept.length + length > sizeof kept.strings)
        return;
    memcpy(kept.strings + kept.length, text, length);
    kept.length += length;
}

static void keep_string(const char *capability)
{
    const char *text = tigetstr(capability);
    if (!text || text == (const char *)-1)
        return;
    while (*text && kept.length < sizeof kept.strings) {
        const char *padding = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (padding)
            text = padding + 1;
        else
            kept.strings[kept.length++] = *text++;
    }
}

static bool has_mouse_key(void)
{
    const char *text = tigetstr("kmous");
    return text && text != (const char *)-1 && *text;
}

/* Curses sets handlers for SIGINT and SIGTERM of its own: those are not what was there before. */
void tui_terminal_remember(void)
{
    kept.known = tcgetattr(STDIN_FILENO, &kept.settings) == 0;
    for (int i = 0; i < LEAVING; i++)
        sigaction(leaving[i], NULL, &kept.before[i]);
    for (int i = 0; i < CRASHING; i++)
        sigaction(crashing[i], NULL, &kept.before[LEAVING + i]);
    sigaction(SIGPIPE, NULL, &kept.pipe_before);
}

void tui_terminal_guard(void)
{
    static bool registered;
    static const char *const capabilities[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
    struct sigaction action = {.sa_handler = on_leave};
    asked = 0;
    kept.length = 0;
    for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
        keep_string(capabilities[i]);
    if (has_mouse_key())
        keep(mouse_off);
    keep("\r\n");
    for (int i = 0; i < LEAVING; i++)
        if (kept.before[i].sa_handler != SIG_IGN) /* as nohup sets it */
            sigaction(leaving[i], &action, NULL);
    action.sa_handler = on_crash;
    for (int i = 0; i < CRASHING; i++)
        sigaction(crashing[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* a gnuplot that died must not take us along */
    sigaction(SIGPIPE, &action, NULL);
    guarded = 1;
    if (!registered)
        registered = atexit(at_exit) == 0;
}

void tui_terminal_release(void)
{
    guarded = 0;
    for (int i = 0; i < LEAVING; i++)
        sigaction(leaving[i], &kept.before[i], NULL);
    for (int i = 0; i < CRASHING; i++)
        sigaction(crashing[i], &kept.before[LEAVING + i], NULL);
    sigaction(SIGPIPE, &kept.pipe_before, NULL);
}

/* Only one that knows of mice gets their sequences. */
void tui_terminal_drags(bool report)
{
    static const char on[] = "\033[?1002h", off[] = "\033[?1002l";
    if (!has_mouse_key())
        return;
    ssize_t written = write(STDOUT_FILENO, report ? on : off, sizeof on - 1);
    (void)written; /* a terminal that is gone is met elsewhere */
}

int tui_terminal_signal(void)
{
    return (int)asked;
}
