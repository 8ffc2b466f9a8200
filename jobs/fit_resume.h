#ifndef CLV_JOBS_FIT_RESUME_H
#define CLV_JOBS_FIT_RESUME_H

#include "io/checkpoint.h"
#include "jobs/fit_run.h"

/** How a fit is asked to begin. */
typedef struct clv_fit_options {
  bool is_fresh; /* whatever checkpoint there is */
  size_t
      until; /* draws a chain, in place of sampler.num_samples, going on from a finished fit; 0: not asked */
} clv_fit_options;

/** What there is to go on from, and how many draws a chain are planned (f->n_planned). An unfinished fit is
 * gone on with; so is a finished one where more draws are planned than it has, for the draws do not depend on
 * how many are planned. Collective.
 *  @param[out] out  NULL: begin anew; owned by the caller
 *  @return CLV_EUSAGE where the unfinished fit is of other data or another configuration, with the key that
 * differs */
clv_status clv_fit_find(clv_fit_run *f, const clv_fit_options *options, clv_checkpoint **out);

/** The draws that the trace holds back into f->history, and their divergences. Collective. */
clv_status clv_fit_remember(clv_fit_run *f);

/** The draws so far become durable, then a checkpoint that counts them. Collective. */
clv_status clv_fit_save(clv_fit_run *f);

#endif
