#ifndef CLV_JOBS_REFIT_H
#define CLV_JOBS_REFIT_H

#include "jobs/step.h"

/** A step and the job that does it. */
typedef struct clv_refit_step {
  const clv_step *step;
  const clv_job  *job;
} clv_refit_step;

typedef struct clv_refit_options {
  bool        is_fresh; /* every step again */
  const char *from;     /* this step and all after it again; NULL: none */
  size_t      until;    /* draws a chain that fit goes on to; 0: as configured */
  size_t      more;     /* draws a chain that were asked for beyond those there are; 0: none */
} clv_refit_options;

/** Run the steps in order, skipping those that are current. A step that did not converge does not stop the
 * later ones; the whole then is CLV_ECONVERGE, also when that step was skipped. Collective.
 *  @param steps  [n] */
clv_status clv_refit_run(const clv_refit_step *steps, size_t n, const clv_refit_options *options,
                         const clv_job_context *context);

#endif
