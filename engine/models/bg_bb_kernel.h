#ifndef CLV_ENGINE_MODELS_BG_BB_KERNEL_H
#define CLV_ENGINE_MODELS_BG_BB_KERNEL_H

#include "engine/models/batch.h"

/** Columns of n, a multiple of CLV_ROW_LANES; borrowed. Whole x <= t_x <= T. */
typedef struct clv_bg_bb_rows {
  size_t        n;
  const double *x, *t_x, *T, *count;
} clv_bg_bb_rows;

/** Adds, count times, log of the chance of each row's silence since t_x and its derivatives in alpha, beta,
 * gamma, delta, as clv_bg_bb_silence_of. Parameters from 1e-150 to 1e150; beyond, the log is
 * not finite. @param[in,out] sum [5] */
CLV_KERNEL_DECLARE(void, clv_bg_bb_silences, (const clv_bg_bb_rows *rows, const double *theta, double *sum));

/** As clv_batch_gradient; whole x <= t_x <= T, theta is alpha, beta, gamma, delta. */
CLV_KERNEL_DECLARE(void, clv_bg_bb_batch, (const clv_batch *batch, double *value, double *by_log_theta));

#endif
