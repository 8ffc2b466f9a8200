#include "jobs/predict_kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/customer_at.h"

enum { IDS_AT_ONCE = 1 << 17 };

void clv_predict_kept_free(clv_predict_kept *self) {
  free(self->index);
  free(self->mine);
  *self = (clv_predict_kept){0};
}

static int index_compare(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static bool index_has(const uint64_t *list, size_t n, uint64_t value) {
  return n > 0 && bsearch(&value, list, n, sizeof *list, index_compare) != NULL;
}

/* A sample without replacement (Floyd's), the same on every rank. */
static clv_status sample_draw(const clv_config *config, uint64_t n_customer, clv_predict_kept *out) {
  clv_rng      rng = clv_rng_at(config->sampler.seed, CLV_RNG_SAMPLE, 0, 0, 0);
  const size_t n   = (uint64_t)config->predict.keep_sample < n_customer ? (size_t)config->predict.keep_sample
                                                                        : (size_t)n_customer;
  clv_status   st  = clv_alloc(n + 1, sizeof *out->index, (void **)&out->index);
  for (uint64_t top = n_customer - n; st == CLV_OK && out->n < n; top++) {
    const uint64_t pick  = clv_rng_below(&rng, top + 1),
                   taken = index_has(out->index, out->n, pick) ? top : pick;
    size_t at            = out->n++;
    for (; at > 0 && out->index[at - 1] > taken; at--) out->index[at] = out->index[at - 1];
    out->index[at] = taken;
  }
  return st;
}

/* found[k] becomes the index of the k-th named customer, where this rank has him. */
static void ids_match(const clv_strings *wanted, const char *bytes, const uint64_t *offset, uint64_t first,
                      uint64_t n, int64_t *found) {
  for (uint64_t i = 0; i < n; i++)
    for (size_t k = 0; k < wanted->n; k++) {
      const size_t length = (size_t)(offset[i + 1] - offset[i]);
      if (strlen(wanted->item[k]) == length && memcmp(wanted->item[k], bytes + offset[i], length) == 0)
        found[k] = (int64_t)(first + i);
    }
}

static clv_status ids_scan(const clv_comm *comm, const clv_portfolio *portfolio, const clv_strings *wanted,
                           int64_t *found) {
  const uint64_t all = clv_portfolio_facts_get(portfolio)->n_customer;
  uint64_t       first, last;
  clv_status     st = CLV_OK;
  clv_slice_of(all, clv_comm_rank(comm), clv_comm_size(comm), &first, &last);
  int64_t rounds = (int64_t)((last - first + IDS_AT_ONCE - 1) / IDS_AT_ONCE);
  clv_comm_max_i64(comm, &rounds, 1);
  for (int64_t k = 0; k < rounds; k++) {
    char          *bytes  = NULL;
    uint64_t      *offset = NULL;
    const uint64_t from = first + (uint64_t)k * IDS_AT_ONCE < last ? first + (uint64_t)k * IDS_AT_ONCE : last;
    const uint64_t n    = last - from < IDS_AT_ONCE ? last - from : IDS_AT_ONCE;
    CLV_TRY(clv_portfolio_read_ids(portfolio, from, n, &bytes, &offset));
    ids_match(wanted, bytes, offset, from, n, found);
    free(bytes);
    free(offset);
  }
  clv_comm_max_i64(comm, found, wanted->n);
out:
  return st;
}

static clv_status named_find(const clv_comm *comm, const clv_portfolio *portfolio, const clv_strings *wanted,
                             clv_predict_kept *out) {
  int64_t   *found = NULL;
  clv_status st    = clv_alloc(wanted->n, sizeof *found, (void **)&found);
  if (st == CLV_OK) st = clv_alloc(wanted->n, sizeof *out->index, (void **)&out->index);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t k = 0; k < wanted->n; k++) found[k] = -1;
  CLV_TRY(ids_scan(comm, portfolio, wanted, found));
  for (size_t k = 0; k < wanted->n; k++) {
    if (found[k] < 0)
      CLV_TRY(clv_fail(CLV_EUSAGE,
                       "predict.keep_customers: entry %zu of %zu is no customer of this portfolio", k + 1,
                       wanted->n));
    out->index[out->n++] = (uint64_t)found[k];
  }
  qsort(out->index, out->n, sizeof *out->index, index_compare);
out:
  free(found);
  return st;
}

