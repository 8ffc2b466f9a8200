#ifndef CLV_JOBS_CUSTOMERS_EACH_H
#define CLV_JOBS_CUSTOMERS_EACH_H

#include "io/portfolio.h"

/** What is done with some customers: every rank calls it once a round, perhaps with none of its own. */
typedef clv_status (*clv_customers_visit)(void *context, const clv_customer_columns *columns);

/** A pass over all customers in rounds of `at_once` for each rank, in the portfolio's order over the ranks:
 * memory stays flat. Covariates are less their centres. Collective over `comm`, the portfolio's communicator;
 * so may `visit` be, which must return the same status on every rank. */
clv_status clv_customers_each(const clv_comm *comm, const clv_portfolio *portfolio, uint64_t at_once,
                              clv_customers_visit visit, void *context);

#endif
