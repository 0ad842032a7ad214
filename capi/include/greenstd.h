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

#ifndef GREENSTD_H
#define GREENSTD_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/**
 * gs_config::flags: a run that can never end is ended, and returns -EDEADLK.
 */
#define GS_DETECT_DEADLOCKS 1

/**
 * gs_config::flags: a handler of SIGSEGV and SIGBUS that names the green thread whose stack has
 * overflowed. Process-wide; other faults are passed to the handler that was there before.
 */
#define GS_REPORT_OVERFLOW 2

/**
 * gs_config::flags: a watchdog, which tells on standard error which green thread holds its worker
 * for too long, and where. Process-wide: it handles one real-time signal.
 */
#define GS_MONITOR 4

/**
 * gs_config::flags and gs_attributes::flags: green threads have thread-locals (errno included) of
 * their own, as OS threads have. Otherwise they share those of their worker, which others change
 * whenever a call waits.
 */
#define GS_OWN_THREAD_LOCALS 8

/**
 * Pointers on their way from any number of threads to any number of threads, first in, first out.
 */
typedef struct gs_channel gs_channel;

/**
 * A set of OS threads, the workers, on which green threads run.
 */
typedef struct gs_runtime gs_runtime;

/**
 * The settings of a runtime. To be initialised by GS_CONFIG_INIT; every member that is 0 has its
 * default.
 */
typedef struct gs_config {
    /**
     * sizeof(gs_config), as the caller was compiled.
     */
    size_t size;
    /**
     * GS_DETECT_DEADLOCKS and so on, or 0: nothing process-wide is installed.
     */
    uint32_t flags;
    /**
     * OS threads on which green threads run: as many as there are cores, if 0.
     */
    uint32_t workers;
    /**
     * Names the workers NAME-0 and so on; "greenstd" if NULL. Copied.
     */
    const char *name;
    /**
     * Bytes of address space for each stack, rounded up to a power of two from 16 KiB to 1 GiB;
     * 256 KiB if 0. Memory is used for what is touched.
     */
    size_t stack_size;
    /**
     * Green threads that may live at once; 2,097,152 if 0.
     */
    size_t live_limit;
} gs_config;

/**
 * What a green thread runs. It ends by returning: longjmp, pthread_exit and exceptions must not
 * leave it.
 */
typedef void *(*gs_thread_function)(void*);

/**
 * The settings of a green thread. To be initialised by GS_ATTRIBUTES_INIT; every member that is 0
 * has its default.
 */
typedef struct gs_attributes {
    /**
     * sizeof(gs_attributes), as the caller was compiled.
     */
    size_t size;
    /**
     * GS_OWN_THREAD_LOCALS, or 0: as the runtime says.
     */
    uint32_t flags;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * What diagnostics call it; none if NULL. Copied.
     */
    const char *name;
    /**
     * As in gs_config; the runtime's if 0.
     */
    size_t stack_size;
} gs_attributes;

/**
 * The name of a thread: a number that no other thread of the process has or will have. 0 is none.
 */
typedef uint64_t gs_thread;

/**
 * A key, under which each thread has a value. 0 is none.
 */
typedef uint64_t gs_key;

/**
 * Is called with a thread's value when it ends. Must not be unwound by an exception.
 */
typedef void (*gs_destructor)(void*);

/**
 * A lock that one thread holds at a time. GS_MUTEX_INIT, or zeroes, are a free one; it must not be
 * copied or moved once it was used.
 */
typedef struct gs_mutex {
    /**
     * The library's.
     */
    void *state;
} gs_mutex;

/**
 * A condition. GS_COND_INIT, or zeroes, are one for which nobody waits; it must not be copied or
 * moved once it was used.
 */
typedef struct gs_cond {
    /**
     * The library's.
     */
    void *state;
} gs_cond;

/**
 * A semaphore. GS_SEMAPHORE_INIT, or zeroes, are one without permits; it must not be copied or
 * moved once it was used.
 */
typedef struct gs_semaphore {
    /**
     * The library's.
     */
    void *state;
} gs_semaphore;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Starts a runtime. `config` may be NULL, for the defaults. Never blocks for long. On threads of
 * either kind.
 *
 * Returns 0, and the runtime in `*runtime`; -EINVAL for a NULL `runtime`, a size that no version
 * of the struct has, unknown flags, or a stack size above 1 GiB; -E2BIG for a config of a newer
 * version that asks for something unknown here; -EOPNOTSUPP for GS_OWN_THREAD_LOCALS where they
 * are not to be had, and in a process that was forked off one with a runtime; or why the system
 * gives no thread or descriptor (-EAGAIN, -EMFILE, -ENOMEM).
 */
