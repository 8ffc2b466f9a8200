#include "jobs/plugin_rows.h"

#include <stdlib.h>

#include "comm/exact_sum.h"

struct clv_plugin_rows {
  clv_cell_columns      cells;     /* owned */
  clv_customer_columns  customers; /* owned */
  clv_prior_text       *prior;     /* owned */
  clv_plugin_option    *option;    /* owned */
  const char          **segment;   /* owned array, borrowed names */
  clv_plugin_covariate *covariate; /* owned, borrowed names */
  clv_plugin_data       data;
};

clv_plugin_cells clv_plugin_cells_view(const clv_cell_columns *columns, size_t n_covariate, size_t first,
                                       size_t last) {
  if (first == last) return (clv_plugin_cells){0};
  return (clv_plugin_cells){
      .n         = last - first,
      .segment   = columns->segment + first,
      .x         = columns->x + first,
      .t_x       = columns->t_x + first,
      .T         = columns->T + first,
      .count     = columns->count + first,
      .covariate = columns->covariate == NULL ? NULL : columns->covariate + first * n_covariate};
}

clv_plugin_customers clv_plugin_customers_view(const clv_customer_columns *columns, size_t n_covariate,
                                               size_t first, size_t last) {
  if (first == last) return (clv_plugin_customers){0};
  return (clv_plugin_customers){
      .n              = last - first,
      .segment        = columns->segment + first,
      .x              = columns->x + first,
      .t_x            = columns->t_x + first,
      .T              = columns->T + first,
      .spend          = columns->spend + first,
      .litt           = columns->litt + first,
      .n_spend        = columns->n_spend + first,
      .positive_spend = columns->positive_spend + first,
      .log_spend      = columns->log_spend + first,
      .log_spend_ss   = columns->log_spend_ss + first,
      .covariate      = columns->covariate == NULL ? NULL : columns->covariate + first * n_covariate};
}

clv_status clv_plugin_settings(const clv_config *config, clv_prior_text **prior, clv_plugin_option **option) {
  const clv_pairs   *priors = &config->model.priors, *options = &config->model.plugin_options;
  clv_prior_text    *p = NULL;
  clv_plugin_option *o = NULL;
  clv_status         st;
  CLV_TRY(clv_alloc(priors->n + 1, sizeof *p, (void **)&p));
  CLV_TRY(clv_alloc(options->n + 1, sizeof *o, (void **)&o));
  for (size_t k = 0; k < priors->n; k++)
    p[k] = (clv_prior_text){.name = priors->item[k].name, .text = priors->item[k].text};
  for (size_t k = 0; k < options->n; k++)
    o[k] = (clv_plugin_option){.name = options->item[k].name, .text = options->item[k].text};
  *prior = p, *option = o;
  return CLV_OK;
out:
  free(p);
  free(o);
  return st;
}

enum { CUSTOMERS, AGES, SPENDERS, SPENDS, N_SUM };

/* Exact sums, so that the scales have the same bits on any number of ranks. */
static clv_status scales_find(const clv_comm *shards, unsigned reads, const clv_plugin_data *data,
                              double *mean_T, double *mean_spend) {
  const clv_plugin_cells     *cell    = &data->cells;
  const clv_plugin_customers *who     = &data->customers;
  const bool                  by_cell = (reads & CLV_PLUGIN_CELLS) != 0;
  clv_exact_sum              *sum     = NULL;
  double                      total[N_SUM];
  clv_status                  st = clv_comm_agree(shards, clv_exact_sum_new(N_SUM, &sum));
  if (st < 0) return st;
  for (size_t i = 0; i < cell->n; i++) {
    clv_exact_sum_add_at(sum, CUSTOMERS, cell->count[i]);
    clv_exact_sum_add_at(sum, AGES, cell->count[i] * cell->T[i]);
  }
  for (size_t i = 0; i < who->n; i++) {
    const bool spends = who->x[i] > 0 && who->spend[i] > 0.0;
    clv_exact_sum_add_at(sum, CUSTOMERS, by_cell ? 0.0 : 1.0);
    clv_exact_sum_add_at(sum, AGES, by_cell ? 0.0 : who->T[i]);
    clv_exact_sum_add_at(sum, SPENDERS, spends ? 1.0 : 0.0);
    clv_exact_sum_add_at(sum, SPENDS, spends ? who->spend[i] : 0.0);
  }
  CLV_TRY(clv_exact_sum_total(sum, shards, total));
  *mean_T     = total[CUSTOMERS] > 0.0 ? total[AGES] / total[CUSTOMERS] : 1.0;
  *mean_spend = total[SPENDERS] > 0.0 ? total[SPENDS] / total[SPENDERS] : 0.0;
out:
  clv_exact_sum_free(&sum);
  return st;
}

