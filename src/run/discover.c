/*
 * Experiment files, where they are looked for, and how one is found by what a user types.
 *
 * Files are loaded in the bare environment of a listing; one that does not load is listed with its
 * error, so that a slip in a script does not make it vanish.
 */
#include "run/run.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"
#include "core/suggest.h"

enum { DEPTH = 8 }; /* of directories below a root */

typedef struct place {
    dev_t device;
    ino_t inode;
    const struct place *above;
    int depth;
} place;

void assay_found_list_free(assay_found_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].name);
        free(list->items[i].family);
        free(list->items[i].describe);
        free(list->items[i].error);
    }
    free(list->items);
    *list = (assay_found_list){0};
}

static bool is_script(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".lua") == 0;
}

/* "experiments/inference/monkeys.lua" -> "monkeys"; the caller frees. */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    return strndup(base, is_script(base) ? strlen(base) - 4 : strlen(base));
}

/* "experiments/inference/monkeys.lua" -> "inference"; the caller frees. */
static char *directory_name(const char *path)
{
    const char *end = strrchr(path, '/');
    const char *begin = end;
    while (begin && begin > path && begin[-1] != '/')
        begin--;
    return begin ? strndup(begin, (size_t)(end - begin)) : strdup("");
}

static void describe_file(assay_found *found)
{
    assay_experiment *experiment = NULL;
    const char *describe = NULL;
    int status = assay_experiment_open(found->path, NULL, ASSAY_LOAD_LIST, &experiment);
    if (!status)
        describe = assay_experiment_describe(experiment);
    if (describe) {
        found->name = strdup(assay_experiment_name(experiment));
        found->describe = strdup(describe);
    } else {
        found->name = stem(found->path);
        found->error = strdup(assay_errmsg());
    }
    assay_experiment_close(experiment);
}

static bool has_name(const assay_found_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}

static int add_file(assay_found_list *list, const char *path)
{
    assay_found found = {.path = strdup(path), .family = directory_name(path)};
    if (found.path)
        describe_file(&found);
    assay_found_list one = {malloc(sizeof found), 1};
    if (!one.items || !found.family || !found.name || (!found.describe && !found.error)) {
        free(one.items);
        return assay_fail(ASSAY_ENOMEM, "not enough memory to list %s", path);
    }
    *one.items = found;
    assay_found *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items)
        list->items = items;
    if (!items || has_name(list, found.name)) {
        assay_found_list_free(&one);
        return items ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory to list %s", path);
    }
    list->items[list->count++] = found;
    free(one.items);
    return ASSAY_OK;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int walk(assay_found_list *list, const char *directory, const place *above);

/* A link to a directory above itself is not followed. */
static int descend(
    assay_found_list *list, const char *directory, const struct stat *file, const place *above)
{
    place here = {file->st_dev, file->st_ino, above, above ? above->depth + 1 : 0};
    for (; above; above = above->above)
        if (above->device == here.device && above->inode == here.inode)
            return ASSAY_OK;
    return here.depth > DEPTH ? ASSAY_OK : walk(list, directory, &here);
}

/* Regular files and directories in the order of their names; what can't be read is passed over. */
static int walk(assay_found_list *list, const char *directory, const place *above)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, visible, alphasort);
    int status = ASSAY_OK;
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        struct stat file;
        if (status || asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
            path = NULL;
        else if (stat(path, &file) == 0 && S_ISDIR(file.st_mode))
            status = descend(list, path, &file, above);
        else if (is_script(path) && S_ISREG(file.st_mode))
            status = add_file(list, path);
        free(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return status;
}

static int walk_root(assay_found_list *list, const char *directory)
{
    struct stat file;
    return stat(directory, &file) == 0 ? descend(list, directory, &file, NULL) : ASSAY_OK;
}

char *assay_run_user_directory(void)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n = -1;
    if (data && data[0] == '/')
        n = asprintf(&path, "%s/assay/experiments", data);
    else if (home && home[0])
        n = asprintf(&path, "%s/.local/share/assay/experiments", home);
    return n < 0 ? NULL : path;
}

static int by_family_and_name(const void *a, const void *b)
{
    const assay_found *x = a, *y = b;
    int order = strcmp(x->family, y->family);
    return order ? order : strcmp(x->name, y->name);
}

int assay_run_discover(assay_found_list *out)
{
    *out = (assay_found_list){0};
    char *user = assay_run_user_directory();
    int status = walk_root(out, "experiments");
    if (!status && user)
        status = walk_root(out, user);
    if (!status)
        status = walk_root(out, ASSAY_DATADIR "/experiments");
    free(user);
    if (status)
        assay_found_list_free(out);
    else if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_family_and_name);
    return status;
}

/* ---- by what a user types ---- */

static bool has_method(const assay_found *found, const char *slug)
{
    json_t *declaration = found->describe ? json_loads(found->describe, 0, NULL) : NULL;
    json_t *method;
    size_t i;
    bool has = false;
    json_array_foreach(json_object_get(declaration, "method"), i, method)
    {
        const char *name = json_string_value(method);
        has = has || (name && strcmp(name, slug) == 0);
    }
    json_decref(declaration);
    return has;
}

static bool has_stem(const assay_found *found, const char *text)
{
    char *base = stem(found->path);
    bool has = base && strcmp(base, text) == 0;
    free(base);
    return has;
}

static bool has_exact_name(const assay_found *found, const char *text)
{
    return strcmp(found->name, text) == 0;
}

static const assay_found *find(const assay_found_list *list, const char *text)
{
    static bool (*const ways[])(const assay_found *, const char *) = {
        has_exact_name, has_stem, has_method};
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
        for (size_t i = 0; i < list->count; i++)
            if (ways[way](&list->items[i], text))
                return &list->items[i];
    return NULL;
}

static int fail_unknown(const assay_found_list *list, const char *text)
{
    const char **names = calloc(list->count + 1, sizeof *names);
    char hint[512] = "";
    for (size_t i = 0; names && i < list->count; i++)
        names[i] = list->items[i].name;
    if (names)
        assay_suggest(text, names, list->count, hint, sizeof hint);
    free(names);
    return assay_fail(ASSAY_ENOTFOUND, "there is no experiment \"%s\"%s%s", text, hint,
        list->count ? "" : ": none was found in ./experiments or where assay is installed");
}

int assay_run_locate(const char *text, char **path)
{
    struct stat file;
    assay_found_list list;
    *path = NULL;
    bool is_file = stat(text, &file) == 0 && !S_ISDIR(file.st_mode);
    if (!is_file && (strchr(text, '/') || is_script(text)))
        return assay_fail(ASSAY_ENOTFOUND, "there is no file %s", text);
    if (is_file) {
        *path = strdup(text);
        return *path ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "not enough memory for a path");
    }
    int status = assay_run_discover(&list);
    if (status)
        return status;
    const assay_found *found = find(&list, text);
    if (!found)
        status = fail_unknown(&list, text);
    else if (!(*path = strdup(found->path)))
        status = assay_fail(ASSAY_ENOMEM, "not enough memory for a path");
    assay_found_list_free(&list);
    return status;
}
