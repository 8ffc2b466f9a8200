#ifndef CLV_ENGINE_MODELS_POOLED_H
#define CLV_ENGINE_MODELS_POOLED_H

#include "engine/models/hierarchy.h"

/** Standard deviations between segments are reported, and their priors named, by these: "tau_r". */
#define CLV_TAU "tau_"

/** Partial pooling: every segment's coordinates u ~ Normal(m, diag(tau²)), m and tau learned. m takes the
 * priors in `slots`, the user's included; tau half_normal(CLV_TAU_SD), or the user's by "tau_r". Sampled in
 * whitened coordinates (whitening.h). Reports the segments' natural parameters, the typical segment's
 * ("r_population": those at m), and tau. Collective over plan->comm.
 *  @param likelihood  of several segments; taken over on success (emptied) */
clv_status clv_pooled_new(clv_likelihood *likelihood, const clv_slots *slots, const clv_hierarchy_plan *plan,
                          clv_model *out);

#define CLV_TAU_SD 0.5

/** Natural parameters of a segment that has not been seen: theta of u ~ Normal(m, diag(tau²)). Not
 * collective.
 *  @param population [n]  natural parameters of the typical segment  @param tau [n] */
void clv_pooled_new_segment(const clv_coordinates *coordinates, const double *population, const double *tau,
                            clv_rng *rng, double *theta);

#endif
