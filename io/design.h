#ifndef CLV_IO_DESIGN_H
#define CLV_IO_DESIGN_H

#include "comm/comm.h"
#include "io/portfolio.h"

/** The table of covariates of this rank's customers. Borrowed. */
typedef struct clv_design {
  const void *context;
  const double *(*row)(const void *context, size_t i); /* [n_covariate] of customer i */
  size_t n, n_covariate;
} clv_design;

/** Measure the scales of covariates over all ranks' customers, and refuse columns that follow exactly from
 * others. The same bits on any number of ranks. Collective, synchronising.
 *  @param[in,out] covariate  [n_covariate] scale: the largest distance from the centre -> 1 for indicators,
 * else the standard deviation  @param is_indicator [n_covariate]
 *  @return CLV_EDATA naming the columns */
clv_status clv_design_measure(const clv_comm *comm, const clv_design *design, const bool *is_indicator,
                              clv_covariate *covariate);

#endif
