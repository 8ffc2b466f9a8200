#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

/* ---- digests ---- */

static clv_status digest_failed(void) { return clv_fail(CLV_EFAULT, "OpenSSL refused to compute a SHA-256"); }

static clv_status digest_end(EVP_MD_CTX *hash, clv_digest *out) {
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned      n = 0;
  if (EVP_DigestFinal_ex(hash, value, &n) != 1 || n != 32) return digest_failed();
  for (unsigned i = 0; i < n; i++) snprintf(out->hex + 2 * i, 3, "%02x", value[i]);
  return CLV_OK;
}

static clv_status digest_feed(EVP_MD_CTX *hash, int fd, const char *path, int64_t *bytes) {
  clv_status st    = CLV_OK;
  void      *piece = NULL;
  CLV_TRY(clv_alloc(PIECE, 1, &piece));
  for (;;) {
    const ssize_t n = read(fd, piece, PIECE);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) CLV_TRY(clv_fail(CLV_EIO, "cannot read '%.500s': %s", path, strerror(errno)));
    if (n == 0) break;
    if (EVP_DigestUpdate(hash, piece, (size_t)n) != 1) CLV_TRY(digest_failed());
    *bytes += n;
  }
out:
  free(piece);
  return st;
}

clv_status clv_file_digest(const char *path, clv_digest *out) {
  clv_status  st   = CLV_OK;
  clv_digest  self = {.bytes = 0};
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  const int   fd   = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) CLV_TRY(clv_fail(CLV_EIO, "cannot open '%.500s': %s", path, strerror(errno)));
  if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) CLV_TRY(digest_failed());
  CLV_TRY(digest_feed(hash, fd, path, &self.bytes));
  CLV_TRY(digest_end(hash, &self));
  *out = self;
out:
  if (fd >= 0) close(fd);
  EVP_MD_CTX_free(hash);
  return st;
}

clv_status clv_bytes_digest(const void *data, size_t n, clv_digest *out) {
  clv_status  st   = CLV_OK;
  clv_digest  self = {.bytes = (int64_t)n};
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1 ||
      EVP_DigestUpdate(hash, data, n) != 1)
    CLV_TRY(digest_failed());
  CLV_TRY(digest_end(hash, &self));
  *out = self;
out:
  EVP_MD_CTX_free(hash);
  return st;
}

/* ---- directories ---- */

clv_status clv_file_write_failed(const char *path, int error) {
  switch (error) {
    case EDQUOT:
      return clv_fail(CLV_EIO,
                      "cannot write '%.500s': the disk quota is used up; make room, or ask for more, and run "
                      "the same command again",
                      path);
    case ENOSPC:
      return clv_fail(
          CLV_EIO, "cannot write '%.500s': the disk is full; make room and run the same command again", path);
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENAMETOOLONG:
      return clv_fail(CLV_EUSAGE,
                      "cannot write '%.500s': %s; choose another output.directory, or allow writing there",
                      path, strerror(error));
    default:
      return clv_fail(CLV_EIO,
                      "cannot write '%.500s': %s; see to the device or the file system, then run the same "
                      "command again",
                      path, strerror(error));
  }
}

static int directory_make_one(const char *path) {
  struct stat facts;
  if (mkdir(path, 0777) == 0) return 0;
  const int error = errno;
  if (stat(path, &facts) == 0) return S_ISDIR(facts.st_mode) ? 0 : ENOTDIR;
  return error;
}

clv_status clv_directory_make(const char *path) {
  clv_status st   = CLV_OK;
  char      *part = strdup(path);
  if (part == NULL) return clv_fail(CLV_ENOMEM, "no memory for a path");
  for (char *c = part + 1; *part != '\0' && *c != '\0'; c++) {
    if (*c != '/') continue;
    *c              = '\0';
    const int error = directory_make_one(part);
    if (error != 0) CLV_TRY(clv_file_write_failed(part, error));
    *c = '/';
  }
  const int error = directory_make_one(part);
  if (error != 0) CLV_TRY(clv_file_write_failed(path, error));
out:
  free(part);
  return st;
}

clv_status clv_directory_sync(const char *path) {
  char       *part   = strdup(path);
  char       *slash  = part == NULL ? NULL : strrchr(part, '/');
  const char *holder = ".";
  if (part == NULL) return clv_fail(CLV_ENOMEM, "no memory for a path");
  if (slash != NULL) {
    slash[slash == part] = '\0';
    holder               = part;
  }
  const int fd = open(holder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Some network file systems know no fsync of a directory: the rename itself is as durable as they get. */
  const int failed = fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != EBADF);
  const int error  = errno;
  if (fd >= 0) close(fd);
  free(part);
  return failed ? clv_file_write_failed(path, error) : CLV_OK;
}

/* ---- whole files ---- */

clv_status clv_file_commit(const char *temporary, const char *path) {
  const int fd     = open(temporary, O_RDONLY | O_CLOEXEC);
  const int failed = fd < 0 || fsync(fd) != 0;
  const int error  = errno;
  if (fd >= 0) close(fd);
  if (failed) return clv_file_write_failed(path, error);
  if (rename(temporary, path) != 0) return clv_file_write_failed(path, errno);
  return clv_directory_sync(path);
}

static clv_status bytes_write(int fd, const char *path, const char *data, size_t n) {
  while (n > 0) {
    const ssize_t done = write(fd, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return clv_file_write_failed(path, errno);
    data += done;
    n -= (size_t)done;
  }
  return CLV_OK;
}

clv_status clv_file_write(const char *path, const void *data, size_t n) {
  clv_status   st        = CLV_OK;
  const size_t length    = strlen(path) + 6;
  void        *temporary = NULL;
  int          fd        = -1;
  CLV_TRY(clv_alloc(length, 1, &temporary));
  snprintf(temporary, length, "%s.part", path);
  fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) CLV_TRY(clv_file_write_failed(path, errno));
  CLV_TRY(bytes_write(fd, path, data, n));
  CLV_TRY(clv_file_commit(temporary, path));
out:
  if (fd >= 0) close(fd);
  if (st < 0 && temporary != NULL) unlink(temporary);
  free(temporary);
  return st;
}
