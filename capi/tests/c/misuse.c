/* Does all that is not to be done and can be found out: each says so. */
#include "check.h"
#include <errno.h>
#include <greenstd.h>
#include <string.h>
#include <unistd.h>

static gs_runtime *runtime;

static void *identity(void *argument)
{
    return argument;
}

static void *joins_itself(void *argument)
{
    (void)argument;
    IS(gs_join(gs_current(), NULL), -EDEADLK);
    return NULL;
}

static void *waits(void *argument)
{
    (void)argument;
    while (gs_park() == 0)
        continue;
    return NULL;
}

static void *joins(void *argument)
{
    int outcome;

    /* The other one, who looks whether this one joins, joins for a moment. */
    while ((outcome = gs_join(*(gs_thread *)argument, NULL)) == -EINVAL)
        IS(gs_yield(), 0);
    return (void *)(intptr_t)outcome;
}

static void structs(void)
{
    struct {
        gs_config known;
        uint64_t unknown;
    } newer;
    gs_config config = GS_CONFIG_INIT;
    gs_attributes attributes = GS_ATTRIBUTES_INIT;
    gs_runtime *made = NULL;
    gs_thread thread;

    IS(gs_runtime_create(NULL, NULL), -EINVAL);
    IS(gs_runtime_create(&config, NULL), -EINVAL);
    config.size = 0;
    IS(gs_runtime_create(&config, &made), -EINVAL);
    config.size = 7;
    IS(gs_runtime_create(&config, &made), -EINVAL);
    config.size = (size_t)-1;
    IS(gs_runtime_create(&config, &made), -E2BIG);
    config.size = sizeof config;
    config.flags = 1u << 31;
    IS(gs_runtime_create(&config, &made), -EINVAL);
    config.flags = 0;
    config.stack_size = (size_t)2 << 30;
    IS(gs_runtime_create(&config, &made), -EINVAL);
    CHECK(made == NULL);

    memset(&newer, 0, sizeof newer);
    newer.known.size = sizeof newer;
    newer.known.workers = 1;
    newer.unknown = 1;
    IS(gs_runtime_create(&newer.known, &made), -E2BIG);
    CHECK(made == NULL);
    /* It asks for nothing that is new. */
    newer.unknown = 0;
    IS(gs_runtime_create(&newer.known, &made), 0);
    IS(gs_runtime_destroy(made), 0);

    attributes.size = 1;
    IS(gs_spawn(runtime, &attributes, identity, NULL, &thread), -EINVAL);
    attributes.size = sizeof attributes;
    attributes.flags = GS_MONITOR;
    IS(gs_spawn(runtime, &attributes, identity, NULL, &thread), -EINVAL);
    attributes.flags = 0;
    attributes.reserved = 1;
    IS(gs_spawn(runtime, &attributes, identity, NULL, &thread), -EINVAL);
    attributes.reserved = 0;
    attributes.stack_size = (size_t)2 << 30;
    IS(gs_spawn(runtime, &attributes, identity, NULL, &thread), -EINVAL);
}

static void threads(void)
{
    gs_thread thread, joiner;
    void *result;

    IS(gs_spawn(runtime, NULL, NULL, NULL, &thread), -EINVAL);
    /* There is no runtime to spawn on: nothing is started unasked. */
    IS(gs_spawn(NULL, NULL, identity, NULL, &thread), -EINVAL);
    IS(gs_run(runtime, NULL, NULL, NULL), -EINVAL);

    IS(gs_spawn(runtime, NULL, identity, NULL, &thread), 0);
    IS(gs_join(thread, NULL), 0);
    IS(gs_join(thread, NULL), -ESRCH);
    IS(gs_detach(thread), -ESRCH);
    IS(gs_kill(thread), -ESRCH);
    IS(gs_unpark(thread), -ESRCH);
    IS(gs_join(0, NULL), -ESRCH);
    IS(gs_join((gs_thread)-1, NULL), -ESRCH);

    IS(gs_spawn(runtime, NULL, waits, NULL, &thread), 0);
    IS(gs_detach(thread), 0);
    IS(gs_detach(thread), -EINVAL);
    IS(gs_join(thread, NULL), -EINVAL);
    IS(gs_kill(thread), 0);
    while (gs_kill(thread) != -ESRCH)
        IS(gs_sleep(MILLISECOND), 0);

    IS(gs_spawn(runtime, NULL, waits, NULL, &thread), 0);
    IS(gs_spawn(runtime, NULL, joins, &thread, &joiner), 0);
    /* While one joins nobody else can. */
    while (gs_join_timeout(thread, 0, NULL) != -EINVAL)
        IS(gs_sleep(MILLISECOND), 0);
    IS(gs_detach(thread), -EINVAL);
    IS(gs_kill(thread), 0);
    IS(gs_join(joiner, &result), 0);
    IS((intptr_t)result, 0);

    IS(gs_spawn(runtime, NULL, joins_itself, NULL, &thread), 0);
    IS(gs_join(thread, NULL), 0);
    IS(gs_kill(gs_current()), -EOPNOTSUPP);
    IS(gs_join(gs_current(), NULL), -EDEADLK);
}

