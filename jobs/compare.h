#ifndef CLV_JOBS_COMPARE_H
#define CLV_JOBS_COMPARE_H

#include "jobs/job.h"

extern const clv_job CLV_JOB_COMPARE;

#endif
