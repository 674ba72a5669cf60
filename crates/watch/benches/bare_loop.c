/* The least that a check can cost: connect, send, receive, close, at a fixed rate, in plain C.
 *
 *   cc -O2 -o bare_loop bare_loop.c && ./bare_loop 127.0.0.1 8080 1000 30
 *
 * Arguments: address, port, connections a second, seconds. Prints one line of JSON. Closes by a reset, as the checks
 * do, so that no port stays in TIME_WAIT. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return seconds(u.ru_utime) + seconds(u.ru_stime);
}

static int once(const struct sockaddr_in *to, const char *request, size_t length) {
    char answer[4096];
    struct linger reset = {1, 0};
    int ok = 0, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) return 0;
    setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (connect(s, (const struct sockaddr *)to, sizeof *to) == 0 && send(s, request, length, MSG_NOSIGNAL) == (ssize_t)length)
        ok = recv(s, answer, sizeof answer, 0) > 12 && memcmp(answer + 9, "200", 3) == 0;
    close(s);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s address port rate seconds\n", argv[0]);
        return 2;
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "%s is no IPv4 address\n", argv[1]);
        return 2;
    }
    long rate = atol(argv[3]), total = rate * atol(argv[4]), failed = 0;
    char request[256];
    size_t length = snprintf(request, sizeof request,
        "GET / HTTP/1.1\r\nuser-agent: Foghorn/0.1.0\r\naccept: */*\r\nhost: %s:%s\r\n\r\n", argv[1], argv[2]);
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    double before = cpu();
    for (long i = 0; i < total; i++) {
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR) {}
        failed += !once(&to, request, length);
        next.tv_nsec += 1000000000L / rate;
        if (next.tv_nsec >= 1000000000L) {
            next.tv_nsec -= 1000000000L;
            next.tv_sec++;
        }
    }
    printf("{\"connections\":%ld,\"cpu_us_each\":%.1f,\"failed\":%ld}\n", total, (cpu() - before) * 1e6 / total, failed);
    return failed > 0;
}
