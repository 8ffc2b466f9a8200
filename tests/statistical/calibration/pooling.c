/* Simulation-based calibration of partial pooling: twenty uneven segments, of 200 customers down to three.
 *
 *   clv_calibration_pooling FIRST LAST MODEL > ranks.csv      MODEL: a purchase model, or gamma_gamma
 *
 * As clv_calibration: the population from its prior, every segment from the population, customers from the
 * segments; then the ranks of the truth: the typical segment's parameters, the standard deviations between
 * segments, and the parameters of the largest segment, a middle one and the smallest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/topology.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"
#include "ranks.h"

enum {
  N_SEGMENT  = 20,
  LARGEST    = 200,
  SMALLEST   = 3,
  N_CHAIN    = 2,
  N_WARMUP   = 300,
  N_DRAW     = 400,
  THIN       = 8,
  MOST_TIMES = 4096,
  SEED       = 20260102
};
static const double UNEVENNESS = 1.4;

/* Proper priors of the typical segment, independent of the data; the standard deviations between segments
 * have their default. */
static const clv_prior_text PRIOR[] = {
    {"r", "lognormal(-0.5, 0.5)"}, {"alpha", "lognormal(1.5, 0.5)"}, {"a", "lognormal(-0.2, 0.5)"},
    {"b", "lognormal(0.9, 0.5)"},  {"s", "lognormal(-0.2, 0.5)"},    {"beta", "lognormal(2.5, 0.5)"},
    {"p", "lognormal(1.5, 0.4)"},  {"q", "lognormal(1.3, 0.3)"},     {"v", "lognormal(2.7, 0.4)"}};
static const clv_prior_texts PRIORS = {PRIOR, sizeof PRIOR / sizeof *PRIOR};

/* Rows in order of segments; of purchases, or of spend (then x >= 1). */
typedef struct portfolio {
  size_t    n, size[N_SEGMENT];
  uint32_t *segment, *x;
  double   *t_x, *T, *mean;
} portfolio;

static void portfolio_make(portfolio *p) {
  p->n = 0;
  for (size_t g = 0; g < N_SEGMENT; g++) {
    const double size = LARGEST * pow((double)(g + 1), -UNEVENNESS);
    p->size[g]        = g + 1 == N_SEGMENT || size < SMALLEST ? SMALLEST : (size_t)size;
    p->n += p->size[g];
  }
  p->segment = calloc(p->n, sizeof *p->segment);
  p->x       = calloc(p->n, sizeof *p->x);
  p->t_x     = calloc(p->n, sizeof *p->t_x);
  p->T       = calloc(p->n, sizeof *p->T);
  p->mean    = calloc(p->n, sizeof *p->mean);
  if (p->segment == NULL || p->x == NULL || p->t_x == NULL || p->T == NULL || p->mean == NULL) exit(1);
}

static void portfolio_free(portfolio *p) {
  free(p->segment), free(p->x), free(p->t_x), free(p->T), free(p->mean);
}

static void purchases_simulate(const clv_process_ops *process, const double *theta, clv_rng *rng,
                               portfolio *p, size_t i) {
  static double time[MOST_TIMES];
  p->T[i]  = 27.0 + 25.0 * clv_rng_uniform(rng);
  size_t x = process->simulate(theta, p->T[i], rng, time, MOST_TIMES);
  if (x > MOST_TIMES) x = MOST_TIMES;
  p->x[i]   = (uint32_t)x;
  p->t_x[i] = x > 0 ? time[x - 1] : 0.0;
}

static void spend_simulate(const double *theta, clv_rng *rng, portfolio *p, size_t i) {
  double amount[8];
  p->x[i]    = 1 + (uint32_t)clv_rng_below(rng, 8);
  p->mean[i] = 0.0;
  CLV_GAMMA_GAMMA_SPEND.simulate(theta, p->x[i], rng, amount);
  for (size_t k = 0; k < p->x[i]; k++) p->mean[i] += amount[k] / (double)p->x[i];
}

/* value: as the model reports it, parameter by parameter over segments. */
static void portfolio_simulate(portfolio *p, const clv_process_ops *process, const double *value,
                               uint32_t fit) {
  const size_t n = process != NULL ? process->n_parameter : CLV_GAMMA_GAMMA_SPEND.n_parameter;
  for (size_t g = 0, i = 0; g < N_SEGMENT; g++) {
    double theta[CLV_PARAMETER_MAX];
    for (size_t k = 0; k < n; k++) theta[k] = value[k * N_SEGMENT + g];
    for (size_t j = 0; j < p->size[g]; j++, i++) {
      clv_rng rng   = clv_rng_at(SEED, CLV_RNG_SIMULATE, i, 0, fit);
      p->segment[i] = (uint32_t)g;
      if (process != NULL)
        purchases_simulate(process, theta, &rng, p, i);
      else
        spend_simulate(theta, &rng, p, i);
    }
  }
}

