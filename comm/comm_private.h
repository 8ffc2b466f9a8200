#ifndef CLV_COMM_COMM_PRIVATE_H
#define CLV_COMM_COMM_PRIVATE_H

#include <mpi.h>

#include "comm/comm.h"

/** The inside of a communicator, for the files of this folder and their tests. */
struct clv_comm {
  MPI_Comm mpi; /* owned: a private duplicate */
  int      rank;
  int      size;
  size_t   most_bytes; /* of one MPI message; tests lower it to walk the split roads with little memory */
};

/** What a collective is; the first word of the handshake. */
typedef enum clv_comm_operation {
  CLV_COMM_SPLIT = 1,
  CLV_COMM_FREE,
  CLV_COMM_AGREE,
  CLV_COMM_BARRIER,
  CLV_COMM_BROADCAST,
  CLV_COMM_SUM_I64,
  CLV_COMM_MAX_I64,
  CLV_COMM_MAX_F64,
  CLV_COMM_MIN_F64,
  CLV_COMM_SCAN,
  CLV_COMM_ALLGATHER,
  CLV_COMM_GATHER,
  CLV_COMM_ALLGATHERV,
  CLV_COMM_SHUFFLE,
  CLV_COMM_OPERATIONS
} clv_comm_operation;

/** Debug builds: all ranks show what they are about to do; where two differ, the ranks and their operations
 * are named and the job ends. Nothing in other builds. Collective.
 *  @param size  what must be equal on all ranks (a length), 0 where nothing must */
#ifdef CLV_DEBUG
void clv_comm_handshake(const clv_comm *self, clv_comm_operation operation, uint64_t size);
#else
static inline void clv_comm_handshake(const clv_comm *self, clv_comm_operation operation, uint64_t size) {
  (void)self, (void)operation, (void)size;
}
#endif

#endif
