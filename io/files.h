#ifndef CLV_IO_FILES_H
#define CLV_IO_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "comm/status.h"

/** A file's SHA-256 in hexadecimal, and its length in bytes. */
typedef struct clv_digest {
  char    hex[65];
  int64_t bytes;
} clv_digest;

/** Digest of a file / of memory. Not collective. @return CLV_EIO naming the file */
clv_status clv_file_digest(const char *path, clv_digest *out);
clv_status clv_bytes_digest(const void *data, size_t n, clv_digest *out);

/** What a failed write was, from errno: CLV_EIO for a full disk or a fault of the device, CLV_EUSAGE for a
 * place that cannot be written to (permission, no such directory, a file in the way), with one sentence. Not
 * collective. */
clv_status clv_file_write_failed(const char *path, int error);

/** Make a directory and those above it; one that exists is fine. Not collective. */
clv_status clv_directory_make(const char *path);
/** Make the entries of the directory that holds `path` durable (fsync). Not collective. */
clv_status clv_directory_sync(const char *path);

/** Write a whole file: temporary name beside it, fsync, rename, fsync of the directory. Not collective: one
 * rank. */
clv_status clv_file_write(const char *path, const void *data, size_t n);
/** The last steps alone, for a file already written as `temporary` in the same directory. Not collective: one
 * rank. */
clv_status clv_file_commit(const char *temporary, const char *path);

#endif
