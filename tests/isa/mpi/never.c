/* What clv and HDF5 link to and one rank never calls (mpi.h stays out: only the names matter). */
#include <stdio.h>
#include <stdlib.h>

#define NEVER(name)                                                \
  void name(void);                                                 \
  void name(void) {                                                \
    fprintf(stderr, "tests/isa: %s is not for one rank\n", #name); \
    abort();                                                       \
  }

NEVER(MPI_Send)
NEVER(MPI_Recv)
NEVER(MPI_Isend)
NEVER(MPI_Mprobe)
NEVER(MPI_Imrecv)
NEVER(MPI_Waitall)
NEVER(MPI_Exscan)
NEVER(MPI_Scatterv)
NEVER(MPI_Info_dup)
NEVER(MPI_Info_free)
NEVER(MPI_Info_get)
NEVER(MPI_Info_get_nkeys)
NEVER(MPI_Info_get_nthkey)