int gs_runtime_create(const struct gs_config *config, struct gs_runtime **runtime);

/**
 * Ends a runtime: green threads that have not started never will, every other one is killed, and
 * the calling thread blocks until all have ended. One that neither ends nor calls what could wait
 * is waited for. Then the runtime is freed.
 *
 * Threads of it that were neither joined nor detached can be joined afterwards.
 *
 * Returns 0; -EINVAL for NULL and for what is no runtime; -EDEADLK on a green thread of this very
 * runtime, which could not end; -EBUSY while another thread is in gs_run. In the last two cases
 * the runtime is left as it was.
 */
int gs_runtime_destroy(struct gs_runtime *runtime);

/**
 * Runs `function(argument)` on a green thread of the runtime, and blocks the calling thread, of
 * either kind, until it has returned. Green threads that it has spawned go on. What it returned is
 * in `*result`, which may be NULL.
 *
 * If `runtime` is NULL it runs on one of its own, with the defaults, which ends with it.
 *
 * Returns 0; -EINVAL for a NULL function and what is no runtime; -EAGAIN at the limit on live
 * green threads; -EDEADLK, and a report on standard error, if all green threads wait and nothing
 * can wake any (GS_DETECT_DEADLOCKS), after which the runtime is of no use; -ECANCELED if the
 * caller was killed, which the function does not hear of, or the function's green thread was
 * before it started; for a runtime of its own, what gs_runtime_create returns.
 */
int gs_run(struct gs_runtime *runtime, gs_thread_function function, void *argument, void **result);

/**
 * Spawns a green thread that runs `function(argument)`, on a runtime, or on that of the calling
 * green thread if `runtime` is NULL. `attributes` may be NULL, for the defaults; so may `thread`,
 * which is a green thread that is detached from the first. Never blocks. On threads of either
 * kind.
 *
 * Returns 0, and the id in `*thread`; -EINVAL for a NULL function, a NULL runtime on an OS thread,
 * what is no runtime, unknown flags, and a stack size above 1 GiB; -E2BIG for attributes of a
 * newer version that ask for something unknown here; -EAGAIN at the limit on live green threads;
 * -ENOMEM if no address space is left for a stack; -EOPNOTSUPP for GS_OWN_THREAD_LOCALS where they
 * are not to be had, and in a forked process.
 */
int gs_spawn(struct gs_runtime *runtime,
             const struct gs_attributes *attributes,
             gs_thread_function function,
             void *argument,
             gs_thread *thread);

/**
 * Blocks the calling thread, of either kind, until a green thread has ended. What its function
 * returned is in `*result`, which may be NULL; GS_CANCELED for one that was killed before it had
 * started. After that the id names nobody.
 *
 * Returns 0; -ESRCH for an id that names nobody, and so for one that was joined; -EINVAL for one
 * that is detached, is no green thread of gs_spawn, or is being joined by somebody else; -EDEADLK
 * for the calling thread's own; -ECANCELED if the caller was killed: then it was not joined.
 */
int gs_join(gs_thread thread, void **result);

/**
 * gs_join for so many nanoseconds at most; negative is for ever, 0 does not wait.
 *
 * Returns what gs_join does; -ETIMEDOUT if the green thread has not ended in time, and was not
 * joined.
 */
int gs_join_timeout(gs_thread thread, int64_t timeout_ns, void **result);

/**
 * Gives the right to join a green thread up: once it has ended its id names nobody. Never blocks.
 * On threads of either kind.
 *
 * Returns 0; -ESRCH for an id that names nobody; -EINVAL for one that is detached, is no green
 * thread of gs_spawn, or is being joined.
 */
int gs_detach(gs_thread thread);

/**
 * Asks a green thread to end. One that has not started never will. Otherwise the call in which it
 * waits returns -ECANCELED, or its next one that would wait, and so does every later one: it is
 * for its function to return then. Calls that would not have to wait go on working. Never blocks.
 * On threads of either kind, and for the calling one.
 *
 * Returns 0, also for one that has ended but was not joined; -ESRCH for an id that names nobody;
 * -EOPNOTSUPP for an OS thread.
 */
int gs_kill(gs_thread thread);

/**
 * The id of the calling thread, of either kind. Never 0.
 */
gs_thread gs_current(void);

