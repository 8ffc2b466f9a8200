/* Simulation-based calibration of pareto_nbd + gamma_gamma with covariates, as calibration.c without.
 *
 *   clv_calibration_covariates FIRST LAST CUSTOMERS ROWS [LENGTH] > ranks.csv
 *
 * An indicator and a number act on purchases, the indicator on dropout, the number on spend. ROWS 0: the
 * number has two values, so that customers come in four groups; 1: it is continuous, so that likelihoods are
 * summed row by row. LENGTH makes warm-up, draws and thinning so many times as long. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/topology.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/joint.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"
#include "ranks.h"

enum {
  N_VALUE    = 11,
  N_CHAIN    = 2,
  N_WARMUP   = 200,
  N_DRAW     = 150,
  THIN       = 2,
  MOST_TIMES = 4096,
  SEED       = 20260711
};

/* In the order of the model's values. */
static const char *const NAME[N_VALUE] = {"r",
                                          "alpha",
                                          "s",
                                          "beta",
                                          "gamma_purchases[club]",
                                          "gamma_purchases[age]",
                                          "gamma_dropout[club]",
                                          "p",
                                          "q",
                                          "v",
                                          "gamma_spend[age]"};

static const clv_prior_text PRIOR[] = {
    {"r", "lognormal(-0.5, 0.4)"},         {"alpha", "lognormal(1.8, 0.4)"},
    {"s", "lognormal(-0.5, 0.4)"},         {"beta", "lognormal(2.5, 0.4)"},
    {"gamma_purchases", "normal(0, 0.5)"}, {"gamma_dropout", "normal(0, 0.5)"}};
static const clv_prior_text SPEND_PRIOR[] = {{"p", "lognormal(1.5, 0.4)"},
                                             {"q", "lognormal(1.3, 0.3)"},
                                             {"v", "lognormal(2.7, 0.4)"},
                                             {"gamma_spend", "normal(0, 0.5)"}};

typedef struct portfolio {
  size_t    n, n_spend;
  uint32_t *x, *spend_x;
  double   *t_x, *T, *mean;
  double (*w)[2], (*spend_w)[2];
} portfolio;

static void portfolio_alloc(portfolio *p, size_t n) {
  p->n       = n;
  p->x       = calloc(n, sizeof *p->x);
  p->spend_x = calloc(n, sizeof *p->spend_x);
  p->t_x     = calloc(n, sizeof *p->t_x);
  p->T       = calloc(n, sizeof *p->T);
  p->mean    = calloc(n, sizeof *p->mean);
  p->w       = calloc(n, sizeof *p->w);
  p->spend_w = calloc(n, sizeof *p->spend_w);
  if (p->x == NULL || p->spend_x == NULL || p->t_x == NULL || p->T == NULL || p->mean == NULL ||
      p->w == NULL || p->spend_w == NULL)
    exit(1);
}

static void portfolio_free(portfolio *p) {
  free(p->x), free(p->spend_x), free(p->t_x), free(p->T), free(p->mean), free(p->w), free(p->spend_w);
}

/* One customer, his parameters written out. */
static void customer_simulate(portfolio *p, size_t i, const double *value, clv_rng *rng) {
  static double time[MOST_TIMES], amount[MOST_TIMES];
  const double *w        = p->w[i];
  const double  theta[4] = {value[0], value[1] * exp(-(value[4] * w[0] + value[5] * w[1])), value[2],
                            value[3] * exp(-value[6] * w[0])},
               spend[3]  = {value[7], value[8], value[9] * exp(value[10] * w[1])};
  double sum             = 0.0;
  size_t x               = clv_process_find("pareto_nbd")->simulate(theta, p->T[i], rng, time, MOST_TIMES);
  if (x > MOST_TIMES) x = MOST_TIMES;
  p->x[i]   = (uint32_t)x;
  p->t_x[i] = x > 0 ? time[x - 1] : 0.0;
  if (x == 0) return;
  CLV_GAMMA_GAMMA_SPEND.simulate(spend, x, rng, amount);
  for (size_t k = 0; k < x; k++) sum += amount[k];
  memcpy(p->spend_w[p->n_spend], w, sizeof p->spend_w[0]);
  p->spend_x[p->n_spend] = (uint32_t)x;
  p->mean[p->n_spend++]  = sum / (double)x;
}

static void portfolio_simulate(portfolio *p, const double *value, uint32_t fit, int by_rows) {
  p->n_spend = 0;
  for (size_t i = 0; i < p->n; i++) {
    clv_rng      rng = clv_rng_at(SEED, CLV_RNG_SIMULATE, i, 0, fit);
    const double u   = clv_rng_uniform(&rng);
    p->T[i]          = 27.0 + 25.0 * clv_rng_uniform(&rng);
    p->w[i][0]       = clv_rng_uniform(&rng) < 0.4 ? 1.0 : 0.0;
    p->w[i][1]       = by_rows ? sqrt(12.0) * (u - 0.5) : (u < 0.5 ? -1.0 : 1.0);
    customer_simulate(p, i, value, &rng);
  }
}

