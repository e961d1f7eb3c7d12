/*
 * Preloaded into a process, lets one call on a file below FAIL_UNDER fail as FAIL_HOW says: the FAIL_AT-th flush (fsync,
 * fdatasync, or a write to a file opened with O_DSYNC), or with FAIL_WHAT=write the FAIL_AT-th write of any kind. `eio` and
 * `enospc` fail without doing anything; `torn` writes half and fails; `short` writes half and says so; `lie` does nothing and
 * reports success, from the FAIL_AT-th call on.
 *   cc -O2 -shared -fPIC -o syscalls-fail.so syscalls-fail.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int count;

static int is_ours(int fd) {
  const char *under = getenv("FAIL_UNDER");
  char link[64], path[4096];
  if (!under) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, under, strlen(under)) == 0;
}

/* How this call is to fail; NULL when it is not. */
static const char *fate(int fd, int is_write) {
  const char *how = getenv("FAIL_HOW"), *at = getenv("FAIL_AT"), *what = getenv("FAIL_WHAT");
  if (!how || !at || !is_ours(fd)) return NULL;
  int wants_write = what && strcmp(what, "write") == 0;
  if (wants_write ? !is_write : is_write && !(fcntl(fd, F_GETFL) & O_DSYNC)) return NULL;
  int n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
  if (strcmp(how, "lie") == 0) return n >= atoi(at) ? how : NULL;
  return n == atoi(at) ? how : NULL;
}

static int failed(const char *how) {
  errno = strcmp(how, "enospc") == 0 ? ENOSPC : EIO;
  return -1;
}

#define NEXT(type, name, ...)                   \
  static type (*next)(__VA_ARGS__);             \
  if (!next) next = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define SYNC(name)                              \
  int name(int fd) {                            \
    NEXT(int, name, int);                       \
    const char *how = fate(fd, 0);              \
    if (!how) return next(fd);                  \
    return strcmp(how, "lie") == 0 ? 0 : failed(how); \
  }

#define WRITE(name, offset)                                                \
  ssize_t name(int fd, const void *bytes, size_t size, offset at) {        \
    NEXT(ssize_t, name, int, const void *, size_t, offset);                \
    const char *how = fate(fd, 1);                                         \
    if (!how) return next(fd, bytes, size, at);                            \
    if (strcmp(how, "lie") == 0) return (ssize_t)size;                     \
    if (strcmp(how, "short") == 0) return next(fd, bytes, (size + 1) / 2, at); \
    if (strcmp(how, "torn") == 0) next(fd, bytes, size / 2, at);           \
    return failed(how);                                                    \
  }

SYNC(fsync)
SYNC(fdatasync)
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)
