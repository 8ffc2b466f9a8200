/* clv_comm_agree gives every rank the status and the sentence of the lowest rank that failed. */
#include <stdio.h>
#include <string.h>

#include "comm/comm.h"

static void all_is_well(const clv_comm *comm) {
  clv_message_clear();
  CLV_CHECK(clv_comm_agree(comm, CLV_OK) == CLV_OK);
  CLV_CHECK(clv_message()[0] == '\0');
}

static clv_status code_of(int rank) { return rank % 2 == 0 ? CLV_EDATA : CLV_EINTERRUPT; }

static void the_lowest_of_the_failing_is_heard(const clv_comm *comm, unsigned failing) {
  const int  rank  = clv_comm_rank(comm);
  const int  first = __builtin_ctz(failing);
  char       expected[64];
  clv_status mine = CLV_OK;
  clv_message_clear();
  if (failing >> rank & 1) mine = clv_fail(code_of(rank), "rank %d found a bad line", rank);
  CLV_CHECK(clv_comm_agree(comm, mine) == code_of(first));
  snprintf(expected, sizeof expected, "rank %d found a bad line", first);
  CLV_CHECK(strcmp(clv_message(), expected) == 0);
  CLV_CHECK(clv_comm_agree(comm, CLV_OK) == CLV_OK); /* and all are still in step */
}

static void a_failure_without_words_replaces_words_of_others(const clv_comm *comm) {
  const int rank = clv_comm_rank(comm);
  clv_message_clear();
  if (rank > 0) clv_message_set("a consequence");
  CLV_CHECK(clv_comm_agree(comm, rank == 0 ? CLV_EFAULT : CLV_EIO) == CLV_EFAULT);
  CLV_CHECK(clv_message()[0] == '\0');
}

int main(int argc, char **argv) {
  clv_comm *comm = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK && clv_comm_world(&comm) == CLV_OK);
  all_is_well(comm);
  for (unsigned failing = 1; failing < 1u << clv_comm_size(comm); failing++)
    the_lowest_of_the_failing_is_heard(comm, failing);
  a_failure_without_words_replaces_words_of_others(comm);
  clv_comm_free(&comm);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return 0;
}
