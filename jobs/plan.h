#ifndef CLV_JOBS_PLAN_H
#define CLV_JOBS_PLAN_H

#include "jobs/job.h"

/** `clv plan`: memory, seconds and ranks that the steps are expected to take (docs/cli.md). */
extern const clv_job CLV_JOB_PLAN;

#endif
