#include "ranks.h"

#include <stdlib.h>
#include <string.h>

clv_status ranks_count(const clv_topology *topology, const clv_model *model, const clv_sampler_plan *plan,
                       int thin, const double *truth, int *rank) {
  const size_t n_value = clv_model_n_value(model);
  clv_sampler *sampler = NULL;
  double      *value   = NULL;
  clv_leg      leg;
  clv_status   st = CLV_OK;
  memset(rank, 0, n_value * sizeof *rank);
  CLV_TRY(clv_alloc(n_value, sizeof *value, (void **)&value));
  CLV_TRY(clv_sampler_new(topology, model, plan, &sampler));
  do CLV_TRY(clv_sampler_run(sampler, plan->num_warmup, NULL, &leg));
  while (leg.warmup && leg.first + leg.n_draw < plan->num_warmup);
  CLV_TRY(clv_sampler_run(sampler, plan->num_samples, NULL, &leg));
  for (int c = 0; c < plan->num_chains; c++)
    for (int d = thin - 1; d < leg.n_draw; d += thin) {
      model->ops->constrain(model->self, leg.phi + ((size_t)c * (size_t)leg.n_draw + (size_t)d) * leg.dim,
                            value);
      for (size_t j = 0; j < n_value; j++) rank[j] += value[j] < truth[j];
    }
out:
  free(value);
  clv_sampler_free(&sampler);
  return st;
}
