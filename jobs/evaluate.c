#include "jobs/evaluate.h"
#include "jobs/fit_model.h"
#include "jobs/fit_ops.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/posterior/evaluation.h"
#include "io/files.h"
#include "jobs/customer_at.h"
#include "jobs/posterior_shift.h"
#include "jobs/posterior_theta.h"
#include "jobs/progress.h"
#include "jobs/stop.h"

enum { DRAWS_MOST = 400, SIMULATED_LEAST = 40, BLOCKS_AT_ONCE = 64 };
/* Simulated customers in all: enough draws of a small portfolio, a bounded time for a large one. */
static const double SIMULATIONS_MOST = 2e7;

typedef struct evaluate {
  const clv_job_context *context;
  clv_portfolio         *portfolio;          /* owned */
  clv_draws             *draws;              /* owned */
  clv_theta              theta, spend_theta; /* owned */
  clv_posterior_shift    shift[2];           /* owned: of purchases, of spend */
  clv_evaluation        *evaluation;         /* owned */
  clv_progress          *progress;           /* owned */
  clv_fit_ops            ops;                /* owned */
  char                  *portfolio_path, *trace_path, *json_path, *metrics_path; /* owned */
  clv_evaluation_plan    plan;
} evaluate;

static void evaluate_clear(evaluate *e) {
  clv_progress_free(&e->progress);
  clv_evaluation_free(&e->evaluation);
  clv_theta_free(&e->theta);
  clv_theta_free(&e->spend_theta);
  clv_posterior_shifts_free(e->shift);
  clv_draws_free(&e->draws);
  clv_portfolio_close(&e->portfolio);
  clv_fit_ops_close(&e->ops);
  free(e->portfolio_path);
  free(e->trace_path);
  free(e->json_path);
  free(e->metrics_path);
}

static clv_status paths_name(evaluate *e) {
  const clv_config *config = e->context->config;
  clv_status        st;
  CLV_TRY(clv_config_run_path(config, "portfolio.h5", &e->portfolio_path));
  CLV_TRY(clv_config_run_path(config, "trace.nc", &e->trace_path));
  CLV_TRY(clv_config_run_path(config, "evaluation.json", &e->json_path));
  CLV_TRY(clv_config_run_path(config, "metrics.prom", &e->metrics_path));
out:
  return st;
}

static clv_status plan_make(evaluate *e) {
  const clv_config          *config = e->context->config;
  const clv_portfolio_facts *facts  = clv_portfolio_facts_get(e->portfolio);
  clv_evaluation_plan       *p      = &e->plan;
  const size_t most = config->predict.draws < DRAWS_MOST ? (size_t)config->predict.draws : DRAWS_MOST;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_fit_ops_need(&e->ops, config));
  p->process = e->ops.process;
  p->spend   = e->ops.spend;
  CLV_TRY(clv_theta_take(e->draws, p->process->parameter, p->process->n_parameter, facts->n_segment, most,
                         &e->theta));
  if (p->spend != NULL)
    CLV_TRY(clv_theta_take(e->draws, p->spend->parameter, p->spend->n_parameter, facts->n_segment, most,
                           &e->spend_theta));
  const double simulated = fmax(SIMULATIONS_MOST / (double)facts->n_customer, SIMULATED_LEAST);
  CLV_TRY(
      clv_posterior_shifts_take(e->draws, e->portfolio, config, p->process, p->spend, &e->theta, e->shift));
  p->shift = e->shift[0].shift, p->spend_shift = e->shift[1].shift;
  p->n_draw = e->theta.n_draw, p->n_segment = facts->n_segment, p->theta = e->theta.value,
  p->spend_theta = e->spend_theta.value;
  p->n_simulated = simulated < (double)p->n_draw ? (size_t)simulated : p->n_draw;
  p->length = facts->holdout_length, p->seed = config->sampler.seed;
  CLV_TRY(clv_evaluation_new(p, &e->evaluation));
out:
  return st;
}

static void rows_fill(const clv_customer_columns *c, uint64_t at, size_t n, clv_evaluation_row *row) {
  for (size_t k = 0; k < n; k++) {
    const uint64_t i = at + k;
    row[k]           = (clv_evaluation_row){.who         = customer_at(c, i),
                                            .index       = c->first + i,
                                            .segment     = c->segment[i],
                                            .bought      = c->holdout_x[i],
                                            .spent       = c->holdout_spend[i],
                                            .covariate   = covariates_at(c, i),
                                            .n_covariate = c->n_covariate};
  }
}

