#ifndef CLV_ENGINE_MODELS_PARETO_NBD_KERNEL_H
#define CLV_ENGINE_MODELS_PARETO_NBD_KERNEL_H

#include <stddef.h>

#include "engine/models/batch.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/isa.h"

enum { CLV_PARETO_NBD_TERMS = 6 };

/** Rows of one segment in one block, filled up to a multiple of CLV_ROW_LANES with rows of count 0. */
typedef struct clv_pareto_nbd_rows {
  size_t        n;
  const double *x, *t_x, *T, *count;
} clv_pareto_nbd_rows;

/** Sums over rows of count times, in the terms of pareto_nbd_ending.h: [0] log mass    [1] E log(alpha+tau)
 * [2] E (r+x)/(alpha+tau)    [3] P(dead)    [4] E log(beta+tau)    [5] E (s + [dead])/(beta+tau).
 * Adds to sum [CLV_PARETO_NBD_TERMS]; theta is r, alpha, s, beta. */
CLV_KERNEL_DECLARE(void, clv_pareto_nbd_sums,
                   (const clv_pareto_nbd_rows *rows, const double *theta, double *sum));

/** As clv_batch_gradient; theta is r, alpha, s, beta. */
CLV_KERNEL_DECLARE(void, clv_pareto_nbd_batch, (const clv_batch *batch, double *value, double *by_log_theta));

#endif
