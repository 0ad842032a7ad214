/* What is to be true, and how a program says that it is not. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,         \
                    #condition);                                               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* The same for a result, which is told. */
#define IS(call, wanted)                                                       \
    do {                                                                       \
        long long is_result = (long long)(call);                               \
        if (is_result != (long long)(wanted)) {                                \
            fprintf(stderr, "%s:%d: %s is %lld, not %s\n", __FILE__, __LINE__, \
                    #call, is_result, #wanted);                                \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#define MILLISECOND 1000000LL
/* Longer than any test takes. */
#define LONG (600 * 1000 * MILLISECOND)

#endif
