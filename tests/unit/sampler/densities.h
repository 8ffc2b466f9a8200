#ifndef CLV_TESTS_UNIT_SAMPLER_DENSITIES_H
#define CLV_TESTS_UNIT_SAMPLER_DENSITIES_H

#include "engine/models/model.h"
#include "engine/sampler/sampler.h"

/** A density without data: log-density and gradient at a point of `dim` coordinates, through the public model
 * interface. */
typedef struct density {
  const char *name;
  size_t      dim;
  double (*log_density)(const void *context, const double *x, double *gradient);
  void (*start)(const void *context, clv_rng *rng, double *x); /* NULL: the interface's default */
  const void *context;                                         /* borrowed */
} density;

/** The model of a density. @param what  borrowed: outlives the model */
clv_model density_model(const density *what);

/** Normal with standard deviations sd[i] and correlation rho between all pairs, mean i. */
typedef struct normal {
  size_t        dim;
  const double *sd;
  double        rho;
} normal;
double normal_log_density(const void *context, const double *x, double *gradient);

/** All draws of the sampling phase of a plan, on `groups` groups of the world, run in legs of `leg` draws. */
typedef struct run {
  clv_sampler_plan plan;
  int              groups;
  int              leg;
} run;
typedef struct run_draws {
  size_t         dim;
  int            n_chain, n_draw;
  double        *phi;  /* owned, [n_chain][n_draw][dim] */
  clv_draw_stat *stat; /* owned, [n_chain][n_draw] */
  double         step_size;
  double        *inverse;      /* owned, [dim][dim] */
  double         gradients[2]; /* points of this rank's group: warm-up, sampling */
  double         passes[2];    /* rounds */
} run_draws;

clv_status run_model(const clv_comm *world, const clv_model *model, const run *how, run_draws *out);
void       run_draws_free(run_draws *self);

#endif
