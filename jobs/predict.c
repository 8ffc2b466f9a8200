#include "jobs/predict.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/posterior/forecast.h"
#include "io/files.h"
#include "io/predictions.h"
#include "jobs/customer_at.h"
#include "jobs/fit_ops.h"
#include "jobs/posterior_shift.h"
#include "jobs/posterior_theta.h"
#include "jobs/predict_best.h"
#include "jobs/predict_kept.h"
#include "jobs/predict_names.h"
#include "jobs/predict_record.h"
#include "jobs/progress.h"
#include "jobs/stop.h"

enum { CUSTOMERS_AT_ONCE = 1 << 14 };

/* Its key in new_customer.json; docs/forecasts.md. */
static const char NEW_SEGMENT[] = "(new segment)";

typedef struct predict {
  const clv_job_context *context;
  const clv_comm        *world;
  const clv_config      *config;
  clv_portfolio         *portfolio;          /* owned */
  clv_draws             *draws;              /* owned */
  clv_theta              theta, spend_theta; /* owned */
  clv_posterior_shift    shift[2];           /* owned: of purchases, of spend */
  double                *vector;             /* owned: of covariates, less their centres */
  size_t                 n_vector;
  clv_forecast          *forecast;    /* owned */
  clv_predictions       *predictions; /* owned */
  clv_predict_names      names;       /* owned */
  clv_predict_kept       kept;        /* owned */
  clv_progress          *progress;    /* owned */
  clv_exact_sum         *totals;      /* owned: one per quantity, of means over blocks */
  clv_fit_ops            ops;         /* owned */
  char                  *portfolio_path, *trace_path, *csv_path, *h5_path, *new_path; /* owned */
  clv_forecast_row      *row;            /* owned [CUSTOMERS_AT_ONCE] */
  double                *result, *value; /* owned */
  clv_predict_record     record;         /* owned */
  clv_best_list          best;
  double                 T_range[2];
  bool                   has_spend, has_forever;
  bool                   has_new_segment; /* the fit learned a population of segments */
} predict;

static void predict_clear(predict *p) {
  clv_progress_free(&p->progress);
  if (p->predictions != NULL) (void)clv_predictions_commit(&p->predictions, CLV_EFAULT);
  clv_forecast_free(&p->forecast);
  clv_theta_free(&p->theta);
  clv_theta_free(&p->spend_theta);
  clv_posterior_shifts_free(p->shift);
  clv_draws_free(&p->draws);
  clv_portfolio_close(&p->portfolio);
  clv_fit_ops_close(&p->ops);
  clv_predict_names_free(&p->names);
  clv_predict_kept_free(&p->kept);
  clv_exact_sum_free(&p->totals);
  clv_predict_record_free(&p->record);
  free(p->portfolio_path), free(p->trace_path), free(p->csv_path), free(p->h5_path), free(p->new_path);
  free(p->row), free(p->result), free(p->value), free(p->vector);
}

static clv_status paths_name(predict *p) {
  clv_status st;
  CLV_TRY(clv_config_run_path(p->config, "portfolio.h5", &p->portfolio_path));
  CLV_TRY(clv_config_run_path(p->config, "trace.nc", &p->trace_path));
  CLV_TRY(clv_config_run_path(p->config, "predictions.csv", &p->csv_path));
  CLV_TRY(clv_config_run_path(p->config, "predictions.h5", &p->h5_path));
  CLV_TRY(clv_config_run_path(p->config, "new_customer.json", &p->new_path));
out:
  return st;
}

static const clv_portfolio_facts *facts_of(const predict *p) { return clv_portfolio_facts_get(p->portfolio); }

/* A round that every rank takes part in, over customers [begin, returned end) with end <= most: this rank's
 * are
 * [*first, *last). */
static uint64_t round_slice(const predict *p, uint64_t begin, uint64_t most, uint64_t *first,
                            uint64_t *last) {
  const uint64_t step = (uint64_t)CUSTOMERS_AT_ONCE * (uint64_t)clv_comm_size(p->world);
  const uint64_t n    = most - begin < step ? most - begin : step;
  clv_slice_of(n, clv_comm_rank(p->world), clv_comm_size(p->world), first, last);
  *first += begin;
  *last += begin;
  return begin + n;
}

