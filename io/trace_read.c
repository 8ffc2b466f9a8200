#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/trace_file.h"

/* Bounds on what a file may claim: a corrupt one must not make us ask for all memory. */
enum { MOST_VARIABLES = 4096, MOST_LENGTH = 1 << 20, MOST_CHAINS = 1 << 16 };

static clv_status broken(const char *path, const char *what) {
  return clv_fail(CLV_EDATA, "'%s' is not a trace that clv wrote (%s); run clv fit again", path, what);
}

typedef struct reader {
  const char *path;
  hid_t       file;
  clv_draws  *draws;
  size_t      room;      /* variables allocated */
  bool        customers; /* kept customers' own parameters are wanted */
  clv_status  st;
} reader;

/* The dataset's extent; rank 0 means that it could not be read. */
static int extent_of(hid_t set, hsize_t extent[3]) {
  const hid_t space = H5Dget_space(set);
  int         rank  = space < 0 ? 0 : H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > 3 || H5Sget_simple_extent_dims(space, extent, NULL) < 0) rank = 0;
  if (space >= 0) H5Sclose(space);
  return rank;
}

/* Name of the dimension on axis 2, as the attached scale tells. */
static herr_t scale_name(hid_t set, unsigned axis, hid_t scale, void *out) {
  (void)set, (void)axis;
  char         *name = out;
  const ssize_t n    = H5Iget_name(scale, NULL, 0);
  char         *full = n > 0 ? malloc((size_t)n + 1) : NULL;
  if (full == NULL) return -1;
  H5Iget_name(scale, full, (size_t)n + 1);
  const char *last = strrchr(full, '/');
  snprintf(name, CLV_TRACE_NAME_MAX, "%s", last == NULL ? full : last + 1);
  free(full);
  return 1;
}

static clv_status labels_read(reader *r, clv_trace_variable *v) {
  char         path[3 * CLV_TRACE_NAME_MAX];
  const char **label = NULL;
  char       **raw   = NULL;
  clv_status   st    = CLV_OK;
  snprintf(path, sizeof path, "/posterior/%s", v->dimension);
  const hid_t set  = H5Dopen2(r->file, path, H5P_DEFAULT);
  const hid_t type = set < 0 ? -1 : H5Dget_type(set);
  hid_t       text = -1;
  hsize_t     extent[3];
  if (type >= 0 && H5Tis_variable_str(type) > 0 && extent_of(set, extent) == 1 && extent[0] == v->length) {
    text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    H5Tset_cset(text, H5T_CSET_UTF8);
    CLV_TRY(clv_calloc(v->length, sizeof *raw, (void **)&raw));
    CLV_TRY(clv_calloc(v->length, sizeof *label, (void **)&label));
    if (H5Dread(set, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) < 0) CLV_TRY(broken(r->path, "labels"));
    for (size_t i = 0; i < v->length; i++)
      label[i] = strdup(raw[i] == NULL ? "" : raw[i]); /* ours to free, whatever allocator HDF5 uses */
    v->label = label, label = NULL;
  }
out:
  for (size_t i = 0; raw != NULL && i < v->length; i++) H5free_memory(raw[i]);
  free(raw);
  free(label);
  if (text >= 0) H5Tclose(text);
  if (type >= 0) H5Tclose(type);
  if (set >= 0) H5Dclose(set);
  return st;
}

static bool is_coordinate(const char *name) {
  return strcmp(name, "chain") == 0 || strcmp(name, "draw") == 0;
}

