#ifndef CLV_JOBS_FIT_MODEL_H
#define CLV_JOBS_FIT_MODEL_H

#include "comm/topology.h"
#include "engine/models/latent_model.h"
#include "engine/models/model.h"
#include "io/config.h"
#include "io/portfolio.h"
#include "jobs/plugin_rows.h"
#include "jobs/plugin.h"

/** The configured model over a portfolio: this rank's blocks of it. */
typedef struct clv_fit_model {
  clv_model                   model;     /* owned; with customers sampled, its hyperparameters' face */
  const clv_latent_model_ops *latent;    /* NULL where customers are integrated out */
  uint64_t                    n_spends;  /* customers who inform the built-in spend model, over all ranks */
  bool                        has_spend; /* it has a built-in spend model */
  char                        name[2 * CLV_NAME_MAX + 4]; /* "bg_nbd + gamma_gamma" */
  clv_plugin_host            *plugin;                     /* owned; NULL: none */
  clv_plugin_rows            *rows;                       /* owned: what the plug-in's model borrows */
} clv_fit_model;

/** Reads what this rank owns of the portfolio and builds the joint model of purchases and spend. Collective
 * over `shards`, which is the portfolio's communicator.
 *  @return CLV_EUSAGE for a prior of an unknown parameter or density */
clv_status clv_fit_model_new(const clv_comm *shards, const clv_portfolio *portfolio, const clv_config *config,
                             clv_fit_model *out);
void       clv_fit_model_free(clv_fit_model *self);

/** Whether the spend model is fitted to customer i of columns that were read. Not collective. */
bool clv_fit_informs_spend(const clv_customer_columns *c, uint64_t i, int min_transactions);

#endif
