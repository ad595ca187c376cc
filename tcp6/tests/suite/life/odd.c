/* Processes that Rust's standard library cannot create.
 *
 * odd first-thread  The first thread exits; a second thread executes the orders.
 * odd shared        Two processes share one descriptor table; the second one executes the orders.
 * odd alone         An ordinary process, whose forked children have their own descriptor tables.
 *
 * An order is a line with one letter:
 *
 * o  open a listener
 * c  close the newest listener
 * p  close the newest listener, and open a file that gets its descriptor number
 * f  fork a child that keeps all descriptors open
 * k  kill the newest child
 *
 * Each answer is one line: "ok", "err" or "none". The process exits at the end of its standard input. */
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

enum { MAX_ITEMS = 64, STACK_SIZE = 1 << 16 };

static int open_listener(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    if (fd < 0 || bind(fd, (void *)&address, sizeof address) || listen(fd, 8))
        return -1;
    return fd;
}

static int execute_orders(void *unused)
{
    int listeners[MAX_ITEMS], files[MAX_ITEMS], listener_count = 0, file_count = 0, child_count = 0;
    pid_t children[MAX_ITEMS];
    char line[16];
    (void)unused;
    while (fgets(line, sizeof line, stdin)) {
        const char *answer = "ok";
        if (line[0] == 'o' && listener_count < MAX_ITEMS) {
            int fd = open_listener();
            if (fd < 0)
                answer = "err";
            else
                listeners[listener_count++] = fd;
        } else if ((line[0] == 'c' || line[0] == 'p') && listener_count > 0) {
            close(listeners[--listener_count]);
            if (line[0] == 'p' && file_count < MAX_ITEMS)
                files[file_count++] = open("/dev/null", O_RDONLY);
        } else if (line[0] == 'f' && child_count < MAX_ITEMS) {
            pid_t pid = fork();
            if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                    pause();
            }
            if (pid < 0)
                answer = "err";
            else
                children[child_count++] = pid;
        } else if (line[0] == 'k' && child_count > 0) {
            kill(children[--child_count], SIGKILL);
            waitpid(children[child_count], 0, 0);
        } else {
            answer = "none";
        }
        printf("%s\n", answer);
        fflush(stdout);
    }
    (void)files;
    _exit(0);
}

static void *execute_on_second_thread(void *unused)
{
    /* Wait until the first thread has exited; its state is then Z. */
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    for (;;) {
        FILE *file = fopen(path, "r");
        size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file)
            fclose(file);
        text[length] = 0;
        const char *name_end = strrchr(text, ')');
        if (!name_end || name_end[2] == 'Z')
            break;
        usleep(200);
    }
    printf("ready\n");
    fflush(stdout);
    execute_orders(unused);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(mode, "first-thread") == 0) {
        pthread_t thread;
        open_listener();
        if (pthread_create(&thread, 0, execute_on_second_thread, 0))
            return 1;
        pthread_exit(0);
    }
    printf("ready\n");
    fflush(stdout);
    if (strcmp(mode, "shared") == 0) {
        char *stack = mmap(0, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pid_t pid = clone(execute_orders, stack + STACK_SIZE, CLONE_FILES | SIGCHLD, 0);
        if (pid < 0)
            return 1;
        waitpid(pid, 0, 0);
        return 0;
    }
    return execute_orders(0);
}
