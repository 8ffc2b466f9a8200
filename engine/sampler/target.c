#include "engine/sampler/target.h"

#include <stdlib.h>

struct clv_target {
  const clv_model *model; /* borrowed */
  clv_accumulator *sums;  /* owned */
  double          *sum;   /* owned, [most_chains][n_sum] */
  size_t           n_dim;
  size_t           n_sum;
};

clv_status clv_target_new(const clv_comm *shards, const clv_model *model, size_t most_chains,
                          clv_target **out) {
  const clv_model_ops *ops  = model->ops;
  clv_target          *self = NULL;
  clv_status           st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->model = model;
  self->n_dim = ops->n_dim(model->self);
  self->n_sum = ops->n_sum(model->self);
  CLV_TRY(clv_calloc(most_chains * self->n_sum + 1, sizeof *self->sum, (void **)&self->sum));
  const clv_summand what = {.self    = model->self,
                            .n_block = ops->n_block(model->self),
                            .n_sum   = self->n_sum,
                            .n_dim   = self->n_dim,
                            .block   = ops->block};
  CLV_TRY(clv_accumulator_new(shards, &what, most_chains, &self->sums));
  *out = self, self = NULL;
out:
  clv_target_free(&self);
  return st;
}

void clv_target_free(clv_target **self) {
  if (self == NULL || *self == NULL) return;
  clv_accumulator_free(&(*self)->sums);
  free((*self)->sum);
  free(*self);
  *self = NULL;
}

size_t clv_target_n_dim(const clv_target *self) { return self->n_dim; }

clv_status clv_target_evaluate(clv_target *self, size_t n, const double *phi, double *log_density,
                               double *gradient) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_accumulator_evaluate(self->sums, n, phi, self->sum));
  for (size_t i = 0; i < n; i++)
    self->model->ops->finish(self->model->self, phi + i * self->n_dim, self->sum + i * self->n_sum,
                             &log_density[i], gradient + i * self->n_dim);
out:
  return st;
}

clv_accumulator_cost clv_target_cost(const clv_target *self) { return clv_accumulator_cost_get(self->sums); }
