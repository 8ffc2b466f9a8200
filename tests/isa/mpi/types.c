/* Datatypes of the MPI of one rank: each is kept as the list of its pieces. */
#include "types.h"

#include <stdlib.h>
#include <string.h>

struct ompi_predefined_datatype_t {
  struct ompi_datatype_t type;
};

#define PREDEFINED(name, bytes)                                \
  static struct piece               name##_piece = {0, bytes}; \
  struct ompi_predefined_datatype_t name         = {{bytes, 0, bytes, 1, &name##_piece}}

PREDEFINED(ompi_mpi_byte, 1);
PREDEFINED(ompi_mpi_c_bool, 1);
PREDEFINED(ompi_mpi_int, sizeof(int));
PREDEFINED(ompi_mpi_unsigned, sizeof(unsigned));
PREDEFINED(ompi_mpi_int64_t, 8);
PREDEFINED(ompi_mpi_uint64_t, 8);
PREDEFINED(ompi_mpi_long_long_int, 8);
PREDEFINED(ompi_mpi_unsigned_long_long, 8);
PREDEFINED(ompi_mpi_double, 8);
struct ompi_predefined_datatype_t ompi_mpi_datatype_null;

static ptrdiff_t extent(MPI_Datatype t) { return t->ub - t->lb; }

int type_is_dense(MPI_Datatype t) {
  return t->n == 1 && t->piece[0].at == 0 && (ptrdiff_t)t->piece[0].length == extent(t);
}

void type_pack(MPI_Datatype t, size_t count, const void *from, void *to) {
  char *out = to;
  for (size_t e = 0; e < count; e++)
    for (size_t i = 0; i < t->n; out += t->piece[i++].length)
      memcpy(out, (const char *)from + (ptrdiff_t)e * extent(t) + t->piece[i].at, t->piece[i].length);
}

void type_unpack(MPI_Datatype t, size_t count, const void *from, void *to) {
  const char *in = from;
  for (size_t e = 0; e < count; e++)
    for (size_t i = 0; i < t->n; in += t->piece[i++].length)
      memcpy((char *)to + (ptrdiff_t)e * extent(t) + t->piece[i].at, in, t->piece[i].length);
}

static MPI_Datatype type_new(void) {
  MPI_Datatype t = calloc(1, sizeof *t);
  if (t == NULL) abort();
  return t;
}

static void piece_add(MPI_Datatype t, ptrdiff_t at, size_t length) {
  struct piece *last = t->n > 0 ? &t->piece[t->n - 1] : NULL;
  t->size += length;
  if (last != NULL && last->at + (ptrdiff_t)last->length == at) {
    last->length += length;
    return;
  }
  if ((t->n & (t->n - 1)) == 0) { /* full at 0, 1, 2, 4, 8 ... pieces */
    t->piece = realloc(t->piece, (t->n > 0 ? 2 * t->n : 1) * sizeof *t->piece);
    if (t->piece == NULL) abort();
  }
  t->piece[t->n++] = (struct piece){at, length};
}

/* `count` elements of `of` in a row, the first at `at`. */
static void type_add(MPI_Datatype t, ptrdiff_t at, int count, MPI_Datatype of) {
  if (count <= 0) return;
  const ptrdiff_t lb = at + of->lb, ub = at + (count - 1) * extent(of) + of->ub;
  t->ub = t->n == 0 || ub > t->ub ? ub : t->ub;
  t->lb = t->n == 0 || lb < t->lb ? lb : t->lb;
  if (type_is_dense(of)) {
    piece_add(t, at, (size_t)count * of->size);
    return;
  }
  for (int e = 0; e < count; e++)
    for (size_t i = 0; i < of->n; i++)
      piece_add(t, at + e * extent(of) + of->piece[i].at, of->piece[i].length);
}

int MPI_Type_contiguous(int count, MPI_Datatype of, MPI_Datatype *out) {
  *out = type_new();
  type_add(*out, 0, count, of);
  return MPI_SUCCESS;
}

int MPI_Type_create_hvector(int count, int length, MPI_Aint stride, MPI_Datatype of, MPI_Datatype *out) {
  *out = type_new();
  for (int b = 0; b < count; b++) type_add(*out, b * stride, length, of);
  return MPI_SUCCESS;
}

int MPI_Type_vector(int count, int length, int stride, MPI_Datatype of, MPI_Datatype *out) {
  return MPI_Type_create_hvector(count, length, stride * extent(of), of, out);
}

int MPI_Type_create_hindexed(int count, const int length[], const MPI_Aint at[], MPI_Datatype of,
                             MPI_Datatype *out) {
  *out = type_new();
  for (int b = 0; b < count; b++) type_add(*out, at[b], length[b], of);
  return MPI_SUCCESS;
}

int MPI_Type_create_hindexed_block(int count, int length, const MPI_Aint at[], MPI_Datatype of,
                                   MPI_Datatype *out) {
  *out = type_new();
  for (int b = 0; b < count; b++) type_add(*out, at[b], length, of);
  return MPI_SUCCESS;
}

int MPI_Type_create_struct(int count, const int length[], const MPI_Aint at[], const MPI_Datatype of[],
                           MPI_Datatype *out) {
  *out = type_new();
  for (int b = 0; b < count; b++) type_add(*out, at[b], length[b], of[b]);
  return MPI_SUCCESS;
}

int MPI_Type_dup(MPI_Datatype of, MPI_Datatype *out) {
  return MPI_Type_create_resized(of, of->lb, extent(of), out);
}

int MPI_Type_create_resized(MPI_Datatype of, MPI_Aint lb, MPI_Aint wide, MPI_Datatype *out) {
  *out = type_new();
  for (size_t i = 0; i < of->n; i++) piece_add(*out, of->piece[i].at, of->piece[i].length);
  (*out)->lb = lb, (*out)->ub = lb + wide;
  return MPI_SUCCESS;
}

int MPI_Type_commit(MPI_Datatype *t) {
  (void)t;
  return MPI_SUCCESS;
}

int MPI_Type_free(MPI_Datatype *t) {
  free((*t)->piece);
  free(*t);
  *t = MPI_DATATYPE_NULL;
  return MPI_SUCCESS;
}

int MPI_Type_get_extent(MPI_Datatype t, MPI_Aint *lb, MPI_Aint *wide) {
  *lb = t->lb, *wide = extent(t);
  return MPI_SUCCESS;
}

int MPI_Type_size_x(MPI_Datatype t, MPI_Count *size) {
  *size = (MPI_Count)t->size;
  return MPI_SUCCESS;
}
