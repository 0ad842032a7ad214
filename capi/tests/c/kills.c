/* Kills a green thread in each call that waits: the call says -ECANCELED, and
 * so does the next; what was done before is told, and nothing is lost. */
#include "check.h"
#include <errno.h>
#include <greenstd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static gs_mutex mutex;
static gs_cond condition = GS_COND_INIT;
static gs_mutex under = GS_MUTEX_INIT;
static gs_semaphore semaphore = GS_SEMAPHORE_INIT;
static gs_channel *empty, *full;
static gs_thread nobody;
static int silent[2], crammed[2], sockets[2], listener;
static struct sockaddr_un deaf;

static long by_sleep(void) { return gs_sleep((uint64_t)LONG); }
static long by_park(void)
{
    int outcome;
    while ((outcome = gs_park()) == 0)
        continue;
    return outcome;
}
static long by_join(void) { return gs_join(nobody, NULL); }
static long by_mutex(void) { return gs_mutex_lock(&mutex); }
static long by_condition(void)
{
    int outcome;
    IS(gs_mutex_lock(&under), 0);
    while ((outcome = gs_cond_wait(&condition, &under)) == 0)
        continue;
    /* It is locked again, even so. */
    IS(gs_mutex_trylock(&under), -EBUSY);
    IS(gs_mutex_unlock(&under), 0);
    return outcome;
}
static long by_timed_condition(void)
{
    int outcome;
    IS(gs_mutex_lock(&under), 0);
    outcome = gs_cond_timedwait(&condition, &under, LONG);
    IS(gs_mutex_unlock(&under), 0);
    return outcome;
}
static long by_semaphore(void) { return gs_semaphore_wait(&semaphore); }
static long by_timed_semaphore(void) { return gs_semaphore_timedwait(&semaphore, LONG); }
static long by_receive(void)
{
    void *message;
    return gs_channel_recv(empty, &message);
}
static long by_timed_receive(void)
{
    void *message;
    return gs_channel_recv_timeout(empty, &message, LONG);
}
static long by_send(void) { return gs_channel_send(full, NULL); }
static long by_timed_send(void) { return gs_channel_send_timeout(full, NULL, LONG); }
static long by_wait_fd(void) { return gs_wait_fd(silent[0], POLLIN, LONG); }
static long by_poll(void)
{
    struct pollfd fds = {0, POLLIN, 0};
    fds.fd = silent[0];
    return gs_poll(&fds, 1, -1);
}
static long by_read(void)
{
    char byte;
    return gs_read(silent[0], &byte, 1);
}
static long by_write(void) { return gs_write(crammed[1], "x", 1); }
static long by_recv(void)
{
    char byte;
    return gs_recv(sockets[0], &byte, 1, 0);
}
static long by_recvfrom(void)
{
    char byte;
    return gs_recvfrom(sockets[0], &byte, 1, 0, NULL, NULL);
}
static long by_accept(void) { return gs_accept(listener, NULL, NULL); }
static long by_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    long outcome = gs_connect(fd, (struct sockaddr *)&deaf, sizeof deaf);
    IS(gs_close(fd), 0);
    return outcome;
}

static long (*const waits[])(void) = {
    by_sleep, by_park, by_join, by_mutex, by_condition, by_timed_condition, by_semaphore,
    by_timed_semaphore, by_receive, by_timed_receive, by_send, by_timed_send, by_wait_fd, by_poll,
    by_read, by_write, by_recv, by_recvfrom, by_accept, by_connect,
};
#define WAITS (sizeof waits / sizeof *waits)

static gs_semaphore begun = GS_SEMAPHORE_INIT;

static void *runs(void *argument)
{
    size_t index = (size_t)(intptr_t)argument;
    long outcome;

    IS(gs_semaphore_post(&begun), 0);
    outcome = waits[index]();
    if (outcome != -ECANCELED) {
        fprintf(stderr, "wait %zu says %ld\n", index, outcome);
        exit(1);
    }
    /* A kill is for good. */
    IS(gs_sleep(1), -ECANCELED);
    IS(gs_yield(), -ECANCELED);
    /* What need not wait goes on working. */
    IS(gs_semaphore_post(&begun), 0);
    return argument;
}

