/* Compiled once per instruction set. */
#include "engine/models/gamma_value_latent_kernel.h"
#include "engine/models/latent_inline.h"

enum { SUMS = CLV_GAMMA_LATENT_SUMS, PHI = CLV_GAMMA_LATENT_PHI };

#define F(a, b, c) clv_vector_fma(a, b, c)
#define V(c) clv_vector_of(c)

/* peak = alpha log alpha - log Gamma(alpha) - alpha, and by = log alpha - digamma(alpha). */
typedef struct crest {
  clv_vector peak, by;
} crest;

/* Stirling's series at y >= 8, where its last term is below 2e-13 of the sum; below 8 the recurrence leads
 * from alpha to y = alpha + 8, with P = alpha (alpha + 1) … (alpha + 7) and Q = P'. Above, the large parts
 * cancel by hand. a: log alpha. Source: DLMF 5.11.1, 5.11.2, 5.5.1. */
CLV_INLINE crest crest_at(clv_vector a, clv_vector alpha) {
  const clv_mask   low = (clv_mask)(alpha < 8.0);
  const clv_vector y = clv_vector_pick(low, alpha + 8.0, alpha), over = 1.0 / y, w = over * over;
  const clv_vector s4 = F(w, V(-691.0 / 360360.0), V(1.0 / 1188.0)), s3 = F(w, s4, V(-1.0 / 1680.0));
  const clv_vector s2 = F(w, s3, V(1.0 / 1260.0)), s1 = F(w, s2, V(-1.0 / 360.0));
  const clv_vector s  = over * F(w, s1, V(1.0 / 12.0));
  const clv_vector t4 = F(w, V(-691.0 / 32760.0), V(1.0 / 132.0)), t3 = F(w, t4, V(-1.0 / 240.0));
  const clv_vector t2 = F(w, t3, V(1.0 / 252.0)), t1 = F(w, t2, V(-1.0 / 120.0));
  const clv_vector t = F(w, F(w, t1, V(1.0 / 12.0)), 0.5 * over);
  clv_vector       p = alpha, q = V(1.0);
  for (int j = 1; j < 8; j++) {
    const clv_vector next = alpha + (double)j;
    q                     = F(q, next, p);
    p                     = p * next;
  }
  const clv_vector log_y = clv_vector_log(y), half_log_tau = V(0.9189385332046727);
  const clv_vector log_gamma_y = (y - 0.5) * log_y - y + half_log_tau + s;
  crest            at;
  at.peak =
      clv_vector_pick(low, alpha * a - alpha - (log_gamma_y - clv_vector_log(p)), 0.5 * a - half_log_tau - s);
  at.by = clv_vector_pick(low, a - (log_y - t - q / p), t);
  return at;
}

/* e^-u - 1 + u, by its series where that is small: a steady customer's kappa may be 1e15. */
CLV_INLINE clv_vector fall_at(clv_vector u, clv_vector grown) {
  const clv_mask small  = (clv_mask)(u < 0.25) & (clv_mask)(u > -0.25);
  clv_vector     series = V(1.0 / 479001600.0);
  series                = F(-u, series, V(1.0 / 39916800.0));
  series                = F(-u, series, V(1.0 / 3628800.0));
  series                = F(-u, series, V(1.0 / 362880.0));
  series                = F(-u, series, V(1.0 / 40320.0));
  series                = F(-u, series, V(1.0 / 5040.0));
  series                = F(-u, series, V(1.0 / 720.0));
  series                = F(-u, series, V(1.0 / 120.0));
  series                = F(-u, series, V(1.0 / 24.0));
  series                = F(-u, series, V(1.0 / 6.0));
  series                = F(-u, series, V(0.5));
  return clv_vector_pick(small, u * u * series, grown - 1.0 + u);
}

/* The centring's term t at phi. */
CLV_INLINE clv_vector term_at(const float *c, size_t n, const double *moved, size_t t) {
  clv_vector value = wide_load(c + t * n);
  for (size_t p = 0; p < PHI; p++) value = F(V(moved[p]), wide_load(c + (2 + PHI * t + p) * n), value);
  return value;
}

