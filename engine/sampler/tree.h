#ifndef CLV_ENGINE_SAMPLER_TREE_H
#define CLV_ENGINE_SAMPLER_TREE_H

#include <stdbool.h>

#include "engine/sampler/point.h"

/** A stretch of trajectory in the order of its growth, with one of its points drawn by weight: a view on a
 * slab. */
typedef struct clv_tree {
  clv_point first;
  clv_point last;
  clv_point draw;
  double   *rho;        /* [dim] Σ p over its points */
  double   *log_weight; /* [1] log Σ exp(H0 - H) */
} clv_tree;

/** How the draw of two joined trees is chosen. */
typedef enum clv_tree_choice {
  CLV_TREE_UNIFORM, /* the newer one with w_new / (w_old + w_new) */
  CLV_TREE_BIASED   /* with min(1, w_new / w_old) */
} clv_tree_choice;

void clv_tree_cut(clv_slab *slab, size_t dim, clv_tree *out);

/** One point. @param log_weight  H0 - H */
void clv_tree_plant(clv_tree *self, size_t dim, const clv_point *point, double log_weight);

/** The tree as it looks when it grows forward (way > 0) or backward: the same memory, first and last
 * exchanged. */
clv_tree clv_tree_facing(const clv_tree *self, int way);

/** Append `newer` to `self`, in the order of growth; the draw is chosen first (one uniform, always), then the
 * turn is tested: over the whole and across the joint, from either side. Source: Betancourt 2017, App. A.3
 * (choice) and A.4.2 (turn); Stan's two tests across the joint.
 *  @return whether the joined trajectory turns back on itself */
bool clv_tree_join(clv_tree *self, size_t dim, const clv_tree *newer, clv_tree_choice choice, clv_rng *rng);

#endif
