#ifndef CLV_JOBS_FIT_PLACE_H
#define CLV_JOBS_FIT_PLACE_H

#include "comm/topology.h"
#include "io/config.h"
#include "jobs/fit_model.h"

/** Where a fit runs: the ranks cut into chain groups, and in each group the portfolio over its ranks. */
typedef struct clv_fit_place {
  clv_topology  *topology;  /* owned */
  clv_portfolio *portfolio; /* owned, open on the group's ranks */
  clv_fit_model  fit;       /* owned */
} clv_fit_place;

/** Reads the portfolio and decides the number of chain groups: the configured one, or by measuring one pass
 * over the data and one reduction. The choice changes speed and memory, never the draws. Collective over
 * world. */
clv_status clv_fit_place_new(const clv_comm *world, const char *portfolio, const clv_config *config,
                             clv_fit_place *out);
/** Collective. Accepts what is empty. */
void clv_fit_place_free(clv_fit_place *self);

#endif
