#ifndef CLV_JOBS_LOO_H
#define CLV_JOBS_LOO_H

#include "jobs/job.h"

extern const clv_job CLV_JOB_LOO;

#endif
