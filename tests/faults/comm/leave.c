/* leave FAULT: one rank of several does what the name says. See leave.sh. */
#include <stdio.h>
#include <string.h>

#include "comm/comm.h"

/* As the jobs do it: a status alone, one agreement, one sentence by rank 0, everybody leaves. */
static clv_status step(const clv_comm *comm, int failing) {
  clv_status mine = CLV_OK, st;
  int64_t    one  = 1;
  if (clv_comm_rank(comm) == failing) mine = clv_fail(CLV_EDATA, "line 12: no date; give one");
  if ((st = clv_comm_agree(comm, mine)) < 0) return st;
  clv_comm_sum_i64(comm, &one, 1);
  return one == clv_comm_size(comm) ? CLV_OK : CLV_EFAULT;
}

static void part(const clv_comm *comm, const char *fault) {
  const int rank     = clv_comm_rank(comm);
  int64_t   value[3] = {0};
  if (strcmp(fault, "operation") == 0) {
    if (rank == 1)
      clv_comm_max_i64(comm, value, 3);
    else
      clv_comm_sum_i64(comm, value, 3);
  } else if (strcmp(fault, "length") == 0) {
    clv_comm_sum_i64(comm, value, rank == 2 ? 2 : 3);
  } else if (strcmp(fault, "root") == 0) {
    clv_comm_broadcast(comm, value, 8, rank == 1 ? 1 : 0);
  } else if (strcmp(fault, "quit") == 0) {
    if (rank != 1) clv_comm_barrier(comm);
  } else if (strcmp(fault, "check") == 0) {
    CLV_CHECK(rank != 1);
    clv_comm_barrier(comm);
  }
}

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  clv_status st   = clv_comm_init(&argc, &argv);
  if (st == CLV_OK) st = clv_comm_world(&comm);
  if (st == CLV_OK) part(comm, argv[1]);
  const int n_step = strcmp(argv[1], "quit") == 0 ? 0 : 3;
  for (int i = 0; i < n_step && st == CLV_OK; i++)
    st = step(comm, strcmp(argv[1], "early") == 0 && i == 1 ? 2 : -1);
  if (st < 0 && (comm == NULL || clv_comm_rank(comm) == 0)) fprintf(stderr, "clv: %s\n", clv_message());
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
