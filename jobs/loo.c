#include "jobs/loo.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "engine/posterior/loo.h"
#include "io/files.h"
#include "io/predictions.h"
#include "jobs/customer_at.h"
#include "jobs/customers_each.h"
#include "jobs/fit_model.h"
#include "jobs/fit_ops.h"
#include "jobs/loo_totals.h"
#include "jobs/posterior_shift.h"
#include "jobs/posterior_theta.h"
#include "jobs/progress.h"

enum { CUSTOMERS_AT_ONCE = 1 << 18, PER_PART = 3, COLUMNS = PER_PART * CLV_LOO_PARTS };

static const char *const PART[CLV_LOO_PARTS] = {"purchases", "spend", "total"};

/* With a purchase model alone there is one part. */
static const char *const COLUMN[COLUMNS] = {"elpd_purchases", "p_loo_purchases", "pareto_k_purchases",
                                            "elpd_spend",     "p_loo_spend",     "pareto_k_spend",
                                            "elpd_total",     "p_loo_total",     "pareto_k_total"};

typedef struct loo {
  const clv_job_context *context;
  const clv_comm        *world;
  clv_portfolio         *portfolio;          /* owned */
  clv_draws             *draws;              /* owned */
  clv_theta              theta, spend_theta; /* owned */
  clv_posterior_shift    shift[2];           /* owned: of purchases, of spend */
  clv_loo               *engine;             /* owned */
  clv_predictions       *table;              /* owned */
  clv_progress          *progress;           /* owned */
  clv_fit_ops            ops;                /* owned */
  char                  *portfolio_path, *trace_path, *h5_path, *json_path; /* owned */
  clv_loo_row           *row;                                               /* owned [CUSTOMERS_AT_ONCE] */
  clv_psis_result       *result;                /* owned [CUSTOMERS_AT_ONCE][CLV_LOO_PARTS] */
  double                *value;                 /* owned [CUSTOMERS_AT_ONCE][columns] */
  clv_loo_totals         totals[CLV_LOO_PARTS]; /* owned */
  clv_loo_plan           plan;
  size_t                 n_part;
  uint64_t               history_sum;
  char                   histories[20]; /* a hash of what the customers did */
} loo;

static void loo_clear(loo *l) {
  clv_fit_ops_close(&l->ops);
  clv_progress_free(&l->progress);
  if (l->table != NULL) (void)clv_predictions_commit(&l->table, CLV_EFAULT);
  clv_loo_free(&l->engine);
  clv_theta_free(&l->theta);
  clv_theta_free(&l->spend_theta);
  clv_posterior_shifts_free(l->shift);
  clv_draws_free(&l->draws);
  clv_portfolio_close(&l->portfolio);
  for (int i = 0; i < CLV_LOO_PARTS; i++) clv_loo_totals_free(&l->totals[i]);
  free(l->portfolio_path), free(l->trace_path), free(l->h5_path), free(l->json_path);
  free(l->row), free(l->result), free(l->value);
}

static clv_status paths_name(loo *l) {
  const clv_config *config = l->context->config;
  clv_status        st;
  CLV_TRY(clv_config_run_path(config, "portfolio.h5", &l->portfolio_path));
  CLV_TRY(clv_config_run_path(config, "trace.nc", &l->trace_path));
  CLV_TRY(clv_config_run_path(config, "loo.h5", &l->h5_path));
  CLV_TRY(clv_config_run_path(config, "loo.json", &l->json_path));
out:
  return st;
}

static const clv_portfolio_facts *facts_of(const loo *l) { return clv_portfolio_facts_get(l->portfolio); }

static clv_status plan_make(loo *l) {
  const clv_config *config    = l->context->config;
  const size_t      n_segment = facts_of(l)->n_segment, most = (size_t)config->loo.draws;
  clv_loo_plan     *p  = &l->plan;
  clv_status        st = CLV_OK;
  p->process           = l->ops.process;
  p->spend             = l->ops.spend;
  if (p->process == NULL || (l->ops.has_spend && p->spend == NULL))
    return clv_fail(CLV_EUSAGE, "'%s' gives no likelihood of single customers, so it cannot be compared",
                    config->model.plugin != NULL ? config->model.plugin
                    : p->process == NULL         ? config->model.purchases
                                                 : config->model.spend);
  CLV_TRY(
      clv_theta_take(l->draws, p->process->parameter, p->process->n_parameter, n_segment, most, &l->theta));
  if (p->spend != NULL)
    CLV_TRY(clv_theta_take(l->draws, p->spend->parameter, p->spend->n_parameter, n_segment, most,
                           &l->spend_theta));
  if (l->theta.n_draw < 100)
    CLV_TRY(clv_fail(CLV_EUSAGE,
                     "the trace holds %zu draws; leaving customers out needs at least 100, so raise "
                     "sampler.num_samples and fit again",
                     l->theta.n_draw));
  p->n_draw = l->theta.n_draw, p->n_segment = n_segment;
  p->theta = l->theta.value, p->spend_theta = l->spend_theta.value;
  CLV_TRY(
      clv_posterior_shifts_take(l->draws, l->portfolio, config, p->process, p->spend, &l->theta, l->shift));
  p->shift = l->shift[0].shift, p->spend_shift = l->shift[1].shift;
  p->r_eff  = clv_draws_efficiency(l->draws, p->n_draw);
  l->n_part = p->spend != NULL ? CLV_LOO_PARTS : 1;
  CLV_TRY(clv_loo_new(p, &l->engine));
  for (size_t i = 0; i < l->n_part; i++)
    CLV_TRY(clv_loo_totals_new(clv_psis_threshold(p->n_draw), &l->totals[i]));
  CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, sizeof *l->row, (void **)&l->row));
  CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, CLV_LOO_PARTS * sizeof *l->result, (void **)&l->result));
  CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, COLUMNS * sizeof *l->value, (void **)&l->value));
