/* The total has the same bits whatever rank holds which addend and in which order; plain sums do not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"

enum { WIDTH = 13, ADDENDS = 400, ROUNDS = 100 };

static uint64_t seed = 20;

/* SplitMix64 (Steele, Lea & Flood 2014): the same numbers on every rank. */
static uint64_t next(void) {
  uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
  z          = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z          = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static double addend[ADDENDS][WIDTH];
static size_t order[ADDENDS];
static int    owner[ADDENDS];

static void addends_make(void) {
  for (size_t i = 0; i < ADDENDS; i++) {
    order[i] = i;
    for (size_t j = 0; j < WIDTH; j++) {
      const double x = ldexp(1.0 + (double)(next() >> 12) * 0x1p-52, (int)(next() % 90) - 50);
      addend[i][j]   = next() % 2 ? x : -x;
    }
  }
}

static void deal(int n_rank) {
  for (size_t i = ADDENDS; i > 1; i--) {
    const size_t k = next() % i, t = order[i - 1];
    order[i - 1] = order[k], order[k] = t;
  }
  for (size_t i = 0; i < ADDENDS; i++) owner[i] = (int)(next() % (unsigned)n_rank);
}

/* The plain sum that MPI_SUM would make of the ranks' own sums, computed on every rank. */
static void plain_sum(int n_rank, double *total) {
  memset(total, 0, WIDTH * sizeof *total);
  for (int r = 0; r < n_rank; r++) {
    double part[WIDTH] = {0};
    for (size_t i = 0; i < ADDENDS; i++)
      for (size_t j = 0; j < WIDTH && owner[i] == r; j++) part[j] += addend[order[i]][j];
    for (size_t j = 0; j < WIDTH; j++) total[j] += part[j];
  }
}

static void the_same_bits(const clv_comm *world, const clv_comm *self) {
  const int      rank = clv_comm_rank(world), size = clv_comm_size(world);
  double         serial[WIDTH], total[WIDTH], plain[WIDTH], plain_first[WIDTH];
  clv_exact_sum *sum             = NULL;
  int            n_plain_differs = 0;
  CLV_CHECK(clv_exact_sum_new(WIDTH, &sum) == CLV_OK);
  for (size_t i = 0; i < ADDENDS; i++) clv_exact_sum_add(sum, addend[i]);
  CLV_CHECK(clv_exact_sum_total(sum, self, serial) == CLV_OK);
  plain_sum(size, plain_first);
  for (int round = 0; round < ROUNDS; round++) {
    deal(size);
    clv_exact_sum_clear(sum);
    for (size_t i = 0; i < ADDENDS; i++)
      if (owner[i] == rank) clv_exact_sum_add(sum, addend[order[i]]);
    CLV_CHECK(clv_exact_sum_total(sum, world, total) == CLV_OK);
    CLV_CHECK(memcmp(total, serial, sizeof total) == 0);
    plain_sum(size, plain);
    n_plain_differs += memcmp(plain, plain_first, sizeof plain) != 0;
  }
  CLV_CHECK(n_plain_differs > ROUNDS / 2); /* or the addends were too kind to show anything */
  clv_exact_sum_free(&sum);
}

static void what_one_rank_saw_all_know(const clv_comm *world) {
  const int      rank = clv_comm_rank(world), size = clv_comm_size(world);
  double         x[4] = {1.0, (double)NAN, (double)INFINITY, -1.0}, total[4];
  clv_exact_sum *sum  = NULL;
  CLV_CHECK(clv_exact_sum_new(4, &sum) == CLV_OK);
  if (rank != size - 1) x[1] = x[2] = 5.0;
  clv_exact_sum_add(sum, x);
  CLV_CHECK(clv_exact_sum_total(sum, world, total) == CLV_OK);
  CLV_CHECK(total[0] == size && isnan(total[1]) && isnan(total[2]) && total[3] == -size);
  if (rank == size - 1) clv_exact_sum_add_at(sum, 3, 1e300);
  clv_message_clear();
  CLV_CHECK(clv_exact_sum_total(sum, world, total) == CLV_EFAULT);
  CLV_CHECK(strstr(clv_message(), "sum 3 of 4") != NULL);
  CLV_CHECK(total[0] == size && isnan(total[3]));
  clv_message_clear();
  clv_exact_sum_free(&sum);
}

/* 2^79 on each of two ranks is outside though no rank alone is. */
static void a_sum_outside_is_an_error_for_all(const clv_comm *world) {
  const int      rank = clv_comm_rank(world), size = clv_comm_size(world);
  clv_exact_sum *sum = NULL;
  double         total;
  CLV_CHECK(clv_exact_sum_new(1, &sum) == CLV_OK);
  for (int i = 0; i < 1 << 20; i++) clv_exact_sum_add_at(sum, 0, 0x1p59);
  CLV_CHECK(clv_exact_sum_total(sum, world, &total) == (size < 2 ? CLV_OK : CLV_EFAULT));
  clv_message_clear();
  if (rank % 2 == 1) /* the odd ranks take theirs back, twice */
    for (int i = 0; i < 1 << 21; i++) clv_exact_sum_add_at(sum, 0, -0x1p59);
  CLV_CHECK(clv_exact_sum_total(sum, world, &total) == CLV_OK);
  CLV_CHECK(total == (size % 2 == 0 ? 0.0 : 0x1p79));
  clv_exact_sum_free(&sum);
}

int main(int argc, char **argv) {
  clv_comm *world = NULL, *self = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK);
  CLV_CHECK(clv_comm_world(&world) == CLV_OK && clv_comm_self(&self) == CLV_OK);
  addends_make();
  the_same_bits(world, self);
  what_one_rank_saw_all_know(world);
  a_sum_outside_is_an_error_for_all(world);
  clv_comm_free(&self);
  clv_comm_free(&world);
  clv_comm_finalize();
  return 0;
}
