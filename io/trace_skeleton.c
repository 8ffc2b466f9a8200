#include <errno.h>
#include <hdf5_hl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/refusal.h"
#include "io/trace_file.h"

enum { CHUNK_BYTES = 256 * 1024 };

const char *const CLV_TRACE_GROUP[2][2] = {{"posterior", "sample_stats"},
                                           {"warmup_posterior", "warmup_sample_stats"}};

const clv_stat_column CLV_STAT_COLUMN[CLV_STAT_COLUMNS] = {
    {"lp", offsetof(clv_trace_stat, lp), 'd'},
    {"energy", offsetof(clv_trace_stat, energy), 'd'},
    {"energy_error", offsetof(clv_trace_stat, energy_error), 'd'},
    {"acceptance_rate", offsetof(clv_trace_stat, acceptance_rate), 'd'},
    {"step_size", offsetof(clv_trace_stat, step_size), 'd'},
    {"tree_depth", offsetof(clv_trace_stat, tree_depth), 'i'},
    {"n_steps", offsetof(clv_trace_stat, n_steps), 'i'},
    {"diverging", offsetof(clv_trace_stat, diverging), 'b'},
    {"reached_max_treedepth", offsetof(clv_trace_stat, reached_max_treedepth), 'b'},
};

hid_t clv_stat_type(const clv_stat_column *column) {
  return column->kind == 'd' ? H5T_NATIVE_DOUBLE : column->kind == 'i' ? H5T_NATIVE_INT32 : H5T_NATIVE_INT8;
}

/* Counts failures, so that the skeleton reads as a list of what is in the file. */
typedef struct maker {
  hid_t file;
  int   failed;
} maker;

static hid_t checked(maker *m, hid_t id) {
  m->failed += id < 0;
  return id;
}

static void text_attribute(maker *m, hid_t object, const char *name, const char *text) {
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(text) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const hid_t attribute = checked(m, H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  m->failed += attribute < 0 || H5Awrite(attribute, type, text) < 0;
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

/* Order of creation is tracked, as netCDF-4 does; times are not, so that files are alike to the byte. */
static hid_t group_make(maker *m, const char *name) {
  const hid_t list = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(list, 0);
  const hid_t group = checked(m, H5Gcreate2(m->file, name, H5P_DEFAULT, list, H5P_DEFAULT));
  H5Pclose(list);
  return group;
}

typedef struct shape {
  int     rank;
  hsize_t now[3], most[3], chunk[3];
  int     grows; /* axis that grows, -1: none */
} shape;

static shape shape_fixed(int rank, hsize_t a, hsize_t b) {
  return (shape){.rank = rank, .now = {a, b}, .most = {a, b}, .grows = -1};
}

/* Chunk [1, as many draws as fit, everything else]. A finite maximum, early allocation and no filter give the
 * implicit chunk index: there is none on disk that a crash could break. */
static shape shape_growing(hsize_t n_chain, hsize_t n_draw, hsize_t length) {
  const hsize_t fit  = CHUNK_BYTES / (8 * (length > 0 ? length : 1));
  const hsize_t rows = fit < 1 ? 1 : fit > n_draw ? n_draw : fit;
  return (shape){.rank  = length > 0 ? 3 : 2,
                 .now   = {n_chain, 1, length},
                 .most  = {n_chain, n_draw, length},
                 .chunk = {1, rows, length},
                 .grows = 1};
}

/* Unlimited, and yet one chunk that holds all draws: its index is written with the first draw, and never
 * again. Datasets grow one after the other, and a reader after a crash may find them of different lengths:
 * h5netcdf and netCDF-C then fill the shorter ones up where the dimension is unlimited, and refuse the file
 * where it is not. */
static shape shape_draw(hsize_t n_draw) {
  return (shape){.rank = 1, .now = {0}, .most = {H5S_UNLIMITED}, .chunk = {n_draw}, .grows = 0};
}

/* What readers see of draws that are not whole: NaN, and the number -1. */
static void filler_set(hid_t list, hid_t type) {
  const double  nan    = NAN;
  const int64_t number = -1;
  if (H5Tequal(type, H5T_NATIVE_DOUBLE) > 0) H5Pset_fill_value(list, type, &nan);
  if (H5Tequal(type, H5T_NATIVE_INT64) > 0) H5Pset_fill_value(list, type, &number);
}

/* A dataset that is allocated when created: growing ones are made one draw long and shrunk, or nothing would
 * be. */
static hid_t dataset_make(maker *m, hid_t group, const char *name, hid_t type, const shape *s) {
  const hid_t list  = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t space = s->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(s->rank, s->now, s->most);
  H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(list, 0);
  if (s->grows >= 0) {
    H5Pset_chunk(list, s->rank, s->chunk);
    filler_set(list, type);
  }
  if (!H5Tis_variable_str(type)) {
    H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
  }
  const hid_t set = checked(m, H5Dcreate2(group, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT));
  H5Sclose(space);
  H5Pclose(list);
  if (s->grows >= 0) {
    hsize_t empty[3] = {s->now[0], s->now[1], s->now[2]};
    empty[s->grows]  = 0;
    m->failed += H5Dset_extent(set, empty) < 0;
  }
  return set;
}

static void scale_make(maker *m, hid_t set, const char *name) { m->failed += H5DSset_scale(set, name) < 0; }

/* A coordinate 0, 1, …, n - 1. */
static hid_t counted_coordinate(maker *m, hid_t group, const char *name, size_t n) {
  const shape s     = shape_fixed(1, n, 0);
  const hid_t set   = dataset_make(m, group, name, H5T_NATIVE_INT64, &s);
  int64_t    *value = calloc(n + 1, sizeof *value);
  m->failed += value == NULL;
  for (size_t i = 0; value != NULL && i < n; i++) value[i] = (int64_t)i;
  if (value != NULL && n > 0)
    m->failed += H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) < 0;
  free(value);
  scale_make(m, set, name);
  return set;
}

static hid_t labelled_coordinate(maker *m, hid_t group, const clv_trace_variable *variable) {
  if (variable->label == NULL) return counted_coordinate(m, group, variable->dimension, variable->length);
  const shape s    = shape_fixed(1, variable->length, 0);
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE); /* fixed-length string arrays crash netCDF-C up to 4.9.0 */
  H5Tset_cset(type, H5T_CSET_UTF8);
  const hid_t set = dataset_make(m, group, variable->dimension, type, &s);
  m->failed += H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, variable->label) < 0;
  H5Tclose(type);
  scale_make(m, set, variable->dimension);
  return set;
}