out:
  return st;
}

/* ---- what the customers did: runs are comparable where it is the same, whatever segments and covariates
 * they have ---- */

static uint64_t history_hash(const clv_customer_columns *c, uint64_t i, uint64_t id) {
  const struct {
    double   t_x, T, spend;
    uint64_t id, x;
  } history = {c->t_x[i], c->T[i], c->spend[i], id, c->x[i]};
  return clv_hash(&history, sizeof history);
}

static clv_status histories_add(void *context, const clv_customer_columns *c) {
  loo       *l      = context;
  char      *bytes  = NULL;
  uint64_t  *offset = NULL;
  clv_status st     = clv_portfolio_read_ids(l->portfolio, c->first, c->n, &bytes, &offset);
  for (uint64_t i = 0; st == CLV_OK && i < c->n; i++)
    l->history_sum += history_hash(c, i, clv_hash(bytes + offset[i], offset[i + 1] - offset[i]));
  free(bytes);
  free(offset);
  return st;
}

/* Sum of all ranks' hashes modulo 2^64, in halves so that no signed sum can overflow. */
static clv_status histories_name(loo *l) {
  clv_status st = clv_customers_each(l->world, l->portfolio, CUSTOMERS_AT_ONCE, histories_add, l);
  if (st < 0) return st;
  int64_t half[2] = {(int64_t)(l->history_sum & UINT32_MAX), (int64_t)(l->history_sum >> 32)};
  clv_comm_sum_i64(l->world, half, 2);
  snprintf(l->histories, sizeof l->histories, "%016llx",
           (unsigned long long)half[0] + ((unsigned long long)half[1] << 32));
  return CLV_OK;
}

/* ---- the pass ---- */

static clv_status table_create(loo *l) {
  const clv_config *config = l->context->config;
  char              threshold[32];
  const char       *unit = l->plan.process->by_opportunity ? "opportunities" : "times";
  const char *amounts    = l->plan.spend == NULL ? "none" : l->plan.spend->by_amounts ? "amounts" : "means";
  const clv_text_attribute   attribute[] = {{"histories", l->histories},
                                            {"purchases", l->plan.process->name},
                                            {"spend", l->plan.spend == NULL ? "none" : l->plan.spend->name},
                                            {"purchases_are", unit},
                                            {"spend_are", amounts},
                                            {"time_unit", facts_of(l)->time_unit},
                                            {"pareto_k_threshold", threshold},
                                            {"run", config->name}};
  const clv_predictions_plan plan        = {.h5_path     = l->h5_path,
                                            .n_customer  = facts_of(l)->n_customer,
                                            .n_column    = l->n_part * PER_PART,
                                            .column      = COLUMN,
                                            .portfolio   = facts_of(l)->content,
                                            .n_attribute = sizeof attribute / sizeof *attribute,
                                            .attribute   = attribute};
  snprintf(threshold, sizeof threshold, "%.17g", clv_psis_threshold(l->plan.n_draw));
  return clv_predictions_create(l->world, &plan, &l->table);
}

static clv_status customers_leave_out(void *context, const clv_customer_columns *c) {
  loo         *l       = context;
  const int    least   = l->context->config->data.min_transactions;
  const size_t n_value = l->n_part * PER_PART;
  for (uint64_t i = 0; i < c->n; i++)
    l->row[i] = (clv_loo_row){.who           = customer_at(c, i),
                              .segment       = c->segment[i],
                              .place         = (uint32_t)i,
                              .informs_spend = clv_fit_informs_spend(c, i, least),
                              .covariate     = covariates_at(c, i),
                              .n_covariate   = c->n_covariate};
  clv_loo_customers(l->engine, (size_t)c->n, l->row, l->result);
  for (uint64_t i = 0; i < c->n; i++)
    for (size_t part = 0; part < l->n_part; part++) {
      const clv_psis_result *r  = &l->result[i * CLV_LOO_PARTS + part];
      double                *to = l->value + i * n_value + part * PER_PART;
      to[0] = r->elpd, to[1] = r->lpd - r->elpd, to[2] = r->k;
      clv_loo_totals_add(&l->totals[part], to[0], to[1], to[2]);
    }
  clv_progress_update(l->progress, c->first + c->n, NULL);
  return clv_predictions_put(l->table, c->first, c->n, NULL, NULL, l->value);
}

