/* What is remembered between sessions. */
#include "tui/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/status.h"

int tui_memory_path(char *out, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int used;
    if (state && state[0] == '/')
        used = snprintf(out, size, "%s/assay/tui.json", state);
    else if (home && home[0] == '/')
        used = snprintf(out, size, "%s/.local/state/assay/tui.json", home);
    else
        return assay_fail(ASSAY_ENOTFOUND, "nothing can be remembered: set XDG_STATE_HOME or HOME");
    if (used < 0 || (size_t)used >= size)
        return assay_fail(ASSAY_ENOTFOUND, "the path of what is remembered is too long");
    return ASSAY_OK;
}

/* *out is an object, empty when there is no file or none that can be read. */
static int read_values(const char *path, json_t **out)
{
    json_error_t error;
    int status = ASSAY_OK;
    FILE *file = fopen(path, "re");
    *out = file ? json_loadf(file, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!file && errno != ENOENT)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    else if (file && !json_is_object(*out))
        status = assay_fail(ASSAY_EFORMAT,
            "%s:%d: is damaged (%s): what was remembered is lost, and will be written anew", path,
            *out ? 1 : error.line, *out ? "not an object" : error.text);
    if (file)
        fclose(file);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = json_object();
    }
    return status;
}

int tui_memory_open(struct tui_memory *memory, const char *path)
{
    tui_memory_clear(memory);
    snprintf(memory->path, sizeof memory->path, "%s", path);
    memory->changed = json_object();
    return read_values(path, &memory->values);
}

void tui_memory_clear(struct tui_memory *memory)
{
    json_decref(memory->values);
    json_decref(memory->changed);
    *memory = (struct tui_memory){0};
}

const json_t *tui_memory_get(const struct tui_memory *memory, const char *key)
{
    return json_object_get(memory->values, key);
}

void tui_memory_set(struct tui_memory *memory, const char *key, json_t *value)
{
    json_t *now = json_object_get(memory->values, key);
    if (!memory->values || (value ? now && json_equal(now, value) : !now)) {
        json_decref(value);
        return;
    }
    json_object_set_new(memory->changed, key, value ? json_incref(value) : json_null());
    if (value)
        json_object_set_new(memory->values, key, value);
    else
        json_object_del(memory->values, key);
}

size_t tui_memory_forget(struct tui_memory *memory, const char *prefix)
{
    size_t count = 0;
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(memory->values, next, key, value)
    {
        if (strncmp(key, prefix, strlen(prefix)) != 0)
            continue;
        json_object_set_new(memory->changed, key, json_null());
        json_object_del(memory->values, key);
        count++;
    }
    return count;
}

/* ---- writing ---- */

/* Another interface holds the lock for as long as it takes to write a page. */
static int take_lock(const char *path, int *lock)
{
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    for (int i = 0; i < 5; i++) {
        if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
            return ASSAY_OK;
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    close(*lock);
    return assay_fail(ASSAY_EBUSY, "%s is held by another interface", path);
}

static void put_changes(json_t *values, const json_t *changed)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)changed, key, value)
    {
        if (json_is_null(value))
            json_object_del(values, key);
        else
            json_object_set(values, key, value);
    }
}

static int replace(const char *path, const json_t *values)
{
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.new", path); /* the lock is ours, so the name is */
    if (json_dump_file(values, temporary, JSON_INDENT(1) | JSON_SORT_KEYS) != 0 ||
        rename(temporary, path) != 0) {
        int status = assay_fail(ASSAY_EIO, "can't write %s: %s", path, strerror(errno));
        unlink(temporary);
        return status;
    }
    return ASSAY_OK;
}

static int make_directory(const char *path)
{
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (!slash || slash == directory)
        return ASSAY_OK;
    *slash = '\0';
    int made = assay_directory_make(directory);
    if (made < 0)
        return assay_fail(ASSAY_EIO, "can't make %s: %s", directory, strerror(errno));
    close(made);
    return ASSAY_OK;
}

int tui_memory_save(struct tui_memory *memory)
{
    char path[4200];
    json_t *values = NULL;
    if (!*memory->path || !json_object_size(memory->changed))
        return ASSAY_OK;
    int lock, status = make_directory(memory->path);
    if (status != ASSAY_OK)
        return status;
    snprintf(path, sizeof path, "%s.lock", memory->path);
    status = take_lock(path, &lock);
    if (status != ASSAY_OK)
        return status;
    read_values(memory->path, &values); /* a damaged one is replaced */
    put_changes(values, memory->changed);
    status = replace(memory->path, values);
    close(lock);
    if (status == ASSAY_OK) {
        json_decref(memory->values);
        memory->values = values;
        json_object_clear(memory->changed);
    } else {
        json_decref(values);
    }
    return status;
}
