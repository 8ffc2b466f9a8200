#ifndef CLV_JOBS_PREDICT_H
#define CLV_JOBS_PREDICT_H

#include "jobs/job.h"

/** `clv predict`: posterior and portfolio to predictions.h5, predictions.csv and new_customer.json, and a
 * table of the best customers. The same bytes on any number of ranks. Collective. */
extern const clv_job CLV_JOB_PREDICT;

#endif
