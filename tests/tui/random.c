/*
 * Random keys and sizes: whatever is pressed, the TUI neither crashes nor hangs nor leaks, and the
 * status bar is always there. The seed and the last keys are printed when it ends badly; give them
 * as arguments: random [SEED [KEYS]]. It presses keys in every view of a filled database, with a
 * program that refuses to start runs.
 */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"
#include "tui/frame.h"

enum { REMEMBERED = 60 };

static unsigned long long state;
static int remembered[REMEMBERED];
static long pressed;

static unsigned draw_below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % n;
}

static int random_key(void)
{
    static const int common[] = {'j', 'k', 'l', 'h', 'q', 'r', 'E', 'f', '?', 'n', 'N', 'G', 'g',
        's', 'x', 'c', 'y', 'J', 'K', 'p', '\r', '\r', '\t', 0x1b, ':', '/', ' ', 0x7f, '0', '1',
        '9', ',', '.', 'A', 'F', 'o', 'O', '*', 'L', 't', 'a', 'D', 'u', 'U', ' ', ' ', 'C', ';', 'M', 'o', 'T', 'w', 'H', 'I',
        '[', ']', 'X', 'Y', 'b', 'i', 'd', 'z', 'v', 'V', 'B', '+', '-', '<', '>', 'm', 0x06, 0x02,
        0x04, 0x15, 0x17, 0x4e2d, 0xe9, 0x301, 0x1f600, 'R'};
    static const int functions[] = {KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_HOME, KEY_END,
        KEY_NPAGE, KEY_PPAGE, KEY_BTAB, KEY_DC, KEY_F(1), KEY_F(5), KEY_MOUSE};
    unsigned kind = draw_below(20);
    if (kind == 0)
        return (int)(1 + draw_below(255));
    if (kind < 5)
        return TUI_KEY_FUNCTION + functions[draw_below(sizeof functions / sizeof *functions)];
    return common[draw_below(sizeof common / sizeof *common)];
}

static void random_command(struct tui *tui)
{
    static const char *const commands[] = {"form coin", "form urn", "runs all", "runs coin",
        "run 1", "run 2", "run 6", "figure 1", "figure 1 distance", "figure 4", "experiments",
        "help", "goto 3", "search e", "param throws=5", "param bias=0.1,0.2,2", "expect x",
        "resize 1x1", "set clock=1", "export png /", "open", "nothing", "right",
        "filter state:done", "filter throws<1000 -tag:x", "filter", "filter (", "sort share",
        "sort throws asc", "columns distance,bias", "columns", "label x y", "tag x", "tag -x",
        "note 測定", "mark", "undo", "compare 1 2", "compare 1 2 3 5 6", "by bias", "by", "by x y",
        "take mean", "sort p", "tab rows", "tab params", "tab figures", "tab artifacts",
        "tab script", "write /", "x share", "y bias", "y stream", "by stream", "where bias=0.3",
        "where", "facet bias", "facet n", "facet share", "facet", "next-facet", "xrange 2 50", "xrange", "sql SELECT * FROM run", "sql SELECT", "filter coin", "sort last", "sort family", "fit exp_power", "fit off",
        "source keys.lua", "source", "divider 10", "divider 90", "forget", "forget all",
        "set state=state.json", "set sixel=off", "compose", "param methods=SMOTE,copies", "param x=rows", "param methods=majority", "write"};
    tui_command(tui, commands[draw_below(sizeof commands / sizeof *commands)]);
}

static void random_mouse(struct tui *tui)
{
    enum tui_mouse_kind kind = (enum tui_mouse_kind)(1 + draw_below(5));
    tui_frame_mouse(tui, (struct tui_mouse){kind, (int)draw_below(60), (int)draw_below(160)});
}

static void tell_keys(int number)
{
    char line[64];
    int length =
        snprintf(line, sizeof line, "# signal %d after %ld keys, the last:", number, pressed);
    ssize_t written = write(1, line, (size_t)length);
    for (long i = pressed > REMEMBERED ? pressed - REMEMBERED : 0; i < pressed; i++) {
        length = snprintf(line, sizeof line, " %#x", (unsigned)remembered[i % REMEMBERED]);
        written = write(1, line, (size_t)length);
    }
    written = write(1, "\n", 1);
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

static bool sane(struct tui *tui)
{
    int rows, cols;
    tui_screen_size(&rows, &cols);
    if (rows < TUI_MIN_ROWS || cols < TUI_MIN_COLS)
        return rows < 2 || cols < 18 || tui_screen_shows("terminal too small");
    return !tui->top->list || tui->top->list->cursor < tui->top->list->count ||
           !tui->top->list->count;
}

/* One life of the TUI, until it was quit or has seen `keys` keys. */
static bool live(const struct assay_tui_options *options, long keys)
{
    struct tui *tui;
    bool good = true;
    if (tui_frame_open(options, &tui) != ASSAY_OK) {
        printf("# %s\n", assay_errmsg());
        return false;
    }
    for (long end = pressed + keys; pressed < end && !tui->quit && good; pressed++) {
        int key = remembered[pressed % REMEMBERED] = random_key();
        unsigned chance = draw_below(100);
        if (draw_below(30) == 0)
            random_mouse(tui);
        if (chance == 0)
            tui_screen_resize(1 + (int)draw_below(60), 1 + (int)draw_below(160));
        else if (chance == 1)
            tui_screen_resize(24, 80);
        else if (chance < 6)
            random_command(tui);
        else
            tui_frame_key(tui, key);
        if (!tui->quit && draw_below(3) == 0) { /* else keys come faster than screens */
            tui_frame_look(tui);
            tui_frame_draw(tui);
            good = sane(tui);
        }
    }
    tui_frame_close(tui);
    return good;
}

static int fill(const char *builddir, const char *srcdir)
{
    char command[4096];
    snprintf(command, sizeof command,
        "cp -r '%s/tests/tui/experiments' . && chmod -R u+w . && mkdir out &&"
        "printf '%%s\\n' 'bind(\"j\", \"up\")' 'bind(\"z\", \":sort share\")' 'moose = 1' >keys.lua &&"
        "'%s/tests/tui/driver' fill full.db experiments/inference/coin.lua",
        srcdir, builddir);
    return system(command);
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/assay-random-XXXXXX", command[128];
    const char *builddir = getenv("builddir"), *srcdir = getenv("srcdir");
    unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    long keys = argc > 2 ? atol(argv[2]) : 100000;
    bool good = true;
    state = seed;
    printf("1..1\n");
    if (!mkdtemp(directory) || chdir(directory) != 0)
        return 99;
    setenv("XDG_DATA_HOME", directory, 1);
    setenv("VISUAL", "true", 1); /* e edits: nothing that waits for a keyboard */
    if (!builddir || !srcdir || fill(builddir, srcdir) != 0)
        return 99;
    signal(SIGSEGV, tell_keys);
    signal(SIGABRT, tell_keys);
    signal(SIGALRM, tell_keys);
    signal(SIGPIPE, SIG_IGN);
    alarm((unsigned)(300 + keys / 200)); /* it hangs */
    struct assay_tui_options options = {
        .database = "full.db", .script = "-", .program = "/bin/false"};
    while (good && pressed < keys) {
        options.ascii = draw_below(4) == 0;
        good = live(&options, keys - pressed);
    }
    printf("%sok 1 - %ld random keys, seed %llu\n", good ? "" : "not ", pressed, seed);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command) == 0 && good ? 0 : 1;
}
