#ifndef CLV_JOBS_ERLANG_H
#define CLV_JOBS_ERLANG_H

#include "jobs/job.h"

/** Whether model.erlang_k is to be found: it is auto, and the purchase model has it. Not collective. */
bool clv_erlang_is_open(const clv_config *config);

/** Choose k for `clv fit`: short fits for k = 1, 2, …, until elpd has fallen twice below the best or the
 * largest k is reached; the k with the best elpd of the customers' purchases wins. The outcome is
 * erlang_k.json in the run directory; one that was found for the same data and configuration before is taken.
 * Collective, synchronising.
 *  @param fresh  choose again whatever there is
 *  @return CLV_EINTERRUPT when asked to stop; candidates that are done are kept */
clv_status clv_erlang_choose(const clv_job_context *context, bool fresh, int *k);

/** The k that was chosen for this run. Collective. @return CLV_EUSAGE where none was */
clv_status clv_erlang_recall(const clv_comm *comm, const clv_config *config, int *k);

#endif
