#ifndef CLV_ENGINE_MODELS_LOGNORMAL_GRID_KERNEL_H
#define CLV_ENGINE_MODELS_LOGNORMAL_GRID_KERNEL_H

#include <stddef.h>

#include "engine/models/lognormal_grid.h"
#include "engine/numerics/isa.h"

/** Rows are taken so many at a time: a grid has a multiple of it. */
enum { CLV_LOGNORMAL_LANES = 16 };

/** Fills grid->mass from its nodes. @param scale  -1 / (2 (1 - rho^2))
 *  @param divided  1: by lambda + mu; 0: the density alone */
CLV_KERNEL_DECLARE(void, clv_lognormal_mass,
                   (clv_lognormal_grid * grid, double rho, double scale, double divided));

/** column value[k][j] = mu^power e^(-mu t + tilt b) b^k, for the first n columns, a multiple of 8.
 *  @param by  power, t, tilt */
CLV_KERNEL_DECLARE(void, clv_lognormal_decline,
                   (const clv_lognormal_grid *grid, const double by[3], size_t n,
                    clv_lognormal_columns *out));

/** For rows [first, last), multiples of CLV_LOGNORMAL_LANES: out[k][i] = sum over the first n columns of
 * mass[j][i] column[k][j], k = 0, 1, 2. */
CLV_KERNEL_DECLARE(void, clv_lognormal_apply,
                   (const clv_lognormal_grid *grid, const size_t range[3],
                    const clv_lognormal_columns *column, clv_lognormal_rows *out));

/** A term, and the tilt of the prior along a. */
typedef struct clv_lognormal_pulled {
  const clv_lognormal_term *term;
  double                    tilt;
} clv_lognormal_pulled;

/** Moments of one term over rows [first, last): with r = exp(power z - t lambda + tilt a - most), the sums of
 *  r g0, r a g0, r g1, r a^2 g0, r g2, r a g1, in this order. @param[out] moment [8], the last two 0 */
CLV_KERNEL_DECLARE(void, clv_lognormal_moments,
                   (const clv_lognormal_grid *grid, const size_t range[2], const clv_lognormal_pulled *what,
                    const clv_lognormal_rows *at, double *moment));

/** Records that are mixtures of two terms: value = share[0] moment[0] + share[1] moment[0]'. Adds count ×
 * each mixture's moments over its value to sum [8], and writes the values. */
CLV_KERNEL_DECLARE(void, clv_lognormal_mix,
                   (const clv_lognormal_record *record, size_t n, const double *moment, double *value,
                    double *sum));

/** Sum of count × log(value). n is a multiple of 8. */
CLV_KERNEL_DECLARE(double, clv_lognormal_logs, (const double *value, const double *count, size_t n));

#endif
