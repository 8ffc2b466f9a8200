/* The accumulator's sums have the bits of the one-rank run, for any ranks, groups and number of chains. */
#include "comm/accumulator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/blocks.h"
#include "comm/topology.h"

enum { DIM = 3, SUMS = 5, CHAINS = 7 };

/* A toy portfolio: record i is a number made from i. */
typedef struct toy {
  uint64_t n;
  uint64_t first_block; /* of this shard, in the whole portfolio */
  uint64_t nan_block;   /* whose second sum is NaN for a negative point; UINT64_MAX for none */
} toy;

static double record(uint64_t i) { return sin((double)i) * (double)(1 + i % 1000); }

static void toy_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const toy     *t  = self;
  const uint64_t at = t->first_block + block, first = at * CLV_BLOCK_SIZE;
  const uint64_t last = first + CLV_BLOCK_SIZE < t->n ? first + CLV_BLOCK_SIZE : t->n;
  for (size_t c = 0; c < n_chain; c++) {
    const double *p = phi + c * DIM;
    double       *s = sum + c * SUMS;
    for (uint64_t i = first; i < last; i += 16) {
      const double x = record(i);
      for (size_t j = 0; j < DIM; j++) s[j] += x * p[j] / (1.0 + x * x);
      s[3] += 1.0;
    }
    if (at == t->nan_block && p[0] < 0) s[1] = (double)NAN;
  }
}

static clv_accumulator *toy_accumulator(const clv_comm *comm, toy *t, size_t most) {
  const clv_blocks b     = clv_blocks_of(t->n, clv_comm_rank(comm), clv_comm_size(comm));
  clv_accumulator *self  = NULL;
  t->first_block         = b.first_block;
  const clv_summand what = {
      .self = t, .n_block = b.last_block - b.first_block, .n_sum = SUMS, .n_dim = DIM, .block = toy_block};
  CLV_CHECK(clv_accumulator_new(comm, &what, most, &self) == CLV_OK);
  return self;
}

static void points(size_t n, double *phi) {
  for (size_t i = 0; i < n * DIM; i++) phi[i] = cos((double)i + 0.5);
  phi[0] = 1.0, phi[DIM] = -1.0; /* chain 1 meets the NaN, chain 0 does not */
}

static void same_bits_as_alone(const clv_comm *comm, const clv_comm *alone, uint64_t n, uint64_t nan_block) {
  double           phi[CHAINS * DIM], sum[CHAINS * SUMS], serial[CHAINS * SUMS];
  toy              mine = {.n = n, .nan_block = nan_block}, whole = mine;
  clv_accumulator *a = toy_accumulator(comm, &mine, CHAINS), *b = toy_accumulator(alone, &whole, CHAINS);
  points(CHAINS, phi);
  for (size_t n_chain = CHAINS; n_chain > 1; n_chain--) { /* widths that end inside a vector too */
    CLV_CHECK(clv_accumulator_evaluate(a, n_chain, phi, sum) == CLV_OK);
    CLV_CHECK(clv_accumulator_evaluate(b, n_chain, phi, serial) == CLV_OK);
    CLV_CHECK(memcmp(sum, serial, n_chain * SUMS * sizeof *sum) == 0);
    for (size_t c = 0; c < n_chain; c++)
      for (size_t j = 0; j < SUMS; j++)
        CLV_CHECK((isnan(sum[c * SUMS + j]) != 0) == (nan_block != UINT64_MAX && j == 1 && phi[c * DIM] < 0));
    CLV_CHECK(sum[3] * 16 - (double)n >= 0 && sum[3] * 16 - (double)n < 16 && sum[4] == 0.0);
  }
  /* the points of one group are a part of all points, and do not depend on the others */
  CLV_CHECK(clv_accumulator_evaluate(a, 2, phi + 2 * DIM, sum) == CLV_OK);
  CLV_CHECK(clv_accumulator_evaluate(b, CHAINS, phi, serial) == CLV_OK);
  CLV_CHECK(memcmp(sum, serial + 2 * SUMS, 2 * SUMS * sizeof *sum) == 0);
  const clv_accumulator_cost cost = clv_accumulator_cost_get(a);
  CLV_CHECK(cost.n_evaluation == CHAINS && cost.n_outside == 0);
  CLV_CHECK(cost.n_point == CHAINS * (CHAINS + 1) / 2 - 1 + 2);
  CLV_CHECK(cost.pass_seconds > 0 && cost.reduce_seconds > 0);
  clv_accumulator_free(&a);
  clv_accumulator_free(&b);
}

static void huge_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  (void)self, (void)block;
  for (size_t c = 0; c < n_chain; c++) sum[2 * c] = 1.0, sum[2 * c + 1] = phi[c];
}

/* A point far out, whose log-density is -1e20, is a divergence in its own chain and no error. */
static void a_sum_outside_is_its_chains_nan(const clv_comm *comm) {
  const clv_summand what   = {.n_block = 2, .n_sum = 2, .n_dim = 1, .block = huge_block};
  const double      phi[3] = {5.0, -1e20, 7.0}, blocks = 2.0 * clv_comm_size(comm);
  double            sum[6];
  clv_accumulator  *a = NULL;
  CLV_CHECK(clv_accumulator_new(comm, &what, 3, &a) == CLV_OK);
  CLV_CHECK(clv_accumulator_evaluate(a, 3, phi, sum) == CLV_OK);
  CLV_CHECK(sum[0] == blocks && sum[2] == blocks && sum[4] == blocks);
  CLV_CHECK(sum[1] == 5.0 * blocks && isnan(sum[3]) && sum[5] == 7.0 * blocks);
  CLV_CHECK(clv_accumulator_cost_get(a).n_outside == 1);
  clv_accumulator_free(&a);
}

/* A model without sums (priors alone) needs no pass and no reduction. */
static void no_sums(const clv_comm *comm) {
  const clv_summand what = {.n_block = 2, .n_sum = 0, .n_dim = 1, .block = huge_block};
  clv_accumulator  *a    = NULL;
  CLV_CHECK(clv_accumulator_new(comm, &what, 3, &a) == CLV_OK);
  CLV_CHECK(clv_accumulator_evaluate(a, 3, NULL, NULL) == CLV_OK);
  clv_accumulator_free(&a);
}

int main(int argc, char **argv) {
  static const uint64_t N[]   = {0, 1, 8192, 8193, 100000};
  clv_comm             *world = NULL, *alone = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK);
  CLV_CHECK(clv_comm_world(&world) == CLV_OK && clv_comm_self(&alone) == CLV_OK);
  for (int groups = 1; groups <= clv_comm_size(world); groups++) {
    clv_topology *topology = NULL;
    if (clv_comm_size(world) % groups != 0) continue;
    CLV_CHECK(clv_topology_new(world, groups, &topology) == CLV_OK);
    for (size_t i = 0; i < sizeof N / sizeof *N; i++) {
      same_bits_as_alone(clv_topology_shards(topology), alone, N[i], UINT64_MAX);
      if (N[i] > 0)
        same_bits_as_alone(clv_topology_shards(topology), alone, N[i], (N[i] - 1) / CLV_BLOCK_SIZE);
    }
    clv_topology_free(&topology);
  }
  a_sum_outside_is_its_chains_nan(world);
  no_sums(world);
  clv_comm_free(&alone);
  clv_comm_free(&world);
  clv_comm_finalize();
  return 0;
}