static void attach(maker *m, hid_t set, hid_t scale, unsigned axis) {
  m->failed += H5DSattach_scale(set, scale, axis) < 0;
}

static hid_t draw_coordinate(maker *m, hid_t group, size_t n_draw) {
  const shape s   = shape_draw(n_draw);
  const hid_t set = dataset_make(m, group, "draw", H5T_NATIVE_INT64, &s);
  scale_make(m, set, "draw");
  return set;
}

static void posterior_make(maker *m, const clv_trace_plan *plan, const char *name, size_t n_draw) {
  const hid_t group = group_make(m, name);
  const hid_t chain = counted_coordinate(m, group, "chain", plan->n_chain),
              draw  = draw_coordinate(m, group, n_draw);
  for (size_t i = 0; i < plan->n_variable; i++) {
    const clv_trace_variable *v      = &plan->variable[i];
    const bool                scalar = v->dimension[0] == '\0';
    const shape               s      = shape_growing(plan->n_chain, n_draw, scalar ? 0 : v->length);
    const hid_t               set    = dataset_make(m, group, v->name, H5T_NATIVE_DOUBLE, &s);
    attach(m, set, chain, 0);
    attach(m, set, draw, 1);
    if (!scalar) {
      const bool  there = H5Lexists(group, v->dimension, H5P_DEFAULT) > 0;
      const hid_t scale =
          there ? checked(m, H5Dopen2(group, v->dimension, H5P_DEFAULT)) : labelled_coordinate(m, group, v);
      attach(m, set, scale, 2);
      H5Dclose(scale);
    }
    H5Dclose(set);
  }
  H5Dclose(chain);
  H5Dclose(draw);
  H5Gclose(group);
}

static void stats_make(maker *m, const clv_trace_plan *plan, const char *name, size_t n_draw) {
  const hid_t group = group_make(m, name);
  const hid_t chain = counted_coordinate(m, group, "chain", plan->n_chain),
              draw  = draw_coordinate(m, group, n_draw);
  for (size_t i = 0; i < CLV_STAT_COLUMNS; i++) {
    const shape s   = shape_growing(plan->n_chain, n_draw, 0);
    const hid_t set = dataset_make(m, group, CLV_STAT_COLUMN[i].name, clv_stat_type(&CLV_STAT_COLUMN[i]), &s);
    if (CLV_STAT_COLUMN[i].kind == 'b') text_attribute(m, set, "dtype", "bool");
    attach(m, set, chain, 0);
    attach(m, set, draw, 1);
    H5Dclose(set);
  }
  H5Dclose(chain);
  H5Dclose(draw);
  H5Gclose(group);
}

