/* Exports: every format is what it says, its script makes it again, and failures leave nothing. */
#include "plot/style.h"
#include "rows.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/assay-export-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static size_t files_in(const char *path, bool remove)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char file[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (remove)
            unlink(file);
    }
    closedir(dir);
    return count;
}

static int remove_directory(void **state)
{
    (void)state;
    files_in(directory, true);
    return rmdir(directory);
}

static char *in_directory(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* The whole file with a NUL behind; caller frees. */
static char *content(const char *name, size_t *size)
{
    FILE *file = fopen(in_directory(name), "rb");
    if (!file)
        fail_msg("%s is missing", name);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    assert_int_equal(fread(text, 1, *size, file), *size);
    text[*size] = '\0';
    fclose(file);
    return text;
}

static bool has(const char *name, const char *text)
{
    size_t size;
    char *whole = content(name, &size);
    bool found = memmem(whole, size, text, strlen(text)) != NULL;
    free(whole);
    return found;
}

static double law(size_t s, double x)
{
    return (double)(s + 1) * pow(x, -0.5);
}

static double constant(size_t s, double x)
{
    (void)s;
    return 0 * x + 0.25;
}

static double wave(size_t s, double x)
{
    return sin(x / 1000 + (double)s);
}

static void must_export(
    const assay_figure *figure, const assay_series_set *set, const char *format, const char *name)
{
    if (assay_figure_export(figure, set, format, in_directory(name)))
        fail_msg("%s: %s", format, assay_errmsg());
}

static const char hostile[] =
    "{\"name\": \"h\", \"x\": \"x\", \"xlabel\": \"Long enough to be broken into two lines of the "
    "column\", \"y\": \"y\", \"by\": \"s\", \"logx\": true, \"logy\": true,"
    "\"fit\": \"power\", \"band\": \"ci95\", \"title\": \"50% of a_b & {c} it's #1 \\\\ ^~$\","
    "\"lines\": [{\"y\": 0.5, \"label\": \"half_of 100%\"}]}";

static void every_format_is_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *format, *file, *starts, *holds;
    } formats[] = {
        {"png", "f.png", "\x89PNG\r\n", "IEND"},
        {"svg", "f.svg", "<?xml", "</svg>"},
        {"pdf", "f.pdf", "%PDF-", "/Count 1"},
        {"tex", "f.tex", "% GNUPLOT: LaTeX picture", "\\includegraphics"},
        {"tikz", "f.tikz", "\\begin{tikzpicture}", "\\end{tikzpicture}"},
        {"txt", "f.txt", "", "half_of 100%"},
    };
    assay_figure *figure = figure_of(hostile);
    assay_series_set *set = curves(figure, 3, 20, law);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t size;
        must_export(figure, set, formats[i].format, "f");
        char *whole = content(formats[i].file, &size);
        assert_memory_equal(whole, formats[i].starts, strlen(formats[i].starts));
        if (strcmp(formats[i].format, "pdf") != 0)
            assert_non_null(memmem(whole, size, formats[i].holds, strlen(formats[i].holds)));
        free(whole);
    }
    assert_true(has("f.pdf", "%PDF-"));             /* the picture of f.tex */
    assert_int_equal(files_in(directory, true), 8); /* six, f.gp and f.dat; no working directory */
    assay_series_set_free(set);
    assay_figure_free(figure);
}

