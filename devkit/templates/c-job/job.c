/* Counts lines, words and bytes, like wc: each chunk by itself, then the sums of all. */
#include "bramble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    uint64_t lines, words, bytes;
} counts;

static bramble_result written(counts c) {
    char *text = malloc(80);
    int length = snprintf(text, 80, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", c.lines, c.words,
                          c.bytes);
    return bramble_ok(text, (size_t)length);
}

/* Called once for each chunk. */
BRAMBLE_MAP_BYTES(task, chunk) {
    counts c = {0, 0, chunk.len};
    bool in_word = false;
    for (size_t i = 0; i < chunk.len; i++) {
        bool blank = memchr(" \n\t\r", chunk.data[i], 4) != NULL;
        c.lines += chunk.data[i] == '\n';
        c.words += !blank && !in_word;
        in_word = !blank;
    }
    if (task.index == 0 && bramble_param_is("verbose", "yes")) {
        bramble_log(BRAMBLE_INFO, "the first chunk is counted");
    }
    return written(c);
}

/* Called with what the maps wrote, in the order of the chunks. What it writes has the same form,
   because of many parts only some are merged at a time. */
BRAMBLE_MERGE(task, inputs, count, output) {
    counts sum = {0, 0, 0};
    (void)task;
    for (size_t i = 0; i < count; i++) {
        char text[81] = {0};
        bramble_bytes part = bramble_read(inputs[i], 80);
        memcpy(text, part.data, part.len);
        free(part.data);
        counts c;
        if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &c.lines, &c.words, &c.bytes) != 3) {
            return bramble_fail("a part is not what a map wrote");
        }
        sum.lines += c.lines, sum.words += c.words, sum.bytes += c.bytes;
        bramble_progress(i + 1, count);
    }
    bramble_result text = written(sum);
    bramble_write(output, text.bytes.data, text.bytes.len);
    return bramble_done();
}
