/* gamma_value keeps the promises of model.h: the same posterior from customers in another order; a
 * customer's likelihood and gradient are the model's. */
#include <math.h>
#include <stdio.h>

#include "engine/models/conformance.h"
#include "engine/models/conformance_forecast.h"
#include "engine/models/gamma_value.h"

enum { N = 900, SEGMENTS = 2, WAYS = 2 };

typedef struct made {
  uint32_t     x[N], segment[N];
  double       mean[N], mean_log[N];
  clv_customer who[N];
} made;

/* Some steady subscribers with equal amounts, whose likelihood has no mode in the shape. */
static void made_fill(made *m) {
  static const double THETA[SEGMENTS][5] = {{2.0, 30.0, 0.6, 0.5, 1.5}, {6.0, 80.0, 0.3, 0.4, 1.0}};
  for (size_t i = 0; i < N; i++) {
    double  amount[64], total = 0.0, logs = 0.0;
    clv_rng rng   = clv_rng_at(11, CLV_RNG_SIMULATE, i, 0, 0);
    m->segment[i] = i >= 2 * N / 3;
    m->x[i]       = 1 + (uint32_t)(clv_rng_exponential(&rng) * 3.0) % 40;
    CLV_GAMMA_VALUE_SPEND.simulate(THETA[m->segment[i]], m->x[i], &rng, amount);
    for (uint32_t k = 0; k < m->x[i]; k++) {
      if (i % 50 == 0) amount[k] = amount[0];
      total += amount[k], logs += log(amount[k]);
    }
    m->mean[i] = total / m->x[i], m->mean_log[i] = logs / m->x[i];
    m->who[i] = (clv_customer){.x              = m->x[i],
                               .n_spend        = m->x[i],
                               .positive_spend = m->mean[i],
                               .spend          = m->mean[i],
                               .log_spend      = m->mean_log[i]};
  }
}

static void made_reverse(const made *from, made *to) {
  for (size_t i = 0; i < N; i++) {
    const size_t k = N - 1 - i;
    to->x[i] = from->x[k], to->segment[i] = from->segment[k], to->mean[i] = from->mean[k],
    to->mean_log[i] = from->mean_log[k];
  }
}

static clv_spends spends_of(const clv_comm *comm, const made *m, size_t n_segment) {
  const clv_blocks b = clv_blocks_of(N, clv_comm_rank(comm), clv_comm_size(comm));
  return (clv_spends){.blocks         = b,
                      .segment        = n_segment > 1 ? m->segment + b.first : NULL,
                      .x              = m->x + b.first,
                      .mean           = m->mean + b.first,
                      .mean_log       = m->mean_log + b.first,
                      .n_segment      = n_segment,
                      .rescale_factor = 1.0};
}

static clv_status conforms(const clv_comm *comm, const made *plain, const made *reversed, size_t n_segment) {
  clv_model        model[WAYS] = {{0}};
  clv_conformance  found;
  clv_status       st;
  const clv_spends one = spends_of(comm, plain, n_segment), other = spends_of(comm, reversed, n_segment);
  CLV_TRY(clv_gamma_value_new(comm, &one, NULL, &model[0]));
  CLV_TRY(clv_gamma_value_new(comm, &other, NULL, &model[1]));
  CLV_TRY(clv_conformance_check(comm, model, WAYS, &found));
  printf("%zu segments: gradient %.2g and order %.2g of what is allowed\n", n_segment, found.gradient,
         found.variant);
out:
  for (int w = 0; w < WAYS; w++) clv_model_free(&model[w]);
  return st;
}

static clv_status spend_belongs(const clv_comm *alone, const made *m) {
  clv_model              model  = {0};
  clv_conformance_report report = {.n = 0};
  const clv_spends       spends = spends_of(alone, m, 1);
  clv_status             st     = clv_gamma_value_new(alone, &spends, NULL, &model);
  if (st < 0) return st;
  const clv_forecast_trial trial = {
      .model = &model, .spend = &CLV_GAMMA_VALUE_SPEND, .who = m->who, .n = N, .is_all = true};
  st = clv_conformance_forecast(alone, &trial, &report);
  if (st == CLV_OK && report.n < 4) st = clv_fail(CLV_EFAULT, "too little was compared");
  clv_model_free(&model);
  return st;
}

int main(int argc, char **argv) {
  static made plain, reversed;
  clv_comm   *comm = NULL, *alone = NULL;
  clv_status  st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  made_fill(&plain);
  made_reverse(&plain, &reversed);
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_comm_self(&alone));
  CLV_TRY(conforms(comm, &plain, &reversed, 1));
  CLV_TRY(conforms(comm, &plain, &reversed, SEGMENTS));
  CLV_TRY(spend_belongs(alone, &plain));
out:
  if (st < 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&alone);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
