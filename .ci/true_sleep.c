/* Sleeps until a time of the monotonic clock. libfaketime 0.9.10 asks for a time in the past where it leaves that clock
   as it is, and Python's time.sleep() fails (its issue 426). Preloaded before it. */

#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    int before = errno;
    int error = syscall(SYS_clock_nanosleep, clock, flags, until, left) ? errno : 0;
    errno = before;
    return error;
}
