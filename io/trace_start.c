#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/trace_file.h"

/* Bounds on what a file may claim. */
enum { MOST_CHAINS = 1 << 16, MOST_DIM = 1 << 20, MOST_DENSE = 1 << 12 };

typedef struct start_file {
  const char *path;
  hid_t       file;
} start_file;

static clv_status unusable(const char *path, const char *why) {
  return clv_fail(CLV_EDATA, "'%.400s' %s", path, why);
}

/* The extent of a dataset of /constant_data, -1: it is not there. */
static int extent_read(const start_file *f, const char *name, hsize_t extent[2]) {
  char path[2 * CLV_TRACE_NAME_MAX];
  snprintf(path, sizeof path, "/constant_data/%s", name);
  const hid_t set   = H5Dopen2(f->file, path, H5P_DEFAULT);
  const hid_t space = set < 0 ? -1 : H5Dget_space(set);
  int         rank  = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (rank > 2 || (rank > 0 && H5Sget_simple_extent_dims(space, extent, NULL) < 0)) rank = -1;
  if (space >= 0) H5Sclose(space);
  if (set >= 0) H5Dclose(set);
  return rank;
}

static int values_read(const start_file *f, const char *name, double *to) {
  char path[2 * CLV_TRACE_NAME_MAX];
  snprintf(path, sizeof path, "/constant_data/%s", name);
  const hid_t set = H5Dopen2(f->file, path, H5P_DEFAULT);
  const int   ok  = set >= 0 && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
  if (set >= 0) H5Dclose(set);
  return ok;
}

static size_t metric_width(const clv_trace_start *s) { return s->diagonal ? s->n_dim : s->n_dim * s->n_dim; }

static clv_status shape_read(const start_file *f, clv_trace_start *to) {
  hsize_t   position[2], metric[2];
  const int rank = extent_read(f, "inv_metric", metric);
  if (extent_read(f, "last_position", position) != 2 || rank < 1 || position[0] < 1 ||
      position[0] > MOST_CHAINS || position[1] < 1 || position[1] > MOST_DIM || metric[0] != position[1] ||
      (rank == 2 && (metric[1] != metric[0] || metric[0] > MOST_DENSE)))
    return unusable(f->path, "holds no positions of chains: another version of clv wrote it");
  to->n_chain  = (size_t)position[0];
  to->n_dim    = (size_t)position[1];
  to->diagonal = rank == 1;
  return CLV_OK;
}

static clv_status start_read(const start_file *f, clv_trace_start *to) {
  clv_status st = CLV_OK;
  CLV_TRY(shape_read(f, to));
  CLV_TRY(clv_alloc(metric_width(to), sizeof *to->inv_metric, (void **)&to->inv_metric));
  CLV_TRY(clv_alloc(to->n_chain * to->n_dim, sizeof *to->phi, (void **)&to->phi));
  if (!values_read(f, "step_size", &to->step_size) || !values_read(f, "num_warmup", &to->num_warmup) ||
      !values_read(f, "warmup_gradients", &to->warmup_gradients) ||
      !values_read(f, "inv_metric", to->inv_metric) || !values_read(f, "last_position", to->phi))
    CLV_TRY(unusable(f->path, "lacks what a run may begin with: another version of clv wrote it"));
  if (!(to->step_size > 0.0 && isfinite(to->step_size)))
    st = unusable(f->path, "is of a fit that never came to its first draw");
  for (size_t i = 0; st == CLV_OK && i < to->n_chain * to->n_dim; i++)
    if (!isfinite(to->phi[i])) st = unusable(f->path, "holds a position that is no number");
out:
  return st;
}

static clv_status file_read(const char *path, clv_trace_start *to) {
  const start_file f = {.path = path, .file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)};
  if (f.file < 0) return unusable(path, "is not there or is no trace");
  const clv_status st = start_read(&f, to);
  H5Fclose(f.file);
  return st;
}

clv_status clv_trace_start_read(const clv_comm *comm, const char *path, clv_trace_start *out) {
  const bool      root  = clv_comm_rank(comm) == 0;
  clv_trace_start start = {0};
  clv_status      st    = CLV_OK;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (root) st = file_read(path, &start);
  CLV_TRY(clv_comm_agree(comm, st));
  double *const metric = start.inv_metric, *const phi = start.phi;
  clv_comm_broadcast(comm, &start, sizeof start, 0);
  start.inv_metric = metric, start.phi = phi;
  if (!root) {
    st = clv_alloc(metric_width(&start), sizeof *start.inv_metric, (void **)&start.inv_metric);
    if (st == CLV_OK) st = clv_alloc(start.n_chain * start.n_dim, sizeof *start.phi, (void **)&start.phi);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_broadcast(comm, start.inv_metric, metric_width(&start) * sizeof *start.inv_metric, 0);
  clv_comm_broadcast(comm, start.phi, start.n_chain * start.n_dim * sizeof *start.phi, 0);
  *out  = start;
  start = (clv_trace_start){0};
out:
  clv_trace_start_free(&start);
  return st;
}

void clv_trace_start_free(clv_trace_start *self) {
  free(self->inv_metric);
  free(self->phi);
  *self = (clv_trace_start){0};
}
