#include "io/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/comm_mpi.h"
#include "io/files.h"
#include "io/refusal.h"
#include "io/trace_file.h"

/* One phase's open datasets. */
typedef struct phase {
  size_t n_now, n_most;
  hid_t  draw[2];  /* coordinates of posterior and of sample_stats */
  hid_t *variable; /* owned [n_variable] */
  hid_t  stat[CLV_STAT_COLUMNS];
  bool   is_open;
} phase;

struct clv_trace {
  const clv_comm *comm; /* borrowed */
  char           *path; /* owned */
  hid_t           file;
  size_t          n_chain, n_variable, n_value, n_dim, n_column;
  size_t         *length;   /* owned [n_variable]; 0 for a scalar */
  hid_t          *observed; /* owned [n_column] */
  hid_t           customer;
  phase           phase[2];  /* sampling, warm-up */
  bool            is_broken; /* a write failed on some rank */
  double         *gathered;  /* owned: one variable's values of a leg */
  size_t          room;
};

static clv_status write_failed(const clv_trace *self) { return clv_refusal_find(self->path); }

/* All ranks learn whether a write failed on one. Collective. */
static clv_status written_agree(clv_trace *self, clv_status mine) {
  const clv_status st = clv_comm_agree(self->comm, mine);
  self->is_broken     = self->is_broken || st < 0;
  return st;
}

static hid_t set_open(hid_t file, const char *group, const char *name) {
  char path[2 * CLV_TRACE_NAME_MAX + 32];
  snprintf(path, sizeof path, "/%s/%s", group, name);
  return H5Dopen2(file, path, H5P_DEFAULT);
}

static clv_status phase_open(clv_trace *self, const clv_trace_plan *plan, int which, size_t n_most) {
  phase     *p  = &self->phase[which];
  clv_status st = CLV_OK;
  int        ok = 1;
  CLV_TRY(clv_calloc(plan->n_variable, sizeof *p->variable, (void **)&p->variable));
  p->n_most  = n_most;
  p->is_open = true;
  for (int k = 0; k < 2; k++)
    ok &= (p->draw[k] = set_open(self->file, CLV_TRACE_GROUP[which][k], "draw")) >= 0;
  for (size_t i = 0; i < plan->n_variable; i++)
    ok &= (p->variable[i] = set_open(self->file, CLV_TRACE_GROUP[which][0], plan->variable[i].name)) >= 0;
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++)
    ok &= (p->stat[i] = set_open(self->file, CLV_TRACE_GROUP[which][1], CLV_STAT_COLUMN[i].name)) >= 0;
  if (!ok)
    st = clv_fail(CLV_EDATA, "'%s' lacks a variable of this model; start over with --fresh", self->path);
out:
  return st;
}

/* Zero chunk cache: a parallel shrink would otherwise leave dirty chunks behind that overwrite newer data
 * (HDF5 1.10.8). */
static hid_t file_open(const clv_comm *comm, const char *path) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, clv_comm_mpi(comm), MPI_INFO_NULL);
  H5Pset_cache(access, 0, 1, 0, 1.0);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_coll_metadata_write(access, 1);
  const hid_t file = H5Fopen(path, H5F_ACC_RDWR, access);
  H5Pclose(access);
  return file;
}

static clv_status trace_alloc(const clv_comm *comm, const char *path, const clv_trace_plan *plan,
                              clv_trace **out) {
  clv_trace *self = NULL;
  clv_status st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  *out             = self;
  self->comm       = comm;
  self->file       = -1;
  self->customer   = -1;
  self->n_chain    = plan->n_chain;
  self->n_variable = plan->n_variable;
  self->n_dim      = plan->n_dim;
  self->path       = strdup(path);
  CLV_TRY(clv_calloc(plan->n_variable, sizeof *self->length, (void **)&self->length));
  CLV_TRY(clv_calloc(plan->n_column + 1, sizeof *self->observed, (void **)&self->observed));
  for (size_t i = 0; i < plan->n_variable; i++) {
    self->length[i] = plan->variable[i].dimension[0] == '\0' ? 0 : plan->variable[i].length;
    self->n_value += plan->variable[i].length;
  }
  if (self->path == NULL) st = clv_fail(CLV_ENOMEM, "no memory for a path");
out:
  return st;
}

