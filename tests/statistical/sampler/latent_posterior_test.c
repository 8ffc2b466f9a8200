/* The posterior of a hierarchical normal, hyperparameters and every customer's own parameters, against its
 * closed form; the streamed R-hat and effective draws with it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/posterior/diagnostics.h"
#include "engine/sampler/latent_sampler.h"
#include "tests/unit/sampler/flock.h"

enum { CUSTOMERS = 1500, CHAINS = 4, DRAWS = 800 };
static const clv_sampler_plan PLAN = {CHAINS, 400, DRAWS, 0.8, 10, 5};

static int mu_check(const clv_latent_leg *leg, int k) {
  double           mean, sd, sum = 0.0, square = 0.0;
  const clv_series series = {leg->leg.phi + k, CHAINS, DRAWS, 2 * DRAWS, 2};
  const double     ess = clv_ess_bulk(&series), n = CHAINS * DRAWS;
  flock_mu(CUSTOMERS, k, &mean, &sd);
  for (size_t i = 0; i < CHAINS * DRAWS; i++) sum += leg->leg.phi[2 * i + (size_t)k];
  for (size_t i = 0; i < CHAINS * DRAWS; i++) square += pow(leg->leg.phi[2 * i + (size_t)k] - sum / n, 2);
  const double z    = (sum / n - mean) / (sd / sqrt(ess)),
               z_sd = (sqrt(square / n) / sd - 1.0) * sqrt(2.0 * ess);
  const int bad     = !(fabs(z) < 4.0 && fabs(z_sd) < 4.0 && ess > 400.0);
  if (bad)
    fprintf(stderr, "mu_%d: mean off by %.2f, sd by %.2f standard errors at ESS %.0f\n", k, z, z_sd, ess);
  return bad;
}

/* Standardised errors of 2 × 1500 means are N(0, 1) where the streamed ESS is right; the largest of 3000
 * stays below 5 (P = 0.002) and their mean square is 1 within the noise of the ESS itself, a few per cent. */
static int customers_check(const clv_latent_sampler *sampler) {
  clv_latent_result *result = NULL;
  double             square = 0.0, worst = 0.0, sd_off = 0.0, r_hat = 0.0;
  if (clv_calloc(2 * CLV_LATENT_BLOCK, sizeof *result, (void **)&result) < 0) return 1;
  for (uint64_t i = 0; i < CUSTOMERS; i++) {
    if (i % CLV_LATENT_BLOCK == 0) clv_latent_sampler_result(sampler, (size_t)(i / CLV_LATENT_BLOCK), result);
    for (int k = 0; k < 2; k++) {
      const clv_latent_result *r = &result[(size_t)k * CLV_LATENT_BLOCK + i % CLV_LATENT_BLOCK];
      double                   mean, sd;
      flock_theta(CUSTOMERS, i, k, &mean, &sd);
      const double z = (r->mean - mean) / (sd / sqrt(r->ess));
      square += z * z / (2.0 * CUSTOMERS);
      worst = fmax(worst, fabs(z));
      sd_off += (r->sd / sd - 1.0) / (2.0 * CUSTOMERS);
      r_hat = fmax(r_hat, r->r_hat);
    }
  }
  free(result);
  const int bad = !(square > 0.85 && square < 1.25 && worst < 5.0 && fabs(sd_off) < 0.01 && r_hat < 1.05);
  if (bad)
    fprintf(stderr, "customers: mean square z %.3f, worst %.2f, sd off by %.4f, worst R-hat %.4f\n", square,
            worst, sd_off, r_hat);
  return bad;
}

int main(int argc, char **argv) {
  clv_comm           *comm    = NULL;
  clv_latent_model    model   = {0};
  clv_latent_sampler *sampler = NULL;
  clv_latent_leg      leg;
  int                 bad = 1;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&comm) < 0) return 1;
  if (flock_new(comm, CUSTOMERS, INFINITY, &model) < 0 ||
      clv_latent_sampler_new(comm, &model, &PLAN, NULL, 0, &sampler) < 0 ||
      clv_latent_sampler_run(sampler, PLAN.num_warmup, NULL, &leg) < 0 ||
      clv_latent_sampler_run(sampler, DRAWS, NULL, &leg) < 0)
    goto out;
  bad = mu_check(&leg, 0) | mu_check(&leg, 1) | customers_check(sampler);
out:
  if (bad) fprintf(stderr, "%s\n", clv_message());
  clv_latent_sampler_free(&sampler);
  clv_latent_model_free(&model);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return bad;
}
