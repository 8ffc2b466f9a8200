#ifndef CLV_JOBS_MORE_H
#define CLV_JOBS_MORE_H

#include <stddef.h>

#include "comm/comm.h"

/** `--more N`: how many draws a chain there shall be. The number is written down before anything is drawn, so
 * that the same command, run again after an interruption, means the same. Collective.
 *  @param folder  the run directory's checkpoint folder
 *  @param[out] until  draws of the finished fit plus N, or what an unfinished --more has written down
 *  @return CLV_EUSAGE where there is no finished fit to go on from */
clv_status clv_more_begin(const clv_comm *comm, const char *folder, size_t n, size_t *until);
/** It is done, or nothing it was about is left. Not collective: one rank. */
void clv_more_end(const char *folder);

/** The N of `--more N` or `--until N`. Not collective. @return CLV_EUSAGE for anything but a whole number */
clv_status clv_more_read(const char *option, const char *text, size_t *n);

#endif