/**
 * Whether the calling thread is a green one: 1 or 0.
 */
int gs_is_green(void);

/**
 * Blocks the calling thread, of either kind, for at least so many nanoseconds.
 *
 * Returns 0; -ECANCELED if it was killed.
 */
int gs_sleep(uint64_t nanoseconds);

/**
 * Lets other green threads of the worker run. On an OS thread, as sched_yield.
 *
 * Returns 0; -ECANCELED if the calling green thread was killed, so that a loop which computes can
 * ask.
 */
int gs_yield(void);

/**
 * Blocks the calling thread, of either kind, until gs_unpark gives it a permit, which this call
 * consumes; one that was given before ends it at once. May return for no reason.
 *
 * Returns 0; -ECANCELED if it was killed.
 */
int gs_park(void);

/**
 * gs_park for so many nanoseconds at most; negative is for ever.
 *
 * Returns 0, also when the time is over; -ECANCELED if it was killed.
 */
int gs_park_timeout(int64_t timeout_ns);

/**
 * Gives a thread, of either kind, the permit for its next gs_park, or ends the one it is in.
 * Permits do not add up. An OS thread has an id once it has called gs_current. Never blocks. On
 * threads of either kind.
 *
 * Returns 0; -ESRCH for an id that names nobody.
 */
int gs_unpark(gs_thread thread);

/**
 * Makes a key, under which every thread has NULL. When a thread ends whose value is another one,
 * `destructor`, unless it is NULL, is called with that on this very thread; it may wait, and may
 * set values, which are destroyed next, four times at most. On threads that were not started by
 * gs_spawn or gs_run it may not set values. Never blocks. On threads of either kind.
 *
 * Returns 0, and the key in `*key`; -EINVAL for a NULL `key`; -EAGAIN if there are 1024.
 */
int gs_key_create(gs_key *key, gs_destructor destructor);

/**
 * Gives a key up. No destructor is called for the values that threads have under it. Never
 * blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for what is no key.
 */
int gs_key_delete(gs_key key);

/**
 * The calling thread's value under a key; NULL if it has set none, and for what is no key. Never
 * blocks. On threads of either kind.
 */
void *gs_key_get(gs_key key);

/**
 * Sets the calling thread's value under a key. The value before is forgotten. Never blocks. On
 * threads of either kind.
 *
 * Returns 0; -EINVAL for what is no key; -EPERM in a destructor on a thread that was not started
 * by gs_spawn or gs_run.
 */
int gs_key_set(gs_key key, void *value);

/**
 * Blocks the calling thread, of either kind, until there is something to read, the end of the
 * stream, or an error; then as read(2). It waits on an O_NONBLOCK descriptor, too. What is read
 * from a file comes from a thread of a pool unless it is cached.
 *
 * Returns the number of bytes, 0 at the end; -EINVAL for a NULL buffer; -EAGAIN at the socket's
 * SO_RCVTIMEO; -EBADF also if it is closed by gs_close meanwhile; -ECANCELED if the caller was
 * killed: then nothing was read; or another error of read(2).
 */
ssize_t gs_read(int fd, void *buffer, size_t length);

/**
 * Blocks the calling thread, of either kind, until all is written, as write(2) does on a
 * descriptor that is not O_NONBLOCK; on an O_NONBLOCK one, too. What is written to a file is
 * written by a thread of a pool.
 *
 * Returns the number of bytes, which is smaller than `length` only if an error came, or a kill,
 * after so many were written: the next call tells which; -EINVAL for a NULL buffer; -EAGAIN at the
 * socket's SO_SNDTIMEO; -EPIPE, and SIGPIPE, if nobody reads; -EBADF also if it is closed by
 * gs_close meanwhile; -ECANCELED if the caller was killed: then nothing was written; or another
 * error of write(2).
 */
ssize_t gs_write(int fd, const void *buffer, size_t length);

/**
 * Blocks the calling thread, of either kind, until there is something to receive; then as recv(2).
 * MSG_WAITALL waits for all of it; MSG_DONTWAIT does not wait.
 *
 * Returns as gs_read; -ENOTSOCK for what is no socket.
 */
ssize_t gs_recv(int fd, void *buffer, size_t length, int flags);

/**
 * Blocks the calling thread, of either kind, until all is sent; then as send(2). MSG_NOSIGNAL
 * spares it SIGPIPE; MSG_DONTWAIT does not wait.
 *
 * Returns as gs_write; -ENOTSOCK for what is no socket.
 */
