/* Communicators of the MPI of one rank: a collective is a copy, and what only a second rank could ask for
 * ends the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

struct ompi_communicator_t {
  int self;
};
struct ompi_predefined_communicator_t {
  struct ompi_communicator_t comm;
} ompi_mpi_comm_world, ompi_mpi_comm_self, ompi_mpi_comm_null;
struct ompi_predefined_op_t {
  int self;
} ompi_mpi_op_max, ompi_mpi_op_min, ompi_mpi_op_sum, ompi_mpi_op_bor;
struct ompi_predefined_info_t {
  int self;
} ompi_mpi_info_null;
struct ompi_predefined_errhandler_t {
  int self;
} ompi_mpi_errors_return;

static struct {
  int                            begun, over;
  MPI_Comm_delete_attr_function *at_end; /* HDF5 closes its files when MPI ends */
} state;

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  (void)argc, (void)argv;
  state.begun = 1;
  *provided   = required;
  return MPI_SUCCESS;
}

int MPI_Initialized(int *flag) {
  *flag = state.begun;
  return MPI_SUCCESS;
}

int MPI_Finalized(int *flag) {
  *flag = state.over;
  return MPI_SUCCESS;
}

int MPI_Finalize(void) {
  if (state.at_end != NULL) state.at_end(MPI_COMM_SELF, 0, NULL, NULL);
  state.over = 1;
  return MPI_SUCCESS;
}

int MPI_Abort(MPI_Comm comm, int code) {
  (void)comm;
  exit(code);
}

int MPI_Get_library_version(char *version, int *length) {
  *length = snprintf(version, MPI_MAX_LIBRARY_VERSION_STRING, "one rank, of tests/isa");
  return MPI_SUCCESS;
}

int MPI_Error_string(int code, char *text, int *length) {
  *length = snprintf(text, MPI_MAX_ERROR_STRING, "MPI error %d", code);
  return MPI_SUCCESS;
}

int MPI_Comm_size(MPI_Comm comm, int *size) {
  (void)comm;
  *size = 1;
  return MPI_SUCCESS;
}

int MPI_Comm_rank(MPI_Comm comm, int *rank) {
  (void)comm;
  *rank = 0;
  return MPI_SUCCESS;
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *out) {
  (void)comm;
  *out = calloc(1, sizeof **out);
  return *out != NULL ? MPI_SUCCESS : MPI_ERR_NO_MEM;
}

int MPI_Comm_split(MPI_Comm comm, int colour, int key, MPI_Comm *out) {
  (void)key;
  *out = MPI_COMM_NULL;
  return colour == MPI_UNDEFINED ? MPI_SUCCESS : MPI_Comm_dup(comm, out);
}

int MPI_Comm_free(MPI_Comm *comm) {
  free(*comm);
  *comm = MPI_COMM_NULL;
  return MPI_SUCCESS;
}

int MPI_Comm_compare(MPI_Comm a, MPI_Comm b, int *result) {
  *result = a == b ? MPI_IDENT : MPI_CONGRUENT;
  return MPI_SUCCESS;
}

int MPI_Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler handler) {
  (void)comm, (void)handler;
  return MPI_SUCCESS;
}

int MPI_Comm_create_keyval(MPI_Comm_copy_attr_function *copy, MPI_Comm_delete_attr_function *gone, int *key,
                           void *extra) {
  (void)copy, (void)extra;
  state.at_end = gone;
  *key         = 0;
  return MPI_SUCCESS;
}

int MPI_Comm_set_attr(MPI_Comm comm, int key, void *value) {
  (void)comm, (void)key, (void)value;
  return MPI_SUCCESS;
}

int MPI_Comm_free_keyval(int *key) {
  *key = MPI_KEYVAL_INVALID;
  return MPI_SUCCESS;
}

int OMPI_C_MPI_COMM_NULL_COPY_FN(MPI_Comm comm, int key, void *extra, void *in, void *out, int *flag) {
  (void)comm, (void)key, (void)extra, (void)in, (void)out;
  *flag = 0;
  return MPI_SUCCESS;
}

static int copy(const void *from, int count, MPI_Datatype t, void *to) {
  if (from != MPI_IN_PLACE && count > 0) memmove(to, from, (size_t)count * t->size);
  return MPI_SUCCESS;
}

int MPI_Barrier(MPI_Comm comm) {
  (void)comm;
  return MPI_SUCCESS;
}

int MPI_Bcast(void *data, int count, MPI_Datatype t, int root, MPI_Comm comm) {
  (void)data, (void)count, (void)t, (void)root, (void)comm;
  return MPI_SUCCESS;
}

int MPI_Allreduce(const void *from, void *to, int count, MPI_Datatype t, MPI_Op op, MPI_Comm comm) {
  (void)op, (void)comm;
  return copy(from, count, t, to);
}

int MPI_Allgather(const void *from, int count, MPI_Datatype t, void *to, int n, MPI_Datatype to_t,
                  MPI_Comm comm) {
  (void)n, (void)to_t, (void)comm;
  return copy(from, count, t, to);
}

int MPI_Gather(const void *from, int count, MPI_Datatype t, void *to, int n, MPI_Datatype to_t, int root,
               MPI_Comm comm) {
  (void)root;
  return MPI_Allgather(from, count, t, to, n, to_t, comm);
}

int MPI_Alltoall(const void *from, int count, MPI_Datatype t, void *to, int n, MPI_Datatype to_t,
                 MPI_Comm comm) {
  return MPI_Allgather(from, count, t, to, n, to_t, comm);
}

int MPI_Allgatherv(const void *from, int count, MPI_Datatype t, void *to, const int n[], const int at[],
                   MPI_Datatype to_t, MPI_Comm comm) {
  (void)n, (void)comm;
  return copy(from, count, t, (char *)to + (size_t)at[0] * to_t->size);
}

int MPI_Gatherv(const void *from, int count, MPI_Datatype t, void *to, const int n[], const int at[],
                MPI_Datatype to_t, int root, MPI_Comm comm) {
  (void)root;
  return MPI_Allgatherv(from, count, t, to, n, at, to_t, comm);
}

int MPI_Sendrecv(const void *from, int count, MPI_Datatype t, int to_rank, int tag, void *to, int n,
                 MPI_Datatype to_t, int from_rank, int to_tag, MPI_Comm comm, MPI_Status *status) {
  (void)tag, (void)n, (void)to_t, (void)from_rank, (void)to_tag, (void)comm, (void)status;
  return to_rank == MPI_PROC_NULL ? MPI_SUCCESS : copy(from, count, t, to);
}