/* Page objects of an uncompressed or compressed PDF, by the tool if it is there. */
static void a_pdf_has_one_page(void **state)
{
    (void)state;
    char command[256];
    if (system("command -v pdfinfo >/dev/null 2>&1") != 0)
        skip();
    assay_figure *figure = figure_of(hostile);
    assay_series_set *set = curves(figure, 3, 20, law);
    must_export(figure, set, "pdf", "f");
    snprintf(command, sizeof command, "pdfinfo %s/f.pdf | grep -q '^Pages: *1$'", directory);
    assert_int_equal(system(command), 0);
    files_in(directory, true);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void labels_are_escaped_for_latex(void **state)
{
    (void)state;
    assay_figure *figure = figure_of(hostile);
    assay_series_set *set = curves(figure, 3, 120, law);
    static const char *const formats[] = {"tex", "tikz"};
    for (size_t i = 0; i < 2; i++) {
        char file[16];
        snprintf(file, sizeof file, "f.%s", formats[i]);
        must_export(figure, set, formats[i], "f");
        assert_true(has(file, "50\\% of a\\_b \\& \\{c\\} it's \\#1 \\textbackslash{}"));
        assert_true(has(file, "half\\_of 100\\%"));
        assert_true(has(file, "\\shortstack{Long enough"));
        assert_true(has(file, "$10^{0}$"));
        assert_true(has(file, "x^{-0.5}"));
    }
    files_in(directory, true);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void the_script_makes_the_file_again(void **state)
{
    (void)state;
    static const char *const formats[] = {"png", "svg", "tikz"};
    assay_figure *figure = figure_of(hostile);
    assay_series_set *set = curves(figure, 3, 20, law);
    for (size_t i = 0; i < 3; i++) {
        char file[32], command[256];
        size_t before, after;
        snprintf(file, sizeof file, "it's a.%s", formats[i]);
        must_export(figure, set, formats[i], "it's a");
        char *first = content(file, &before);
        unlink(in_directory(file));
        snprintf(command, sizeof command, "cd %s && gnuplot \"it's a.gp\"", directory);
        assert_int_equal(system(command), 0);
        char *again = content(file, &after);
        assert_int_equal(before, after);
        free(first);
        free(again);
    }
    assert_true(has("it's a.gp", "law0(x)"));
    files_in(directory, true);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void data_are_documented_and_whole(void **state)
{
    (void)state;
    assay_figure *figure = figure_of(
        "{\"name\": \"d\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\", \"band\": \"minmax\"}");
    assay_table *rows = rows_of("replicate s x y\n0 a 1 0.1\n1 a 1 0.3\n0 b 2 5\n0 b nan 5\n");
    assay_series_set *set = series_of(figure, rows);
    must_export(figure, set, "svg", "d");
    assert_true(has("d.dat", "left out: 1\n"));
    assert_true(has("d.dat", "# series 0: a\n# x y low high units\n1.0 0.2 0.1 0.3 2\n"));
    assert_true(has("d.dat", "\n\n# series 1: b\n# x y low high units\n2.0 5.0 5.0 5.0 1\n"));
    files_in(directory, true);
    assay_series_set_free(set);
    assay_table_free(rows);
    assay_figure_free(figure);
}

/* The place of a text in an SVG from above, in pixels; it is the first that holds it. */
static double height_of(const char *svg, const char *text)
{
    const char *at = strstr(svg, text), *start = NULL;
    double x, y = NAN;
    if (!at)
        fail_msg("%s is not in the picture", text);
    for (const char *c = svg; (c = strstr(c, "<g transform=\"translate(")) && c < at; c++)
        start = c;
    assert_non_null(start);
    assert_int_equal(sscanf(start, "<g transform=\"translate(%lf,%lf)", &x, &y), 2);
    return y;
}

/* An x label of three lines, its last word "end", is above the key; all of it in the picture. */
static void the_key_is_below_the_whole_label(void **state)
{
    (void)state;
    static const char *const more[] = {"", ", \"facet\": \"t\""};
    for (size_t i = 0; i < 2; i++) {
        char json[512];
        size_t size, rows = 0, used = 0;
        double wide, high;
        char rows_text[2048] = "replicate s t x y\n";
        for (used = strlen(rows_text); rows < 22; rows++)
            used += (size_t)snprintf(rows_text + used, sizeof rows_text - used,
                "1 key%zu %zu %zu %zu\n", rows / 2, rows / 2 % 2, rows % 2, rows);
        snprintf(json, sizeof json,
            "{\"name\": \"k\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\", \"key\": \"below\", "
            "\"xlabel\": \"first of the words that name what has been measured here, in so many of "
            "them that two lines of a column do not hold them up to the end\"%s}",
            more[i]);
        assay_figure *figure = figure_of(json);
        assay_table *of = rows_of(rows_text);
        assay_series_set *set = series_of(figure, of);
        must_export(figure, set, "svg", "k");
        char *svg = content("k.svg", &size);
        assert_non_null(strstr(svg, "viewBox"));
        assert_int_equal(
            sscanf(strstr(svg, "viewBox"), "viewBox=\"0 0 %lf %lf\"", &wide, &high), 2);
        const double top = height_of(svg, " >first of"), end = height_of(svg, " >end<");
        assert_true(end - top > 15);
        assert_true(height_of(svg, " >key0<") > end + 6);
        assert_true(height_of(svg, " >key10<") < high - 1);
        free(svg);
        files_in(directory, true);
        assay_series_set_free(set);
        assay_table_free(of);
        assay_figure_free(figure);
    }
}

static void expect_different(const char *what, size_t n, bool (*same)(size_t, size_t))
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (same(i, j))
                fail_msg("series %zu and %zu have the same %s", j, i, what);
}

static bool same_colour(size_t i, size_t j)
{
    return strcmp(assay_style_rgb(i), assay_style_rgb(j)) == 0;
}

static bool same_number(size_t i, size_t j)
{
    return assay_plot_color256(i) == assay_plot_color256(j);
}

static bool same_marker(size_t i, size_t j)
{
    return assay_style_marker(i) == assay_style_marker(j);
}

static bool same_character(size_t i, size_t j)
{
    return assay_style_glyph(i) == assay_style_glyph(j) ||
           assay_style_letter(i) == assay_style_letter(j);
}

static bool same_points(size_t i, size_t j)
{
    return same_colour(i, j) && same_marker(i, j);
}

static bool same_characters(size_t i, size_t j)
{
    return same_number(i, j) && same_character(i, j);
}

static bool same_lines(size_t i, size_t j)
{
    return same_colour(i, j) && strcmp(assay_style_dash(i), assay_style_dash(j)) == 0;
}

static void series_are_told_apart(void **state)
{
    (void)state;
    expect_different("colour", 12, same_colour);
    expect_different("colour of the terminal", 12, same_number);
    expect_different("marker", 12, same_marker);
    expect_different("character", 12, same_character);
    expect_different("colour and marker", 144, same_points);
    expect_different("colour and character", 144, same_characters);
    expect_different("colour and dash", 72, same_lines);
}

/* A figure with facets, some series of which are empty, in every format; and its script again. */
static void facets_export(void **state)
{
    (void)state;
    static const char *const formats[] = {"png", "svg", "pdf", "tex", "tikz", "txt"};
    static const char *const axes[] = {"", ", \"logx\": true, \"logy\": true"};
    assay_table *rows = rows_of("replicate s t x y\n1 a 1 1 1\n1 a 1 2 0.5\n2 a 1 1 3\n1 b 1 1 2\n"
                                "1 b 2 1 2\n1 b 2 2 3\n1 b 2 4 2\n1 b 3 2 9\n1 a_% 4 1 1\n"
                                "1 a 5 3 3\n1 a 6 3 3\n1 a 7 3 3\n");
    for (size_t i = 0; i < 6 * 2; i++) {
        char json[512], name[32];
        snprintf(json, sizeof json,
            "{\"name\": \"d\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\", \"facet\": \"t\", "
            "\"title\": \"Seven\", \"band\": \"sd\", \"fit\": \"power\", \"lines\": [{\"y\": 1, "
            "\"label\": \"one\"}]%s}",
            axes[i / 6]);
        assay_figure *figure = figure_of(json);
        assay_series_set *set = series_of(figure, rows);
        assert_int_equal(set->facet_count, 7);
        snprintf(name, sizeof name, "d.%s", formats[i % 6]);
        must_export(figure, set, formats[i % 6], "d");
        size_t size, blocks = 0;
        char *whole = content(name, &size);
        assert_true(size > 500);
        free(whole);
        whole = content("d.dat", &size);
        for (char *at = whole; (at = strstr(at, "# series ")); at++)
            blocks++;
        assert_int_equal(blocks, 8); /* those with points */
        assert_non_null(strstr(whole, "\n\n# series 2: t = 2: b\n"));
        free(whole);
        if (i % 6 < 5) {
            assert_true(has("d.gp", "set multiplot\n"));
            assert_true(has("d.gp", "data index 7 using 1:2"));
            assert_false(has("d.gp", "data index 8"));
            assert_true(has("d.gp", "law2(x)")); /* of the one series that has three points */
        }
        files_in(directory, true);
        assay_series_set_free(set);
        assay_figure_free(figure);
    }
    assay_table_free(rows);
}

static void odd_figures_export(void **state)
{
    (void)state;
    static const struct {
        size_t series, points;
        double (*f)(size_t, double);
        const char *more;
    } cases[] = {
        {30, 5, law, ""},
        {1, 1, law, ""},
        {2, 1, constant, ", \"logy\": true, \"logx\": true"},
        {1, 8, constant, ""},
        {1, 100000, wave, ", \"style\": \"lines\""},
        {1, 3, law, ", \"yrange\": [100, 200]"},
        {2, 6, law, ", \"style\": \"points\", \"key\": \"off\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[256];
        snprintf(json, sizeof json,
            "{\"name\": \"odd\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\"%s}", cases[i].more);
        assay_figure *figure = figure_of(json);
        assay_series_set *set = curves(figure, cases[i].series, cases[i].points, cases[i].f);
        must_export(figure, set, "svg", "odd");
        assert_true(has("odd.svg", "</svg>"));
        assay_series_set_free(set);
        assay_figure_free(figure);
    }
    files_in(directory, true);
}

/* A key below the plot has as many columns as its labels leave room for. */
static void wide_labels_have_fewer_columns(void **state)
{
    (void)state;
    static const struct {
        const char *label, *rows;
    } cases[] = {{"DPM++ 2", "maxrows 4"}, {"ill", "maxrows 3"}, {"proportion", "maxrows 6"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_figure *figure = figure_of(
            "{\"name\": \"k\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\", \"key\": \"below\"}");
        assay_table *rows = assay_table_new();
        size_t s, x, y;
        assert_int_equal(assay_table_column(rows, "s", &s), ASSAY_OK);
        assert_int_equal(assay_table_column(rows, "x", &x), ASSAY_OK);
        assert_int_equal(assay_table_column(rows, "y", &y), ASSAY_OK);
        for (int n = 0; n < 22; n++) {
            char label[32];
            snprintf(label, sizeof label, "%s%c", cases[i].label, 'a' + n / 2);
            assert_int_equal(assay_table_append(rows), ASSAY_OK);
            assert_int_equal(assay_table_set_text(rows, s, label), ASSAY_OK);
            assert_int_equal(assay_table_set_number(rows, x, n % 2), ASSAY_OK);
            assert_int_equal(assay_table_set_number(rows, y, n), ASSAY_OK);
        }
        assay_series_set *set;
        assert_int_equal(assay_figure_series(figure, rows, &set), ASSAY_OK);
        must_export(figure, set, "svg", "k");
        assert_true(has("k.gp", cases[i].rows));
        assay_series_set_free(set);
        assay_table_free(rows);
        assay_figure_free(figure);
    }
    files_in(directory, true);
}

static void refuse(
    const char *format, const char *base, size_t series, int status, const char *message)
{
    assay_figure *figure =
        figure_of("{\"name\": \"r\", \"x\": \"x\", \"y\": \"y\", \"by\": \"s\"}");
    assay_series_set *set = curves(figure, series, 3, law);
    assert_int_equal(assay_figure_export(figure, set, format, base), status);
    if (!strstr(assay_errmsg(), message))
        fail_msg("\"%s\" does not say \"%s\"", assay_errmsg(), message);
    assay_series_set_free(set);
    assay_figure_free(figure);
}

static void failures_say_why_and_leave_nothing(void **state)
{
    (void)state;
    refuse("png", in_directory("none"), 0, ASSAY_EINVAL, "figure \"r\" has no data yet");
    refuse("jpg", in_directory("f"), 1, ASSAY_EINVAL, "figures have no format \"jpg\"");
    refuse(
        "png", "/nonexistent/f", 1, ASSAY_EIO, "can't write into the directory \"/nonexistent\"");
    refuse("png", in_directory(""), 1, ASSAY_EINVAL, "is a directory");
    setenv("ASSAY_GNUPLOT", "/nonexistent", 1);
    refuse("png", in_directory("f"), 1, ASSAY_ENOTFOUND, "apt-get install gnuplot-nox");
    refuse("txt", in_directory("f"), 1, ASSAY_ENOTFOUND, "apt-get install gnuplot-nox");
    setenv("ASSAY_GNUPLOT", "/bin/false", 1);
    refuse("png", in_directory("f"), 1, ASSAY_EIO, "gnuplot failed");
    setenv("ASSAY_GNUPLOT", "/bin/true", 1);
    refuse("png", in_directory("f"), 1, ASSAY_EIO, "gnuplot made no ");
    unsetenv("ASSAY_GNUPLOT");
    assert_int_equal(files_in(directory, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_what_it_says),
        cmocka_unit_test(a_pdf_has_one_page),
        cmocka_unit_test(labels_are_escaped_for_latex),
        cmocka_unit_test(the_script_makes_the_file_again),
        cmocka_unit_test(data_are_documented_and_whole),
        cmocka_unit_test(facets_export),
        cmocka_unit_test(the_key_is_below_the_whole_label),
        cmocka_unit_test(series_are_told_apart),
        cmocka_unit_test(odd_figures_export),
        cmocka_unit_test(wide_labels_have_fewer_columns),
        cmocka_unit_test(failures_say_why_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
