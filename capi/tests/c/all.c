/* Uses every function of the header, and looks at what each of them says. */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <greenstd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static gs_runtime *runtime;

static void *identity(void *argument)
{
    return argument;
}

/* Threads: spawn, join, detach, current, yield, sleep, park. */

static void *parks(void *argument)
{
    *(gs_thread *)argument = gs_current();
    IS(gs_park(), 0);
    return "unparked";
}

static void *sleeps(void *argument)
{
    for (;;)
        if (gs_sleep((uint64_t)LONG) == -ECANCELED)
            return argument;
}

static void threads(void)
{
    gs_attributes attributes = GS_ATTRIBUTES_INIT;
    gs_thread thread = 0, other = 0;
    void *result = NULL;

    IS(gs_is_green(), 1);
    CHECK(gs_current() != 0 && gs_current() == gs_current());
    attributes.name = "named";
    attributes.stack_size = 1 << 20;
    IS(gs_spawn(NULL, &attributes, identity, &thread, &thread), 0);
    CHECK(thread != 0 && thread != gs_current());
    IS(gs_join(thread, &result), 0);
    CHECK(result == &thread);

    IS(gs_spawn(runtime, NULL, parks, &other, &thread), 0);
    IS(gs_join_timeout(thread, MILLISECOND, &result), -ETIMEDOUT);
    IS(gs_unpark(thread), 0);
    IS(gs_join_timeout(thread, LONG, &result), 0);
    CHECK(other == thread && strcmp(result, "unparked") == 0);

    IS(gs_spawn(NULL, NULL, sleeps, &other, &thread), 0);
    IS(gs_yield(), 0);
    IS(gs_sleep(MILLISECOND), 0);
    IS(gs_kill(thread), 0);
    IS(gs_join(thread, &result), 0);
    /* It has ended by itself, unless it was killed before it began. */
    CHECK(result == &other || result == GS_CANCELED);

    IS(gs_spawn(NULL, NULL, sleeps, NULL, &thread), 0);
    IS(gs_detach(thread), 0);
    IS(gs_kill(thread), 0);
    IS(gs_unpark(gs_current()), 0);
    IS(gs_park_timeout(LONG), 0);
    IS(gs_park_timeout(0), 0);
}

/* Keys: values of each thread, and their end. */

static gs_key first_key, second_key;
static int destroyed;

static void destroy(void *value)
{
    destroyed++;
    /* Everything can still be called, and a new value is destroyed next. */
    IS(gs_yield(), 0);
    CHECK(gs_key_get(first_key) == NULL);
    if (value == &first_key)
        IS(gs_key_set(second_key, &second_key), 0);
}

static void *uses_keys(void *argument)
{
    CHECK(gs_key_get(first_key) == NULL);
    IS(gs_key_set(first_key, &first_key), 0);
    IS(gs_yield(), 0);
    CHECK(gs_key_get(first_key) == &first_key);
    return argument;
}

static void keys(void)
{
    gs_thread thread;
    gs_key third;

    IS(gs_key_create(&first_key, destroy), 0);
    IS(gs_key_create(&second_key, destroy), 0);
    IS(gs_key_set(first_key, &thread), 0);
    IS(gs_spawn(NULL, NULL, uses_keys, NULL, &thread), 0);
    IS(gs_join(thread, NULL), 0);
    IS(destroyed, 2);
    CHECK(gs_key_get(first_key) == &thread);
    IS(gs_key_delete(first_key), 0);
    CHECK(gs_key_get(first_key) == NULL || gs_key_set(first_key, NULL) != 0);
    IS(gs_key_set(first_key, &thread), -EINVAL);
    IS(gs_key_create(&third, NULL), 0);
    CHECK(third != first_key && gs_key_get(third) == NULL);
    IS(gs_key_delete(second_key), 0);
    IS(gs_key_delete(third), 0);
}

/* Channels. */

static void *drains(void *argument)
{
    void *message;
    long long sum = 0;

    while (gs_channel_recv(argument, &message) == 0)
        sum += (intptr_t)message;
    return (void *)(intptr_t)sum;
}

