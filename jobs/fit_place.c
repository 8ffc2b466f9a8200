#include "jobs/fit_place.h"

#include <stdlib.h>

#include "engine/sampler/target.h"

/* A group that holds more than this per rank would trade memory, which may end, for a reduction of
 * microseconds. */
#define GROUP_BYTES_MOST (UINT64_C(2) << 30)

enum { PASSES_TIMED = 5 };

void clv_fit_place_free(clv_fit_place *self) {
  clv_fit_model_free(&self->fit);
  clv_portfolio_close(&self->portfolio);
  clv_topology_free(&self->topology);
}

static clv_status place_with(const clv_comm *world, const char *path, const clv_config *config, int groups,
                             clv_fit_place *out) {
  clv_fit_place place = {0};
  clv_status    st    = CLV_OK;
  CLV_TRY(clv_topology_new(world, groups, &place.topology));
  CLV_TRY(
      clv_comm_agree(world, clv_portfolio_open(clv_topology_shards(place.topology), path, &place.portfolio)));
  CLV_TRY(clv_comm_agree(
      world, clv_fit_model_new(clv_topology_shards(place.topology), place.portfolio, config, &place.fit)));
  *out  = place;
  place = (clv_fit_place){0};
out:
  clv_fit_place_free(&place);
  return st;
}

/* Seconds of a pass over the whole portfolio for one chain, and of a reduction: the slowest rank's. */
static clv_status cost_measure(const clv_comm *world, const clv_fit_place *place, double *pass,
                               double *reduce) {
  const clv_model *model  = &place->fit.model;
  const size_t     dim    = model->ops->n_dim(model->self);
  clv_target      *target = NULL;
  double          *room   = NULL, seconds[2], log_density;
  clv_status       st     = clv_alloc(2 * dim, sizeof *room, (void **)&room);
  if (st == CLV_OK) st = clv_target_new(clv_topology_shards(place->topology), model, 1, &target);
  CLV_TRY(clv_comm_agree(world, st));
  clv_model_start(model, 1, 0, room);
  for (int i = 0; i < PASSES_TIMED; i++)
    CLV_TRY(clv_target_evaluate(target, 1, room, &log_density, room + dim));
  const clv_accumulator_cost cost = clv_target_cost(target);
  seconds[0]                      = cost.pass_seconds / PASSES_TIMED;
  seconds[1]                      = cost.reduce_seconds / PASSES_TIMED;
  clv_comm_max_f64(world, seconds, 2);
  *pass   = seconds[0] * clv_comm_size(world);
  *reduce = seconds[1];
out:
  clv_target_free(&target);
  free(room);
  return st;
}

static int groups_that_fit(const clv_portfolio_facts *facts, int size, int groups) {
  const uint64_t bytes = 32 * facts->n_cell + 16 * facts->n_customer;
  while (groups > 1 && bytes / (uint64_t)(size / groups) > GROUP_BYTES_MOST)
    groups = clv_topology_groups_most(size, groups - 1);
  return groups;
}

clv_status clv_fit_place_new(const clv_comm *world, const char *path, const clv_config *config,
                             clv_fit_place *out) {
  const int size = clv_comm_size(world), chains = config->sampler.num_chains,
            asked     = config->sampler.chain_groups;
  clv_fit_place place = {0};
  double        pass = 0.0, reduce = 0.0;
  int           groups = asked > 0 ? clv_topology_groups_most(size, asked < chains ? asked : chains) : 1;
  clv_status    st     = CLV_OK;
  CLV_TRY(place_with(world, path, config, groups, &place));
  if (place.fit.latent != NULL) { /* chains take turns: every rank holds its own customers */
    groups = 1;
  } else if (asked == 0 && size > 1) {
    CLV_TRY(cost_measure(world, &place, &pass, &reduce));
    groups = clv_topology_groups_auto(size, chains, pass, reduce);
    groups = groups_that_fit(clv_portfolio_facts_get(place.portfolio), size, groups);
  }
  if (groups != clv_topology_n_group(place.topology)) {
    clv_fit_place_free(&place);
    CLV_TRY(place_with(world, path, config, groups, &place));
  }
  *out  = place;
  place = (clv_fit_place){0};
out:
  clv_fit_place_free(&place);
  return st;
}
