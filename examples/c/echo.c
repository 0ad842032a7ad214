/* An echo server in C, a green thread for each connection.
 *
 *     echo 127.0.0.1:7777
 */
#include <arpa/inet.h>
#include <errno.h>
#include <greenstd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *echo(void *connection)
{
    int fd = (int)(intptr_t)connection;
    char buffer[16384];
    ssize_t count;

    while ((count = gs_recv(fd, buffer, sizeof buffer, 0)) > 0)
        if (gs_send(fd, buffer, (size_t)count, MSG_NOSIGNAL) != count)
            break;
    gs_close(fd);
    return NULL;
}

static void *serve(void *address)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener < 0 || bind(listener, address, sizeof(struct sockaddr_in)) != 0 ||
        listen(listener, 1024) != 0) {
        perror("listen");
        return "no listener";
    }
    for (;;) {
        int fd = gs_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        int error = fd < 0 ? fd : gs_spawn(NULL, NULL, echo, (void *)(intptr_t)fd, NULL);
        if (error < 0) {
            /* The connection was reset, or there is no room for another one. */
            fprintf(stderr, "accept: %s\n", strerror(-error));
            if (fd >= 0)
                gs_close(fd);
            if (error != -ECONNABORTED && gs_sleep(10000000) != 0)
                return "killed";
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {0};
    char *port = argc == 2 ? strrchr(argv[1], ':') : NULL;
    int error;

    if (port == NULL) {
        fprintf(stderr, "usage: %s ADDRESS:PORT\n", argv[0]);
        return 2;
    }
    *port++ = 0;
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        fprintf(stderr, "%s is no address\n", argv[1]);
        return 2;
    }
    error = gs_run(NULL, serve, &address, NULL);
    fprintf(stderr, "%s\n", strerror(-error));
    return 1;
}
