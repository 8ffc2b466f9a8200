/* What exact sums cost: a reduction against plain MPI_SUM, and an addition against the pass over its block.
 * By hand:  tests/mpirun.sh 2 build/release/tests/bench/comm/bench_comm_sums
 * Medians over batches; a batch is many calls, so that the clock's own cost does not show. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "comm/accumulator.h"
#include "comm/comm_mpi.h"
#include "comm/exact_sum.h"

enum { BATCHES = 41, MOST = 1024 };

/* Of SPEED.md's goals: a block of 8192 records, 1.2 ns a record and chain. */
#define PASS_SECONDS (8192 * 1.2e-9)

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *seconds, int per_batch) {
  qsort(seconds, BATCHES, sizeof *seconds, by_value);
  return seconds[BATCHES / 2] / per_batch;
}

static double plain_reduction(const clv_comm *comm, size_t width) {
  enum { CALLS = 500 };
  double seconds[BATCHES], value[MOST];
  for (int b = 0; b < BATCHES; b++) {
    for (size_t j = 0; j < width; j++) value[j] = 1e-3 * (double)j;
    clv_comm_barrier(comm);
    const double start = clv_clock();
    for (int i = 0; i < CALLS; i++)
      MPI_Allreduce(MPI_IN_PLACE, value, (int)width, MPI_DOUBLE, MPI_SUM, clv_comm_mpi(comm));
    seconds[b] = clv_clock() - start;
  }
  return median(seconds, CALLS);
}

static double exact_reduction(const clv_comm *comm, size_t width) {
  enum { CALLS = 500 };
  double         seconds[BATCHES], value[MOST], total[MOST];
  clv_exact_sum *sum = NULL;
  CLV_CHECK(clv_exact_sum_new(width, &sum) == CLV_OK);
  for (size_t j = 0; j < width; j++) value[j] = 1e-3 * (double)j;
  clv_exact_sum_add(sum, value);
  for (int b = 0; b < BATCHES; b++) {
    clv_comm_barrier(comm);
    const double start = clv_clock();
    for (int i = 0; i < CALLS; i++) CLV_CHECK(clv_exact_sum_total(sum, comm, total) == CLV_OK);
    seconds[b] = clv_clock() - start;
  }
  clv_exact_sum_free(&sum);
  return median(seconds, CALLS);
}

static double addition(size_t width) {
  enum { CALLS = 20000 };
  double         seconds[BATCHES], value[MOST];
  clv_exact_sum *sum = NULL;
  CLV_CHECK(clv_exact_sum_new(width, &sum) == CLV_OK);
  for (size_t j = 0; j < width; j++) value[j] = -1e3 / (double)(j + 1);
  for (int b = 0; b < BATCHES; b++) {
    const double start = clv_clock();
    for (int i = 0; i < CALLS; i++) clv_exact_sum_add(sum, value);
    seconds[b] = clv_clock() - start;
  }
  clv_exact_sum_free(&sum);
  return median(seconds, CALLS);
}

static double agreement(const clv_comm *comm) {
  enum { CALLS = 500 };
  double seconds[BATCHES];
  for (int b = 0; b < BATCHES; b++) {
    const double start = clv_clock();
    for (int i = 0; i < CALLS; i++) CLV_CHECK(clv_comm_agree(comm, CLV_OK) == CLV_OK);
    seconds[b] = clv_clock() - start;
  }
  return median(seconds, CALLS);
}

int main(int argc, char **argv) {
  static const size_t REDUCED[]                          = {8, 64, 200, 1000};
  static const struct { size_t n_chain, n_sum; } ADDED[] = {{1, 5}, {4, 5}, {16, 5}, {4, 16}, {4, 64}};
  clv_comm *comm                                         = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK && clv_comm_world(&comm) == CLV_OK);
  const int is_first = clv_comm_rank(comm) == 0;
  if (is_first) printf("%d ranks\nreduction      doubles us   exact us\n", clv_comm_size(comm));
  for (size_t i = 0; i < sizeof REDUCED / sizeof *REDUCED; i++) {
    const double plain = plain_reduction(comm, REDUCED[i]), exact = exact_reduction(comm, REDUCED[i]);
    if (is_first) printf("%5zu sums     %10.2f %10.2f\n", REDUCED[i], 1e6 * plain, 1e6 * exact);
  }
  const double agree = agreement(comm);
  if (is_first)
    printf("agreement %.2f us\naddition       ns a block   ns a sum   %% of a pass\n", 1e6 * agree);
  for (size_t i = 0; i < sizeof ADDED / sizeof *ADDED; i++) {
    const size_t width   = ADDED[i].n_chain * ADDED[i].n_sum;
    const double seconds = addition(width);
    if (is_first)
      printf("%3zu x %-3zu      %10.1f %10.2f %10.2f\n", ADDED[i].n_chain, ADDED[i].n_sum, 1e9 * seconds,
             1e9 * seconds / (double)width, 100.0 * seconds / ((double)ADDED[i].n_chain * PASS_SECONDS));
  }
  clv_comm_free(&comm);
  clv_comm_finalize();
  return 0;
}
