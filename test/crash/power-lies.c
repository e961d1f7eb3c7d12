/*
 * The negative control of the power cuts: preloaded into a process it makes every flush a lie. fsync and fdatasync do nothing,
 * and files are opened without O_SYNC and O_DSYNC. A store under it must lose what it acknowledged, or the cuts prove nothing.
 *   cc -O2 -shared -fPIC -o power-lies.so power-lies.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>

#define NEXT(name, ...)                          \
  static int (*next)(__VA_ARGS__);               \
  if (!next) next = (int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define MODE                                     \
  mode_t mode = 0;                               \
  if (flags & (O_CREAT | O_TMPFILE)) {           \
    va_list rest;                                \
    va_start(rest, flags);                       \
    mode = va_arg(rest, mode_t);                 \
    va_end(rest);                                \
  }                                              \
  flags &= ~(O_SYNC | O_DSYNC)

#define OPEN(name)                               \
  int name(const char *path, int flags, ...) {   \
    NEXT(name, const char *, int, ...);          \
    MODE;                                        \
    return next(path, flags, mode);              \
  }

#define OPEN_AT(name)                                  \
  int name(int folder, const char *path, int flags, ...) { \
    NEXT(name, int, const char *, int, ...);           \
    MODE;                                              \
    return next(folder, path, flags, mode);            \
  }

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

int fsync(int fd) { return fd < 0; }
int fdatasync(int fd) { return fd < 0; }
