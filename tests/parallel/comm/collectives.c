/* Every collective against its definition, with empty, odd and split lengths. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"
#include "comm/comm_private.h"

static char byte_of(int rank, size_t i) { return (char)((size_t)(rank + 1) * 37 + i * 11); }

static void fill(char *data, int rank, size_t n) {
  for (size_t i = 0; i < n; i++) data[i] = byte_of(rank, i);
}

static size_t check(const char *data, int rank, size_t n) {
  for (size_t i = 0; i < n; i++) CLV_CHECK(data[i] == byte_of(rank, i));
  return n;
}

static void broadcasts(const clv_comm *comm, size_t n) {
  char *data = calloc(n + 1, 1);
  CLV_CHECK(data != NULL);
  for (int root = 0; root < clv_comm_size(comm); root++) {
    memset(data, 0, n);
    data[n] = 'x';
    if (clv_comm_rank(comm) == root) fill(data, root, n);
    clv_comm_broadcast(comm, data, n, root);
    check(data, root, n);
    CLV_CHECK(data[n] == 'x');
  }
  free(data);
}

static void gathers_of_one_length(const clv_comm *comm, size_t n) {
  const size_t size = (size_t)clv_comm_size(comm);
  char        *mine = calloc(n + 1, 1), *all = calloc(n * size + 1, 1);
  CLV_CHECK(mine != NULL && all != NULL);
  fill(mine, clv_comm_rank(comm), n);
  all[n * size] = 'x';
  clv_comm_allgather(comm, mine, n, all);
  for (size_t r = 0; r < size; r++) check(all + r * n, (int)r, n);
  CLV_CHECK(all[n * size] == 'x');
  free(mine);
  free(all);
}

/* Rank r brings r × n bytes, or n where `reversed` makes rank 0 the long one. */
static size_t length_of(const clv_comm *comm, int rank, size_t n, int reversed) {
  return n * (size_t)(reversed ? clv_comm_size(comm) - 1 - rank : rank);
}

static void check_pieces(const clv_comm *comm, const char *all, size_t total, const size_t *counts, size_t n,
                         int reversed) {
  size_t at = 0;
  for (int r = 0; r < clv_comm_size(comm); r++) {
    CLV_CHECK(counts[r] == length_of(comm, r, n, reversed));
    at += check(all + at, r, counts[r]);
  }
  CLV_CHECK(at == total);
}

static void gathers_of_many_lengths(const clv_comm *comm, size_t n, int reversed) {
  const size_t bytes = length_of(comm, clv_comm_rank(comm), n, reversed);
  char        *mine  = bytes > 0 ? malloc(bytes) : NULL;
  size_t       total, counts[4] = {9, 9, 9, 9};
  void        *all = NULL;
  fill(mine, clv_comm_rank(comm), bytes);
  for (int root = 0; root < clv_comm_size(comm); root++) {
    const int is_root = clv_comm_rank(comm) == root;
    CLV_CHECK(clv_comm_gather(comm, mine, bytes, root, &all, &total, is_root ? counts : NULL) == CLV_OK);
    CLV_CHECK(is_root == (all != NULL));
    if (is_root) check_pieces(comm, all, total, counts, n, reversed);
    CLV_CHECK(is_root || total == 0);
    free(all);
  }
  CLV_CHECK(clv_comm_allgatherv(comm, mine, bytes, &all, &total, counts) == CLV_OK);
  check_pieces(comm, all, total, counts, n, reversed);
  free(all);
  CLV_CHECK(clv_comm_allgatherv(comm, mine, bytes, &all, &total, NULL) == CLV_OK);
  free(all);
  free(mine);
}

static void reductions(const clv_comm *comm, size_t n) {
  const int64_t rank = clv_comm_rank(comm), size = clv_comm_size(comm);
  int64_t      *sum = calloc(n + 1, 8), *most = calloc(n + 1, 8);
  double       *high = calloc(n + 1, 8), *low = calloc(n + 1, 8);
  CLV_CHECK(sum != NULL && most != NULL && high != NULL && low != NULL);
  for (size_t i = 0; i < n; i++) {
    const int64_t k = (int64_t)i;
    sum[i]          = (INT64_C(1) << 60) - rank * (k + 1);
    most[i]         = -(INT64_C(1) << 62) + rank * (k % 3 - 1);
    high[i]         = i % 2 ? (double)rank : -INFINITY;
    low[i]          = 0.5 - (double)rank;
  }
  clv_comm_sum_i64(comm, sum, n);
  clv_comm_max_i64(comm, most, n);
  clv_comm_max_f64(comm, high, n);
  clv_comm_min_f64(comm, low, n);
  for (size_t i = 0; i < n; i++) {
    const int64_t k = (int64_t)i;
    CLV_CHECK(sum[i] == (INT64_C(1) << 60) * size - size * (size - 1) / 2 * (k + 1));
    CLV_CHECK(most[i] == -(INT64_C(1) << 62) + (k % 3 == 2 ? size - 1 : 0));
    CLV_CHECK(high[i] == (i % 2 ? (double)(size - 1) : -INFINITY) && low[i] == 0.5 - (double)(size - 1));
  }
  CLV_CHECK(sum[n] == 0 && most[n] == 0 && high[n] == 0 && low[n] == 0);
  CLV_CHECK(clv_comm_scan_before(comm, 10 + rank) == 10 * rank + rank * (rank - 1) / 2);
  free(sum), free(most), free(high), free(low);
}

static void everything(const clv_comm *comm, size_t n) {
  broadcasts(comm, n);
  gathers_of_one_length(comm, n);
  gathers_of_many_lengths(comm, n, 0);
  gathers_of_many_lengths(comm, n, 1);
  reductions(comm, n);
  clv_comm_barrier(comm);
}

int main(int argc, char **argv) {
  static const size_t LENGTHS[] = {0, 1, 7, 8, 64, 1001};
  clv_comm           *world = NULL, *self = NULL, *half = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK);
  CLV_CHECK(clv_comm_world(&world) == CLV_OK && clv_comm_self(&self) == CLV_OK);
  CLV_CHECK(clv_comm_split(world, clv_comm_rank(world) % 2, &half) == CLV_OK);
  CLV_CHECK(clv_comm_size(self) == 1 && clv_comm_rank(self) == 0);
  CLV_CHECK(clv_comm_rank(half) == clv_comm_rank(world) / 2);
  for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
    const size_t whole = world->most_bytes;
    everything(world, LENGTHS[i]);
    everything(half, LENGTHS[i]);
    everything(self, LENGTHS[i]);
    world->most_bytes = 17; /* as if MPI's counts ended here */
    everything(world, LENGTHS[i]);
    world->most_bytes = whole;
  }
  const double start = clv_clock();
  CLV_CHECK(clv_clock() >= start);
  clv_comm_free(&half);
  clv_comm_free(&self);
  clv_comm_free(&world);
  clv_comm_finalize();
  return 0;
}