/* No coordinate values: customers are numbered, and ids stay in portfolio.h5. */
static void observed_make(maker *m, const clv_trace_plan *plan) {
  const hid_t group    = group_make(m, "observed_data");
  const shape s        = shape_fixed(1, plan->n_observed, 0);
  const hid_t customer = dataset_make(m, group, "customer", H5T_NATIVE_INT64, &s);
  scale_make(m, customer, "customer");
  for (size_t i = 0; i < plan->n_column; i++) {
    const hid_t set = dataset_make(m, group, plan->column[i], H5T_NATIVE_DOUBLE, &s);
    attach(m, set, customer, 0);
    H5Dclose(set);
  }
  H5Dclose(customer);
  H5Gclose(group);
}

static void positions_make(maker *m, const clv_trace_plan *plan, hid_t group, hid_t coordinate) {
  const shape point = {.rank = 0, .grows = -1}, all = shape_fixed(2, plan->n_chain, plan->n_dim);
  const hid_t chain     = counted_coordinate(m, group, "chain", plan->n_chain);
  const hid_t position  = dataset_make(m, group, "last_position", H5T_NATIVE_DOUBLE, &all);
  const hid_t gradients = dataset_make(m, group, "warmup_gradients", H5T_NATIVE_DOUBLE, &point);
  attach(m, position, chain, 0);
  attach(m, position, coordinate, 1);
  H5Dclose(gradients);
  H5Dclose(position);
  H5Dclose(chain);
}

static void constants_make(maker *m, const clv_trace_plan *plan) {
  const hid_t group        = group_make(m, "constant_data");
  const shape point        = {.rank = 0, .grows = -1},
              metric_shape = shape_fixed(plan->diagonal ? 1 : 2, plan->n_dim, plan->n_dim);
  for (size_t i = 0; i < plan->n_constant; i++) {
    const hid_t set = dataset_make(m, group, plan->constant[i].name, H5T_NATIVE_DOUBLE, &point);
    m->failed +=
        H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &plan->constant[i].value) < 0;
    H5Dclose(set);
  }
  const hid_t row    = counted_coordinate(m, group, "coordinate", plan->n_dim);
  const hid_t metric = dataset_make(m, group, "inv_metric", H5T_NATIVE_DOUBLE, &metric_shape);
  const hid_t step   = dataset_make(m, group, "step_size", H5T_NATIVE_DOUBLE, &point);
  positions_make(m, plan, group, row);
  attach(m, metric, row, 0);
  if (!plan->diagonal) {
    const hid_t column = counted_coordinate(m, group, "coordinate_bis", plan->n_dim);
    attach(m, metric, column, 1);
    H5Dclose(column);
  }
  H5Dclose(step);
  H5Dclose(metric);
  H5Dclose(row);
  H5Gclose(group);
}

static hid_t file_make(const char *path) {
  const hid_t create = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_link_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_attr_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(create, 0);
  H5Pset_file_space_strategy(create, H5F_FSPACE_STRATEGY_PAGE, 0, 1);
  H5Pset_file_space_page_size(create, 4096);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
  H5Pclose(create);
  H5Pclose(access);
  return file;
}

clv_status clv_trace_skeleton(const char *path, const clv_trace_plan *plan) {
  errno   = 0;
  maker m = {.file = file_make(path), .failed = 0};
  if (m.file < 0) return clv_refusal_find(path);
  for (size_t i = 0; i < plan->n_attribute; i++)
    text_attribute(&m, m.file, plan->attribute[i].name, plan->attribute[i].text);
  posterior_make(&m, plan, CLV_TRACE_GROUP[0][0], plan->n_draw);
  stats_make(&m, plan, CLV_TRACE_GROUP[0][1], plan->n_draw);
  if (plan->n_warmup > 0) {
    posterior_make(&m, plan, CLV_TRACE_GROUP[1][0], plan->n_warmup);
    stats_make(&m, plan, CLV_TRACE_GROUP[1][1], plan->n_warmup);
  }
  observed_make(&m, plan);
  constants_make(&m, plan);
  m.failed += H5Fflush(m.file, H5F_SCOPE_GLOBAL) < 0;
  m.failed += H5Fclose(m.file) < 0;
  if (m.failed > 0) return clv_refusal_find(path);
  return CLV_OK;
}
