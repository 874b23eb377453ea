/*
 * The TUI on terminals that are made here: one that shows sixels, one that does not, one that is
 * silent when it is asked, and one whose keys and sizes are random. What it sends is looked at as a
 * terminal would: pictures are decoded to pixels, and its settings have to be as before when it has
 * left.
 */
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int count;

static void ok(bool good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, name);
    fflush(stdout);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- a terminal ---- */

enum { MOST = 1 << 24 };

static struct {
    int fd, other;
    pid_t pid;
    char *heard; /* since `forget` */
    size_t size;
    const char *answers[2]; /* to "what are you?", NULL: none */
    bool asked, ended;
    int status;
    struct termios before;
} term;

static struct winsize window(int rows, int cols)
{
    return (struct winsize){(unsigned short)rows, (unsigned short)cols, (unsigned short)(10 * cols),
        (unsigned short)(20 * rows)};
}

static void start(const char *first, const char *second)
{
    const char *builddir = getenv("builddir");
    char driver[4096];
    struct winsize size = window(24, 80);
    snprintf(driver, sizeof driver, "%s/tests/tui/driver", builddir);
    term.answers[0] = first;
    term.answers[1] = second;
    term.asked = term.ended = false;
    term.size = 0;
    if (openpty(&term.fd, &term.other, NULL, NULL, &size) != 0)
        exit(99);
    tcgetattr(term.other, &term.before);
    term.pid = fork();
    if (term.pid == 0) {
        setsid();
        ioctl(term.other, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++)
            dup2(term.other, i);
        close(term.fd);
        close(term.other);
        execl(driver, driver, "tui", "full.db", (char *)NULL);
        _exit(127);
    }
    fcntl(term.fd, F_SETFL, O_NONBLOCK);
}

static void type(const char *text)
{
    for (size_t left = strlen(text); left;) {
        ssize_t n = write(term.fd, text, left);
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        } else {
            poll(&(struct pollfd){.fd = term.fd, .events = POLLOUT}, 1, 100);
        }
    }
}

static void answer(void)
{
    static const char question[] = "\033[c";
    if (term.asked || !memmem(term.heard, term.size, question, 3))
        return;
    term.asked = true;
    for (int i = 0; i < 2 && term.answers[i]; i++) {
        type(term.answers[i]);
        usleep(10000);
    }
}

static bool listen_once(void)
{
    ssize_t n = read(term.fd, term.heard + term.size, MOST - term.size);
    if (n > 0)
        term.size += (size_t)n;
    return n > 0;
}

static void hear(double seconds)
{
    double end = now() + seconds;
    for (double left; !term.ended && (left = end - now()) > 0;) {
        if (poll(&(struct pollfd){.fd = term.fd, .events = POLLIN}, 1, (int)(1e3 * left) + 1) <= 0)
            continue;
        listen_once();
        answer();
        if (waitpid(term.pid, &term.status, WNOHANG) == term.pid)
            term.ended = true;
        return;
    }
    if (!term.ended && waitpid(term.pid, &term.status, WNOHANG) == term.pid)
        term.ended = true;
}

static void forget(void)
{
    term.size = 0;
}

static bool heard(const char *text)
{
    return memmem(term.heard, term.size, text, strlen(text)) != NULL;
}

static bool hears(const char *text)
{
    for (double end = now() + 60; now() < end && !term.ended && !heard(text);)
        hear(0.5);
    return heard(text);
}

/* Nothing for a while. */
static void settle(void)
{
    for (size_t before = (size_t)-1; before != term.size;) {
        before = term.size;
        hear(0.6);
    }
}

/* Has it ended well, and is the terminal as it was? */
static bool has_left(void)
{
    struct termios after;
    for (double end = now() + 20; now() < end && !term.ended;)
        hear(0.2);
    while (listen_once()) /* its last words may have come after the last look */
        ;
    tcgetattr(term.other, &after);
    bool good = term.ended && WIFEXITED(term.status) && WEXITSTATUS(term.status) == 0 &&
                after.c_lflag == term.before.c_lflag && after.c_iflag == term.before.c_iflag &&
                after.c_oflag == term.before.c_oflag && heard("\033[?1049l") && heard("1000l");
    if (!term.ended) {
        kill(term.pid, SIGKILL);
        waitpid(term.pid, &term.status, 0);
    }
    if (!good)
        printf("# ended %d, status %#x, flags %#x %#x, screen %d, mouse %d\n", term.ended,
            (unsigned)term.status, after.c_lflag ^ term.before.c_lflag,
            after.c_iflag ^ term.before.c_iflag, heard("\033[?1049l"), heard("1000l"));
    close(term.fd);
    close(term.other);
    return good;
}

/* ---- pictures ---- */

struct picture {
    int width, height; /* as it says of itself */
    int right, below;  /* beyond the last pixel that was drawn */
    unsigned char *rgb;
};

