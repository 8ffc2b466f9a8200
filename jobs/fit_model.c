#include "jobs/fit_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/gamma_value.h"
#include "engine/models/joint.h"
#include "engine/models/purchases.h"
#include "jobs/covariates.h"
#include "jobs/fit_latent_model.h"
#include "jobs/fit_lognormal_spend.h"

enum { CUSTOMERS_AT_ONCE = 1 << 20 };

/* Customers of the spend model, this rank's blocks. */
typedef struct spend_columns {
  uint32_t *segment, *x; /* owned */
  double   *mean;        /* owned */
  clv_coded coded;       /* owned: covariates that act on spend */
  double   *mean_log;    /* owned */
  uint64_t  n_all;
} spend_columns;

/* On the wire, followed by the covariates of the portfolio. */
typedef struct spend_record {
  uint64_t index; /* among all that inform the spend model */
  double   mean, mean_log;
  uint32_t segment, x;
} spend_record;

static void spend_columns_free(spend_columns *self) {
  free(self->segment);
  free(self->x);
  free(self->mean);
  clv_coded_free(&self->coded);
  free(self->mean_log);
}

bool clv_fit_informs_spend(const clv_customer_columns *c, uint64_t i, int min_transactions) {
  return c->x[i] > 0 && (int64_t)c->x[i] + 1 >= min_transactions && c->spend[i] > 0.0 &&
         isfinite(c->spend[i]);
}

/* Calls `with` on the spenders of this rank's slice of customers, in chunks of bounded size. Collective. */
typedef clv_status (*spender_visit)(void *context, const clv_customer_columns *c, uint64_t i);

static clv_status spenders_visit(const clv_comm *shards, const clv_portfolio *portfolio, int min_transactions,
                                 spender_visit with, void *context) {
  uint64_t   first, last;
  int64_t    rounds;
  clv_status st = CLV_OK;
  clv_slice_of(clv_portfolio_facts_get(portfolio)->n_customer, clv_comm_rank(shards), clv_comm_size(shards),
               &first, &last);
  rounds = (int64_t)((last - first + CUSTOMERS_AT_ONCE - 1) / CUSTOMERS_AT_ONCE);
  clv_comm_max_i64(shards, &rounds, 1); /* reading is collective: everyone takes part in every round */
  for (int64_t round = 0; round < rounds; round++) {
    clv_customer_columns c    = {0};
    const uint64_t       from = first + (uint64_t)round * CUSTOMERS_AT_ONCE < last
                                    ? first + (uint64_t)round * CUSTOMERS_AT_ONCE
                                    : last;
    const uint64_t       n    = last - from < CUSTOMERS_AT_ONCE ? last - from : CUSTOMERS_AT_ONCE;
    CLV_TRY(clv_portfolio_read_customers(portfolio, from, n, &c));
    for (uint64_t i = 0; i < n && st == CLV_OK; i++)
      if (clv_fit_informs_spend(&c, i, min_transactions)) st = with(context, &c, i);
    clv_customer_columns_free(&c);
    CLV_TRY(clv_comm_agree(shards, st));
  }
out:
  return st;
}

static clv_status spender_count(void *context, const clv_customer_columns *c, uint64_t i) {
  ++((int64_t *)context)[c->segment[i]];
  return CLV_OK;
}

/* Where this rank's next spender of a segment stands among all, and who holds that place. */
typedef struct segment_place {
  int64_t next;
  int     owner;
} segment_place;

typedef struct sender {
  clv_shuffle   *shuffle;
  segment_place *place; /* owned [n_segment] */
  uint64_t       n_all;
  int            size;
  bool           by_amount; /* the model is one of single amounts: the positive ones */
} sender;

/* Owners hold whole blocks; a segment's places only go up, so the owner is found by stepping. */
static clv_status spender_send(void *context, const clv_customer_columns *c, uint64_t i) {
  sender            *s      = context;
  segment_place     *place  = &s->place[c->segment[i]];
  const spend_record record = {.index    = (uint64_t)place->next++,
                               .mean     = s->by_amount ? c->positive_spend[i] : c->spend[i],
                               .mean_log = c->log_spend[i],
                               .segment  = c->segment[i],
                               .x        = s->by_amount ? c->n_spend[i] : c->x[i]};
  char               bytes[sizeof record + CLV_COVARIATE_MAX * sizeof(double)];
  const size_t       more = c->n_covariate * sizeof(double);
  memcpy(bytes, &record, sizeof record);
  if (more > 0) memcpy(bytes + sizeof record, c->covariate + i * c->n_covariate, more);
  while (record.index >= clv_blocks_of(s->n_all, place->owner, s->size).last) place->owner++;
  return clv_shuffle_add(s->shuffle, place->owner, bytes, sizeof record + more);
}