ssize_t gs_send(int fd, const void *buffer, size_t length, int flags);

/**
 * Closes a descriptor, as close(2). Green threads that wait for it are told -EBADF. Every
 * descriptor that calls of this library have waited for is to be closed by this one: after
 * close(2), the first wait for the next one of the same number may last a second longer.
 *
 * Never blocks for long (SO_LINGER, network file systems). On threads of either kind.
 *
 * Returns 0; -EBADF, or another error of close(2), after which the descriptor is closed all the
 * same.
 */
int gs_close(int fd);

/**
 * Blocks the calling thread, of either kind, until there is something to receive; then as
 * recvfrom(2). MSG_DONTWAIT does not wait.
 *
 * Returns as gs_recv.
 */
ssize_t gs_recvfrom(int fd,
                    void *buffer,
                    size_t length,
                    int flags,
                    struct sockaddr *address,
                    socklen_t *address_length);

/**
 * Blocks the calling thread, of either kind, until there is room; then as sendto(2). `address` may
 * be NULL on a connected socket. MSG_DONTWAIT does not wait.
 *
 * Returns as gs_send.
 */
ssize_t gs_sendto(int fd,
                  const void *buffer,
                  size_t length,
                  int flags,
                  const struct sockaddr *address,
                  socklen_t address_length);

/**
 * Blocks the calling thread, of either kind, until somebody connects; then as accept(2). Makes the
 * listener O_NONBLOCK, for good; the connection is not.
 *
 * Returns the descriptor of the connection; -EINVAL if one of `address` and `address_length` is
 * NULL; -EAGAIN at the listener's SO_RCVTIMEO; -EBADF also if it is closed by gs_close meanwhile;
 * -ECANCELED if the caller was killed: then no connection was taken; or another error of
 * accept(2).
 */
int gs_accept(int fd, struct sockaddr *address, socklen_t *address_length);

/**
 * gs_accept with the flags of accept4(2): SOCK_CLOEXEC, SOCK_NONBLOCK.
 *
 * Returns as gs_accept.
 */
int gs_accept4(int fd, struct sockaddr *address, socklen_t *address_length, int flags);

/**
 * Blocks the calling thread, of either kind, until the socket is connected, or was refused; then
 * as connect(2). The socket is O_NONBLOCK meanwhile, and as it was afterwards.
 *
 * Returns 0; -EINVAL for a NULL address; -EINPROGRESS at the socket's SO_SNDTIMEO; -ECANCELED if
 * the caller was killed: like after the former, the connection is still being made, and the socket
 * is good for gs_close only; or another error of connect(2).
 */
int gs_connect(int fd, const struct sockaddr *address, socklen_t address_length);

/**
 * Blocks the calling thread, of either kind, until a descriptor is ready: `events` are those of
 * poll(2), POLLIN and so on. For so many nanoseconds at most; negative is for ever, 0 only looks.
 * As with poll(2), what is asked for is a level, and closing the descriptor does not end the wait.
 *
 * Returns the events that have come, POLLERR, POLLHUP and POLLNVAL among them, which is more than
 * 0; -ETIMEDOUT if none came in time; -EBADF for a negative descriptor; -ECANCELED if the caller
 * was killed; or an error of poll(2) or epoll_ctl(2).
 */
int gs_wait_fd(int fd, short events, int64_t timeout_ns);

/**
 * Blocks the calling thread, of either kind, until a descriptor of a list is ready: as ppoll(2),
 * but for the timeout, which is in nanoseconds; negative is for ever, 0 only looks. `fds` may be
 * NULL if `count` is 0.
 *
 * Returns how many are ready, 0 if none was in time; -EINVAL for a NULL list, and for more than
 * the process may open; -ECANCELED if the caller was killed; or an error of poll(2) or
 * epoll_ctl(2).
 */
int gs_poll(struct pollfd *fds, nfds_t count, int64_t timeout_ns);

/**
 * Calls `function(argument)` on an OS thread of a pool (64 at most, which all runtimes share), and
 * blocks the calling green thread until it has returned: for what blocks by other calls than those
 * of this library. On an OS thread it is simply called. What it returned is in `*result`, which
 * may be NULL.
 *
 * A kill does not end the wait, for the function may use what is the caller's: the next call that
 * waits returns -ECANCELED. In the function, gs_current is the OS thread.
 *
 * Returns 0; -EINVAL for a NULL function; -ECANCELED if the caller was killed before: then it was
 * not called; -EIO if the system gives no thread.
 */
