#ifndef CLV_JOBS_KEPT_CUSTOMERS_H
#define CLV_JOBS_KEPT_CUSTOMERS_H

#include <stdbool.h>

#include "io/config.h"
#include "io/portfolio.h"

/** Customers whose draws are stored: those that predict.keep_customers names, or a random sample. */
typedef struct clv_kept_customers {
  uint64_t *index; /* owned [n] ascending, in the portfolio's order; the same on every rank */
  size_t    n;
} clv_kept_customers;

/** Collective. @return CLV_EUSAGE naming an id's place in the list, never the id */
clv_status clv_kept_customers_find(const clv_comm *comm, const clv_portfolio *portfolio,
                                   const clv_config *config, clv_kept_customers *out);
void       clv_kept_customers_free(clv_kept_customers *self);
/** Not collective. */
bool clv_kept_customers_has(const clv_kept_customers *self, uint64_t customer);

#endif
