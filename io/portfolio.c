#include "io/portfolio.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/portfolio_layout.h"

#define LABEL_MAX (1u << 20) /* segments */

struct clv_portfolio {
  const clv_comm     *comm; /* borrowed */
  hid_t               file;
  char               *path; /* owned */
  clv_portfolio_facts facts;
  uint64_t            id_bytes;
  char              **segment; /* owned, [n_segment] from HDF5 */
  char              **name;    /* owned, [n_covariate] from HDF5 */
  clv_covariate       covariate[CLV_COVARIATE_MAX];
};

static clv_status broken(const char *path, const char *what) {
  return clv_fail(CLV_EDATA, "'%s' is not a whole portfolio: %s; make it again with clv prepare", path, what);
}

static clv_status attribute_read(hid_t file, const char *path, const char *name, hid_t type, void *value) {
  const hid_t a  = H5Aopen(file, name, H5P_DEFAULT);
  const hid_t s  = a < 0 ? -1 : H5Aget_space(a);
  herr_t      rc = -1;
  if (s >= 0 && H5Sget_simple_extent_npoints(s) == 1) rc = H5Aread(a, type, value);
  if (s >= 0) H5Sclose(s);
  if (a >= 0) H5Aclose(a);
  return rc < 0 ? broken(path, name) : CLV_OK;
}

/* Fixed-length strings are cut or padded to `room` bytes with the zero. */
static clv_status text_read(hid_t file, const char *path, const char *name, char *text, size_t room) {
  clv_status st;
  hid_t      type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, room);
  H5Tset_cset(type, H5T_CSET_UTF8);
  st             = attribute_read(file, path, name, type, text);
  text[room - 1] = '\0';
  H5Tclose(type);
  return st;
}

static clv_status facts_read(hid_t file, const char *path, clv_portfolio_facts *f) {
  clv_status st      = CLV_OK;
  uint32_t   version = 0, has_spend = 0;
  char       format[32];
  CLV_TRY(text_read(file, path, "format", format, sizeof format));
  if (strcmp(format, CLV_PORTFOLIO_FORMAT) != 0) CLV_TRY(broken(path, "it is another kind of file"));
  CLV_TRY(attribute_read(file, path, "format_version", H5T_NATIVE_UINT32, &version));
  if (version != CLV_PORTFOLIO_VERSION) CLV_TRY(broken(path, "another version of clv wrote it"));
  CLV_TRY(attribute_read(file, path, "n_customer", H5T_NATIVE_UINT64, &f->n_customer));
  CLV_TRY(attribute_read(file, path, "n_cell", H5T_NATIVE_UINT64, &f->n_cell));
  CLV_TRY(attribute_read(file, path, "n_segment", H5T_NATIVE_UINT64, &f->n_segment));
  CLV_TRY(attribute_read(file, path, "n_covariate", H5T_NATIVE_UINT64, &f->n_covariate));
  CLV_TRY(attribute_read(file, path, "has_spend", H5T_NATIVE_UINT32, &has_spend));
  CLV_TRY(attribute_read(file, path, "holdout_length", H5T_NATIVE_DOUBLE, &f->holdout_length));
  CLV_TRY(text_read(file, path, "time_unit", f->time_unit, sizeof f->time_unit));
  CLV_TRY(text_read(file, path, "merge_unit", f->merge_unit, sizeof f->merge_unit));
  CLV_TRY(text_read(file, path, "observation_end", f->observation_end, sizeof f->observation_end));
  CLV_TRY(text_read(file, path, "holdout_end", f->holdout_end, sizeof f->holdout_end));
  CLV_TRY(text_read(file, path, "content", f->content, sizeof f->content));
  f->has_spend = has_spend != 0;
  if (f->n_segment < 1 || f->n_segment > LABEL_MAX || f->n_covariate > CLV_COVARIATE_MAX)
    st = broken(path, "its counts");
out:
  return st;
}

static clv_status extent_read(const clv_portfolio *self, const char *name, hsize_t extent[2], int *rank) {
  const hid_t d = H5Dopen2(self->file, name, H5P_DEFAULT);
  const hid_t s = d < 0 ? -1 : H5Dget_space(d);
  *rank         = -1;
  extent[0] = extent[1] = 1;
  if (s >= 0 && H5Sget_simple_extent_ndims(s) <= 2) *rank = H5Sget_simple_extent_dims(s, extent, NULL);
  if (s >= 0) H5Sclose(s);
  if (d >= 0) H5Dclose(d);
  return *rank < 1 ? broken(self->path, name) : CLV_OK;
}