static clv_status spends_unpack(const void *records, size_t bytes, const clv_blocks *blocks,
                                spend_columns *out) {
  const char  *at     = records;
  const size_t all    = (size_t)(blocks->last - blocks->first);
  const size_t more   = out->coded.covariates.n_all * sizeof(double);
  const size_t stride = sizeof(uint32_t) + sizeof(spend_record) + more;
  double       w[CLV_COVARIATE_MAX];
  clv_status   st = CLV_OK;
  CLV_CHECK(bytes == all * stride);
  CLV_TRY(clv_alloc(all + 1, sizeof *out->segment, (void **)&out->segment));
  CLV_TRY(clv_alloc(all + 1, sizeof *out->x, (void **)&out->x));
  CLV_TRY(clv_alloc(all + 1, sizeof *out->mean, (void **)&out->mean));
  CLV_TRY(clv_alloc(all + 1, sizeof *out->mean_log, (void **)&out->mean_log));
  CLV_TRY(clv_coded_alloc(&out->coded, all));
  for (size_t k = 0; k < all; k++, at += stride) {
    spend_record record;
    memcpy(&record, at + sizeof(uint32_t), sizeof record);
    const size_t i   = (size_t)(record.index - blocks->first);
    out->segment[i]  = record.segment;
    out->x[i]        = record.x;
    out->mean[i]     = record.mean;
    out->mean_log[i] = record.mean_log;
    memcpy(w, at + sizeof(uint32_t) + sizeof record, more);
    clv_coded_set(&out->coded, i, w);
  }
out:
  return st;
}

/* Segment by segment, and in a segment in customer order: first places from every rank's counts. */
static clv_status places_find(const clv_comm *shards, const int64_t *count, size_t n_segment, sender *s) {
  const size_t rank = (size_t)clv_comm_rank(shards), size = (size_t)s->size;
  int64_t     *all = NULL, before = 0;
  size_t       bytes;
  clv_status   st = CLV_OK;
  CLV_TRY(clv_comm_agree(shards, clv_calloc(n_segment, sizeof *s->place, (void **)&s->place)));
  CLV_TRY(clv_comm_allgatherv(shards, count, n_segment * sizeof *count, (void **)&all, &bytes, NULL));
  for (size_t g = 0; g < n_segment; g++)
    for (size_t r = 0; r < size; r++) {
      if (r == rank) s->place[g].next = before;
      before += all[r * n_segment + g];
    }
  s->n_all = (uint64_t)before;
out:
  free(all);
  return st;
}

/* Spenders are numbered over all ranks before they are cut into blocks, so that blocks do not depend on how
 * customers were dealt; and by segment, so that a block meets few of them. */
static clv_status spends_read(const clv_comm *shards, const clv_portfolio *portfolio,
                              const clv_config *config, spend_columns *out) {
  const int    min_transactions = config->data.min_transactions;
  const size_t n_segment        = (size_t)clv_portfolio_facts_get(portfolio)->n_segment;
  int64_t     *count            = NULL;
  sender s = {.size = clv_comm_size(shards), .by_amount = strcmp(config->model.spend, "gamma_value") == 0};
  const void *records;
  size_t      bytes;
  clv_status  st = CLV_OK;
  CLV_TRY(clv_comm_agree(shards, clv_calloc(n_segment, sizeof *count, (void **)&count)));
  CLV_TRY(spenders_visit(shards, portfolio, min_transactions, spender_count, count));
  CLV_TRY(places_find(shards, count, n_segment, &s));
  out->n_all = s.n_all;
  CLV_TRY(clv_comm_agree(shards, clv_shuffle_new(shards, &s.shuffle)));
  CLV_TRY(spenders_visit(shards, portfolio, min_transactions, spender_send, &s));
  CLV_TRY(clv_shuffle_exchange(s.shuffle, CLV_OK, &records, &bytes));
  const clv_blocks blocks = clv_blocks_of(s.n_all, clv_comm_rank(shards), clv_comm_size(shards));
  CLV_TRY(clv_comm_agree(shards, spends_unpack(records, bytes, &blocks, out)));
out:
  clv_shuffle_free(&s.shuffle);
  free(count);
  free(s.place);
  return st;
}

static bool has_segments(const clv_config *config) { return config->model.pooling != CLV_POOLING_COMPLETE; }

static size_t n_segment_of(const clv_portfolio *portfolio, const clv_config *config) {
  return has_segments(config) ? (size_t)clv_portfolio_facts_get(portfolio)->n_segment : 1;
}

