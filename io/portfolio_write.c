#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/comm_mpi.h"
#include "comm/shuffle.h"
#include "io/files.h"
#include "io/portfolio_layout.h"
#include "io/refusal.h"

#define ROWS_AT_ONCE (UINT64_C(1) << 24) /* of one column in one call: far below MPI-IO's 2 GiB */

struct clv_portfolio_writer {
  const clv_comm     *comm; /* borrowed */
  hid_t               file;
  char               *path, *temporary; /* owned */
  clv_portfolio_facts facts;
  uint64_t            hash; /* of the records put by this rank: their sum modulo 2^64 */
};

static herr_t attribute_write(hid_t file, const char *name, hid_t type, const void *value) {
  const hid_t s  = H5Screate(H5S_SCALAR);
  const hid_t a  = H5Acreate2(file, name, type, s, H5P_DEFAULT, H5P_DEFAULT);
  herr_t      rc = a < 0 ? -1 : H5Awrite(a, type, value);
  if (a >= 0) H5Aclose(a);
  H5Sclose(s);
  return rc;
}

/* Fixed length and padded with zeros, so that the bytes on disk are a function of the text. */
static herr_t text_write(hid_t file, const char *name, const char *text, size_t room) {
  char   padded[64] = {0};
  hid_t  type       = H5Tcopy(H5T_C_S1);
  herr_t rc;
  CLV_CHECK(room <= sizeof padded);
  strncpy(padded, text, room - 1);
  H5Tset_size(type, room);
  H5Tset_cset(type, H5T_CSET_UTF8);
  rc = attribute_write(file, name, type, padded);
  H5Tclose(type);
  return rc;
}

static herr_t facts_write(hid_t file, const clv_portfolio_facts *f) {
  const uint32_t version = CLV_PORTFOLIO_VERSION, has_spend = f->has_spend;
  herr_t         rc = 0;
  rc |= text_write(file, "format", CLV_PORTFOLIO_FORMAT, 32);
  rc |= attribute_write(file, "format_version", H5T_NATIVE_UINT32, &version);
  rc |= attribute_write(file, "n_customer", H5T_NATIVE_UINT64, &f->n_customer);
  rc |= attribute_write(file, "n_cell", H5T_NATIVE_UINT64, &f->n_cell);
  rc |= attribute_write(file, "n_segment", H5T_NATIVE_UINT64, &f->n_segment);
  rc |= attribute_write(file, "n_covariate", H5T_NATIVE_UINT64, &f->n_covariate);
  rc |= attribute_write(file, "has_spend", H5T_NATIVE_UINT32, &has_spend);
  rc |= attribute_write(file, "holdout_length", H5T_NATIVE_DOUBLE, &f->holdout_length);
  rc |= text_write(file, "time_unit", f->time_unit, sizeof f->time_unit);
  rc |= text_write(file, "merge_unit", f->merge_unit, sizeof f->merge_unit);
  rc |= text_write(file, "observation_end", f->observation_end, sizeof f->observation_end);
  rc |= text_write(file, "holdout_end", f->holdout_end, sizeof f->holdout_end);
  rc |= text_write(file, "content", "", sizeof f->content); /* its room; known when all has been put */
  return rc;
}

/* Contiguous and allocated now: every rank then writes into a file whose shape no longer changes. */
static herr_t dataset_create(hid_t file, const char *name, hid_t type, const hsize_t extent[2]) {
  const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t s = H5Screate_simple(extent[1] == 1 ? 1 : 2, extent, NULL);
  hid_t       d;
  H5Pset_layout(p, H5D_CONTIGUOUS);
  H5Pset_alloc_time(p, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(p, H5D_FILL_TIME_NEVER);
  H5Pset_obj_track_times(p, false);
  d = H5Dcreate2(file, name, type, s, H5P_DEFAULT, p, H5P_DEFAULT);
  if (d >= 0) H5Dclose(d);
  H5Sclose(s);
  H5Pclose(p);
  return d < 0 ? -1 : 0;
}

static herr_t labels_write(hid_t file, const char *name, const char *const *label, hsize_t n) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  const hid_t s    = H5Screate_simple(1, &n, NULL);
  const hid_t p    = H5Pcreate(H5P_DATASET_CREATE);
  herr_t      rc;
  hid_t       d;
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Pset_obj_track_times(p, false);
  d  = H5Dcreate2(file, name, type, s, H5P_DEFAULT, p, H5P_DEFAULT);
  rc = d < 0 ? -1 : H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, label);
  if (d >= 0) H5Dclose(d);
  H5Pclose(p);
  H5Sclose(s);
  H5Tclose(type);
  return rc;
}

