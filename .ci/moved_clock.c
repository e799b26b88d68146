/* Preloaded, it adds MOVED_CLOCK seconds to the time of day, and to nothing else: the monotonic clock, waits and the times
   of files are the true ones. (Under libfaketime 0.9.10 rustc never starts, and some waits never end.)

   Who waits until a time of day names a moved one. The monotonic clock counts from the machine's start, so a wait until
   a time of that is told by its size. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define A_TIME_OF_DAY 1000000000 /* seconds: 2001, or a machine that has run for thirty years */

static time_t moved_by;

__attribute__((constructor)) static void begin(void) {
    const char *said = getenv("MOVED_CLOCK");
    moved_by = said ? atol(said) : 0;
}

/* The C library's own, of the newest version: of a condition it has kept an older one, too, which waits for ever. */
static void *theirs(const char *name) {
    static const char *versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.3.2", "GLIBC_2.2.5"};
    for (unsigned at = 0; at < sizeof versions / sizeof *versions; at++) {
        void *found = dlvsym(RTLD_NEXT, name, versions[at]);
        if (found) return found;
    }
    return dlsym(RTLD_NEXT, name);
}

#define THEIRS(name) \
    static __typeof__(&name) own; \
    if (!own) own = (__typeof__(&name))theirs(#name)

static struct timespec truly(const struct timespec *until) {
    struct timespec true_time = *until;
    if (true_time.tv_sec > A_TIME_OF_DAY) true_time.tv_sec -= moved_by;
    return true_time;
}

/* The kernel is asked, and not the C library: to look for its functions takes memory, and jemalloc (in rustc) asks for
   the time while it makes itself ready to give any. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        now->tv_sec += moved_by;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int failed = (int)syscall(SYS_gettimeofday, now, zone);
    if (!failed) now->tv_sec += moved_by;
    return failed;
}

time_t time(time_t *now) {
    struct timespec read;
    clock_gettime(CLOCK_REALTIME_COARSE, &read);
    if (now) *now = read.tv_sec;
    return read.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    struct timespec true_time = flags & TIMER_ABSTIME ? truly(until) : *until;
    int before = errno;
    int error = syscall(SYS_clock_nanosleep, clock, flags, &true_time, left) ? errno : 0;
    errno = before;
    return error;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until) {
    THEIRS(pthread_cond_timedwait);
    struct timespec true_time = truly(until);
    return own(condition, lock, &true_time);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict lock, const struct timespec *restrict until) {
    THEIRS(pthread_mutex_timedlock);
    struct timespec true_time = truly(until);
    return own(lock, &true_time);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    THEIRS(sem_timedwait);
    struct timespec true_time = truly(until);
    return own(semaphore, &true_time);
}
