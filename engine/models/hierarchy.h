#ifndef CLV_ENGINE_MODELS_HIERARCHY_H
#define CLV_ENGINE_MODELS_HIERARCHY_H

#include "comm/comm.h"
#include "engine/models/likelihood.h"
#include "engine/models/model.h"
#include "engine/models/slots.h"

typedef struct clv_hierarchy_plan {
  const char             *name; /* of the model */
  const clv_coordinates  *coordinates;
  const clv_slot_default *slot; /* [coordinates->n] */
  const clv_prior_texts
      *priors;          /* the user's, by natural name; NULL: none. Other names are left to the other parts */
  const clv_comm *comm; /* the ranks that share the data */
  bool            pooled; /* with several segments: a population that is learned (pooled.h) */
} clv_hierarchy_plan;

/** A model from a likelihood: priors in slots, Jacobians and the chain rule. Each segment has its own
 * parameters: independent of each other, or drawn from a learned population where the plan says `pooled`.
 * One segment is complete pooling. Reports the natural parameters, with dimension "segment" when there are
 * several. Collective over plan->comm.
 *  @param likelihood  of at most CLV_SEGMENT_MAX segments; taken over on success (emptied)
 *  @return CLV_EUSAGE for a prior that cannot be read, on every rank */
clv_status clv_hierarchy_new(clv_likelihood *likelihood, const clv_hierarchy_plan *plan, clv_model *out);

/** ops->refined of a likelihood; *out is empty where there is none. Not collective. */
clv_status clv_likelihood_refined(const clv_likelihood *likelihood, clv_likelihood *out);

/** Releases a likelihood. Accepts an empty one. */
void clv_likelihood_free(clv_likelihood *likelihood);

#endif
