/* Processes that Rust's standard library cannot make.
 *
 * odd first-thread  the first thread exits, and another goes on
 * odd shared        two processes share one table of descriptors, and the second one obeys
 * odd alone         a plain process, whose forks share nothing with it
 *
 * Orders are lines of one letter: o opens a listener, c closes the latest, p closes it and opens a file in its place,
 * f forks a child that keeps all, k ends the latest child. The answer is a line. It ends with its standard input. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 64, STACK = 1 << 16 };

static int open_listener(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    if (fd < 0 || bind(fd, (void *)&address, sizeof address) || listen(fd, 8))
        return -1;
    return fd;
}

static int obey(void *unused)
{
    int listeners[MOST], files[MOST], opened = 0, filed = 0, children = 0;
    pid_t child[MOST];
    char line[16];
    (void)unused;
    while (fgets(line, sizeof line, stdin)) {
        const char *answer = "ok";
        if (line[0] == 'o' && opened < MOST) {
            int fd = open_listener();
            if (fd < 0)
                answer = "err";
            else
                listeners[opened++] = fd;
        } else if ((line[0] == 'c' || line[0] == 'p') && opened > 0) {
            close(listeners[--opened]);
            if (line[0] == 'p' && filed < MOST)
                files[filed++] = open("/dev/null", O_RDONLY);
        } else if (line[0] == 'f' && children < MOST) {
            pid_t pid = fork();
            if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                    pause();
            }
            if (pid < 0)
                answer = "err";
            else
                child[children++] = pid;
        } else if (line[0] == 'k' && children > 0) {
            kill(child[--children], SIGKILL);
            waitpid(child[children], 0, 0);
        } else {
            answer = "none";
        }
        printf("%s\n", answer);
        fflush(stdout);
    }
    (void)files;
    _exit(0);
}

static void *obey_on_a_thread(void *unused)
{
    /* Until the first thread has exited, which shows as a zombie. */
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    for (;;) {
        FILE *file = fopen(path, "r");
        size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file)
            fclose(file);
        text[length] = 0;
        const char *name = strrchr(text, ')');
        if (!name || name[2] == 'Z')
            break;
        usleep(200);
    }
    printf("ready\n");
    fflush(stdout);
    obey(unused);
    return 0;
}

int main(int count, char **words)
{
    const char *mode = count > 1 ? words[1] : "";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(mode, "first-thread") == 0) {
        pthread_t thread;
        open_listener();
        if (pthread_create(&thread, 0, obey_on_a_thread, 0))
            return 1;
        pthread_exit(0);
    }
    printf("ready\n");
    fflush(stdout);
    if (strcmp(mode, "shared") == 0) {
        char *stack = mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pid_t pid = clone(obey, stack + STACK, CLONE_FILES | SIGCHLD, 0);
        if (pid < 0)
            return 1;
        waitpid(pid, 0, 0);
        return 0;
    }
    return obey(0);
}
