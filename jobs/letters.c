/*
 * Counts letters: a plain program that knows nothing of bramble.
 *
 *   letters < text.txt            a line for each letter from a to z: the letter, a tab, its count
 *   letters --add < tables.txt    adds up such tables
 *
 * The first counts one chunk of a text, the second joins what was counted:
 *
 *   bramble submit letters.wasm --input text.txt --merge-arg --add -o -
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LETTERS = 26, MALFORMED = 65 };

static uint64_t counts[LETTERS];

static void count_text(void) {
    static unsigned char block[65536];
    uint64_t bytes[256] = {0};
    size_t length;
    while ((length = fread(block, 1, sizeof block, stdin)) > 0) {
        for (size_t i = 0; i < length; i++) {
            bytes[block[i]]++;
        }
    }
    for (int i = 0; i < LETTERS; i++) {
        counts[i] = bytes['a' + i] + bytes['A' + i];
    }
}

/* Returns the number of the first line that is no line of a table, or 0. */
static unsigned long add_tables(void) {
    char line[64];
    for (unsigned long number = 1; fgets(line, sizeof line, stdin); number++) {
        char letter;
        uint64_t count;
        if (sscanf(line, "%c\t%" SCNu64, &letter, &count) != 2 || !islower((unsigned char)letter)) {
            return number;
        }
        counts[letter - 'a'] += count;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--add") == 0) {
        unsigned long bad = add_tables();
        if (bad != 0) {
            fprintf(stderr, "letters: line %lu is no letter with its count\n", bad);
            return MALFORMED;
        }
    } else {
        count_text();
    }
    for (int i = 0; i < LETTERS; i++) {
        printf("%c\t%" PRIu64 "\n", 'a' + i, counts[i]);
    }
    return ferror(stdin) || fflush(stdout) != 0;
}