static int key_compare(const void *a, const void *b) {
  const clv_forecast_key *x = a, *y = b;
  if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
  return x->x < y->x ? -1 : x->x > y->x;
}

static size_t keys_unite(clv_forecast_key *key, size_t n) {
  size_t last = 0;
  if (n == 0) return 0;
  qsort(key, n, sizeof *key, key_compare);
  for (size_t i = 1; i < n; i++) {
    if (key_compare(&key[i], &key[last]) == 0)
      key[last].n += key[i].n;
    else
      key[++last] = key[i];
  }
  return last + 1;
}

/* Distinct vectors of covariates, where tables over T for each of them with each segment and x are cheaper
 * than asking for every customer: a function of the portfolio alone. Collective. */
static clv_status vectors_find(predict *p, const clv_cell_columns *c) {
  enum { NODES = 16 }; /* of a table, about */
  const size_t   n = c->n_covariate;
  const uint64_t batch =
      facts_of(p)->n_customer < CUSTOMERS_AT_ONCE ? facts_of(p)->n_customer : CUSTOMERS_AT_ONCE;
  clv_vector_set *keys = NULL, *vectors = NULL;
  double          key[2 + CLV_COVARIATE_MAX];
  if (n == 0) return CLV_OK;
  clv_status st = clv_vector_set_new(2 + n, (size_t)batch / NODES, &keys);
  if (st == CLV_OK) st = clv_vector_set_new(n, (size_t)batch / NODES, &vectors);
  CLV_TRY(clv_comm_agree(p->world, st));
  for (uint64_t i = 0; i < c->n; i++) {
    key[0] = c->segment[i], key[1] = c->x[i];
    for (size_t k = 0; k < n; k++)
      key[2 + k] = c->covariate[i * n + k] - clv_portfolio_covariate(p->portfolio, k)->center;
    if (!clv_vector_set_add(keys, key)) break;
    (void)clv_vector_set_add(vectors, key + 2);
  }
  CLV_TRY(clv_vector_set_unite(keys, p->world));
  CLV_TRY(clv_vector_set_unite(vectors, p->world));
  p->n_vector = clv_vector_set_n(keys) == 0 ? 0 : clv_vector_set_n(vectors);
  CLV_TRY(clv_comm_agree(p->world, clv_alloc(p->n_vector * n + 1, sizeof *p->vector, (void **)&p->vector)));
  if (p->n_vector > 0) memcpy(p->vector, clv_vector_set_at(vectors, 0), p->n_vector * n * sizeof *p->vector);
out:
  clv_vector_set_free(&keys);
  clv_vector_set_free(&vectors);
  return st;
}

/* From the distinct histories: which (segment, x) there are, and the range of T. They are what the forecast
 * tabulates. */
static clv_status histories_scan(predict *p, clv_forecast_key **keys, size_t *n_keys) {
  const clv_blocks blocks =
      clv_blocks_of(facts_of(p)->n_cell, clv_comm_rank(p->world), clv_comm_size(p->world));
  clv_cell_columns  c    = {0};
  clv_forecast_key *mine = NULL;
  size_t            n = (size_t)(blocks.last - blocks.first), bytes = 0;
  double            least = INFINITY, most = 0.0;
  clv_status        st = clv_portfolio_read_cells(p->portfolio, blocks.first, n, &c);
  if (st < 0) goto out;
  CLV_TRY(clv_comm_agree(p->world, clv_alloc(n + 1, sizeof *mine, (void **)&mine)));
  for (size_t i = 0; i < n; i++) {
    mine[i] = (clv_forecast_key){.segment = c.segment[i], .x = c.x[i], .n = 1};
    least   = fmin(least, c.T[i]);
    most    = fmax(most, c.T[i]);
  }
  n = keys_unite(mine, n);
  clv_comm_min_f64(p->world, &least, 1);
  clv_comm_max_f64(p->world, &most, 1);
  CLV_TRY(vectors_find(p, &c));
  CLV_TRY(clv_comm_allgatherv(p->world, mine, n * sizeof *mine, (void **)keys, &bytes, NULL));
  *n_keys       = keys_unite(*keys, bytes / sizeof **keys);
  p->T_range[0] = least, p->T_range[1] = most;
out:
  clv_cell_columns_free(&c);
  free(mine);
  return st;
}

