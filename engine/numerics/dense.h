#ifndef CLV_ENGINE_NUMERICS_DENSE_H
#define CLV_ENGINE_NUMERICS_DENSE_H

#include <stdbool.h>

#include "comm/status.h"

/** Small dense symmetric algebra (a few hundred rows), row-major [n][n], with the same bits on every CPU:
 * plain loops in a fixed order, and GSL's eigenvalues, which are plain C. Not collective. A false return says
 * that a matrix was not positive definite or not finite: a result, not an error; outputs are then
 * unspecified. */

/** A = L L'. Only the lower triangle of `a` is read. @param[out] l  [n][n], zeros above the diagonal; may be
 * `a` itself */
bool clv_dense_cholesky(size_t n, const double *a, double *l);
/** x <- L^-1 x and x <- L^-T x. */
void clv_dense_solve_lower(size_t n, const double *l, double *x);
void clv_dense_solve_lower_transposed(size_t n, const double *l, double *x);
/** y = A x; x and y must not overlap. */
void   clv_dense_multiply(size_t n, const double *a, const double *x, double *y);
double clv_dense_dot(size_t n, const double *x, const double *y);
/** Inverse from a Cholesky factor. @param[out] inverse [n][n] symmetric */
void clv_dense_cholesky_inverse(size_t n, const double *l, double *inverse);

/** Room for the operations that need some. */
typedef struct clv_dense clv_dense;
clv_status               clv_dense_new(size_t n, clv_dense **out);
void                     clv_dense_free(clv_dense **self);

/** A = V diag(value) V'. @param[out] value [n] ascending  @param[out] vector [n][n], eigenvectors in columns
 */
bool clv_dense_eigen(clv_dense *self, const double *a, double *value, double *vector);

/** Geometric mean of two positive definite matrices, A # B = L (L^-1 B L^-T)^(1/2) L' with A = L L': the one
 *  solution of G A^-1 G = B. Source: Bhatia 2007, Positive Definite Matrices, section 4.1. @param[out] mean
 * [n][n] symmetric */
bool clv_dense_geometric_mean(clv_dense *self, const double *a, const double *b, double *mean);

#endif