/* Blocks [from, to) of this rank, read in one go. Collective: from == to takes part without reading. */
static clv_status blocks_add(evaluate *e, uint64_t from, uint64_t to, clv_evaluation_row *row) {
  const uint64_t       n_all = clv_portfolio_facts_get(e->portfolio)->n_customer;
  const uint64_t       first = from * CLV_BLOCK_SIZE < n_all ? from * CLV_BLOCK_SIZE : n_all;
  const uint64_t       last  = to * CLV_BLOCK_SIZE < n_all ? to * CLV_BLOCK_SIZE : n_all;
  clv_customer_columns c     = {0};
  clv_status           st    = CLV_OK;
  CLV_TRY(clv_portfolio_read_customers(e->portfolio, first, last - first, &c));
  clv_covariates_center(e->portfolio, &c);
  for (uint64_t at = 0; at < last - first; at += CLV_BLOCK_SIZE) {
    const size_t n = last - first - at < CLV_BLOCK_SIZE ? (size_t)(last - first - at) : CLV_BLOCK_SIZE;
    rows_fill(&c, at, n, row);
    clv_evaluation_add(e->evaluation, n, row);
    clv_progress_update(e->progress, first + at, NULL);
  }
out:
  clv_customer_columns_free(&c);
  return st;
}

static clv_status customers_add(evaluate *e) {
  const clv_comm  *world  = e->context->world;
  const clv_blocks blocks = clv_blocks_of(clv_portfolio_facts_get(e->portfolio)->n_customer,
                                          clv_comm_rank(world), clv_comm_size(world));
  int64_t rounds = (int64_t)((blocks.last_block - blocks.first_block + BLOCKS_AT_ONCE - 1) / BLOCKS_AT_ONCE);
  clv_evaluation_row *row = NULL;
  clv_status          st  = clv_alloc(CLV_BLOCK_SIZE, sizeof *row, (void **)&row);
  CLV_TRY(clv_comm_agree(world, st));
  clv_comm_max_i64(world, &rounds, 1);
  for (int64_t round = 0; round < rounds; round++) {
    uint64_t from = blocks.first_block + (uint64_t)round * BLOCKS_AT_ONCE, to = from + BLOCKS_AT_ONCE;
    if (from > blocks.last_block) from = blocks.last_block;
    if (to > blocks.last_block) to = blocks.last_block;
    CLV_TRY(blocks_add(e, from, to, row));
    if (round + 1 < rounds && clv_stop_agreed(world))
      CLV_TRY(
          clv_fail(CLV_EINTERRUPT, "interrupted; nothing of evaluate is kept, run the same command again"));
  }
out:
  free(row);
  return st;
}

/* ---- what the user sees ---- */

static void table_print(const clv_evaluation_result *r, const clv_portfolio_facts *facts) {
  printf("holdout %s to %s, %.4g %ss, %.0f customers\n", facts->observation_end, facts->holdout_end,
         facts->holdout_length, facts->time_unit, r->n_customer);
  printf("  purchases   actual %.0f, forecast %.0f (90 %% interval %.0f to %.0f), off by %+.1f %%\n",
         r->actual, r->expected, r->predictive_low, r->predictive_high,
         100.0 * (r->expected / r->actual - 1.0));
  if (!isnan(r->expected_spend))
    printf("  spend       actual %.2f, forecast %.2f (90 %% interval of the expectation %.2f to %.2f)\n",
           r->actual_spend, r->expected_spend, r->spend_low, r->spend_high);
  printf("  per customer: MAE %.4f, RMSE %.4f, bias %+.4f; %.1f %% inside their own 90 %% interval\n", r->mae,
         r->rmse, r->bias, 100.0 * r->coverage);
  printf("  %9s %10s %10s %10s\n", "frequency", "customers", "actual", "forecast");
  for (int k = 0; k < CLV_EVALUATION_BUCKETS; k++)
    if (r->bucket_n[k] > 0.0)
      printf("  %8d%s %10.0f %10.3f %10.3f\n", k, k == CLV_EVALUATION_BUCKETS - 1 ? "+" : " ", r->bucket_n[k],
             r->bucket_actual[k], r->bucket_expected[k]);
}

/* JSON knows no NaN. */
static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *buckets_json(const clv_evaluation_result *r) {
  json_t *list = json_array();
  for (int k = 0; k < CLV_EVALUATION_BUCKETS; k++)
    json_array_append_new(list, json_pack("{s:i, s:f, s:o, s:o}", "frequency", k, "customers", r->bucket_n[k],
                                          "actual", number_or_null(r->bucket_actual[k]), "forecast",
                                          number_or_null(r->bucket_expected[k])));
  return list;
}