static clv_status model_build(const clv_comm *comm, const portfolio *p, const char *name, clv_model *out) {
  const clv_cells  cells  = {.blocks    = clv_blocks_of(p->n, 0, 1),
                             .segment   = p->segment,
                             .x         = p->x,
                             .t_x       = p->t_x,
                             .T         = p->T,
                             .n_segment = N_SEGMENT,
                             .pooled    = true};
  const clv_spends spends = {.blocks         = cells.blocks,
                             .segment        = p->segment,
                             .x              = p->x,
                             .mean           = p->mean,
                             .n_segment      = N_SEGMENT,
                             .rescale_factor = 1.0,
                             .pooled         = true};
  if (strcmp(name, "gamma_gamma") == 0) return clv_gamma_gamma_new(comm, &spends, &PRIORS, out);
  return clv_purchases_new(name, &(clv_purchase_data){comm, &cells, &PRIORS}, out);
}

/* The model of any portfolio has the same prior: of the one that was simulated last. */
static clv_status truth_draw(const clv_model *model, uint32_t fit, double *value) {
  clv_rng    rng = clv_rng_at(SEED, CLV_RNG_PRIOR, 0, 0, fit);
  double    *phi = NULL;
  clv_status st  = clv_alloc(model->ops->n_dim(model->self), sizeof *phi, (void **)&phi);
  if (st < 0) return st;
  model->ops->prior_draw(model->self, &rng, phi);
  model->ops->constrain(model->self, phi, value);
  free(phi);
  return CLV_OK;
}

static void ranks_print(const clv_model *model, uint32_t fit, const truth_rank *rank) {
  static const size_t SHOWN[] = {0, N_SEGMENT / 2, N_SEGMENT - 1};
  const size_t        n       = model->ops->n_variable(model->self);
  for (size_t i = 0, at = 0; i < n; i++) {
    clv_variable v;
    model->ops->variable(model->self, i, &v);
    for (size_t k = 0; v.length > 1 && k < sizeof SHOWN / sizeof *SHOWN; k++) {
      char name[96];
      snprintf(name, sizeof name, "%s[%zu]", v.name, SHOWN[k] + 1);
      rank_print(fit, name, &rank[at + SHOWN[k]]);
    }
    if (v.length == 1) rank_print(fit, v.name, &rank[at]);
    at += v.length;
  }
  fflush(stdout);
}

static clv_status fit_one(const clv_comm *comm, const clv_topology *topology, portfolio *p, const char *name,
                          uint32_t fit) {
  const clv_sampler_plan plan  = {.num_chains     = N_CHAIN,
                                  .num_warmup     = N_WARMUP,
                                  .num_samples    = N_DRAW,
                                  .target_accept  = 0.8,
                                  .max_tree_depth = 10,
                                  .seed           = 1000 + fit};
  clv_model              model = {0};
  double                *value = NULL;
  truth_rank            *rank  = NULL;
  clv_status             st    = CLV_OK;
  CLV_TRY(model_build(comm, p, name, &model));
  CLV_TRY(clv_alloc(clv_model_n_value(&model), sizeof *value, (void **)&value));
  CLV_TRY(clv_alloc(clv_model_n_value(&model), sizeof *rank, (void **)&rank));
  CLV_TRY(truth_draw(&model, fit, value));
  clv_model_free(&model);
  portfolio_simulate(p, clv_process_find(name), value, fit);
  CLV_TRY(model_build(comm, p, name, &model));
  CLV_TRY(ranks_count(topology, &model, &plan, THIN, value, rank));
  ranks_print(&model, fit, rank);
out:
  clv_model_free(&model);
  free(value);
  free(rank);
  return st;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: clv_calibration_pooling FIRST LAST MODEL\n");
    return 2;
  }
  const uint32_t first = (uint32_t)atoi(argv[1]), last = (uint32_t)atoi(argv[2]);
  clv_comm      *comm     = NULL;
  clv_topology  *topology = NULL;
  portfolio      p;
  clv_status     st = clv_comm_init(&argc, &argv);
  double         some[N_SEGMENT * CLV_PARAMETER_MAX];
  if (st < 0) return 1;
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) some[i] = 2.0;
  portfolio_make(&p);
  portfolio_simulate(&p, clv_process_find(argv[3]), some, 0); /* something to make the first model of */
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_topology_new(comm, 1, &topology));
  ranks_head();
  for (uint32_t fit = first; fit < last; fit++) CLV_TRY(fit_one(comm, topology, &p, argv[3], fit));
out:
  if (st < 0) fprintf(stderr, "clv_calibration_pooling: %s\n", clv_message());
  portfolio_free(&p);
  clv_topology_free(&topology);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
