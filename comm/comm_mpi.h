#ifndef CLV_COMM_COMM_MPI_H
#define CLV_COMM_COMM_MPI_H

#include <mpi.h>

#include "comm/comm.h"

/** The communicator itself, for parallel HDF5's file access property only. Borrowed. Not collective. */
MPI_Comm clv_comm_mpi(const clv_comm *self);

#endif