/* Before anything is made for each of them. */
static clv_status segments_check(const clv_portfolio *portfolio, const clv_config *config) {
  const size_t n = n_segment_of(portfolio, config);
  if (n <= CLV_SEGMENT_MAX) return CLV_OK;
  return clv_fail(CLV_EUSAGE,
                  "customers.segment: column '%.64s' makes %zu segments, more than the %d that may have "
                  "parameters of their own; use a coarser column, or set model.pooling: complete",
                  config->customers.segment != NULL ? config->customers.segment : "", n, CLV_SEGMENT_MAX);
}

/* Covariates that a model of `key` does not take are no silent matter. */
static clv_status effects_check(const char *key, const char *model, size_t n_effect, size_t n_chosen) {
  if (n_effect > 0 || n_chosen == 0) return CLV_OK;
  return clv_fail(CLV_EUSAGE, "%s: '%.64s' takes no covariates; set %s to []", key, model,
                  strcmp(key, "model.spend") == 0
                      ? "model.covariates.spend"
                      : "model.covariates.purchases and model.covariates.dropout");
}

/* Covariates of this rank's cells, coded. */
static clv_status cells_code(const clv_portfolio *portfolio, const clv_config *config,
                             const clv_cell_columns *columns, clv_coded *out) {
  char name[CLV_NAME_MAX];
  clv_purchases_name(config->model.purchases, config->model.erlang_k, name);
  const clv_process_ops *process = clv_process_find(name);
  const size_t           effects = process == NULL ? 0 : process->n_effect;
  clv_covariate_choice   choice;
  clv_status             st = CLV_OK;
  CLV_TRY(clv_covariate_choice_make(config, portfolio, &choice));
  CLV_TRY(effects_check("model.purchases", config->model.purchases, effects,
                        choice.n[CLV_ON_PURCHASES] + choice.n[CLV_ON_DROPOUT]));
  clv_coded_begin(&choice, portfolio, process == NULL ? NULL : process->effect, effects, out);
  CLV_TRY(clv_coded_alloc(out, columns->n));
  for (uint64_t i = 0; i < columns->n && out->covariates.n > 0; i++)
    clv_coded_set(out, i, columns->covariate + i * choice.n_all);
out:
  return st;
}

static clv_status purchases_new(const clv_comm *shards, const clv_portfolio *portfolio,
                                const clv_config *config, const clv_prior_texts *priors, clv_model *out) {
  const clv_blocks blocks =
      clv_blocks_of(clv_portfolio_facts_get(portfolio)->n_cell, clv_comm_rank(shards), clv_comm_size(shards));
  clv_cell_columns columns = {0};
  clv_coded        coded   = {0};
  clv_status st = clv_portfolio_read_cells(portfolio, blocks.first, blocks.last - blocks.first, &columns);
  if (st < 0) goto out;
  CLV_TRY(clv_comm_agree(shards, cells_code(portfolio, config, &columns, &coded)));
  const clv_cells         cells = {.blocks     = blocks,
                                   .segment    = has_segments(config) ? columns.segment : NULL,
                                   .x          = columns.x,
                                   .t_x        = columns.t_x,
                                   .T          = columns.T,
                                   .count      = columns.count,
                                   .n_segment  = n_segment_of(portfolio, config),
                                   .pooled     = config->model.pooling == CLV_POOLING_PARTIAL,
                                   .covariates = coded.covariates.n > 0 ? &coded.covariates : NULL};
  const clv_purchase_data data  = {.comm = shards, .cells = &cells, .priors = priors};
  char                    name[CLV_NAME_MAX];
  clv_purchases_name(config->model.purchases, config->model.erlang_k, name);
  CLV_TRY(clv_purchases_new(name, &data, out));
out:
  clv_cell_columns_free(&columns);
  clv_coded_free(&coded);
  return st;
}

/* What acts on spend; values come with the spenders. */
static clv_status spends_code(const clv_portfolio *portfolio, const clv_config *config, clv_coded *out) {
  const clv_spend_ops *spend = clv_spend_find(config->model.spend);
  clv_covariate_choice choice;
  clv_status           st = CLV_OK;
  CLV_TRY(clv_covariate_choice_make(config, portfolio, &choice));
  CLV_TRY(effects_check("model.spend", config->model.spend, spend->n_effect, choice.n[CLV_ON_SPEND]));
  clv_coded_begin(&choice, portfolio, spend->effect, spend->n_effect, out);
out:
  return st;
}

