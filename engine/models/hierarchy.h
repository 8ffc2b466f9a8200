#ifndef CLV_ENGINE_MODELS_HIERARCHY_H
#define CLV_ENGINE_MODELS_HIERARCHY_H

#include "engine/models/likelihood.h"
#include "engine/models/model.h"

/** Default prior of a slot: a density on the coordinate, and why. */
typedef struct clv_slot_default {
  clv_prior   prior;
  const char *reason;
} clv_slot_default;

typedef struct clv_hierarchy_plan {
  const char             *name; /* of the model */
  const clv_coordinates  *coordinates;
  const clv_slot_default *slot; /* [coordinates->n] */
  const clv_prior_texts
      *priors; /* the user's, by natural name; NULL: none. Other names are left to the other parts */
} clv_hierarchy_plan;

/** A model from a likelihood: each segment has its own parameters (one segment: complete pooling), priors in
 * slots, Jacobians and the chain rule. Reports the natural parameters, with dimension "segment" when there
 * are several. Not collective.
 *  @param likelihood  taken over on success (emptied)
 *  @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_hierarchy_new(clv_likelihood *likelihood, const clv_hierarchy_plan *plan, clv_model *out);

/** Releases a likelihood. Accepts an empty one. */
void clv_likelihood_free(clv_likelihood *likelihood);

#endif