/* The amounts' log-likelihood n (peak - alpha gap) - kappa (e^-u - 1 + u) and its slopes in a and e. */
typedef struct amounts {
  clv_vector value, by_a, by_e;
} amounts;

CLV_INLINE amounts amounts_at(clv_vector a, clv_vector alpha, clv_vector u, clv_vector n, clv_vector gap) {
  const crest      top   = crest_at(a, alpha);
  const clv_vector kappa = n * alpha, fall = fall_at(u, clv_vector_exp(-u));
  return (amounts){n * (top.peak - alpha * gap) - kappa * fall, kappa * (top.by - gap - fall),
                   kappa * (fall - u)};
}

/* One vector of customers. With G the slope in B, Q that of B in log q, and `a` moving q as well. */
CLV_INLINE void customers_push(const clv_gamma_latent_rows *rows, const clv_gamma_latent_scales *to, size_t k,
                               const double *z, double *gradient, clv_vector *term) {
  const size_t     n = rows->n;
  const float     *c = rows->centring + k;
  const double     s = to->sd[1] * to->root, drift = to->sd[1] * to->rho, over_s = 1.0 / s;
  const clv_vector z0 = clv_vector_load(z + k), z1 = clv_vector_load(z + n + k);
  const clv_vector f = clv_vector_exp(term_at(c, n, to->moved, 1)), A = F(f, z0, term_at(c, n, to->moved, 0));
  const clv_vector number = clv_vector_load(rows->number + k), a = to->mean[0] + to->sd[0] * A;
  const clv_vector alpha = clv_vector_exp(a), q = number * alpha * (s * s), over = 1.0 / (1.0 + q);
  const clv_vector half = 0.5 * clv_vector_log(1.0 + q), h = clv_vector_exp(-half), g = q * over;
  const clv_vector D  = clv_vector_load(rows->log_mean + k) - to->mean[1] - drift * A;
  const clv_vector hz = h * z1, T = g * D * over_s, B = T + hz;
  const amounts    at = amounts_at(a, alpha, s * hz - D * over, number, clv_vector_load(rows->gap + k));
  const clv_vector G = s * at.by_e - B, Q = g * (D * over * over_s - 0.5 * hz);
  const clv_vector by_a = at.by_a + G * Q - 0.5 * g, by_D = G * g * over_s, by_s = G * (2.0 * Q - T) - g;
  const clv_vector by_A   = to->sd[0] * by_a + drift * (at.by_e - by_D) - A;
  const clv_vector by_sd1 = to->sd[1] * (to->rho * A + to->root * B) * at.by_e - drift * A * by_D + by_s;
  const clv_vector by_rho =
      s * (to->root * A - to->rho * B) * at.by_e - (s * to->root) * A * by_D - to->rho * by_s;
  const clv_vector direct[PHI]      = {by_a, at.by_e - by_D, to->sd[0] * A * by_a, by_sd1, by_rho};
  const clv_vector push             = by_A * f * z0;
  *(clv_vector *)(gradient + k)     = f * by_A;
  *(clv_vector *)(gradient + n + k) = h * G;
  term[0]                           = at.value - 0.5 * (A * A + B * B) - half;
  for (size_t p = 0; p < PHI; p++)
    term[1 + p] = F(wide_load(c + (2 + p) * n), by_A, F(wide_load(c + (2 + PHI + p) * n), push, direct[p]));
}

void CLV_KERNEL(clv_gamma_value_latent)(const clv_gamma_latent_rows *rows, const clv_gamma_latent_scales *to,
                                        const double *z, double *gradient, double *sum) {
  lanes s[SUMS] = {0};
  for (size_t i = 0; i < rows->n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      clv_vector term[SUMS];
      customers_push(rows, to, i + v * CLV_VECTOR, z, gradient, term);
      for (size_t t = 0; t < SUMS; t++) s[t].vector[v] += term[t];
    }
  for (size_t t = 0; t < SUMS; t++) sum[t] += lanes_sum(&s[t]);
}