int gs_blocking(gs_thread_function function, void *argument, void **result);

/**
 * Makes a channel that holds up to `capacity` messages; any number if that is 0. Never blocks. On
 * threads of either kind.
 *
 * Returns 0, and the channel in `*channel`; -EINVAL for a NULL `channel`.
 */
int gs_channel_create(size_t capacity, struct gs_channel **channel);

/**
 * Frees a channel, which nobody may use any more. Messages that are in it are forgotten. Never
 * blocks.
 *
 * Returns 0; -EINVAL for NULL and for what is no channel.
 */
int gs_channel_destroy(struct gs_channel *channel);

/**
 * Blocks the calling thread, of either kind, while the channel is full, and sends a message, which
 * may be NULL.
 *
 * Returns 0; -EINVAL for NULL and for what is no channel; -EPIPE if it is closed, or is while the
 * caller waits; -ECANCELED if the caller was killed. Unless it is 0 the message was not sent.
 */
int gs_channel_send(struct gs_channel *channel, void *message);

/**
 * gs_channel_send for so many nanoseconds at most; negative is for ever.
 *
 * Returns what gs_channel_send does; -ETIMEDOUT if there was no room in time.
 */
int gs_channel_send_timeout(struct gs_channel *channel, void *message, int64_t timeout_ns);

/**
 * Sends a message if there is room. Never blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no channel; -EAGAIN if it is full; -EPIPE if it is
 * closed.
 */
int gs_channel_try_send(struct gs_channel *channel, void *message);

/**
 * Blocks the calling thread, of either kind, until there is a message, and takes it.
 *
 * Returns 0, and the message in `*message`; -EINVAL for NULL and for what is no channel; -EPIPE if
 * it is closed and empty; -ECANCELED if the caller was killed: then it took none.
 */
int gs_channel_recv(struct gs_channel *channel, void **message);

/**
 * gs_channel_recv for so many nanoseconds at most; negative is for ever.
 *
 * Returns what gs_channel_recv does; -ETIMEDOUT if there was no message in time.
 */
int gs_channel_recv_timeout(struct gs_channel *channel, void **message, int64_t timeout_ns);

/**
 * Takes a message if there is one. Never blocks. On threads of either kind.
 *
 * Returns 0, and the message in `*message`; -EINVAL for NULL and for what is no channel; -EAGAIN
 * if it is empty; -EPIPE if it is closed and empty.
 */
int gs_channel_try_recv(struct gs_channel *channel, void **message);

/**
 * Closes a channel: nothing is sent any more, what is in it can still be received, and all are
 * woken who wait in vain. Never blocks. On threads of either kind.
 *
 * Returns 0, also if it was closed before; -EINVAL for NULL and for what is no channel.
 */
int gs_channel_close(struct gs_channel *channel);

/**
 * How many messages are in a channel at the moment. Never blocks. On threads of either kind.
 *
 * Returns the number; -EINVAL for NULL and for what is no channel.
 */
ptrdiff_t gs_channel_length(struct gs_channel *channel);

/**
 * Makes memory a free mutex, whatever it holds: not to be called for one that is used. Never
 * blocks.
 *
 * Returns 0; -EINVAL for NULL.
 */
int gs_mutex_init(struct gs_mutex *mutex);

/**
 * Frees what a mutex has of the library. It is one that was never used afterwards. Never blocks.
 *
 * Returns 0; -EINVAL for NULL and for what is no mutex; -EBUSY if it is locked.
 */
int gs_mutex_destroy(struct gs_mutex *mutex);

/**
 * Blocks the calling thread, of either kind, until the mutex is free, and locks it. Who has waited
 * longest does not wait for ever.
 *
 * Returns 0; -EINVAL for NULL and for what is no mutex; -EDEADLK if the caller has locked it;
 * -ECANCELED if the caller was killed: then it is not locked by the caller.
 */
int gs_mutex_lock(struct gs_mutex *mutex);

/**
 * Locks a mutex if it is free. Never blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no mutex; -EBUSY if somebody has locked it.
 */
int gs_mutex_trylock(struct gs_mutex *mutex);

/**
 * Unlocks a mutex. Never blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no mutex; -EPERM if the caller has not locked it.
 */
int gs_mutex_unlock(struct gs_mutex *mutex);

/**
 * Makes memory a condition, whatever it holds: not to be called for one that is used. Never
 * blocks.
 *
 * Returns 0; -EINVAL for NULL.
 */
