/* latent N [CHAINS WARMUP DRAWS DEPTH]: pareto_nbd_lognormal with N simulated customers' own parameters
 * sampled, or, with MODEL=gamma_value, gamma_value with N customers of one to eight amounts, on any number of
 * ranks: seconds, nanoseconds of a leapfrog step and customer, effective draws a second of the worst
 * hyperparameter, memory, and customers' worst R-hat and effective draws. CSV=FILE writes the customers (x,
 * t_x, T) of pareto_nbd_lognormal for peers; DATA=FILE reads them. SECONDS=S ends after S seconds with the
 * draws made until then. Says on standard error how far it is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/models/gamma_value.h"
#include "engine/models/gamma_value_latent.h"
#include "engine/models/lognormal_latent.h"
#include "engine/posterior/diagnostics.h"
#include "engine/sampler/latent_sampler.h"

typedef struct columns {
  clv_histories h;
  uint32_t     *x;
  double       *t_x, *T;
} columns;

/* log lambda ~ N(-3.5, 1.1), log mu ~ N(-3.6, 1.6), correlation 0.2: about CDNOW, in weeks. */
static void customer_make(uint64_t i, uint32_t *x, double *t_x, double *T) {
  clv_rng      r = clv_rng_at(11, CLV_RNG_SIMULATE, i, 0, 0);
  const double u = clv_rng_normal(&r), w = clv_rng_normal(&r);
  const double lambda = exp(-3.5 + 1.1 * u), mu = exp(-3.6 + 1.6 * (0.2 * u + sqrt(1 - 0.04) * w));
  const double life = clv_rng_exponential(&r) / mu;
  *T = 27.0 + 12.0 * clv_rng_uniform(&r), *x = 0, *t_x = 0.0;
  for (double t = clv_rng_exponential(&r) / lambda; t < life && t < *T; t += clv_rng_exponential(&r) / lambda)
    ++*x, *t_x = t;
}

static int columns_make(const clv_comm *comm, uint64_t n, columns *c) {
  const char *from = getenv("DATA"), *to = getenv("CSV");
  FILE       *file  = from != NULL ? fopen(from, "r") : to != NULL ? fopen(to, "w") : NULL;
  c->h.blocks       = clv_latent_blocks_of(n, clv_comm_rank(comm), clv_comm_size(comm));
  const size_t mine = (size_t)(c->h.blocks.last - c->h.blocks.first) + 1;
  if (clv_calloc(mine, sizeof *c->x, (void **)&c->x) < 0 ||
      clv_calloc(mine, sizeof(double), (void **)&c->t_x) < 0 ||
      clv_calloc(mine, sizeof(double), (void **)&c->T) < 0)
    return 1;
  for (uint64_t i = 0; i < n; i++) {
    uint32_t x;
    double   t_x, T;
    if (from == NULL && to == NULL && (i < c->h.blocks.first || i >= c->h.blocks.last)) continue;
    if (from != NULL && (file == NULL || fscanf(file, "%u,%lf,%lf\n", &x, &t_x, &T) != 3)) return 1;
    if (from == NULL) customer_make(i, &x, &t_x, &T);
    if (to != NULL && file != NULL) fprintf(file, "%u,%.17g,%.17g\n", x, t_x, T);
    if (i < c->h.blocks.first || i >= c->h.blocks.last) continue;
    const size_t k = (size_t)(i - c->h.blocks.first);
    c->x[k] = x, c->t_x[k] = t_x, c->T[k] = T;
  }
  if (file != NULL) fclose(file);
  c->h.x = c->x, c->h.t_x = c->t_x, c->h.T = c->T;
  return 0;
}

static int shop_make(const clv_comm *comm, uint64_t n, columns *c, clv_latent_model *out) {
  return columns_make(comm, n, c) != 0 || clv_lognormal_latent_new(comm, &c->h, NULL, out) < 0;
}

/* Shapes about 3, mean amounts about 25; t_x and T hold means of amounts and of their logs. */
static int amounts_make(const clv_comm *comm, uint64_t n, columns *c, clv_latent_model *out) {
  static const double THETA[] = {3.0, 25.0, 0.5, 0.6, 1.8};
  clv_amounts         a       = {.blocks = clv_latent_blocks_of(n, clv_comm_rank(comm), clv_comm_size(comm))};
  const size_t        mine    = (size_t)(a.blocks.last - a.blocks.first) + 1;
  if (clv_calloc(mine, sizeof *c->x, (void **)&c->x) < 0 ||
      clv_calloc(mine, sizeof(double), (void **)&c->t_x) < 0 ||
      clv_calloc(mine, sizeof(double), (void **)&c->T) < 0)
    return 1;
  for (size_t i = 0; i + 1 < mine; i++) {
    clv_rng rng = clv_rng_at(11, CLV_RNG_SIMULATE, a.blocks.first + i, 0, 0);
    double  v[8];
    c->x[i] = 1 + (uint32_t)clv_rng_below(&rng, 8);
    CLV_GAMMA_VALUE_SPEND.simulate(THETA, c->x[i], &rng, v);
    for (uint32_t k = 0; k < c->x[i]; k++) c->t_x[i] += v[k] / c->x[i], c->T[i] += log(v[k]) / c->x[i];
  }
  c->h.blocks = a.blocks;
  a.n = c->x, a.mean = c->t_x, a.mean_log = c->T, a.rescale_factor = 1.0;
  return clv_gamma_value_latent_new(comm, &a, NULL, out) < 0;
}