static void channels(void)
{
    gs_channel *channel = NULL, *endless = NULL;
    gs_thread threads[2];
    void *message = NULL, *sums[2];

    IS(gs_channel_create(1, &channel), 0);
    IS(gs_channel_try_send(channel, &channel), 0);
    IS(gs_channel_try_send(channel, NULL), -EAGAIN);
    IS(gs_channel_send_timeout(channel, NULL, MILLISECOND), -ETIMEDOUT);
    IS(gs_channel_length(channel), 1);
    IS(gs_channel_try_recv(channel, &message), 0);
    CHECK(message == &channel);
    IS(gs_channel_try_recv(channel, &message), -EAGAIN);
    IS(gs_channel_recv_timeout(channel, &message, MILLISECOND), -ETIMEDOUT);
    for (int i = 0; i < 2; i++)
        IS(gs_spawn(NULL, NULL, drains, channel, &threads[i]), 0);
    for (intptr_t i = 1; i <= 1000; i++)
        IS(gs_channel_send(channel, (void *)i), 0);
    IS(gs_channel_close(channel), 0);
    for (int i = 0; i < 2; i++)
        IS(gs_join(threads[i], &sums[i]), 0);
    IS((intptr_t)sums[0] + (intptr_t)sums[1], 500500);
    IS(gs_channel_send(channel, NULL), -EPIPE);
    IS(gs_channel_close(channel), 0);
    IS(gs_channel_destroy(channel), 0);

    IS(gs_channel_create(0, &endless), 0);
    for (intptr_t i = 0; i < 10000; i++)
        IS(gs_channel_send(endless, (void *)i), 0);
    IS(gs_channel_close(endless), 0);
    for (intptr_t i = 0; i < 10000; i++) {
        IS(gs_channel_recv(endless, &message), 0);
        IS((intptr_t)message, i);
    }
    IS(gs_channel_recv(endless, &message), -EPIPE);
    IS(gs_channel_try_recv(endless, &message), -EPIPE);
    IS(gs_channel_destroy(endless), 0);
}

/* Locks. */

static gs_mutex mutex = GS_MUTEX_INIT;
static gs_cond condition = GS_COND_INIT;
static gs_semaphore done = GS_SEMAPHORE_INIT;
static int counter, is_open;

static void *counts(void *argument)
{
    for (int i = 0; i < 100; i++) {
        int before;
        IS(gs_mutex_lock(&mutex), 0);
        before = counter;
        if (i % 10 == 0)
            IS(gs_yield(), 0);
        counter = before + 1;
        IS(gs_mutex_unlock(&mutex), 0);
    }
    IS(gs_mutex_lock(&mutex), 0);
    while (!is_open)
        IS(gs_cond_wait(&condition, &mutex), 0);
    IS(gs_mutex_unlock(&mutex), 0);
    IS(gs_semaphore_post(&done), 0);
    return argument;
}

static void locks(void)
{
    gs_mutex own;
    gs_cond other;
    gs_semaphore two;

    for (int i = 0; i < 10; i++)
        IS(gs_spawn(NULL, NULL, counts, NULL, NULL), 0);
    IS(gs_semaphore_timedwait(&done, 5 * MILLISECOND), -ETIMEDOUT);
    IS(gs_mutex_lock(&mutex), 0);
    is_open = 1;
    IS(gs_cond_broadcast(&condition), 0);
    IS(gs_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 10; i++)
        IS(gs_semaphore_wait(&done), 0);
    IS(gs_semaphore_trywait(&done), -EAGAIN);
    IS(counter, 1000);

    memset(&own, 0xaa, sizeof own);
    memset(&other, 0xaa, sizeof other);
    memset(&two, 0xaa, sizeof two);
    IS(gs_mutex_init(&own), 0);
    IS(gs_cond_init(&other), 0);
    IS(gs_semaphore_init(&two, 2), 0);
    IS(gs_semaphore_trywait(&two), 0);
    IS(gs_semaphore_timedwait(&two, 0), 0);
    IS(gs_semaphore_timedwait(&two, 0), -ETIMEDOUT);
    IS(gs_mutex_trylock(&own), 0);
    IS(gs_cond_signal(&other), 0);
    IS(gs_cond_timedwait(&other, &own, MILLISECOND), -ETIMEDOUT);
    IS(gs_mutex_destroy(&own), -EBUSY);
    IS(gs_mutex_unlock(&own), 0);
    IS(gs_mutex_destroy(&own), 0);
    IS(gs_cond_destroy(&other), 0);
    IS(gs_semaphore_destroy(&two), 0);
    IS(gs_mutex_destroy(&mutex), 0);
    IS(gs_cond_destroy(&condition), 0);
    IS(gs_semaphore_destroy(&done), 0);
}

/* Descriptors. */

#define LARGE (4 << 20)

static void *writes(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char *bytes = malloc(LARGE);

    for (int i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 7);
    IS(gs_write(fd, bytes, LARGE), LARGE);
    free(bytes);
    IS(gs_close(fd), 0);
    return NULL;
}

