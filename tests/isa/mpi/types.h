#ifndef CLV_TESTS_ISA_TYPES_H
#define CLV_TESTS_ISA_TYPES_H
#include <mpi.h>
#include <stddef.h>

/** Where the bytes of one element lie: `size` bytes in `n` pieces, in the order they are transferred; the
 * next element begins `ub - lb` bytes further on. Behind MPI_Datatype. */
struct ompi_datatype_t {
  size_t    size;
  ptrdiff_t lb, ub;
  size_t    n;
  struct piece {
    ptrdiff_t at;
    size_t    length;
  } * piece; /* [n] owned, but of the predefined types */
};

/** Whether elements lie one after the other without a gap. */
int type_is_dense(MPI_Datatype self);

/** Gather `count` elements at `from` into the consecutive bytes at `to`, and back. */
void type_pack(MPI_Datatype self, size_t count, const void *from, void *to);
void type_unpack(MPI_Datatype self, size_t count, const void *from, void *to);
#endif