static clv_status forecast_make(predict *p) {
  const clv_config      *c       = p->config;
  const clv_process_ops *process = p->ops.process;
  const clv_spend_ops   *spend   = p->ops.spend;
  const size_t most = (size_t)c->predict.draws, n_segment = facts_of(p)->n_segment + p->has_new_segment;
  const double units_of_year = 365.25 / clv_time_unit_days(c->data.time_unit);
  clv_status   st            = CLV_OK;
  CLV_TRY(clv_fit_ops_need(&p->ops, c));
  CLV_TRY(clv_theta_take(p->draws, process->parameter, process->n_parameter, n_segment, most, &p->theta));
  if (p->has_new_segment && process->coordinates == NULL)
    CLV_TRY(clv_theta_new_means(p->draws, process->parameter, c->sampler.seed, &p->theta));
  else if (p->has_new_segment)
    CLV_TRY(clv_theta_new_segment(p->draws, process->coordinates, c->sampler.seed, 0, &p->theta));
  if (spend != NULL)
    CLV_TRY(clv_theta_take(p->draws, spend->parameter, spend->n_parameter, n_segment, most, &p->spend_theta));
  if (spend != NULL && p->has_new_segment && spend->coordinates == NULL)
    CLV_TRY(clv_theta_new_means(p->draws, spend->parameter, c->sampler.seed, &p->spend_theta));
  else if (spend != NULL && p->has_new_segment)
    CLV_TRY(clv_theta_new_segment(p->draws, spend->coordinates, c->sampler.seed, 1, &p->spend_theta));
  CLV_TRY(clv_posterior_shifts_take(p->draws, p->portfolio, c, process, spend, &p->theta, p->shift));
  const clv_forecast_plan plan = {.process     = process,
                                  .spend       = spend,
                                  .n_draw      = p->theta.n_draw,
                                  .n_segment   = n_segment,
                                  .theta       = p->theta.value,
                                  .spend_theta = p->spend_theta.value,
                                  .shift       = p->shift[0].shift,
                                  .spend_shift = p->shift[1].shift,
                                  .n_covariate = (size_t)facts_of(p)->n_covariate,
                                  .vector      = p->vector,
                                  .n_vector    = p->n_vector,
                                  .n_horizon   = c->predict.horizon.n,
                                  .n_quantile  = c->predict.quantiles.n,
                                  .horizon     = c->predict.horizon.item,
                                  .quantile    = c->predict.quantiles.item,
                                  .delta       = log1p(c->predict.discount_rate) / units_of_year,
                                  .margin      = c->predict.margin,
                                  .T_least     = p->T_range[0],
                                  .T_most      = p->T_range[1]};
  CLV_TRY(clv_forecast_new(&plan, &p->forecast));
  CLV_TRY(clv_predict_names_make(c, p->has_spend, p->has_forever, &p->names));
  CLV_CHECK(p->names.n_quantity == clv_forecast_n_quantity(p->forecast));
  CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, sizeof *p->row, (void **)&p->row));
  CLV_TRY(
      clv_alloc(CUSTOMERS_AT_ONCE, clv_forecast_width(p->forecast) * sizeof *p->result, (void **)&p->result));
  CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, p->names.n_column * sizeof *p->value, (void **)&p->value));
  CLV_TRY(clv_exact_sum_new(p->names.n_quantity, &p->totals));
out:
  return st;
}

