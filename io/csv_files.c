#include "io/csv_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "comm/blocks.h"

#define FILE_MAX (1u << 20) /* files of one log */

struct clv_csv_files {
  clv_csv_file *file; /* owned, [n] */
  size_t        n, room;
};

void clv_csv_files_free(clv_csv_files **self) {
  if (*self != NULL) {
    for (size_t i = 0; i < (*self)->n; i++) free((*self)->file[i].path);
    free((*self)->file);
  }
  free(*self);
  *self = NULL;
}

size_t clv_csv_files_n(const clv_csv_files *self) { return self->n; }

const clv_csv_file *clv_csv_files_get(const clv_csv_files *self, size_t i) { return &self->file[i]; }

static clv_status files_add(clv_csv_files *self, const clv_csv_file *file) {
  clv_status st = CLV_OK;
  char      *path;
  if (self->n == FILE_MAX)
    return clv_fail(CLV_EDATA, "more than %u input files; join some of them", FILE_MAX);
  if (self->n == self->room) {
    self->room = self->room == 0 ? 16 : 2 * self->room;
    CLV_TRY(clv_realloc(self->room, sizeof *self->file, (void **)&self->file));
  }
  const size_t length = strlen(file->path) + 1;
  CLV_TRY(clv_alloc(length, 1, (void **)&path));
  memcpy(path, file->path, length);
  self->file[self->n++] = (clv_csv_file){.path = path, .bytes = file->bytes, .is_gzip = file->is_gzip};
out:
  return st;
}

static bool name_is_gzip(const char *path) {
  const size_t n = strlen(path);
  return n > 3 && strcmp(path + n - 3, ".gz") == 0;
}

/* Size and kind of one file, by its first bytes: the name is only asked where they disagree. */
static clv_status file_look(clv_csv_file *file) {
  clv_status    st = CLV_OK;
  struct stat   about;
  unsigned char magic[2] = {0};
  int           fd       = open(file->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &about) != 0) {
    st = clv_fail(CLV_EDATA, "cannot open '%s': %s", file->path, strerror(errno));
  } else if (!S_ISREG(about.st_mode)) {
    st = clv_fail(CLV_EDATA, "'%s' is not a file; name files or a pattern such as '%s/*.csv'", file->path,
                  file->path);
  } else if (about.st_size == 0) {
    st = clv_fail(CLV_EDATA, "'%s' is empty; expected a header line and one line per record", file->path);
  } else if (pread(fd, magic, 2, 0) < 0) {
    st = clv_fail(CLV_EDATA, "cannot read '%s': %s", file->path, strerror(errno));
  } else {
    file->bytes   = (uint64_t)about.st_size;
    file->is_gzip = magic[0] == 0x1f && magic[1] == 0x8b;
    if (name_is_gzip(file->path) && !file->is_gzip)
      st = clv_fail(CLV_EDATA, "'%s' is not gzip data, though its name ends in .gz; rename or compress it",
                    file->path);
  }
  if (fd >= 0) close(fd);
  return st;
}

static clv_status path_add(clv_csv_files *self, char *path) {
  clv_csv_file file = {.path = path};
  clv_status   st   = file_look(&file);
  return st < 0 ? st : files_add(self, &file);
}

static clv_status pattern_add(clv_csv_files *self, const char *key, char *pattern) {
  clv_status  st   = CLV_OK;
  glob_t      hits = {0};
  struct stat about;
  int         rc;
  if (strstr(pattern, "://") != NULL)
    return clv_fail(
        CLV_EUSAGE,
        "%s: '%s': reading from an object store is not available in this build; copy it here first", key,
        pattern);
  if (stat(pattern, &about) == 0 || strpbrk(pattern, "*?[") == NULL) return path_add(self, pattern);
  rc = glob(pattern, 0, NULL, &hits);
  if (rc != 0 || hits.gl_pathc == 0) {
    st = clv_fail(CLV_EDATA, "%s: no file matches '%s'", key, pattern);
    goto out;
  }
  for (size_t i = 0; i < hits.gl_pathc; i++) CLV_TRY(path_add(self, hits.gl_pathv[i]));
out:
  globfree(&hits);
  return st;
}

static int file_order(const void *a, const void *b) {
  return strcmp(((const clv_csv_file *)a)->path, ((const clv_csv_file *)b)->path);
}

/* Sorted by path; a path that two patterns name is one file. */
static void files_sort(clv_csv_files *self) {
  size_t kept = 0;
  if (self->n == 0) return;
  qsort(self->file, self->n, sizeof *self->file, file_order);
  for (size_t i = 1; i < self->n; i++) {
    if (strcmp(self->file[kept].path, self->file[i].path) == 0)
      free(self->file[i].path);
    else
      self->file[++kept] = self->file[i];
  }
  self->n = kept + 1;
}