static clv_status sets_open(clv_trace *self, const clv_trace_plan *plan) {
  clv_status st = CLV_OK;
  CLV_TRY(phase_open(self, plan, 0, plan->n_draw));
  if (plan->n_warmup > 0) CLV_TRY(phase_open(self, plan, 1, plan->n_warmup));
  for (size_t i = 0; i < plan->n_column; i++, self->n_column++)
    if ((self->observed[i] = set_open(self->file, "observed_data", plan->column[i])) < 0)
      CLV_TRY(clv_fail(CLV_EDATA, "'%s' lacks /observed_data/%s; start over with --fresh", self->path,
                       plan->column[i]));
  self->customer = set_open(self->file, "observed_data", "customer");
out:
  return st;
}

/* All ranks open what rank 0 made or found. Collective. */
static clv_status trace_open(clv_trace *self, const clv_trace_plan *plan) {
  clv_status st = CLV_OK;
  errno         = 0;
  self->file    = file_open(self->comm, self->path);
  if (self->file < 0) st = write_failed(self);
  CLV_TRY(written_agree(self, st));
  CLV_TRY(written_agree(self, sets_open(self, plan)));
out:
  return st;
}

static clv_status skeleton_publish(const char *path, const clv_trace_plan *plan) {
  char      *temporary = NULL;
  clv_status st        = CLV_OK;
  if (asprintf(&temporary, "%s.tmp", path) < 0) return clv_fail(CLV_ENOMEM, "no memory for a path");
  CLV_TRY(clv_trace_skeleton(temporary, plan));
  CLV_TRY(clv_file_commit(temporary, path));
out:
  if (st < 0) unlink(temporary);
  free(temporary);
  return st;
}

clv_status clv_trace_create(const clv_comm *comm, const char *path, const clv_trace_plan *plan,
                            clv_trace **out) {
  clv_trace *self = NULL;
  clv_status st   = CLV_OK;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* a user's mistake gets one sentence, not the library's stack */
  if (clv_comm_rank(comm) == 0) st = skeleton_publish(path, plan);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_comm_agree(comm, trace_alloc(comm, path, plan, &self)));
  CLV_TRY(trace_open(self, plan));
  *out = self, self = NULL;
out:
  if (self != NULL) (void)clv_trace_close(&self);
  return st;
}

/* Lowers one group's draw axes to n, by one rank (MPI-IO on this rank alone: a reader that has the file open
 * does no harm). */
static int group_cut(hid_t file, const char *group, const char *const *name, size_t n_name, hsize_t n) {
  int ok = 1;
  for (size_t i = 0; i < n_name; i++) {
    hsize_t     extent[3];
    const hid_t set   = set_open(file, group, name[i]);
    const hid_t space = set < 0 ? -1 : H5Dget_space(set);
    const int   rank  = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    ok &= rank >= 1 && rank <= 3 && H5Sget_simple_extent_dims(space, extent, NULL) >= 0;
    if (ok) {
      const int axis = rank == 1 ? 0 : 1;
      ok &= extent[axis] >= n;
      extent[axis] = n;
      ok           = ok && H5Dset_extent(set, extent) >= 0;
    }
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
  }
  return ok;
}

