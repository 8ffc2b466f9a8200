#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_LATENT_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_LATENT_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/latent_model.h"

/** Every customer's amounts, this rank's blocks (clv_latent_blocks_of) in the portfolio's order. Arrays
 * [blocks.last - blocks.first], borrowed during the constructor. */
typedef struct clv_amounts {
  clv_blocks      blocks;
  const uint32_t *n;        /* 0: this customer tells nothing, and the next two are not read */
  const double   *mean;     /* > 0, in currency */
  const double   *mean_log; /* mean of the amounts' logs */
  double          rescale_factor;
} clv_amounts;

/** gamma_value with customers' shape alpha_i and rate beta_i sampled: the posterior of clv_gamma_value_new
 * over one population, without its grid. Reports log_alpha and log_beta (of an amount in currency) of every
 * customer; whoever has no amounts is a draw from the population. Coordinates are those of
 * gamma_value_latent_kernel.h. Collective over comm.
 *  @param priors  overrides by parameter; may be NULL @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_gamma_value_latent_new(const clv_comm *comm, const clv_amounts *amounts,
                                      const clv_prior_texts *priors, clv_latent_model *out);

#endif
