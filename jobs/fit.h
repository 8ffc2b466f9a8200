#ifndef CLV_JOBS_FIT_H
#define CLV_JOBS_FIT_H

#include "jobs/job.h"

/** `clv fit`: portfolio.h5 to trace.nc. Interrupted by a signal it leaves a checkpoint and returns
 * CLV_EINTERRUPT; run again it goes on, on any number of ranks, to the same draws. Collective. */
extern const clv_job CLV_JOB_FIT;

#endif