static clv_status file_cut(const char *path, const clv_trace_plan *plan, size_t n_warmup, size_t n_draw) {
  const char *posterior[64 + 1], *stats[CLV_STAT_COLUMNS + 1];
  clv_comm   *alone = NULL;
  int         ok    = 1;
  clv_status  st    = CLV_OK;
  if (plan->n_variable > 64)
    return clv_fail(CLV_EFAULT, "a trace of more than 64 variables cannot be resumed");
  posterior[0] = stats[0] = "draw";
  for (size_t i = 0; i < plan->n_variable; i++) posterior[i + 1] = plan->variable[i].name;
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++) stats[i + 1] = CLV_STAT_COLUMN[i].name;
  CLV_TRY(clv_comm_self(&alone));
  const hid_t file = file_open(alone, path);
  if (file < 0)
    CLV_TRY(clv_fail(CLV_EDATA, "cannot open '%s' to go on with it; start over with --fresh", path));
  ok &= group_cut(file, CLV_TRACE_GROUP[0][0], posterior, plan->n_variable + 1, n_draw);
  ok &= group_cut(file, CLV_TRACE_GROUP[0][1], stats, CLV_STAT_COLUMNS + 1, n_draw);
  if (plan->n_warmup > 0) {
    ok &= group_cut(file, CLV_TRACE_GROUP[1][0], posterior, plan->n_variable + 1, n_warmup);
    ok &= group_cut(file, CLV_TRACE_GROUP[1][1], stats, CLV_STAT_COLUMNS + 1, n_warmup);
  }
  ok &= H5Fclose(file) >= 0;
  if (!ok)
    st = clv_fail(CLV_EDATA, "'%s' does not hold the %zu draws of its checkpoint; start over with --fresh",
                  path, n_draw);
out:
  clv_comm_free(&alone);
  return st;
}

clv_status clv_trace_resume(const clv_comm *comm, const char *path, const clv_trace_plan *plan,
                            size_t n_warmup, size_t n_draw, clv_trace **out) {
  clv_trace *self = NULL;
  clv_status st   = CLV_OK;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (clv_comm_rank(comm) == 0) st = clv_trace_remake(path, plan);
  if (clv_comm_rank(comm) == 0 && st == CLV_OK) st = file_cut(path, plan, n_warmup, n_draw);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_comm_agree(comm, trace_alloc(comm, path, plan, &self)));
  CLV_TRY(trace_open(self, plan));
  self->phase[0].n_now = n_draw;
  self->phase[1].n_now = n_warmup;
  *out = self, self = NULL;
out:
  if (self != NULL) (void)clv_trace_close(&self);
  return st;
}

/* Draws [from, from + n) of every chain. The memory space has the shape of the file's selection: a flat one
 * is slower by 3 to 10. */
static int draws_write(hid_t set, hid_t type, int rank, const hsize_t start[3], const hsize_t count[3],
                       const void *value) {
  const hid_t file_space = H5Dget_space(set), memory = H5Screate_simple(rank, count, NULL);
  int         ok = H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  ok             = ok && H5Dwrite(set, type, memory, file_space, H5P_DEFAULT, value) >= 0;
  H5Sclose(memory);
  H5Sclose(file_space);
  return ok;
}

static int variable_write(clv_trace *self, const phase *p, size_t i, size_t offset, size_t n,
                          const double *value) {
  const size_t  width    = self->length[i] == 0 ? 1 : self->length[i];
  const hsize_t start[3] = {0, p->n_now, 0}, count[3] = {self->n_chain, n, width};
  for (size_t row = 0; row < self->n_chain * n; row++)
    memcpy(self->gathered + row * width, value + row * self->n_value + offset, width * sizeof *value);
  return draws_write(p->variable[i], H5T_NATIVE_DOUBLE, self->length[i] == 0 ? 2 : 3, start, count,
                     self->gathered);
}

static int stat_write(clv_trace *self, const phase *p, size_t i, size_t n, const clv_trace_stat *stat) {
  const clv_stat_column *column   = &CLV_STAT_COLUMN[i];
  const hid_t            type     = clv_stat_type(column);
  const size_t           width    = H5Tget_size(type);
  const hsize_t          start[3] = {0, p->n_now, 0}, count[3] = {self->n_chain, n, 1};
  for (size_t row = 0; row < self->n_chain * n; row++)
    memcpy((char *)self->gathered + row * width, (const char *)&stat[row] + column->offset, width);
  return draws_write(p->stat[i], type, 2, start, count, self->gathered);
}

static clv_status room_make(clv_trace *self, size_t n) {
  size_t     most = 1;
  clv_status st   = CLV_OK;
  for (size_t i = 0; i < self->n_variable; i++) most = self->length[i] > most ? self->length[i] : most;
  if (self->n_chain * n * most <= self->room) return CLV_OK;
  CLV_TRY(clv_realloc(self->n_chain * n * most, sizeof *self->gathered, (void **)&self->gathered));
  self->room = self->n_chain * n * most;
out:
  return st;
}

