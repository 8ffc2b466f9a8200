#include "jobs/job.h"

#include <string.h>

#include "jobs/check_model.h"
#include "jobs/compare.h"
#include "jobs/diagnose.h"
#include "jobs/evaluate.h"
#include "jobs/fit.h"
#include "jobs/loo.h"
#include "jobs/plan.h"
#include "jobs/predict.h"
#include "jobs/prior.h"
#include "jobs/run_directory.h"
#include "jobs/simulate.h"
#include "jobs/stage.h"
#include "jobs/step.h"

static const clv_job *const JOBS[] = {
    &CLV_JOB_PREPARE,     &CLV_JOB_REFIT,   &CLV_JOB_FIT,      &CLV_JOB_PRIOR,
    &CLV_JOB_DIAGNOSE,    &CLV_JOB_PREDICT, &CLV_JOB_EVALUATE, &CLV_JOB_STAGE,
    &CLV_JOB_LOO,         &CLV_JOB_COMPARE, &CLV_JOB_PLAN,     &CLV_JOB_SIMULATE,
    &CLV_JOB_CHECK_MODEL, &CLV_JOB_CONFIG,  &CLV_JOB_VERSION,  NULL,
};

const clv_job *const *clv_jobs(void) { return JOBS; }

const clv_job *clv_job_find(const char *name) {
  for (const clv_job *const *job = JOBS; *job != NULL; job++)
    if (strcmp((*job)->name, name) == 0) return *job;
  return NULL;
}

clv_status clv_job_run(const clv_job *job, const clv_job_context *context) {
  clv_status         st        = CLV_OK;
  clv_run_directory *directory = NULL;
  const clv_step    *step      = clv_step_find(job->name);
  const bool         is_inside = (step != NULL || job == &CLV_JOB_REFIT) && context->config != NULL;

  if (is_inside) CLV_TRY(clv_run_directory_open(context->world, context->config, &directory));
  CLV_TRY(step == NULL || !is_inside ? job->run(context) : clv_step_run(step, job, context));
out:
  clv_run_directory_close(&directory);
  return st;
}
