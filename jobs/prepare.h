#ifndef CLV_JOBS_PREPARE_H
#define CLV_JOBS_PREPARE_H

#include <stdio.h>

#include "io/config.h"

/** `clv prepare`: the transaction log and the customer table become portfolio.h5, data_report.json and
 * rejected.csv in the run directory. Collective, synchronising. The three files are the same bytes for any
 * number of ranks.
 *  @param summary  where rank 0 prints some lines for people; NULL: nowhere */
clv_status clv_prepare(const clv_comm *comm, const clv_config *config, FILE *summary);

#endif