/* ---- what the user sees ---- */

static void table_print(const loo *l, const clv_loo_figures *f) {
  const double threshold = clv_psis_threshold(l->plan.n_draw);
  printf("left one customer out, %llu times, with %zu draws (relative efficiency %.2f)\n",
         (unsigned long long)facts_of(l)->n_customer, l->plan.n_draw, l->plan.r_eff);
  printf("%-10s %10s %14s %10s %9s   Pareto k: good %s %.2f bad %s 1 very bad\n", "part", "customers",
         "elpd_loo", "se", "p_loo", "<=", threshold, "<=");
  for (size_t i = 0; i < l->n_part; i++)
    printf("%-10s %10lld %14.2f %10.2f %9.2f             %6lld %11lld %10lld\n", PART[i], (long long)f[i].n,
           f[i].elpd, f[i].se, f[i].p_loo, (long long)f[i].grade[0] + (long long)f[i].grade[1],
           (long long)f[i].grade[2], (long long)f[i].grade[3]);
  if (f[l->n_part - 1].grade[2] + f[l->n_part - 1].grade[3] > 0)
    printf(
        "customers with a bad k weigh so much that the posterior without them is another: their elpd is too "
        "high; "
        "loo.h5 says who\n");
}

/* JSON knows no NaN. */
static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *part_json(const clv_loo_figures *f) {
  return json_pack("{s:I, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}}", "customers", (json_int_t)f->n,
                   "elpd_loo", number_or_null(f->elpd), "se", number_or_null(f->se), "p_loo",
                   number_or_null(f->p_loo), "worst_pareto_k", number_or_null(f->worst_k), "pareto_k",
                   "to_half", (json_int_t)f->grade[0], "to_threshold", (json_int_t)f->grade[1], "to_one",
                   (json_int_t)f->grade[2], "above_one", (json_int_t)f->grade[3]);
}

static clv_status json_write(const loo *l, const clv_loo_figures *f) {
  json_t *parts = json_object();
  for (size_t i = 0; i < l->n_part; i++) json_object_set_new(parts, PART[i], part_json(&f[i]));
  json_t *root =
      json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:f, s:o}", "purchases", l->plan.process->name, "spend",
                l->plan.spend == NULL ? "none" : l->plan.spend->name, "time_unit", facts_of(l)->time_unit,
                "portfolio", facts_of(l)->content, "histories", l->histories, "draws",
                (json_int_t)l->plan.n_draw, "relative_efficiency", l->plan.r_eff, "pareto_k_threshold",
                clv_psis_threshold(l->plan.n_draw), "parts", parts);
  char      *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  clv_status st   = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", l->json_path)
                                 : clv_file_write(l->json_path, text, strlen(text));
  free(text);
  json_decref(root);
  return st;
}

static clv_status figures_show(loo *l) {
  clv_loo_figures f[CLV_LOO_PARTS] = {{0}};
  clv_status      st               = CLV_OK;
  for (size_t i = 0; i < l->n_part; i++) CLV_TRY(clv_loo_totals_finish(&l->totals[i], l->world, &f[i]));
  if (clv_comm_rank(l->world) == 0) {
    table_print(l, f);
    st = json_write(l, f);
  }
  CLV_TRY(clv_comm_agree(l->world, st));
out:
  return st;
}

static clv_status loo_run(const clv_job_context *context) {
  const clv_comm *world = context->world;
  loo             l     = {.context = context, .world = world};
  clv_status      st;
  CLV_TRY(clv_comm_agree(world, paths_name(&l)));
  CLV_TRY(clv_portfolio_open(world, l.portfolio_path, &l.portfolio));
  CLV_TRY(clv_draws_read(world, l.trace_path, false, &l.draws));
  CLV_TRY(clv_theta_check(world, l.trace_path, l.portfolio));
  CLV_TRY(clv_fit_ops_open(world, context->config, facts_of(&l), &l.ops));
  CLV_TRY(clv_comm_agree(world, plan_make(&l)));
  CLV_TRY(histories_name(&l));
  CLV_TRY(clv_comm_agree(
      world, clv_progress_new(world, "loo", facts_of(&l)->n_customer, context->quiet, &l.progress)));
  CLV_TRY(table_create(&l));
  CLV_TRY(clv_predictions_commit(
      &l.table, clv_customers_each(world, l.portfolio, CUSTOMERS_AT_ONCE, customers_leave_out, &l)));
  clv_progress_finish(l.progress);
  CLV_TRY(figures_show(&l));
out:
  loo_clear(&l);
  return st;
}

const clv_job CLV_JOB_LOO = {
    .name    = "loo",
    .summary = "how well each customer is predicted by the others: loo.json, loo.h5 for clv compare",
    .usage =
        "Leave-one-out by Pareto-smoothed importance sampling on the marginal likelihood of each customer, "
        "for "
        "purchases,\nspend and both, with loo.draws posterior draws. Reads portfolio.h5 and trace.nc.\n",
    .needs_config = true,
    .run          = loo_run,
};
