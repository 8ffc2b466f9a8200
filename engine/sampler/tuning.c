#include "engine/sampler/tuning.h"

#include <math.h>
#include <stdlib.h>

#include "engine/numerics/pinned.h"

clv_status clv_tuning_new(size_t dim, clv_tuning *out) {
  clv_slab   count = {0};
  clv_tuning self  = {0};
  clv_status st    = CLV_OK;
  clv_metric_cut(&count, dim, &self.metric);
  self.bytes = count.used;
  CLV_TRY(clv_calloc(1, count.used, (void **)&self.memory));
  clv_slab slab = {.base = (char *)self.memory};
  clv_metric_cut(&slab, dim, &self.metric);
  *out = self;
out:
  return st;
}

void clv_tuning_free(clv_tuning *self) {
  free(self->memory);
  self->memory = NULL;
}

clv_status clv_tuning_pool(clv_tuning *self, const clv_model *model, const clv_sampler_plan *plan,
                           void *records) {
  clv_chain        first = {0}, next = {0};
  clv_slab         slab     = {.base = records};
  double           log_step = 0, gradients = 0;
  bool             has_learnt;
  const bool       short_warmup = plan->num_warmup < CLV_WARMUP_FEWEST;
  clv_status       st           = CLV_OK;
  clv_metric_room *room         = NULL;
  CLV_TRY(clv_metric_room_new(self->metric.dim, &room));
  CLV_TRY(clv_chain_cut(&slab, model, plan, &first));
  clv_moments pooled = *clv_chain_moments(&first);
  log_step           = clv_chain_log_step(&first);
  gradients          = (double)clv_chain_n_gradient(&first);
  has_learnt         = clv_chain_has_learnt(&first);
  for (int i = 1; i < plan->num_chains; i++) {
    clv_chain_free(&next);
    CLV_TRY(clv_chain_cut(&slab, model, plan, &next));
    has_learnt = has_learnt && clv_chain_has_learnt(&next);
    clv_moments_pool(&pooled, clv_chain_moments(&next));
    gradients += (double)clv_chain_n_gradient(&next);
    log_step =
        short_warmup ? fmin(log_step, clv_chain_log_step(&next)) : log_step + clv_chain_log_step(&next);
  }
  clv_metric_copy(&first.metric, &self->metric);
  if (has_learnt) clv_metric_adapt(&self->metric, &pooled, room);
  self->log_step         = short_warmup ? log_step : log_step / plan->num_chains;
  self->warmup_gradients = gradients;
  self->settled          = true;
out:
  clv_metric_room_free(&room);
  clv_chain_free(&first);
  clv_chain_free(&next);
  return st;
}

void clv_tuning_copy(const clv_tuning *self, double *step_size, double *inverse) {
  const size_t dim = self->metric.dim, width = clv_metric_is_dense(dim) ? dim * dim : dim;
  *step_size = self->settled ? clv_exp(self->log_step) : (double)NAN;
  for (size_t i = 0; i < width && inverse != NULL; i++)
    inverse[i] = self->settled ? self->metric.inverse[i] : (double)NAN;
}