static int values_extend(clv_trace *self, const phase *p, hsize_t n) {
  int ok = 1;
  for (size_t i = 0; i < self->n_variable; i++) {
    const hsize_t extent[3] = {self->n_chain, n, self->length[i]};
    ok &= H5Dset_extent(p->variable[i], extent) >= 0;
  }
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++) {
    const hsize_t extent[2] = {self->n_chain, n};
    ok &= H5Dset_extent(p->stat[i], extent) >= 0;
  }
  return ok;
}

static int values_write(clv_trace *self, const phase *p, size_t n, const double *value,
                        const clv_trace_stat *stat) {
  size_t offset = 0;
  int    ok     = 1;
  if (clv_comm_rank(self->comm) != 0) return 1;
  for (size_t i = 0; i < self->n_variable; i++) {
    ok &= variable_write(self, p, i, offset, n, value);
    offset += self->length[i] == 0 ? 1 : self->length[i];
  }
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++) ok &= stat_write(self, p, i, n, stat);
  return ok;
}

static int draws_number(clv_trace *self, const phase *p, size_t n) {
  const hsize_t extent[1] = {p->n_now + n}, start[3] = {p->n_now}, count[3] = {n};
  int64_t      *number = (int64_t *)self->gathered; /* room for at least n numbers of eight bytes */
  int           ok     = 1;
  for (int k = 0; k < 2; k++) ok &= H5Dset_extent(p->draw[k], extent) >= 0;
  if (clv_comm_rank(self->comm) != 0) return ok;
  for (size_t i = 0; i < n; i++) number[i] = (int64_t)(p->n_now + i);
  for (int k = 0; k < 2; k++) ok &= draws_write(p->draw[k], H5T_NATIVE_INT64, 1, start, count, number);
  return ok;
}

/* Extend, write, flush; then the coordinates, flush: a reader sees whole draws, a crash loses whole draws. */
clv_status clv_trace_append(clv_trace *self, bool warmup, size_t n, const double *value,
                            const clv_trace_stat *stat) {
  phase     *p  = &self->phase[warmup ? 1 : 0];
  clv_status st = CLV_OK;
  CLV_CHECK(p->is_open && p->n_now + n <= p->n_most);
  if (n == 0) return CLV_OK;
  CLV_TRY(clv_comm_agree(self->comm, room_make(self, n)));
  errno  = 0;
  int ok = values_extend(self, p, p->n_now + n);
  ok     = ok && values_write(self, p, n, value, stat);
  ok &= H5Fflush(self->file, H5F_SCOPE_GLOBAL) >= 0;
  CLV_TRY(written_agree(self, ok ? CLV_OK : write_failed(self)));
  ok = draws_number(self, p, n);
  ok &= H5Fflush(self->file, H5F_SCOPE_GLOBAL) >= 0;
  CLV_TRY(written_agree(self, ok ? CLV_OK : write_failed(self)));
  p->n_now += n;
out:
  return st;
}

static int slab_write(hid_t set, hid_t type, uint64_t first, uint64_t n, const void *value) {
  const hsize_t start[3] = {first}, count[3] = {n};
  return n == 0 || draws_write(set, type, 1, start, count, value);
}

static clv_status customers_number(clv_trace *self, uint64_t first, uint64_t n) {
  enum { AT_ONCE = 1 << 16 };
  int64_t   *number = NULL;
  int        ok     = 1;
  clv_status st     = CLV_OK;
  CLV_TRY(clv_alloc(AT_ONCE, sizeof *number, (void **)&number));
  for (uint64_t at = 0; at < n; at += AT_ONCE) {
    const uint64_t count = n - at < AT_ONCE ? n - at : AT_ONCE;
    for (uint64_t i = 0; i < count; i++) number[i] = (int64_t)(first + at + i);
    ok &= slab_write(self->customer, H5T_NATIVE_INT64, first + at, count, number);
  }
  if (!ok) st = write_failed(self);
out:
  free(number);
  return st;
}