int gs_cond_init(struct gs_cond *condition);

/**
 * Frees what a condition has of the library: nobody may wait for it. It is one that was never used
 * afterwards. Never blocks.
 *
 * Returns 0; -EINVAL for NULL and for what is no condition.
 */
int gs_cond_destroy(struct gs_cond *condition);

/**
 * Unlocks a mutex that the caller has locked, blocks the calling thread, of either kind, until the
 * condition is signalled, and locks the mutex again. To be called in a loop that looks whether
 * what is waited for is so.
 *
 * Returns 0; -EINVAL for NULL and for what is no condition or mutex; -EPERM if the caller has not
 * locked the mutex; -ECANCELED if the caller was killed: the mutex is locked again even then, and
 * a signal that came meanwhile goes to the next one who waits.
 */
int gs_cond_wait(struct gs_cond *condition, struct gs_mutex *mutex);

/**
 * gs_cond_wait for so many nanoseconds at most, not counting the wait for the mutex; negative is
 * for ever.
 *
 * Returns what gs_cond_wait does; -ETIMEDOUT if there was no signal in time: the mutex is locked
 * again even then.
 */
int gs_cond_timedwait(struct gs_cond *condition, struct gs_mutex *mutex, int64_t timeout_ns);

/**
 * Lets the one go on who has waited longest, if anybody waits. Never blocks. On threads of either
 * kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no condition.
 */
int gs_cond_signal(struct gs_cond *condition);

/**
 * Lets all go on who wait now. Never blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no condition.
 */
int gs_cond_broadcast(struct gs_cond *condition);

/**
 * Makes memory a semaphore with so many permits, whatever it holds: not to be called for one that
 * is used. Never blocks.
 *
 * Returns 0; -EINVAL for NULL.
 */
int gs_semaphore_init(struct gs_semaphore *semaphore, unsigned int permits);

/**
 * Frees what a semaphore has of the library: nobody may wait for it. It is one that was never used
 * afterwards, without permits. Never blocks.
 *
 * Returns 0; -EINVAL for NULL and for what is no semaphore.
 */
int gs_semaphore_destroy(struct gs_semaphore *semaphore);

/**
 * Blocks the calling thread, of either kind, until there is a permit, and takes it. First come,
 * first served.
 *
 * Returns 0; -EINVAL for NULL and for what is no semaphore; -ECANCELED if the caller was killed:
 * then it took none.
 */
int gs_semaphore_wait(struct gs_semaphore *semaphore);

/**
 * gs_semaphore_wait for so many nanoseconds at most; negative is for ever, 0 does not wait.
 *
 * Returns what gs_semaphore_wait does; -ETIMEDOUT if there was no permit in time.
 */
int gs_semaphore_timedwait(struct gs_semaphore *semaphore, int64_t timeout_ns);

/**
 * Takes a permit if there is one for which nobody waits. Never blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no semaphore; -EAGAIN if there is none.
 */
int gs_semaphore_trywait(struct gs_semaphore *semaphore);

/**
 * Gives a permit, to who has waited longest. Never blocks. On threads of either kind.
 *
 * Returns 0; -EINVAL for NULL and for what is no semaphore.
 */
int gs_semaphore_post(struct gs_semaphore *semaphore);

/**
 * Writes what there is to a descriptor, by plain write(2): for standard error and files. First a
 * line for each thread that C can name, in the order of the ids: its id, its name, whether it goes
 * on, has ended, or waits to be joined. Then what every green thread of the process does: its
 * state, what it waits for, for how long, and who holds that up. On threads of either kind; a
 * green thread parks until the others have been looked at.
 *
 * Returns 0; -EBADF for what cannot be written to, or another error of write(2).
 */
int gs_dump(int fd);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GREENSTD_H */

/** The version of this interface: functions are added, and never changed. */
#define GS_ABI_VERSION 1

/** What gs_join finds as the result of a green thread that was killed before it had started. */
#define GS_CANCELED ((void *)-1)

/** The defaults. What follows the size is zero. */
#define GS_CONFIG_INIT {sizeof(gs_config), 0, 0, NULL, 0, 0}
#define GS_ATTRIBUTES_INIT {sizeof(gs_attributes), 0, 0, NULL, 0}

/** A free mutex, a condition for which nobody waits, a semaphore without permits. */
#define GS_MUTEX_INIT {NULL}
#define GS_COND_INIT {NULL}
#define GS_SEMAPHORE_INIT {NULL}
