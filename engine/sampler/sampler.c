#include "engine/sampler/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sampler/chains.h"
#include "engine/sampler/gather.h"
#include "engine/sampler/state.h"
#include "engine/sampler/target.h"
#include "engine/sampler/watch.h"

struct clv_sampler {
  const clv_topology *topology; /* borrowed */
  clv_model           model;    /* borrowed */
  clv_sampler_plan    plan;
  size_t              dim;
  clv_target         *target; /* owned */
  clv_chains         *chains; /* owned: those of my group */
  double             *phi;    /* owned, [chains][dim]: the points of a round */
  double             *log_density;
  double             *gradient;
  clv_tuning          tuning;   /* what the warm-up arrived at */
  double             *leg_phi;  /* owned, [num_chains][n_draw][dim] of the last leg */
  clv_draw_stat      *leg_stat; /* owned, [num_chains][n_draw] */
};

static clv_status plan_check(const clv_sampler_plan *plan, size_t dim) {
  if (plan->num_chains < 1 || plan->num_chains > 65535)
    return clv_fail(CLV_EUSAGE, "num_chains is %d; expected 1 to 65535", plan->num_chains);
  if (plan->num_warmup < 0 || plan->num_samples < 0 || plan->num_warmup > INT32_MAX / 4 ||
      plan->num_samples > INT32_MAX / 4)
    return clv_fail(CLV_EUSAGE, "num_warmup is %d and num_samples %d; expected 0 to %d", plan->num_warmup,
                    plan->num_samples, INT32_MAX / 4);
  if (!(plan->target_accept > 0 && plan->target_accept < 1))
    return clv_fail(CLV_EUSAGE, "target_accept is %g; expected a number between 0 and 1, such as 0.8",
                    plan->target_accept);
  if (plan->max_tree_depth < 1 || plan->max_tree_depth > 24)
    return clv_fail(CLV_EUSAGE, "max_tree_depth is %d; expected 1 to 24", plan->max_tree_depth);
  if (dim < 1) return clv_fail(CLV_EUSAGE, "the model has no coordinates to sample");
  return CLV_OK;
}

static clv_status sampler_build(clv_sampler *self) {
  int        first, last;
  clv_status st = CLV_OK;
  CLV_TRY(plan_check(&self->plan, self->dim));
  clv_topology_chains(self->topology, self->plan.num_chains, &first, &last);
  const size_t n = (size_t)(last - first) + 1;
  CLV_TRY(clv_target_new(clv_topology_shards(self->topology), &self->model, n, &self->target));
  CLV_TRY(clv_chains_new(&self->model, &self->plan, first, last, &self->chains));
  CLV_TRY(clv_calloc(n, self->dim * sizeof *self->phi, (void **)&self->phi));
  CLV_TRY(clv_calloc(n, sizeof *self->log_density, (void **)&self->log_density));
  CLV_TRY(clv_calloc(n, self->dim * sizeof *self->gradient, (void **)&self->gradient));
  CLV_TRY(clv_tuning_new(self->dim, &self->tuning));
out:
  return st;
}

clv_status clv_sampler_new(const clv_topology *topology, const clv_model *model, const clv_sampler_plan *plan,
                           clv_sampler **out) {
  clv_sampler *self = NULL;
  clv_status   st   = clv_calloc(1, sizeof *self, (void **)&self);
  if (st == CLV_OK) {
    self->topology = topology;
    self->model    = *model;
    self->plan     = *plan;
    self->dim      = model->ops->n_dim(model->self);
    st             = sampler_build(self);
  }
  CLV_TRY(clv_comm_agree(clv_topology_world(topology), st));
  *out = self, self = NULL;
out:
  clv_sampler_free(&self);
  return st;
}

clv_status clv_sampler_begin_at(clv_sampler *self, const clv_sampler_start *start) {
  int first, last;
  CLV_CHECK(start->n_chain > 0);
  if (!(start->step_size > 0.0 && isfinite(start->step_size)))
    return clv_fail(CLV_EUSAGE, "a warm start with a step size of %g", start->step_size);
  clv_topology_chains(self->topology, self->plan.num_chains, &first, &last);
  for (int i = first; i < last; i++)
    clv_chain_begin_at(clv_chains_at(self->chains, i - first),
                       start->phi + (size_t)(i % start->n_chain) * self->dim, start->inv_metric,
                       start->step_size);
  return CLV_OK;
}

