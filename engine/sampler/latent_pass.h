#ifndef CLV_ENGINE_SAMPLER_LATENT_PASS_H
#define CLV_ENGINE_SAMPLER_LATENT_PASS_H

#include <stdbool.h>

#include "comm/accumulator.h"
#include "engine/models/latent_model.h"
#include "engine/sampler/latent_kernel.h"
#include "engine/sampler/latent_room.h"

/** Passes over this rank's customers, each with one allreduce that carries all that a step needs from the
 * shards: the model's sums (log-density, gradient of phi), kinetic energy, and dot products of turn tests. */
typedef struct clv_latent_pass clv_latent_pass;

/** @param shards, model  borrowed. Not collective. */
clv_status clv_latent_pass_new(const clv_comm *shards, const clv_latent_model *model, int most_depth,
                               clv_latent_pass **out);
void       clv_latent_pass_free(clv_latent_pass **self);

/** What a pass finds, the same bits on every rank. */
typedef struct clv_latent_found {
  double        log_density;
  const double *gradient; /* [n_phi]; borrowed until the next pass */
  double        kinetic;  /* Σ u² over all customers' own momenta; of a look 0, NaN where a gradient of
                             theirs is not finite */
  const double *dot;      /* [joints][CLV_LATENT_DOTS] over all customers' own momenta */
} clv_latent_found;

/** The beginning of a transition at `from`: fresh momenta for customers' own parameters; room->end and
 * room->whole are made (own parts). Collective over shards, synchronising, as all that follow.
 *  @param scale  [n_own] @param name  its `customer` is filled in */
clv_status clv_latent_pass_open(clv_latent_pass *self, const clv_latent_place *from, double epsilon,
                                const float *scale, const clv_latent_name *name, clv_latent_room *room,
                                clv_latent_found *found);

/** One leaf of a growing subtree: the point where it is, and which trees it completes. */
typedef struct clv_latent_leaf {
  int    way;     /* -1 or +1 */
  double epsilon; /* > 0 */
  int    n_join;  /* trees on the stack that it is joined to: those of 1, 2, 4 … points */
  bool   is_last; /* completes the whole's new half, which then is joined too */
} clv_latent_leaf;

/** One leapfrog step from room->end[way > 0]: own parts of the end's kick are moved on, its next point is
 * written to room->spare, the momentum and sums of joined trees to where clv_latent_joints names them. */
clv_status clv_latent_pass_step(clv_latent_pass *self, const clv_latent_leaf *leaf, const float *scale,
                                clv_latent_room *room, clv_latent_found *found);

/** Log-density and gradient at a place; where `count` is not NULL, draws and gradients are added to both
 * estimators of each customer's own parameters. @param count  [2] draws with this one  @param to  [2] */
clv_status clv_latent_pass_look(clv_latent_pass *self, const clv_latent_place *at, const double *count,
                                const clv_latent_moments *to, clv_latent_found *found);

clv_accumulator_cost clv_latent_pass_cost(const clv_latent_pass *self);
size_t               clv_latent_pass_n_own(const clv_latent_pass *self);

/** Two trees that a leaf joins, in the order of growth. */
typedef struct clv_latent_pair {
  clv_latent_momentum first, last, sum;        /* of the older */
  clv_latent_momentum new_first, now, new_sum; /* of the newer */
  clv_latent_momentum both;                    /* where the sum of both goes */
} clv_latent_pair;

/** Where the leaf's momentum goes, and the joins in their order. Not collective.
 *  @param[out] pair  [n_join + 1] @return their number */
int clv_latent_joints(const clv_latent_room *room, const clv_latent_leaf *leaf, clv_latent_momentum *now,
                      clv_latent_pair *pair);
/** After the step: the joined trees take their places. */
void clv_latent_rotate(clv_latent_room *room, const clv_latent_leaf *leaf);

#endif