static herr_t group_create(hid_t file, const char *name) {
  const hid_t p = H5Pcreate(H5P_GROUP_CREATE);
  hid_t       g;
  H5Pset_obj_track_times(p, false);
  g = H5Gcreate2(file, name, H5P_DEFAULT, p, H5P_DEFAULT);
  if (g >= 0) H5Gclose(g);
  H5Pclose(p);
  return g < 0 ? -1 : 0;
}

static herr_t columns_create(hid_t file, const clv_portfolio_facts *f, uint64_t id_bytes) {
  herr_t        rc         = 0;
  const hsize_t offsets[2] = {f->n_customer + 1, 1}, characters[2] = {id_bytes, 1};
  rc |= group_create(file, "customers");
  rc |= group_create(file, "cells");
  rc |= group_create(file, "segments");
  if (f->n_covariate > 0) rc |= group_create(file, "covariates");
  if (rc < 0) return rc;
  for (size_t i = 0; i < CLV_COLUMN_N(CLV_CUSTOMER_COLUMN); i++) {
    const clv_column *c         = &CLV_CUSTOMER_COLUMN[i];
    const hsize_t     extent[2] = {f->n_customer, clv_column_width(c, f)};
    if (clv_column_is_there(c, f)) rc |= dataset_create(file, c->path, clv_column_type(c), extent);
  }
  for (size_t i = 0; i < CLV_COLUMN_N(CLV_CELL_COLUMN); i++) {
    const clv_column *c         = &CLV_CELL_COLUMN[i];
    const hsize_t     extent[2] = {f->n_cell, clv_column_width(c, f)};
    if (clv_column_is_there(c, f)) rc |= dataset_create(file, c->path, clv_column_type(c), extent);
  }
  rc |= dataset_create(file, CLV_ID_OFFSET_PATH, H5T_NATIVE_UINT64, offsets);
  rc |= dataset_create(file, CLV_ID_BYTES_PATH, H5T_NATIVE_UCHAR, characters);
  return rc;
}

static herr_t numbers_write(hid_t file, const char *name, uint64_t n, const double *value) {
  const hsize_t extent[2] = {n, 1};
  herr_t        rc        = dataset_create(file, name, H5T_NATIVE_DOUBLE, extent);
  const hid_t   d         = rc < 0 ? -1 : H5Dopen2(file, name, H5P_DEFAULT);
  rc                      = d < 0 ? -1 : H5Dwrite(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
  if (d >= 0) H5Dclose(d);
  return rc;
}

static herr_t covariates_write(hid_t file, const clv_covariate *covariate, uint64_t n) {
  const char *name[CLV_COVARIATE_MAX];
  double      center[CLV_COVARIATE_MAX], scale[CLV_COVARIATE_MAX];
  CLV_CHECK(n <= CLV_COVARIATE_MAX);
  for (uint64_t i = 0; i < n; i++)
    name[i] = covariate[i].name, center[i] = covariate[i].center, scale[i] = covariate[i].scale;
  return labels_write(file, CLV_COVARIATE_PATH, name, n) | numbers_write(file, CLV_CENTER_PATH, n, center) |
         numbers_write(file, CLV_SCALE_PATH, n, scale);
}

/* By one rank, without MPI-IO: the layout is then the same for any number of ranks. */
static clv_status skeleton_make(const clv_portfolio_writer *self, const char *const *segment,
                                const clv_covariate *covariate, uint64_t id_bytes) {
  const hid_t create = H5Pcreate(H5P_FILE_CREATE), access_list = H5Pcreate(H5P_FILE_ACCESS);
  hid_t       file;
  herr_t      rc = -1;
  H5Pset_obj_track_times(create, false);
  H5Pset_libver_bounds(access_list, H5F_LIBVER_V110, H5F_LIBVER_V110);
  errno = 0;
  file  = H5Fcreate(self->temporary, H5F_ACC_TRUNC, create, access_list);
  if (file >= 0) {
    rc = facts_write(file, &self->facts) | columns_create(file, &self->facts, id_bytes) |
         labels_write(file, CLV_SEGMENT_PATH, segment, self->facts.n_segment);
    if (self->facts.n_covariate > 0) rc |= covariates_write(file, covariate, self->facts.n_covariate);
    rc |= H5Fclose(file);
  }
  H5Pclose(access_list);
  H5Pclose(create);
  return rc < 0 ? clv_refusal_find(self->temporary) : CLV_OK;
}

static clv_status parallel_open(clv_portfolio_writer *self) {
  const hid_t access_list = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access_list, clv_comm_mpi(self->comm), MPI_INFO_NULL);
  H5Pset_libver_bounds(access_list, H5F_LIBVER_V110, H5F_LIBVER_V110);
  self->file = H5Fopen(self->temporary, H5F_ACC_RDWR, access_list);
  H5Pclose(access_list);
  return self->file < 0 ? clv_refusal_find(self->temporary) : CLV_OK;
}