static clv_status column_check(const clv_portfolio *self, const clv_column *column, uint64_t n) {
  hsize_t          extent[2];
  int              rank;
  const clv_status st = extent_read(self, column->path, extent, &rank);
  if (st < 0) return st;
  if (extent[0] != n || extent[1] != clv_column_width(column, &self->facts))
    return broken(self->path, column->path);
  return CLV_OK;
}

/* Every column is there with the extent that the counts promise: later reads can trust them. */
static clv_status columns_check(clv_portfolio *self) {
  clv_status st = CLV_OK;
  hsize_t    extent[2];
  int        rank;
  for (size_t i = 0; i < CLV_COLUMN_N(CLV_CUSTOMER_COLUMN); i++)
    if (clv_column_is_there(&CLV_CUSTOMER_COLUMN[i], &self->facts))
      CLV_TRY(column_check(self, &CLV_CUSTOMER_COLUMN[i], self->facts.n_customer));
  for (size_t i = 0; i < CLV_COLUMN_N(CLV_CELL_COLUMN); i++)
    if (clv_column_is_there(&CLV_CELL_COLUMN[i], &self->facts))
      CLV_TRY(column_check(self, &CLV_CELL_COLUMN[i], self->facts.n_cell));
  CLV_TRY(extent_read(self, CLV_ID_OFFSET_PATH, extent, &rank));
  if (extent[0] != self->facts.n_customer + 1) CLV_TRY(broken(self->path, CLV_ID_OFFSET_PATH));
  CLV_TRY(extent_read(self, CLV_ID_BYTES_PATH, extent, &rank));
  self->id_bytes = extent[0];
out:
  return st;
}

static clv_status labels_read(const clv_portfolio *self, const char *name, uint64_t n, char ***out) {
  clv_status st    = CLV_OK;
  hid_t      d     = -1;
  hid_t      type  = H5Tcopy(H5T_C_S1);
  char     **label = NULL;
  hsize_t    extent[2];
  int        rank;
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  if (n == 0) goto out;
  CLV_TRY(extent_read(self, name, extent, &rank));
  if (extent[0] != n || extent[1] != 1) CLV_TRY(broken(self->path, name));
  CLV_TRY(clv_calloc((size_t)n, sizeof *label, (void **)&label));
  d = H5Dopen2(self->file, name, H5P_DEFAULT);
  if (d < 0 || H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, label) < 0) CLV_TRY(broken(self->path, name));
  for (uint64_t i = 0; i < n; i++)
    if (label[i] == NULL) CLV_TRY(broken(self->path, name));
  *out = label, label = NULL;
out:
  if (d >= 0) H5Dclose(d);
  H5Tclose(type);
  if (label != NULL)
    for (uint64_t i = 0; i < n; i++) H5free_memory(label[i]);
  free(label);
  return st;
}

/* Rows [first, first + n) of a dataset whose extent has been checked. */
static clv_status rows_read(const clv_portfolio *self, const char *name, hid_t type, const hsize_t range[3],
                            void *to) {
  const hsize_t start[2] = {range[0], 0}, count[2] = {range[1], range[2]};
  const int     rank = range[2] == 1 ? 1 : 2; /* replaced below by the file's */
  const hid_t   d    = H5Dopen2(self->file, name, H5P_DEFAULT);
  const hid_t   s    = d < 0 ? -1 : H5Dget_space(d);
  const int     dims = s < 0 ? rank : H5Sget_simple_extent_ndims(s);
  const hid_t   m    = H5Screate_simple(dims, count, NULL);
  herr_t        rc   = -1;
  if (range[1] == 0) rc = 0;
  if (range[1] > 0 && s >= 0 && m >= 0 &&
      H5Sselect_hyperslab(s, H5S_SELECT_SET, start, NULL, count, NULL) >= 0)
    rc = H5Dread(d, type, m, s, H5P_DEFAULT, to);
  if (m >= 0) H5Sclose(m);
  if (s >= 0) H5Sclose(s);
  if (d >= 0) H5Dclose(d);
  return rc < 0 ? broken(self->path, name) : CLV_OK;
}

