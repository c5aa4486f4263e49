/* Delays at random before and after the system calls of a process, to be preloaded: what seldom happens between two
 * threads happens often. `cargo xtask delays` runs the conformance tests with it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* One time in thirteen, for 0.1 to 2 ms. */
static void delay(void)
{
    static __thread uint32_t state;
    if (state == 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        state = (uint32_t) now.tv_nsec ^ (uint32_t) (uintptr_t) &state | 1;
    }
    state = state * 1103515245u + 12345u;
    uint32_t drawn = (state >> 16) & 0xff;
    if (drawn < 20) {
        struct timespec pause = {0, (drawn + 1) * 100000L};
        nanosleep(&pause, NULL);
    }
}

#define DELAYED(type, name, parameters, arguments) \
    type name parameters \
    { \
        static type (*next) parameters; \
        if (!next) \
            next = dlsym(RTLD_NEXT, #name); \
        delay(); \
        type result = next arguments; \
        int error = errno; \
        delay(); \
        errno = error; \
        return result; \
    }

DELAYED(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
DELAYED(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
DELAYED(ssize_t, readv, (int fd, const struct iovec *to, int count), (fd, to, count))
DELAYED(ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count))
DELAYED(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags))
DELAYED(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags))
DELAYED(ssize_t, recvfrom, (int fd, void *to, size_t size, int flags, struct sockaddr *peer, socklen_t *room),
        (fd, to, size, flags, peer, room))
DELAYED(ssize_t, sendto, (int fd, const void *from, size_t size, int flags, const struct sockaddr *peer, socklen_t room),
        (fd, from, size, flags, peer, room))
DELAYED(ssize_t, recvmsg, (int fd, struct msghdr *to, int flags), (fd, to, flags))
DELAYED(ssize_t, sendmsg, (int fd, const struct msghdr *from, int flags), (fd, from, flags))
DELAYED(int, poll, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout))
DELAYED(int, ppoll, (struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
        (fds, count, timeout, mask))
DELAYED(int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout), (fd, events, count, timeout))
DELAYED(int, epoll_ctl, (int fd, int what, int of, struct epoll_event *event), (fd, what, of, event))
DELAYED(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags), (fd, address, size, flags))
DELAYED(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
DELAYED(int, shutdown, (int fd, int how), (fd, how))
DELAYED(int, close, (int fd), (fd))
