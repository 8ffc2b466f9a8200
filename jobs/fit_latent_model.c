#include "jobs/fit_latent_model.h"

#include <stdlib.h>
#include <string.h>

#include "engine/models/gamma_value_latent.h"
#include "engine/models/lognormal_latent.h"
#include "jobs/covariates.h"
#include "jobs/fit_model.h"

bool clv_fit_samples_purchases(const clv_config *config) {
  return config->model.integrate == CLV_INTEGRATE_NONE &&
         strcmp(config->model.purchases, "pareto_nbd_lognormal") == 0;
}

bool clv_fit_samples_spend(const clv_config *config) {
  return config->model.integrate == CLV_INTEGRATE_NONE && strcmp(config->model.spend, "gamma_value") == 0;
}

/* The same on every rank. */
static clv_status population_check(const clv_portfolio *portfolio, const clv_config *config) {
  if (config->model.pooling == CLV_POOLING_COMPLETE || clv_portfolio_facts_get(portfolio)->n_segment <= 1)
    return CLV_OK;
  return clv_fail(CLV_EUSAGE,
                  "model.integrate: none samples one population; set model.pooling: complete, or "
                  "remove customers.segment");
}

static clv_status covariates_check(size_t n_chosen, const char *keys) {
  if (n_chosen == 0) return CLV_OK;
  return clv_fail(CLV_EUSAGE, "model.integrate: 'none' takes no covariates; set %s to []", keys);
}

static clv_status customers_read(const clv_comm *shards, const clv_portfolio *portfolio, clv_blocks *blocks,
                                 clv_customer_columns *out) {
  *blocks = clv_latent_blocks_of(clv_portfolio_facts_get(portfolio)->n_customer, clv_comm_rank(shards),
                                 clv_comm_size(shards));
  return clv_portfolio_read_customers(portfolio, blocks->first, blocks->last - blocks->first, out);
}

clv_status clv_fit_latent_purchases(const clv_comm *shards, const clv_portfolio *portfolio,
                                    const clv_config *config, const clv_prior_texts *priors,
                                    clv_latent_model *out) {
  clv_customer_columns columns = {0};
  clv_blocks           blocks;
  clv_covariate_choice choice;
  clv_status           st = CLV_OK;
  CLV_TRY(clv_covariate_choice_make(config, portfolio, &choice));
  CLV_TRY(covariates_check(choice.n[CLV_ON_PURCHASES] + choice.n[CLV_ON_DROPOUT],
                           "model.covariates.purchases and model.covariates.dropout"));
  CLV_TRY(population_check(portfolio, config));
  CLV_TRY(customers_read(shards, portfolio, &blocks, &columns));
  const clv_histories histories = {.blocks = blocks, .x = columns.x, .t_x = columns.t_x, .T = columns.T};
  CLV_TRY(clv_lognormal_latent_new(shards, &histories, priors, out));
out:
  clv_customer_columns_free(&columns);
  return st;
}

clv_status clv_fit_latent_spend(const clv_comm *shards, const clv_portfolio *portfolio,
                                const clv_config *config, const clv_prior_texts *priors, uint64_t *n_spends,
                                clv_latent_model *out) {
  clv_customer_columns columns = {0};
  uint32_t            *n       = NULL;
  int64_t              count   = 0;
  clv_blocks           blocks;
  clv_covariate_choice choice;
  clv_status           st = CLV_OK;
  CLV_TRY(clv_covariate_choice_make(config, portfolio, &choice));
  CLV_TRY(covariates_check(choice.n[CLV_ON_SPEND], "model.covariates.spend"));
  CLV_TRY(population_check(portfolio, config));
  CLV_TRY(customers_read(shards, portfolio, &blocks, &columns));
  CLV_TRY(clv_comm_agree(shards, clv_calloc(columns.n + 1, sizeof *n, (void **)&n)));
  for (uint64_t i = 0; i < columns.n; i++) {
    if (clv_fit_informs_spend(&columns, i, config->data.min_transactions)) n[i] = columns.n_spend[i];
    count += n[i] > 0;
  }
  clv_comm_sum_i64(shards, &count, 1);
  *n_spends                 = (uint64_t)count;
  const clv_amounts amounts = {.blocks         = blocks,
                               .n              = n,
                               .mean           = columns.positive_spend,
                               .mean_log       = columns.log_spend,
                               .rescale_factor = config->data.rescale_factor};
  CLV_TRY(clv_gamma_value_latent_new(shards, &amounts, priors, out));
out:
  clv_customer_columns_free(&columns);
  free(n);
  return st;
}