static clv_status covariates_read(clv_portfolio *self) {
  clv_status    st = CLV_OK;
  hsize_t       extent[2];
  int           rank;
  double        value[2][CLV_COVARIATE_MAX];
  const hsize_t range[3] = {0, self->facts.n_covariate, 1};
  const char   *path[]   = {CLV_CENTER_PATH, CLV_SCALE_PATH};
  for (size_t k = 0; k < 2 && range[1] > 0; k++) {
    CLV_TRY(extent_read(self, path[k], extent, &rank));
    if (extent[0] != range[1] || extent[1] != 1) CLV_TRY(broken(self->path, path[k]));
    CLV_TRY(rows_read(self, path[k], H5T_NATIVE_DOUBLE, range, value[k]));
  }
  for (size_t i = 0; i < range[1]; i++) {
    if (!isfinite(value[0][i]) || !(value[1][i] > 0.0) || !isfinite(value[1][i]))
      CLV_TRY(broken(self->path, CLV_SCALE_PATH));
    self->covariate[i] = (clv_covariate){.name = self->name[i], .center = value[0][i], .scale = value[1][i]};
  }
out:
  return st;
}

/* Opened by each rank alone, without MPI-IO: reading needs no coordination, and a damaged file then fails on
 * its own rank and not inside a collective of the library. */
static clv_status portfolio_open(clv_portfolio *self, const char *path) {
  const size_t length = strlen(path) + 1;
  clv_status   st     = CLV_OK;
  CLV_TRY(clv_alloc(length, 1, (void **)&self->path));
  memcpy(self->path, path, length);
  if (access(path, R_OK) != 0)
    CLV_TRY(clv_fail(CLV_EDATA, "cannot open '%s': %s; make it with clv prepare", path, strerror(errno)));
  self->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (self->file < 0) CLV_TRY(broken(path, "it is damaged, cut short or another kind of file"));
  CLV_TRY(facts_read(self->file, path, &self->facts));
  CLV_TRY(columns_check(self));
  CLV_TRY(labels_read(self, CLV_SEGMENT_PATH, self->facts.n_segment, &self->segment));
  CLV_TRY(labels_read(self, CLV_COVARIATE_PATH, self->facts.n_covariate, &self->name));
  CLV_TRY(covariates_read(self));
out:
  return st;
}

static void labels_free(char **label, uint64_t n) {
  if (label == NULL) return;
  for (uint64_t i = 0; i < n; i++) H5free_memory(label[i]);
  free(label);
}

static void portfolio_free(clv_portfolio *self) {
  if (self == NULL) return;
  labels_free(self->segment, self->facts.n_segment);
  labels_free(self->name, self->facts.n_covariate);
  if (self->file >= 0) H5Fclose(self->file);
  free(self->path);
  free(self);
}

clv_status clv_portfolio_open(const clv_comm *comm, const char *path, clv_portfolio **out) {
  clv_portfolio *self = NULL;
  clv_status     st   = clv_calloc(1, sizeof *self, (void **)&self);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* one sentence of ours instead of the library's stack */
  if (st == CLV_OK) {
    self->comm = comm;
    self->file = -1;
    st         = portfolio_open(self, path);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  *out = self, self = NULL;
out:
  portfolio_free(self);
  return st;
}

void clv_portfolio_close(clv_portfolio **self) {
  if (self == NULL) return;
  portfolio_free(*self);
  *self = NULL;
}

const clv_portfolio_facts *clv_portfolio_facts_get(const clv_portfolio *self) { return &self->facts; }

const char *clv_portfolio_segment(const clv_portfolio *self, size_t i) {
  CLV_CHECK(i < self->facts.n_segment);
  return self->segment[i];
}

const clv_covariate *clv_portfolio_covariate(const clv_portfolio *self, size_t i) {
  CLV_CHECK(i < self->facts.n_covariate);
  return &self->covariate[i];
}

static clv_status columns_read(const clv_portfolio *self, const clv_column *column, size_t n_column,
                               hsize_t first, hsize_t n, void *columns) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < n_column; i++) {
    const hsize_t range[3] = {first, n, clv_column_width(&column[i], &self->facts)};
    void         *values   = NULL;
    if (!clv_column_is_there(&column[i], &self->facts)) continue;
    CLV_TRY(clv_alloc((size_t)(n * range[2]) + 1, clv_column_bytes(&column[i]), &values));
    clv_column_set(columns, &column[i], values);
    CLV_TRY(rows_read(self, column[i].path, clv_column_type(&column[i]), range, values));
  }
out:
  return st;
}

