#ifndef CLV_JOBS_REHEARSAL_H
#define CLV_JOBS_REHEARSAL_H

#include <stdbool.h>

#include "comm/comm.h"
#include "io/config.h"

/** What one run of clv as a child process took. */
typedef struct clv_rehearsed {
  double cpu, wall; /* seconds */
  double bytes;     /* most memory it ever held */
} clv_rehearsed;

/** A simulated shop that went through the steps. A step that was left out is all zero: evaluate on the large
 * shop, and its forecasts where they would take long. Of what is run more than once, the quickest: what else
 * runs on a machine only ever adds. */
typedef struct clv_rehearsed_shop {
  double        customers, transactions, histories;
  double        run_bytes; /* of the run directory */
  double        pass;      /* seconds of one gradient of all chains together, on one rank */
  clv_rehearsed prepare, fit, diagnose, predict, evaluate;
  clv_rehearsed fit_idle, fit_warm; /* a fit of next to no draws; one of the warm-up and a draw; best shop */
  clv_rehearsed diagnose_idle;      /* of the former's trace; best shop */
} clv_rehearsed_shop;

enum { CLV_REHEARSAL_SMALL, CLV_REHEARSAL_MIDDLE, CLV_REHEARSAL_LARGE, CLV_REHEARSAL_SHOPS };

/** The chain in small: what it takes on this machine with this configuration. */
typedef struct clv_rehearsal {
  clv_rehearsed      start; /* a child that only starts and ends */
  clv_rehearsed_shop shop[CLV_REHEARSAL_SHOPS];
  bool               has_middle;              /* false where the small shop alone took long */
  int                num_warmup, num_samples; /* draws of the fits */
  double             seconds;
} clv_rehearsal;

/** Simulate shops in a temporary folder and run the steps on them as child processes, with the model, the
 * sampler and the forecasts of `config`. Takes a minute of one core. Not collective: for one rank.
 *  @param world     of one rank, for reading the results
 *  @param is_quick  much smaller shops: some seconds, and less exact
 *  @return CLV_EFAULT with the child's own sentence where a step failed */
clv_status clv_rehearse(const clv_comm *world, const clv_config *config, bool is_quick, clv_rehearsal *out);

#endif