static void writer_free(clv_portfolio_writer *self, bool unlink_it) {
  if (self == NULL) return;
  if (self->file >= 0) H5Fclose(self->file);
  if (unlink_it && self->temporary != NULL && clv_comm_rank(self->comm) == 0) unlink(self->temporary);
  free(self->path);
  free(self->temporary);
  free(self);
}

static clv_status paths_set(clv_portfolio_writer *self, const char *path) {
  clv_status   st = CLV_OK;
  const size_t n  = strlen(path);
  CLV_TRY(clv_alloc(n + 1, 1, (void **)&self->path));
  CLV_TRY(clv_alloc(n + sizeof ".part", 1, (void **)&self->temporary));
  memcpy(self->path, path, n + 1);
  memcpy(self->temporary, path, n);
  memcpy(self->temporary + n, ".part", sizeof ".part");
out:
  return st;
}

clv_status clv_portfolio_create(const clv_comm *comm, const char *path, const clv_portfolio_facts *facts,
                                const char *const *segment, const clv_covariate *covariate, uint64_t id_bytes,
                                clv_portfolio_writer **out) {
  clv_portfolio_writer *self = NULL;
  clv_status            st   = clv_calloc(1, sizeof *self, (void **)&self);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (st == CLV_OK) {
    self->comm  = comm;
    self->file  = -1;
    self->facts = *facts;
    st          = paths_set(self, path);
  }
  if (st == CLV_OK && clv_comm_rank(comm) == 0) st = skeleton_make(self, segment, covariate, id_bytes);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_comm_agree(comm, parallel_open(self)));
  *out = self, self = NULL;
out:
  writer_free(self, true);
  return st;
}

/* Rows [range[0], range[0] + range[1]) of width range[2], in calls of bounded size. */
static clv_status rows_write(const clv_portfolio_writer *self, const char *name, hid_t type,
                             const hsize_t range[3], const void *from) {
  const hid_t  d     = H5Dopen2(self->file, name, H5P_DEFAULT);
  const hid_t  s     = d < 0 ? -1 : H5Dget_space(d);
  const size_t bytes = H5Tget_size(type) * (size_t)range[2];
  herr_t       rc    = s < 0 ? -1 : 0;
  errno              = 0;
  for (hsize_t done = 0; rc >= 0 && done < range[1];) {
    const hsize_t most     = ROWS_AT_ONCE / range[2] > 0 ? ROWS_AT_ONCE / range[2] : 1;
    const hsize_t count[2] = {range[1] - done < most ? range[1] - done : most, range[2]};
    const hsize_t start[2] = {range[0] + done, 0};
    const hid_t   m        = H5Screate_simple(H5Sget_simple_extent_ndims(s), count, NULL);
    rc                     = H5Sselect_hyperslab(s, H5S_SELECT_SET, start, NULL, count, NULL);
    if (rc >= 0) rc = H5Dwrite(d, type, m, s, H5P_DEFAULT, (const char *)from + done * bytes);
    H5Sclose(m);
    done += count[0];
  }
  if (s >= 0) H5Sclose(s);
  if (d >= 0) H5Dclose(d);
  return rc < 0 ? clv_refusal_find(self->temporary) : CLV_OK;
}

static clv_status columns_write(const clv_portfolio_writer *self, const clv_column *column, size_t n_column,
                                const hsize_t range[2], const void *columns) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < n_column; i++) {
    const hsize_t wide[3] = {range[0], range[1], clv_column_width(&column[i], &self->facts)};
    if (clv_column_is_there(&column[i], &self->facts))
      CLV_TRY(rows_write(self, column[i].path, clv_column_type(&column[i]), wide,
                         clv_column_get(columns, &column[i])));
  }
out:
  return st;
}

/* One number for a record; the sum of all does not depend on who adds it. */
static uint64_t customer_hash(const clv_portfolio_writer *self, const clv_customer_columns *c, uint64_t i,
                              uint64_t id_hash) {
  uint64_t h = id_hash;
  for (size_t j = 0; j < CLV_COLUMN_N(CLV_CUSTOMER_COLUMN); j++) {
    const clv_column *column = &CLV_CUSTOMER_COLUMN[j];
    const size_t      bytes  = clv_column_bytes(column) * (size_t)clv_column_width(column, &self->facts);
    if (!clv_column_is_there(column, &self->facts)) continue;
    h = h * UINT64_C(0x9e3779b97f4a7c15) +
        clv_hash((const char *)clv_column_get(c, column) + i * bytes, bytes);
  }
  return clv_hash(&h, sizeof h);
}

