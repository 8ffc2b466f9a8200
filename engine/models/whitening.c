#include "engine/models/whitening.h"

#include <math.h>

#include "engine/numerics/dense.h"
#include "engine/numerics/pinned.h"

enum { MOST = CLV_SEGMENT_PARAMETER_MAX };

static const double HALF_LOG_2PI = 0.91893853320467274178;

/* L, pull and centre: all that does not depend on xi. */
static void whitening_prepare(const clv_whitening *self, size_t n, const double *m, const double *tau,
                              clv_whitened *out) {
  double p[MOST * MOST] = {0.0};
  for (size_t i = 0; i < n; i++) {
    out->pull[i] = self->score[i];
    for (size_t j = 0; j < n; j++) {
      const double information = self->information[i * n + j];
      out->pull[i] += information * (self->estimate[j] - m[j]);
      p[i * n + j] = tau[i] * information * tau[j] + (i == j ? 1.0 : 0.0);
    }
    out->centre[i] = tau[i] * out->pull[i];
  }
  /* where tau overflows nothing is known; the log density becomes NaN */
  if (!clv_dense_cholesky(n, p, out->factor))
    for (size_t i = 0; i < n * n; i++) out->factor[i] = NAN;
  clv_dense_solve_lower(n, out->factor, out->centre);
  clv_dense_solve_lower_transposed(n, out->factor, out->centre);
}

void clv_whitening_apply(const clv_whitening *self, size_t n, const double *m, const double *tau,
                         const double *xi, clv_whitened *out) {
  double product = 1.0, square = 0.0, spread[MOST];
  whitening_prepare(self, n, m, tau, out);
  for (size_t i = 0; i < n; i++) spread[i] = xi[i];
  clv_dense_solve_lower_transposed(n, out->factor, spread);
  for (size_t i = 0; i < n; i++) {
    out->e[i] = out->centre[i] + spread[i];
    out->u[i] = m[i] + tau[i] * out->e[i];
    square += out->e[i] * out->e[i];
    product *= out->factor[i * n + i];
  }
  out->log_prior = -0.5 * square - (double)n * HALF_LOG_2PI - clv_log(product);
}

void clv_whitening_invert(const clv_whitening *self, size_t n, const double *m, const double *tau,
                          const double *e, double *xi) {
  clv_whitened at;
  whitening_prepare(self, n, m, tau, &at);
  for (size_t i = 0; i < n; i++) {
    xi[i] = 0.0;
    for (size_t j = i; j < n; j++) xi[i] += at.factor[j * n + i] * (e[j] - at.centre[j]);
  }
}

/* d log_prior / d tau_k through P alone, with e's share in the direction `back` (P^-1 of it: `solved`; L^-1
 * of it: `half`). P moves by e_k q' + q e_k', q = information_k T; L by L Φ(L^-1 dP L^-T), Φ the lower
 * triangle with half the diagonal (Murray 2016, arXiv:1602.07527, eq. 8). */
static double by_precision(const clv_whitening *self, size_t n, const double *tau, const double *xi,
                           const clv_whitened *at, size_t k, const double *solved, const double *half) {
  double q[MOST], v[MOST], w[MOST], unit[MOST] = {0.0}, total = 0.0, below_v = 0.0, below_w = 0.0;
  for (size_t i = 0; i < n; i++) q[i] = w[i] = self->information[k * n + i] * tau[i];
  unit[k] = 1.0;
  for (size_t i = 0; i < n; i++) v[i] = unit[i];
  clv_dense_solve_lower(n, at->factor, v);
  clv_dense_solve_lower(n, at->factor, w);
  total -= clv_dense_dot(n, v, w); /* log determinant */
  total -= solved[k] * clv_dense_dot(n, q, at->centre) + clv_dense_dot(n, solved, q) * at->centre[k];
  for (size_t i = 0; i < n; i++) {
    total -= xi[i] * (v[i] * w[i] * half[i] + v[i] * below_w + w[i] * below_v);
    below_v += v[i] * half[i];
    below_w += w[i] * half[i];
  }
  return total;
}

void clv_whitening_gradient(const clv_whitening *self, size_t n, const double *tau, const double *xi,
                            const clv_whitened *at, const double *by_u, double *by_xi, double *by_m,
                            double *by_log_tau) {
  double solved[MOST];
  for (size_t i = 0; i < n; i++) by_xi[i] = tau[i] * by_u[i] - at->e[i]; /* the gradient in e */
  clv_dense_solve_lower(n, at->factor, by_xi);
  for (size_t i = 0; i < n; i++) solved[i] = by_xi[i];
  clv_dense_solve_lower_transposed(n, at->factor, solved);
  for (size_t k = 0; k < n; k++) {
    by_m[k] += by_u[k];
    for (size_t j = 0; j < n; j++) by_m[k] -= self->information[k * n + j] * tau[j] * solved[j];
    const double direct = at->e[k] * by_u[k] + solved[k] * at->pull[k];
    by_log_tau[k] += tau[k] * (direct + by_precision(self, n, tau, xi, at, k, solved, by_xi));
  }
}
