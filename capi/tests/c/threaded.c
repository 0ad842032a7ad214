/* A small store over TCP, an OS thread for each connection: as servers in C
 * have been written for decades. ported.c is the same on green threads.
 *
 * Lines in, lines out: SET KEY VALUE, GET KEY, WAIT KEY (until it is set),
 * NAP MILLISECONDS, COUNT (lines of this connection), QUIT, STOP. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 64
#define CONNECTIONS 256

struct entry {
    char key[32];
    char value[64];
};

static pthread_mutex_t store_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t store_changed = PTHREAD_COND_INITIALIZER;
static struct entry store[ENTRIES];
static int entries, live, listener;
static sem_t places;
static pthread_key_t lines_of_connection;

/* With the lock held. */
static struct entry *find(const char *key)
{
    for (int i = 0; i < entries; i++)
        if (strcmp(store[i].key, key) == 0)
            return &store[i];
    return NULL;
}

static void set(const char *key, const char *value)
{
    struct entry *entry;

    pthread_mutex_lock(&store_lock);
    entry = find(key);
    if (entry == NULL && entries < ENTRIES) {
        entry = &store[entries++];
        snprintf(entry->key, sizeof entry->key, "%s", key);
    }
    if (entry != NULL)
        snprintf(entry->value, sizeof entry->value, "%s", value);
    pthread_cond_broadcast(&store_changed);
    pthread_mutex_unlock(&store_lock);
}

static void get(const char *key, int waits, char *answer, size_t size)
{
    struct entry *entry;

    pthread_mutex_lock(&store_lock);
    while ((entry = find(key)) == NULL && waits)
        if (pthread_cond_wait(&store_changed, &store_lock) != 0)
            break;
    if (entry != NULL)
        snprintf(answer, size, "VALUE %s\n", entry->value);
    else
        snprintf(answer, size, "NONE\n");
    pthread_mutex_unlock(&store_lock);
}

static int nap(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    return nanosleep(&time, NULL);
}

/* One line; 0 ends the connection. */
static int answer_line(int fd, char *line)
{
    int *lines = pthread_getspecific(lines_of_connection);
    char answer[128] = "OK\n";
    char command[16] = "", key[32] = "", value[64] = "";
    int goes_on = 1;

    ++*lines;
    sscanf(line, "%15s %31s %63s", command, key, value);
    if (strcmp(command, "SET") == 0) {
        set(key, value);
    } else if (strcmp(command, "GET") == 0) {
        get(key, 0, answer, sizeof answer);
    } else if (strcmp(command, "WAIT") == 0) {
        get(key, 1, answer, sizeof answer);
    } else if (strcmp(command, "NAP") == 0) {
        nap(strtol(key, NULL, 10));
    } else if (strcmp(command, "COUNT") == 0) {
        snprintf(answer, sizeof answer, "%d\n", *lines);
    } else if (strcmp(command, "QUIT") == 0) {
        snprintf(answer, sizeof answer, "BYE\n");
        goes_on = 0;
    } else if (strcmp(command, "STOP") == 0) {
        shutdown(listener, SHUT_RDWR);
        goes_on = 0;
    } else {
        snprintf(answer, sizeof answer, "ERROR %s\n", command);
    }
    return write(fd, answer, strlen(answer)) > 0 && goes_on;
}

static void *connection(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char buffer[512];
    size_t filled = 0;
    int goes_on = 1;

    pthread_setspecific(lines_of_connection, calloc(1, sizeof(int)));
    while (goes_on) {
        char *end;
        ssize_t count = recv(fd, buffer + filled, sizeof buffer - 1 - filled, 0);
        if (count <= 0)
            break;
        filled += (size_t)count;
        buffer[filled] = 0;
        while (goes_on && (end = strchr(buffer, '\n')) != NULL) {
            *end = 0;
            goes_on = answer_line(fd, buffer);
            filled -= (size_t)(end + 1 - buffer);
            memmove(buffer, end + 1, filled + 1);
        }
        if (filled == sizeof buffer - 1)
            break;
    }
    close(fd);
    pthread_mutex_lock(&store_lock);
    live--;
    pthread_cond_broadcast(&store_changed);
    pthread_mutex_unlock(&store_lock);
    sem_post(&places);
    return NULL;
}

static void *serve(void *unused)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    int fd;

    (void)unused;
    pthread_key_create(&lines_of_connection, free);
    sem_init(&places, 0, CONNECTIONS);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 128) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return "no listener";
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        sem_wait(&places);
        pthread_mutex_lock(&store_lock);
        live++;
        pthread_mutex_unlock(&store_lock);
        if (pthread_create(&thread, NULL, connection, (void *)(intptr_t)fd) != 0)
            return "no thread";
        pthread_detach(thread);
    }
    pthread_mutex_lock(&store_lock);
    while (live > 0)
        pthread_cond_wait(&store_changed, &store_lock);
    pthread_mutex_unlock(&store_lock);
    close(listener);
    return NULL;
}

int main(void)
{
    return serve(NULL) != NULL;
}