static void *never_ends(void *argument)
{
    while (gs_park() == 0)
        continue;
    return argument;
}

/* A reader of all that comes is killed after a part of it: the count is told. */
static void *reads_all(void *argument)
{
    char buffer[8];

    IS(gs_semaphore_post(&begun), 0);
    IS(gs_recv(sockets[0], buffer, sizeof buffer, MSG_WAITALL), 3);
    IS(gs_recv(sockets[0], buffer, sizeof buffer, 0), -ECANCELED);
    return argument;
}

/* A writer of more than there is room for, too. */
static void *writes_all(void *argument)
{
    static char bytes[8 << 20];

    IS(gs_semaphore_post(&begun), 0);
    *(ssize_t *)argument = gs_send(sockets[1], bytes, sizeof bytes, 0);
    IS(gs_send(sockets[1], bytes, sizeof bytes, 0), -ECANCELED);
    return argument;
}

static void *sleeps_for_a_while(void *argument)
{
    IS(usleep(20000), 0);
    return argument;
}

static void *calls_a_thread(void *argument)
{
    void *result = NULL;

    IS(gs_semaphore_post(&begun), 0);
    /* The function uses what is the caller's, so the kill waits for it. */
    IS(gs_blocking(sleeps_for_a_while, &result, &result), 0);
    CHECK(result == &result);
    IS(gs_yield(), -ECANCELED);
    return argument;
}

