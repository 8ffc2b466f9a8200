#ifndef CLV_JOBS_FIT_DRAWS_H
#define CLV_JOBS_FIT_DRAWS_H

#include "jobs/fit_run.h"

/** All draws that are left, into the trace, with checkpoints when they are due, when SIGUSR2 asks and at the
 * end. Collective, synchronising.
 *  @return CLV_EINTERRUPT after a signal to stop: the state is saved */
clv_status clv_fit_draws_make(clv_fit_run *f);

#endif
