#ifndef CLV_ENGINE_MODELS_BG_NBD_KERNEL_H
#define CLV_ENGINE_MODELS_BG_NBD_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/numerics/isa.h"

enum { CLV_BG_NBD_LANES = 8, CLV_BG_NBD_TERMS = 5 };

/** Rows of one segment in one block; lengths are multiples of CLV_BG_NBD_LANES, filled up with rows of count
 * 0. */
typedef struct clv_bg_nbd_rows {
  size_t        n;
  const double *x, *t_x, *T, *count;
  bool          alike; /* counts are 1, but for rows that fill up */
} clv_bg_nbd_rows;

/** Sums over rows with x > 0, E = ((alpha+t_x)/(alpha+T))^(r+x), kappa = a/(b+x-1), P = E/(E+kappa) the
 * P(alive): [0] count (log(E + kappa) - (r+x) log(alpha+t_x))         [1] count (P log(alpha+T) + (1-P)
 * log(alpha+t_x)) [2] count (r+x) (P/(alpha+T) + (1-P)/(alpha+t_x))         [3] count (1-P)      [4] count
 * (1-P)/(b+x-1) Adds to sum [CLV_BG_NBD_TERMS]. theta is r, alpha, a, b. */
CLV_KERNEL_DECLARE(void, clv_bg_nbd_buyers, (const clv_bg_nbd_rows *rows, const double *theta, double *sum));

/** Rows with x = 0: sum[0] += count log(alpha+T), sum[1] += count / (alpha+T). */
CLV_KERNEL_DECLARE(void, clv_bg_nbd_onces, (const clv_bg_nbd_rows *rows, const double *theta, double *sum));

#endif
