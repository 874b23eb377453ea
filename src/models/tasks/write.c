/* What generators and verifiers share: writing and reading short texts, partial credit. */
#include "models/tasks/kind.h"

#include <stdio.h>
#include <string.h>

void task_put_bytes(task_writer *to, const char *what, size_t size)
{
    const size_t room = ASSAY_TASK_LONGEST - to->size, taken = size < room ? size : room;
    memcpy(to->at + to->size, what, taken);
    to->size += taken;
    to->at[to->size] = '\0';
}

void task_put(task_writer *to, const char *what)
{
    task_put_bytes(to, what, strlen(what));
}

void task_put_byte(task_writer *to, char byte)
{
    task_put_bytes(to, &byte, 1);
}

void task_put_number(task_writer *to, uint64_t number)
{
    char digits[24];
    const int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    task_put_bytes(to, digits, (size_t)size);
}

bool task_take(task_text *text, const char *word)
{
    const size_t size = strlen(word);
    if (text->size < size || memcmp(text->at, word, size) != 0)
        return false;
    text->at += size;
    text->size -= size;
    return true;
}

bool task_take_number(task_text *text, uint64_t limit, uint64_t *number)
{
    size_t i = 0;
    uint64_t value = 0;
    for (; i < text->size && text->at[i] >= '0' && text->at[i] <= '9'; i++) {
        const uint64_t digit = (uint64_t)(text->at[i] - '0');
        if (digit > limit || value > (limit - digit) / 10)
            return false;
        value = 10 * value + digit;
    }
    if (i == 0)
        return false;
    text->at += i;
    text->size -= i;
    *number = value;
    return true;
}

bool task_same(task_text a, task_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

void task_says(assay_verdict *out, task_text answer)
{
    memcpy(out->answer, answer.at, answer.size);
    out->answer[answer.size] = '\0';
}

void task_judged(assay_verdict *out, task_text answer, bool right, double credit)
{
    out->correct = right;
    out->error = ASSAY_ANSWER_FINE;
    out->reward = right ? 1 : credit;
    task_says(out, answer);
}

static double share(size_t equal, task_text a, task_text b)
{
    const size_t longer = a.size > b.size ? a.size : b.size;
    return longer ? (double)equal / (double)longer : 1;
}

double task_agreement(task_text a, task_text b)
{
    size_t equal = 0;
    for (size_t i = 1; i <= a.size && i <= b.size; i++)
        equal += a.at[a.size - i] == b.at[b.size - i];
    return share(equal, a, b);
}

double task_prefix(task_text a, task_text b)
{
    size_t equal = 0;
    while (equal < a.size && equal < b.size && a.at[equal] == b.at[equal])
        equal++;
    return share(equal, a, b);
}
