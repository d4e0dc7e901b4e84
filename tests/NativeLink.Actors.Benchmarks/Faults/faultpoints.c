/* faultpoints SOCKET PROGRAM ARGUMENT...
 *
 * Runs a program, and lets one of its system calls fail when it is told to. A seccomp filter reports each call that allocates something to a process
 * beside it, which counts and lets them go on, but for the one that was asked for: so it sees what any thread calls by whatever way, also children that
 * still share the program's memory. What an action's own programs call is let through uncounted, as their executable is another one.
 *
 * SOCKET is a socket that a test connects to, and writes lines to:
 *   arm KIND N   from now on the Nth call of this kind fails, once (0: none); answers "ok"
 *   disarm       answers "COUNT", and for a call that failed " FAILED what it was"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

struct call { int number; const char *name; const char *kind; int error; int path; };

/* path: which argument names a file, or -1 */
static const struct call calls[] = {
#ifdef SYS_open
    { SYS_open, "open", "descriptor", EMFILE, 0 },
    { SYS_creat, "creat", "descriptor", EMFILE, 0 },
    { SYS_pipe, "pipe", "descriptor", EMFILE, -1 },
    { SYS_eventfd, "eventfd", "descriptor", EMFILE, -1 },
    { SYS_inotify_init, "inotify_init", "descriptor", EMFILE, -1 },
    { SYS_epoll_create, "epoll_create", "descriptor", EMFILE, -1 },
    { SYS_fork, "fork", "task", EAGAIN, -1 },
    { SYS_vfork, "vfork", "task", EAGAIN, -1 },
    { SYS_mkdir, "mkdir", "directory", ENOSPC, 0 },
    { SYS_link, "link", "entry", ENOSPC, 1 },
    { SYS_symlink, "symlink", "entry", ENOSPC, 1 },
#endif
    { SYS_openat, "openat", "descriptor", EMFILE, 1 },
    { SYS_openat2, "openat2", "descriptor", EMFILE, 1 },
    { SYS_socket, "socket", "descriptor", EMFILE, -1 },
    { SYS_socketpair, "socketpair", "descriptor", EMFILE, -1 },
    { SYS_pipe2, "pipe2", "descriptor", EMFILE, -1 },
    { SYS_eventfd2, "eventfd2", "descriptor", EMFILE, -1 },
    { SYS_epoll_create1, "epoll_create1", "descriptor", EMFILE, -1 },
    { SYS_pidfd_open, "pidfd_open", "descriptor", EMFILE, -1 },
    { SYS_dup, "dup", "descriptor", EMFILE, -1 },
    { SYS_fcntl, "fcntl", "descriptor", EMFILE, -1 },
    { SYS_memfd_create, "memfd_create", "descriptor", EMFILE, -1 },
    { SYS_inotify_init1, "inotify_init1", "descriptor", EMFILE, -1 },
    { SYS_timerfd_create, "timerfd_create", "descriptor", EMFILE, -1 },
    { SYS_signalfd4, "signalfd4", "descriptor", EMFILE, -1 },
    { SYS_clone, "clone", "task", EAGAIN, -1 },
    { SYS_clone3, "clone3", "task", EAGAIN, -1 },
    { SYS_unshare, "unshare", "task", ENOSPC, -1 },
    { SYS_mkdirat, "mkdirat", "directory", ENOSPC, 1 },
    { SYS_linkat, "linkat", "entry", ENOSPC, 3 },
    { SYS_symlinkat, "symlinkat", "entry", ENOSPC, 2 },
    { SYS_mount, "mount", "mount", ENOSPC, 1 },
    { SYS_fsopen, "fsopen", "mount", EMFILE, -1 },
    { SYS_fsmount, "fsmount", "mount", ENOSPC, -1 },
    { SYS_move_mount, "move_mount", "mount", ENOSPC, 3 },
    { SYS_open_tree, "open_tree", "mount", EMFILE, 1 },
};
enum { CALLS = sizeof calls / sizeof *calls };

static void die(const char *what) { fprintf(stderr, "faultpoints: %s: %s\n", what, strerror(errno)); exit(3); }

static int install(void)
{
    struct sock_filter filter[8 + 3 * CALLS + 8];
    int at = 0;
#define ADD(...) (filter[at++] = (struct sock_filter)__VA_ARGS__)
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (int i = 0; i < CALLS; i++)
        if (calls[i].number != SYS_fcntl) {
            ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, 0, 1));
            ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
        }
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD, 2, 0));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    struct sock_fprog program = { .len = (unsigned short)at, .filter = filter };
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (listener < 0 && errno == EACCES) {
        /* An ordinary user may filter only what can gain no privileges. */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die("no_new_privs");
        listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    }
    if (listener < 0) die("seccomp");
    return listener;
}