static clv_status predict_begin(predict *p) {
  clv_forecast_key *keys   = NULL;
  size_t            n_keys = 0;
  clv_status        st;
  CLV_TRY(clv_comm_agree(p->world, paths_name(p)));
  CLV_TRY(clv_portfolio_open(p->world, p->portfolio_path, &p->portfolio));
  CLV_TRY(clv_draws_read(p->world, p->trace_path, false, &p->draws));
  CLV_TRY(clv_theta_check(p->world, p->trace_path, p->portfolio));
  CLV_TRY(clv_fit_ops_open(p->world, p->config, facts_of(p), &p->ops));
  p->has_spend       = p->ops.has_spend;
  p->has_forever     = p->has_spend && p->config->predict.discount_rate > 0.0;
  p->has_new_segment = p->ops.plugin == NULL && clv_theta_has_population(p->draws);
  CLV_TRY(histories_scan(p, &keys, &n_keys));
  CLV_TRY(clv_comm_agree(p->world, forecast_make(p)));
  CLV_TRY(clv_predict_kept_find(p->world, p->portfolio, p->config, &p->kept));
  CLV_TRY(clv_comm_agree(p->world, clv_progress_new(p->world, "predict", facts_of(p)->n_customer,
                                                    p->context->quiet, &p->progress)));
  if (p->shift[0].shift.shifts == NULL) CLV_TRY(clv_forecast_tabulate(p->forecast, p->world, keys, n_keys));
  const clv_predictions_plan plan = {.csv_path   = p->csv_path,
                                     .h5_path    = p->h5_path,
                                     .n_customer = facts_of(p)->n_customer,
                                     .n_column   = p->names.n_column,
                                     .column     = (const char *const *)p->names.column,
                                     .portfolio  = facts_of(p)->content};
  CLV_TRY(clv_predict_record_open(p->world, p->config, facts_of(p)->content, &p->record));
  if (p->record.done > 0) CLV_TRY(clv_predictions_resume(p->world, &plan, p->record.at, &p->predictions));
  if (p->predictions == NULL) {
    p->record.done = 0;
    if (clv_comm_rank(p->world) == 0) clv_predict_record_remove(&p->record);
    CLV_TRY(clv_predictions_create(p->world, &plan, &p->predictions));
  }
out:
  free(keys);
  return st;
}

/* ---- customers ---- */

static void rows_fill(predict *p, const clv_customer_columns *c) {
  for (uint64_t i = 0; i < c->n; i++)
    p->row[i] = (clv_forecast_row){.who         = customer_at(c, i),
                                   .segment     = c->segment[i],
                                   .place       = (uint32_t)i,
                                   .covariate   = covariates_at(c, i),
                                   .n_covariate = c->n_covariate};
}

/* Facts, then the summaries, as the columns go. */
static void values_fill(predict *p, const clv_customer_columns *c) {
  const size_t width = clv_forecast_width(p->forecast);
  for (uint64_t i = 0; i < c->n; i++) {
    double *to = p->value + i * p->names.n_column;
    to[0] = (double)c->x[i], to[1] = c->t_x[i], to[2] = c->T[i], to[3] = c->spend[i];
    memcpy(to + p->names.n_fact, p->result + i * width, width * sizeof *to);
  }
}

static size_t shown_quantity(const predict *p) { return p->has_spend ? 2 + p->config->predict.horizon.n : 1; }

static void best_look(predict *p, const clv_customer_columns *c, const char *id, const uint64_t *offset) {
  const size_t width = clv_forecast_width(p->forecast), n_summary = 2 + p->config->predict.quantiles.n;
  const size_t shown = shown_quantity(p), last = 1 + p->config->predict.quantiles.n;
  for (uint64_t i = 0; i < c->n; i++) {
    const double *r = p->result + i * width;
    clv_best      b = {.key = r[shown * n_summary], .index = c->first + i};
    if (p->best.n == CLV_BEST_MOST && !(b.key > p->best.item[CLV_BEST_MOST - 1].key)) continue;
    const int length = offset[i + 1] - offset[i] < CLV_BEST_ID_MOST ? (int)(offset[i + 1] - offset[i])
                                                                    : CLV_BEST_ID_MOST - 1;
    snprintf(b.id, sizeof b.id, "%.*s", length, id + offset[i]);
    const double value[CLV_BEST_VALUES] = {
        (double)c->x[i],
        c->t_x[i],
        r[0],
        r[n_summary],
        p->has_spend ? r[(1 + p->config->predict.horizon.n) * n_summary] : NAN,
        r[shown * n_summary],
        r[shown * n_summary + 2],
        r[shown * n_summary + last]};
    memcpy(b.value, value, sizeof value);
    clv_best_offer(&p->best, &b);
  }
}