static clv_status variable_append(reader *r, const char *name, hid_t set) {
  clv_draws *d = r->draws;
  hsize_t    extent[3];
  clv_status st                            = CLV_OK;
  const int  rank                          = extent_of(set, extent);
  char       dimension[CLV_TRACE_NAME_MAX] = "";
  if (rank < 2) return CLV_OK; /* a coordinate */
  if (rank == 3) H5DSiterate_scales(set, 2, NULL, scale_name, dimension);
  if (strcmp(dimension, CLV_TRACE_CUSTOMER) == 0 && !r->customers) return CLV_OK;
  if (d->n_variable == MOST_VARIABLES) return broken(r->path, "too many variables");
  if (d->n_variable == r->room) {
    const size_t room = r->room == 0 ? 16 : 2 * r->room;
    CLV_TRY(clv_realloc(room, sizeof *d->variable, (void **)&d->variable));
    r->room = room;
  }
  clv_trace_variable *v = &d->variable[d->n_variable];
  *v                    = (clv_trace_variable){.length = rank == 3 ? (size_t)extent[2] : 1};
  snprintf(v->name, sizeof v->name, "%s", name);
  if (v->length == 0 || v->length > MOST_LENGTH || extent[0] > MOST_CHAINS)
    return broken(r->path, "a variable's shape");
  if (d->n_variable > 0 && (d->n_chain != extent[0])) return broken(r->path, "variables of different shapes");
  d->n_chain = (size_t)extent[0];
  d->n_variable++;
  d->n_value += v->length;
  if (rank == 3) {
    memcpy(v->dimension, dimension, sizeof v->dimension);
    CLV_TRY(labels_read(r, v));
  }
out:
  return st;
}

static herr_t link_visit(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  reader *r = context;
  (void)info;
  if (is_coordinate(name)) return 0;
  const hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
  if (set < 0) return 0;
  r->st = variable_append(r, name, set);
  H5Dclose(set);
  return r->st < 0 ? -1 : 0;
}

/* The draw coordinate is grown last: what it counts is whole. */
static clv_status draws_count(reader *r) {
  hsize_t     extent[3] = {0};
  const hid_t set       = H5Dopen2(r->file, "/posterior/draw", H5P_DEFAULT);
  const int   rank      = set < 0 ? 0 : extent_of(set, extent);
  if (set >= 0) H5Dclose(set);
  if (rank != 1) return broken(r->path, "no /posterior/draw");
  r->draws->n_draw = (size_t)extent[0];
  return CLV_OK;
}

static int rows_read(hid_t set, hid_t type, int rank, const hsize_t count[3], void *value) {
  const hsize_t start[3] = {0};
  const hid_t   space = H5Dget_space(set), memory = H5Screate_simple(rank, count, NULL);
  int           ok = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  ok               = ok && H5Dread(set, type, memory, space, H5P_DEFAULT, value) >= 0;
  H5Sclose(memory);
  H5Sclose(space);
  return ok;
}

static clv_status variable_read(reader *r, const clv_trace_variable *v, size_t offset) {
  clv_draws    *d        = r->draws;
  const hsize_t count[3] = {d->n_chain, d->n_draw, v->length};
  double       *column   = NULL;
  char          path[2 * CLV_TRACE_NAME_MAX];
  clv_status    st = CLV_OK;
  snprintf(path, sizeof path, "/posterior/%s", v->name);
  const hid_t set = H5Dopen2(r->file, path, H5P_DEFAULT);
  CLV_TRY(clv_alloc(d->n_chain * d->n_draw * v->length + 1, sizeof *column, (void **)&column));
  if (set < 0 || !rows_read(set, H5T_NATIVE_DOUBLE, v->dimension[0] == '\0' ? 2 : 3, count, column))
    CLV_TRY(broken(r->path, v->name));
  for (size_t row = 0; row < d->n_chain * d->n_draw; row++)
    memcpy(d->value + row * d->n_value + offset, column + row * v->length, v->length * sizeof *column);
out:
  if (set >= 0) H5Dclose(set);
  free(column);
  return st;
}

