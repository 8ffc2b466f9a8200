#include "engine/sampler/step_size.h"

#include <math.h>
#include <string.h>

#include "engine/numerics/pinned.h"

#define GAMMA 0.05
#define KAPPA 0.75
#define T0 10.0

void clv_step_size_restart(clv_step_size *self, double target, double epsilon) {
  *self = (clv_step_size){.target = target, .epsilon = epsilon, .mu = clv_log(10.0 * epsilon)};
}

void clv_step_size_update(clv_step_size *self, double acceptance_rate) {
  self->t++;
  const double t = (double)self->t, eta = 1.0 / (t + T0), weight = clv_exp(-KAPPA * clv_log(t));
  self->s        = (1.0 - eta) * self->s + eta * (self->target - acceptance_rate);
  const double x = self->mu - self->s * sqrt(t) / GAMMA;
  self->x_bar    = (1.0 - weight) * self->x_bar + weight * x;
  self->epsilon  = clv_exp(x);
}

double clv_step_size_log_final(const clv_step_size *self) {
  return self->t == 0 ? clv_log(self->epsilon) : self->x_bar;
}

/* Lies in the slab: no pointers, eight-byte multiples. */
struct clv_step_search_head {
  clv_rng rng;
  double  epsilon;
  double  energy_0;
  int32_t way; /* +1 doubling, -1 halving, 0 not yet known */
  int32_t n_step;
};

void clv_step_search_cut(clv_slab *slab, const clv_metric *metric, clv_step_search *out) {
  out->metric = metric;
  out->head   = clv_slab_take(slab, sizeof *out->head);
  clv_point_cut(slab, metric->dim, &out->now);
}

void clv_step_search_begin(clv_step_search *self, double epsilon, const clv_rng *rng) {
  *self->head = (struct clv_step_search_head){.rng = *rng, .epsilon = epsilon};
}

void clv_step_search_request(clv_step_search *self, const clv_point *from, double *theta) {
  struct clv_step_search_head *head = self->head;
  clv_point_copy(self->metric->dim, from, &self->now);
  clv_point_kick(&self->now, self->metric, &head->rng);
  head->energy_0 = *self->now.energy;
  clv_point_depart(&self->now, self->metric, head->epsilon);
  memcpy(theta, self->now.theta, self->metric->dim * sizeof *theta);
}

bool clv_step_search_feed(clv_step_search *self, double log_density, const double *gradient) {
  struct clv_step_search_head *head = self->head;
  clv_point_arrive(&self->now, self->metric, head->epsilon, log_density, gradient);
  /* An energy of +inf makes this -inf: too large a step. */
  const double gain = head->energy_0 - *self->now.energy;
  const int    way  = gain > clv_log(CLV_STEP_SEARCH_ACCEPT) ? 1 : -1;
  if (head->way == 0) head->way = way;
  if (way != head->way || ++head->n_step == CLV_STEP_SEARCH_MOST) return true;
  head->epsilon *= way > 0 ? 2.0 : 0.5;
  return false;
}

double clv_step_search_result(const clv_step_search *self) { return self->head->epsilon; }
