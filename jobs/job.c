#include "jobs/job.h"

#include <string.h>

static const clv_job *const JOBS[] = {
    &CLV_JOB_CONFIG,
    &CLV_JOB_VERSION,
    NULL,
};

const clv_job *const *clv_jobs(void) { return JOBS; }

const clv_job *clv_job_find(const char *name) {
  for (const clv_job *const *job = JOBS; *job != NULL; job++)
    if (strcmp((*job)->name, name) == 0) return *job;
  return NULL;
}

clv_status clv_job_run(const clv_job *job, const clv_job_context *context) { return job->run(context); }