static clv_status stats_read(reader *r) {
  clv_draws    *d        = r->draws;
  const hsize_t count[3] = {d->n_chain, d->n_draw};
  double       *column   = NULL;
  clv_status    st       = CLV_OK;
  CLV_TRY(clv_alloc(d->n_chain * d->n_draw + 1, sizeof *column, (void **)&column));
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++) {
    char         path[2 * CLV_TRACE_NAME_MAX];
    const size_t width = H5Tget_size(clv_stat_type(&CLV_STAT_COLUMN[i]));
    snprintf(path, sizeof path, "/sample_stats/%s", CLV_STAT_COLUMN[i].name);
    const hid_t set = H5Dopen2(r->file, path, H5P_DEFAULT);
    const int   ok  = set >= 0 && rows_read(set, clv_stat_type(&CLV_STAT_COLUMN[i]), 2, count, column);
    if (set >= 0) H5Dclose(set);
    if (!ok) CLV_TRY(broken(r->path, CLV_STAT_COLUMN[i].name));
    for (size_t row = 0; row < d->n_chain * d->n_draw; row++)
      memcpy((char *)&d->stat[row] + CLV_STAT_COLUMN[i].offset, (char *)column + row * width, width);
  }
out:
  free(column);
  return st;
}

static clv_status file_read(const char *path, bool customers, clv_draws *draws) {
  reader     r      = {.path      = path,
                       .draws     = draws,
                       .customers = customers,
                       .file      = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)};
  size_t     offset = 0;
  clv_status st     = CLV_OK;
  hid_t      group  = -1;
  if (r.file < 0)
    return clv_fail(
        CLV_EDATA, "cannot read the trace '%s': it is not there or is no HDF5 file; run clv fit first", path);
  group = H5Gopen2(r.file, "/posterior", H5P_DEFAULT);
  if (group < 0) CLV_TRY(broken(path, "no group /posterior"));
  CLV_TRY(draws_count(&r));
  (void)H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, NULL, link_visit, &r);
  CLV_TRY(r.st);
  if (draws->n_variable == 0) CLV_TRY(broken(path, "no variables"));
  CLV_TRY(clv_alloc(draws->n_chain * draws->n_draw + 1, draws->n_value * sizeof *draws->value,
                    (void **)&draws->value));
  CLV_TRY(clv_calloc(draws->n_chain * draws->n_draw + 1, sizeof *draws->stat, (void **)&draws->stat));
  for (size_t i = 0; i < draws->n_variable; i++) {
    CLV_TRY(variable_read(&r, &draws->variable[i], offset));
    offset += draws->variable[i].length;
  }
  CLV_TRY(stats_read(&r));
out:
  if (group >= 0) H5Gclose(group);
  H5Fclose(r.file);
  return st;
}

/* Labels of one variable, from rank 0 to all: lengths, then one block of bytes. */
static clv_status labels_share(const clv_comm *comm, clv_trace_variable *v) {
  const bool   root  = clv_comm_rank(comm) == 0;
  uint64_t     has   = root && v->label != NULL;
  const char **label = NULL;
  clv_status   st    = CLV_OK;
  clv_comm_broadcast(comm, &has, sizeof has, 0);
  if (!has) return CLV_OK;
  if (!root) {
    CLV_TRY(clv_calloc(v->length, sizeof *label, (void **)&label));
    v->label = label;
  }
  for (size_t i = 0; i < v->length; i++) {
    /* rank 0 has them */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    uint64_t n    = root ? strlen(v->label[i]) + 1 : 0;
    char    *text = NULL;
    clv_comm_broadcast(comm, &n, sizeof n, 0);
    if (root) {
      clv_comm_broadcast(comm, (void *)(uintptr_t)v->label[i], n, 0);
      continue;
    }
    CLV_TRY(clv_alloc(n, 1, (void **)&text));
    clv_comm_broadcast(comm, text, n, 0);
    label[i] = text;
  }
out:
  return st;
}