double clv_sampler_warmup_gradients(const clv_sampler *self) { return self->tuning.warmup_gradients; }

void clv_sampler_free(clv_sampler **self) {
  if (self == NULL || *self == NULL) return;
  clv_target_free(&(*self)->target);
  clv_chains_free(&(*self)->chains);
  clv_tuning_free(&(*self)->tuning);
  free((*self)->phi);
  free((*self)->log_density);
  free((*self)->gradient);
  free((*self)->leg_phi);
  free((*self)->leg_stat);
  free(*self);
  *self = NULL;
}

static clv_sampler_progress sampler_progress(const clv_sampler *self) {
  const int            n      = clv_chains_n(self->chains);
  const bool           warmup = !self->tuning.settled;
  clv_sampler_progress at     = {.warmup = warmup};
  for (int i = 0; i < n; i++) {
    const clv_chain *chain = clv_chains_at(self->chains, i);
    at.draws += clv_chain_n_draw(chain) - (warmup ? 0 : self->plan.num_warmup);
    at.divergences += clv_chain_n_diverging(chain);
    at.gradients += clv_chain_n_gradient(chain);
    at.step_size += clv_chain_epsilon(chain) / n;
  }
  at.draws_planned = (long)n * (warmup ? self->plan.num_warmup : self->plan.num_samples);
  return at;
}

static bool sampler_is_stopped(const clv_sampler *self, const clv_sampler_watch *watch, clv_watch *meeting) {
  bool mine = false;
  if (watch != NULL && watch->round != NULL) {
    const clv_sampler_progress at = sampler_progress(self);
    mine                          = watch->round(watch->context, &at);
  }
  return clv_watch_stops(meeting, mine);
}

/* Rounds until every chain of the group has made `goal` draws. Collective over the group. */
static clv_status sampler_rounds(clv_sampler *self, int goal, const clv_sampler_watch *watch, bool *stopped) {
  clv_watch  meeting = clv_watch_of(clv_topology_shards(self->topology));
  clv_status st      = CLV_OK;
  while (!*stopped && !clv_chains_done(self->chains, goal)) {
    const size_t n = clv_chains_request(self->chains, self->phi);
    CLV_TRY(clv_target_evaluate(self->target, n, self->phi, self->log_density, self->gradient));
    CLV_TRY(clv_chains_feed(self->chains, n, self->log_density, self->gradient));
    *stopped = sampler_is_stopped(self, watch, &meeting);
  }
out:
  return st;
}

/* The same, and then all groups meet: for a fault, or for a stop. Collective over the world. */
static clv_status sampler_advance(clv_sampler *self, int goal, int ahead, const clv_sampler_watch *watch) {
  const clv_comm *world   = clv_topology_world(self->topology);
  bool            stopped = false;
  clv_status      st      = CLV_OK;
  CLV_TRY(clv_comm_agree(world, clv_chains_open(self->chains, ahead)));
  CLV_TRY(clv_comm_agree(world, sampler_rounds(self, goal, watch, &stopped)));
  int64_t any = stopped;
  clv_comm_max_i64(world, &any, 1);
  if (any != 0) st = CLV_EINTERRUPT;
out:
  return st;
}

/* One step size and one metric for all chains, from all chains, in chain order. Collective over the world. */
static clv_status sampler_settle(clv_sampler *self) {
  const clv_comm *world = clv_topology_world(self->topology);
  void           *all   = NULL;
  clv_status      st    = CLV_OK;
  CLV_TRY(clv_state_gather(self->topology, self->chains, self->plan.num_chains, 0, &all));
  CLV_TRY(clv_comm_agree(world, clv_tuning_pool(&self->tuning, &self->model, &self->plan, all)));
  for (int i = 0; i < clv_chains_n(self->chains); i++)
    clv_chain_settle(clv_chains_at(self->chains, i), self->tuning.log_step, &self->tuning.metric);
out:
  free(all);
  return st;
}

