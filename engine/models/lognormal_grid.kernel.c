/* Compiled once per instruction set. Lanes are summed in a fixed order: the bits do not depend on the vector
 * width. */
#include "engine/models/lognormal_grid_kernel.h"
#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR, MOMENTS = 6 };

void CLV_KERNEL(clv_lognormal_mass)(clv_lognormal_grid *grid, double rho, double scale, double divided) {
  for (size_t j = 0; j < grid->n_column; j++) {
    const double b = grid->b[j], mu = grid->mu[j];
    double      *to = grid->mass + j * grid->n_row;
    for (size_t i = 0; i < grid->n_row; i += CLV_VECTOR) {
      const clv_vector a      = clv_vector_load(grid->a + i);
      const clv_vector square = a * a - (2.0 * rho * b) * a + b * b;
      *(clv_vector *)(to + i) = clv_vector_exp(scale * square) /
                                (divided * (clv_vector_load(grid->lambda + i) + mu) + (1.0 - divided));
    }
  }
}

void CLV_KERNEL(clv_lognormal_decline)(const clv_lognormal_grid *grid, const double by[3], size_t n,
                                       clv_lognormal_columns *out) {
  for (size_t j = 0; j < n; j += CLV_VECTOR) {
    const clv_vector b                 = clv_vector_load(grid->b + j);
    const clv_vector c                 = clv_vector_exp(by[0] * clv_vector_load(grid->y + j) -
                                                        by[1] * clv_vector_load(grid->mu + j) + by[2] * b);
    *(clv_vector *)(out->value[0] + j) = c;
    *(clv_vector *)(out->value[1] + j) = c * b;
    *(clv_vector *)(out->value[2] + j) = c * b * b;
  }
}

void CLV_KERNEL(clv_lognormal_apply)(const clv_lognormal_grid *grid, const size_t range[3],
                                     const clv_lognormal_columns *column, clv_lognormal_rows *out) {
  enum { WIDE = CLV_LOGNORMAL_LANES / CLV_VECTOR };
  for (size_t i = range[0]; i < range[1]; i += CLV_LOGNORMAL_LANES) {
    clv_vector s[3][WIDE] = {0};
    for (size_t j = 0; j < range[2]; j++) {
      const double    *mass = grid->mass + j * grid->n_row + i;
      const clv_vector c0 = clv_vector_of(column->value[0][j]), c1 = clv_vector_of(column->value[1][j]),
                       c2 = clv_vector_of(column->value[2][j]);
      for (size_t v = 0; v < WIDE; v++) {
        const clv_vector m = clv_vector_load(mass + v * CLV_VECTOR);
        s[0][v]            = clv_vector_fma(m, c0, s[0][v]);
        s[1][v]            = clv_vector_fma(m, c1, s[1][v]);
        s[2][v]            = clv_vector_fma(m, c2, s[2][v]);
      }
    }
    for (size_t k = 0; k < 3; k++)
      for (size_t v = 0; v < WIDE; v++) *(clv_vector *)(out->value[k] + i + v * CLV_VECTOR) = s[k][v];
  }
}

void CLV_KERNEL(clv_lognormal_moments)(const clv_lognormal_grid *grid, const size_t range[2],
                                       const clv_lognormal_pulled *what, const clv_lognormal_rows *at,
                                       double *moment) {
  const clv_lognormal_term *term = what->term;

  clv_vector s[MOMENTS][VECTORS] = {0};
  for (size_t i = range[0]; i < range[1]; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     k = i + v * CLV_VECTOR;
      const clv_vector a = clv_vector_load(grid->a + k);
      const clv_vector r =
          clv_vector_exp(term->power * clv_vector_load(grid->z + k) -
                         term->t * clv_vector_load(grid->lambda + k) + what->tilt * a - term->most);
      const clv_vector r0 = r * clv_vector_load(at->value[0] + k), ra = r0 * a;
      const clv_vector r1 = r * clv_vector_load(at->value[1] + k);
      s[0][v] += r0;
      s[1][v] += ra;
      s[2][v] += r1;
      s[3][v] = clv_vector_fma(ra, a, s[3][v]);
      s[4][v] = clv_vector_fma(r, clv_vector_load(at->value[2] + k), s[4][v]);
      s[5][v] = clv_vector_fma(r1, a, s[5][v]);
    }
  for (size_t m = 0; m < MOMENTS; m++) moment[m] = clv_vector_sum_lanes(s[m]);
  moment[6] = moment[7] = 0.0;
}

void CLV_KERNEL(clv_lognormal_mix)(const clv_lognormal_record *record, size_t n, const double *moment,
                                   double *value, double *sum) {
  clv_vector s[VECTORS] = {0};
  for (size_t i = 0; i < n; i++) {
    const clv_lognormal_record *r = &record[i];
    const double *one = moment + (size_t)LANES * r->term[0], *two = moment + (size_t)LANES * r->term[1];
    const double  first = r->share[0], second = r->share[1];
    value[i]            = fma(second, two[0], first * one[0]);
    const double weight = r->count / value[i];
    for (size_t v = 0; v < VECTORS; v++) {
      const clv_vector mixed = clv_vector_fma(clv_vector_of(second), clv_vector_load(two + v * CLV_VECTOR),
                                              first * clv_vector_load(one + v * CLV_VECTOR));
      s[v]                   = clv_vector_fma(mixed, clv_vector_of(weight), s[v]);
    }
  }
  for (size_t l = 0; l < LANES; l++) sum[l] += s[l / CLV_VECTOR][l % CLV_VECTOR];
}

double CLV_KERNEL(clv_lognormal_logs)(const double *value, const double *count, size_t n) {
  clv_vector s[VECTORS] = {0};
  for (size_t i = 0; i < n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t k = i + v * CLV_VECTOR;
      s[v] = clv_vector_fma(clv_vector_load(count + k), clv_vector_log(clv_vector_load(value + k)), s[v]);
    }
  return clv_vector_sum_lanes(s);
}
