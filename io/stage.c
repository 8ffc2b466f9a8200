#include "io/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/files.h"

enum { PIECE = 1 << 20 };

typedef struct staging {
  char *target, *part, *old, *lock_path; /* owned: directory/name, and hidden ones beside it */
  int   lock;                            /* owned descriptor; -1: none */
  bool  is_begun;                        /* `part` is this call's */
} staging;

clv_status clv_stage_directory(const char *destination, char **out) {
  if (strncmp(destination, "gs://", 5) == 0)
    return clv_fail(
        CLV_EUSAGE,
        "stage.destination is '%.300s', but this version of clv does not upload; name a directory "
        "(/path or file:///path) and copy from there, for instance with gcloud storage rsync",
        destination);
  if (strncmp(destination, "file:///", 8) == 0) destination += 7;
  if (strstr(destination, "://") != NULL || *destination == '\0')
    return clv_fail(CLV_EUSAGE, "stage.destination is '%.300s'; it may be a directory, /path or file:///path",
                    destination);
  *out = strdup(destination);
  return *out == NULL ? clv_fail(CLV_ENOMEM, "no memory for a path") : CLV_OK;
}

/* ---- paths ---- */

static clv_status path_join(const char *directory, const char *prefix, const char *name, const char *suffix,
                            char **out) {
  const size_t length = strlen(directory) + strlen(prefix) + strlen(name) + strlen(suffix) + 2;
  clv_status   st     = clv_alloc(length, 1, (void **)out);
  if (st >= 0) snprintf(*out, length, "%s/%s%s%s", directory, prefix, name, suffix);
  return st;
}

static void staging_clear(staging *self) {
  if (self->lock >= 0) close(self->lock);
  free(self->target);
  free(self->part);
  free(self->old);
  free(self->lock_path);
}

