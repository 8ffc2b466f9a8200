#include "jobs/predict_kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/customer_at.h"

void clv_predict_kept_free(clv_predict_kept *self) {
  clv_kept_customers_free(&self->who);
  free(self->mine);
  *self = (clv_predict_kept){0};
}

clv_status clv_predict_kept_find(const clv_comm *comm, const clv_portfolio *portfolio,
                                 const clv_config *config, clv_predict_kept *out) {
  *out = (clv_predict_kept){0};
  return clv_kept_customers_find(comm, portfolio, config, &out->who);
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
  for (uint64_t i = 0; i < c->n && self->who.n > 0; i++) {
    if (!clv_kept_customers_has(&self->who, c->first + i)) continue;
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
  clv_status             st  = clv_alloc(self->who.n * n_draw + 1, sizeof *one, (void **)&one);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t i = 0; i < self->who.n; i++) one[i] = (double)self->who.index[i];
  CLV_TRY(clv_predictions_matrix(to, "customer", self->who.n, 1, one));
  for (size_t k = 0; k < n_row; k++) {
    for (size_t i = 0; all != NULL && i < self->who.n; i++)
      memcpy(one + i * n_draw, all + (i * n_row + k) * n_draw, n_draw * sizeof *one);
    CLV_TRY(clv_predictions_matrix(
        to, k < names->n_quantity ? names->quantity[k] : process->latent[k - names->n_quantity], self->who.n,
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
  if (self->who.n == 0) return CLV_OK;
  CLV_TRY(clv_comm_gather(comm, self->mine, self->n_mine * self->n_row * self->n_draw * sizeof *self->mine, 0,
                          (void **)&all, &bytes, NULL));
  CLV_TRY(rows_write(self, comm, to, forecast, names, all));
out:
  free(all);
  return st;
}
