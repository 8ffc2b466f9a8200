/* Simulation-based calibration of the purchase models, bg_nbd with gamma_gamma beside it (Talts et al. 2018;
 * bands after Säilynoja, Bürkner & Vehtari 2022).
 *
 *   clv_calibration MODEL FIRST LAST CUSTOMERS > ranks.csv
 *
 * Fits number FIRST … LAST - 1: hyperparameters from the prior, a portfolio from the hyperparameters, a
 * posterior from the portfolio, and the rank of the truth among thinned posterior draws. Where
 * sampler, likelihood, gradient, prior and simulator agree, ranks are uniform. Any of them being off by a
 * little shows. `plot.py` draws the bands and says what lies outside. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/topology.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"
#include "engine/models/joint.h"
#include "engine/sampler/sampler.h"
#include "ranks.h"

enum { VALUES_MOST = 7, SPEND_VALUES = 3, MOST_TIMES = 4096 };

/* A model under test and how it is fitted. */
typedef struct study {
  const char    *model;
  bool           has_spend, is_whole; /* gamma_gamma beside it; ages are whole opportunities */
  double         age_least, age_range;
  int            n_chain, n_warmup, n_draw, thin;
  clv_prior_text prior[VALUES_MOST];
} study;

/* Proper priors on natural parameters, independent of the data, as calibration needs; about the range of
 * published fits. */
#define RATE \
  {"r", "lognormal(-1.0, 0.5)"}, { "alpha", "lognormal(1.5, 0.5)" }
#define DROPOUT \
  {"a", "lognormal(-0.2, 0.5)"}, { "b", "lognormal(0.9, 0.5)" }
#define SPEND \
  {"p", "lognormal(1.5, 0.4)"}, {"q", "lognormal(1.3, 0.3)"}, { "v", "lognormal(2.7, 0.4)" }

static const study STUDY[] = {
    {"bg_nbd", true, false, 27, 25, 4, 500, 400, 4, {RATE, DROPOUT, SPEND}},
    {"mbg_nbd", false, false, 27, 25, 2, 250, 200, 4, {RATE, DROPOUT}},
    {"pareto_nbd",
     false,
     false,
     27,
     25,
     2,
     250,
     200,
     4,
     {RATE, {"s", "lognormal(-0.5, 0.5)"}, {"beta", "lognormal(2.4, 0.5)"}}},
    {"bg_cnbd_3",
     false,
     false,
     27,
     25,
     2,
     250,
     200,
     4,
     {{"r", "lognormal(-0.5, 0.5)"}, {"alpha", "lognormal(0.7, 0.5)"}, DROPOUT}},
    {"mbg_cnbd_2",
     false,
     false,
     27,
     25,
     2,
     250,
     200,
     4,
     {{"r", "lognormal(-0.5, 0.5)"}, {"alpha", "lognormal(0.7, 0.5)"}, DROPOUT}},
    {"bg_bb",
     false,
     true,
     6,
     9,
     2,
     250,
     200,
     4,
     {{"alpha", "lognormal(0.2, 0.5)"},
      {"beta", "lognormal(0.5, 0.5)"},
      {"gamma", "lognormal(-0.3, 0.5)"},
      {"delta", "lognormal(1.2, 0.5)"}}},
    {"pareto_nbd_lognormal",
     false,
     true, /* whole ages: histories share what costs most */
     27,
     25,
     4,
     300,
     200,
     2,
     {{"mean_log_lambda", "normal(-2.5, 0.5)"},
      {"mean_log_mu", "normal(-3.5, 0.5)"},
      {"sd_log_lambda", "lognormal(-0.2, 0.4)"},
      {"sd_log_mu", "lognormal(0.0, 0.4)"},
      {"correlation", "normal(0, 0.4)"}}},
};

static size_t n_value(const study *s) {
  size_t n = 0;
  while (n < VALUES_MOST && s->prior[n].name != NULL) n++;
  return n;
}

static size_t n_purchase_value(const study *s) {
  return s->has_spend ? n_value(s) - SPEND_VALUES : n_value(s);
}

typedef struct portfolio {
  size_t    n, n_spend;
  uint32_t *x, *spend_x;
  double   *t_x, *T, *mean;
} portfolio;

static void portfolio_alloc(portfolio *p, size_t n) {
  p->n       = n;
  p->x       = calloc(n, sizeof *p->x);
  p->spend_x = calloc(n, sizeof *p->spend_x);
  p->t_x     = calloc(n, sizeof *p->t_x);
  p->T       = calloc(n, sizeof *p->T);
  p->mean    = calloc(n, sizeof *p->mean);
  if (p->x == NULL || p->spend_x == NULL || p->t_x == NULL || p->T == NULL || p->mean == NULL) exit(1);
}

static void portfolio_free(portfolio *p) {
  free(p->x), free(p->spend_x), free(p->t_x), free(p->T), free(p->mean);
}

