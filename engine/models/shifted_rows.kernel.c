/* Compiled once per instruction set. */
#include "engine/models/shifted_rows_kernel.h"
#include "engine/numerics/vmath.h"

enum { LANES = CLV_ROW_LANES };

void CLV_KERNEL(clv_rows_add_scaled)(size_t n, double weight, const double *column, double *to) {
  for (size_t i = 0; i < n; i += CLV_VECTOR)
    clv_vector_store(
        to + i, clv_vector_fma(clv_vector_of(weight), clv_vector_load(column + i), clv_vector_load(to + i)));
}

void CLV_KERNEL(clv_rows_scale)(size_t n, const double *log_factor, double *to) {
  for (size_t i = 0; i < n; i += CLV_VECTOR)
    clv_vector_store(to + i, clv_vector_load(to + i) * clv_vector_exp(clv_vector_load(log_factor + i)));
}

double CLV_KERNEL(clv_rows_dot)(size_t n, const double *a, const double *b) {
  double lane[LANES] = {0}, eight[8];
  for (size_t i = 0; i < n; i += LANES)
    for (size_t l = 0; l < LANES; l++) lane[l] += a[i + l] * b[i + l];
  for (size_t l = 0; l < 8; l++) eight[l] = lane[l] + lane[l + 8];
  return ((eight[0] + eight[4]) + (eight[2] + eight[6])) + ((eight[1] + eight[5]) + (eight[3] + eight[7]));
}
