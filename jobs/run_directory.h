#ifndef CLV_JOBS_RUN_DIRECTORY_H
#define CLV_JOBS_RUN_DIRECTORY_H

#include "comm/comm.h"
#include "io/config.h"

/** output.directory/name while a job works in it: made, locked against other jobs, with config.yaml in it. */
typedef struct clv_run_directory clv_run_directory;

/** Collective. @return CLV_EUSAGE where it cannot be written or another clv works in it
 *  @param[out] out  owned by the caller */
clv_status  clv_run_directory_open(const clv_comm *comm, const clv_config *config, clv_run_directory **out);
const char *clv_run_directory_path(const clv_run_directory *self); /* borrowed; not collective */
/** Unlocks. Not collective; NULL is accepted. */
void clv_run_directory_close(clv_run_directory **self);

#endif