static clv_status json_write(const clv_evaluation_result *r, const evaluate *e) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(e->portfolio);
  json_t                    *purchases =
      json_pack("{s:f, s:f, s:[f,f], s:[f,f]}", "actual", r->actual, "forecast", r->expected, "interval_90",
                r->predictive_low, r->predictive_high, "interval_90_of_expectation", r->low, r->high);
  json_t *spend = json_pack("{s:f, s:o, s:o, s:o}", "actual", r->actual_spend, "forecast",
                            number_or_null(r->expected_spend), "q05", number_or_null(r->spend_low), "q95",
                            number_or_null(r->spend_high));
  json_t *root  = json_pack(
       "{s:s, s:s, s:f, s:s, s:f, s:I, s:I, s:o, s:o, s:f, s:f, s:f, s:f, s:o}", "observation_end",
       facts->observation_end, "holdout_end", facts->holdout_end, "length", facts->holdout_length, "time_unit",
       facts->time_unit, "customers", r->n_customer, "draws", (json_int_t)e->plan.n_draw, "simulated_draws",
       (json_int_t)e->plan.n_simulated, "purchases", purchases, "spend", spend, "mae", r->mae, "rmse", r->rmse,
       "bias", r->bias, "coverage_90", r->coverage, "by_frequency", buckets_json(r));
  char      *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
  clv_status st   = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", e->json_path)
                                 : clv_file_write(e->json_path, text, strlen(text));
  free(text);
  json_decref(root);
  return st;
}

static clv_status metrics_write(const clv_evaluation_result *r, const evaluate *e) {
  char     *text = NULL;
  const int n    = asprintf(
         &text,
         "# HELP clv_holdout_purchases Purchases in the holdout.\n# TYPE clv_holdout_purchases gauge\n"
            "clv_holdout_purchases{run=\"%s\",kind=\"actual\"} %.10g\n"
            "clv_holdout_purchases{run=\"%s\",kind=\"forecast\"} %.10g\n"
            "# HELP clv_holdout_mae Mean absolute error of purchases per customer.\n# TYPE clv_holdout_mae gauge\n"
            "clv_holdout_mae{run=\"%s\"} %.10g\n"
            "# HELP clv_holdout_coverage Share of customers inside their 90 %% interval.\n# TYPE "
            "clv_holdout_coverage gauge\n"
            "clv_holdout_coverage{run=\"%s\"} %.10g\n",
         e->context->config->name, r->actual, e->context->config->name, r->expected, e->context->config->name,
         r->mae, e->context->config->name, r->coverage);
  clv_status st = n < 0 ? clv_fail(CLV_ENOMEM, "no memory for '%s'", e->metrics_path)
                        : clv_file_write(e->metrics_path, text, (size_t)n);
  free(n < 0 ? NULL : text);
  return st;
}

static clv_status result_show(const evaluate *e, const clv_evaluation_result *r) {
  clv_status st = CLV_OK;
  table_print(r, clv_portfolio_facts_get(e->portfolio));
  CLV_TRY(json_write(r, e));
  CLV_TRY(metrics_write(r, e));
out:
  return st;
}

static clv_status evaluate_run(const clv_job_context *context) {
  const clv_comm       *world = context->world;
  evaluate              e     = {.context = context};
  clv_evaluation_result result;
  clv_status            st;
  CLV_TRY(clv_comm_agree(world, paths_name(&e)));
  CLV_TRY(clv_portfolio_open(world, e.portfolio_path, &e.portfolio));
  if (!(clv_portfolio_facts_get(e.portfolio)->holdout_length > 0.0))
    CLV_TRY(clv_fail(CLV_EUSAGE,
                     "there is no holdout to evaluate on: set data.holdout_end after data.observation_end "
                     "and prepare again"));
  CLV_TRY(clv_draws_read(world, e.trace_path, false, &e.draws));
  CLV_TRY(clv_theta_check(world, e.trace_path, e.portfolio));
  CLV_TRY(clv_fit_ops_open(world, context->config, clv_portfolio_facts_get(e.portfolio), &e.ops));
  CLV_TRY(clv_comm_agree(world, plan_make(&e)));
  CLV_TRY(clv_comm_agree(world, clv_progress_new(world, "evaluate",
                                                 clv_portfolio_facts_get(e.portfolio)->n_customer /
                                                     (uint64_t)clv_comm_size(world),
                                                 context->quiet, &e.progress)));
  CLV_TRY(customers_add(&e));
  clv_progress_finish(e.progress);
  CLV_TRY(clv_evaluation_finish(e.evaluation, world, &result));
  CLV_TRY(clv_comm_agree(world, clv_comm_rank(world) == 0 ? result_show(&e, &result) : CLV_OK));
out:
  evaluate_clear(&e);
  return st;
}

const clv_job CLV_JOB_EVALUATE = {
    .name         = "evaluate",
    .summary      = "the forecast against the holdout: evaluation.json, metrics.prom",
    .needs_config = true,
    .listens      = true,
    .run          = evaluate_run,
};
