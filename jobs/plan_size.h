#ifndef CLV_JOBS_PLAN_SIZE_H
#define CLV_JOBS_PLAN_SIZE_H

#include <stdbool.h>

#include "io/config.h"

/** How large a portfolio is. */
typedef struct clv_plan_size {
  const char *source;       /* "portfolio", "log", "given" */
  double      customers;    /* 0: not known yet */
  double      transactions; /* rows of the log */
  double      histories;    /* distinct ones; 0: not known yet */
  double      log_bytes;    /* as stored; 0: not known */
  double      pieces;       /* ranks that can read at once: files where they are compressed */
} clv_plan_size;

/** What the run directory's portfolio.h5 and data_report.json say; where there is no portfolio, what the
 * log's files and the lines of their beginning say. Collective over `world`, of one rank.
 *  @param[in,out] size  customers and transactions that are given (not 0) stay as they are */
clv_status clv_plan_size_find(const clv_comm *world, const clv_config *config, clv_plan_size *size);

#endif
