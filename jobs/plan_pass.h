#ifndef CLV_JOBS_PLAN_PASS_H
#define CLV_JOBS_PLAN_PASS_H

#include "io/config.h"

/** What a gradient of a portfolio costs here. */
typedef struct clv_plan_pass {
  double seconds; /* of one gradient of all chains together, on one rank: the quickest of several */
  double histories;
} clv_plan_pass;

/** Build the configured model over a portfolio and time some gradients at its start points. Collective. */
clv_status clv_plan_pass_measure(const clv_comm *world, const char *portfolio, const clv_config *config,
                                 clv_plan_pass *out);

#endif
