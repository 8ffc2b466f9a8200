#ifndef CLV_ENGINE_SAMPLER_NUTS_H
#define CLV_ENGINE_SAMPLER_NUTS_H

#include "engine/sampler/sampler.h"
#include "engine/sampler/tree.h"

/** An energy error beyond this is a divergence. */
#define CLV_NUTS_ENERGY_MOST 1000.0

/** The multinomial No-U-Turn sampler of one chain as a resumable machine: between `request` and `feed`
 * somebody evaluates the log-density, of many chains at once. A view: all that it remembers lies in a slab.
 *  Source: Hoffman & Gelman 2014; weights, generalised turn test and biased choice after Betancourt 2017,
 * App. A. */
typedef struct clv_nuts {
  size_t                dim;
  int                   most_depth;
  const clv_metric     *metric; /* borrowed */
  struct clv_nuts_head *head;
  double               *start; /* [dim] where the transition began */
  clv_point             now;   /* where the integrator is */
  clv_tree              whole; /* in the order of time; whole.draw is the chain's position */
  clv_tree *half; /* owned, [most_depth + 1]: finished parts of the subtree that grows, depths falling */
} clv_nuts;

/** Cut the machine out of the slab. With slab->base NULL only counts (out is then not to be used, but is to
 * be freed). Not collective. @return CLV_ENOMEM */
clv_status clv_nuts_cut(clv_slab *slab, const clv_metric *metric, int most_depth, clv_nuts *out);
void       clv_nuts_free(clv_nuts *self);

/** Put the chain at a point whose log-density and gradient are known. */
void clv_nuts_place(clv_nuts *self, const double *theta, double log_density, const double *gradient);

/** The chain's position: theta, gradient and log-density of the last draw. Borrowed. */
const clv_point *clv_nuts_position(const clv_nuts *self);

/** Begin a transition from the chain's position. @param rng  copied: the numbers of this transition */
void clv_nuts_begin(clv_nuts *self, double epsilon, const clv_rng *rng);

/** The next point whose log-density and gradient are wanted: half kick, drift. @param[out] theta  [dim] */
void clv_nuts_request(clv_nuts *self, double *theta);

/** Half kick, push the leaf, join subtrees of equal depth.
 *  @return whether the transition is over; the position then is the new draw */
bool clv_nuts_feed(clv_nuts *self, double log_density, const double *gradient);

/** Of the transition that ended last. */
clv_draw_stat clv_nuts_stat(const clv_nuts *self);
/** Whether that transition left its start. */
bool clv_nuts_moved(const clv_nuts *self);

#endif
