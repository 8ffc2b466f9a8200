#include "jobs/erlang_candidate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/purchases.h"
#include "engine/posterior/loo.h"
#include "engine/sampler/sampler.h"
#include "jobs/customer_at.h"
#include "jobs/customers_each.h"
#include "jobs/fit_place.h"
#include "jobs/stop.h"

enum {
  CHAINS            = 4,
  WARMUP            = 150,
  SAMPLES           = 100,
  LEG_DRAWS         = 50,
  CUSTOMERS_AT_ONCE = 1 << 16,
  CANDIDATES_MOST   = 12
};

/* ---- a short fit ---- */

static bool round_watch(void *context, const clv_sampler_progress *at) {
  (void)context, (void)at;
  return clv_stop_wanted();
}

static clv_status draws_new(const clv_model *model, clv_draws *out) {
  clv_status st = CLV_OK;
  out->n_chain = CHAINS, out->n_draw = SAMPLES;
  out->n_variable = model->ops->n_variable(model->self);
  out->n_value    = clv_model_n_value(model);
  CLV_TRY(clv_calloc(out->n_variable, sizeof *out->variable, (void **)&out->variable));
  CLV_TRY(clv_alloc((size_t)CHAINS * SAMPLES, out->n_value * sizeof *out->value, (void **)&out->value));
  for (size_t i = 0; i < out->n_variable; i++) {
    clv_variable v;
    model->ops->variable(model->self, i, &v);
    out->variable[i].length = v.length;
    snprintf(out->variable[i].name, sizeof out->variable[i].name, "%s", v.name);
  }
out:
  return st;
}

static clv_status draws_make(const clv_fit_place *place, const clv_config *config, clv_draws *draws) {
  const clv_sampler_plan  plan    = {.num_chains     = CHAINS,
                                     .num_warmup     = WARMUP,
                                     .num_samples    = SAMPLES,
                                     .target_accept  = config->sampler.target_accept,
                                     .max_tree_depth = config->sampler.max_tree_depth,
                                     .seed           = config->sampler.seed};
  const clv_sampler_watch watch   = {.round = round_watch};
  const clv_model        *model   = &place->fit.model;
  clv_sampler            *sampler = NULL;
  clv_leg                 leg;
  clv_status              st = CLV_OK;
  CLV_TRY(clv_sampler_new(place->topology, model, &plan, &sampler));
  for (;;) {
    CLV_TRY(clv_sampler_run(sampler, LEG_DRAWS, &watch, &leg));
    if (leg.n_draw == 0) break;
    for (int c = 0; !leg.warmup && c < leg.n_chain; c++)
      for (int d = 0; d < leg.n_draw; d++)
        model->ops->constrain(model->self, leg.phi + (size_t)(c * leg.n_draw + d) * leg.dim,
                              draws->value + (size_t)(c * SAMPLES + leg.first + d) * draws->n_value);
  }
out:
  clv_sampler_free(&sampler);
  return st;
}

/* The regularity of gaps is hardly a matter of covariates: k is chosen without them and the priors of their
 * coefficients. @param[out] prior  owned by the caller */
static clv_status covariates_leave(clv_config *config, clv_pair **prior) {
  size_t     n  = 0;
  clv_status st = clv_alloc(config->model.priors.n + 1, sizeof **prior, (void **)prior);
  if (st < 0) return st;
  for (size_t on = 0; on < CLV_ON_N; on++) config->model.covariates[on] = (clv_strings){NULL, 0};
  for (size_t i = 0; i < config->model.priors.n; i++)
    if (strncmp(config->model.priors.item[i].name, CLV_GAMMA, strlen(CLV_GAMMA)) != 0)
      (*prior)[n++] = config->model.priors.item[i];
  config->model.priors.item = *prior;
  config->model.priors.n    = n;
  return CLV_OK;
}

clv_status clv_erlang_candidate_fit(const clv_job_context *context, int k, clv_erlang_candidate *out) {
  clv_config    config = *context->config;
  clv_fit_place place  = {0};
  clv_draws     draws  = {0};
  char         *path   = NULL;
  clv_pair     *prior  = NULL;
  clv_status    st     = clv_config_run_path(&config, "portfolio.h5", &path);
  if (st == CLV_OK) st = covariates_leave(&config, &prior);
  config.model.erlang_k     = k;
  config.sampler.num_chains = CHAINS;
  CLV_TRY(clv_comm_agree(context->world, st));
  CLV_TRY(clv_fit_place_new(context->world, path, &config, &place));
  CLV_TRY(clv_comm_agree(context->world, draws_new(&place.fit.model, &draws)));
  CLV_TRY(draws_make(&place, &config, &draws));
  char name[CLV_NAME_MAX];
  clv_purchases_name(config.model.purchases, k, name);
  const clv_process_ops *process   = clv_process_find(name);
  const size_t           n_segment = clv_portfolio_facts_get(place.portfolio)->n_segment;
  CLV_TRY(clv_comm_agree(context->world, clv_theta_take(&draws, process->parameter, process->n_parameter,
                                                        n_segment, (size_t)CHAINS * SAMPLES, &out->theta)));
  out->k          = k;
  out->efficiency = clv_draws_efficiency(&draws, out->theta.n_draw);
out:
  clv_fit_place_free(&place);
  free(draws.variable);
  free(draws.value);
  free(prior);
  free(path);
  return st;
}

