/* An echo server for as many connections as its argument says: a green thread
 * for each. Prints its port, then, when all have gone, what it has done. */
#include "check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <greenstd.h>
#include <netinet/in.h>
#include <sys/resource.h>

static gs_mutex counting = GS_MUTEX_INIT;
static long long total_bytes, live, most_live;

static void *echo(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char buffer[4096];
    ssize_t count;
    long long bytes = 0;

    IS(gs_mutex_lock(&counting), 0);
    if (++live > most_live)
        most_live = live;
    IS(gs_mutex_unlock(&counting), 0);
    while ((count = gs_read(fd, buffer, sizeof buffer)) > 0) {
        IS(gs_write(fd, buffer, (size_t)count), count);
        bytes += count;
    }
    IS(count, 0);
    IS(gs_close(fd), 0);
    IS(gs_mutex_lock(&counting), 0);
    total_bytes += bytes;
    live--;
    IS(gs_mutex_unlock(&counting), 0);
    return NULL;
}

static void *serve(void *argument)
{
    long count = *(long *)argument;
    gs_thread *threads = calloc((size_t)count, sizeof *threads);
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(threads != NULL && listener >= 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    IS(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    IS(listen(listener, 1024), 0);
    IS(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (long i = 0; i < count; i++) {
        int fd = gs_accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        IS(gs_spawn(NULL, NULL, echo, (void *)(intptr_t)fd, &threads[i]), 0);
    }
    for (long i = 0; i < count; i++)
        IS(gs_join(threads[i], NULL), 0);
    IS(gs_close(listener), 0);
    IS(gs_mutex_destroy(&counting), 0);
    free(threads);
    return NULL;
}

int main(int argc, char **argv)
{
    gs_config config = GS_CONFIG_INIT;
    gs_runtime *runtime = NULL;
    struct rlimit limit;
    long count;

    CHECK(argc == 2);
    count = strtol(argv[1], NULL, 10);
    IS(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
    config.workers = 2;
    config.name = "echo";
    IS(gs_runtime_create(&config, &runtime), 0);
    IS(gs_run(runtime, serve, &count, NULL), 0);
    IS(gs_runtime_destroy(runtime), 0);
    printf("%lld bytes, %lld at once\n", total_bytes, most_live);
    return 0;
}
