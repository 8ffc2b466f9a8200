#ifndef CLV_ENGINE_SAMPLER_CHAIN_H
#define CLV_ENGINE_SAMPLER_CHAIN_H

#include "engine/sampler/moments.h"
#include "engine/sampler/nuts.h"
#include "engine/sampler/step_size.h"
#include "engine/sampler/warmup.h"

/** Start points tried before a chain gives up. */
#define CLV_CHAIN_STARTS 100
/** Says that none of them was finite, and what the last was like. Not collective. @return CLV_EUSAGE: a model
 * or its priors */
clv_status clv_chain_lost(int chain, double log_density, const double *gradient, size_t dim);
/** Draws a coordinate below which a warm start keeps the other run's metric. */
#define CLV_CHAIN_WARM_DRAWS 3.0

/** One chain with all that it adapts: start point, step-size search, transitions, warm-up. A view: what it
 * remembers lies in a slab without pointers, so that a copy of the slab is the chain. */
typedef struct clv_chain {
  const clv_model        *model; /* borrowed */
  const clv_sampler_plan *plan;  /* borrowed */
  struct clv_chain_head  *head;
  clv_metric              metric;
  clv_moments             moments[2]; /* which is the foreground: head */
  clv_step_search         search;
  clv_nuts                nuts;
} clv_chain;

/** Cut chain out of the slab, at an address that stays: the machines inside borrow the metric. Not
 * collective. Release with clv_chain_free (also after only counting, slab->base NULL). */
clv_status clv_chain_cut(clv_slab *slab, const clv_model *model, const clv_sampler_plan *plan,
                         clv_chain *out);
void       clv_chain_free(clv_chain *self);

/** Before the first draw. @param chain  its number, from 0 over all groups */
void clv_chain_begin(clv_chain *self, int chain);

/** Then, for a warm start: where it begins, and with what. A metric that is not positive definite is left
 * aside with the position. @param theta [dim] @param inverse  as clv_metric_set */
void clv_chain_begin_at(clv_chain *self, const double *theta, const double *inverse, double epsilon);

/** The next point that the chain wants to know. @param[out] theta  [dim] */
void clv_chain_request(clv_chain *self, double *theta);
/** @param room  scratch, shared with other chains
 *  @param[out] finished  whether this finished a draw
 *  @return CLV_EUSAGE where no start point had a finite log-density: on every rank alike */
clv_status clv_chain_feed(clv_chain *self, double log_density, const double *gradient, clv_metric_room *room,
                          bool *finished);

/** Whether the chain has a position and a step size, and so could begin a draw or is amid one. */
bool clv_chain_is_ready(const clv_chain *self);
/** Whether it waits between two draws. */
bool clv_chain_is_at_rest(const clv_chain *self);
/** Draws finished so far, warm-up included. */
int clv_chain_n_draw(const clv_chain *self);
/** Gradients so far, and divergent draws of this phase; the step size of the next draw. */
int64_t clv_chain_n_gradient(const clv_chain *self);
int64_t clv_chain_n_diverging(const clv_chain *self);
double  clv_chain_epsilon(const clv_chain *self);
/** log of the step size that the warm-up has arrived at. */
double clv_chain_log_step(const clv_chain *self);
/** The estimator the metric was last made of. Borrowed. */
const clv_moments *clv_chain_moments(const clv_chain *self);
/** Whether its moments are enough for a metric of their own. */
bool clv_chain_has_learnt(const clv_chain *self);
/** The step size and metric that the chain samples with after the warm-up. */
void clv_chain_settle(clv_chain *self, double log_step, const clv_metric *metric);

#endif
