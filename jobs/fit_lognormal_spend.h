#ifndef CLV_JOBS_FIT_LOGNORMAL_SPEND_H
#define CLV_JOBS_FIT_LOGNORMAL_SPEND_H

#include "engine/models/data.h"
#include "engine/models/model.h"
#include "io/config.h"
#include "io/portfolio.h"

/** model.spend: lognormal: pareto_nbd_lognormal with spend as its third dimension, over this rank's customers
 * one by one. Collective over shards, the portfolio's communicator.
 *  @param[out] n_spends  customers whose amounts inform it, over all ranks
 *  @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_fit_lognormal_spend(const clv_comm *shards, const clv_portfolio *portfolio,
                                   const clv_config *config, const clv_prior_texts *priors,
                                   uint64_t *n_spends, clv_model *out);

#endif