clv_status clv_trace_observe(clv_trace *self, size_t column, uint64_t first, uint64_t n,
                             const double *value) {
  const uint64_t at_once = UINT64_C(1) << 24; /* far below MPI-IO's 2 GiB */
  int            ok      = 1;
  clv_status     st      = CLV_OK;
  CLV_CHECK(column < self->n_column);
  errno = 0;
  for (uint64_t at = 0; at < n; at += at_once) {
    const uint64_t count = n - at < at_once ? n - at : at_once;
    ok &= slab_write(self->observed[column], H5T_NATIVE_DOUBLE, first + at, count, value + at);
  }
  if (!ok) st = write_failed(self);
  if (st == CLV_OK && column == 0) st = customers_number(self, first, n);
  return written_agree(self, st);
}

clv_status clv_trace_tuning(clv_trace *self, double step_size, const double *inv_metric) {
  const hid_t step   = set_open(self->file, "constant_data", "step_size");
  const hid_t metric = set_open(self->file, "constant_data", "inv_metric");
  int         ok     = step >= 0 && metric >= 0;
  errno              = 0;
  if (ok && clv_comm_rank(self->comm) == 0) {
    ok &= H5Dwrite(step, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &step_size) >= 0;
    ok &= H5Dwrite(metric, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, inv_metric) >= 0;
  }
  if (metric >= 0) H5Dclose(metric);
  if (step >= 0) H5Dclose(step);
  return written_agree(self, ok ? CLV_OK : write_failed(self));
}

clv_status clv_trace_position(clv_trace *self, const double *phi, double warmup_gradients) {
  const hid_t position  = set_open(self->file, "constant_data", "last_position");
  const hid_t gradients = set_open(self->file, "constant_data", "warmup_gradients");
  int         ok        = position >= 0 && gradients >= 0;
  errno                 = 0;
  if (ok && clv_comm_rank(self->comm) == 0) {
    ok &= H5Dwrite(position, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, phi) >= 0;
    ok &= H5Dwrite(gradients, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &warmup_gradients) >= 0;
  }
  if (gradients >= 0) H5Dclose(gradients);
  if (position >= 0) H5Dclose(position);
  return written_agree(self, ok ? CLV_OK : write_failed(self));
}

clv_status clv_trace_sync(clv_trace *self) {
  errno               = 0;
  int       ok        = H5Fflush(self->file, H5F_SCOPE_GLOBAL) >= 0;
  const int fd        = ok ? open(self->path, O_RDONLY | O_CLOEXEC) : -1;
  ok                  = fd >= 0 && fsync(fd) == 0;
  const clv_status st = ok ? CLV_OK : write_failed(self);
  if (fd >= 0) close(fd);
  return written_agree(self, st);
}

static void set_close(hid_t set) {
  if (set > 0) H5Dclose(set);
}

static void phase_close(clv_trace *self, phase *p) {
  for (int k = 0; k < 2; k++) set_close(p->draw[k]);
  for (size_t i = 0; p->variable != NULL && i < self->n_variable; i++) set_close(p->variable[i]);
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++) set_close(p->stat[i]);
  free(p->variable);
}

clv_status clv_trace_close(clv_trace **inout) {
  clv_trace *self = *inout;
  clv_status st   = CLV_OK;
  if (self == NULL) return CLV_OK;
  *inout = NULL;
  if (self->is_broken) {
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    clv_comm_abandon();
    return CLV_OK; /* the process ends soon: what the file borrows stays */
  }
  for (int k = 0; k < 2; k++)
    if (self->phase[k].is_open) phase_close(self, &self->phase[k]);
  for (size_t i = 0; i < self->n_column; i++) set_close(self->observed[i]);
  set_close(self->customer);
  errno = 0;
  if (self->file >= 0 && H5Fclose(self->file) < 0) st = write_failed(self);
  free(self->observed);
  free(self->length);
  free(self->gathered);
  free(self->path);
  free(self);
  return st;
}
