#include "engine/models/latent_model.h"

#include <stddef.h>

clv_blocks clv_latent_blocks_of(uint64_t n, int rank, int size) {
  return clv_blocks_by(n, CLV_LATENT_BLOCK, rank, size);
}

const char *clv_latent_model_ops_fault(const clv_latent_model_ops *ops) {
  if (ops == NULL) return "table of customers' own parameters is NULL";
  if (ops->abi != CLV_LATENT_ABI || (ops->hyper != NULL && ops->hyper->abi != CLV_MODEL_ABI))
    return "table of customers' own parameters has another ABI version than this program; compile it again";
  const clv_model_ops *h = ops->hyper;
  if (h == NULL || h->name == NULL || h->n_dim == NULL || h->n_sum == NULL || h->finish == NULL ||
      h->n_variable == NULL || h->variable == NULL || h->constrain == NULL || ops->n_latent == NULL ||
      ops->blocks == NULL || ops->block == NULL || ops->latent_name == NULL || ops->latent_constrain == NULL)
    return "table of customers' own parameters lacks a required entry (it is NULL); see "
           "engine/models/latent_model.h";
  if ((h->n_block == NULL) != (h->block == NULL)) return "hyper has one of n_block and block alone";
  return NULL;
}

clv_model clv_latent_model_hyper(const clv_latent_model *model) {
  return (clv_model){.ops = model->ops->hyper, .self = model->self};
}

void clv_latent_model_free(clv_latent_model *model) {
  if (model->ops != NULL && model->ops->hyper->free != NULL) model->ops->hyper->free(model->self);
  *model = (clv_latent_model){0};
}
