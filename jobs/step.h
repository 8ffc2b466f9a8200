#ifndef CLV_JOBS_STEP_H
#define CLV_JOBS_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include "io/manifest.h"
#include "jobs/job.h"

/** A job that reads and writes files of a run directory, as the manifest and refit see it. Lists end with
 * NULL. */
typedef struct clv_step {
  const char *job;
  bool        reads_log; /* data.transactions and customers.table are inputs */
  bool        needs_holdout;
  bool        uses_fit; /* needs to know which model was fitted, and reads model.plugin where there is one */
  bool stages;   /* where stage.destination is set: its inputs are all results, its outputs their copies */
  bool is_extra; /* recorded, but no link of refit's chain */
  const char *const *section; /* configuration it depends on */
  const char *const *input;   /* files of the run directory; one that is not there is left out */
  const char *const *output;
} clv_step;

/** The steps in the order of refit. Not collective. @param[out] n  how many */
const clv_step *clv_steps(size_t *n);
/** NULL where the job is no step. Not collective. */
const clv_step *clv_step_find(const char *job);

/** Run a job in an open run directory and record it. A job that did not converge is recorded as such and its
 * status passed on. Collective. */
clv_status clv_step_run(const clv_step *step, const clv_job *job, const clv_job_context *context);

/** Compare with the manifest. Collective. @param[out] is_converged  what the record says */
clv_status clv_step_check(const clv_step *step, const clv_job_context *context, clv_manifest_verdict *verdict,
                          bool *is_converged);

#endif
