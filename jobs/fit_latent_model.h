#ifndef CLV_JOBS_FIT_LATENT_MODEL_H
#define CLV_JOBS_FIT_LATENT_MODEL_H

#include "engine/models/data.h"
#include "engine/models/latent_model.h"
#include "io/config.h"
#include "io/portfolio.h"

/** model.integrate: none. Which parts of the configured model have their customers sampled? Pure. */
bool clv_fit_samples_purchases(const clv_config *config);
bool clv_fit_samples_spend(const clv_config *config);

/** Such a part over this rank's customers, one by one: nothing is merged where each has parameters of his
 * own. Collective over shards, the portfolio's communicator.
 *  @param[out] out  owned by the caller @return CLV_EUSAGE for segments and covariates, which it does not
 * take, and for a prior that cannot be read */
clv_status clv_fit_latent_purchases(const clv_comm *shards, const clv_portfolio *portfolio,
                                    const clv_config *config, const clv_prior_texts *priors,
                                    clv_latent_model *out);
/** @param[out] n_spends  customers who inform it, over all ranks */
clv_status clv_fit_latent_spend(const clv_comm *shards, const clv_portfolio *portfolio,
                                const clv_config *config, const clv_prior_texts *priors, uint64_t *n_spends,
                                clv_latent_model *out);

#endif
