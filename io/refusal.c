#include "io/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/files.h"

enum { PROBE_BYTES = 1 << 16 };

static int probe_fill(int fd) {
  static const char nothing[PROBE_BYTES];
  errno              = 0;
  const ssize_t done = write(fd, nothing, sizeof nothing);
  if (done < 0) return errno;
  if (done < (ssize_t)sizeof nothing) return ENOSPC;
  return fsync(fd) == 0 ? 0 : errno;
}

/* 0, or what is against a new file in the folder. */
static int folder_error(const char *path) {
  char     *probe = NULL;
  int       error = 0;
  const int n     = asprintf(&probe, "%s.probe", path);
  if (n < 0) return 0;
  const int fd = open(probe, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    error = errno;
  } else {
    error = probe_fill(fd);
    close(fd);
    unlink(probe);
  }
  free(probe);
  return error;
}

/* 0, or what is against the file itself; one that is not there may not have been made yet. */
static int file_error(const char *path) {
  const int fd    = open(path, O_WRONLY | O_CLOEXEC);
  int       error = fd < 0 && errno != ENOENT ? errno : 0;
  if (fd >= 0 && fsync(fd) != 0) error = errno;
  if (fd >= 0) close(fd);
  return error;
}

/* Whether errno is one that a library passed on, not one of its own doings. */
static int is_refusal(int error) {
  return error == ENOSPC || error == EDQUOT || error == EIO || error == EROFS || error == EACCES ||
         error == EPERM || error == ESTALE || error == EFBIG || error == EISDIR || error == ENOTDIR ||
         error == ENAMETOOLONG;
}

clv_status clv_refusal_find(const char *path) {
  const int left  = errno;
  int       error = folder_error(path);
  if (error == 0) error = file_error(path);
  if (error == 0 && is_refusal(left)) error = left;
  if (error != 0) return clv_file_write_failed(path, error);
  return clv_fail(CLV_EIO,
                  "cannot write '%.500s': the HDF5 library refused, and the file system has nothing against "
                  "it now; run the same command again",
                  path);
}
