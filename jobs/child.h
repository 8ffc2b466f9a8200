#ifndef CLV_JOBS_CHILD_H
#define CLV_JOBS_CHILD_H

#include "comm/status.h"
#include "jobs/rehearsal.h"

/** Run this program again as a child without a launcher, its output in a file, and measure it. Not
 * collective: for one rank.
 *  @param argv  what follows the program's name, NULL-terminated
 *  @param log   gets standard output and error
 *  @return CLV_EFAULT with the child's own sentence where it ended with anything but 0 or 4 (not converged)
 */
clv_status clv_child_run(const char *const *argv, const char *log, clv_rehearsed *out);

#endif
