/*
 * bramble.h: jobs for bramble in C.
 *
 * A job is a C file with one of the MAP macros below, and BRAMBLE_MERGE when its parts are merged.
 * `bramble build` compiles it with clang and adds the description of its interface, which is
 * bramble:job@{{wit}} in WIT. All functions here are small and wrap that interface's canonical ABI.
 *
 * Every task runs in a fresh instance, so nothing needs to be freed at the end of one.
 */
#ifndef BRAMBLE_H
#define BRAMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BRAMBLE_WIT "{{wit}}"

/* A piece of memory. */
typedef struct {
    uint8_t *data;
    size_t len;
} bramble_bytes;

/* Where a task stands in its job. */
typedef struct {
    uint64_t job;        /* for messages only */
    uint32_t index;      /* place among the tasks of this phase, from 0 */
    uint32_t count;      /* how many there are */
    uint32_t partitions; /* how many outputs there are to write to */
    uint64_t seed;       /* the only seed a job should use */
    uint64_t offset;     /* length of the input before this chunk, in bytes */
} bramble_task;

/* An input that is read as a stream, and an output. */
typedef struct {
    int32_t handle;
} bramble_source;
typedef struct {
    int32_t handle;
} bramble_sink;

/* How a function of a job ends: make one with bramble_ok, bramble_done, or one of the failures. */
typedef struct {
    enum { BRAMBLE_OK = -1, BRAMBLE_BAD_INPUT, BRAMBLE_BAD_PARAM, BRAMBLE_FAILED } kind;
    bramble_bytes bytes; /* the output of BRAMBLE_MAP_BYTES, or the message of a failure */
} bramble_result;

/* Done, with this output; `data` must stay valid: from malloc, static, or the chunk itself. */
static inline bramble_result bramble_ok(const void *data, size_t len) {
    bramble_result result = {BRAMBLE_OK, {(uint8_t *)data, len}};
    return result;
}

/* Done; the output was written to a sink. */
static inline bramble_result bramble_done(void) { return bramble_ok(NULL, 0); }

static inline bramble_result bramble_failure_(int kind, const char *message) {
    bramble_result result = {kind, {(uint8_t *)message, strlen(message)}};
    return result;
}

/* The input is malformed: no other attempt can help. */
static inline bramble_result bramble_bad_input(const char *message) {
    return bramble_failure_(BRAMBLE_BAD_INPUT, message);
}

/* A parameter is missing or unusable: the whole job fails at once. */
static inline bramble_result bramble_bad_param(const char *message) {
    return bramble_failure_(BRAMBLE_BAD_PARAM, message);
}

/* Anything else: the task is tried again elsewhere, a few times. */
static inline bramble_result bramble_fail(const char *message) {
    return bramble_failure_(BRAMBLE_FAILED, message);
}

#define BRAMBLE_IMPORT_(interface, function)                                                     \
    __attribute__((import_module("bramble:job/" interface "@" BRAMBLE_WIT),                      \
                   import_name(function)))
#define BRAMBLE_EXPORT_(name) __attribute__((export_name(name), used))

/* ---- What the host offers ---- */

enum { BRAMBLE_DEBUG, BRAMBLE_INFO, BRAMBLE_WARN, BRAMBLE_ERROR };

BRAMBLE_IMPORT_("host", "log")
void bramble_import_log_(int32_t level, const char *text, size_t len);
BRAMBLE_IMPORT_("host", "progress") void bramble_import_progress_(uint64_t done, uint64_t total);
BRAMBLE_IMPORT_("host", "param")
void bramble_import_param_(const char *name, size_t len, int32_t *answer);
BRAMBLE_IMPORT_("host", "stopping") int32_t bramble_import_stopping_(void);
BRAMBLE_IMPORT_("io", "[method]source.size") uint64_t bramble_import_size_(int32_t source);
BRAMBLE_IMPORT_("io", "[method]source.read")
void bramble_import_read_(int32_t source, uint32_t max, bramble_bytes *answer);
BRAMBLE_IMPORT_("io", "[method]source.read-at")
void bramble_import_read_at_(int32_t source, uint64_t offset, uint32_t len, bramble_bytes *answer);
BRAMBLE_IMPORT_("io", "[method]sink.write")
void bramble_import_write_(int32_t sink, const void *data, size_t len);
BRAMBLE_IMPORT_("io", "[method]sink.write-to")
void bramble_import_write_to_(int32_t sink, uint32_t partition, const void *data, size_t len);
BRAMBLE_IMPORT_("io", "[resource-drop]source") void bramble_import_drop_source_(int32_t source);
BRAMBLE_IMPORT_("io", "[resource-drop]sink") void bramble_import_drop_sink_(int32_t sink);

/* Writes a line to the task's log: `bramble logs` shows it. */
static inline void bramble_log(int level, const char *text) {
    bramble_import_log_(level, text, strlen(text));
}

/* How much is done, out of how much, in any unit. */
static inline void bramble_progress(uint64_t done, uint64_t total) {
    bramble_import_progress_(done, total);
}

/* A parameter given with `--arg name=value`, as a string to be freed, or NULL. */
static inline char *bramble_param(const char *name) {
    /* Whether there is one, its address, its length. */
    int32_t answer[3] = {0, 0, 0};
    bramble_import_param_(name, strlen(name), answer);
    if ((answer[0] & 0xff) == 0) {
        return NULL;
    }
    size_t len = (size_t)answer[2];
    char *text = malloc(len + 1);
    memcpy(text, (const void *)answer[1], len);
    text[len] = 0;
    return text;
}

/* Whether a parameter was given with just this value. */
static inline bool bramble_param_is(const char *name, const char *value) {
    char *given = bramble_param(name);
    bool is = given != NULL && strcmp(given, value) == 0;
    free(given);
    return is;
}

