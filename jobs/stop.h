#ifndef CLV_JOBS_STOP_H
#define CLV_JOBS_STOP_H

#include <stdbool.h>

#include "comm/comm.h"

/** Requests to stop by signal: SIGTERM, SIGINT, SIGUSR1, and SIGHUP unless it is ignored. A signal handler
 * can reach nothing but process-wide state, so this is the one place that has some. A second SIGINT ends the
 * process at once. Call after MPI has started. Not collective. */
void clv_stop_listen(void);

/** True once a signal came, on the rank that got it. Not collective. */
bool clv_stop_wanted(void);

/** True where a signal came on any rank. Collective, synchronising. */
bool clv_stop_agreed(const clv_comm *comm);

/** True once per SIGUSR2: how far is it? Not collective. */
bool clv_stop_status_asked(void);

#endif
