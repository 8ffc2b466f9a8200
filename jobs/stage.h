#ifndef CLV_JOBS_STAGE_H
#define CLV_JOBS_STAGE_H

#include "jobs/job.h"

/** `clv stage`: finished results to stage.destination (docs/cli.md). */
extern const clv_job CLV_JOB_STAGE;

/** The directory that results go to, stage.destination/name. Not collective.
 *  @return CLV_EUSAGE where the destination is none that this version can reach @param[out] out  owned by the
 * caller, free() */
clv_status clv_stage_target(const clv_config *config, char **out);

#endif
