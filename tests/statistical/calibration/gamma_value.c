/* Simulation-based calibration of gamma_value alone: see calibration.c.
 *
 *   clv_calibration_gamma_value FIRST LAST CUSTOMERS > ranks.csv
 *
 * Customers have one to six amounts; an indicator, true of two in five, multiplies their mean. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/topology.h"
#include "engine/models/gamma_value.h"
#include "engine/sampler/sampler.h"
#include "ranks.h"

enum { N_VALUE = 6, GAMMA = 5, MEAN = 1, CHAINS = 2, WARMUP = 300, DRAWS = 400, THIN = 4, AMOUNTS = 6 };

/* Proper priors on natural parameters, independent of the data. */
static const clv_prior_text PRIOR[N_VALUE] = {
    {"shape", "lognormal(0.7, 0.7)"},           {"mean_amount", "lognormal(3.0, 0.7)"},
    {"sd_log_shape", "lognormal(-0.7, 0.5)"},   {"sd_log_mean", "lognormal(-0.7, 0.5)"},
    {"correlation_ratio", "lognormal(0, 0.8)"}, {"gamma_spend", "normal(0, 0.5)"}};

typedef struct amounts {
  size_t    n;
  uint32_t *x;
  double   *mean, *mean_log, *w;
} amounts;

static clv_status model_build(const clv_comm *comm, const amounts *a, clv_model *out) {
  static const uint32_t COLUMN[] = {0};
  static const double   SCALE[]  = {1.0};
  const clv_covariates  w        = {1, 1, a->w, SCALE, {[CLV_ON_SPEND] = 1}, {[CLV_ON_SPEND] = COLUMN}};
  const clv_prior_texts priors   = {PRIOR, N_VALUE};
  const clv_spends      spends   = {.blocks         = clv_blocks_of(a->n, 0, 1),
                                    .x              = a->x,
                                    .mean           = a->mean,
                                    .mean_log       = a->mean_log,
                                    .n_segment      = 1,
                                    .rescale_factor = 1.0,
                                    .covariates     = &w};
  return clv_gamma_value_new(comm, &spends, &priors, out);
}

static void amounts_simulate(amounts *a, const double *theta, uint32_t fit) {
  for (size_t i = 0; i < a->n; i++) {
    double   amount[AMOUNTS], own[GAMMA], total = 0.0, logs = 0.0;
    uint32_t n   = 1 + (uint32_t)(i % AMOUNTS);
    clv_rng  rng = clv_rng_at(20260101, CLV_RNG_SIMULATE, i, 0, fit);
    a->w[i]      = clv_rng_uniform(&rng) < 0.4 ? 1.0 : 0.0;
    memcpy(own, theta, sizeof own);
    own[MEAN] *= exp(theta[GAMMA] * a->w[i]);
    CLV_GAMMA_VALUE_SPEND.simulate(own, n, &rng, amount);
    for (uint32_t k = 0; k < n; k++) {
      amount[k] = fmax(amount[k], DBL_MIN); /* a shape of a few thousandths gives amounts below any double */
      total += amount[k], logs += log(amount[k]);
    }
    a->x[i] = n, a->mean[i] = total / n, a->mean_log[i] = logs / n;
  }
}

static clv_status truth_draw(const clv_comm *comm, uint32_t fit, double *theta) {
  uint32_t      x[1]   = {1};
  double        one[1] = {1.0}, none[1] = {0.0}, phi[N_VALUE];
  const amounts single = {1, x, one, none, one};
  clv_model     model  = {0};
  clv_status    st     = model_build(comm, &single, &model);
  clv_rng       rng    = clv_rng_at(20260101, CLV_RNG_PRIOR, 0, 0, fit);
  if (st < 0) return st;
  model.ops->prior_draw(model.self, &rng, phi);
  model.ops->constrain(model.self, phi, theta);
  clv_model_free(&model);
  return st;
}

static clv_status study_run(const clv_comm *comm, uint32_t first, uint32_t last, amounts *a) {
  clv_topology *topology = NULL;
  clv_status    st       = CLV_OK;
  CLV_TRY(clv_topology_new(comm, 1, &topology));
  ranks_head();
  for (uint32_t fit = first; fit < last; fit++) {
    clv_model  model = {0};
    double     theta[N_VALUE];
    truth_rank rank[N_VALUE];
    CLV_TRY(truth_draw(comm, fit, theta));
    amounts_simulate(a, theta, fit);
    CLV_TRY(model_build(comm, a, &model));
    const clv_sampler_plan plan = {.num_chains     = CHAINS,
                                   .num_warmup     = WARMUP,
                                   .num_samples    = DRAWS,
                                   .target_accept  = 0.8,
                                   .max_tree_depth = 10,
                                   .seed           = 1000 + fit};
    st                          = ranks_count(topology, &model, &plan, THIN, theta, rank);
    clv_model_free(&model);
    if (st < 0) goto out;
    for (size_t j = 0; j < N_VALUE; j++) rank_print(fit, PRIOR[j].name, &rank[j]);
    fflush(stdout);
  }
out:
  clv_topology_free(&topology);
  return st;
}

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  amounts    a    = {0};
  clv_status st;
  if (argc != 4) {
    fprintf(stderr, "usage: clv_calibration_gamma_value FIRST LAST CUSTOMERS\n");
    return 2;
  }
  a.n = (size_t)atoi(argv[3]);
  st  = clv_comm_init(&argc, &argv);
  if (st == CLV_OK) st = clv_calloc(a.n + 1, sizeof *a.x, (void **)&a.x);
  if (st == CLV_OK) st = clv_calloc(a.n + 1, sizeof *a.mean, (void **)&a.mean);
  if (st == CLV_OK) st = clv_calloc(a.n + 1, sizeof *a.mean_log, (void **)&a.mean_log);
  if (st == CLV_OK) st = clv_calloc(a.n + 1, sizeof *a.w, (void **)&a.w);
  CLV_TRY(st);
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(study_run(comm, (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]), &a));
out:
  if (st < 0) fprintf(stderr, "clv_calibration_gamma_value: %s\n", clv_message());
  free(a.x), free(a.mean), free(a.mean_log), free(a.w);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
