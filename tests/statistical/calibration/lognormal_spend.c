/* Simulation-based calibration of pareto_nbd_lognormal with spend as its third dimension and a covariate of
 * everything: see calibration.c.
 *
 *   clv_calibration_lognormal_spend FIRST LAST CUSTOMERS [LENGTH] > ranks.csv
 *
 * LENGTH makes warm-up, draws and thinning so many times as long: draws that depend on each other spread
 * ranks. Customers are simulated here from the model's description, not by the engine. An indicator, true of
 * two customers in five, moves the means of all three logarithms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "comm/topology.h"
#include "engine/models/pareto_nbd_lognormal.h"
#include "engine/sampler/sampler.h"
#include "ranks.h"

enum {
  N_VALUE = 13,
  N_LOG   = 3,
  N_GAMMA = 10,
  CHAINS  = 2,
  WARMUP  = 300,
  DRAWS   = 300, /* these three times LENGTH */
  THIN    = 4,
  SEED    = 20260826
};

/* Proper priors, independent of the data. A correlation's own prior is on the partial one. */
static const clv_prior_text  PRIOR[] = {{"mean_log_lambda", "normal(-2.5, 0.5)"},
                                        {"mean_log_mu", "normal(-3.5, 0.5)"},
                                        {"mean_log_spend", "normal(3, 0.7)"},
                                        {"sd_log_lambda", "lognormal(-0.2, 0.4)"},
                                        {"sd_log_mu", "lognormal(0.0, 0.4)"},
                                        {"sd_log_spend", "lognormal(-0.5, 0.4)"},
                                        {"sd_log_amount", "lognormal(-0.5, 0.4)"},
                                        {"correlation", "normal(0, 0.4)"},
                                        {"correlation_lambda_spend", "normal(0, 0.4)"},
                                        {"correlation_mu_spend", "normal(0, 0.4)"},
                                        {"gamma_purchases", "normal(0, 0.5)"},
                                        {"gamma_dropout", "normal(0, 0.5)"},
                                        {"gamma_spend", "normal(0, 0.5)"}};
static const clv_prior_texts PRIORS  = {PRIOR, sizeof PRIOR / sizeof *PRIOR};

typedef struct portfolio {
  size_t                 n;
  uint32_t              *x;
  double                *t_x, *T, *w;
  clv_lognormal_amounts *amounts;
} portfolio;

static clv_status portfolio_alloc(size_t n, portfolio *p) {
  clv_status st = CLV_OK;
  p->n          = n;
  CLV_TRY(clv_calloc(n, sizeof *p->x, (void **)&p->x));
  CLV_TRY(clv_calloc(n, sizeof *p->t_x, (void **)&p->t_x));
  CLV_TRY(clv_calloc(n, sizeof *p->T, (void **)&p->T));
  CLV_TRY(clv_calloc(n, sizeof *p->w, (void **)&p->w));
  CLV_TRY(clv_calloc(n, sizeof *p->amounts, (void **)&p->amounts));
out:
  return st;
}

static void portfolio_free(portfolio *p) {
  free(p->x), free(p->t_x), free(p->T), free(p->w), free(p->amounts);
}

static clv_status model_build(const clv_comm *comm, const portfolio *p, clv_model *out) {
  static const uint32_t COLUMN[] = {0};
  static const double   SCALE[]  = {1.0};
  const clv_covariates  w        = {1, 1, p->w, SCALE, {1, 1, 1}, {COLUMN, COLUMN, COLUMN}};
  const clv_cells       cells    = {.blocks     = clv_blocks_of(p->n, 0, 1),
                                    .x          = p->x,
                                    .t_x        = p->t_x,
                                    .T          = p->T,
                                    .n_segment  = 1,
                                    .covariates = &w};
  return clv_pareto_nbd_lognormal_spend_new(&(clv_purchase_data){comm, &cells, &PRIORS}, p->amounts, out);
}

/* log lambda, log mu, log eta by the Cholesky factor of their correlations. @param v  the model's values */
static void logs_simulate(const double *v, double w, clv_rng *rng, double own[N_LOG]) {
  const double r01 = v[6], r02 = v[7], r12 = v[8], rest = sqrt(1.0 - r01 * r01),
               by_mu              = (r12 - r01 * r02) / rest;
  const double root[N_LOG][N_LOG] = {{1.0}, {r01, rest}, {r02, by_mu, sqrt(1.0 - r02 * r02 - by_mu * by_mu)}};
  double       z[N_LOG];
  for (size_t i = 0; i < N_LOG; i++) {
    z[i]   = clv_rng_normal(rng);
    own[i] = v[i] + v[N_GAMMA + i] * w;
    for (size_t k = 0; k <= i; k++) own[i] += v[3 + i] * root[i][k] * z[k];
  }
}

