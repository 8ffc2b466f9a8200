#include "engine/models/model.h"

void clv_model_free(clv_model *model) {
  if (model->ops != NULL && model->ops->free != NULL) model->ops->free(model->self);
  model->ops  = NULL;
  model->self = NULL;
}

size_t clv_model_n_value(const clv_model *model) {
  size_t       total = 0;
  const size_t n     = model->ops->n_variable(model->self);
  for (size_t i = 0; i < n; i++) {
    clv_variable variable;
    model->ops->variable(model->self, i, &variable);
    total += variable.length;
  }
  return total;
}

void clv_model_start(const clv_model *model, uint64_t seed, uint32_t chain, double *phi) {
  clv_rng      rng = clv_rng_at(seed, CLV_RNG_START, 0, chain, 0);
  const size_t n   = model->ops->n_dim(model->self);
  if (model->ops->start != NULL) {
    model->ops->start(model->self, &rng, phi);
    return;
  }
  for (size_t i = 0; i < n; i++) phi[i] = 2.0 * clv_rng_uniform(&rng) - 1.0;
}

const char *clv_model_ops_fault(const clv_model_ops *ops) {
  if (ops == NULL) return "model table is NULL";
  if (ops->abi != CLV_MODEL_ABI)
    return "model table has another ABI version than this program; compile it again";
  if (ops->name == NULL || ops->n_dim == NULL || ops->n_sum == NULL || ops->n_block == NULL ||
      ops->block == NULL || ops->finish == NULL || ops->n_variable == NULL || ops->variable == NULL ||
      ops->constrain == NULL)
    return "model table lacks a required entry (it is NULL); see engine/models/model.h";
  return NULL;
}