/* The draws of all chains, on every rank. Collective over the world. */
static clv_status sampler_collect(clv_sampler *self, int n_draw, clv_leg *leg) {
  const size_t rows = (size_t)n_draw, n = (size_t)clv_chains_n(self->chains),
               all    = (size_t)self->plan.num_chains;
  double        *phi  = NULL;
  clv_draw_stat *stat = NULL;
  clv_status     st   = CLV_OK;
  free(self->leg_phi), free(self->leg_stat);
  self->leg_phi = NULL, self->leg_stat = NULL;
  CLV_TRY(clv_calloc(n * rows + 1, self->dim * sizeof *phi, (void **)&phi));
  CLV_TRY(clv_calloc(n * rows + 1, sizeof *stat, (void **)&stat));
  CLV_TRY(clv_calloc(all * rows + 1, self->dim * sizeof *phi, (void **)&self->leg_phi));
  CLV_TRY(clv_calloc(all * rows + 1, sizeof *stat, (void **)&self->leg_stat));
out:
  st = clv_comm_agree(clv_topology_world(self->topology), st);
  if (st == CLV_OK) {
    clv_chains_copy(self->chains, n_draw, phi, stat);
    st = clv_gather_chains(self->topology, self->plan.num_chains, phi, rows * self->dim * sizeof *phi,
                           self->leg_phi);
  }
  if (st == CLV_OK)
    st = clv_gather_chains(self->topology, self->plan.num_chains, stat, rows * sizeof *stat, self->leg_stat);
  if (st == CLV_OK) {
    leg->phi = self->leg_phi, leg->stat = self->leg_stat;
    clv_chains_drop(self->chains, n_draw);
  }
  free(phi), free(stat);
  return st;
}

/* Where the warm-up's draws are all taken: pool. */
static clv_status sampler_finish_warmup(clv_sampler *self, const clv_sampler_watch *watch) {
  const int  warmup = self->plan.num_warmup;
  clv_status st     = CLV_OK;
  if (self->tuning.settled || clv_chains_first(self->chains) < warmup) return CLV_OK;
  CLV_TRY(sampler_advance(self, warmup, warmup, watch)); /* num_warmup 0: start points and step sizes */
  CLV_TRY(sampler_settle(self));
out:
  return st;
}

clv_status clv_sampler_run(clv_sampler *self, int n_draw, const clv_sampler_watch *watch, clv_leg *leg) {
  clv_status st = CLV_OK;
  CLV_TRY(sampler_finish_warmup(self, watch));
  const bool warmup = !self->tuning.settled;
  const int  first = clv_chains_first(self->chains), begin = warmup ? 0 : self->plan.num_warmup;
  const int  end   = warmup ? self->plan.num_warmup : begin + self->plan.num_samples;
  const int  n     = n_draw < 0 ? 0 : n_draw < end - first ? n_draw : end - first;
  const int  ahead = n < end - first - n ? first + 2 * n : end;
  clv_leg    made  = {.warmup  = warmup,
                      .first   = first - begin,
                      .n_draw  = n,
                      .n_chain = self->plan.num_chains,
                      .dim     = self->dim};
  if (n > 0) CLV_TRY(sampler_advance(self, first + n, ahead, watch));
  CLV_TRY(sampler_collect(self, n, &made));
  CLV_TRY(sampler_finish_warmup(self, watch));
  *leg = made;
out:
  return st;
}

void clv_sampler_tuning(const clv_sampler *self, double *step_size, double *inv_metric) {
  clv_tuning_copy(&self->tuning, step_size, inv_metric);
}

static clv_state sampler_state(const clv_sampler *self) {
  /* Saving reads only; restoring is asked for through a sampler that is not const. */
  return (clv_state){.topology = self->topology,
                     .model    = &self->model,
                     .plan     = &self->plan,
                     .chains   = self->chains,
                     .tuning   = (clv_tuning *)&self->tuning};
}

clv_status clv_sampler_save(const clv_sampler *self, void **bytes, size_t *n) {
  const clv_state state = sampler_state(self);
  return clv_state_save(&state, bytes, n);
}

clv_status clv_sampler_restore(clv_sampler *self, const void *bytes, size_t n) {
  const clv_state state = sampler_state(self);
  return clv_state_restore(&state, bytes, n);
}

clv_accumulator_cost clv_sampler_cost(const clv_sampler *self) { return clv_target_cost(self->target); }
