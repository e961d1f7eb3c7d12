/*
 * Preloaded into a process, makes each flush to the disk FLUSH_SLOWER_US microseconds longer, as on a cloud volume, and counts
 * flushes in the first eight bytes of the file FLUSH_COUNTS. A flush is fsync, fdatasync, or a write to a file that was opened
 * with O_DSYNC or O_SYNC.
 *   cc -O2 -shared -fPIC -o slow-flush.so slow-flush.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536

static unsigned char synced[FILES];
static uint64_t *counter;
static struct timespec longer;

__attribute__((constructor)) static void begin(void) {
  const char *us = getenv("FLUSH_SLOWER_US"), *path = getenv("FLUSH_COUNTS");
  long extra = us ? atol(us) : 0;
  longer.tv_sec = extra / 1000000;
  longer.tv_nsec = (extra % 1000000) * 1000;
  if (!path) return;
  int fd = open(path, O_RDWR);
  if (fd < 0) return;
  void *map = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) counter = map;
  close(fd);
}

static void flushed(void) {
  if (counter) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
  if (longer.tv_sec || longer.tv_nsec) nanosleep(&longer, NULL);
}

static int opened(int fd, int flags) {
  if (fd >= 0 && fd < FILES) synced[fd] = (flags & O_DSYNC) != 0;
  return fd;
}

static int is_synced(int fd) { return fd >= 0 && fd < FILES && synced[fd]; }

#define NEXT(type, name, ...)                                  \
  static type (*next)(__VA_ARGS__);                            \
  if (!next) next = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define MODE(flags, last)                                      \
  mode_t mode = 0;                                             \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                       \
    va_list rest;                                              \
    va_start(rest, last);                                      \
    mode = va_arg(rest, mode_t);                               \
    va_end(rest);                                              \
  }

#define OPEN(name)                                             \
  int name(const char *path, int flags, ...) {                 \
    NEXT(int, name, const char *, int, ...);                   \
    MODE(flags, flags)                                         \
    return opened(next(path, flags, mode), flags);             \
  }

#define OPEN_AT(name)                                          \
  int name(int folder, const char *path, int flags, ...) {     \
    NEXT(int, name, int, const char *, int, ...);              \
    MODE(flags, flags)                                         \
    return opened(next(folder, path, flags, mode), flags);     \
  }

#define SYNC(name)                                             \
  int name(int fd) {                                           \
    NEXT(int, name, int);                                      \
    int result = next(fd);                                     \
    flushed();                                                 \
    return result;                                             \
  }

#define WRITE(name, declared, passed, ...)                     \
  ssize_t name declared {                                      \
    NEXT(ssize_t, name, __VA_ARGS__);                          \
    ssize_t result = next passed;                              \
    if (is_synced(fd)) flushed();                              \
    return result;                                             \
  }

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)
SYNC(fsync)
SYNC(fdatasync)
WRITE(write, (int fd, const void *bytes, size_t size), (fd, bytes, size), int, const void *, size_t)
WRITE(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), int, const struct iovec *, int)
WRITE(pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), int, const void *, size_t, off_t)
WRITE(pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at), int, const void *, size_t, off64_t)
WRITE(pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at), int, const struct iovec *, int, off_t)
WRITE(pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at), int, const struct iovec *, int, off64_t)

int msync(void *start, size_t size, int flags) {
  NEXT(int, msync, void *, size_t, int);
  int result = next(start, size, flags);
  if (flags & MS_SYNC) flushed();
  return result;
}

int sync_file_range(int fd, off64_t at, off64_t size, unsigned flags) {
  NEXT(int, sync_file_range, int, off64_t, off64_t, unsigned);
  int result = next(fd, at, size, flags);
  flushed();
  return result;
}
