/*
 * greenstd.h: green threads with the calls of a thread, for programs in C and C++.
 *
 * A green thread runs until a call of this library would block; then its worker, an OS thread, runs
 * another one. Write straight-line, blocking-style code, a green thread for each connection:
 *
 *     static void *echo(void *connection) {
 *         int fd = (int)(intptr_t)connection;
 *         char buffer[4096];
 *         ssize_t count;
 *         while ((count = gs_read(fd, buffer, sizeof buffer)) > 0)
 *             if (gs_write(fd, buffer, (size_t)count) != count)
 *                 break;
 *         gs_close(fd);
 *         return NULL;
 *     }
 *
 * RESULTS. A function that returns int or ssize_t returns 0, or a count or descriptor that is not
 * negative, or a negated number of errno.h: -EINVAL, not -1. errno itself is of no meaning
 * afterwards. A NULL where something is needed is -EINVAL. -EIO from any function is a failure
 * inside of the library, which is reported on standard error.
 *
 * THREADS. Every function may be called on green threads and on OS threads, on many at once, unless
 * it says something else; none in a signal handler, and none in a process that was forked off one
 * with a runtime. On an OS thread a wait blocks that thread. A green thread that blocks by other
 * means (read, pthread_mutex_lock, computing) stops all others of its worker: see gs_blocking.
 *
 * THREAD-LOCALS. Green threads share those of their worker, errno included, and stay on that
 * worker, unless they have their own (GS_OWN_THREAD_LOCALS): what is kept there across a call that
 * waits is then another one's. Values of their own, see gs_key_create, they have always.
 *
 * STACKS are small, 256 KiB unless more is asked for (gs_config, gs_attributes), and do not grow.
 *
 * KILLS. gs_kill asks. The call in which the green thread waits returns -ECANCELED, and so does
 * every later one that would wait: the function cleans up and returns. What a call has done, bytes
 * that were moved, a message, a lock, it says even then, and the next call says -ECANCELED. No
 * stack of C is unwound, and no destructor of C++ is skipped. The end of a runtime kills likewise.
 *
 * FUNCTIONS of the caller's must return: no exception, longjmp or pthread_exit may leave them.
 *
 * OWNERSHIP. What a _create function has made is freed by the matching _destroy, once, when nobody
 * uses it any more. gs_mutex, gs_cond and gs_semaphore are memory of the caller's. NULL, an object
 * of another type, and a second destruction of what has not been reused are told by -EINVAL as far
 * as they can be; a pointer from elsewhere is the caller's error, as for free(). Threads and keys
 * are numbers, which are never used again: a stale one is always told.
 *
 * TIMEOUTS are in nanoseconds, of the monotonic clock; negative is for ever.
 *
 * STRUCTS with settings begin with their size, so that they can grow: gs_config, gs_attributes.
 *
 * This file is made by cbindgen from the sources, in capi/. Do not edit it.
 */