static clv_status draws_share(const clv_comm *comm, clv_draws *d) {
  const bool root     = clv_comm_rank(comm) == 0;
  uint64_t   shape[4] = {d->n_chain, d->n_draw, d->n_variable, d->n_value};
  clv_status st       = CLV_OK;
  clv_comm_broadcast(comm, shape, sizeof shape, 0);
  d->n_chain = shape[0], d->n_draw = shape[1], d->n_variable = shape[2], d->n_value = shape[3];
  const size_t rows = d->n_chain * d->n_draw;
  if (!root) {
    st = clv_calloc(d->n_variable, sizeof *d->variable, (void **)&d->variable);
    if (st == CLV_OK) st = clv_alloc(rows + 1, d->n_value * sizeof *d->value, (void **)&d->value);
    if (st == CLV_OK) st = clv_calloc(rows + 1, sizeof *d->stat, (void **)&d->stat);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t i = 0; i < d->n_variable; i++) {
    clv_trace_variable *v = &d->variable[i];
    /* allocated, or all ranks have left */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    const char *const *label = v->label;
    clv_comm_broadcast(comm, v, sizeof *v, 0);
    v->label = root ? label : NULL;
    CLV_TRY(labels_share(comm, v));
  }
  clv_comm_broadcast(comm, d->value, rows * d->n_value * sizeof *d->value, 0);
  clv_comm_broadcast(comm, d->stat, rows * sizeof *d->stat, 0);
out:
  return st;
}

clv_status clv_draws_read(const clv_comm *comm, const char *path, bool customers, clv_draws **out) {
  clv_draws *self = NULL;
  clv_status st   = CLV_OK;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  CLV_TRY(clv_comm_agree(comm, clv_calloc(1, sizeof *self, (void **)&self)));
  CLV_TRY(clv_comm_agree(comm, clv_comm_rank(comm) == 0 ? file_read(path, customers, self) : CLV_OK));
  CLV_TRY(draws_share(comm, self));
  *out = self, self = NULL;
out:
  clv_draws_free(&self);
  return st;
}

void clv_draws_free(clv_draws **inout) {
  clv_draws *self = inout == NULL ? NULL : *inout;
  if (self == NULL) return;
  for (size_t i = 0; self->variable != NULL && i < self->n_variable; i++) {
    clv_trace_variable *v = &self->variable[i];
    for (size_t k = 0; v->label != NULL && k < v->length; k++) free((void *)(uintptr_t)v->label[k]);
    free((void *)(uintptr_t)v->label);
  }
  free(self->variable);
  free(self->value);
  free(self->stat);
  free(self);
  *inout = NULL;
}

long clv_draws_find(const clv_draws *self, const char *name) {
  size_t offset = 0;
  for (size_t i = 0; i < self->n_variable; i++) {
    if (strcmp(self->variable[i].name, name) == 0) return (long)offset;
    offset += self->variable[i].length;
  }
  return -1;
}

static char *attribute_text(const char *path, const char *name) {
  enum { TEXT_MOST = 1 << 16 };
  char        *text = NULL;
  const hid_t  file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t  a    = file < 0 || H5Aexists(file, name) <= 0 ? -1 : H5Aopen(file, name, H5P_DEFAULT);
  const hid_t  type = a < 0 ? -1 : H5Aget_type(a);
  const size_t n =
      type < 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 ? 0 : H5Tget_size(type);
  if (n > 0 && n <= TEXT_MOST && (text = calloc(n + 1, 1)) != NULL) (void)H5Aread(a, type, text);
  if (type >= 0) H5Tclose(type);
  if (a >= 0) H5Aclose(a);
  if (file >= 0) H5Fclose(file);
  return text;
}

clv_status clv_trace_attribute_read(const clv_comm *comm, const char *path, const char *name, char **out) {
  char      *text = NULL;
  uint64_t   n    = 1;
  clv_status st   = CLV_OK;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (clv_comm_rank(comm) == 0 && (text = attribute_text(path, name)) != NULL) n = strlen(text) + 1;
  clv_comm_broadcast(comm, &n, sizeof n, 0);
  if (text == NULL) st = clv_calloc(n, 1, (void **)&text);
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_broadcast(comm, text, n, 0);
  *out = text, text = NULL;
out:
  free(text);
  return st;
}
