/* A library to preload (LD_PRELOAD) into clv: makes chosen calls fail, so that tests see what a full disk, a
 * refused allocation or a jumping clock does. Files: calls on descriptors and paths under a folder, whoever
 * makes them, so those of HDF5 and MPI-IO too. Memory and clocks: calls that clv's own code makes; MPI has no
 * road out of a refusal.
 *
 * CLV_FAULTS=KIND:AFTER:COUNT[:RANK]  the fault, calls of that kind that pass before, calls that then fail,
 * and the one rank that it befalls (default: all) CLV_FAULTS_UNDER=FOLDER             files under here Kinds:
 * full, quota, device (writes), readonly, vanished (opening to write, renaming), slow (writes), memory,
 * clock, mpi. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <mpi.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024, KIND_MOST = 16, SLOW_MICROSECONDS = 5000 };

/* A preloaded library has nowhere else to keep what it was asked for. */
static struct {
  bool      is_read, is_mine;
  char      kind[KIND_MOST];
  long      after, count;
  char      under[512];
  bool      watched[DESCRIPTORS];
  uintptr_t first, last; /* clv's own code */
} state;

static int program_find(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size, (void)context;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    if (state.first == 0 || at < state.first) state.first = at;
    if (at + info->dlpi_phdr[i].p_memsz > state.last) state.last = at + info->dlpi_phdr[i].p_memsz;
  }
  return 1; /* the first is the program */
}

static void __attribute__((constructor)) state_read(void) {
  const char *what = getenv("CLV_FAULTS"), *under = getenv("CLV_FAULTS_UNDER"),
             *mine = getenv("OMPI_COMM_WORLD_RANK");
  long rank        = -1;
  char name[512]   = "";
  state.is_read    = true;
  if (readlink("/proc/self/exe", name, sizeof name - 1) < 0 || what == NULL || under == NULL) return;
  if (sscanf(what, "%15[a-z]:%ld:%ld:%ld", state.kind, &state.after, &state.count, &rank) < 3) return;
  const char *exe = strrchr(name, '/');
  state.is_mine = exe != NULL && strcmp(exe, "/clv") == 0 && (rank < 0 || mine == NULL || atol(mine) == rank);
  snprintf(state.under, sizeof state.under, "%s", under);
  dl_iterate_phdr(program_find, NULL);
}

/* Whether this call of the kind fails. */
static bool strikes(const char *kind) {
  if (!state.is_mine || strcmp(kind, state.kind) != 0) return false;
  if (state.after-- > 0) return false;
  return state.count-- > 0;
}

static bool is_ours(const void *caller) {
  return (uintptr_t)caller >= state.first && (uintptr_t)caller < state.last;
}

static bool is_under(const char *path) {
  return state.is_mine && strncmp(path, state.under, strlen(state.under)) == 0;
}

static bool is_watched(int fd) { return state.is_mine && fd >= 0 && fd < DESCRIPTORS && state.watched[fd]; }

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

/* 0, or the error that this write meets. */
static int write_error(int fd) {
  if (!is_watched(fd)) return 0;
  if (strikes("full")) return ENOSPC;
  if (strikes("quota")) return EDQUOT;
  if (strikes("device")) return EIO;
  if (strikes("slow")) usleep(SLOW_MICROSECONDS);
  return 0;
}

static int opened(int fd, const char *path, int flags) {
  if (fd >= 0 && fd < DESCRIPTORS) state.watched[fd] = is_under(path) && (flags & O_ACCMODE) != O_RDONLY;
  return fd;
}

static int open_error(const char *path, int flags) {
  if (!is_under(path) || (flags & O_ACCMODE) == O_RDONLY) return 0;
  return strikes("readonly") ? EROFS : strikes("vanished") ? ENOENT : 0;
}

static int open_by(const char *name, const char *path, int flags, mode_t mode) {
  const int error = open_error(path, flags);
  if (error != 0) {
    errno = error;
    return -1;
  }
  int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))next(name);
  return opened(real(path, flags, mode), path, flags);
}

static mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(list, int) : 0;
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_by("open64", path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t n) {
  ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))next("write");
  errno                                      = write_error(fd);
  return errno != 0 ? -1 : real(fd, data, n);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
  ssize_t (*real)(int, const void *, size_t, off_t) =
      (ssize_t(*)(int, const void *, size_t, off_t))next("pwrite");
  errno = write_error(fd);
  return errno != 0 ? -1 : real(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
  ssize_t (*real)(int, const void *, size_t, off64_t) =
      (ssize_t(*)(int, const void *, size_t, off64_t))next("pwrite64");
  errno = write_error(fd);
  return errno != 0 ? -1 : real(fd, data, n, at);
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))next("fsync");
  errno            = write_error(fd);
  return errno != 0 ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = (int (*)(const char *, const char *))next("rename");
  errno                                   = open_error(to, O_WRONLY);
  return errno != 0 ? -1 : real(from, to);
}

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *at, size_t n);

static bool refuses(const void *caller) {
  if (!state.is_read || !is_ours(caller) || !strikes("memory")) return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t n) { return refuses(__builtin_return_address(0)) ? NULL : __libc_malloc(n); }

void *calloc(size_t count, size_t n) {
  return refuses(__builtin_return_address(0)) ? NULL : __libc_calloc(count, n);
}

void *realloc(void *at, size_t n) {
  return refuses(__builtin_return_address(0)) ? NULL : __libc_realloc(at, n);
}

/* A day to and fro, seen by clv alone. */
int clock_gettime(clockid_t clock, struct timespec *now) {
  int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))next("clock_gettime");
  const int result                          = real(clock, now);
  if (result == 0 && is_ours(__builtin_return_address(0)) && strikes("clock"))
    now->tv_sec += state.count % 2 == 0 ? 86400 : -86400;
  return result;
}

/* What MPI itself does where a call fails: its error handler, which by default ends the job. */
int MPI_Allreduce(const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  if (is_ours(__builtin_return_address(0)) && strikes("mpi")) {
    MPI_Comm_call_errhandler(comm, MPI_ERR_OTHER);
    return MPI_ERR_OTHER;
  }
  return PMPI_Allreduce(from, to, n, type, op, comm);
}
