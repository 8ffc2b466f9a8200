#include "jobs/plan_pass.h"

#include <math.h>
#include <stdlib.h>

#include "engine/sampler/target.h"
#include "jobs/fit_place.h"

enum { PASSES_FEWEST = 3, PASSES_MOST = 50 };
static const double SECONDS = 0.25;

clv_status clv_plan_pass_measure(const clv_comm *world, const char *portfolio, const clv_config *config,
                                 clv_plan_pass *out) {
  const size_t  n      = (size_t)config->sampler.num_chains;
  clv_fit_place place  = {0};
  clv_target   *target = NULL;
  double       *phi = NULL, *gradient = NULL, *log_density = NULL, best = INFINITY, all = 0.0;
  clv_status    st;
  CLV_TRY(clv_fit_place_new(world, portfolio, config, &place));
  const clv_model *model = &place.fit.model;
  const size_t     dim   = model->ops->n_dim(model->self);
  st                     = clv_alloc(n, dim * sizeof *phi, (void **)&phi);
  if (st == CLV_OK) st = clv_alloc(n, dim * sizeof *gradient, (void **)&gradient);
  if (st == CLV_OK) st = clv_alloc(n, sizeof *log_density, (void **)&log_density);
  if (st == CLV_OK) st = clv_target_new(clv_topology_shards(place.topology), model, n, &target);
  CLV_TRY(clv_comm_agree(world, st));
  for (size_t i = 0; i < n; i++) clv_model_start(model, config->sampler.seed, (uint32_t)i, phi + i * dim);
  for (int k = 0; k < PASSES_MOST && (k < PASSES_FEWEST || all < SECONDS); k++) {
    double seconds = clv_clock();
    CLV_TRY(clv_target_evaluate(target, n, phi, log_density, gradient));
    seconds = clv_clock() - seconds;
    clv_comm_max_f64(world, &seconds, 1);
    best = fmin(best, seconds);
    all += seconds;
  }
  *out =
      (clv_plan_pass){.seconds = best, .histories = (double)clv_portfolio_facts_get(place.portfolio)->n_cell};
out:
  clv_target_free(&target);
  free(phi), free(gradient), free(log_density);
  clv_fit_place_free(&place);
  return st;
}