static clv_covariates covariates_of(const double *value) {
  static const uint32_t BOTH[]   = {0, 1};
  static const double   SCALE[2] = {1.0, 1.0};
  return (clv_covariates){.n        = 2,
                          .n_all    = 2,
                          .value    = value,
                          .scale    = SCALE,
                          .n_column = {2, 1, 1},
                          .column   = {BOTH, BOTH, BOTH + 1}};
}

static clv_status model_build(const clv_comm *comm, const portfolio *p, clv_model *out) {
  const clv_prior_texts priors = {PRIOR, sizeof PRIOR / sizeof *PRIOR},
                        money  = {SPEND_PRIOR, sizeof SPEND_PRIOR / sizeof *SPEND_PRIOR};
  const clv_covariates w = covariates_of(p->w[0]), spend_w = covariates_of(p->spend_w[0]);
  const clv_cells      cells   = {.blocks     = clv_blocks_of(p->n, 0, 1),
                                  .x          = p->x,
                                  .t_x        = p->t_x,
                                  .T          = p->T,
                                  .n_segment  = 1,
                                  .covariates = &w};
  const clv_spends     spends  = {.blocks         = clv_blocks_of(p->n_spend, 0, 1),
                                  .x              = p->spend_x,
                                  .mean           = p->mean,
                                  .n_segment      = 1,
                                  .rescale_factor = 1.0,
                                  .covariates     = &spend_w};
  clv_model            part[2] = {{0}};
  clv_status           st      = CLV_OK;
  CLV_TRY(clv_purchases_new("pareto_nbd", &(clv_purchase_data){comm, &cells, &priors}, &part[0]));
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, &money, &part[1]));
  CLV_TRY(clv_joint_new(part, 2, out));
out:
  clv_model_free(&part[0]);
  clv_model_free(&part[1]);
  return st;
}

static clv_status truth_draw(const clv_comm *comm, uint32_t fit, double *value) {
  uint32_t   x[2]   = {1, 2};
  double     t_x[2] = {1.0, 2.0}, T[2] = {3.0, 4.0}, mean[2] = {10.0, 20.0}, w[2][2] = {{0, -1}, {1, 1}};
  portfolio  two   = {2, 2, x, x, t_x, T, mean, w, w};
  clv_model  model = {0};
  double     phi[N_VALUE];
  clv_status st = CLV_OK;
  CLV_TRY(model_build(comm, &two, &model));
  clv_rng rng = clv_rng_at(SEED, CLV_RNG_PRIOR, 0, 0, fit);
  CLV_CHECK(clv_model_n_value(&model) == N_VALUE);
  model.ops->prior_draw(model.self, &rng, phi);
  model.ops->constrain(model.self, phi, value);
out:
  clv_model_free(&model);
  return st;
}

static clv_status fit_one(const clv_comm *comm, const clv_topology *topology, portfolio *p, uint32_t fit,
                          int by_rows, int length) {
  const clv_sampler_plan plan  = {.num_chains     = N_CHAIN,
                                  .num_warmup     = N_WARMUP * length,
                                  .num_samples    = N_DRAW * length,
                                  .target_accept  = 0.8,
                                  .max_tree_depth = 10,
                                  .seed           = 5000 + fit};
  clv_model              model = {0};
  double                 truth[N_VALUE];
  truth_rank             rank[N_VALUE];
  clv_status             st = CLV_OK;
  CLV_TRY(truth_draw(comm, fit, truth));
  portfolio_simulate(p, truth, fit, by_rows);
  CLV_TRY(model_build(comm, p, &model));
  CLV_TRY(ranks_count(topology, &model, &plan, THIN * length, truth, rank));
  for (int j = 0; j < N_VALUE; j++) rank_print(fit, NAME[j], &rank[j]);
  fflush(stdout);
out:
  clv_model_free(&model);
  return st;
}

int main(int argc, char **argv) {
  const int length = argc == 6 ? atoi(argv[5]) : 1;
  if (argc < 5 || argc > 6 || length < 1) {
    fprintf(stderr, "usage: clv_calibration_covariates FIRST LAST CUSTOMERS ROWS [LENGTH]\n");
    return 2;
  }
  const uint32_t first = (uint32_t)atoi(argv[1]), last = (uint32_t)atoi(argv[2]);
  const int      by_rows  = atoi(argv[4]);
  clv_comm      *comm     = NULL;
  clv_topology  *topology = NULL;
  portfolio      p;
  clv_status     st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  portfolio_alloc(&p, (size_t)atoi(argv[3]));
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_topology_new(comm, 1, &topology));
  ranks_head();
  for (uint32_t fit = first; fit < last; fit++) CLV_TRY(fit_one(comm, topology, &p, fit, by_rows, length));
out:
  if (st < 0) fprintf(stderr, "clv_calibration_covariates: %s\n", clv_message());
  portfolio_free(&p);
  clv_topology_free(&topology);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