static void totals_add(predict *p, uint64_t n) {
  const size_t width = clv_forecast_width(p->forecast), n_summary = 2 + p->config->predict.quantiles.n;
  for (uint64_t i = 0; i < n; i++)
    for (size_t q = 0; q < p->names.n_quantity; q++)
      clv_exact_sum_add_at(p->totals, q, p->result[i * width + q * n_summary]);
}

/* The summaries out of the columns: of rows that an earlier call has written. */
static clv_status values_read(predict *p, const clv_customer_columns *c) {
  const size_t width = clv_forecast_width(p->forecast);
  clv_status   st    = clv_predictions_get(p->predictions, c->first, c->n, p->value);
  for (uint64_t i = 0; st == CLV_OK && i < c->n; i++)
    memcpy(p->result + i * width, p->value + i * p->names.n_column + p->names.n_fact,
           width * sizeof *p->result);
  return st;
}

/* Collective: a rank whose slice is empty takes part. @param is_done  an earlier call has written these rows
 */
static clv_status round_predict(predict *p, uint64_t first, uint64_t last, bool is_done) {
  clv_customer_columns c      = {0};
  char                *id     = NULL;
  uint64_t            *offset = NULL;
  clv_status           st     = CLV_OK;
  CLV_TRY(clv_portfolio_read_customers(p->portfolio, first, last - first, &c));
  CLV_TRY(clv_portfolio_read_ids(p->portfolio, first, last - first, &id, &offset));
  clv_covariates_center(p->portfolio, &c);
  rows_fill(p, &c);
  st = is_done ? values_read(p, &c) : clv_forecast_summarise(p->forecast, c.n, p->row, p->result);
  if (st == CLV_OK) st = clv_predict_kept_add(&p->kept, p->forecast, &c, p->config->sampler.seed);
  CLV_TRY(clv_comm_agree(p->world, st));
  values_fill(p, &c);
  best_look(p, &c, id, offset);
  totals_add(p, c.n);
  if (!is_done) CLV_TRY(clv_predictions_put(p->predictions, first, c.n, id, offset, p->value));
out:
  clv_customer_columns_free(&c);
  free(id);
  free(offset);
  return st;
}

/* ---- what the user sees ---- */

static void best_print(const predict *p) {
  const clv_doubles *q = &p->config->predict.quantiles;
  printf("%-20s %9s %8s %8s %10s", "customer", "frequency", "recency", "P(alive)", "purchases");
  if (p->has_spend) printf(" %10s %11s", "spend", "CLV");
  printf("   %g %% to %g %%\n", 100.0 * q->item[0], 100.0 * q->item[q->n - 1]);
  for (size_t i = 0; i < p->best.n; i++) {
    const clv_best *b = &p->best.item[i];
    printf("%-20.20s %9.0f %8.2f %8.3f %10.2f", b->id, b->value[0], b->value[1], b->value[2], b->value[3]);
    if (p->has_spend) printf(" %10.2f %11.2f", b->value[4], b->value[5]);
    printf("   %.2f to %.2f\n", b->value[6], b->value[7]);
  }
}

static void table_print(const predict *p, const double *total) {
  const clv_portfolio_facts *facts   = facts_of(p);
  const double               horizon = p->config->predict.horizon.item[0];
  printf("the best customers by %s over %g %ss, with %zu posterior draws\n",
         p->has_spend ? "lifetime value" : "expected purchases", horizon, facts->time_unit, p->theta.n_draw);
  if (p->config->predict.quantiles.n > 0) best_print(p);
  printf("all %llu customers: %.0f alive, %.0f purchases expected", (unsigned long long)facts->n_customer,
         total[0], total[1]);
  if (p->has_spend) printf(", lifetime value %.2f", total[shown_quantity(p)]);
  printf("\n  %s\n  %s\n", p->csv_path, p->h5_path);
}

static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* What to expect of somebody who buys for the first time, per segment, and in a segment that has not been
 * seen. */