/* Whether the host would like the task to end early. */
static inline bool bramble_stopping(void) { return bramble_import_stopping_() != 0; }

/* Length of an input, in bytes. */
static inline uint64_t bramble_size(bramble_source source) {
    return bramble_import_size_(source.handle);
}

/* The next bytes of an input, between 1 and `max` of them, none only at its end. To be freed. */
static inline bramble_bytes bramble_read(bramble_source source, uint32_t max) {
    bramble_bytes bytes = {NULL, 0};
    bramble_import_read_(source.handle, max, &bytes);
    return bytes;
}

/* Bytes from a place of an input, without moving the cursor of bramble_read. To be freed. */
static inline bramble_bytes bramble_read_at(bramble_source source, uint64_t offset, uint32_t len) {
    bramble_bytes bytes = {NULL, 0};
    bramble_import_read_at_(source.handle, offset, len, &bytes);
    return bytes;
}

/* Adds to the output; to that of one key range, from 0, for jobs that have several. */
static inline void bramble_write(bramble_sink sink, const void *data, size_t len) {
    bramble_import_write_(sink.handle, data, len);
}
static inline void bramble_write_to(bramble_sink sink, uint32_t partition, const void *data,
                                    size_t len) {
    bramble_import_write_to_(sink.handle, partition, data, len);
}

/* ---- What a job exports ---- */

/* How the host gets memory for what it passes in. `weak`, so that several files may include this. */
__attribute__((weak)) BRAMBLE_EXPORT_("cabi_realloc")
void *bramble_realloc_(void *old, size_t old_size, size_t align, size_t new_size) {
    (void)old_size;
    if (new_size == 0) {
        return (void *)align;
    }
    void *memory = realloc(old, new_size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* A result as the host reads it: whether it failed; then the output, or which failure and why. */
static inline int32_t *bramble_return_(bramble_result result) {
    static int32_t area[4];
    if (result.kind == BRAMBLE_OK) {
        area[0] = 0, area[1] = (int32_t)result.bytes.data, area[2] = (int32_t)result.bytes.len;
    } else {
        area[0] = 1, area[1] = result.kind;
        area[2] = (int32_t)result.bytes.data, area[3] = (int32_t)result.bytes.len;
    }
    return area;
}

#define BRAMBLE_TASK_PARAMS_                                                                     \
    uint64_t job, uint32_t index, uint32_t count, uint32_t partitions, uint64_t seed,            \
        uint64_t offset
#define BRAMBLE_TASK_ {job, index, count, partitions, seed, offset}

/* BRAMBLE_MAP_BYTES(task, chunk) { … }: one chunk in memory, its output returned by bramble_ok. */
#define BRAMBLE_MAP_BYTES(task, chunk)                                                           \
    static bramble_result bramble_map_bytes_(bramble_task task, bramble_bytes chunk);            \
    BRAMBLE_EXPORT_("bramble:job/mapper-bytes@" BRAMBLE_WIT "#run")                              \
    int32_t *bramble_export_map_bytes_(BRAMBLE_TASK_PARAMS_, uint8_t *data, size_t len) {        \
        bramble_task where = BRAMBLE_TASK_;                                                      \
        bramble_bytes bytes = {data, len};                                                       \
        return bramble_return_(bramble_map_bytes_(where, bytes));                                \
    }                                                                                            \
    static bramble_result bramble_map_bytes_(bramble_task task, bramble_bytes chunk)

/* BRAMBLE_MAP(task, input, output) { … }: one chunk as a stream. */
#define BRAMBLE_MAP(task, input, output)                                                         \
    static bramble_result bramble_map_(bramble_task task, bramble_source input,                  \
                                       bramble_sink output);                                     \
    BRAMBLE_EXPORT_("bramble:job/mapper@" BRAMBLE_WIT "#run")                                    \
    int32_t *bramble_export_map_(BRAMBLE_TASK_PARAMS_, int32_t from, int32_t to) {               \
        bramble_task where = BRAMBLE_TASK_;                                                      \
        bramble_source source = {from};                                                          \
        bramble_sink sink = {to};                                                                \
        bramble_result result = bramble_map_(where, source, sink);                               \
        /* Both are lent, and a loan ends before the call does. */                               \
        bramble_import_drop_source_(from);                                                       \
        bramble_import_drop_sink_(to);                                                           \
        return bramble_return_(result);                                                          \
    }                                                                                            \
    static bramble_result bramble_map_(bramble_task task, bramble_source input,                  \
                                       bramble_sink output)

/* BRAMBLE_MERGE(task, inputs, count, output) { … }: the parts in the order of their chunks. */
#define BRAMBLE_MERGE(task, inputs, count, output)                                               \
    static bramble_result bramble_merge_(bramble_task task, const bramble_source *inputs,        \
                                         size_t count, bramble_sink output);                     \
    BRAMBLE_EXPORT_("bramble:job/merger@" BRAMBLE_WIT "#run")                                    \
    int32_t *bramble_export_merge_(uint64_t job, uint32_t index, uint32_t tasks,                 \
                                   uint32_t partitions, uint64_t seed, uint64_t offset,          \
                                   bramble_source *from, size_t parts, int32_t to) {             \
        bramble_task where = {job, index, tasks, partitions, seed, offset};                      \
        bramble_sink sink = {to};                                                                \
        bramble_result result = bramble_merge_(where, from, parts, sink);                        \
        bramble_import_drop_sink_(to);                                                           \
        return bramble_return_(result);                                                          \
    }                                                                                            \
    static bramble_result bramble_merge_(bramble_task task, const bramble_source *inputs,        \
                                         size_t count, bramble_sink output)

#endif