/* The last whole one that was heard. */
static bool decode(struct picture *out)
{
    char *begin = NULL, *at = term.heard, *end = term.heard + term.size, *stop;
    unsigned char colours[256][3];
    int x = 0, y = 0, colour = 0;
    *out = (struct picture){0};
    while ((at = memmem(at, (size_t)(end - at), "\033P", 2)) != NULL &&
           (stop = memmem(at, (size_t)(end - at), "\033\\", 2)) != NULL) {
        begin = at;
        at = stop;
    }
    if (!begin || !(begin = memchr(begin, '"', 64)) ||
        sscanf(begin, "\"1;1;%d;%d", &out->width, &out->height) != 2)
        return false;
    begin += strcspn(begin, "#");
    out->rgb = calloc((size_t)(out->width * (out->height + 6)), 3);
    for (int repeat = 1; *begin != '\033'; repeat = 1) {
        int a, b, c, n, used = 0;
        if (sscanf(begin, "#%d;2;%d;%d;%d%n", &n, &a, &b, &c, &used) == 4 && used) {
            colours[n][0] = (unsigned char)(a * 255 / 100);
            colours[n][1] = (unsigned char)(b * 255 / 100);
            colours[n][2] = (unsigned char)(c * 255 / 100);
            begin += used;
            continue;
        }
        if (*begin == '#') {
            colour = (int)strtol(begin + 1, &begin, 10);
            continue;
        }
        if (*begin == '!')
            repeat = (int)strtol(begin + 1, &begin, 10);
        if (*begin == '$' || *begin == '-') {
            x = 0;
            y += *begin++ == '-' ? 6 : 0;
            continue;
        }
        int bits = *begin++ - '?';
        if (bits < 0 || bits > 63 || x + repeat > out->width)
            return false;
        for (int i = 0; i < repeat; i++, x++)
            for (int bit = 0; bit < 6; bit++)
                if (bits & 1 << bit) {
                    memcpy(&out->rgb[3 * ((y + bit) * out->width + x)], colours[colour], 3);
                    out->right = x + 1 > out->right ? x + 1 : out->right;
                    out->below = y + bit + 1 > out->below ? y + bit + 1 : out->below;
                }
    }
    return true;
}

static bool is_size(const struct picture *picture, int width, int height)
{
    bool good = picture->width == width && picture->height == height && picture->right == width &&
                picture->below == height;
    if (!good)
        printf("# %d x %d, drawn %d x %d\n", picture->width, picture->height, picture->right,
            picture->below);
    return good;
}

static bool is_colour(const struct picture *picture, int x, int y, int r, int g, int b)
{
    const unsigned char *at = &picture->rgb[3 * (y * picture->width + x)];
    return abs(at[0] - r) < 8 && abs(at[1] - g) < 8 && abs(at[2] - b) < 8;
}

static int count_colour(const struct picture *picture, int r, int g, int b)
{
    int n = 0;
    for (int i = 0; i < picture->width * picture->height; i++)
        n += is_colour(picture, i % picture->width, i / picture->width, r, g, b);
    return n;
}

static bool hears_picture(struct picture *out)
{
    free(out->rgb);
    *out = (struct picture){0};
    for (double end = now() + 60; now() < end && !term.ended && !heard("\033\\");)
        hear(0.5);
    settle();
    return decode(out);
}

/* ---- the tests ---- */

static const char clear[] = "\033[H\033[2J", half[] = "\xe2\x96\x80";

static void open_colours(void)
{
    hears("?:help");
    type(":run 1\r");
    hears("run 1");
    type(":tab artifacts\r");
    hears("[artifacts");
    type("/colours\r");
    settle();
    forget();
    type("\r");
}

static void sixels(void)
{
    struct picture picture = {0};
    start("\033[?62;", "4;22c");
    open_colours();
    bool sent = hears_picture(&picture);
    ok(sent && is_size(&picture, 600, 400), "an image in pixels, as large as fits");
    ok(sent && is_colour(&picture, 100, 50, 255, 0, 0) && is_colour(&picture, 300, 50, 0, 255, 0) &&
            is_colour(&picture, 500, 50, 0, 0, 255),
        "red, green and blue are where they are");
    ok(sent && is_colour(&picture, 12, 390, 0, 0, 0) &&
            is_colour(&picture, 590, 390, 253, 253, 253),
        "above a ramp of greys");
    forget();
    type("j");
    settle();
    ok(!heard("\033P") && !heard(clear), "a key that changes nothing does not send it again");
    type("?");
    settle();
    ok(heard(clear) && !heard("\033P"), "pixels are cleared for another view");
    forget();
    type("q");
    ok(hears_picture(&picture) && is_size(&picture, 600, 400), "and sent again when it is back");
    forget();
    type("I");
    settle();
    ok(heard(clear) && heard(half) && !heard("\033P"), "turned off, it is drawn in characters");
    forget();
    type(":set sixel=on\r");
    ok(hears_picture(&picture) && is_size(&picture, 600, 400), "and on");
    forget();
    type("\014");
    ok(hears_picture(&picture) && heard(clear), "a screen that is drawn anew has it, too");
    struct winsize size = window(40, 120);
    forget();
    ioctl(term.fd, TIOCSWINSZ, &size);
    kill(term.pid, SIGWINCH);
    for (double end = now() + 60; now() < end && !(hears_picture(&picture) && picture.width > 600);)
        hear(0.2);
    ok(is_size(&picture, 1080, 720), "a larger terminal gets a larger one");
    forget();
    type(":figure 1\r");
    ok(hears_picture(&picture) && is_size(&picture, 1200, 740),
        "a figure in pixels fills its place");
    ok(picture.rgb && count_colour(&picture, 255, 255, 255) > 400000 &&
            count_colour(&picture, 0x00, 0x72, 0xb2) > 500 &&
            count_colour(&picture, 0xd5, 0x5e, 0x00) > 500,
        "with its curves in their colours");
    forget();
    type(".");
    settle();
    ok(heard(clear) && heard("\xe2\xa0") && !heard("\033P"), "the cursor reads it in characters");
    forget();
    type(".+");
    ok(hears_picture(&picture) && is_size(&picture, 1200, 740),
        "zoomed, it is drawn in pixels again");
    forget();
    type("Q");
    ok(has_left(), "and the terminal is given back");
    free(picture.rgb);
}

