#include "engine/numerics/dense.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct clv_dense {
  size_t                     n;
  double                    *slab;   /* owned [3][n][n] + [n] */
  double                    *factor; /* [n][n] */
  double                    *middle; /* [n][n] */
  double                    *vector; /* [n][n] */
  double                    *value;  /* [n] */
  gsl_eigen_symmv_workspace *eigen;  /* owned */
};

double clv_dense_dot(size_t n, const double *x, const double *y) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

void clv_dense_multiply(size_t n, const double *a, const double *x, double *y) {
  for (size_t i = 0; i < n; i++) y[i] = clv_dense_dot(n, a + i * n, x);
}

bool clv_dense_cholesky(size_t n, const double *a, double *l) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++) {
      const double rest = a[i * n + j] - clv_dense_dot(j, l + i * n, l + j * n);
      if (i != j) {
        l[i * n + j] = rest / l[j * n + j];
      } else {
        if (!(rest > 0.0 && rest < INFINITY)) return false;
        l[i * n + i] = sqrt(rest);
      }
    }
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) l[i * n + j] = 0.0;
  return true;
}

void clv_dense_solve_lower(size_t n, const double *l, double *x) {
  for (size_t i = 0; i < n; i++) x[i] = (x[i] - clv_dense_dot(i, l + i * n, x)) / l[i * n + i];
}

void clv_dense_solve_lower_transposed(size_t n, const double *l, double *x) {
  for (size_t i = n; i-- > 0;) {
    x[i] /= l[i * n + i];
    for (size_t j = 0; j < i; j++) x[j] -= l[i * n + j] * x[i];
  }
}

void clv_dense_cholesky_inverse(size_t n, const double *l, double *inverse) {
  for (size_t j = 0; j < n; j++) {
    double *row = inverse + j * n; /* symmetric: row j is column j */
    memset(row, 0, n * sizeof *row);
    row[j] = 1.0;
    clv_dense_solve_lower(n, l, row);
    clv_dense_solve_lower_transposed(n, l, row);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      const double mean  = 0.5 * (inverse[i * n + j] + inverse[j * n + i]);
      inverse[i * n + j] = inverse[j * n + i] = mean;
    }
}

clv_status clv_dense_new(size_t n, clv_dense **out) {
  clv_dense *self = NULL;
  clv_status st   = CLV_OK;
  CLV_CHECK(n > 0 && n < 1u << 16);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n = n;
  CLV_TRY(clv_calloc(3 * n * n + n, sizeof *self->slab, (void **)&self->slab));
  self->factor = self->slab;
  self->middle = self->factor + n * n;
  self->vector = self->middle + n * n;
  self->value  = self->vector + n * n;
  /* GSL's default handler aborts the process; the allocation is its only failure here, seen by NULL. */
  gsl_error_handler_t *before = gsl_set_error_handler_off();
  self->eigen                 = gsl_eigen_symmv_alloc(n);
  gsl_set_error_handler(before);
  if (self->eigen == NULL)
    CLV_TRY(clv_fail(CLV_ENOMEM, "no memory for the eigenvalues of a %zu x %zu matrix", n, n));
  *out = self, self = NULL;
out:
  clv_dense_free(&self);
  return st;
}

void clv_dense_free(clv_dense **self) {
  if (self == NULL || *self == NULL) return;
  if ((*self)->eigen != NULL) gsl_eigen_symmv_free((*self)->eigen);
  free((*self)->slab);
  free(*self);
  *self = NULL;
}

static bool all_finite(size_t n, const double *x) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

bool clv_dense_eigen(clv_dense *self, const double *a, double *value, double *vector) {
  const size_t n = self->n;
  if (!all_finite(n * n, a)) return false;                           /* GSL's QL iteration would not end */
  if (a != self->middle) memcpy(self->middle, a, n * n * sizeof *a); /* destroyed by the decomposition */
  gsl_matrix_view a_view      = gsl_matrix_view_array(self->middle, n, n);
  gsl_matrix_view vector_view = gsl_matrix_view_array(vector, n, n);
  gsl_vector_view value_view  = gsl_vector_view_array(value, n);
  if (gsl_eigen_symmv(&a_view.matrix, &value_view.vector, &vector_view.matrix, self->eigen) != GSL_SUCCESS)
    return false;
  return gsl_eigen_symmv_sort(&value_view.vector, &vector_view.matrix, GSL_EIGEN_SORT_VAL_ASC) == GSL_SUCCESS;
}

/* middle <- L^-1 B L^-T, symmetric. */
static void congruence(clv_dense *self, const double *b) {
  const size_t n = self->n;
  double      *m = self->middle;
  for (size_t i = 0; i < n; i++) /* rows of B L^-T: solve L y = (row of B)' */
    for (size_t j = 0; j < n; j++) m[i * n + j] = b[i * n + j];
  for (size_t i = 0; i < n; i++) clv_dense_solve_lower(n, self->factor, m + i * n);
  for (size_t i = 0; i < n; i++) /* then L^-1 from the left: the same on the transpose */
    for (size_t j = 0; j < i; j++) {
      const double swap = m[i * n + j];
      m[i * n + j]      = m[j * n + i];
      m[j * n + i]      = swap;
    }
  for (size_t i = 0; i < n; i++) clv_dense_solve_lower(n, self->factor, m + i * n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      const double mean = 0.5 * (m[i * n + j] + m[j * n + i]);
      m[i * n + j] = m[j * n + i] = mean;
    }
}

bool clv_dense_geometric_mean(clv_dense *self, const double *a, const double *b, double *mean) {
  const size_t n = self->n;
  if (!clv_dense_cholesky(n, a, self->factor)) return false;
  congruence(self, b);
  if (!clv_dense_eigen(self, self->middle, self->value, self->vector)) return false;
  /* mean = W W' with W = L V diag(value^(1/4)): symmetric by construction */
  for (size_t k = 0; k < n; k++) {
    if (!(self->value[k] > 0.0)) return false;
    self->value[k] = sqrt(sqrt(self->value[k]));
  }
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++) {
      double sum = 0.0;
      for (size_t j = 0; j <= i; j++) sum += self->factor[i * n + j] * self->vector[j * n + k];
      self->middle[i * n + k] = sum * self->value[k];
    }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      mean[i * n + j] = mean[j * n + i] = clv_dense_dot(n, self->middle + i * n, self->middle + j * n);
  return true;
}
