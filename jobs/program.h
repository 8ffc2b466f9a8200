#ifndef CLV_JOBS_PROGRAM_H
#define CLV_JOBS_PROGRAM_H

#include "comm/comm.h"

/** The command line: `clv JOB [CONFIG.yaml] [--set key=value]... [--quiet] [the job's own arguments]`.
 * Collective. Help and version go to stdout of rank 0; a reader that went away (`| head`) is no error.
 *  @return what the job returned; CLV_EUSAGE for a command line that means nothing */
clv_status clv_program_run(const clv_comm *world, int argc, char **argv);

#endif
