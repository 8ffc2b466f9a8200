#ifndef CLV_JOBS_WARM_START_H
#define CLV_JOBS_WARM_START_H

#include "jobs/fit_run.h"

/** sampler.warm_start: what an earlier run's trace can give to this one. */
typedef struct clv_warm_start {
  clv_trace_start from; /* owned */
  char           *path; /* owned: of the trace */
  bool            is_usable;
} clv_warm_start;

/** Look for it, and say what comes of it: a trace that is not there, or of another model, is told and left
 * aside, for the draws are as good without. Sets f->num_warmup and f->cold_gradients. Collective.
 *  @param model      as the trace's attribute "model"
 *  @param variables  as its attribute "variables" */
clv_status clv_warm_start_find(clv_fit_run *f, const char *model, const char *variables, clv_warm_start *out);
/** Give it to the sampler. Not collective. */
clv_status clv_warm_start_apply(const clv_warm_start *self, clv_fit_sampler *sampler);
void       clv_warm_start_free(clv_warm_start *self);

#endif
