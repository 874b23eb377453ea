/* Completion of a word; see words.h. */
#include "tui/words.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void tui_words_add(struct tui_words *words, const char *name)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->names[i], name) == 0)
            return;
    char **names = realloc(words->names, (words->count + 2) * sizeof *names);
    char *copy = strdup(name);
    if (names)
        words->names = names;
    if (!names || !copy) { /* without memory there is less to choose from */
        free(copy);
        return;
    }
    names[words->count++] = copy;
    names[words->count] = NULL;
}

void tui_words_add_all(struct tui_words *words, const char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        tui_words_add(words, names[i]);
}

void tui_words_add_keys(struct tui_words *words, const json_t *object, const char *ending)
{
    const char *key;
    json_t *value;
    char name[256];
    json_object_foreach((json_t *)(size_t)object, key, value)
    {
        snprintf(name, sizeof name, "%s%s", key, ending);
        tui_words_add(words, name);
    }
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void tui_words_add_files(struct tui_words *words, const char *start)
{
    char path[4096];
    const char *slash = strrchr(start, '/'), *name = slash ? slash + 1 : start;
    const int length = (int)(name - start);
    words->separators = "";
    snprintf(path, sizeof path, "%.*s", length, length ? start : "./");
    DIR *directory = opendir(length ? path : ".");
    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, name, strlen(name)) != 0 ||
            (entry->d_name[0] == '.' && *name != '.'))
            continue;
        if ((size_t)snprintf(path, sizeof path, "%.*s%s", length, start, entry->d_name) >=
            sizeof path - 1)
            continue;
        if (is_directory(path))
            strcat(path, "/");
        tui_words_add(words, path);
    }
    closedir(directory);
}

void tui_words_clear(struct tui_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->names[i]);
    free(words->names);
    *words = (struct tui_words){0};
}

/* The first bytes that both have, whole characters. */
static size_t in_common(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n]))
        n++;
    while (n > 0 && ((unsigned char)a[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void replace(struct tui_line *line, size_t start, const char *text)
{
    char rest[sizeof line->text];
    snprintf(rest, sizeof rest, "%s", line->text + line->cursor);
    const size_t room = sizeof line->text - start, length = strlen(text);
    if (length + strlen(rest) >= room)
        return;
    memcpy(line->text + start, text, length);
    memcpy(line->text + start + length, rest, strlen(rest) + 1);
    line->cursor = start + length;
}

static void add_choice(char *choices, size_t size, const char *name)
{
    const size_t length = strlen(choices);
    if (length + strlen(name) + 2 < size)
        snprintf(choices + length, size - length, " %s", name);
}

size_t tui_words_complete(
    const struct tui_words *words, struct tui_line *line, size_t from, char *choices, size_t size)
{
    size_t start = line->cursor, count = 0;
    char common[sizeof line->text] = "";
    *choices = '\0';
    while (
        start > from && !strchr(words->separators ? words->separators : " ", line->text[start - 1]))
        start--;
    for (size_t i = 0; i < words->count; i++) {
        const char *name = words->names[i];
        if (strncasecmp(name, line->text + start, line->cursor - start) != 0)
            continue;
        if (!count++)
            snprintf(common, sizeof common, "%s", name);
        common[in_common(common, name)] = '\0';
        add_choice(choices, size, name);
    }
    if (count)
        replace(line, start, common);
    return count;
}
