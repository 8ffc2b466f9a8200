#include "io/predictions.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "comm/comm_mpi.h"
#include "io/files.h"
#include "io/number_text.h"
#include "io/refusal.h"

struct clv_predictions {
  const clv_comm *comm;                                    /* borrowed */
  char           *csv_path, *csv_part, *h5_path, *h5_part; /* owned */
  int             csv;
  int64_t         at; /* end of the CSV so far, over all ranks */
  hid_t           h5;
  size_t          n_column;
  hid_t          *set;  /* owned [n_column] */
  char           *text; /* owned: one put's rows */
  size_t          room;
  double         *one; /* owned: one column of a put */
  size_t          one_room;
  bool            is_broken; /* a write failed on some rank */
};

size_t clv_csv_quote(const char *text, size_t n, char *to) {
  size_t used = 0;
  if (memchr(text, ',', n) == NULL && memchr(text, '"', n) == NULL && memchr(text, '\n', n) == NULL &&
      memchr(text, '\r', n) == NULL) {
    memcpy(to, text, n);
    return n;
  }
  to[used++] = '"';
  for (size_t i = 0; i < n; i++) {
    if (text[i] == '"') to[used++] = '"';
    to[used++] = text[i];
  }
  to[used++] = '"';
  return used;
}

static clv_status h5_failed(const clv_predictions *self) { return clv_refusal_find(self->h5_path); }

static int attribute_write(hid_t file, const char *name, const char *value) {
  const hid_t scalar = H5Screate(H5S_SCALAR), text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, strlen(value) + 1);
  const hid_t attribute = H5Acreate2(file, name, text, scalar, H5P_DEFAULT, H5P_DEFAULT);
  const int   ok        = attribute >= 0 && H5Awrite(attribute, text, value) >= 0;
  if (attribute >= 0) H5Aclose(attribute);
  H5Tclose(text);
  H5Sclose(scalar);
  return ok;
}

/* By one rank, without MPI-IO: the layout is then the same for any number of ranks. */
static clv_status skeleton_make(const clv_predictions *self, const clv_predictions_plan *plan) {
  const hid_t create = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS),
              list     = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t   groups = H5Pcreate(H5P_GROUP_CREATE);
  const hsize_t extent = plan->n_customer;
  const hid_t   space  = H5Screate_simple(1, &extent, NULL);
  int           ok;
  H5Pset_obj_track_times(create, 0);
  H5Pset_obj_track_times(list, 0);
  H5Pset_obj_track_times(groups, 0);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
  errno            = 0;
  const hid_t file = H5Fcreate(self->h5_part, H5F_ACC_TRUNC, create, access);
  ok               = file >= 0;
  if (ok) {
    const hid_t group = H5Gcreate2(file, "customers", H5P_DEFAULT, groups, H5P_DEFAULT);
    ok                = attribute_write(file, "portfolio", plan->portfolio) && group >= 0;
    for (size_t k = 0; ok && k < plan->n_attribute; k++)
      ok = attribute_write(file, plan->attribute[k].name, plan->attribute[k].text);
    for (size_t k = 0; ok && k < plan->n_column; k++) {
      const hid_t set =
          H5Dcreate2(group, plan->column[k], H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
      ok = set >= 0;
      if (ok) H5Dclose(set);
    }
    if (group >= 0) H5Gclose(group);
    ok &= H5Fclose(file) >= 0;
  }
  H5Sclose(space);
  H5Pclose(create);
  H5Pclose(access);
  H5Pclose(list);
  H5Pclose(groups);
  return ok ? CLV_OK : h5_failed(self);
}

static clv_status header_write(clv_predictions *self, const clv_predictions_plan *plan) {
  if (self->csv_part == NULL) return CLV_OK;
  FILE *file = fopen(self->csv_part, "w");
  if (file == NULL) return clv_file_write_failed(self->csv_path, errno);
  fputs("customer_id", file);
  for (size_t k = 0; k < plan->n_column; k++) fprintf(file, ",%s", plan->column[k]);
  fputc('\n', file);
  self->at = ftell(file);
  return fclose(file) == 0 ? CLV_OK : clv_file_write_failed(self->csv_path, errno);
}

