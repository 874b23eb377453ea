/* Vocabularies: the tokens of the tasks one by one, texts there and back, and what is refused. */
#include "models/vocab.h"

#include "../methods/check.h"

/* The specification's list, token by token. */
static void tasks_have_their_64_tokens(void **state)
{
    (void)state;
    static const struct {
        int32_t token;
        char symbol;
    } some[] = {{4, '0'}, {13, '9'}, {14, '+'}, {15, '-'}, {16, '*'}, {17, '/'}, {18, '='},
        {19, '%'}, {20, '('}, {21, ')'}, {22, '['}, {23, ']'}, {24, '{'}, {25, '}'}, {26, '<'},
        {27, '>'}, {28, ','}, {29, ':'}, {30, ';'}, {31, '?'}, {32, '|'}, {33, '#'}, {34, ' '},
        {35, 'a'}, {60, 'z'}, {61, '.'}, {62, '_'}, {63, '&'}};
    const assay_vocab vocab = assay_vocab_tasks();
    assert_int_equal(vocab.size, 64);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        int32_t token;
        ok(assay_vocab_encode(&vocab, &some[i].symbol, 1, &token));
        assert_int_equal(token, some[i].token);
    }
    for (int letter = 0; letter < 26; letter++)
        assert_int_equal(vocab.token['a' + letter], 35 + letter);
    for (int digit = 0; digit < 10; digit++)
        assert_int_equal(vocab.token['0' + digit], 4 + digit);
    assert_int_equal(ASSAY_PAD, 0);
    assert_int_equal(ASSAY_BOS, 1);
    assert_int_equal(ASSAY_EOS, 2);
    assert_int_equal(ASSAY_MASK, 3);
}

static void there_and_back(void **state)
{
    (void)state;
    static const char text[] = "sort 5 2 9 1=";
    const assay_vocab vocab = assay_vocab_tasks();
    int32_t tokens[sizeof text - 1];
    char back[sizeof text];
    size_t size;
    ok(assay_vocab_encode(&vocab, text, sizeof text - 1, tokens));
    ok(assay_vocab_decode(&vocab, tokens, sizeof text - 1, back, &size));
    assert_int_equal(size, sizeof text - 1);
    assert_string_equal(back, text);
    ok(assay_vocab_decode(&vocab, NULL, 0, back, &size));
    assert_string_equal(back, "");
    ok(assay_vocab_encode(&vocab, NULL, 0, NULL));
}

/* What a model may put out: an answer ends at EOS, and a special inside spoils it. */
static void specials_show(void **state)
{
    (void)state;
    static const int32_t tokens[] = {
        ASSAY_BOS, 12, ASSAY_MASK, 6, ASSAY_PAD, ASSAY_BOS, ASSAY_EOS, 999};
    const assay_vocab vocab = assay_vocab_tasks();
    char text[9];
    size_t size;
    ok(assay_vocab_decode(&vocab, tokens, 8, text, &size));
    assert_string_equal(text, "8~2~~");
    assert_int_equal(size, 5);
    assert_int_equal(vocab.token[ASSAY_VOCAB_HOLE], -1);
}

static void texts_have_their_bytes(void **state)
{
    (void)state;
    static const char text[] = "b\xc3\xa9"
                               "a\nb"; /* "bé" in UTF-8 */
    static const unsigned char wanted[] = {'\n', 'a', 'b', 0xa9, 0xc3};
    assay_vocab vocab;
    int32_t tokens[sizeof text - 1];
    char back[sizeof text];
    size_t size;
    ok(assay_vocab_of_text(text, sizeof text - 1, &vocab));
    assert_int_equal(vocab.size, 4 + sizeof wanted);
    assert_memory_equal(vocab.symbol + 4, wanted, sizeof wanted);
    ok(assay_vocab_encode(&vocab, text, sizeof text - 1, tokens));
    assert_int_equal(tokens[0], 6);
    ok(assay_vocab_decode(&vocab, tokens, sizeof text - 1, back, &size));
    assert_string_equal(back, text);
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    ok(assay_vocab_of_text(all, 252, &vocab));
    assert_int_equal(vocab.size, 256);
    refuses(assay_vocab_of_text(all, 253, &vocab), "253 distinct bytes, at most 252");
    refuses(assay_vocab_of_text("", 0, &vocab), "the text is empty");
}

static void names_what_it_lacks(void **state)
{
    (void)state;
    const assay_vocab vocab = assay_vocab_tasks();
    int32_t tokens[8];
    char text[3];
    size_t size;
    refuses(assay_vocab_encode(&vocab, "37+A", 4, tokens),
        "character \"A\" at position 4 is none of the 64 tokens");
    refuses(assay_vocab_encode(&vocab, "1\n", 2, tokens), "character 0x0a at position 2");
    refuses(assay_vocab_encode(&vocab, "\0", 1, tokens), "character 0x00 at position 1");
    refuses(assay_vocab_encode(&vocab, "\xff", 1, tokens), "character 0xff at position 1");
    refuses(assay_vocab_decode(&vocab, (const int32_t[]){4, 64}, 2, text, &size),
        "token 64 at position 2 must be in 0..63");
    refuses(assay_vocab_decode(&vocab, (const int32_t[]){-1}, 1, text, &size), "token -1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_have_their_64_tokens),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(specials_show),
        cmocka_unit_test(texts_have_their_bytes),
        cmocka_unit_test(names_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