static void is_read_whole(int fd)
{
    char buffer[10000];
    ssize_t count;
    int at = 0;

    while ((count = gs_read(fd, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < count; i++, at++)
            CHECK(buffer[i] == (char)(at * 7));
    IS(count, 0);
    IS(at, LARGE);
    IS(gs_close(fd), 0);
}

static void *connects(void *argument)
{
    struct sockaddr_in *address = argument;
    char word[5] = "";
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    IS(gs_connect(fd, (struct sockaddr *)address, sizeof *address), 0);
    IS(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    IS(gs_send(fd, "ping", 4, MSG_NOSIGNAL), 4);
    IS(gs_recv(fd, word, 4, MSG_WAITALL), 4);
    CHECK(strcmp(word, "pong") == 0);
    IS(gs_recv(fd, word, 4, MSG_DONTWAIT), -EAGAIN);
    IS(gs_recv(fd, word, 4, 0), 0);
    IS(gs_close(fd), 0);
    return NULL;
}

static void *waits_for_a_byte(void *argument)
{
    char byte;

    return (void *)(intptr_t)gs_read((int)(intptr_t)argument, &byte, 1);
}

static void streams(void)
{
    int pair[2], path[] = {-1, -1};
    char name[] = "/tmp/greenstd-all-XXXXXX", buffer[16] = "";
    gs_thread thread;
    void *result;

    for (int i = 0; i < 2; i++) {
        IS(i == 0 ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        IS(gs_read(pair[0], NULL, 0), 0);
        IS(gs_write(pair[1], NULL, 0), 0);
        IS(gs_spawn(NULL, NULL, writes, (void *)(intptr_t)pair[1], &thread), 0);
        is_read_whole(pair[0]);
        IS(gs_join(thread, NULL), 0);
    }
    path[0] = mkstemp(name);
    CHECK(path[0] >= 0);
    IS(gs_write(path[0], "on a disk", 9), 9);
    IS(lseek(path[0], 3, SEEK_SET), 3);
    IS(gs_read(path[0], buffer, sizeof buffer), 6);
    CHECK(strcmp(buffer, "a disk") == 0);
    IS(gs_read(path[0], buffer, sizeof buffer), 0);
    IS(unlink(name), 0);
    IS(gs_close(path[0]), 0);
    path[0] = open("/dev/zero", O_RDONLY);
    IS(gs_read(path[0], buffer, 3), 3);
    CHECK(buffer[0] == 0);
    IS(gs_close(path[0]), 0);

    /* Who waits for what is closed is told so. */
    IS(pipe(pair), 0);
    IS(gs_spawn(NULL, NULL, waits_for_a_byte, (void *)(intptr_t)pair[0], &thread), 0);
    IS(gs_join_timeout(thread, 20 * MILLISECOND, NULL), -ETIMEDOUT);
    IS(gs_close(pair[0]), 0);
    IS(gs_join_timeout(thread, LONG, &result), 0);
    IS((intptr_t)result, -EBADF);
    IS(gs_close(pair[1]), 0);

    /* A number that was closed behind the library's back is found out. */
    for (int i = 0; i < 2; i++) {
        IS(pipe(pair), 0);
        IS(gs_spawn(NULL, NULL, waits_for_a_byte, (void *)(intptr_t)pair[0], &thread), 0);
        IS(gs_join_timeout(thread, 20 * MILLISECOND, NULL), -ETIMEDOUT);
        IS(write(pair[1], "x", 1), 1);
        IS(gs_join_timeout(thread, LONG, &result), 0);
        IS((intptr_t)result, 1);
        IS(close(pair[0]), 0);
        IS(close(pair[1]), 0);
    }
}

static void connections(void)
{
    struct sockaddr_in address = {0}, peer;
    socklen_t length = sizeof address;
    struct timeval short_time = {0, 20000};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    char word[5] = "";
    gs_thread thread;

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    IS(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    IS(listen(listener, 8), 0);
    IS(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < 2; i++) {
        IS(gs_spawn(NULL, NULL, connects, &address, &thread), 0);
        length = sizeof peer;
        if (i == 0)
            fd = gs_accept(listener, (struct sockaddr *)&peer, &length);
        else
            fd = gs_accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        CHECK(fd >= 0);
        IS(length, sizeof peer);
        /* It waits all the same, where the descriptor is O_NONBLOCK. */
        IS(fcntl(fd, F_GETFL) & O_NONBLOCK, i == 0 ? 0 : O_NONBLOCK);
        IS(gs_recv(fd, word, 4, 0), 4);
        CHECK(strcmp(word, "ping") == 0);
        IS(gs_send(fd, "pong", 4, 0), 4);
        IS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time), 0);
        IS(gs_recv(fd, word, 4, 0), -EAGAIN);
        IS(gs_recv(fd, word, 4, MSG_WAITALL), -EAGAIN);
        IS(gs_close(fd), 0);
        IS(gs_join(thread, NULL), 0);
    }
    IS(gs_close(listener), 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    IS(gs_connect(fd, (struct sockaddr *)&address, sizeof address), -ECONNREFUSED);
    IS(gs_close(fd), 0);
}

static void datagrams(void)
{
    struct sockaddr_in address = {0}, from;
    socklen_t length = sizeof address;
    int first = socket(AF_INET, SOCK_DGRAM, 0), second = socket(AF_INET, SOCK_DGRAM, 0);
    struct pollfd both[2];
    char word[8] = "";

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    IS(bind(first, (struct sockaddr *)&address, sizeof address), 0);
    IS(getsockname(first, (struct sockaddr *)&address, &length), 0);
    IS(gs_wait_fd(first, POLLIN, 2 * MILLISECOND), -ETIMEDOUT);
    IS(gs_wait_fd(first, POLLIN, 0), -ETIMEDOUT);
    IS(gs_sendto(second, "hello", 5, 0, (struct sockaddr *)&address, length), 5);
    IS(gs_wait_fd(first, POLLIN, LONG), POLLIN);
    both[0].fd = second;
    both[1].fd = first;
    both[0].events = both[1].events = POLLIN;
    IS(gs_poll(both, 2, LONG), 1);
    IS(both[0].revents, 0);
    IS(both[1].revents, POLLIN);
    IS(gs_poll(NULL, 0, MILLISECOND), 0);
    length = sizeof from;
    IS(gs_recvfrom(first, word, sizeof word, 0, (struct sockaddr *)&from, &length), 5);
    CHECK(strcmp(word, "hello") == 0);
    IS(from.sin_family, AF_INET);
    IS(gs_sendto(second, NULL, 0, 0, (struct sockaddr *)&address, sizeof address), 0);
    IS(gs_recvfrom(first, word, sizeof word, 0, NULL, NULL), 0);
    IS(gs_close(first), 0);
    IS(gs_close(second), 0);
}

/* Calls that can only block, and what there is. */

static void *blocks(void *argument)
{
    IS(gs_is_green(), 0);
    IS(usleep(5000), 0);
    return argument;
}

static void others(void)
{
    char name[] = "/tmp/greenstd-dump-XXXXXX", text[4096] = "";
    gs_attributes attributes = GS_ATTRIBUTES_INIT;
    gs_thread thread;
    void *result = NULL;
    int fd = mkstemp(name);

    IS(gs_blocking(blocks, name, &result), 0);
    CHECK(result == name);
    attributes.name = "to be seen";
    IS(gs_spawn(NULL, &attributes, sleeps, NULL, &thread), 0);
    IS(gs_dump(fd), 0);
    CHECK(pread(fd, text, sizeof text - 1, 0) > 0);
    CHECK(strstr(text, "to be seen") != NULL);
    IS(gs_kill(thread), 0);
    IS(gs_join(thread, NULL), 0);
    IS(close(fd), 0);
    IS(unlink(name), 0);
}

static void *everything(void *argument)
{
    threads();
    keys();
    channels();
    locks();
    streams();
    connections();
    datagrams();
    others();
    return argument;
}

/* The same on a plain thread of the system, which meets green ones. */

static void *plain(void *argument)
{
    gs_key key;

    IS(gs_is_green(), 0);
    IS(gs_key_create(&key, NULL), 0);
    IS(gs_key_set(key, &key), 0);
    CHECK(gs_key_get(key) == &key);
    IS(gs_unpark(gs_current()), 0);
    IS(gs_park(), 0);
    /* Each call works here, too; those that spawn need a runtime. */
    datagrams();
    IS(gs_sleep(MILLISECOND), 0);
    IS(gs_yield(), 0);
    IS(gs_blocking(blocks, &key, NULL), 0);
    return argument;
}

int main(void)
{
    gs_config config = GS_CONFIG_INIT;
    pthread_t thread;
    void *result = NULL;
    char text[] = "argument";

    for (int own = 0; own < 2; own++) {
        config.workers = 1 + (uint32_t)own * 2;
        config.flags = GS_REPORT_OVERFLOW | GS_DETECT_DEADLOCKS;
        config.flags |= own ? GS_OWN_THREAD_LOCALS : 0;
        IS(gs_runtime_create(&config, &runtime), 0);
        destroyed = counter = is_open = 0;
        IS(gs_run(runtime, everything, text, &result), 0);
        CHECK(result == text);
        IS(gs_runtime_destroy(runtime), 0);
    }
    IS(pthread_create(&thread, NULL, plain, NULL), 0);
    IS(pthread_join(thread, NULL), 0);
    IS(gs_run(NULL, identity, text, &result), 0);
    CHECK(result == text);
    puts("all is well");
    return 0;
}
