#ifndef CLV_ENGINE_MODELS_LOGNORMAL_LATENT_H
#define CLV_ENGINE_MODELS_LOGNORMAL_LATENT_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/latent_model.h"

/** Customers' histories, this rank's blocks (clv_latent_blocks_of) in the portfolio's order. Arrays
 * [blocks.last - blocks.first], borrowed during the constructor. */
typedef struct clv_histories {
  clv_blocks      blocks;
  const uint32_t *x;
  const double   *t_x, *T;
} clv_histories;

/** pareto_nbd_lognormal with customers' (log lambda, log mu) sampled: the posterior of
 * clv_pareto_nbd_lognormal_new over one population, without its grid. Coordinates are those of
 * lognormal_centring.h. Collective over comm.
 *  @param priors  overrides by parameter; may be NULL @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_lognormal_latent_new(const clv_comm *comm, const clv_histories *histories,
                                    const clv_prior_texts *priors, clv_latent_model *out);

#endif
