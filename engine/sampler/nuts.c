#include "engine/sampler/nuts.h"

#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"

typedef enum nuts_stop { STOP_NOT, STOP_TURN, STOP_DEPTH, STOP_DIVERGE } nuts_stop;

/* Lies in the slab: no pointers, eight-byte multiples. */
struct clv_nuts_head {
  clv_rng rng;
  double  epsilon;
  double  energy_0; /* H0 = H at the start: what every energy error is against */
  double  accept;   /* Σ min(1, exp(H0 - H)) over all leaves, those of rejected subtrees too */
  int32_t n_leaf;
  int32_t depth; /* of the whole tree */
  int32_t way;   /* -1 or +1: where the new half grows */
  int32_t n_half;
  int32_t stop; /* nuts_stop */
  int32_t pad;
  int32_t level[32]; /* depth of each half */
};

clv_status clv_nuts_cut(clv_slab *slab, const clv_metric *metric, int most_depth, clv_nuts *out) {
  clv_nuts   self = {.dim = metric->dim, .most_depth = most_depth, .metric = metric};
  clv_status st   = CLV_OK;
  CLV_CHECK(most_depth >= 1 && most_depth < 32);
  CLV_TRY(clv_calloc((size_t)most_depth + 1, sizeof *self.half, (void **)&self.half));
  self.head  = clv_slab_take(slab, sizeof *self.head);
  self.start = clv_slab_doubles(slab, self.dim);
  clv_point_cut(slab, self.dim, &self.now);
  clv_tree_cut(slab, self.dim, &self.whole);
  for (int i = 0; i <= most_depth; i++) clv_tree_cut(slab, self.dim, &self.half[i]);
  *out = self;
out:
  return st;
}

void clv_nuts_free(clv_nuts *self) {
  free(self->half);
  self->half = NULL;
}

void clv_nuts_place(clv_nuts *self, const double *theta, double log_density, const double *gradient) {
  memcpy(self->whole.draw.theta, theta, self->dim * sizeof *theta);
  memcpy(self->whole.draw.gradient, gradient, self->dim * sizeof *gradient);
  *self->whole.draw.log_density = log_density;
}

const clv_point *clv_nuts_position(const clv_nuts *self) { return &self->whole.draw; }

/* v ~ U{-1, +1}: the integrator goes to that end of the trajectory. */
static void nuts_turn_out(clv_nuts *self) {
  self->head->way = clv_rng_sign(&self->head->rng);
  clv_point_copy(self->dim, self->head->way > 0 ? &self->whole.last : &self->whole.first, &self->now);
}

void clv_nuts_begin(clv_nuts *self, double epsilon, const clv_rng *rng) {
  struct clv_nuts_head *head = self->head;
  memset(head, 0, sizeof *head);
  head->rng     = *rng;
  head->epsilon = epsilon;
  clv_point_copy(self->dim, &self->whole.draw, &self->now);
  memcpy(self->start, self->now.theta, self->dim * sizeof *self->start);
  clv_point_kick(&self->now, self->metric, &head->rng);
  head->energy_0 = *self->now.energy;
  clv_tree_plant(&self->whole, self->dim, &self->now, 0.0);
  nuts_turn_out(self);
}

void clv_nuts_request(clv_nuts *self, double *theta) {
  clv_point_depart(&self->now, self->metric, self->head->way * self->head->epsilon);
  memcpy(theta, self->now.theta, self->dim * sizeof *theta);
}

/* H0 - H, and its part in the accept statistic. The energy is a number or +inf, never NaN (point.c), so the
 * gain is one or -inf. */
static double nuts_weigh(clv_nuts *self) {
  const double gain = self->head->energy_0 - *self->now.energy;
  self->head->accept += gain >= 0 ? 1.0 : clv_exp(gain);
  self->head->n_leaf++;
  return gain;
}

/* Push the leaf on the stack of finished parts and join those of equal depth, as a binary counter carries. */
static nuts_stop nuts_grow(clv_nuts *self, double log_weight) {
  struct clv_nuts_head *head = self->head;
  clv_tree_plant(&self->half[head->n_half], self->dim, &self->now, log_weight);
  head->level[head->n_half++] = 0;
  while (head->n_half > 1 && head->level[head->n_half - 2] == head->level[head->n_half - 1]) {
    clv_tree *newer = &self->half[--head->n_half], *older = newer - 1;
    head->level[head->n_half - 1]++;
    if (clv_tree_join(older, self->dim, newer, CLV_TREE_UNIFORM, &head->rng)) return STOP_TURN;
  }
  return STOP_NOT;
}

/* As many new points as there are old ones: the new half becomes part of the whole. */
static nuts_stop nuts_double(clv_nuts *self) {
  struct clv_nuts_head *head = self->head;
  clv_tree              all  = clv_tree_facing(&self->whole, head->way);
  head->n_half               = 0;
  head->depth++;
  if (clv_tree_join(&all, self->dim, &self->half[0], CLV_TREE_BIASED, &head->rng)) return STOP_TURN;
  if (head->depth == self->most_depth) return STOP_DEPTH;
  nuts_turn_out(self);
  return STOP_NOT;
}

bool clv_nuts_feed(clv_nuts *self, double log_density, const double *gradient) {
  struct clv_nuts_head *head = self->head;
  clv_point_arrive(&self->now, self->metric, head->way * head->epsilon, log_density, gradient);
  const double gain = nuts_weigh(self);
  nuts_stop    stop = gain < -CLV_NUTS_ENERGY_MOST ? STOP_DIVERGE : nuts_grow(self, gain);
  if (stop == STOP_NOT && head->level[0] == head->depth) stop = nuts_double(self);
  head->stop = (int32_t)stop;
  return stop != STOP_NOT;
}

clv_draw_stat clv_nuts_stat(const clv_nuts *self) {
  const struct clv_nuts_head *head   = self->head;
  const double                energy = *self->whole.draw.energy;
  return (clv_draw_stat){.lp                    = *self->whole.draw.log_density,
                         .energy                = energy,
                         .energy_error          = energy - head->energy_0,
                         .acceptance_rate       = head->accept / head->n_leaf,
                         .step_size             = head->epsilon,
                         .tree_depth            = head->depth,
                         .n_steps               = head->n_leaf,
                         .diverging             = head->stop == STOP_DIVERGE,
                         .reached_max_treedepth = head->stop == STOP_DEPTH};
}

bool clv_nuts_moved(const clv_nuts *self) {
  return memcmp(self->start, self->whole.draw.theta, self->dim * sizeof *self->start) != 0;
}