static void parts(void)
{
    gs_thread thread;
    ssize_t sent = 0, seen = 0, count;
    char buffer[65536];

    IS(gs_spawn(NULL, NULL, reads_all, NULL, &thread), 0);
    IS(gs_semaphore_wait(&begun), 0);
    IS(gs_send(sockets[1], "abc", 3, 0), 3);
    IS(gs_join_timeout(thread, 20 * MILLISECOND, NULL), -ETIMEDOUT);
    IS(gs_kill(thread), 0);
    IS(gs_join(thread, NULL), 0);

    IS(gs_spawn(NULL, NULL, writes_all, &sent, &thread), 0);
    IS(gs_semaphore_wait(&begun), 0);
    IS(gs_join_timeout(thread, 20 * MILLISECOND, NULL), -ETIMEDOUT);
    IS(gs_kill(thread), 0);
    IS(gs_join(thread, NULL), 0);
    CHECK(sent > 0 && sent < (8 << 20));
    while ((count = gs_recv(sockets[0], buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        seen += count;
    IS(count, -EAGAIN);
    IS(seen, sent);

    IS(gs_spawn(NULL, NULL, calls_a_thread, NULL, &thread), 0);
    IS(gs_semaphore_wait(&begun), 0);
    IS(gs_join_timeout(thread, 2 * MILLISECOND, NULL), -ETIMEDOUT);
    IS(gs_kill(thread), 0);
    IS(gs_join(thread, NULL), 0);
}

static void prepare(void)
{
    struct sockaddr_in address = {0};
    char bytes[4096] = {0};
    int backlog, fd;

    IS(gs_mutex_init(&mutex), 0);
    IS(gs_mutex_lock(&mutex), 0);
    IS(gs_channel_create(1, &empty), 0);
    IS(gs_channel_create(1, &full), 0);
    IS(gs_channel_send(full, &full), 0);
    IS(gs_spawn(NULL, NULL, never_ends, NULL, &nobody), 0);
    IS(pipe(silent), 0);
    IS(pipe(crammed), 0);
    while (gs_wait_fd(crammed[1], POLLOUT, 0) == POLLOUT)
        IS(write(crammed[1], bytes, sizeof bytes), sizeof bytes);
    IS(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    IS(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    IS(listen(listener, 1), 0);
    /* A listener whose queue is full, in the abstract namespace. */
    deaf.sun_family = AF_UNIX;
    snprintf(deaf.sun_path + 1, sizeof deaf.sun_path - 1, "greenstd-kills-%ld", (long)getpid());
    backlog = socket(AF_UNIX, SOCK_STREAM, 0);
    IS(bind(backlog, (struct sockaddr *)&deaf, sizeof deaf), 0);
    IS(listen(backlog, 0), 0);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    IS(connect(fd, (struct sockaddr *)&deaf, sizeof deaf), 0);
}

static void *kills(void *argument)
{
    gs_thread threads[WAITS];
    void *result;

    prepare();
    for (size_t i = 0; i < WAITS; i++) {
        /* by_join has to find somebody whom nobody else joins. */
        IS(gs_spawn(NULL, NULL, runs, (void *)(intptr_t)i, &threads[i]), 0);
        IS(gs_semaphore_wait(&begun), 0);
    }
    for (size_t i = 0; i < WAITS; i++)
        IS(gs_join_timeout(threads[i], 5 * MILLISECOND, NULL), -ETIMEDOUT);
    for (size_t i = 0; i < WAITS; i++) {
        IS(gs_kill(threads[i]), 0);
        IS(gs_join(threads[i], &result), 0);
        IS((intptr_t)result, i);
        IS(gs_semaphore_trywait(&begun), 0);
    }
    /* What they have waited for is as it was, and goes to who asks now. */
    IS(gs_mutex_unlock(&mutex), 0);
    IS(gs_mutex_destroy(&mutex), 0);
    IS(gs_channel_try_send(empty, &empty), 0);
    IS(gs_channel_try_recv(full, &result), 0);
    CHECK(result == &full);
    IS(gs_channel_try_recv(full, &result), -EAGAIN);
    IS(gs_semaphore_post(&semaphore), 0);
    IS(gs_semaphore_trywait(&semaphore), 0);
    IS(gs_kill(nobody), 0);
    IS(gs_join(nobody, NULL), 0);
    parts();
    return argument;
}

/* Those who are left when the runtime ends are killed by that. */
static int ended;

static void *is_left(void *argument)
{
    IS(gs_semaphore_post(&begun), 0);
    while (gs_sleep((uint64_t)LONG) == 0)
        continue;
    ended++;
    return argument;
}

static void *leaves(void *argument)
{
    gs_thread thread;
    void *result = NULL;

    /* Who is killed before it starts never does. With one worker that is certain. */
    IS(gs_spawn(NULL, NULL, never_ends, &result, &thread), 0);
    IS(gs_kill(thread), 0);
    IS(gs_join(thread, &result), 0);
    CHECK(result == GS_CANCELED || (result == &result && !*(int *)argument));
    for (int i = 0; i < 10; i++)
        IS(gs_spawn(NULL, NULL, is_left, NULL, NULL), 0);
    for (int i = 0; i < 10; i++)
        IS(gs_semaphore_wait(&begun), 0);
    return argument;
}

int main(int argc, char **argv)
{
    gs_config config = GS_CONFIG_INIT;
    gs_runtime *runtime;
    gs_thread thread;
    void *result = NULL;
    int is_only_one;

    CHECK(argc == 2);
    config.workers = (uint32_t)strtoul(argv[1], NULL, 10);
    IS(gs_runtime_create(&config, &runtime), 0);
    IS(gs_run(runtime, kills, NULL, NULL), 0);
    is_only_one = config.workers == 1;
    IS(gs_run(runtime, leaves, &is_only_one, NULL), 0);
    IS(gs_spawn(runtime, NULL, never_ends, &thread, &thread), 0);
    IS(gs_runtime_destroy(runtime), 0);
    if (config.workers == 1)
        IS(ended, 10);
    /* Its result is there after the runtime has gone. */
    IS(gs_join(thread, &result), 0);
    CHECK(result == &thread || result == GS_CANCELED);
    puts("all is well");
    return 0;
}