static void customer_simulate(portfolio *p, size_t i, const double *v, clv_rng *rng) {
  double own[N_LOG], t = 0.0, sum = 0.0, square = 0.0;
  p->w[i] = clv_rng_uniform(rng) < 0.4 ? 1.0 : 0.0;
  p->T[i] = floor(27.0 + 25.0 * clv_rng_uniform(rng)); /* whole ages share what costs most */
  p->x[i] = 0, p->t_x[i] = 0.0;
  logs_simulate(v, p->w[i], rng, own);
  const double end = fmin(p->T[i], -log(clv_rng_uniform(rng)) / exp(own[1]));
  for (;; p->x[i]++) {
    t -= log(clv_rng_uniform(rng)) / exp(own[0]);
    if (!(t < end)) break;
    const double amount = own[2] + v[9] * clv_rng_normal(rng);
    p->t_x[i]           = t;
    sum += amount, square += amount * amount;
  }
  const double n = p->x[i];
  p->amounts[i]  = n > 0 ? (clv_lognormal_amounts){n, sum / n, fmax(0.0, square - sum * sum / n)}
                         : (clv_lognormal_amounts){0};
}

static clv_status truth_draw(const clv_comm *comm, uint32_t fit, double *value) {
  uint32_t              x[1]   = {1};
  double                t_x[1] = {1.0}, T[1] = {3.0}, w[1] = {1.0}, phi[N_VALUE];
  clv_lognormal_amounts one[1] = {{1.0, 3.0, 0.0}};
  const portfolio       single = {1, x, t_x, T, w, one};
  clv_model             model  = {0};
  clv_rng               rng    = clv_rng_at(SEED, CLV_RNG_PRIOR, 0, 0, fit);
  clv_status            st     = CLV_OK;
  CLV_TRY(model_build(comm, &single, &model));
  CLV_CHECK(clv_model_n_value(&model) == N_VALUE && model.ops->n_dim(model.self) == N_VALUE);
  model.ops->prior_draw(model.self, &rng, phi);
  model.ops->constrain(model.self, phi, value);
out:
  clv_model_free(&model);
  return st;
}

static clv_status fit_one(const clv_comm *comm, const clv_topology *topology, portfolio *p, uint32_t fit,
                          int length) {
  const clv_sampler_plan plan  = {.num_chains     = CHAINS,
                                  .num_warmup     = WARMUP * length,
                                  .num_samples    = DRAWS * length,
                                  .target_accept  = 0.8,
                                  .max_tree_depth = 10,
                                  .seed           = 1000 + fit};
  clv_model              model = {0};
  double                 truth[N_VALUE];
  truth_rank             rank[N_VALUE];
  clv_status             st = CLV_OK;
  CLV_TRY(truth_draw(comm, fit, truth));
  for (size_t i = 0; i < p->n; i++) {
    clv_rng rng = clv_rng_at(SEED, CLV_RNG_SIMULATE, i, 0, fit);
    customer_simulate(p, i, truth, &rng);
  }
  CLV_TRY(model_build(comm, p, &model));
  CLV_TRY(ranks_count(topology, &model, &plan, THIN * length, truth, rank));
  for (size_t j = 0; j < N_VALUE; j++) {
    clv_variable v; /* each has one value */
    model.ops->variable(model.self, j, &v);
    rank_print(fit, v.name, &rank[j]);
  }
  fflush(stdout);
out:
  clv_model_free(&model);
  return st;
}

int main(int argc, char **argv) {
  clv_comm     *comm     = NULL;
  clv_topology *topology = NULL;
  portfolio     p        = {0};
  clv_status    st;
  const int     length = argc == 5 ? atoi(argv[4]) : 1;
  if (argc < 4 || argc > 5 || length < 1) {
    fprintf(stderr, "usage: clv_calibration_lognormal_spend FIRST LAST CUSTOMERS [LENGTH]\n");
    return 2;
  }
  const uint32_t first = (uint32_t)atoi(argv[1]), last = (uint32_t)atoi(argv[2]);
  CLV_TRY(clv_comm_init(&argc, &argv));
  CLV_TRY(portfolio_alloc((size_t)atoi(argv[3]), &p));
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_topology_new(comm, 1, &topology));
  ranks_head();
  for (uint32_t fit = first; fit < last; fit++) CLV_TRY(fit_one(comm, topology, &p, fit, length));
out:
  if (st < 0) fprintf(stderr, "clv_calibration_lognormal_spend: %s\n", clv_message());
  portfolio_free(&p);
  clv_topology_free(&topology);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
