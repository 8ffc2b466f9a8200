#ifndef CLV_ENGINE_SAMPLER_STEP_SIZE_H
#define CLV_ENGINE_SAMPLER_STEP_SIZE_H

#include "engine/sampler/point.h"

/** Dual averaging of the step size towards an acceptance rate; a value type without pointers.
 *  Source: Hoffman & Gelman 2014, section 3.2; gamma 0.05, kappa 0.75, t0 10. */
typedef struct clv_step_size {
  double  target;  /* delta */
  double  epsilon; /* to be used for the next transition */
  double  mu;      /* log(10 epsilon) at the restart */
  double  s;       /* running mean of delta - acceptance */
  double  x_bar;   /* averaged log(epsilon) */
  int64_t t;       /* updates since the restart */
} clv_step_size;

void clv_step_size_restart(clv_step_size *self, double target, double epsilon);
void clv_step_size_update(clv_step_size *self, double acceptance_rate);
/** log of the averaged step size: what adaptation has arrived at (of epsilon itself before the first update).
 */
double clv_step_size_log_final(const clv_step_size *self);

/** The acceptance of one step that the search for a first step size crosses. */
#define CLV_STEP_SEARCH_ACCEPT 0.8
/** Doublings or halvings after which the search leaves it at that. */
#define CLV_STEP_SEARCH_MOST 100

/** Search for a first step size as a resumable machine: double or halve, with fresh momentum, until the
 * acceptance of one step crosses 0.8. A view on a slab. Source: Hoffman & Gelman 2014, Alg. 4 (there with
 * 0.5). */
typedef struct clv_step_search {
  const clv_metric            *metric; /* borrowed */
  struct clv_step_search_head *head;
  clv_point                    now;
} clv_step_search;

void clv_step_search_cut(clv_slab *slab, const clv_metric *metric, clv_step_search *out);
/** @param rng  copied: names the momenta of the whole search */
void clv_step_search_begin(clv_step_search *self, double epsilon, const clv_rng *rng);
/** One step from `from` is wanted. @param[out] theta  [dim] */
void clv_step_search_request(clv_step_search *self, const clv_point *from, double *theta);
/** @return whether the search is over */
bool clv_step_search_feed(clv_step_search *self, double log_density, const double *gradient);
/** The step size found. */
double clv_step_search_result(const clv_step_search *self);

#endif