static clv_status ids_write(const clv_portfolio_writer *self, const clv_customer_columns *c, const char *ids,
                            const uint64_t *id_offset, uint64_t before) {
  clv_status    st      = CLV_OK;
  const bool    last    = c->first + c->n == self->facts.n_customer;
  const hsize_t mine[3] = {c->first, c->n + (last ? 1 : 0), 1};
  const hsize_t text[3] = {before, id_offset[c->n] - id_offset[0], 1};
  uint64_t     *global  = NULL;
  CLV_TRY(clv_alloc((size_t)c->n + 1, sizeof *global, (void **)&global));
  for (uint64_t i = 0; i <= c->n; i++) global[i] = before + id_offset[i] - id_offset[0];
  CLV_TRY(rows_write(self, CLV_ID_OFFSET_PATH, H5T_NATIVE_UINT64, mine, global));
  CLV_TRY(rows_write(self, CLV_ID_BYTES_PATH, H5T_NATIVE_UCHAR, text, ids + id_offset[0]));
out:
  free(global);
  return st;
}

clv_status clv_portfolio_put_customers(clv_portfolio_writer *self, const clv_customer_columns *columns,
                                       const char *ids, const uint64_t *id_offset) {
  clv_status     st;
  const hsize_t  range[2] = {columns->first, columns->n};
  const uint64_t mine     = id_offset[columns->n] - id_offset[0];
  const uint64_t before   = (uint64_t)clv_comm_scan_before(self->comm, (int64_t)mine);
  st = columns_write(self, CLV_CUSTOMER_COLUMN, CLV_COLUMN_N(CLV_CUSTOMER_COLUMN), range, columns);
  if (st == CLV_OK) st = ids_write(self, columns, ids, id_offset, before);
  for (uint64_t i = 0; i < columns->n; i++)
    self->hash +=
        customer_hash(self, columns, i, clv_hash(ids + id_offset[i], id_offset[i + 1] - id_offset[i]));
  return clv_comm_agree(self->comm, st);
}

clv_status clv_portfolio_put_cells(clv_portfolio_writer *self, const clv_cell_columns *columns) {
  const hsize_t range[2] = {columns->first, columns->n};
  return clv_comm_agree(self->comm,
                        columns_write(self, CLV_CELL_COLUMN, CLV_COLUMN_N(CLV_CELL_COLUMN), range, columns));
}

/* Sum of all ranks' hashes modulo 2^64, in halves so that no signed sum can overflow; with a hash of the
 * facts beside it. */
static void content_name(clv_portfolio_writer *self, char text[40]) {
  int64_t             half[2] = {(int64_t)(self->hash & UINT32_MAX), (int64_t)(self->hash >> 32)};
  clv_portfolio_facts facts;
  uint64_t            records;
  char                words[256];
  memcpy(&facts, &self->facts, sizeof facts);
  clv_comm_sum_i64(self->comm, half, 2);
  records = (uint64_t)half[0] + ((uint64_t)half[1] << 32);
  snprintf(words, sizeof words, "%llu %llu %llu %s %s %s %s %d", (unsigned long long)facts.n_customer,
           (unsigned long long)facts.n_segment, (unsigned long long)facts.n_covariate, facts.time_unit,
           facts.merge_unit, facts.observation_end, facts.holdout_end, facts.has_spend);
  snprintf(text, 40, "%016llx%016llx", (unsigned long long)records,
           (unsigned long long)clv_hash(words, strlen(words)));
}

static herr_t content_write(hid_t file, const char *content) {
  const hid_t a    = H5Aopen(file, "content", H5P_DEFAULT);
  const hid_t type = a < 0 ? -1 : H5Aget_type(a);
  herr_t      rc   = type < 0 ? -1 : H5Awrite(a, type, content);
  if (type >= 0) H5Tclose(type);
  if (a >= 0) H5Aclose(a);
  return rc;
}

/* The last steps, by one rank: the content's name, the data on disk, and only then the file's name. */
static clv_status finish(const clv_portfolio_writer *self, const char *content) {
  const hid_t file = H5Fopen(self->temporary, H5F_ACC_RDWR, H5P_DEFAULT);
  herr_t      rc   = file < 0 ? -1 : content_write(file, content);
  if (file >= 0) rc |= H5Fclose(file);
  return rc < 0 ? clv_refusal_find(self->temporary) : clv_file_commit(self->temporary, self->path);
}

clv_status clv_portfolio_commit(clv_portfolio_writer **self, clv_status mine) {
  clv_status            st = CLV_OK;
  clv_portfolio_writer *w  = *self;
  herr_t                rc;
  char                  content[40] = {0};
  *self                             = NULL;
  content_name(w, content);
  errno   = 0;
  rc      = H5Fclose(w->file);
  w->file = -1;
  if (rc < 0 && mine == CLV_OK) mine = clv_refusal_find(w->temporary);
  CLV_TRY(clv_comm_agree(w->comm, mine));
  if (clv_comm_rank(w->comm) == 0) st = finish(w, content);
  st = clv_comm_agree(w->comm, st);
out:
  writer_free(w, st < 0);
  return st;
}
