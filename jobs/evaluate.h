#ifndef CLV_JOBS_EVALUATE_H
#define CLV_JOBS_EVALUATE_H

#include "jobs/job.h"

/** `clv evaluate`: the forecast against what happened between observation_end and holdout_end. A table on
 * stdout, evaluation.json, and metrics.prom for a monitoring system's text-file collector. Collective. */
extern const clv_job CLV_JOB_EVALUATE;

#endif
