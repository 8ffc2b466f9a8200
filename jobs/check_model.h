#ifndef CLV_JOBS_CHECK_MODEL_H
#define CLV_JOBS_CHECK_MODEL_H

#include "jobs/job.h"

/** clv check-model PLUGIN.so [CONFIG.yaml]: does a plug-in keep the promises of a model? */
extern const clv_job CLV_JOB_CHECK_MODEL;

#endif
