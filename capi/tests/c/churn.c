/* Many of everything, begun and ended: nothing is left, and nothing that is the
 * whole process's is changed unasked. */
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <greenstd.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* How many threads the library knows. */
static int count_known(void)
{
    int pair[2], count = -1;
    char text[65536];
    ssize_t length;

    IS(pipe(pair), 0);
    IS(gs_dump(pair[1]), 0);
    length = read(pair[0], text, sizeof text - 1);
    CHECK(length > 0);
    text[length] = 0;
    CHECK(sscanf(text, "%d threads", &count) == 1);
    close(pair[0]);
    close(pair[1]);
    return count;
}

static void *sums(void *argument)
{
    gs_channel *channel = argument;
    void *message;
    intptr_t sum = 0;

    while (gs_channel_recv(channel, &message) == 0)
        sum += (intptr_t)message;
    return (void *)sum;
}

static void *is_brief(void *argument)
{
    if (gs_yield() == 0)
        gs_sleep(1000);
    return argument;
}

/* A life of a runtime: threads that are joined, detached, killed, and left. */
static void *lives(void *argument)
{
    gs_thread threads[16];
    gs_channel *channel;
    void *result;
    intptr_t sum = 0;

    IS(gs_channel_create(3, &channel), 0);
    for (int i = 0; i < 4; i++)
        IS(gs_spawn(NULL, NULL, sums, channel, &threads[i]), 0);
    for (intptr_t i = 1; i <= 50; i++)
        IS(gs_channel_send(channel, (void *)i), 0);
    IS(gs_channel_close(channel), 0);
    for (int i = 0; i < 4; i++) {
        IS(gs_join(threads[i], &result), 0);
        sum += (intptr_t)result;
    }
    IS(sum, 1275);
    IS(gs_channel_destroy(channel), 0);
    for (int i = 0; i < 16; i++)
        IS(gs_spawn(NULL, NULL, is_brief, NULL, &threads[i]), 0);
    for (int i = 0; i < 16; i++) {
        if (i % 4 == 0)
            IS(gs_detach(threads[i]), 0);
        if (i % 4 == 1)
            IS(gs_kill(threads[i]), 0);
        if (i % 4 == 2)
            IS(gs_spawn(NULL, NULL, is_brief, NULL, NULL), 0);
        if (i % 4 != 0)
            IS(gs_join(threads[i], NULL), 0);
    }
    return argument;
}

/* A runtime begins and ends. */
static void *is_a_cycle(void *config)
{
    gs_runtime *runtime;
    gs_thread left;

    IS(gs_runtime_create(config, &runtime), 0);
    IS(gs_run(runtime, lives, NULL, NULL), 0);
    IS(gs_spawn(runtime, NULL, is_brief, NULL, &left), 0);
    IS(gs_runtime_destroy(runtime), 0);
    IS(gs_join(left, NULL), 0);
    return NULL;
}

static gs_runtime *shared;

/* An OS thread that spawns and ends green ones, while others do. */
static void *spawns(void *argument)
{
    for (int i = 0; i < 500; i++) {
        gs_thread thread;
        void *result = NULL;
        IS(gs_spawn(shared, NULL, is_brief, &thread, &thread), 0);
        if (i % 3 == 0)
            IS(gs_kill(thread), 0);
        if (i % 5 == 0) {
            IS(gs_detach(thread), 0);
            continue;
        }
        IS(gs_join(thread, &result), 0);
        CHECK(result == &thread || (i % 3 == 0 && result == GS_CANCELED));
        IS(gs_join(thread, NULL), -ESRCH);
    }
    IS(gs_run(shared, lives, NULL, NULL), 0);
    return argument;
}

static void is_untouched(const struct sigaction *before)
{
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction now;
        if (sigaction(signal, NULL, &now) == 0)
            CHECK(now.sa_handler == before[signal].sa_handler);
    }
}

static void forks(void)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        gs_thread thread;
        gs_runtime *own;
        IS(gs_spawn(shared, NULL, is_brief, NULL, &thread), -EOPNOTSUPP);
        IS(gs_runtime_create(NULL, &own), -EOPNOTSUPP);
        _exit(0);
    }
    IS(waitpid(child, &status, 0), child);
    IS(status, 0);
}

int main(void)
{
    static struct sigaction before[NSIG];
    gs_config config = GS_CONFIG_INIT;
    pthread_t spawners[4];
    int descriptors, tasks, known;

    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, NULL, &before[signal]);
    config.workers = 2;
    IS(gs_run(NULL, is_brief, NULL, NULL), 0);
    descriptors = count_entries("/proc/self/fd");
    tasks = count_entries("/proc/self/task");
    known = count_known();
    for (int i = 0; i < 50; i++) {
        pthread_t fresh;
        is_a_cycle(&config);
        IS(pthread_create(&fresh, NULL, is_a_cycle, &config), 0);
        IS(pthread_join(fresh, NULL), 0);
    }
    IS(count_entries("/proc/self/fd"), descriptors);
    IS(count_entries("/proc/self/task"), tasks);
    IS(count_known(), known);

    IS(gs_runtime_create(&config, &shared), 0);
    for (int i = 0; i < 4; i++)
        IS(pthread_create(&spawners[i], NULL, spawns, NULL), 0);
    for (int i = 0; i < 4; i++)
        IS(pthread_join(spawners[i], NULL), 0);
    forks();
    IS(gs_runtime_destroy(shared), 0);
    IS(count_known(), known);
    IS(count_entries("/proc/self/fd"), descriptors);
    is_untouched(before);
    puts("all is well");
    return 0;
}