/* ---- leaving customers out ---- */

typedef struct score {
  clv_erlang_candidate *candidate;               /* borrowed [n] */
  size_t                n, first;                /* candidates first to n are looked at */
  const size_t         *best;                    /* borrowed */
  clv_loo              *loo[CANDIDATES_MOST];    /* owned */
  clv_psis_result      *result[CANDIDATES_MOST]; /* owned [CUSTOMERS_AT_ONCE][CLV_LOO_PARTS] */
  clv_loo_row          *row;                     /* owned [CUSTOMERS_AT_ONCE] */
  clv_loo_totals        totals;                  /* owned; of the last */
  clv_exact_sum        *differences;             /* owned [n][2] */
} score;

static void score_clear(score *s) {
  for (size_t i = 0; i < CANDIDATES_MOST; i++) {
    clv_loo_free(&s->loo[i]);
    free(s->result[i]);
  }
  free(s->row);
  clv_loo_totals_free(&s->totals);
  clv_exact_sum_free(&s->differences);
}

static clv_status score_make(score *s, const clv_config *config) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, sizeof *s->row, (void **)&s->row));
  CLV_TRY(clv_exact_sum_new(2 * s->n, &s->differences));
  CLV_TRY(clv_loo_totals_new(clv_psis_threshold(s->candidate[0].theta.n_draw), &s->totals));
  for (size_t i = s->first; i < s->n; i++) {
    const clv_erlang_candidate *c = &s->candidate[i];
    char                        name[CLV_NAME_MAX];
    clv_purchases_name(config->model.purchases, c->k, name);
    const clv_loo_plan plan = {.process   = clv_process_find(name),
                               .n_draw    = c->theta.n_draw,
                               .n_segment = c->theta.n_segment,
                               .theta     = c->theta.value,
                               .r_eff     = c->efficiency};
    CLV_TRY(clv_loo_new(&plan, &s->loo[i]));
    CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, CLV_LOO_PARTS * sizeof *s->result[i], (void **)&s->result[i]));
  }
out:
  return st;
}

static clv_status customers_add(void *context, const clv_customer_columns *c) {
  score *s = context;
  for (size_t j = s->first; j < s->n; j++) {
    for (uint64_t i = 0; i < c->n; i++)
      s->row[i] = (clv_loo_row){.who = customer_at(c, i), .segment = c->segment[i], .place = (uint32_t)i};
    clv_loo_customers(s->loo[j], (size_t)c->n, s->row, s->result[j]);
  }
  for (uint64_t i = 0; i < c->n; i++) {
    const size_t           at   = (size_t)i * CLV_LOO_PARTS + CLV_LOO_PURCHASES;
    const clv_psis_result *last = &s->result[s->n - 1][at];
    clv_loo_totals_add(&s->totals, last->elpd, last->lpd - last->elpd, last->k);
    for (size_t j = 0; s->best != NULL && j < s->n; j++) {
      const double d = s->result[j][at].elpd - s->result[*s->best][at].elpd;
      clv_exact_sum_add_at(s->differences, 2 * j, d);
      clv_exact_sum_add_at(s->differences, 2 * j + 1, d * d);
    }
  }
  return CLV_OK;
}

clv_status clv_erlang_candidates_score(const clv_job_context *context, const clv_portfolio *portfolio,
                                       clv_erlang_candidate *candidate, size_t n, const size_t *best) {
  score      s = {.candidate = candidate, .n = n, .first = best == NULL ? n - 1 : 0, .best = best};
  double     total[2 * CANDIDATES_MOST];
  clv_status st = CLV_OK;
  CLV_CHECK(n >= 1 && n <= CANDIDATES_MOST);
  CLV_TRY(clv_comm_agree(context->world, score_make(&s, context->config)));
  CLV_TRY(clv_customers_each(context->world, portfolio, CUSTOMERS_AT_ONCE, customers_add, &s));
  CLV_TRY(clv_loo_totals_finish(&s.totals, context->world, &candidate[n - 1].figures));
  if (best == NULL) goto out;
  CLV_TRY(clv_exact_sum_total(s.differences, context->world, total));
  for (size_t j = 0; j < n; j++) {
    candidate[j].diff    = total[2 * j];
    candidate[j].diff_se = clv_sum_error((double)candidate[j].figures.n, total[2 * j], total[2 * j + 1]);
  }
out:
  score_clear(&s);
  return st;
}
