#include "jobs/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/files.h"

struct clv_run_directory {
  char *path; /* owned */
  int   lock; /* owned descriptor; -1 on every rank but 0 */
};

/** The lock goes with the process, however it ends; the file stays. */
static clv_status directory_lock(clv_run_directory *self, const clv_config *config) {
  clv_status st   = CLV_OK;
  char      *path = NULL;
  CLV_TRY(clv_config_run_path(config, ".lock", &path));
  self->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (self->lock < 0) CLV_TRY(clv_file_write_failed(path, errno));
  if (flock(self->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    CLV_TRY(
        clv_fail(CLV_EUSAGE, "another clv is at work in '%.400s'; wait for it, or give this run another name",
                 self->path)); /* a file system without locks is let through: nothing better is known there */
out:
  free(path);
  return st;
}

static clv_status config_write(const clv_config *config) {
  clv_status st   = CLV_OK;
  char      *path = NULL, *text = NULL;
  size_t     n  = 0;
  FILE      *to = open_memstream(&text, &n);
  if (to == NULL) CLV_TRY(clv_fail(CLV_ENOMEM, "no memory for the configuration's text"));
  st = clv_config_print(config, to, false);
  if (fclose(to) != 0 && st >= 0) st = clv_fail(CLV_ENOMEM, "no memory for the configuration's text");
  if (st < 0) goto out;
  CLV_TRY(clv_config_run_path(config, "config.yaml", &path));
  CLV_TRY(clv_file_write(path, text, n));
out:
  free(path);
  free(text);
  return st;
}

static clv_status directory_prepare(clv_run_directory *self, const clv_config *config) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_directory_make(self->path));
  CLV_TRY(directory_lock(self, config));
  CLV_TRY(config_write(config));
out:
  return st;
}

clv_status clv_run_directory_open(const clv_comm *comm, const clv_config *config, clv_run_directory **out) {
  clv_status         st   = CLV_OK;
  clv_run_directory *self = NULL;
  st                      = clv_calloc(1, sizeof *self, (void **)&self);
  if (st >= 0) self->lock = -1;
  if (st >= 0) st = clv_config_run_path(config, NULL, &self->path);
  if (st >= 0 && clv_comm_rank(comm) == 0) st = directory_prepare(self, config);
  CLV_TRY(clv_comm_agree(comm, st));
  *out = self, self = NULL;
out:
  clv_run_directory_close(&self);
  return st;
}

const char *clv_run_directory_path(const clv_run_directory *self) { return self->path; }

void clv_run_directory_close(clv_run_directory **self) {
  if (*self == NULL) return;
  if ((*self)->lock >= 0) close((*self)->lock);
  free((*self)->path);
  free(*self);
  *self = NULL;
}
