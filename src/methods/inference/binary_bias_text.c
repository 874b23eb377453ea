/*
 * Replies as answers. A word is a run of letters, digits, underscores and bytes beyond ASCII, so
 * that "Nope" is no "no", and a word of another alphabet is one word though its case is not folded.
 */
#include "methods/inference/binary_bias.h"

#include <string.h>

#include "core/status.h"

static bool is_letter(char c)
{
    const unsigned char byte = (unsigned char)c;
    return byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

static int folded(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

/* Whether `word` stands at `text`, which has a border before it, with a border after it. */
static bool stands_at(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (size_t i = 0; i < length; i++)
        if (folded(text[i]) != folded(word[i])) /* also at the end of the text */
            return false;
    return !(is_word(word[length - 1]) && is_word(text[length]));
}

/* The length of the longest of the words that stands at `text`; 0: none. */
static size_t longest_at(const char *text, const char *const *words)
{
    size_t longest = 0;
    for (; *words; words++)
        if (stands_at(text, *words) && strlen(*words) > longest)
            longest = strlen(*words);
    return longest;
}

static bool equal(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && stands_at(a, b);
}

static int check_words(const char *const *yes, const char *const *no)
{
    for (size_t i = 0; yes[i]; i++)
        if (!*yes[i])
            return assay_fail(ASSAY_EINVAL, "parse_binary: a word of yes must not be empty");
    for (size_t j = 0; no[j]; j++) {
        if (!*no[j])
            return assay_fail(ASSAY_EINVAL, "parse_binary: a word of no must not be empty");
        for (size_t i = 0; yes[i]; i++)
            if (equal(yes[i], no[j]))
                return assay_fail(
                    ASSAY_EINVAL, "parse_binary: \"%.100s\" must not be both yes and no", no[j]);
    }
    return ASSAY_OK;
}

/* The answer that begins at byte i: 1, 0, or -1 for none; *length is its word's. */
static int answer_at(
    const char *text, size_t i, const char *const *yes, const char *const *no, size_t *length)
{
    if (i > 0 && is_word(text[i - 1]) && is_word(text[i]))
        return -1;
    const size_t for_yes = longest_at(text + i, yes), for_no = longest_at(text + i, no);
    *length = for_yes > for_no ? for_yes : for_no;
    return *length == 0 ? -1 : for_yes > for_no;
}

int assay_parse_binary(const char *text, const char *const *yes, const char *const *no, int *value)
{
    bool said[2] = {false, false};
    const int status = check_words(yes, no);
    if (status)
        return status;
    for (size_t i = 0, length; text[i]; i += length) {
        const int answer = answer_at(text, i, yes, no, &length);
        if (answer >= 0)
            said[answer] = true;
        else
            length = 1;
    }
    *value = said[0] == said[1] ? -1 : said[1];
    return ASSAY_OK;
}

static bool ends_piece(char c)
{
    return c == '\0' || c == '\n' || c == '\r' || c == ',' || c == ';';
}

int assay_parse_binary_list(const char *text, const char *const *yes, const char *const *no,
    unsigned char *x, size_t cap, size_t *n, size_t *other)
{
    bool letters = false, answered = false; /* of the piece so far */
    size_t others = 0, length;
    const int status = check_words(yes, no);
    if (status)
        return status;
    *n = 0;
    for (size_t i = 0;; i += length) {
        const int answer = answer_at(text, i, yes, no, &length);
        if (answer >= 0) {
            if (*n < cap)
                x[*n] = (unsigned char)answer;
            ++*n;
            answered = true;
            continue;
        }
        length = 1;
        letters = letters || is_letter(text[i]);
        if (ends_piece(text[i])) {
            others += letters && !answered;
            letters = answered = false;
        }
        if (!text[i])
            break;
    }
    if (other)
        *other = others;
    return ASSAY_OK;
}
