#ifndef CLV_IO_DATA_REPORT_H
#define CLV_IO_DATA_REPORT_H

#include <stdio.h>

#include "io/portfolio_make.h"
#include "io/transactions.h"

/** Everything that `clv prepare` counted. */
typedef struct clv_data_report {
  const clv_config             *config;
  const clv_transactions_tally *log;
  const clv_customers_tally    *table; /* NULL without a customer table */
  const clv_portfolio_tally    *portfolio;
  const clv_portfolio_facts    *facts;
  const clv_reject_count       *reject;
  size_t                        n_file;
} clv_data_report;

/** Write it as JSON (docs/files.md) to `path`, durable. The bytes are a function of the data and the
 * configuration alone. Not collective. */
clv_status clv_data_report_write(const clv_data_report *self, const char *path);

/** A summary of some lines for people. Not collective. */
void clv_data_report_print(const clv_data_report *self, FILE *to);

#endif
