#ifndef CLV_ENGINE_SAMPLER_SAMPLER_H
#define CLV_ENGINE_SAMPLER_SAMPLER_H

#include <stdbool.h>

#include "comm/accumulator.h"
#include "comm/topology.h"
#include "engine/models/model.h"

typedef struct clv_sampler_plan {
  int      num_chains;
  int      num_warmup;
  int      num_samples;
  double   target_accept;
  int      max_tree_depth;
  uint64_t seed;
} clv_sampler_plan;

/** Where another run of a similar posterior ended. Everything is borrowed. */
typedef struct clv_sampler_start {
  int           n_chain;
  const double *phi; /* [n_chain][dim]: chain i begins at i modulo n_chain */
  double        step_size;
  const double *inv_metric; /* as clv_sampler_tuning gives it */
} clv_sampler_start;

/** What ArviZ calls sample_stats, of one draw. */
typedef struct clv_draw_stat {
  double  lp;     /* log-density on the unconstrained scale */
  double  energy; /* H at the chosen state */
  double  energy_error;
  double  acceptance_rate;
  double  step_size;
  int32_t tree_depth;
  int32_t n_steps; /* gradients of this transition */
  int8_t  diverging;
  int8_t  reached_max_treedepth;
} clv_draw_stat;

/** The draws that one call of clv_sampler_run made, of all chains and all groups, the same on every rank.
 *  Borrowed from the sampler until its next run. */
typedef struct clv_leg {
  bool                 warmup;
  int                  first;  /* number of the first draw, from 0 within its phase */
  int                  n_draw; /* per chain */
  int                  n_chain;
  size_t               dim;
  const double        *phi;  /* [n_chain][n_draw][dim] */
  const clv_draw_stat *stat; /* [n_chain][n_draw] */
} clv_leg;

/** For a progress bar; the sums are over this group's chains. */
typedef struct clv_sampler_progress {
  bool   warmup;
  long   draws; /* of this phase, over the group's chains */
  long   draws_planned;
  long   divergences;
  double step_size; /* mean over the group's chains */
  long   gradients;
} clv_sampler_progress;

/** Asked once a round, on every rank; the answers may differ between ranks, and so may the watches. True on
 * any rank stops all of them, and clv_sampler_run returns CLV_EINTERRUPT everywhere. The ranks of a group ask
 * each other about every 50 ms (after every round where the group is one rank), not every round: a tiny
 * reduction that depends on the number of rounds alone. Groups meet at the end of a leg only, so a stop that
 * one group alone has heard of takes effect there: keep legs short (a few seconds). */
typedef struct clv_sampler_watch {
  void *context;
  bool (*round)(void *context, const clv_sampler_progress *progress);
} clv_sampler_watch;

/** Multinomial NUTS (Hoffman & Gelman 2014; Betancourt 2017) on several chains that share every pass over the
 * data. The chains' state machines are replicated on every rank of a group; see docs/sampler.md. */
typedef struct clv_sampler clv_sampler;

/** @param topology, model  borrowed: the model holds this rank's shard; the value *model itself is copied
 *  @param plan  copied. Collective over the world.
 *  @return CLV_EUSAGE for a plan that makes no sense, on every rank */
clv_status clv_sampler_new(const clv_topology *topology, const clv_model *model, const clv_sampler_plan *plan,
                           clv_sampler **out);
/** Begin with another run's positions, metric and step size, in place of start points, a first metric and the
 * search for a step size. The step size and, where draws enough are collected, the metric are adapted anew; a
 * chain whose position has no finite log-density begins as usual. Before the first run; the same on every rank. Not collective. */
clv_status clv_sampler_begin_at(clv_sampler *self, const clv_sampler_start *start);
/** Gradients of the warm-up over all chains; 0 before its end. The same on every rank. Not collective. */
double clv_sampler_warmup_gradients(const clv_sampler *self);

/** Accepts NULL, leaves NULL. Not collective. */
void clv_sampler_free(clv_sampler **self);

/** Run every chain for at most `n_draw` more draws of the present phase (fewer at the end of a phase; a leg
 * never spans warm-up and sampling). n_draw of the leg is 0 when all is done, and nowhere else for n_draw >
 * 0. Collective over the world, synchronising. The draws do not depend on how the run is cut into legs, on
 * ranks or on groups.
 *  @return CLV_EINTERRUPT when a watch said stop: the state then is between two rounds and may be saved or
 * run on; draws made so far are kept and come with a later leg. CLV_EUSAGE where a chain found no start point
 * with a finite log-density */
clv_status clv_sampler_run(clv_sampler *self, int n_draw, const clv_sampler_watch *watch, clv_leg *leg);

/** Inverse metric after warm-up (may be NULL), [dim][dim], or its diagonal [dim] where that is all there is
 * (clv_metric_is_dense), and the pooled step size: the same on every
 * rank. NaN before the warm-up's last leg. Not collective. */
void clv_sampler_tuning(const clv_sampler *self, double *step_size, double *inv_metric);

/** The whole state as bytes, of all chains, the same on every rank and independent of ranks and groups; and
 * back, into a sampler of the same model and plan (num_samples may differ) on any topology: the draws that
 * follow are the same, bit for bit. Collective over the world; every rank passes the same bytes to restore.
 *  @param[out] bytes  owned by the caller; the machine's byte order
 *  @return CLV_EDATA for damaged bytes or another version's, CLV_EUSAGE for another model or plan; the
 * sampler is then unchanged */
clv_status clv_sampler_save(const clv_sampler *self, void **bytes, size_t *n);
clv_status clv_sampler_restore(clv_sampler *self, const void *bytes, size_t n);

/** Gradients evaluated so far (n_point; those of this rank's group) and seconds in passes and reductions,
 * this rank. Not collective. */
clv_accumulator_cost clv_sampler_cost(const clv_sampler *self);

#endif