/* Over all customers' own parameters. Collective. */
static void customers_report(const clv_comm *comm, const clv_latent_sampler *sampler, size_t n_latent,
                             const clv_blocks *b) {
  clv_latent_result *result = NULL;
  double             rhat = 0.0, ess = INFINITY;
  if (clv_calloc(n_latent * CLV_LATENT_BLOCK, sizeof *result, (void **)&result) < 0) return;
  for (uint64_t k = b->first_block; k < b->last_block; k++) {
    clv_latent_sampler_result(sampler, (size_t)(k - b->first_block), result);
    for (size_t i = 0; i < n_latent * CLV_LATENT_BLOCK; i++)
      if (result[i].r_hat > 0.0) rhat = fmax(rhat, result[i].r_hat), ess = fmin(ess, result[i].ess);
  }
  free(result);
  clv_comm_max_f64(comm, &rhat, 1);
  clv_comm_min_f64(comm, &ess, 1);
  if (clv_comm_rank(comm) == 0) printf("customers: worst R-hat %.3f, least ESS %.0f\n", rhat, ess);
}

static double report(const clv_latent_leg *leg, const clv_latent_model *model, double warm, double seconds) {
  const clv_model hyper = clv_latent_model_hyper(model);
  const size_t    dim = leg->leg.dim, rows = (size_t)leg->leg.n_chain * (size_t)leg->leg.n_draw;
  double          steps = 0.0, depth = 0.0, least = INFINITY, diverging = 0.0;
  for (size_t i = 0; i < rows; i++) {
    steps += leg->leg.stat[i].n_steps, depth += leg->leg.stat[i].tree_depth;
    diverging += leg->leg.stat[i].diverging;
  }
  double *value = malloc(rows * dim * sizeof *value);
  if (value == NULL) return NAN;
  for (size_t i = 0; i < rows; i++) hyper.ops->constrain(hyper.self, leg->leg.phi + i * dim, value + i * dim);
  for (size_t k = 0; k < dim; k++) {
    const clv_series s = {value + k, (size_t)leg->leg.n_chain, (size_t)leg->leg.n_draw,
                          dim * (size_t)leg->leg.n_draw, dim};
    clv_variable     v;
    double           mean = 0.0;
    hyper.ops->variable(hyper.self, k, &v);
    for (size_t i = 0; i < rows; i++) mean += value[i * dim + k] / (double)rows;
    const double ess = clv_ess_bulk(&s);
    printf("%-18s mean %8.4f  R-hat %.4f  ESS %.0f\n", v.name, mean, clv_rhat_rank(&s), ess);
    least = fmin(least, ess);
  }
  free(value);
  printf("step size %.4f, depth %.2f, steps a draw %.1f, divergent %.0f\n", leg->leg.stat[0].step_size,
         depth / (double)rows, steps / (double)rows, diverging);
  printf("warm-up %.2f s, sampling %.2f s, worst ESS a second %.1f (of sampling), %.1f (of all)\n", warm,
         seconds, least / seconds, least / (warm + seconds));
  return least;
}

enum { LEG = 10 };

/* Draws of all legs so far, [chain][num_samples]. */
typedef struct gathered {
  double        *phi;  /* owned */
  clv_draw_stat *stat; /* owned */
  int            n_draw;
} gathered;

static void leg_keep(const clv_leg *leg, int most, gathered *all) {
  const size_t n = (size_t)leg->n_draw, to = (size_t)most, done = (size_t)all->n_draw, dim = leg->dim;
  for (size_t c = 0; c < (size_t)leg->n_chain; c++) {
    memcpy(all->phi + (c * to + done) * dim, leg->phi + c * n * dim, n * dim * sizeof(double));
    memcpy(all->stat + c * to + done, leg->stat + c * n, n * sizeof *leg->stat);
  }
  all->n_draw += leg->n_draw;
}

