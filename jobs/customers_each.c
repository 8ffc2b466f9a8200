#include "jobs/customers_each.h"

#include "jobs/posterior_shift.h"

clv_status clv_customers_each(const clv_comm *comm, const clv_portfolio *portfolio, uint64_t at_once,
                              clv_customers_visit visit, void *context) {
  const uint64_t n_all = clv_portfolio_facts_get(portfolio)->n_customer;
  const uint64_t step  = at_once * (uint64_t)clv_comm_size(comm);
  clv_status     st    = CLV_OK;
  for (uint64_t begin = 0; begin < n_all; begin += step) {
    clv_customer_columns columns = {0};
    uint64_t             first, last;
    clv_slice_of(n_all - begin < step ? n_all - begin : step, clv_comm_rank(comm), clv_comm_size(comm),
                 &first, &last);
    CLV_TRY(clv_portfolio_read_customers(portfolio, begin + first, last - first, &columns));
    clv_covariates_center(portfolio, &columns);
    st = visit(context, &columns);
    clv_customer_columns_free(&columns);
    if (st < 0) goto out;
  }
out:
  return st;
}