static clv_status new_customer_write(predict *p) {
  const size_t n_segment = facts_of(p)->n_segment;
  json_t      *root      = json_object();
  for (size_t g = 0; g < n_segment + p->has_new_segment; g++) {
    const char *name = g < n_segment ? clv_portfolio_segment(p->portfolio, g) : NEW_SEGMENT;
    json_t     *one  = json_object();
    clv_forecast_new_customer(p->forecast, (uint32_t)g, p->result);
    for (size_t k = p->names.n_fact; k < p->names.n_column; k++)
      json_object_set_new(one, p->names.column[k], number_or_null(p->result[k - p->names.n_fact]));
    json_object_set_new(root, name, one);
  }
  char      *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
  clv_status st   = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", p->new_path)
                                 : clv_file_write(p->new_path, text, strlen(text));
  free(text);
  json_decref(root);
  return st;
}

static clv_status predict_end(predict *p) {
  double    *total = NULL;
  clv_status st    = clv_alloc(p->names.n_quantity, sizeof *total, (void **)&total);
  CLV_TRY(clv_comm_agree(p->world, st));
  CLV_TRY(clv_exact_sum_total(p->totals, p->world, total));
  CLV_TRY(clv_best_share(&p->best, p->world));
  CLV_TRY(clv_predict_kept_write(&p->kept, p->world, p->predictions, p->forecast, &p->names));
  CLV_TRY(clv_comm_agree(p->world, clv_comm_rank(p->world) == 0 ? new_customer_write(p) : CLV_OK));
  if (clv_comm_rank(p->world) == 0) clv_predict_record_remove(&p->record);
  CLV_TRY(clv_predictions_commit(&p->predictions, CLV_OK));
  clv_progress_finish(p->progress);
  if (clv_comm_rank(p->world) == 0) table_print(p, total);
out:
  free(total);
  return st;
}

/* ---- the run ---- */

/* Rows [0, done) become durable, and are recorded as such. Collective. */
static clv_status ranges_save(predict *p, uint64_t done) {
  int64_t    at = 0;
  clv_status st = CLV_OK;
  CLV_TRY(clv_predictions_save(p->predictions, &at));
  CLV_TRY(clv_predict_record_save(&p->record, p->world, done, at));
out:
  return st;
}

/* After a round: a signal on any rank stops all; rank 0's clock says when to save. Collective. */
static clv_status round_end(predict *p, uint64_t done) {
  const uint64_t all    = facts_of(p)->n_customer;
  int64_t        ask[2] = {clv_stop_wanted(),
                           clv_comm_rank(p->world) == 0 &&
                               clv_clock() - p->record.saved_at >= p->config->sampler.checkpoint_every};
  clv_status     st     = CLV_OK;
  if (clv_stop_status_asked())
    clv_progress_tell(p->progress, done, NULL);
  else
    clv_progress_update(p->progress, done, NULL);
  clv_comm_max_i64(p->world, ask, 2);
  if (done == all || (ask[0] == 0 && ask[1] == 0)) return CLV_OK;
  CLV_TRY(ranges_save(p, done));
  if (ask[0] == 0) return CLV_OK;
  clv_predictions_leave(&p->predictions);
  st = clv_fail(
      CLV_EINTERRUPT,
      "interrupted after %llu of %llu customers; they are saved, run the same command again to go on",
      (unsigned long long)done, (unsigned long long)all);
out:
  return st;
}

static clv_status predict_run(const clv_job_context *context) {
  predict    p = {.context = context, .world = context->world, .config = context->config};
  uint64_t   first, last;
  clv_status st;
  CLV_TRY(predict_begin(&p));
  const uint64_t all = facts_of(&p)->n_customer, before = p.record.done;
  for (uint64_t begin = 0; begin < before;) {
    begin = round_slice(&p, begin, before, &first, &last);
    CLV_TRY(round_predict(&p, first, last, true));
  }
  for (uint64_t begin = before; begin < all;) {
    begin = round_slice(&p, begin, all, &first, &last);
    CLV_TRY(round_predict(&p, first, last, false));
    CLV_TRY(round_end(&p, begin));
  }
  CLV_TRY(predict_end(&p));
out:
  predict_clear(&p);
  return st;
}

const clv_job CLV_JOB_PREDICT = {
    .name         = "predict",
    .summary      = "lifetime values of all customers: predictions.csv, predictions.h5",
    .needs_config = true,
    .listens      = true,
    .run          = predict_run,
};