static void send_descriptor(int over, int fd)
{
    char byte = 0;
    union { char room[CMSG_SPACE(sizeof fd)]; struct cmsghdr align; } control = { 0 };
    struct iovec data = { &byte, 1 };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET; header->cmsg_type = SCM_RIGHTS; header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(over, &message, 0) != 1) die("sendmsg");
}

static int receive_descriptor(int over)
{
    char byte; int fd;
    union { char room[CMSG_SPACE(sizeof fd)]; struct cmsghdr align; } control;
    struct iovec data = { &byte, 1 };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
    if (recvmsg(over, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message)) exit(3);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static char program[4096], kind[32], failed[1200];
static long counted, wanted;

static int is_ours(unsigned pid)
{
    char name[64], target[4096];
    snprintf(name, sizeof name, "/proc/%u/exe", pid);
    ssize_t length = readlink(name, target, sizeof target - 1);
    if (length < 0) return 0;
    target[length] = 0;
    return strcmp(target, program) == 0;
}

static void describe(const struct call *call, const struct seccomp_notif *notice)
{
    char name[64], comm[32] = "?", path[1024] = "";
    snprintf(name, sizeof name, "/proc/%u/comm", notice->pid);
    int fd = open(name, O_RDONLY);
    if (fd >= 0) { ssize_t n = read(fd, comm, sizeof comm - 1); comm[n > 0 ? n - 1 : 0] = 0; close(fd); }
    if (call->path >= 0) {
        snprintf(name, sizeof name, "/proc/%u/mem", notice->pid);
        fd = open(name, O_RDONLY);
        if (fd >= 0) { ssize_t n = pread(fd, path, sizeof path - 1, (off_t)notice->data.args[call->path]); path[n > 0 ? n : 0] = 0; close(fd); }
    }
    for (char *c = path; *c; c++) if (*c == '\n') *c = '?';
    snprintf(failed, sizeof failed, "%s %s by %s", call->name, path, comm);
}

static void answer(int listener, struct seccomp_notif *notice)
{
    struct seccomp_notif_resp reply = { .id = notice->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
    const struct call *call = calls;
    while (call->number != notice->data.nr) call++;
    if (kind[0] && strcmp(call->kind, kind) == 0 && is_ours(notice->pid) && ++counted == wanted) {
        describe(call, notice);
        reply.flags = 0;
        reply.error = -call->error;
    }
    /* Whoever has been killed meanwhile needs no answer. */
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/* 0 when the test has gone */
static int obey(int client)
{
    char line[128], reply[1400];
    ssize_t length = read(client, line, sizeof line - 1);
    if (length <= 0) return 0;
    line[length] = 0;
    if (sscanf(line, "arm %31s %ld", kind, &wanted) == 2) {
        counted = 0; failed[0] = 0;
        strcpy(reply, "ok\n");
    } else {
        kind[0] = 0;
        snprintf(reply, sizeof reply, failed[0] ? "%ld FAILED %s\n" : "%ld\n", counted, failed);
    }
    return write(client, reply, strlen(reply)) > 0;
}

static void supervise(int listener, int door)
{
    /* What the kernel writes may be longer than what this was compiled with. */
    struct seccomp_notif_sizes sizes = { 0 };
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)) die("sizes");
    size_t room = sizes.seccomp_notif > sizeof(struct seccomp_notif) ? sizes.seccomp_notif : sizeof(struct seccomp_notif);
    struct seccomp_notif *notice = malloc(room);
    struct pollfd waits[3] = { { listener, POLLIN, 0 }, { door, POLLIN, 0 }, { -1, POLLIN, 0 } };
    for (;;) {
        if (poll(waits, 3, -1) < 0 && errno != EINTR) die("poll");
        if (waits[0].revents & POLLIN) {
            memset(notice, 0, room);
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notice) == 0) answer(listener, notice);
        } else if (waits[0].revents) {
            return;
        }
        if (waits[1].revents & POLLIN) { if (waits[2].fd >= 0) close(waits[2].fd); waits[2].fd = accept4(door, NULL, NULL, SOCK_CLOEXEC); }
        else if (waits[2].revents && !obey(waits[2].fd)) { close(waits[2].fd); waits[2].fd = -1; kind[0] = 0; }
    }
}

int main(int count, char **words)
{
    if (count < 3) { fprintf(stderr, "faultpoints SOCKET PROGRAM ARGUMENT...\n"); return 2; }
    if (!realpath(words[2], program)) die(words[2]);
    int pair[2], door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", words[1]);
    if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, 4)) die(words[1]);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) die("socketpair");
    pid_t middle = fork();
    if (middle == 0) {
        /* Twice, so that the program finds no child that it has not made. */
        if (fork()) _exit(0);
        close(pair[0]);
        setsid();
        int nothing = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
        supervise(receive_descriptor(pair[1]), door);
        unlink(words[1]);
        return 0;
    }
    waitpid(middle, NULL, 0);
    close(pair[1]);
    int listener = install();
    send_descriptor(pair[0], listener);
    execv(program, words + 2);
    die(program);
}
