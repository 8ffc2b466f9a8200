#include "engine/sampler/chain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/numerics/pinned.h"

typedef enum chain_phase {
  PHASE_START,  /* looking for a start point */
  PHASE_SEARCH, /* looking for a step size */
  PHASE_REST,   /* between two draws */
  PHASE_DRAW    /* amid a draw */
} chain_phase;

/* Lies in the slab: no pointers, eight-byte multiples. */
struct clv_chain_head {
  clv_step_size step;
  int32_t       chain;
  int32_t       phase; /* chain_phase */
  int32_t       n_start;
  int32_t       n_draw; /* finished, warm-up included */
  int32_t       foreground;
  int32_t       n_metric; /* metrics learned so far */
  int32_t       is_warm;  /* began with another run's position, metric and step size */
  int32_t       pad;
  int64_t       n_gradient;
  int64_t       n_diverging; /* of this phase */
};

clv_status clv_chain_cut(clv_slab *slab, const clv_model *model, const clv_sampler_plan *plan,
                         clv_chain *out) {
  const size_t dim   = model->ops->n_dim(model->self);
  const bool   dense = clv_metric_is_dense(dim);
  out->model         = model;
  out->plan          = plan;
  out->head          = clv_slab_take(slab, sizeof *out->head);
  clv_metric_cut(slab, dim, &out->metric);
  clv_moments_cut(slab, dim, dense, &out->moments[0]);
  clv_moments_cut(slab, dim, dense, &out->moments[1]);
  clv_step_search_cut(slab, &out->metric, &out->search);
  return clv_nuts_cut(slab, &out->metric, plan->max_tree_depth, &out->nuts);
}

void clv_chain_free(clv_chain *self) { clv_nuts_free(&self->nuts); }

void clv_chain_begin(clv_chain *self, int chain) {
  *self->head = (struct clv_chain_head){.chain = chain, .phase = PHASE_START};
  clv_moments_clear(&self->moments[0]);
  clv_moments_clear(&self->moments[1]);
}

void clv_chain_begin_at(clv_chain *self, const double *theta, const double *inverse, double epsilon) {
  if (!clv_metric_set(&self->metric, inverse)) return;
  memcpy(self->nuts.whole.draw.theta, theta, self->nuts.dim * sizeof *theta);
  self->head->step.epsilon = epsilon;
  self->head->is_warm      = 1;
}

/* The first try is another run's position or clv_model_start; the next ones take further numbers. */
static void chain_start_point(clv_chain *self, double *theta) {
  const clv_model_ops *ops   = self->model->ops;
  const uint32_t       chain = (uint32_t)self->head->chain, attempt = (uint32_t)self->head->n_start;
  if (self->head->is_warm) {
    memcpy(theta, self->nuts.whole.draw.theta, self->nuts.dim * sizeof *theta);
    return;
  }
  if (attempt == 0) {
    clv_model_start(self->model, self->plan->seed, chain, theta);
    return;
  }
  clv_rng rng = clv_rng_at(self->plan->seed, CLV_RNG_START, 0, chain, attempt);
  if (ops->start != NULL) {
    ops->start(self->model->self, &rng, theta);
    return;
  }
  for (size_t i = 0; i < self->nuts.dim; i++) theta[i] = 2.0 * clv_rng_uniform(&rng) - 1.0;
}

static void chain_search(clv_chain *self, double epsilon) {
  const struct clv_chain_head *head = self->head;
  const clv_rng                rng =
      clv_rng_at(self->plan->seed, CLV_RNG_STEP_SIZE, 0, (uint32_t)head->chain, (uint32_t)head->n_draw);
  clv_step_search_begin(&self->search, epsilon, &rng);
  self->head->phase = PHASE_SEARCH;
}

static void chain_draw(clv_chain *self) {
  const struct clv_chain_head *head = self->head;
  const clv_rng                rng =
      clv_rng_at(self->plan->seed, CLV_RNG_NUTS, 0, (uint32_t)head->chain, (uint32_t)head->n_draw);
  clv_nuts_begin(&self->nuts, head->step.epsilon, &rng);
  self->head->phase = PHASE_DRAW;
}

void clv_chain_request(clv_chain *self, double *theta) {
  if (self->head->phase == PHASE_REST) chain_draw(self);
  switch (self->head->phase) {
    case PHASE_START:
      chain_start_point(self, theta);
      break;
    case PHASE_SEARCH:
      clv_step_search_request(&self->search, clv_nuts_position(&self->nuts), theta);
      break;
    default:
      clv_nuts_request(&self->nuts, theta);
      break;
  }
}

/* A first metric from the gradient's size alone: exact for a normal one standard deviation from its mode. */
static void chain_first_metric(clv_chain *self, const double *gradient) {
  const bool adapts = self->plan->num_warmup >= CLV_WARMUP_FEWEST;
  double    *scale  = self->nuts.now.velocity;
  for (size_t i = 0; i < self->nuts.dim; i++) {
    const double size = fabs(gradient[i]);
    scale[i]          = !adapts ? 1.0 : 1.0 / (size < 1e-10 ? 1e-10 : size > 1e10 ? 1e10 : size);
  }
  clv_metric_set_diagonal(&self->metric, scale);
}