/* The draws made, close together, as one leg. */
static clv_latent_leg gathered_leg(gathered *all, const clv_leg *last, int most) {
  const size_t n = (size_t)all->n_draw, from = (size_t)most, dim = last->dim;
  for (size_t c = 1; c < (size_t)last->n_chain; c++) {
    memmove(all->phi + c * n * dim, all->phi + c * from * dim, n * dim * sizeof(double));
    memmove(all->stat + c * n, all->stat + c * from, n * sizeof *all->stat);
  }
  clv_latent_leg leg = {.leg = *last};
  leg.leg.phi = all->phi, leg.leg.stat = all->stat, leg.leg.n_draw = all->n_draw;
  return leg;
}

/* Legs until `goal` draws or until the time is up, as rank 0's clock has it. */
static int legs_run(const clv_comm *comm, clv_latent_sampler *sampler, int goal, double until,
                    clv_latent_leg *leg, gathered *all) {
  for (int done = 0; done < goal; done += leg->leg.n_draw) {
    double late = clv_comm_rank(comm) == 0 && clv_clock() > until ? 1.0 : 0.0;
    clv_comm_max_f64(comm, &late, 1);
    if (late > 0.0) return 0;
    if (clv_latent_sampler_run(sampler, goal - done < LEG ? goal - done : LEG, NULL, leg) < 0) return 1;
    if (all != NULL) leg_keep(&leg->leg, goal, all);
    if (clv_comm_rank(comm) == 0)
      fprintf(stderr, "%d draws of each chain, step size %.4f\n", done + leg->leg.n_draw,
              leg->leg.stat[leg->leg.n_draw - 1].step_size);
  }
  return 0;
}

int main(int argc, char **argv) {
  clv_comm           *comm    = NULL;
  columns             c       = {0};
  clv_latent_model    model   = {0};
  clv_latent_sampler *sampler = NULL;
  clv_latent_leg      leg;
  gathered            all  = {0};
  clv_sampler_plan    plan = {4, 300, 300, 0.8, 10, 1};
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&comm) < 0) return 1;
  const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
  if (argc > 4)
    plan.num_chains = atoi(argv[2]), plan.num_warmup = atoi(argv[3]), plan.num_samples = atoi(argv[4]);
  if (argc > 5) plan.max_tree_depth = atoi(argv[5]);
  const char *which = getenv("MODEL");
  const int   bad   = which != NULL && strcmp(which, "gamma_value") == 0 ? amounts_make(comm, n, &c, &model)
                                                                         : shop_make(comm, n, &c, &model);
  if (bad || clv_latent_sampler_new(comm, &model, &plan, NULL, 0, &sampler) < 0) goto out;
  const size_t rows = (size_t)plan.num_chains * (size_t)plan.num_samples + 1;
  if (clv_calloc(rows, (model.ops->hyper->n_dim(model.self) + 1) * sizeof(double), (void **)&all.phi) < 0 ||
      clv_calloc(rows, sizeof *all.stat, (void **)&all.stat) < 0)
    goto out;
  const double start = clv_clock(),
               until = start + (getenv("SECONDS") != NULL ? atof(getenv("SECONDS")) : 1e9);
  if (legs_run(comm, sampler, plan.num_warmup, until, &leg, NULL) != 0) goto out;
  const double               middle = clv_clock();
  const clv_accumulator_cost before = clv_latent_sampler_cost(sampler);
  if (legs_run(comm, sampler, plan.num_samples, until, &leg, &all) != 0 || all.n_draw == 0) goto out;
  const double               end  = clv_clock();
  const clv_accumulator_cost cost = clv_latent_sampler_cost(sampler);
  struct rusage              used;
  leg = gathered_leg(&all, &leg.leg, plan.num_samples);
  if (all.n_draw == plan.num_samples)
    customers_report(comm, sampler, model.ops->n_latent(model.self), &c.h.blocks);
  getrusage(RUSAGE_SELF, &used);
  if (clv_comm_rank(comm) == 0) {
    const double passes = (double)(cost.n_evaluation - before.n_evaluation);
    const double least  = report(&leg, &model, middle - start, end - middle);
    const double cpu    = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                       1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("processor %.1f s of rank 0, worst ESS a processor second of all ranks %.2f\n", cpu,
           least / cpu / clv_comm_size(comm));
    printf(
        "%llu customers, %d ranks: %.2f ns a pass and customer of this rank (reductions %.1f us each), %.0f "
        "MB "
        "on rank 0\n",
        (unsigned long long)n, clv_comm_size(comm),
        1e9 * (cost.pass_seconds - before.pass_seconds) / passes /
            (double)(c.h.blocks.last - c.h.blocks.first),
        1e6 * (cost.reduce_seconds - before.reduce_seconds) / passes, (double)used.ru_maxrss / 1024.0);
  }
out:
  fprintf(stderr, "%s", clv_message());
  clv_latent_sampler_free(&sampler);
  if (model.ops != NULL) clv_latent_model_free(&model);
  free(c.x), free(c.t_x), free(c.T), free(all.phi), free(all.stat);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return 0;
}
