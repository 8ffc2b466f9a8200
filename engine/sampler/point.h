#ifndef CLV_ENGINE_SAMPLER_POINT_H
#define CLV_ENGINE_SAMPLER_POINT_H

#include "engine/sampler/metric.h"
#include "engine/sampler/slab.h"

/** A state of the Hamiltonian system and what is known there: a view on a slab, its pieces one after the
 * other. */
typedef struct clv_point {
  double *theta;       /* [dim] */
  double *momentum;    /* [dim] p */
  double *velocity;    /* [dim] p♯ = M^-1 p */
  double *gradient;    /* [dim] of the log-density at theta */
  double *log_density; /* [1] */
  double *energy;      /* [1] H = -log_density + p·p♯/2; +inf where that is not a number */
} clv_point;

void clv_point_cut(clv_slab *slab, size_t dim, clv_point *out);
void clv_point_copy(size_t dim, const clv_point *from, clv_point *to);

/** Fresh momentum p ~ N(0, M), and with it velocity and energy. */
void clv_point_kick(clv_point *self, const clv_metric *metric, clv_rng *rng);

/** The first part of a leapfrog step, as far as the gradient is not needed: half kick, drift. */
void clv_point_depart(clv_point *self, const clv_metric *metric, double epsilon);
/** The second part: half kick with the gradient there; then velocity and energy. */
void clv_point_arrive(clv_point *self, const clv_metric *metric, double epsilon, double log_density,
                      const double *gradient);

#endif
