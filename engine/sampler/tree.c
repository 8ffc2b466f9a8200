#include "engine/sampler/tree.h"

#include <string.h>

#include "engine/numerics/pinned.h"

void clv_tree_cut(clv_slab *slab, size_t dim, clv_tree *out) {
  clv_point_cut(slab, dim, &out->first);
  clv_point_cut(slab, dim, &out->last);
  clv_point_cut(slab, dim, &out->draw);
  out->rho        = clv_slab_doubles(slab, dim);
  out->log_weight = clv_slab_doubles(slab, 1);
}

void clv_tree_plant(clv_tree *self, size_t dim, const clv_point *point, double log_weight) {
  clv_point_copy(dim, point, &self->first);
  clv_point_copy(dim, point, &self->last);
  clv_point_copy(dim, point, &self->draw);
  memcpy(self->rho, point->momentum, dim * sizeof *self->rho);
  *self->log_weight = log_weight;
}

clv_tree clv_tree_facing(const clv_tree *self, int way) {
  clv_tree seen = *self;
  if (way < 0) seen.first = self->last, seen.last = self->first;
  return seen;
}

/* Generalised U-turn between two states whose trajectory has momentum sum a + b: p♯·(a + b) > 0 at both goes
 * on. */
static bool tree_turns(size_t dim, const clv_point *from, const clv_point *to, const double *a,
                       const double *b) {
  double at_from = 0, at_to = 0;
  for (size_t i = 0; i < dim; i++) {
    const double rho = a[i] + b[i];
    at_from += from->velocity[i] * rho;
    at_to += to->velocity[i] * rho;
  }
  return !(at_from > 0 && at_to > 0);
}

static bool tree_pair_turns(size_t dim, const clv_tree *a, const clv_tree *b) {
  return tree_turns(dim, &a->first, &b->last, a->rho, b->rho) ||
         tree_turns(dim, &a->first, &b->first, a->rho, b->first.momentum) ||
         tree_turns(dim, &a->last, &b->last, a->last.momentum, b->rho);
}

bool clv_tree_join(clv_tree *self, size_t dim, const clv_tree *newer, clv_tree_choice choice, clv_rng *rng) {
  const double both   = clv_log_sum_exp(*self->log_weight, *newer->log_weight);
  const double rival  = choice == CLV_TREE_BIASED ? *self->log_weight : both;
  const double log_u  = clv_log(clv_rng_uniform(rng));
  const bool   turned = tree_pair_turns(dim, self, newer);

  if (log_u < *newer->log_weight - rival) clv_point_copy(dim, &newer->draw, &self->draw);
  clv_point_copy(dim, &newer->last, &self->last);
  for (size_t i = 0; i < dim; i++) self->rho[i] += newer->rho[i];
  *self->log_weight = both;
  return turned;
}
