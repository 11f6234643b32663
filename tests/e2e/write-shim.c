// A disk that fails now and then, between a program and its libc (LD_PRELOAD). Of files whose path holds $SHIM_UNDER, every
// third write takes half of its bytes; and each fault of $SHIM_PLAN, such as "write:9:28 fsync:2:5", happens once: in the
// first process that comes to that many calls, with that errno.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int writes, syncs;

static int concerned(int fd) {
  const char *under = getenv("SHIM_UNDER");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (under == NULL || length < 0) return 0;
  path[length] = 0;
  return strstr(path, under) != NULL;
}

// The errno of the fault that is due, or 0.
static int fault(const char *operation, int count) {
  char plan[1024], marker[4096];
  snprintf(plan, sizeof plan, "%s", getenv("SHIM_PLAN") ? getenv("SHIM_PLAN") : "");
  for (char *save, *item = strtok_r(plan, " ", &save); item; item = strtok_r(NULL, " ", &save)) {
    char name[16];
    int at, code;
    if (sscanf(item, "%15[a-z]:%d:%d", name, &at, &code) != 3 || strcmp(name, operation) || at != count) continue;
    snprintf(marker, sizeof marker, "%s/%s-%d", getenv("SHIM_DONE"), name, at);
    int made = open(marker, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (made < 0) continue;
    close(made);
    return code;
  }
  return 0;
}

// How many bytes to write, or -1 with errno set.
static ssize_t allowed(int fd, size_t length) {
  if (!concerned(fd)) return length;
  int code = fault("write", __sync_add_and_fetch(&writes, 1));
  if (code != 0) { errno = code; return -1; }
  return writes % 3 == 0 && length > 1 ? length / 2 : length;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t length) {
  ssize_t n = allowed(fd, length);
  return n < 0 ? -1 : REAL(write)(fd, bytes, n);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  ssize_t n = allowed(fd, length);
  return n < 0 ? -1 : REAL(pwrite)(fd, bytes, n, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  ssize_t n = allowed(fd, length);
  return n < 0 ? -1 : REAL(pwrite64)(fd, bytes, n, at);
}
int fsync(int fd) {
  int code = concerned(fd) ? fault("fsync", __sync_add_and_fetch(&syncs, 1)) : 0;
  if (code != 0) { errno = code; return -1; }
  return REAL(fsync)(fd);
}
