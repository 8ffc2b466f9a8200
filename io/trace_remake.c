#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/files.h"
#include "io/trace_file.h"

enum { ITEMS_AT_ONCE = 1 << 20 };

/* A dataset in both files. */
typedef struct pair {
  hid_t   from, to, type;
  int     rank;
  hsize_t extent[3];
} pair;

static hid_t set_open(hid_t file, const char *group, const char *name) {
  char path[2 * CLV_TRACE_NAME_MAX + 32];
  snprintf(path, sizeof path, "/%s/%s", group, name);
  return H5Dopen2(file, path, H5P_DEFAULT);
}

static int block_copy(const pair *p, const hsize_t start[3], const hsize_t count[3], void *room) {
  const hid_t memory = p->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(p->rank, count, NULL);
  const hid_t from = H5Dget_space(p->from), to = H5Dget_space(p->to);
  int         ok = 1;
  if (p->rank > 0) {
    ok &= H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    ok &= H5Sselect_hyperslab(to, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  }
  ok = ok && H5Dread(p->from, p->type, memory, from, H5P_DEFAULT, room) >= 0 &&
       H5Dwrite(p->to, p->type, memory, to, H5P_DEFAULT, room) >= 0;
  H5Sclose(memory);
  H5Sclose(from);
  H5Sclose(to);
  return ok;
}

/* Chain by chain; what has no chains in bounded pieces. */
static int blocks_copy(const pair *p) {
  const hsize_t *e    = p->extent;
  const hsize_t  step = p->rank == 1 ? ITEMS_AT_ONCE : 1, n = p->rank == 0 ? 1 : e[0];
  const hsize_t  row  = p->rank == 3 ? e[1] * e[2] : p->rank == 2 ? e[1] : 1;
  const hsize_t  size = (n < step ? n : step) * row * H5Tget_size(p->type);
  void          *room = malloc(size + 1);
  int            ok   = room != NULL;
  for (hsize_t at = 0; ok && row > 0 && at < n; at += step) {
    const hsize_t start[3] = {at, 0, 0}, count[3] = {n - at < step ? n - at : step, e[1], e[2]};
    ok = block_copy(p, start, count, room);
  }
  free(room);
  return ok;
}

static int set_grows(hid_t set) {
  const hid_t list  = H5Dget_create_plist(set);
  const int   grows = list >= 0 && H5Pget_layout(list) == H5D_CHUNKED;
  if (list >= 0) H5Pclose(list);
  return grows;
}

static int set_copy(hid_t old, hid_t new, const char *group, const char *name) {
  pair        p     = {.from = set_open(old, group, name), .to = set_open(new, group, name)};
  const hid_t space = p.from < 0 ? -1 : H5Dget_space(p.from);
  p.type            = p.from < 0 ? -1 : H5Dget_type(p.from);
  p.rank            = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  int ok            = p.to >= 0 && p.type >= 0 && p.rank >= 0 && p.rank <= 3;
  ok                = ok && (p.rank == 0 || H5Sget_simple_extent_dims(space, p.extent, NULL) >= 0);
  if (ok && set_grows(p.to)) ok = H5Dset_extent(p.to, p.extent) >= 0;
  ok = ok && blocks_copy(&p);
  if (p.type >= 0) H5Tclose(p.type);
  if (space >= 0) H5Sclose(space);
  if (p.to >= 0) H5Dclose(p.to);
  if (p.from >= 0) H5Dclose(p.from);
  return ok;
}

static int phase_copy(hid_t old, hid_t new, const clv_trace_plan *plan, int which) {
  int ok = 1;
  for (int k = 0; k < 2; k++) ok = ok && set_copy(old, new, CLV_TRACE_GROUP[which][k], "draw");
  for (size_t i = 0; ok && i < plan->n_variable; i++)
    ok = set_copy(old, new, CLV_TRACE_GROUP[which][0], plan->variable[i].name);
  for (size_t i = 0; ok && i < CLV_STAT_COLUMNS; i++)
    ok = set_copy(old, new, CLV_TRACE_GROUP[which][1], CLV_STAT_COLUMN[i].name);
  return ok;
}

static int file_copy(const char *path, const char *temporary, const clv_trace_plan *plan) {
  static const char *const TUNING[] = {"step_size", "inv_metric", "last_position", "warmup_gradients"};
  const hid_t              access   = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  const hid_t old = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT),
              new = H5Fopen(temporary, H5F_ACC_RDWR, access);
  int ok          = old >= 0 && new >= 0;
  H5Pclose(access);
  ok = ok && phase_copy(old, new, plan, 0);
  if (plan->n_warmup > 0) ok = ok && phase_copy(old, new, plan, 1);
  ok = ok && set_copy(old, new, "observed_data", "customer");
  for (size_t i = 0; ok && i < plan->n_column; i++) ok = set_copy(old, new, "observed_data", plan->column[i]);
  for (size_t i = 0; ok && i < sizeof TUNING / sizeof *TUNING; i++)
    ok = set_copy(old, new, "constant_data", TUNING[i]);
  if (old >= 0) H5Fclose(old);
  if (new >= 0) ok &= H5Fclose(new) >= 0;
  return ok;
}

/* The number of draws that a file was planned for; 0 where it cannot be read. */
static hsize_t planned_draws(const char *path) {
  hsize_t     most[3] = {0}, now[3];
  const hid_t file    = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t set     = file < 0 ? -1 : set_open(file, CLV_TRACE_GROUP[0][1], CLV_STAT_COLUMN[0].name);
  const hid_t space   = set < 0 ? -1 : H5Dget_space(set);
  if (space >= 0 && H5Sget_simple_extent_ndims(space) == 2) (void)H5Sget_simple_extent_dims(space, now, most);
  if (space >= 0) H5Sclose(space);
  if (set >= 0) H5Dclose(set);
  if (file >= 0) H5Fclose(file);
  return most[1];
}

clv_status clv_trace_remake(const char *path, const clv_trace_plan *plan) {
  const hsize_t planned   = planned_draws(path);
  char         *temporary = NULL;
  clv_status    st        = CLV_OK;
  if (planned == 0 || planned == plan->n_draw)
    return CLV_OK; /* what cannot be read is said by who opens it */
  if (asprintf(&temporary, "%s.tmp", path) < 0) return clv_fail(CLV_ENOMEM, "no memory for a path");
  CLV_TRY(clv_trace_skeleton(temporary, plan));
  if (!file_copy(path, temporary, plan))
    CLV_TRY(
        clv_fail(CLV_EIO,
                 "cannot copy the draws of '%s' to make room for more; check the space left, or start over "
                 "with --fresh",
                 path));
  CLV_TRY(clv_file_commit(temporary, path));
out:
  if (st < 0) unlink(temporary);
  free(temporary);
  return st;
}
