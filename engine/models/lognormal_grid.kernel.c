/* Compiled once per instruction set. Eight lanes are summed in a fixed order: the bits do not depend on the
 * vector width. */
#include "engine/models/lognormal_grid_kernel.h"
#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR, TERMS = 6 };

typedef float floats __attribute__((vector_size(4 * CLV_VECTOR), aligned(4), may_alias));

CLV_INLINE clv_vector wide_load(const float *from) {
  return __builtin_convertvector(*(const floats *)from, clv_vector);
}

void CLV_KERNEL(clv_lognormal_density)(const clv_lognormal_grid *grid, double rho, double rest,
                                       double *density) {
  for (size_t i = 0; i < grid->n_row; i++)
    for (size_t j = 0; j < grid->n_column; j += CLV_VECTOR) {
      const double     a                                = grid->a[i];
      const clv_vector b                                = clv_vector_load(grid->b + j);
      const clv_vector square                           = a * a - 2.0 * rho * a * b + b * b;
      *(clv_vector *)(density + i * grid->n_column + j) = clv_vector_exp(-0.5 * square / rest);
    }
}

typedef struct row_sums {
  clv_vector one[VECTORS], b[VECTORS], bb[VECTORS];
} row_sums;

CLV_INLINE row_sums row_sum(const clv_lognormal_grid *grid, const float *weight, const double *density) {
  row_sums s = {0};
  for (size_t j = 0; j < grid->n_column; j += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     k = j + v * CLV_VECTOR;
      const clv_vector w = wide_load(weight + k) * clv_vector_load(density + k);
      const clv_vector b = clv_vector_load(grid->b + k), wb = w * b;
      s.one[v] += w;
      s.b[v] += wb;
      s.bb[v] = clv_vector_fma(wb, b, s.bb[v]);
    }
  return s;
}

void CLV_KERNEL(clv_lognormal_moments)(const clv_lognormal_grid *grid, const float *weight,
                                       const double *density, double *sum) {
  clv_vector term[TERMS][VECTORS] = {0};
  for (size_t i = 0; i < grid->n_row; i++) {
    const double   a = grid->a[i];
    const row_sums s = row_sum(grid, weight + i * grid->n_column, density + i * grid->n_column);
    for (size_t v = 0; v < VECTORS; v++) {
      term[0][v] += s.one[v];
      term[1][v] += a * s.one[v];
      term[2][v] += s.b[v];
      term[3][v] += a * a * s.one[v];
      term[4][v] += s.bb[v];
      term[5][v] += a * s.b[v];
    }
  }
  for (size_t t = 0; t < TERMS; t++) {
    double lane[LANES];
    for (size_t l = 0; l < LANES; l++) lane[l] = term[t][l / CLV_VECTOR][l % CLV_VECTOR];
    sum[t] = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
}
