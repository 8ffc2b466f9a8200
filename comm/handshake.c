#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "comm/comm_private.h"

typedef int clv_comm_handshake_is_for_debug_builds; /* ISO C wants a translation unit that is not empty */

#ifdef CLV_DEBUG

static const char *const NAME[CLV_COMM_OPERATIONS] = {
    [CLV_COMM_SPLIT] = "clv_comm_split",           [CLV_COMM_FREE] = "clv_comm_free",
    [CLV_COMM_AGREE] = "clv_comm_agree",           [CLV_COMM_BARRIER] = "clv_comm_barrier",
    [CLV_COMM_BROADCAST] = "clv_comm_broadcast",   [CLV_COMM_SUM_I64] = "clv_comm_sum_i64",
    [CLV_COMM_MAX_I64] = "clv_comm_max_i64",       [CLV_COMM_MAX_F64] = "clv_comm_max_f64",
    [CLV_COMM_MIN_F64] = "clv_comm_min_f64",       [CLV_COMM_SCAN] = "clv_comm_scan_before",
    [CLV_COMM_ALLGATHER] = "clv_comm_allgather",   [CLV_COMM_GATHER] = "clv_comm_gather",
    [CLV_COMM_ALLGATHERV] = "clv_comm_allgatherv", [CLV_COMM_SHUFFLE] = "clv_shuffle_exchange",
};

static const char *name_of(uint64_t operation) {
  return operation < CLV_COMM_OPERATIONS && NAME[operation] != NULL ? NAME[operation] : "something else";
}

/* Every rank holds all the words and sees the same; the first rank that differs from rank 0 is named. */
static void part(const clv_comm *self, const uint64_t *words, int r) {
  if (self->rank == 0)
    fprintf(stderr,
            "clv: ranks have parted: rank 0 is in %s (%" PRIu64 "), rank %d of %d in %s (%" PRIu64 ")\n",
            name_of(words[0]), words[1], r, self->size, name_of(words[2 * r]), words[2 * r + 1]);
  fflush(stderr);
  MPI_Barrier(self->mpi); /* so that the sentence is out before anybody is killed */
  MPI_Abort(MPI_COMM_WORLD, 1);
}

void clv_comm_handshake(const clv_comm *self, clv_comm_operation operation, uint64_t size) {
  const uint64_t mine[2] = {(uint64_t)operation, size};
  if (self->size == 1) return;
  uint64_t *words = malloc((size_t)self->size * sizeof mine);
  CLV_CHECK(words != NULL);
  MPI_Allgather(mine, 2, MPI_UINT64_T, words, 2, MPI_UINT64_T, self->mpi);
  for (int r = 1; r < self->size; r++)
    if (words[2 * r] != words[0] || words[2 * r + 1] != words[1]) part(self, words, r);
  free(words);
}

#endif
