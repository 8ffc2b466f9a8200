#ifndef CLV_ENGINE_SAMPLER_TARGET_H
#define CLV_ENGINE_SAMPLER_TARGET_H

#include "comm/accumulator.h"
#include "engine/models/model.h"

/** A model over the ranks that share its data: point in, log-density and gradient out. */
typedef struct clv_target clv_target;

/** @param shards, model  borrowed. Not collective. */
clv_status clv_target_new(const clv_comm *shards, const clv_model *model, size_t most_chains,
                          clv_target **out);
void       clv_target_free(clv_target **self);

size_t clv_target_n_dim(const clv_target *self);

/** One pass over the data and one allreduce for all n points. Collective over shards, synchronising.
 *  @param phi [n][dim] @param[out] log_density [n]  @param[out] gradient [n][dim] */
clv_status clv_target_evaluate(clv_target *self, size_t n, const double *phi, double *log_density,
                               double *gradient);

clv_accumulator_cost clv_target_cost(const clv_target *self);

#endif