static void portfolio_simulate(const study *s, portfolio *p, const double *theta, uint32_t fit) {
  static double time[MOST_TIMES], amount[MOST_TIMES];
  p->n_spend = 0;
  for (size_t i = 0; i < p->n; i++) {
    clv_rng rng = clv_rng_at(20260101, CLV_RNG_SIMULATE, i, 0, fit);
    p->T[i]     = s->age_least + s->age_range * clv_rng_uniform(&rng);
    if (s->is_whole) p->T[i] = floor(p->T[i]);
    size_t x = clv_process_find(s->model)->simulate(theta, p->T[i], &rng, time, MOST_TIMES);
    if (x > MOST_TIMES) x = MOST_TIMES;
    p->x[i]   = (uint32_t)x;
    p->t_x[i] = x > 0 ? time[x - 1] : 0.0;
    if (x == 0 || !s->has_spend) continue;
    double sum = 0.0;
    CLV_GAMMA_GAMMA_SPEND.simulate(theta + n_purchase_value(s), x, &rng, amount);
    for (size_t k = 0; k < x; k++) sum += amount[k];
    p->spend_x[p->n_spend] = (uint32_t)x;
    p->mean[p->n_spend++]  = sum / (double)x;
  }
}

static clv_status model_build(const clv_comm *comm, const study *s, const portfolio *p, clv_model *out) {
  const clv_prior_texts priors       = {s->prior, n_purchase_value(s)},
                        spend_priors = {s->prior + n_purchase_value(s), SPEND_VALUES};
  const clv_cells cells              = {
                   .blocks = clv_blocks_of(p->n, 0, 1), .x = p->x, .t_x = p->t_x, .T = p->T, .n_segment = 1};
  const clv_spends spends  = {.blocks         = clv_blocks_of(p->n_spend, 0, 1),
                              .x              = p->spend_x,
                              .mean           = p->mean,
                              .n_segment      = 1,
                              .rescale_factor = 1.0};
  clv_model        part[2] = {{0}};
  clv_status       st      = CLV_OK;
  CLV_TRY(clv_purchases_new(s->model, &(clv_purchase_data){comm, &cells, &priors}, &part[0]));
  if (!s->has_spend) {
    *out    = part[0];
    part[0] = (clv_model){0};
    goto out;
  }
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, &spend_priors, &part[1]));
  CLV_TRY(clv_joint_new(part, 2, out));
out:
  clv_model_free(&part[0]);
  clv_model_free(&part[1]);
  return st;
}

static clv_status truth_draw(const clv_comm *comm, const study *s, uint32_t fit, double *theta) {
  uint32_t   x[2]   = {1, 2};
  double     t_x[2] = {1.0, 2.0}, T[2] = {3.0, 4.0}, mean[2] = {10.0, 20.0};
  portfolio  two   = {.n = 2, .n_spend = 2, .x = x, .spend_x = x, .t_x = t_x, .T = T, .mean = mean};
  clv_model  model = {0};
  double     phi[VALUES_MOST];
  clv_status st = CLV_OK;
  CLV_TRY(model_build(comm, s, &two, &model));
  clv_rng rng = clv_rng_at(20260101, CLV_RNG_PRIOR, 0, 0, fit);
  model.ops->prior_draw(model.self, &rng, phi);
  model.ops->constrain(model.self, phi, theta);
out:
  clv_model_free(&model);
  return st;
}

static clv_status study_run(const clv_comm *comm, const study *s, uint32_t first, uint32_t last,
                            portfolio *p) {
  clv_topology *topology = NULL;
  clv_status    st       = CLV_OK;
  CLV_TRY(clv_topology_new(comm, 1, &topology));
  ranks_head();
  for (uint32_t fit = first; fit < last; fit++) {
    clv_model  model = {0};
    double     theta[VALUES_MOST];
    truth_rank rank[VALUES_MOST];
    CLV_TRY(truth_draw(comm, s, fit, theta));
    portfolio_simulate(s, p, theta, fit);
    CLV_TRY(model_build(comm, s, p, &model));
    const clv_sampler_plan plan = {.num_chains     = s->n_chain,
                                   .num_warmup     = s->n_warmup,
                                   .num_samples    = s->n_draw,
                                   .target_accept  = 0.8,
                                   .max_tree_depth = 10,
                                   .seed           = 1000 + fit};
    st                          = ranks_count(topology, &model, &plan, s->thin, theta, rank);
    clv_model_free(&model);
    if (st < 0) goto out;
    for (size_t j = 0; j < n_value(s); j++) rank_print(fit, s->prior[j].name, &rank[j]);
    fflush(stdout);
  }
out:
  clv_topology_free(&topology);
  return st;
}

int main(int argc, char **argv) {
  const study *chosen = NULL;
  for (size_t i = 0; argc == 5 && i < sizeof STUDY / sizeof *STUDY; i++)
    if (strcmp(argv[1], STUDY[i].model) == 0) chosen = &STUDY[i];
  if (chosen == NULL) {
    fprintf(stderr, "usage: clv_calibration MODEL FIRST LAST CUSTOMERS; MODEL is one of");
    for (size_t i = 0; i < sizeof STUDY / sizeof *STUDY; i++) fprintf(stderr, " %s", STUDY[i].model);
    fprintf(stderr, "\n");
    return 2;
  }
  const uint32_t first = (uint32_t)atoi(argv[2]), last = (uint32_t)atoi(argv[3]);
  clv_comm      *comm = NULL;
  portfolio      p;
  clv_status     st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  portfolio_alloc(&p, (size_t)atoi(argv[4]));
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(study_run(comm, chosen, first, last, &p));
out:
  if (st < 0) fprintf(stderr, "clv_calibration: %s\n", clv_message());
  portfolio_free(&p);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
