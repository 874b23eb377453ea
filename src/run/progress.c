/* How far a run is, in one line. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run/coordinator.h"

enum { BAR_MIN = 8, BAR_MAX = 40 };

/* "0:42", "12:07", "3:04:05" */
static void put_duration(char *out, size_t size, double seconds)
{
    long long s = llround(fmin(fmax(seconds, 0), 1e9));
    if (s < 3600)
        snprintf(out, size, "%lld:%02lld", s / 60, s % 60);
    else
        snprintf(out, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

/* "7.5", "203", "1.2e4" */
static void put_rate(char *out, size_t size, double rate)
{
    if (rate < 1000) {
        snprintf(out, size, "%.*f", rate < 9.95 ? 1 : 0, rate);
        return;
    }
    int exponent = (int)floor(log10(rate));
    double mantissa = rate / pow(10, exponent);
    if (mantissa >= 9.95) {
        mantissa = 1;
        exponent++;
    }
    snprintf(out, size, "%.1fe%d", mantissa, exponent);
}

/* What follows the bar. */
static void put_words(const assay_progress_line *line, char *out, size_t size)
{
    char number[32], duration[32], rate[48] = "", failed[40] = "", time[48] = "";
    put_rate(number, sizeof number, line->rate);
    if (line->rate >= 0)
        snprintf(rate, sizeof rate, "  %s rows/s", number);
    if (line->failed)
        snprintf(failed, sizeof failed, "  %lld failed", (long long)line->failed);
    double seconds = line->took >= 0 ? line->took : line->eta;
    put_duration(duration, sizeof duration, seconds);
    if (seconds >= 0)
        snprintf(time, sizeof time, "  %s %s", line->took >= 0 ? "took" : "ETA", duration);
    snprintf(out, size, "%lld/%lld cells%s%s%s", (long long)(line->done + line->failed),
        (long long)line->cells, failed, rate, time);
}

void assay_progress_format(const assay_progress_line *line, int width, char *out, size_t size)
{
    char words[192], bar[BAR_MAX + 4] = "";
    put_words(line, words, sizeof words);
    int room = width - (int)strlen(words) - 3;
    if (room >= BAR_MIN) {
        int length = room > BAR_MAX ? BAR_MAX : room;
        double fraction = line->cells > 0 ? line->finished / (double)line->cells : 0;
        int full = (int)(fmin(fmax(fraction, 0), 1) * length);
        bar[0] = '[';
        memset(bar + 1, '#', (size_t)full);
        memset(bar + 1 + full, '-', (size_t)(length - full));
        memcpy(bar + 1 + length, "] ", 3);
    }
    snprintf(out, size, "%s%s", bar, words);
    if (width >= 0 && (size_t)width < strlen(out))
        out[width] = '\0';
}

void assay_run_progress_text(const assay_run_info *info, int width, char *out, size_t size)
{
    int64_t ended = info->cells_done + info->cells_failed;
    bool running = info->state == ASSAY_RUN_RUNNING;
    assay_progress_line line = {
        .finished = (double)ended,
        .done = info->cells_done,
        .failed = info->cells_failed,
        .cells = info->cells,
        .rate = info->elapsed > 0 ? (double)info->rows / info->elapsed : -1,
        .eta = running && ended > 0 ? info->elapsed * (double)(info->cells - ended) / (double)ended
                                    : -1,
        .took = !running && info->elapsed > 0 ? info->elapsed : -1,
    };
    assay_progress_format(&line, width, out, size);
}
