#include "io/customer_file.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm_mpi.h"

enum { TEXT_MOST = 256, PATH_MOST = 256 };

struct clv_customer_file {
  char    *path; /* owned */
  hid_t    file;
  uint64_t n;
  char     text[TEXT_MOST]; /* the attribute asked for last */
};

static clv_status damaged(const clv_customer_file *self) {
  return clv_fail(CLV_EDATA, "'%s' is damaged or no file of this kind; make it again", self->path);
}

/* The length of the first column is that of all. */
static herr_t first_column(hid_t group, const char *name, const H5L_info_t *info, void *to) {
  const hid_t set = H5Dopen2(group, name, H5P_DEFAULT), space = set < 0 ? -1 : H5Dget_space(set);
  hsize_t     extent = 0;
  (void)info;
  if (space >= 0 && H5Sget_simple_extent_ndims(space) == 1) H5Sget_simple_extent_dims(space, &extent, NULL);
  *(uint64_t *)to = extent;
  if (space >= 0) H5Sclose(space);
  if (set >= 0) H5Dclose(set);
  return 1;
}

static clv_status file_open(const clv_comm *comm, clv_customer_file *self) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, clv_comm_mpi(comm), MPI_INFO_NULL);
  self->file = H5Fopen(self->path, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  if (self->file < 0) return damaged(self);
  const hid_t group = H5Gopen2(self->file, "customers", H5P_DEFAULT);
  if (group < 0) return damaged(self);
  const herr_t found = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, first_column, &self->n);
  H5Gclose(group);
  return found == 1 ? CLV_OK : damaged(self);
}

clv_status clv_customer_file_open(const clv_comm *comm, const char *path, clv_customer_file **out) {
  clv_customer_file *self = NULL;
  clv_status         st   = clv_calloc(1, sizeof *self, (void **)&self);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (st == CLV_OK) {
    self->file = -1;
    self->path = strdup(path);
    if (self->path == NULL) st = clv_fail(CLV_ENOMEM, "no memory for a path");
  }
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_comm_agree(comm, file_open(comm, self)));
  *out = self, self = NULL;
out:
  clv_customer_file_close(&self);
  return st;
}

void clv_customer_file_close(clv_customer_file **self) {
  if (self == NULL || *self == NULL) return;
  if ((*self)->file >= 0) H5Fclose((*self)->file);
  free((*self)->path);
  free(*self);
  *self = NULL;
}

uint64_t clv_customer_file_n(const clv_customer_file *self) { return self->n; }

const char *clv_customer_file_text(clv_customer_file *self, const char *name) {
  self->text[0] = '\0';
  if (H5Aexists(self->file, name) <= 0) return self->text;
  const hid_t attribute = H5Aopen(self->file, name, H5P_DEFAULT), type = H5Aget_type(attribute);
  if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tget_size(type) <= TEXT_MOST &&
      H5Aread(attribute, type, self->text) < 0)
    self->text[0] = '\0';
  self->text[TEXT_MOST - 1] = '\0';
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return self->text;
}

static void column_path(const char *column, char path[PATH_MOST]) {
  snprintf(path, PATH_MOST, "/customers/%s", column);
}

bool clv_customer_file_has(const clv_customer_file *self, const char *column) {
  char path[PATH_MOST];
  column_path(column, path);
  return H5Lexists(self->file, path, H5P_DEFAULT) > 0;
}

clv_status clv_customer_file_read(const clv_customer_file *self, const char *column, uint64_t first,
                                  uint64_t n, double *value) {
  const hsize_t start = first, count = n;
  char          path[PATH_MOST];
  if (n == 0) return CLV_OK;
  column_path(column, path);
  const hid_t set = H5Dopen2(self->file, path, H5P_DEFAULT), memory = H5Screate_simple(1, &count, NULL);
  const hid_t space = set < 0 ? -1 : H5Dget_space(set);
  const int ok = space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL) >= 0 &&
                 H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, value) >= 0;
  if (space >= 0) H5Sclose(space);
  if (set >= 0) H5Dclose(set);
  H5Sclose(memory);
  return ok ? CLV_OK : damaged(self);
}
