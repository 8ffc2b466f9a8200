#ifndef CLV_JOBS_DIAGNOSE_H
#define CLV_JOBS_DIAGNOSE_H

#include "jobs/job.h"

/** `clv diagnose`: may trace.nc be trusted? A table on stdout, diagnostics.json, and CLV_ECONVERGE with what
 * to do where diagnostics.min_ess or diagnostics.max_rhat is missed. Collective. */
extern const clv_job CLV_JOB_DIAGNOSE;

#endif
