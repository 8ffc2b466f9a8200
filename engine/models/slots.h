#ifndef CLV_ENGINE_MODELS_SLOTS_H
#define CLV_ENGINE_MODELS_SLOTS_H

#include "engine/models/likelihood.h"

/** Default prior of a slot: a density on the coordinate, and why. */
typedef struct clv_slot_default {
  clv_prior   prior;
  const char *reason;
} clv_slot_default;

/** The prior of one set of coordinates u: a density in a slot for each, on u[i] or on the natural parameter
 * theta[i] where the user names it. A value type. */
typedef struct clv_slots {
  const clv_coordinates *coordinates; /* borrowed */
  clv_prior              prior[CLV_SEGMENT_PARAMETER_MAX];
  const char            *reason[CLV_SEGMENT_PARAMETER_MAX]; /* borrowed */
  clv_prior middle[CLV_SEGMENT_PARAMETER_MAX]; /* the default normals: where chains start, whatever the user's
                                                  priors are */
  unsigned named;                              /* bit i: slot i is on the natural parameter */
} clv_slots;

/** What the typical segment's parameters are called beside the segments' own: "r_population". */
#define CLV_POPULATION "_population"

/** Defaults, then the user's priors by natural name ("r"; "r_population" says the same). Other names are left
 * to others. Not collective.
 *  @param slot [coordinates->n], normals  @param priors  may be NULL
 *  @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_slots_fill(const clv_coordinates *coordinates, const clv_slot_default *slot,
                          const clv_prior_texts *priors, clv_slots *out);

/** log density of u. @param[in,out] gradient  [n], added to */
double clv_slots_log_density(const clv_slots *self, const double *u, double *gradient);

/** A draw; NaN where the priors have next to no mass where the model lives. @param[out] u [n] */
void clv_slots_draw(const clv_slots *self, clv_rng *rng, double *u);

/** A point near the middle of the defaults, spread over chains: far enough apart for R-hat to mean
 * something. @param[out] u [n] */
void clv_slots_start(const clv_slots *self, clv_rng *rng, double *u);

/** "log r ~ normal(…): why". */
void clv_slots_line(const clv_slots *self, size_t i, char *line, size_t size);

#endif