static clv_status spend_new(const clv_comm *shards, const clv_portfolio *portfolio, const clv_config *config,
                            const clv_prior_texts *priors, clv_fit_model *fit, clv_model *out) {
  spend_columns columns = {0};
  clv_status    st      = CLV_OK;
  CLV_TRY(clv_comm_agree(shards, spends_code(portfolio, config, &columns.coded)));
  CLV_TRY(spends_read(shards, portfolio, config, &columns));
  fit->n_spends           = columns.n_all;
  const clv_spends spends = {
      .blocks         = clv_blocks_of(columns.n_all, clv_comm_rank(shards), clv_comm_size(shards)),
      .segment        = has_segments(config) ? columns.segment : NULL,
      .x              = columns.x,
      .mean           = columns.mean,
      .mean_log       = columns.mean_log,
      .n_segment      = n_segment_of(portfolio, config),
      .rescale_factor = config->data.rescale_factor,
      .pooled         = config->model.pooling == CLV_POOLING_PARTIAL,
      .covariates     = columns.coded.covariates.n > 0 ? &columns.coded.covariates : NULL};
  if (strcmp(config->model.spend, "gamma_value") == 0)
    CLV_TRY(clv_gamma_value_new(shards, &spends, priors, out));
  else
    CLV_TRY(clv_gamma_gamma_new(shards, &spends, priors, out));
out:
  spend_columns_free(&columns);
  return st;
}

/* Every prior must belong to a variable; the message lists them. */
static clv_status priors_check(const clv_model *model, const clv_config *config) {
  char         known[1024] = "";
  size_t       used        = 0;
  const size_t n           = model->ops->n_variable(model->self);
  for (size_t k = 0; k < config->model.priors.n; k++) {
    bool found = false;
    for (size_t i = 0; i < n; i++) {
      clv_variable v;
      model->ops->variable(model->self, i, &v);
      found = found || strcmp(v.name, config->model.priors.item[k].name) == 0;
    }
    if (found) continue;
    for (size_t i = 0; i < n; i++) {
      clv_variable v;
      model->ops->variable(model->self, i, &v);
      const int written = snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", v.name);
      if (written > 0 && (size_t)written < sizeof known - used) used += (size_t)written;
    }
    return clv_fail(CLV_EUSAGE, "model.priors: '%.64s' is no parameter of this model; its parameters are %s",
                    config->model.priors.item[k].name, known);
  }
  return CLV_OK;
}

/* The parts of a model: each with its table of customers' own parameters where they are sampled. */
typedef struct parts {
  clv_model                   model[2]; /* owned */
  const clv_latent_model_ops *latent[2];
  size_t                      n;
} parts;

static clv_model *parts_next(parts *p) { return &p->model[p->n++]; }

static void parts_add_latent(parts *p, const clv_latent_model *made) {
  p->latent[p->n] = made->ops;
  *parts_next(p)  = clv_latent_model_hyper(made);
}

static clv_status parts_join(parts *p, clv_fit_model *fit) {
  clv_latent_model joint = {0};
  clv_status       st    = CLV_OK;
  if (p->n == 1) {
    fit->model = p->model[0], fit->latent = p->latent[0];
    p->model[0] = (clv_model){0};
    return CLV_OK;
  }
  if (p->latent[0] == NULL && p->latent[1] == NULL) return clv_joint_new(p->model, p->n, &fit->model);
  CLV_TRY(clv_latent_joint_new(p->model, p->latent, p->n, &joint));
  fit->model = clv_latent_model_hyper(&joint), fit->latent = joint.ops;
out:
  return st;
}

/* ---- which parts there are ---- */

static bool spends_built_in(const clv_config *config, const clv_portfolio_facts *facts,
                            const clv_plugin_host *plugin) {
  return strcmp(config->model.spend, "none") != 0 && facts->has_spend &&
         (clv_plugin_parts(plugin) & CLV_PLUGIN_SPEND) == 0;
}

static void name_make(const clv_config *config, clv_fit_model *fit) {
  char purchases[CLV_NAME_MAX];
  clv_purchases_name(config->model.purchases, config->model.erlang_k, purchases);
  const unsigned    own   = clv_plugin_parts(fit->plugin);
  const char *const named = own == 0 ? "" : clv_plugin_table(fit->plugin)->name;
  if (own == (CLV_PLUGIN_PURCHASES | CLV_PLUGIN_SPEND))
    snprintf(fit->name, sizeof fit->name, "%s", named);
  else
    snprintf(fit->name, sizeof fit->name, "%s + %.63s", (own & CLV_PLUGIN_PURCHASES) != 0 ? named : purchases,
             (own & CLV_PLUGIN_SPEND) != 0 ? named : config->model.spend);
}

