#ifndef CLV_ENGINE_SAMPLER_WARMUP_H
#define CLV_ENGINE_SAMPLER_WARMUP_H

#include <stdbool.h>

/** Warm-ups shorter than this adapt nothing but the step size of the first search. */
#define CLV_WARMUP_FEWEST 20

/** What follows on one draw of the warm-up. */
typedef struct clv_warmup_action {
  bool adapt_step;    /* the draw's acceptance goes into the step size's averaging */
  bool collect;       /* the draw goes into both estimators */
  bool adapt_metric;  /* a new metric from the foreground estimator, after the swap */
  bool swap;          /* the background estimator becomes the foreground, and a new background begins */
  bool restart_steps; /* where the metric changed: search for a step size again, restart its averaging */
} clv_warmup_action;

/** The schedule: a pure function of the length and of the number of the draw that has just been made (from
 * 0). First 30 %: swap every 10 draws. Then windows of 80, 120, 180, … draws, each ending in a swap while at
 * least 80 more follow. The last 15 % (at least 50 draws, at most half) adapts the step size only. Not
 * collective. */
clv_warmup_action clv_warmup_after(int num_warmup, int draw);

/** The schedule of a warm start: the first quarter walks to the new posterior with the other run's metric,
 * the half that follows collects and ends in a new metric, the last quarter adapts the step size only. Not
 * collective. */
clv_warmup_action clv_warmup_after_warm(int num_warmup, int draw);

#endif