static clv_status parts_name(clv_predictions *self, const clv_predictions_plan *plan) {
  const bool has_csv = plan->csv_path != NULL;
  self->h5_path      = strdup(plan->h5_path);
  if (has_csv) self->csv_path = strdup(plan->csv_path);
  if (!has_csv || asprintf(&self->csv_part, "%s.part", plan->csv_path) < 0) self->csv_part = NULL;
  if (asprintf(&self->h5_part, "%s.part", plan->h5_path) < 0) self->h5_part = NULL;
  if (self->h5_path == NULL || self->h5_part == NULL ||
      (has_csv && (self->csv_path == NULL || self->csv_part == NULL)))
    return clv_fail(CLV_ENOMEM, "no memory for a path");
  return clv_calloc(plan->n_column, sizeof *self->set, (void **)&self->set);
}

static clv_status files_open(clv_predictions *self, const clv_predictions_plan *plan) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  int         ok;
  H5Pset_fapl_mpio(access, clv_comm_mpi(self->comm), MPI_INFO_NULL);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  errno    = 0;
  self->h5 = H5Fopen(self->h5_part, H5F_ACC_RDWR, access);
  H5Pclose(access);
  ok = self->h5 >= 0;
  for (size_t k = 0; ok && k < plan->n_column; k++, self->n_column++) {
    char path[256];
    snprintf(path, sizeof path, "/customers/%s", plan->column[k]);
    ok = (self->set[k] = H5Dopen2(self->h5, path, H5P_DEFAULT)) >= 0;
  }
  if (!ok) return h5_failed(self);
  if (self->csv_part == NULL) return CLV_OK;
  self->csv = open(self->csv_part, O_WRONLY | O_CLOEXEC);
  return self->csv >= 0 ? CLV_OK : clv_file_write_failed(self->csv_path, errno);
}

/* All ranks learn whether a write failed on one. Collective. */
static clv_status written_agree(clv_predictions *self, clv_status mine) {
  const clv_status st = clv_comm_agree(self->comm, mine);
  self->is_broken     = self->is_broken || st < 0;
  return st;
}

static clv_status files_close(clv_predictions *self) {
  int ok = 1;
  if (self->is_broken) {
    clv_comm_abandon();
    return CLV_OK; /* the process ends soon */
  }
  for (size_t k = 0; k < self->n_column; k++) ok &= H5Dclose(self->set[k]) >= 0;
  errno = 0;
  if (self->h5 >= 0) ok &= H5Fclose(self->h5) >= 0;
  if (self->csv >= 0 && close(self->csv) != 0) return clv_file_write_failed(self->csv_path, errno);
  return ok ? CLV_OK : h5_failed(self);
}

static void predictions_free(clv_predictions *self) {
  free(self->csv_path), free(self->csv_part), free(self->h5_path), free(self->h5_part);
  free(self->set), free(self->text), free(self->one);
  free(self);
}

/* Nothing half-written remains. The status of the failure is the caller's. */
static void predictions_discard(clv_predictions *self) {
  (void)files_close(self);
  if (clv_comm_rank(self->comm) == 0 && self->csv_part != NULL) unlink(self->csv_part);
  if (clv_comm_rank(self->comm) == 0 && self->h5_part != NULL) unlink(self->h5_part);
  predictions_free(self);
}

