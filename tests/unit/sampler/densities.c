#include "densities.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const density *of(const void *self) { return self; }
static size_t         density_n_dim(const void *self) { return of(self)->dim; }
static size_t         density_none(const void *self) { return of(self) == NULL; }
static void density_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  (void)self, (void)block, (void)n_chain, (void)phi, (void)sum;
}
static void density_finish(const void *self, const double *phi, const double *sum, double *log_density,
                           double *gradient) {
  (void)sum;
  *log_density = of(self)->log_density(of(self)->context, phi, gradient);
}
static void density_variable(const void *self, size_t i, clv_variable *out) {
  (void)self;
  memset(out, 0, sizeof *out);
  snprintf(out->name, sizeof out->name, "x%zu", i);
  out->length = 1;
}
static void density_constrain(const void *self, const double *phi, double *value) {
  memcpy(value, phi, of(self)->dim * sizeof *phi);
}
static void density_start(const void *self, clv_rng *rng, double *phi) {
  if (of(self)->start != NULL) {
    of(self)->start(of(self)->context, rng, phi);
    return;
  }
  for (size_t i = 0; i < of(self)->dim; i++) phi[i] = 2.0 * clv_rng_uniform(rng) - 1.0;
}

static const clv_model_ops DENSITY = {.abi        = CLV_MODEL_ABI,
                                      .name       = "density",
                                      .n_dim      = density_n_dim,
                                      .n_sum      = density_none,
                                      .n_block    = density_none,
                                      .block      = density_block,
                                      .finish     = density_finish,
                                      .n_variable = density_n_dim,
                                      .variable   = density_variable,
                                      .constrain  = density_constrain,
                                      .start      = density_start};

clv_model density_model(const density *what) { return (clv_model){.ops = &DENSITY, .self = (void *)what}; }

/* Correlation matrix (1 - rho) I + rho 1 1': its inverse is (I - rho / (1 + (d-1) rho) 1 1') / (1 - rho). */
double normal_log_density(const void *context, const double *x, double *gradient) {
  const normal *self = context;
  const double  d    = (double)self->dim;
  double        sum = 0, lp = 0;
  for (size_t i = 0; i < self->dim; i++) sum += (x[i] - (double)i) / self->sd[i];
  const double pull = self->rho / (1.0 + (d - 1.0) * self->rho) * sum;
  for (size_t i = 0; i < self->dim; i++) {
    const double z = (x[i] - (double)i) / self->sd[i], w = (z - pull) / (1.0 - self->rho);
    lp -= 0.5 * z * w;
    gradient[i] = -w / self->sd[i];
  }
  return lp;
}

static clv_status run_legs(clv_sampler *sampler, const run *how, run_draws *out) {
  const size_t n_draw = (size_t)how->plan.num_samples;
  clv_leg      leg    = {0};
  clv_status   st     = CLV_OK;
  do {
    const clv_accumulator_cost before = clv_sampler_cost(sampler);
    CLV_TRY(clv_sampler_run(sampler, how->leg, NULL, &leg));
    const clv_accumulator_cost after = clv_sampler_cost(sampler);
    out->gradients[!leg.warmup] += (double)(after.n_point - before.n_point);
    out->passes[!leg.warmup] += (double)(after.n_evaluation - before.n_evaluation);
    for (size_t c = 0; !leg.warmup && c < (size_t)leg.n_chain; c++) {
      const size_t rows = (size_t)leg.n_draw, at = c * n_draw + (size_t)leg.first;
      memcpy(out->phi + at * leg.dim, leg.phi + c * rows * leg.dim, rows * leg.dim * sizeof(double));
      memcpy(out->stat + at, leg.stat + c * rows, rows * sizeof *out->stat);
    }
  } while (leg.warmup || leg.n_draw > 0);
out:
  return st;
}

clv_status run_model(const clv_comm *world, const clv_model *model, const run *how, run_draws *out) {
  clv_topology *topology = NULL;
  clv_sampler  *sampler  = NULL;
  run_draws     made     = {.dim     = model->ops->n_dim(model->self),
                            .n_chain = how->plan.num_chains,
                            .n_draw  = how->plan.num_samples};
  const size_t  rows     = (size_t)made.n_chain * (size_t)made.n_draw;
  clv_status    st       = CLV_OK;
  CLV_TRY(clv_calloc(rows, made.dim * sizeof(double), (void **)&made.phi));
  CLV_TRY(clv_calloc(rows, sizeof *made.stat, (void **)&made.stat));
  CLV_TRY(clv_calloc(made.dim, made.dim * sizeof(double), (void **)&made.inverse));
  CLV_TRY(clv_topology_new(world, how->groups, &topology));
  CLV_TRY(clv_sampler_new(topology, model, &how->plan, &sampler));
  CLV_TRY(run_legs(sampler, how, &made));
  clv_sampler_tuning(sampler, &made.step_size, made.inverse);
  *out = made;
  made = (run_draws){0};
out:
  run_draws_free(&made);
  clv_sampler_free(&sampler);
  clv_topology_free(&topology);
  return st;
}

void run_draws_free(run_draws *self) {
  free(self->phi), free(self->stat), free(self->inverse);
  *self = (run_draws){0};
}
