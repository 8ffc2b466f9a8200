#ifndef CLV_JOBS_PRIOR_H
#define CLV_JOBS_PRIOR_H

#include "jobs/job.h"

/** `clv prior`: what the configured prior implies before any data but the scales: a table on stdout and
 * prior.csv. Collective. */
extern const clv_job CLV_JOB_PRIOR;

#endif