static void objects(void)
{
    gs_channel *channel = NULL;
    gs_mutex mutex = GS_MUTEX_INIT;
    gs_cond condition = GS_COND_INIT;
    gs_semaphore semaphore = GS_SEMAPHORE_INIT;
    void *message;
    gs_key key;

    IS(gs_channel_create(1, NULL), -EINVAL);
    IS(gs_channel_send(NULL, NULL), -EINVAL);
    IS(gs_channel_try_send(NULL, NULL), -EINVAL);
    IS(gs_channel_recv(NULL, &message), -EINVAL);
    IS(gs_channel_close(NULL), -EINVAL);
    IS(gs_channel_length(NULL), -EINVAL);
    IS(gs_channel_destroy(NULL), -EINVAL);
    IS(gs_channel_create(1, &channel), 0);
    IS(gs_channel_recv(channel, NULL), -EINVAL);
    /* One type is not another. */
    IS(gs_runtime_destroy((gs_runtime *)channel), -EINVAL);
    IS(gs_channel_close((gs_channel *)runtime), -EINVAL);
    IS(gs_channel_close((gs_channel *)((char *)channel + 1)), -EINVAL);
    IS(gs_channel_destroy(channel), 0);

    IS(gs_mutex_lock(NULL), -EINVAL);
    IS(gs_mutex_trylock(NULL), -EINVAL);
    IS(gs_mutex_unlock(NULL), -EINVAL);
    IS(gs_mutex_init(NULL), -EINVAL);
    IS(gs_mutex_destroy(NULL), -EINVAL);
    IS(gs_mutex_unlock(&mutex), -EPERM);
    IS(gs_cond_wait(&condition, &mutex), -EPERM);
    IS(gs_mutex_lock(&mutex), 0);
    IS(gs_mutex_lock(&mutex), -EDEADLK);
    IS(gs_mutex_trylock(&mutex), -EBUSY);
    IS(gs_semaphore_post((gs_semaphore *)&mutex), -EINVAL);
    IS(gs_cond_wait(NULL, &mutex), -EINVAL);
    IS(gs_cond_wait(&condition, NULL), -EINVAL);
    IS(gs_mutex_destroy(&mutex), -EBUSY);
    IS(gs_mutex_unlock(&mutex), 0);
    IS(gs_mutex_destroy(&mutex), 0);
    IS(gs_mutex_destroy(&mutex), 0);
    IS(gs_cond_signal(NULL), -EINVAL);
    IS(gs_cond_destroy(&condition), 0);
    IS(gs_cond_destroy(NULL), -EINVAL);
    IS(gs_semaphore_post(NULL), -EINVAL);
    IS(gs_semaphore_wait(NULL), -EINVAL);
    IS(gs_semaphore_destroy(&semaphore), 0);

    IS(gs_key_create(NULL, NULL), -EINVAL);
    IS(gs_key_set(0, NULL), -EINVAL);
    IS(gs_key_delete(0), -EINVAL);
    IS(gs_key_create(&key, NULL), 0);
    IS(gs_key_delete(key), 0);
    IS(gs_key_delete(key), -EINVAL);
    CHECK(gs_key_get(key) == NULL);
    IS(gs_blocking(NULL, NULL, NULL), -EINVAL);
}

static void descriptors(void)
{
    int pair[2];
    char byte;

    IS(pipe(pair), 0);
    IS(gs_read(-1, &byte, 1), -EBADF);
    IS(gs_write(1 << 20, &byte, 1), -EBADF);
    IS(gs_read(pair[0], NULL, 1), -EINVAL);
    IS(gs_write(pair[1], NULL, 1), -EINVAL);
    IS(gs_recv(pair[0], &byte, 1, 0), -ENOTSOCK);
    IS(gs_send(pair[1], &byte, 1, 0), -ENOTSOCK);
    IS(gs_accept(pair[0], NULL, NULL), -ENOTSOCK);
    IS(gs_accept(-1, NULL, NULL), -EBADF);
    IS(gs_connect(pair[0], NULL, 0), -EINVAL);
    IS(gs_connect(-1, (struct sockaddr *)&pair, sizeof pair), -EBADF);
    IS(gs_wait_fd(-1, POLLIN, 0), -EBADF);
    IS(gs_wait_fd(1 << 20, POLLIN, 0), POLLNVAL);
    IS(gs_poll(NULL, 1, 0), -EINVAL);
    IS(gs_close(pair[0]), 0);
    IS(gs_close(pair[0]), -EBADF);
    IS(gs_close(-1), -EBADF);
    IS(gs_read(pair[0], &byte, 1), -EBADF);
    IS(gs_close(pair[1]), 0);
    IS(gs_dump(-1), -EBADF);
}

static void *on_green_thread(void *argument)
{
    gs_thread thread;

    IS(gs_runtime_destroy(runtime), -EDEADLK);
    IS(gs_spawn(NULL, NULL, joins_itself, NULL, &thread), 0);
    IS(gs_join(thread, NULL), 0);
    objects();
    descriptors();
    return argument;
}

static void *destroys(void *argument)
{
    /* On another runtime: it may, but for whoever runs it. */
    return (void *)(intptr_t)gs_runtime_destroy(argument);
}

static void *deadlocks(void *argument)
{
    while (gs_park() == 0)
        continue;
    return argument;
}

int main(void)
{
    gs_config config = GS_CONFIG_INIT;
    gs_runtime *other = NULL;
    void *result = NULL;

    config.workers = 1;
    config.flags = GS_DETECT_DEADLOCKS;
    IS(gs_runtime_create(&config, &runtime), 0);
    structs();
    threads();
    objects();
    descriptors();
    IS(gs_run(runtime, on_green_thread, NULL, NULL), 0);
    IS(gs_runtime_create(&config, &other), 0);
    IS(gs_run(other, destroys, other, &result), 0);
    IS((intptr_t)result, -EDEADLK);
    IS(gs_run(other, destroys, runtime, &result), 0);
    IS((intptr_t)result, 0);
    /* All wait, and nothing can wake them. */
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    IS(gs_run(other, deadlocks, NULL, NULL), -EDEADLK);
    IS(gs_runtime_destroy(other), 0);
    IS(gs_runtime_destroy(NULL), -EINVAL);
    puts("all is well");
    return 0;
}
