#include "io/csv_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define PACKED_SIZE (1u << 18)

struct clv_csv_stream {
  const clv_csv_file *file; /* borrowed */
  int                 fd;
  uint64_t            offset; /* of the next byte to read, as stored */
  unsigned char      *packed; /* owned, [PACKED_SIZE]; NULL for plain files */
  z_stream            inflater;
  bool                is_inflating; /* inflater is set up */
  bool                in_member;    /* inside a gzip member: the end of the file may not come */
};

static ssize_t plain_read(clv_csv_stream *self, void *to, size_t most) {
  ssize_t got;
  do got = pread(self->fd, to, most, (off_t)self->offset);
  while (got < 0 && errno == EINTR);
  if (got < 0) {
    clv_fail(CLV_EDATA, "cannot read '%s' at byte %llu: %s", self->file->path,
             (unsigned long long)self->offset, strerror(errno));
    return -1;
  }
  self->offset += (uint64_t)got;
  return got;
}

static ssize_t gzip_fail(const clv_csv_stream *self, const char *what) {
  clv_fail(CLV_EDATA, "'%s' %s; make or copy it again", self->file->path, what);
  return -1;
}

/* More packed bytes: 1, none 0, failed -1. */
static int packed_refill(clv_csv_stream *self) {
  const ssize_t got = plain_read(self, self->packed, PACKED_SIZE);
  if (got < 0) return -1;
  self->inflater.next_in  = self->packed;
  self->inflater.avail_in = (uInt)got;
  return got > 0;
}

/* One step of zlib. A file may be several gzip members back to back: shards joined with cat. */
static int inflate_step(clv_csv_stream *self) {
  int rc;
  if (!self->in_member) {
    if (inflateReset(&self->inflater) != Z_OK) return (int)gzip_fail(self, "could not be inflated");
    self->in_member = true;
  }
  rc = inflate(&self->inflater, Z_NO_FLUSH);
  if (rc == Z_STREAM_END)
    self->in_member = false;
  else if (rc == Z_MEM_ERROR)
    return (int)gzip_fail(self, "could not be inflated for want of memory");
  else if (rc != Z_OK && rc != Z_BUF_ERROR)
    return (int)gzip_fail(self, "holds damaged gzip data");
  return 0;
}

static ssize_t gzip_read(clv_csv_stream *self, char *to, size_t most) {
  if (most > 1u << 30) most = 1u << 30;
  self->inflater.next_out  = (unsigned char *)to;
  self->inflater.avail_out = (uInt)most;
  while (self->inflater.avail_out == (uInt)most) {
    if (self->inflater.avail_in == 0) {
      const int more = packed_refill(self);
      if (more < 0) return -1;
      if (more == 0) return self->in_member ? gzip_fail(self, "ends in the middle of its gzip data") : 0;
    }
    if (inflate_step(self) < 0) return -1;
  }
  return (ssize_t)(most - self->inflater.avail_out);
}

static ssize_t stream_read(void *self, char *to, size_t most) {
  clv_csv_stream *stream = self;
  return stream->packed != NULL ? gzip_read(stream, to, most) : plain_read(stream, to, most);
}

clv_status clv_csv_stream_new(const clv_csv_file *file, clv_csv_stream **out) {
  clv_status      st   = CLV_OK;
  clv_csv_stream *self = NULL;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->file = file;
  self->fd   = open(file->path, O_RDONLY | O_CLOEXEC);
  if (self->fd < 0) CLV_TRY(clv_fail(CLV_EDATA, "cannot open '%s': %s", file->path, strerror(errno)));
  if (file->is_gzip) {
    CLV_TRY(clv_alloc(PACKED_SIZE, 1, (void **)&self->packed));
    if (inflateInit2(&self->inflater, 15 + 16) != Z_OK) /* 32 KiB window, gzip framing */
      CLV_TRY(clv_fail(CLV_ENOMEM, "no memory to inflate '%s'", file->path));
    self->is_inflating = true;
  }
  *out = self, self = NULL;
out:
  clv_csv_stream_free(&self);
  return st;
}

void clv_csv_stream_free(clv_csv_stream **self) {
  if (*self != NULL) {
    if ((*self)->fd >= 0) close((*self)->fd);
    if ((*self)->is_inflating) inflateEnd(&(*self)->inflater);
    free((*self)->packed);
  }
  free(*self);
  *self = NULL;
}

clv_csv_source clv_csv_stream_source(clv_csv_stream *self) {
  return (clv_csv_source){.self = self, .read = stream_read};
}

void clv_csv_stream_seek(clv_csv_stream *self, uint64_t offset) {
  CLV_CHECK(self->packed == NULL);
  self->offset = offset;
}
