#include "engine/models/latent_model.h"

clv_blocks clv_latent_blocks_of(uint64_t n, int rank, int size) {
  return clv_blocks_by(n, CLV_LATENT_BLOCK, rank, size);
}

clv_model clv_latent_model_hyper(const clv_latent_model *model) {
  return (clv_model){.ops = model->ops->hyper, .self = model->self};
}

void clv_latent_model_free(clv_latent_model *model) {
  if (model->ops != NULL && model->ops->hyper->free != NULL) model->ops->hyper->free(model->self);
  *model = (clv_latent_model){0};
}
