/* Draws, statistics and tuning have the same bits for any number of ranks, any chain groups, any cutting into
 * legs. The oracle is the same run of this rank alone. A chain that never moved would pass, so each must have
 * moved. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/sampler/densities.h"
#include "tests/unit/sampler/herd.h"

static clv_status run_herd(const clv_comm *world, const clv_topology *topology, const run *how,
                           run_draws *out) {
  clv_model  model = {0};
  clv_status st    = CLV_OK;
  CLV_TRY(clv_comm_agree(world, herd_new(clv_topology_shards(topology), &model)));
  CLV_TRY(run_model(world, &model, how, out));
out:
  clv_model_free(&model);
  return st;
}

static int differs(const run_draws *a, const run_draws *b) {
  const size_t rows = (size_t)a->n_chain * (size_t)a->n_draw;
  if (a->phi == NULL || b->phi == NULL) return 1;
  return memcmp(a->phi, b->phi, rows * a->dim * sizeof *a->phi) != 0 ||
         memcmp(a->stat, b->stat, rows * sizeof *a->stat) != 0 || a->step_size != b->step_size ||
         memcmp(a->inverse, b->inverse, a->dim * a->dim * sizeof *a->inverse) != 0;
}

/* A chain that stays where it is, or goes where the first one goes. */
static int is_frozen(const run_draws *a) {
  for (size_t c = 0; c < (size_t)a->n_chain; c++) {
    const double *from = a->phi + c * (size_t)a->n_draw * a->dim;
    size_t        same = 0;
    for (size_t t = 1; t < (size_t)a->n_draw; t++) same += from[t * a->dim] == from[(t - 1) * a->dim];
    if (same > (size_t)a->n_draw / 4) return 1;
    if (c > 0 && from[0] == a->phi[0]) return 1;
  }
  return 0;
}

static int check(const clv_comm *world, const clv_comm *alone, run how) {
  run_draws     serial = {0}, parallel = {0};
  clv_topology *topology = NULL, *one = NULL;
  int           bad   = 1;
  const run     plain = {.plan = how.plan, .groups = 1, .leg = 1000000};
  if (clv_topology_new(alone, 1, &one) < 0 || run_herd(alone, one, &plain, &serial) < 0) goto out;
  if (clv_topology_new(world, how.groups, &topology) < 0 || run_herd(world, topology, &how, &parallel) < 0)
    goto out;
  bad = differs(&serial, &parallel) || is_frozen(&serial);
out:
  if (bad)
    fprintf(stderr,
            "rank %d of %d: %d groups, %d chains, warm-up %d, legs of %d: other draws than alone %s\n",
            clv_comm_rank(world), clv_comm_size(world), how.groups, how.plan.num_chains, how.plan.num_warmup,
            how.leg, clv_message());
  run_draws_free(&serial), run_draws_free(&parallel);
  clv_topology_free(&topology), clv_topology_free(&one);
  return bad;
}

int main(int argc, char **argv) {
  static const run CASES[] = {{.plan = {5, 120, 60, 0.8, 8, 11}, .leg = 1000000},
                              {.plan = {4, 120, 60, 0.8, 8, 12}, .leg = 17},
                              {.plan = {4, 120, 60, 0.9, 3, 13}, .leg = 1},
                              {.plan = {3, 0, 40, 0.8, 8, 14}, .leg = 7},
                              {.plan = {1, 25, 40, 0.8, 8, 15}, .leg = 50}};
  clv_comm        *world = NULL, *alone = NULL;
  int              bad = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0 || clv_comm_self(&alone) < 0) return 1;
  for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++)
    for (int groups = 1; groups <= clv_comm_size(world); groups++) {
      run how    = CASES[k];
      how.groups = groups;
      if (clv_comm_size(world) % groups == 0) bad |= check(world, alone, how);
    }
  clv_comm_free(&alone);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