clv_status clv_chain_lost(int chain, double log_density, const double *gradient, size_t dim) {
  size_t i = 0;
  char   last[128];
  while (i < dim && isfinite(gradient[i])) i++;
  if (!isfinite(log_density))
    snprintf(last, sizeof last, "the log-density is %g", log_density);
  else if (i < dim)
    snprintf(last, sizeof last, "the log-density is %g, but coordinate %zu of its gradient %g", log_density,
             i, gradient[i]);
  else
    snprintf(last, sizeof last, "the log-density is %g, but a customer's gradient is not finite",
             log_density);
  return clv_fail(
      CLV_EUSAGE,
      "chain %d: no finite log-density and gradient at %d start points (at the last %s); check the "
      "priors, the data's units and the model's start",
      chain, CLV_CHAIN_STARTS, last);
}

static clv_status chain_started(clv_chain *self, const double *theta, double log_density,
                                const double *gradient) {
  struct clv_chain_head *head   = self->head;
  bool                   finite = isfinite(log_density);
  for (size_t i = 0; i < self->nuts.dim; i++) finite = finite && isfinite(gradient[i]);
  if (!finite && head->is_warm) { /* begin as usual */
    head->is_warm = 0;
    return CLV_OK;
  }
  if (!finite && ++head->n_start < CLV_CHAIN_STARTS) return CLV_OK;
  if (!finite) return clv_chain_lost((int)head->chain, log_density, gradient, self->nuts.dim);
  clv_nuts_place(&self->nuts, theta, log_density, gradient);
  if (!head->is_warm) chain_first_metric(self, gradient);
  chain_search(self, head->is_warm ? head->step.epsilon : 1.0);
  return CLV_OK;
}

/* Another run's metric is given up for one of draws enough only. */
bool clv_chain_has_learnt(const clv_chain *self) {
  return !self->head->is_warm || *clv_chain_moments(self)->n >= CLV_CHAIN_WARM_DRAWS * (double)self->nuts.dim;
}

/* What the warm-up learns of the draw that has just been finished. */
static void chain_learn(clv_chain *self, clv_metric_room *room) {
  struct clv_chain_head  *head     = self->head;
  const clv_point        *at       = clv_nuts_position(&self->nuts);
  const int               n_warmup = self->plan->num_warmup, draw = head->n_draw - 1;
  const clv_warmup_action todo =
      self->head->is_warm ? clv_warmup_after_warm(n_warmup, draw) : clv_warmup_after(n_warmup, draw);
  bool new_metric = false;
  if (todo.adapt_step) clv_step_size_update(&head->step, clv_nuts_stat(&self->nuts).acceptance_rate);
  for (int i = 0; todo.collect && clv_nuts_moved(&self->nuts) && i < 2; i++)
    clv_moments_add(&self->moments[i], at->theta, at->gradient);
  if (todo.swap) {
    clv_moments_clear(&self->moments[head->foreground]);
    head->foreground = !head->foreground;
  }
  if (todo.adapt_metric && clv_chain_has_learnt(self))
    new_metric = clv_metric_adapt(&self->metric, clv_chain_moments(self), room);
  if (new_metric && (todo.restart_steps || head->n_metric++ == 0)) chain_search(self, head->step.epsilon);
}

clv_status clv_chain_feed(clv_chain *self, double log_density, const double *gradient, clv_metric_room *room,
                          bool *finished) {
  struct clv_chain_head *head = self->head;
  *finished                   = false;
  head->n_gradient++;
  switch (head->phase) {
    case PHASE_START:
      chain_start_point(self, self->nuts.now.theta);
      return chain_started(self, self->nuts.now.theta, log_density, gradient);
    case PHASE_SEARCH:
      if (!clv_step_search_feed(&self->search, log_density, gradient)) return CLV_OK;
      clv_step_size_restart(&head->step, self->plan->target_accept, clv_step_search_result(&self->search));
      head->phase = PHASE_REST;
      return CLV_OK;
    default:
      if (!clv_nuts_feed(&self->nuts, log_density, gradient)) return CLV_OK;
      *finished   = true;
      head->phase = PHASE_REST;
      head->n_draw++;
      head->n_diverging += clv_nuts_stat(&self->nuts).diverging;
      chain_learn(self, room);
      return CLV_OK;
  }
}

bool clv_chain_is_at_rest(const clv_chain *self) { return self->head->phase == PHASE_REST; }

bool clv_chain_is_ready(const clv_chain *self) { return self->head->phase >= PHASE_REST; }

int clv_chain_n_draw(const clv_chain *self) { return self->head->n_draw; }

double clv_chain_log_step(const clv_chain *self) { return clv_step_size_log_final(&self->head->step); }

const clv_moments *clv_chain_moments(const clv_chain *self) { return &self->moments[self->head->foreground]; }

double clv_chain_epsilon(const clv_chain *self) { return self->head->step.epsilon; }

int64_t clv_chain_n_gradient(const clv_chain *self) { return self->head->n_gradient; }

int64_t clv_chain_n_diverging(const clv_chain *self) { return self->head->n_diverging; }

void clv_chain_settle(clv_chain *self, double log_step, const clv_metric *metric) {
  clv_metric_copy(metric, &self->metric);
  clv_step_size_restart(&self->head->step, self->plan->target_accept, clv_exp(log_step));
  self->head->n_diverging = 0;
}
