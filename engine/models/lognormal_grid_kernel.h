#ifndef CLV_ENGINE_MODELS_LOGNORMAL_GRID_KERNEL_H
#define CLV_ENGINE_MODELS_LOGNORMAL_GRID_KERNEL_H

#include <stddef.h>

#include "engine/numerics/isa.h"

/** Standardised nodes of a grid, its rows and columns; n_column is a multiple of 8. */
typedef struct clv_lognormal_grid {
  size_t        n_row, n_column;
  const double *a; /* [n_row] (log lambda - mean) / sd */
  const double *b; /* [n_column] (log mu - mean) / sd */
} clv_lognormal_grid;

/** Standard bivariate normal density at the nodes, unnormalised: exp(-(a^2 - 2 rho a b + b^2) / (2 (1 -
 * rho^2))). @param[out] density [n_row][n_column] */
CLV_KERNEL_DECLARE(void, clv_lognormal_density,
                   (const clv_lognormal_grid *grid, double rho, double rest, double *density));

/** Sums of weight times density over the nodes, times 1, a, b, a^2, b^2, a b.
 *  @param weight, density  [n_row][n_column]  @param[out] sum [6] */
CLV_KERNEL_DECLARE(void, clv_lognormal_moments,
                   (const clv_lognormal_grid *grid, const float *weight, const double *density, double *sum));

#endif
