#ifndef CLV_ENGINE_SAMPLER_TUNING_H
#define CLV_ENGINE_SAMPLER_TUNING_H

#include "engine/sampler/chains.h"

/** What the warm-up of all chains has arrived at: one step size and one metric. */
typedef struct clv_tuning {
  bool       settled; /* the warm-up is over; before, the rest means nothing */
  double     log_step;
  double     warmup_gradients; /* over all chains */
  clv_metric metric;           /* a view on memory */
  double    *memory;           /* owned */
  size_t     bytes;            /* of memory */
} clv_tuning;

clv_status clv_tuning_new(size_t dim, clv_tuning *out);
void       clv_tuning_free(clv_tuning *self);

/** Pool: the mean of the chains' log step sizes (the smallest where the warm-up was too short to adapt them,
 * so that no chain is stuck at its start), and the metric of their moments within chains added in chain order
 * (the first chain's metric where too few draws were collected). Not collective.
 *  @param records  [num_chains] of clv_chains_record_bytes(…, 0) @return CLV_ENOMEM */
clv_status clv_tuning_pool(clv_tuning *self, const clv_model *model, const clv_sampler_plan *plan,
                           void *records);

/** @param[out] inverse  as clv_sampler_tuning, may be NULL; NaN before the end of the warm-up, as *step_size
 * is */
void clv_tuning_copy(const clv_tuning *self, double *step_size, double *inverse);

#endif