static void no_sixels(void)
{
    start("\033[?1;2c", NULL);
    open_colours();
    settle();
    ok(heard(half) && !heard("\033P"), "a terminal without sixels gets characters");
    type("I");
    ok(hears("does not say that it shows pixels"), "and is told of");
    type("Q");
    ok(has_left(), "given back");
    start(NULL, NULL);
    hears("?:help");
    double began = now();
    type("Q");
    ok(has_left() && now() - began < 10, "one that does not answer is not waited for");
}

/* ---- random keys ---- */

static unsigned long long state = 1;

static unsigned draw_below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % n;
}

/* No key that starts a run or leaves the terminal to another. */
static void press_random(void)
{
    static const char *const keys[] = {"\033[A", "\033[B", "\033OC", "\033OD", "\033[5~", "\033[6~",
        "\033[H", "\033[F", "\r", "\t", "\033", "\177", " ", "\014", "\025", "\004", "\006", "測",
        ":figure 1\r", ":run 1\r", ":form coin\r", ":compare 1 2\r", ":sql SELECT 1\r",
        ":facet bias\r", "\033[<0;20;5M", "\033[<0;20;5m", "\033[<32;30;9M", "\033[<64;20;9M",
        "\033[<65;9;20M"};
    static const char letters[] =
        "jjkkhhllqqqrEf?nNGgxcyJK:/01,.AFoO*LtaDuU C;M[]wXYbidzvVBHI+-<>mpW";
    char one[2] = {letters[draw_below(sizeof letters - 1)], '\0'};
    if (draw_below(3) == 0)
        type(keys[draw_below(sizeof keys / sizeof *keys)]);
    else
        type(one);
    if (draw_below(60) == 0) {
        struct winsize size = window(5 + (int)draw_below(45), 20 + (int)draw_below(120));
        ioctl(term.fd, TIOCSWINSZ, &size);
        kill(term.pid, SIGWINCH);
    }
}

static void random_keys(int keys)
{
    bool good = true;
    int lives = 0;
    for (int pressed = 0; pressed < keys && good; lives++) {
        start("\033[?62;4c", NULL);
        hears("?:help");
        for (; pressed < keys && !term.ended; pressed++) {
            press_random();
            if (term.size > MOST / 2) /* what it says when it leaves is looked for */
                forget();
            hear(0.002);
        }
        for (int i = 0; i < 50 && !term.ended; i++) { /* out of questions, fields and prompts */
            type(i % 2 ? "\033" : "n");
            hear(0.1);
            type("\033");
            hear(0.1);
            type("Q");
            hear(0.2);
        }
        good = has_left();
    }
    char name[128];
    snprintf(name, sizeof name, "%d random keys in %d lives, and the terminal is given back", keys,
        lives);
    ok(good, name);
}

static int fill(void)
{
    char command[4096];
    snprintf(command, sizeof command,
        "cp -r '%s/tests/tui/experiments' . && chmod -R u+w . &&"
        "'%s/tests/tui/driver' fill full.db experiments/inference/coin.lua",
        getenv("srcdir"), getenv("builddir"));
    return system(command);
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/assay-pty-XXXXXX", command[128];
    signal(SIGPIPE, SIG_IGN);
    term.heard = malloc(MOST);
    if (!getenv("builddir") || !getenv("srcdir") || !term.heard || !mkdtemp(directory) ||
        chdir(directory) != 0)
        return 99;
    unsetenv("NO_COLOR");
    unsetenv("LINES");
    unsetenv("COLUMNS");
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("VISUAL", "true", 1);
    setenv("HOME", directory, 1);
    setenv("XDG_DATA_HOME", directory, 1);
    setenv("XDG_CONFIG_HOME", directory, 1);
    setenv("XDG_STATE_HOME", directory, 1);
    if (fill() != 0)
        return 99;
    sixels();
    no_sixels();
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    random_keys(argc > 2 ? atoi(argv[2]) : 3000);
    printf("1..%d\n", count);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command) == 0 ? 0 : 1;
}