clv_status clv_predict_kept_find(const clv_comm *comm, const clv_portfolio *portfolio,
                                 const clv_config *config, clv_predict_kept *out) {
  clv_predict_kept kept = {0};
  clv_status       st   = CLV_OK;
  if (config->predict.keep_customers.n > 0)
    CLV_TRY(named_find(comm, portfolio, &config->predict.keep_customers, &kept));
  else if (config->predict.keep_sample > 0)
    CLV_TRY(clv_comm_agree(comm, sample_draw(config, clv_portfolio_facts_get(portfolio)->n_customer, &kept)));
  *out = kept;
  kept = (clv_predict_kept){0};
out:
  clv_predict_kept_free(&kept);
  return st;
}

/* The quantities under every draw, and under each an independent draw of the customer's own parameters. */
static clv_status customer_keep(clv_predict_kept *self, clv_forecast *forecast, const clv_forecast_row *row,
                                uint64_t index, uint64_t seed) {
  const clv_process_ops *process    = clv_forecast_process(forecast);
  const size_t           n_quantity = clv_forecast_n_quantity(forecast);
  clv_status             st         = CLV_OK;
  self->n_draw                      = clv_forecast_n_draw(forecast);
  self->n_row                       = n_quantity + process->n_latent;
  CLV_TRY(
      clv_realloc((self->n_mine + 1) * self->n_row * self->n_draw, sizeof *self->mine, (void **)&self->mine));
  double *to = self->mine + self->n_mine * self->n_row * self->n_draw;
  CLV_TRY(clv_forecast_draws(forecast, row, to));
  const clv_theta_view theta = clv_forecast_theta(forecast);
  for (size_t s = 0; s < self->n_draw; s++) {
    clv_rng rng = clv_rng_at(seed, CLV_RNG_CUSTOMER, index, 0, (uint32_t)s);
    double  latent[CLV_LATENT_MAX];
    process->customer_draw(theta.at + s * theta.stride, &row->who, &rng, latent);
    for (size_t k = 0; k < process->n_latent; k++) to[(n_quantity + k) * self->n_draw + s] = latent[k];
  }
  self->n_mine++;
out:
  return st;
}

clv_status clv_predict_kept_add(clv_predict_kept *self, clv_forecast *forecast, const clv_customer_columns *c,
                                uint64_t seed) {
  clv_status st = CLV_OK;
  for (uint64_t i = 0; i < c->n && self->n > 0; i++) {
    if (!index_has(self->index, self->n, c->first + i)) continue;
    const clv_forecast_row row = {.who         = customer_at(c, i),
                                  .segment     = c->segment[i],
                                  .covariate   = covariates_at(c, i),
                                  .n_covariate = c->n_covariate};
    CLV_TRY(customer_keep(self, forecast, &row, c->first + i, seed));
  }
out:
  return st;
}

/* Row k of every customer's matrix becomes one dataset. `all` [n][n_row][n_draw] on rank 0. */
static clv_status rows_write(const clv_predict_kept *self, const clv_comm *comm, clv_predictions *to,
                             const clv_forecast *forecast, const clv_predict_names *names,
                             const double *all) {
  const clv_process_ops *process = clv_forecast_process(forecast);
  const size_t n_row = names->n_quantity + process->n_latent, n_draw = clv_forecast_n_draw(forecast);
  double      *one = NULL;
  clv_status   st  = clv_alloc(self->n * n_draw + 1, sizeof *one, (void **)&one);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t i = 0; i < self->n; i++) one[i] = (double)self->index[i];
  CLV_TRY(clv_predictions_matrix(to, "customer", self->n, 1, one));
  for (size_t k = 0; k < n_row; k++) {
    for (size_t i = 0; all != NULL && i < self->n; i++)
      memcpy(one + i * n_draw, all + (i * n_row + k) * n_draw, n_draw * sizeof *one);
    CLV_TRY(clv_predictions_matrix(
        to, k < names->n_quantity ? names->quantity[k] : process->latent[k - names->n_quantity], self->n,
        n_draw, one));
  }
out:
  free(one);
  return st;
}

clv_status clv_predict_kept_write(clv_predict_kept *self, const clv_comm *comm, clv_predictions *to,
                                  const clv_forecast *forecast, const clv_predict_names *names) {
  double    *all   = NULL;
  size_t     bytes = 0;
  clv_status st    = CLV_OK;
  if (self->n == 0) return CLV_OK;
  CLV_TRY(clv_comm_gather(comm, self->mine, self->n_mine * self->n_row * self->n_draw * sizeof *self->mine, 0,
                          (void **)&all, &bytes, NULL));
  CLV_TRY(rows_write(self, comm, to, forecast, names, all));
out:
  free(all);
  return st;
}
