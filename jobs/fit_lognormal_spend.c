#include "jobs/fit_lognormal_spend.h"

#include <stdlib.h>

#include "engine/models/pareto_nbd_lognormal.h"
#include "jobs/covariates.h"
#include "jobs/fit_model.h"

/* What the model is made of, this rank's customers. */
typedef struct source {
  clv_customer_columns   columns; /* owned */
  clv_coded              coded;   /* owned */
  clv_lognormal_amounts *amounts; /* owned */
} source;

static void source_free(source *self) {
  free(self->amounts);
  clv_customer_columns_free(&self->columns);
  clv_coded_free(&self->coded);
}

static clv_status customers_code(const clv_portfolio *portfolio, const clv_config *config, source *s) {
  const clv_process_ops *process = &CLV_LOGNORMAL_SPEND_PROCESS;
  clv_covariate_choice   choice;
  clv_status             st = CLV_OK;
  CLV_TRY(clv_covariate_choice_make(config, portfolio, &choice));
  clv_coded_begin(&choice, portfolio, process->effect, process->n_effect, &s->coded);
  CLV_TRY(clv_coded_alloc(&s->coded, s->columns.n));
  for (uint64_t i = 0; i < s->columns.n && s->coded.covariates.n > 0; i++)
    clv_coded_set(&s->coded, i, s->columns.covariate + i * choice.n_all);
out:
  return st;
}

/* Of those who inform the spend model; the others have none. @return how many */
static int64_t amounts_fill(const clv_config *config, source *s) {
  const clv_customer_columns *c     = &s->columns;
  int64_t                     count = 0;
  for (uint64_t i = 0; i < c->n; i++) {
    if (!clv_fit_informs_spend(c, i, config->data.min_transactions) || c->n_spend[i] == 0) continue;
    s->amounts[i] = (clv_lognormal_amounts){c->n_spend[i], c->log_spend[i], c->log_spend_ss[i]};
    count++;
  }
  return count;
}

clv_status clv_fit_lognormal_spend(const clv_comm *shards, const clv_portfolio *portfolio,
                                   const clv_config *config, const clv_prior_texts *priors,
                                   uint64_t *n_spends, clv_model *out) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(portfolio);
  const clv_blocks blocks = clv_blocks_of(facts->n_customer, clv_comm_rank(shards), clv_comm_size(shards));
  const bool       has_segments = config->model.pooling != CLV_POOLING_COMPLETE;
  source           s            = {0};
  clv_status       st =
      clv_portfolio_read_customers(portfolio, blocks.first, blocks.last - blocks.first, &s.columns);
  if (st != CLV_OK) goto out;
  st = customers_code(portfolio, config, &s);
  if (st == CLV_OK) st = clv_calloc(s.columns.n + 1, sizeof *s.amounts, (void **)&s.amounts);
  CLV_TRY(clv_comm_agree(shards, st));
  int64_t count = amounts_fill(config, &s);
  clv_comm_sum_i64(shards, &count, 1);
  *n_spends                     = (uint64_t)count;
  const clv_cells         cells = {.blocks     = blocks,
                                   .segment    = has_segments ? s.columns.segment : NULL,
                                   .x          = s.columns.x,
                                   .t_x        = s.columns.t_x,
                                   .T          = s.columns.T,
                                   .n_segment  = has_segments ? (size_t)facts->n_segment : 1,
                                   .pooled     = config->model.pooling == CLV_POOLING_PARTIAL,
                                   .covariates = s.coded.covariates.n > 0 ? &s.coded.covariates : NULL};
  const clv_purchase_data data  = {.comm = shards, .cells = &cells, .priors = priors};
  /* freed behind out: */
  /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
  CLV_TRY(clv_pareto_nbd_lognormal_spend_new(&data, s.amounts, out));
out:
  source_free(&s);
  return st;
}