/* The list as bytes: per file its size, its kind and its path with the zero. */
static clv_status files_pack(const clv_csv_files *self, char **bytes, size_t *n) {
  clv_status st    = CLV_OK;
  size_t     total = 0;
  char      *p;
  for (size_t i = 0; i < self->n; i++) total += sizeof(uint64_t) + 1 + strlen(self->file[i].path) + 1;
  CLV_TRY(clv_alloc(total + 1, 1, (void **)bytes));
  p = *bytes;
  for (size_t i = 0; i < self->n; i++) {
    memcpy(p, &self->file[i].bytes, sizeof(uint64_t));
    p += sizeof(uint64_t);
    *p++                = self->file[i].is_gzip ? 1 : 0;
    const size_t length = strlen(self->file[i].path) + 1;
    memcpy(p, self->file[i].path, length);
    p += length;
  }
  *n = total;
out:
  return st;
}

static clv_status files_unpack(clv_csv_files *self, char *bytes, size_t n) {
  clv_status st = CLV_OK;
  for (char *p = bytes; p < bytes + n; p += strlen(p) + 1) {
    clv_csv_file file;
    memcpy(&file.bytes, p, sizeof(uint64_t));
    p += sizeof(uint64_t);
    file.is_gzip = *p++ != 0;
    file.path    = p;
    CLV_TRY(files_add(self, &file));
  }
out:
  return st;
}

/* Rank 0's list to all. */
static clv_status files_share(clv_csv_files *self, const clv_comm *comm, clv_status mine) {
  clv_status st      = CLV_OK;
  char      *bytes   = NULL;
  size_t     n       = 0;
  const bool is_root = clv_comm_rank(comm) == 0;
  if (is_root && mine == CLV_OK) mine = files_pack(self, &bytes, &n);
  CLV_TRY(clv_comm_agree(comm, mine));
  clv_comm_broadcast(comm, &n, sizeof n, 0);
  if (!is_root) mine = clv_alloc(n + 1, 1, (void **)&bytes);
  CLV_TRY(clv_comm_agree(comm, mine));
  clv_comm_broadcast(comm, bytes, n, 0);
  if (!is_root) mine = files_unpack(self, bytes, n);
  CLV_TRY(clv_comm_agree(comm, mine));
out:
  free(bytes);
  return st;
}

clv_status clv_csv_files_new(const clv_comm *comm, const char *key, char *const *pattern, size_t n_pattern,
                             clv_csv_files **out) {
  clv_csv_files *self = NULL;
  clv_status     st   = clv_calloc(1, sizeof *self, (void **)&self);
  CLV_TRY(clv_comm_agree(comm, st));
  if (clv_comm_rank(comm) == 0) {
    if (n_pattern == 0) st = clv_fail(CLV_EUSAGE, "%s names no file", key);
    for (size_t i = 0; i < n_pattern && st == CLV_OK; i++) st = pattern_add(self, key, pattern[i]);
    files_sort(self);
  }
  CLV_TRY(files_share(self, comm, st));
  *out = self, self = NULL;
out:
  clv_csv_files_free(&self);
  return st;
}

/* The rank that reads each gzip file; -1 for plain files. */
static clv_status gzip_deal(const clv_csv_files *self, int size, int **owner) {
  clv_status st   = CLV_OK;
  uint64_t  *load = NULL;
  CLV_TRY(clv_calloc((size_t)size, sizeof *load, (void **)&load));
  CLV_TRY(clv_alloc(self->n + 1, sizeof **owner, (void **)owner));
  for (size_t i = 0; i < self->n; i++) (*owner)[i] = -1;
  for (;;) {
    size_t most  = self->n;
    int    least = 0;
    for (size_t i = 0; i < self->n; i++)
      if (self->file[i].is_gzip && (*owner)[i] < 0 &&
          (most == self->n || self->file[i].bytes > self->file[most].bytes))
        most = i;
    if (most == self->n) break;
    for (int r = 1; r < size; r++)
      if (load[r] < load[least]) least = r;
    (*owner)[most] = least;
    load[least] += self->file[most].bytes;
  }
out:
  free(load);
  return st;
}

clv_status clv_csv_files_deal(const clv_csv_files *self, int rank, int size, clv_csv_piece **piece,
                              size_t *n) {
  clv_status     st    = CLV_OK;
  clv_csv_piece *mine  = NULL;
  int           *owner = NULL;
  uint64_t       plain = 0, before = 0, first, last;
  *n = 0;
  CLV_TRY(gzip_deal(self, size, &owner));
  CLV_TRY(clv_alloc(self->n + 1, sizeof *mine, (void **)&mine));
  for (size_t i = 0; i < self->n; i++)
    if (!self->file[i].is_gzip) plain += self->file[i].bytes;
  clv_slice_of(plain, rank, size, &first, &last);
  for (size_t i = 0; i < self->n; i++) {
    const uint64_t bytes = self->file[i].bytes;
    if (self->file[i].is_gzip) {
      if (owner[i] == rank) mine[(*n)++] = (clv_csv_piece){.file = i, .end = bytes};
      continue;
    }
    if (before < last && before + bytes > first) {
      const uint64_t begin = first > before ? first - before : 0;
      const uint64_t end   = last - before < bytes ? last - before : bytes;
      mine[(*n)++]         = (clv_csv_piece){.file = i, .begin = begin, .end = end};
    }
    before += bytes;
  }
  *piece = mine, mine = NULL;
out:
  free(owner);
  free(mine);
  return st;
}
