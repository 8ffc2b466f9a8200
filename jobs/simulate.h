#ifndef CLV_JOBS_SIMULATE_H
#define CLV_JOBS_SIMULATE_H

#include "jobs/job.h"

/** `clv simulate`: a transaction log of any size from known parameters, the truth beside it, and a
 * configuration that runs as is. The same bytes on any number of ranks. Collective. */
extern const clv_job CLV_JOB_SIMULATE;

#endif
