/* Files of the MPI of one rank: POSIX reads and writes through the view. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "types.h"

struct ompi_file_t {
  int          fd;
  int          atomic;
  MPI_Offset   begin; /* the view: from here, the pieces of `shown` again and again */
  MPI_Datatype unit;  /* offsets count this */
  MPI_Datatype shown; /* owned copy; NULL: every byte */
};

static int io(int bad) { return bad ? MPI_ERR_IO : MPI_SUCCESS; }

int MPI_File_open(MPI_Comm comm, const char *path, int mode, MPI_Info info, MPI_File *out) {
  (void)comm, (void)info;
  const int flags = (mode & MPI_MODE_RDWR     ? O_RDWR
                     : mode & MPI_MODE_WRONLY ? O_WRONLY
                                              : O_RDONLY) |
                    (mode & MPI_MODE_CREATE ? O_CREAT : 0) | (mode & MPI_MODE_EXCL ? O_EXCL : 0);
  const int fd = open(path, flags, 0666);
  if (fd < 0) return errno == ENOENT ? MPI_ERR_NO_SUCH_FILE : MPI_ERR_IO;
  *out = calloc(1, sizeof **out);
  if (*out == NULL) abort();
  (*out)->fd = fd, (*out)->unit = MPI_BYTE;
  return MPI_SUCCESS;
}

int MPI_File_set_view(MPI_File f, MPI_Offset begin, MPI_Datatype unit, MPI_Datatype shown,
                      const char *representation, MPI_Info info) {
  (void)representation, (void)info;
  if (f->shown != NULL) MPI_Type_free(&f->shown);
  f->shown = NULL, f->begin = begin, f->unit = unit;
  return type_is_dense(shown) ? MPI_SUCCESS : MPI_Type_dup(shown, &f->shown);
}

int MPI_File_close(MPI_File *f) {
  if ((*f)->shown != NULL) MPI_Type_free(&(*f)->shown);
  const int bad = close((*f)->fd);
  free(*f);
  *f = NULL;
  return io(bad);
}

/* Up to `length` bytes at `at`; the number that went, which is less at the end of the file or on an error. */
static size_t bytes_move(int fd, MPI_Offset at, char *data, size_t length, int writes) {
  size_t done = 0;
  while (done < length) {
    const ssize_t now = writes ? pwrite(fd, data + done, length - done, at + (MPI_Offset)done)
                               : pread(fd, data + done, length - done, at + (MPI_Offset)done);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) break;
    done += (size_t)now;
  }
  return done;
}

/* The same through the view, `skip` bytes of it passed over. */
static size_t view_move(MPI_File f, size_t skip, char *data, size_t length, int writes) {
  if (f->shown == NULL) return bytes_move(f->fd, f->begin + (MPI_Offset)skip, data, length, writes);
  const MPI_Datatype t    = f->shown;
  size_t             done = 0;
  if (t->size == 0) return 0;
  for (size_t tile = skip / t->size, left = skip % t->size; done < length; tile++)
    for (size_t i = 0; i < t->n && done < length; i++) {
      const size_t past     = left < t->piece[i].length ? left : t->piece[i].length,
                   room     = t->piece[i].length - past;
      const size_t     want = room < length - done ? room : length - done;
      const MPI_Offset at = f->begin + (MPI_Offset)tile * (t->ub - t->lb) + t->piece[i].at + (MPI_Offset)past;
      if (bytes_move(f->fd, at, data + done, want, writes) < want) return done;
      left -= past, done += want;
    }
  return done;
}

static int move(MPI_File f, MPI_Offset offset, void *buffer, int count, MPI_Datatype t, MPI_Status *status,
                int writes) {
  const size_t total = (size_t)count * t->size, skip = (size_t)offset * f->unit->size;
  char        *packed = type_is_dense(t) ? buffer : malloc(total > 0 ? total : 1);
  if (packed == NULL) abort();
  if (packed != buffer)
    type_pack(t, (size_t)count, buffer, packed); /* for a read too: a short one leaves the rest */
  const size_t done = total > 0 ? view_move(f, skip, packed, total, writes) : 0;
  if (packed != buffer && !writes) type_unpack(t, (size_t)count, packed, buffer);
  if (packed != buffer) free(packed);
  if (status != MPI_STATUS_IGNORE) *status = (MPI_Status){._ucount = done};
  return io(writes && done < total);
}

int MPI_File_read_at(MPI_File f, MPI_Offset at, void *to, int count, MPI_Datatype t, MPI_Status *status) {
  return move(f, at, to, count, t, status, 0);
}

int MPI_File_read_at_all(MPI_File f, MPI_Offset at, void *to, int count, MPI_Datatype t, MPI_Status *status) {
  return move(f, at, to, count, t, status, 0);
}

int MPI_File_write_at(MPI_File f, MPI_Offset at, const void *from, int count, MPI_Datatype t,
                      MPI_Status *status) {
  return move(f, at, (void *)from, count, t, status, 1);
}

int MPI_File_write_at_all(MPI_File f, MPI_Offset at, const void *from, int count, MPI_Datatype t,
                          MPI_Status *status) {
  return move(f, at, (void *)from, count, t, status, 1);
}

int MPI_Get_count(const MPI_Status *status, MPI_Datatype t, int *count) {
  *count = t->size > 0 ? (int)(status->_ucount / t->size) : 0;
  return MPI_SUCCESS;
}

/* HDF5 builds its types of bytes, so elements are bytes. */
int MPI_Get_elements_x(const MPI_Status *status, MPI_Datatype t, MPI_Count *count) {
  (void)t;
  *count = (MPI_Count)status->_ucount;
  return MPI_SUCCESS;
}

int MPI_File_get_size(MPI_File f, MPI_Offset *size) {
  struct stat what;
  if (fstat(f->fd, &what) != 0) return MPI_ERR_IO;
  *size = what.st_size;
  return MPI_SUCCESS;
}

int MPI_File_set_size(MPI_File f, MPI_Offset size) { return io(ftruncate(f->fd, size)); }

int MPI_File_sync(MPI_File f) { return io(fsync(f->fd)); }

int MPI_File_get_atomicity(MPI_File f, int *flag) {
  *flag = f->atomic;
  return MPI_SUCCESS;
}

int MPI_File_set_atomicity(MPI_File f, int flag) {
  f->atomic = flag;
  return MPI_SUCCESS;
}