static clv_status names_take(const clv_portfolio *portfolio, clv_plugin_rows *self) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(portfolio);
  clv_status                 st;
  CLV_TRY(clv_alloc(facts->n_segment + 1, sizeof *self->segment, (void **)&self->segment));
  CLV_TRY(clv_alloc(facts->n_covariate + 1, sizeof *self->covariate, (void **)&self->covariate));
  for (size_t i = 0; i < facts->n_segment; i++) self->segment[i] = clv_portfolio_segment(portfolio, i);
  for (size_t i = 0; i < facts->n_covariate; i++) {
    const clv_covariate *c = clv_portfolio_covariate(portfolio, i);
    self->covariate[i]     = (clv_plugin_covariate){c->name, c->center, c->scale};
  }
out:
  return st;
}

static clv_status rows_begin(const clv_portfolio *portfolio, const clv_config *config,
                             clv_plugin_rows **out) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(portfolio);
  clv_plugin_rows           *self  = NULL;
  clv_status                 st    = clv_calloc(1, sizeof *self, (void **)&self);
  if (st < 0) return st;
  CLV_TRY(names_take(portfolio, self));
  CLV_TRY(clv_plugin_settings(config, &self->prior, &self->option));
  self->data.facts = (clv_plugin_facts){.n_customer       = facts->n_customer,
                                        .n_segment        = (size_t)facts->n_segment,
                                        .segment          = self->segment,
                                        .n_covariate      = (size_t)facts->n_covariate,
                                        .covariate        = self->covariate,
                                        .time_unit        = facts->time_unit,
                                        .rescale_factor   = config->data.rescale_factor,
                                        .min_transactions = config->data.min_transactions};
  self->data.prior = self->prior, self->data.n_prior = config->model.priors.n;
  self->data.option = self->option, self->data.n_option = config->model.plugin_options.n;
  *out = self, self = NULL;
out:
  clv_plugin_rows_free(&self);
  return st;
}

clv_status clv_plugin_rows_read(const clv_comm *shards, const clv_portfolio *portfolio,
                                const clv_config *config, const clv_plugin *plugin, clv_plugin_rows **out) {
  const unsigned             reads = plugin->reads;
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(portfolio);
  const int                  rank = clv_comm_rank(shards), size = clv_comm_size(shards);
  clv_plugin_rows           *self = NULL;
  clv_status                 st   = CLV_OK;
  CLV_TRY(clv_comm_agree(shards, rows_begin(portfolio, config, &self)));
  if ((reads & CLV_PLUGIN_CELLS) != 0) {
    const clv_blocks b = clv_blocks_of(facts->n_cell, rank, size);
    CLV_TRY(clv_portfolio_read_cells(portfolio, b.first, b.last - b.first, &self->cells));
    self->data.cells =
        clv_plugin_cells_view(&self->cells, (size_t)facts->n_covariate, 0, (size_t)self->cells.n);
  }
  if ((reads & CLV_PLUGIN_CUSTOMERS) != 0) {
    const clv_blocks b = plugin->latent != NULL ? clv_latent_blocks_of(facts->n_customer, rank, size)
                                                : clv_blocks_of(facts->n_customer, rank, size);
    self->data.blocks  = b;
    CLV_TRY(clv_portfolio_read_customers(portfolio, b.first, b.last - b.first, &self->customers));
    self->data.customers =
        clv_plugin_customers_view(&self->customers, (size_t)facts->n_covariate, 0, (size_t)self->customers.n);
  }
  CLV_TRY(scales_find(shards, reads, &self->data, &self->data.facts.mean_T, &self->data.facts.mean_spend));
  *out = self, self = NULL;
out:
  clv_plugin_rows_free(&self);
  return st;
}

void clv_plugin_rows_free(clv_plugin_rows **self) {
  if (self == NULL || *self == NULL) return;
  clv_cell_columns_free(&(*self)->cells);
  clv_customer_columns_free(&(*self)->customers);
  free((*self)->prior);
  free((*self)->option);
  free((*self)->segment);
  free((*self)->covariate);
  free(*self);
  *self = NULL;
}

const clv_plugin_data *clv_plugin_rows_data(const clv_plugin_rows *self) { return &self->data; }
