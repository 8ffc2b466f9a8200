#include "jobs/plan_pass.h"

#include <math.h>
#include <stdlib.h>

#include "engine/sampler/latent_pass.h"
#include "engine/sampler/target.h"
#include "jobs/fit_place.h"

enum { PASSES_FEWEST = 5, PASSES_MOST = 200 };
static const double SECONDS = 1.0; /* so long that other work on the machine pauses at least once */

/* One gradient of some kind, at a point that stays. */
typedef struct gradient_of {
  clv_status (*once)(void *context);
  void *context;
} gradient_of;

static clv_status quickest(const clv_comm *world, const gradient_of *what, double *best) {
  double     all = 0.0;
  clv_status st  = CLV_OK;
  *best          = INFINITY;
  for (int k = 0; k < PASSES_MOST && (k < PASSES_FEWEST || all < SECONDS); k++) {
    double seconds = clv_clock();
    CLV_TRY(what->once(what->context));
    seconds = clv_clock() - seconds;
    clv_comm_max_f64(world, &seconds, 1);
    *best = fmin(*best, seconds);
    all += seconds;
  }
out:
  return st;
}

/* All chains together, customers integrated out. */
typedef struct collapsed {
  clv_target *target;
  size_t      n;
  double     *phi, *gradient, *log_density; /* owned */
} collapsed;

static clv_status collapsed_once(void *context) {
  const collapsed *c = context;
  return clv_target_evaluate(c->target, c->n, c->phi, c->log_density, c->gradient);
}

static clv_status collapsed_measure(const clv_comm *world, const clv_fit_place *place,
                                    const clv_config *config, double *best) {
  const clv_model *model = &place->fit.model;
  const size_t     dim   = model->ops->n_dim(model->self);
  collapsed        c     = {.n = (size_t)config->sampler.num_chains};
  clv_status       st    = clv_alloc(c.n, dim * sizeof *c.phi, (void **)&c.phi);
  if (st == CLV_OK) st = clv_alloc(c.n, dim * sizeof *c.gradient, (void **)&c.gradient);
  if (st == CLV_OK) st = clv_alloc(c.n, sizeof *c.log_density, (void **)&c.log_density);
  if (st == CLV_OK) st = clv_target_new(clv_topology_shards(place->topology), model, c.n, &c.target);
  CLV_TRY(clv_comm_agree(world, st));
  for (size_t i = 0; i < c.n; i++) clv_model_start(model, config->sampler.seed, (uint32_t)i, c.phi + i * dim);
  CLV_TRY(quickest(world, &(gradient_of){collapsed_once, &c}, best));
out:
  clv_target_free(&c.target);
  free(c.phi), free(c.gradient), free(c.log_density);
  return st;
}

/* One chain, customers sampled: chains take turns. */
typedef struct sampled {
  clv_latent_pass *pass;
  clv_latent_place at; /* owned arrays */
} sampled;

static clv_status sampled_once(void *context) {
  const sampled   *s = context;
  clv_latent_found found;
  return clv_latent_pass_look(s->pass, &s->at, NULL, NULL, &found);
}

static clv_status sampled_measure(const clv_comm *world, const clv_fit_place *place, const clv_config *config,
                                  double *best) {
  const clv_latent_model model = {place->fit.latent, place->fit.model.self};
  sampled                s     = {0};
  clv_status             st = clv_latent_pass_new(clv_topology_shards(place->topology), &model, 1, &s.pass);
  if (st == CLV_OK)
    st = clv_calloc(place->fit.model.ops->n_dim(model.self), sizeof *s.at.phi, (void **)&s.at.phi);
  if (st == CLV_OK) st = clv_calloc(clv_latent_pass_n_own(s.pass) + 1, sizeof *s.at.own, (void **)&s.at.own);
  CLV_TRY(clv_comm_agree(world, st));
  clv_model_start(&place->fit.model, config->sampler.seed, 0, s.at.phi);
  CLV_TRY(quickest(world, &(gradient_of){sampled_once, &s}, best));
  *best *= config->sampler.num_chains;
out:
  clv_latent_pass_free(&s.pass);
  free(s.at.phi), free(s.at.own);
  return st;
}

clv_status clv_plan_pass_measure(const clv_comm *world, const char *portfolio, const clv_config *config,
                                 clv_plan_pass *out) {
  clv_fit_place place = {0};
  double        best  = 0.0;
  clv_status    st    = CLV_OK;
  CLV_TRY(clv_fit_place_new(world, portfolio, config, &place));
  if (place.fit.latent != NULL)
    CLV_TRY(sampled_measure(world, &place, config, &best));
  else
    CLV_TRY(collapsed_measure(world, &place, config, &best));
  *out =
      (clv_plan_pass){.seconds = best, .histories = (double)clv_portfolio_facts_get(place.portfolio)->n_cell};
out:
  clv_fit_place_free(&place);
  return st;
}