static clv_status plugin_part_new(const clv_comm *shards, const clv_portfolio *portfolio,
                                  const clv_config *config, clv_fit_model *fit, clv_model *out) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_plugin_rows_read(shards, portfolio, config, clv_plugin_table(fit->plugin), &fit->rows));
  CLV_TRY(clv_comm_agree(shards, clv_plugin_make(fit->plugin, clv_plugin_rows_data(fit->rows), out)));
out:
  return st;
}

static clv_status purchases_part(const clv_comm *shards, const clv_portfolio *portfolio,
                                 const clv_config *config, const clv_prior_texts *priors, parts *p) {
  clv_latent_model made;
  clv_status       st = CLV_OK;
  if (!clv_fit_samples_purchases(config))
    return purchases_new(shards, portfolio, config, priors, parts_next(p));
  CLV_TRY(clv_fit_latent_purchases(shards, portfolio, config, priors, &made));
  parts_add_latent(p, &made);
out:
  return st;
}

static clv_status spend_part(const clv_comm *shards, const clv_portfolio *portfolio, const clv_config *config,
                             const clv_prior_texts *priors, clv_fit_model *fit, parts *p) {
  clv_latent_model made;
  clv_status       st = CLV_OK;
  if (!clv_fit_samples_spend(config)) return spend_new(shards, portfolio, config, priors, fit, parts_next(p));
  CLV_TRY(clv_fit_latent_spend(shards, portfolio, config, priors, &fit->n_spends, &made));
  parts_add_latent(p, &made);
out:
  return st;
}

static clv_status parts_make(const clv_comm *shards, const clv_portfolio *portfolio, const clv_config *config,
                             clv_fit_model *fit, parts *p) {
  const unsigned     own    = clv_plugin_parts(fit->plugin);
  clv_prior_text    *text   = NULL;
  clv_plugin_option *option = NULL;
  clv_status         st     = CLV_OK;
  CLV_TRY(clv_comm_agree(shards, clv_plugin_settings(config, &text, &option)));
  const clv_prior_texts priors   = {.item = text, .n = config->model.priors.n};
  const bool            is_joint = fit->has_spend && clv_spend_find(config->model.spend)->process != NULL;
  if (is_joint && own != 0)
    CLV_TRY(clv_fail(CLV_EUSAGE,
                     "model.spend: %s depends on model.purchases: %s, whose place the plug-in takes; choose "
                     "another model.spend",
                     config->model.spend, config->model.purchases));
  if (is_joint)
    CLV_TRY(clv_fit_lognormal_spend(shards, portfolio, config, &priors, &fit->n_spends, parts_next(p)));
  else if ((own & CLV_PLUGIN_PURCHASES) == 0)
    CLV_TRY(purchases_part(shards, portfolio, config, &priors, p));
  if (own != 0) {
    p->latent[p->n] = clv_plugin_table(fit->plugin)->latent;
    CLV_TRY(plugin_part_new(shards, portfolio, config, fit, parts_next(p)));
  }
  if (fit->has_spend && !is_joint) CLV_TRY(spend_part(shards, portfolio, config, &priors, fit, p));
  CLV_TRY(clv_comm_agree(shards, parts_join(p, fit)));
  if (config->model.integrate == CLV_INTEGRATE_NONE && fit->latent == NULL)
    st =
        clv_fail(CLV_EUSAGE,
                 "model.integrate: none samples amounts, and the portfolio has none: remove model.integrate");
out:
  free(text);
  free(option);
  return st;
}

clv_status clv_fit_model_new(const clv_comm *shards, const clv_portfolio *portfolio, const clv_config *config,
                             clv_fit_model *out) {
  clv_fit_model fit = {0};
  parts         all = {0};
  clv_status    st  = CLV_OK;
  if (config->model.plugin != NULL) CLV_TRY(clv_plugin_load(shards, config->model.plugin, &fit.plugin));
  fit.has_spend = spends_built_in(config, clv_portfolio_facts_get(portfolio), fit.plugin);
  name_make(config, &fit);
  CLV_TRY(segments_check(portfolio, config)); /* the same on every rank */
  CLV_TRY(parts_make(shards, portfolio, config, &fit, &all));
  CLV_TRY(priors_check(&fit.model, config)); /* the same on every rank */
  *out = fit;
  fit  = (clv_fit_model){0};
out:
  clv_model_free(&all.model[0]);
  clv_model_free(&all.model[1]);
  clv_fit_model_free(&fit);
  return st;
}

void clv_fit_model_free(clv_fit_model *self) {
  if (self->model.ops != NULL) clv_model_free(&self->model);
  clv_plugin_rows_free(&self->rows);
  clv_plugin_unload(&self->plugin); /* last: the model's code is in it */
}