clv_status clv_predictions_create(const clv_comm *comm, const clv_predictions_plan *plan,
                                  clv_predictions **out) {
  clv_predictions *self = NULL;
  clv_status       st   = clv_calloc(1, sizeof *self, (void **)&self);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (st == CLV_OK) {
    self->comm = comm, self->csv = -1, self->h5 = -1;
    st = parts_name(self, plan);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  if (clv_comm_rank(comm) == 0) {
    st = header_write(self, plan);
    if (st == CLV_OK) st = skeleton_make(self, plan);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_broadcast(comm, &self->at, sizeof self->at, 0);
  CLV_TRY(written_agree(self, files_open(self, plan)));
  *out = self, self = NULL;
out:
  if (self != NULL) predictions_discard(self);
  return st;
}

static clv_status text_room(clv_predictions *self, size_t wanted) {
  clv_status st = CLV_OK;
  if (wanted <= self->room) return CLV_OK;
  CLV_TRY(clv_realloc(2 * wanted, 1, (void **)&self->text));
  self->room = 2 * wanted;
out:
  return st;
}

/* Ten digits: far beyond what draws can tell, and short. A field is empty where there is no number. */
static size_t number_print(char *to, double value) { return isnan(value) ? 0 : clv_number_text(value, to); }

static clv_status rows_format(clv_predictions *self, uint64_t n, const char *id, const uint64_t *offset,
                              const double *value, size_t *used) {
  clv_status st = CLV_OK;
  *used         = 0;
  if (self->csv < 0) return CLV_OK;
  for (uint64_t i = 0; i < n; i++) {
    const size_t id_bytes = (size_t)(offset[i + 1] - offset[i]);
    CLV_TRY(text_room(self, *used + 2 * id_bytes + 4 + self->n_column * (CLV_NUMBER_TEXT_MOST + 1)));
    *used += clv_csv_quote(id + offset[i], id_bytes, self->text + *used);
    for (size_t k = 0; k < self->n_column; k++) {
      self->text[(*used)++] = ',';
      *used += number_print(self->text + *used, value[i * self->n_column + k]);
    }
    self->text[(*used)++] = '\n';
  }
out:
  return st;
}

static clv_status text_write(const clv_predictions *self, size_t n, int64_t at) {
  for (size_t done = 0; done < n;) {
    const ssize_t wrote = pwrite(self->csv, self->text + done, n - done, (off_t)(at + (int64_t)done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return clv_file_write_failed(self->csv_path, wrote < 0 ? errno : ENOSPC);
    done += (size_t)wrote;
  }
  return CLV_OK;
}

static clv_status columns_write(clv_predictions *self, uint64_t first, uint64_t n, const double *value) {
  const hsize_t start = first, count = n;
  clv_status    st = CLV_OK;
  if (n == 0) return CLV_OK;
  if (n > self->one_room) {
    CLV_TRY(clv_realloc((size_t)n, sizeof *self->one, (void **)&self->one));
    self->one_room = (size_t)n;
  }
  errno = 0;
  for (size_t k = 0; k < self->n_column; k++) {
    const hid_t file_space = H5Dget_space(self->set[k]), memory = H5Screate_simple(1, &count, NULL);
    for (uint64_t i = 0; i < n; i++) self->one[i] = value[i * self->n_column + k];
    const int ok = H5Sselect_hyperslab(file_space, H5S_SELECT_SET, &start, NULL, &count, NULL) >= 0 &&
                   H5Dwrite(self->set[k], H5T_NATIVE_DOUBLE, memory, file_space, H5P_DEFAULT, self->one) >= 0;
    H5Sclose(memory);
    H5Sclose(file_space);
    if (!ok) CLV_TRY(h5_failed(self));
  }
out:
  return st;
}

clv_status clv_predictions_put(clv_predictions *self, uint64_t first, uint64_t n, const char *id,
                               const uint64_t *offset, const double *value) {
  size_t        used   = 0;
  clv_status    st     = rows_format(self, n, id, offset, value, &used);
  const int64_t before = clv_comm_scan_before(self->comm, (int64_t)used);
  int64_t       all    = (int64_t)used;
  clv_comm_sum_i64(self->comm, &all, 1);
  if (st == CLV_OK) st = text_write(self, used, self->at + before);
  if (st == CLV_OK) st = columns_write(self, first, n, value);
  self->at += all;
  return written_agree(self, st);
}

static bool parts_are_there(const clv_predictions *self, int64_t at) {
  struct stat csv, h5;
  return (self->csv_part == NULL ||
          (stat(self->csv_part, &csv) == 0 && S_ISREG(csv.st_mode) && csv.st_size >= at)) &&
         stat(self->h5_part, &h5) == 0 && S_ISREG(h5.st_mode);
}

clv_status clv_predictions_resume(const clv_comm *comm, const clv_predictions_plan *plan, int64_t at,
                                  clv_predictions **out) {
  clv_predictions *self  = NULL;
  int32_t          there = 0;
  clv_status       st    = clv_calloc(1, sizeof *self, (void **)&self);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (st == CLV_OK) {
    self->comm = comm, self->csv = -1, self->h5 = -1, self->at = at;
    st = parts_name(self, plan);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  if (clv_comm_rank(comm) == 0) there = parts_are_there(self, at);
  clv_comm_broadcast(comm, &there, sizeof there, 0);
  if (!there) {
    *out = NULL;
    goto out;
  }
  st = clv_comm_agree(comm, files_open(self, plan));
  if (st < 0) { /* damaged: begin anew */
    clv_message_clear();
    st   = CLV_OK;
    *out = NULL;
    goto out;
  }
  *out = self, self = NULL;
out:
  if (self != NULL) {
    (void)files_close(self);
    predictions_free(self);
  }
  return st;
}

static clv_status part_sync(const clv_predictions *self) {
  const int fd     = open(self->h5_part, O_RDONLY | O_CLOEXEC);
  const int failed = fd < 0 || fsync(fd) != 0 || (self->csv >= 0 && fsync(self->csv) != 0);
  const int error  = errno;
  if (fd >= 0) close(fd);
  return failed ? clv_file_write_failed(self->h5_path, error) : CLV_OK;
}

clv_status clv_predictions_save(clv_predictions *self, int64_t *at) {
  errno         = 0;
  clv_status st = H5Fflush(self->h5, H5F_SCOPE_GLOBAL) >= 0 ? CLV_OK : h5_failed(self);
  st            = written_agree(self, st); /* all have written before anyone makes it durable */
  if (st < 0) return st;
  *at = self->at;
  return written_agree(self, part_sync(self));
}

clv_status clv_predictions_get(clv_predictions *self, uint64_t first, uint64_t n, double *value) {
  const hsize_t start = first, count = n;
  clv_status    st = CLV_OK;
  if (n == 0) return CLV_OK;
  if (n > self->one_room) {
    CLV_TRY(clv_realloc((size_t)n, sizeof *self->one, (void **)&self->one));
    self->one_room = (size_t)n;
  }
  for (size_t k = 0; k < self->n_column; k++) {
    const hid_t file_space = H5Dget_space(self->set[k]), memory = H5Screate_simple(1, &count, NULL);
    const int   ok = H5Sselect_hyperslab(file_space, H5S_SELECT_SET, &start, NULL, &count, NULL) >= 0 &&
                   H5Dread(self->set[k], H5T_NATIVE_DOUBLE, memory, file_space, H5P_DEFAULT, self->one) >= 0;
    H5Sclose(memory);
    H5Sclose(file_space);
    if (!ok) CLV_TRY(clv_fail(CLV_EIO, "cannot read '%s' back; remove it and predict again", self->h5_part));
    for (uint64_t i = 0; i < n; i++) value[i * self->n_column + k] = self->one[i];
  }
out:
  return st;
}

void clv_predictions_leave(clv_predictions **inout) {
  clv_predictions *self = *inout;
  *inout                = NULL;
  if (self == NULL) return;
  (void)files_close(self);
  predictions_free(self);
}

static hid_t draws_group(const clv_predictions *self) {
  if (H5Lexists(self->h5, "draws", H5P_DEFAULT) > 0) return H5Gopen2(self->h5, "draws", H5P_DEFAULT);
  const hid_t list = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(list, 0);
  const hid_t group = H5Gcreate2(self->h5, "draws", H5P_DEFAULT, list, H5P_DEFAULT);
  H5Pclose(list);
  return group;
}

clv_status clv_predictions_matrix(clv_predictions *self, const char *name, uint64_t n_row, uint64_t n_column,
                                  const double *value) {
  const hsize_t extent[2] = {n_row, n_column};
  const hid_t   space = H5Screate_simple(2, extent, NULL), list = H5Pcreate(H5P_DATASET_CREATE),
              group = draws_group(self);
  H5Pset_obj_track_times(list, 0);
  H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
  errno = 0;
  const hid_t set =
      group < 0 ? -1 : H5Dcreate2(group, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  int ok = set >= 0;
  if (ok && clv_comm_rank(self->comm) == 0)
    ok = H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0;
  if (set >= 0) H5Dclose(set);
  if (group >= 0) H5Gclose(group);
  H5Pclose(list);
  H5Sclose(space);
  return written_agree(self, ok ? CLV_OK : h5_failed(self));
}

clv_status clv_predictions_commit(clv_predictions **inout, clv_status mine) {
  clv_predictions *self = *inout;
  const bool       root = clv_comm_rank(self->comm) == 0;
  *inout                = NULL;
  clv_status st         = clv_comm_agree(self->comm, mine);
  if (st < 0) {
    predictions_discard(self);
    return st;
  }
  st = clv_comm_agree(self->comm, files_close(self));
  if (root && st == CLV_OK) st = clv_file_commit(self->h5_part, self->h5_path);
  if (root && st == CLV_OK && self->csv_part != NULL) st = clv_file_commit(self->csv_part, self->csv_path);
  if (root && st < 0) {
    if (self->csv_part != NULL) unlink(self->csv_part);
    unlink(self->h5_part);
  }
  st = clv_comm_agree(self->comm, st);
  predictions_free(self);
  return st;
}