clv_status clv_portfolio_read_customers(const clv_portfolio *self, uint64_t first, uint64_t n,
                                        clv_customer_columns *out) {
  clv_status           st;
  clv_customer_columns mine = {.first = first, .n = n, .n_covariate = (size_t)self->facts.n_covariate};
  CLV_CHECK(first <= self->facts.n_customer && n <= self->facts.n_customer - first);
  st = columns_read(self, CLV_CUSTOMER_COLUMN, CLV_COLUMN_N(CLV_CUSTOMER_COLUMN), first, n, &mine);
  for (uint64_t i = 0; st == CLV_OK && i < n; i++)
    if (mine.segment[i] >= self->facts.n_segment) st = broken(self->path, "a customer's segment");
  CLV_TRY(clv_comm_agree(self->comm, st));
  *out = mine, mine = (clv_customer_columns){0};
out:
  clv_customer_columns_free(&mine);
  return st;
}

clv_status clv_portfolio_read_cells(const clv_portfolio *self, uint64_t first, uint64_t n,
                                    clv_cell_columns *out) {
  clv_status       st;
  clv_cell_columns mine = {.first = first, .n = n, .n_covariate = (size_t)self->facts.n_covariate};
  CLV_CHECK(first <= self->facts.n_cell && n <= self->facts.n_cell - first);
  st = columns_read(self, CLV_CELL_COLUMN, CLV_COLUMN_N(CLV_CELL_COLUMN), first, n, &mine);
  for (uint64_t i = 0; st == CLV_OK && i < n; i++)
    if (mine.segment[i] >= self->facts.n_segment) st = broken(self->path, "a cell's segment");
  CLV_TRY(clv_comm_agree(self->comm, st));
  *out = mine, mine = (clv_cell_columns){0};
out:
  clv_cell_columns_free(&mine);
  return st;
}

void clv_customer_columns_free(clv_customer_columns *columns) {
  for (size_t i = 0; i < CLV_COLUMN_N(CLV_CUSTOMER_COLUMN); i++)
    free(clv_column_get(columns, &CLV_CUSTOMER_COLUMN[i]));
  *columns = (clv_customer_columns){0};
}

void clv_cell_columns_free(clv_cell_columns *columns) {
  for (size_t i = 0; i < CLV_COLUMN_N(CLV_CELL_COLUMN); i++)
    free(clv_column_get(columns, &CLV_CELL_COLUMN[i]));
  *columns = (clv_cell_columns){0};
}

/* Offsets become relative to the range's first id. */
static clv_status ids_read(const clv_portfolio *self, uint64_t first, uint64_t n, char **bytes,
                           uint64_t *offset) {
  clv_status    st            = CLV_OK;
  const hsize_t offsets[3]    = {first, n + 1, 1};
  hsize_t       characters[3] = {0, 0, 1};
  CLV_TRY(rows_read(self, CLV_ID_OFFSET_PATH, H5T_NATIVE_UINT64, offsets, offset));
  for (uint64_t i = 0; i < n; i++) /* n + 1 offsets were read */
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    if (offset[i] > offset[i + 1]) CLV_TRY(broken(self->path, CLV_ID_OFFSET_PATH));
  if (offset[n] > self->id_bytes) CLV_TRY(broken(self->path, CLV_ID_OFFSET_PATH));
  characters[0] = offset[0];
  characters[1] = offset[n] - offset[0];
  for (uint64_t i = n + 1; i > 0; i--) offset[i - 1] -= offset[0];
  CLV_TRY(clv_alloc((size_t)characters[1] + 1, 1, (void **)bytes));
  CLV_TRY(rows_read(self, CLV_ID_BYTES_PATH, H5T_NATIVE_UCHAR, characters, *bytes));
  (*bytes)[characters[1]] = '\0';
out:
  return st;
}

clv_status clv_portfolio_read_ids(const clv_portfolio *self, uint64_t first, uint64_t n, char **bytes,
                                  uint64_t **offset) {
  clv_status st;
  char      *text = NULL;
  uint64_t  *at   = NULL;
  CLV_CHECK(first <= self->facts.n_customer && n <= self->facts.n_customer - first);
  st = clv_alloc((size_t)n + 1, sizeof *at, (void **)&at);
  if (st == CLV_OK) st = ids_read(self, first, n, &text, at);
  CLV_TRY(clv_comm_agree(self->comm, st));
  *bytes = text, text = NULL;
  *offset = at, at = NULL;
out:
  free(text);
  free(at);
  return st;
}
