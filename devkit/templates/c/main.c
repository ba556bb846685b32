/* Turns text into capitals: a plain program from standard input to standard output. */
#include <ctype.h>
#include <stdio.h>

int main(void) {
    static char block[65536];
    size_t count;
    while ((count = fread(block, 1, sizeof block, stdin)) > 0) {
        for (size_t i = 0; i < count; i++) {
            block[i] = (char)toupper((unsigned char)block[i]);
        }
        if (fwrite(block, 1, count, stdout) != count) {
            return 1;
        }
    }
    return ferror(stdin) ? 1 : 0;
}