static clv_status staging_lock(staging *self) {
  self->lock = open(self->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (self->lock < 0) return clv_file_write_failed(self->lock_path, errno);
  if (flock(self->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return clv_fail(
        CLV_EUSAGE,
        "another clv stages to '%.400s' at this moment; wait for it, or give this run another name",
        self->target);
  return CLV_OK; /* a file system without locks is let through, as for run directories */
}

/** Removes a directory of plain files; one that is not there is fine. */
static clv_status directory_remove(const char *path) {
  DIR *list = opendir(path);
  if (list == NULL) return errno == ENOENT ? CLV_OK : clv_file_write_failed(path, errno);
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      unlinkat(dirfd(list), entry->d_name, 0);
  closedir(list);
  return rmdir(path) == 0 ? CLV_OK : clv_file_write_failed(path, errno);
}

/** A directory is only replaced where an earlier call of ours made it; never a run directory or a user's own.
 */
static clv_status target_check(const staging *self, const char *run) {
  struct stat there, here;
  bool        is_staged = false;
  if (stat(self->target, &there) != 0) return CLV_OK;
  if (stat(run, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino)
    return clv_fail(CLV_EUSAGE,
                    "stage.destination leads to the run directory '%.400s' itself; choose another directory",
                    run);
  const clv_status st = clv_manifest_is_staged(self->target, &is_staged);
  if (st < 0 || is_staged) return st;
  return clv_fail(
      CLV_EUSAGE,
      "'%.400s' exists and was not staged by clv: it is left as it is; remove it, or choose another "
      "stage.destination",
      self->target);
}

static clv_status staging_begin(staging *self, const char *run, const char *directory, const char *name) {
  clv_status st = CLV_OK;
  CLV_TRY(path_join(directory, "", name, "", &self->target));
  CLV_TRY(path_join(directory, ".", name, ".part", &self->part));
  CLV_TRY(path_join(directory, ".", name, ".old", &self->old));
  CLV_TRY(path_join(directory, ".", name, ".lock", &self->lock_path));
  CLV_TRY(clv_directory_make(directory));
  CLV_TRY(staging_lock(self));
  CLV_TRY(target_check(self, run));
  self->is_begun = true;
  CLV_TRY(directory_remove(self->part)); /* of a call that did not end */
  if (mkdir(self->part, 0777) != 0) CLV_TRY(clv_file_write_failed(self->part, errno));
out:
  return st;
}

/* ---- copies ---- */

static clv_status bytes_copy(int from, int to, const char *source, const char *target) {
  clv_status st    = CLV_OK;
  char      *piece = NULL;
  CLV_TRY(clv_alloc(PIECE, 1, (void **)&piece));
  for (;;) {
    ssize_t n = read(from, piece, PIECE);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) CLV_TRY(clv_fail(CLV_EIO, "cannot read '%.500s': %s", source, strerror(errno)));
    if (n == 0) break;
    for (const char *at = piece; n > 0;) {
      const ssize_t done = write(to, at, (size_t)n);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) CLV_TRY(clv_file_write_failed(target, errno));
      at += done, n -= done;
    }
  }
  if (fsync(to) != 0) CLV_TRY(clv_file_write_failed(target, errno));
out:
  free(piece);
  return st;
}

/** @param record  what the copy has to be; where its hash is empty it is filled in */
static clv_status file_copy(const char *run, const char *part, clv_manifest_result *record) {
  clv_status st     = CLV_OK;
  char      *source = NULL, *target = NULL;
  int        from = -1, to = -1;
  clv_digest copied;
  CLV_TRY(path_join(run, "", record->name, "", &source));
  CLV_TRY(path_join(part, "", record->name, "", &target));
  from = open(source, O_RDONLY | O_CLOEXEC);
  if (from < 0)
    CLV_TRY(clv_fail(CLV_EDATA, "cannot open '%.500s', a result on record: %s; run clv refit again", source,
                     strerror(errno)));
  to = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (to < 0) CLV_TRY(clv_file_write_failed(target, errno));
  CLV_TRY(bytes_copy(from, to, source, target));
  CLV_TRY(clv_file_digest(target, &copied)); /* the copy itself is read back */
  if (record->sha256[0] != '\0' && strcmp(copied.hex, record->sha256) != 0)
    CLV_TRY(clv_fail(
        CLV_EDATA,
        "'%.500s' is not the file that manifest.json records for clv %s: it was changed since, or the copy "
        "is damaged; run clv refit again",
        source, record->step));
  snprintf(record->sha256, sizeof record->sha256, "%s", copied.hex);
  record->bytes = copied.bytes;
out:
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  free(source);
  free(target);
  return st;
}

/* ---- the switch ---- */

/** Readers see the old directory or the new one; only where the file system cannot exchange two names is
 * there a moment with neither. */
static clv_status target_switch(const staging *self) {
  clv_status st = CLV_OK;
  CLV_TRY(directory_remove(self->old));
  if (rename(self->part, self->target) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) CLV_TRY(clv_file_write_failed(self->target, errno));
    if (renameat2(AT_FDCWD, self->part, AT_FDCWD, self->target, RENAME_EXCHANGE) != 0) {
      if (rename(self->target, self->old) != 0) CLV_TRY(clv_file_write_failed(self->target, errno));
      if (rename(self->part, self->target) != 0) {
        const int error = errno;
        (void)rename(self->old, self->target);
        CLV_TRY(clv_file_write_failed(self->target, error));
      }
    }
  }
  CLV_TRY(clv_directory_sync(self->target));
  CLV_TRY(directory_remove(self->part)); /* after an exchange: what was there before */
  CLV_TRY(directory_remove(self->old));
out:
  return st;
}

clv_status clv_stage_copy(const char *run, const char *directory, const char *name,
                          const clv_manifest *manifest, const clv_manifest_result *result, size_t n,
                          clv_stage_facts *facts) {
  clv_status           st   = CLV_OK;
  staging              self = {.lock = -1};
  clv_manifest_result *copy = NULL; /* the results, and the configuration */
  facts->files = facts->bytes = 0;
  CLV_TRY(clv_calloc(n + 1, sizeof *copy, (void **)&copy));
  if (n > 0) memcpy(copy, result, n * sizeof *copy);
  snprintf(copy[n].name, sizeof copy[n].name, "config.yaml");
  CLV_TRY(staging_begin(&self, run, directory, name));
  for (size_t i = 0; i <= n; i++) {
    CLV_TRY(file_copy(run, self.part, &copy[i]));
    facts->files++, facts->bytes += (uint64_t)copy[i].bytes;
  }
  CLV_TRY(clv_manifest_stage(manifest, self.part, copy, n + 1));
  CLV_TRY(target_switch(&self));
out:
  if (st < 0 && self.is_begun) (void)directory_remove(self.part);
  staging_clear(&self);
  free(copy);
  return st;
}
