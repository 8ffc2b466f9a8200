/* Compiled once per instruction set. */
#include "engine/models/latent_inline.h"
#include "engine/models/lognormal_centring.h"
#include "engine/models/lognormal_latent_kernel.h"

enum { SUMS = CLV_LOGNORMAL_LATENT_SUMS, PHI = CLV_CENTRING_PHI };

/* log of lambda^x / (lambda + mu) (mu e^(-(lambda + mu) t_x) + lambda e^(-(lambda + mu) T)), and its slopes
 * in log lambda and log mu. With S = lambda + mu, E = e^(-S (T - t_x)), N = mu + lambda E it is x log lambda
 * - S t_x
 * + log(N / S). Source: Fader & Hardie 2005. */
typedef struct individual {
  clv_vector value, by_lambda, by_mu;
} individual;

CLV_INLINE individual history(clv_vector a, clv_vector b, clv_vector x, clv_vector t_x, clv_vector rest) {
  const clv_vector lambda = clv_vector_exp(a), mu = clv_vector_exp(b), both = lambda + mu;
  const clv_vector e = clv_vector_exp(-both * rest), alive = lambda * e, n = alive + mu;
  const clv_vector share = n / both, over = 1.0 / n, even = share * over; /* even: 1 / S */
  const clv_vector fall = alive * rest;                                   /* of N by either rate, through E */
  individual       at;
  at.value     = clv_vector_fma(x, a, clv_vector_fma(-both, t_x, clv_vector_log(share)));
  at.by_lambda = clv_vector_fma(lambda, clv_vector_fma(e - fall, over, -even) - t_x, x);
  at.by_mu     = mu * (clv_vector_fma(1.0 - fall, over, -even) - t_x);
  return at;
}

/* The centring's term t at phi. */
CLV_INLINE clv_vector term_at(const float *c, size_t n, const double *moved, size_t t) {
  clv_vector value = wide_load(c + t * n);
  for (size_t p = 0; p < PHI; p++)
    value = clv_vector_fma(clv_vector_of(moved[p]), wide_load(c + (CLV_CENTRING_VALUES + PHI * t + p) * n),
                           value);
  return value;
}

/* The second deviation as lognormal_centring.h makes it of z, and what the map does there. */
typedef struct bent {
  clv_vector low, high;              /* its two parts; u1 = t1 + t3 z0 + low + high */
  clv_vector slope, by_low, by_high; /* d u1 / d z1, and what the two parts have of it */
  clv_vector bend;                   /* d² u1 / d z1² */
} bent;

CLV_INLINE bent bend_of(clv_vector low, clv_vector high, clv_vector z) {
  const clv_vector square = clv_vector_fma(z, z, clv_vector_of(1.0)), h = clv_vector_sqrt(square), w = z / h;
  const clv_vector half_low = 0.5 * low, half_high = 0.5 * high;
  bent             to = {.low     = half_low * (z - h),
                         .high    = half_high * (z + h),
                         .by_low  = half_low * (1.0 - w),
                         .by_high = half_high * (1.0 + w),
                         .bend    = (half_high - half_low) / (square * h)};
  to.slope            = to.by_low + to.by_high;
  return to;
}

/* One vector of customers: standardised deviations from z, and what pushes them. */
CLV_INLINE void customers_push(const clv_lognormal_histories *rows, const clv_lognormal_scales *to, size_t k,
                               const double *z, double *gradient, clv_vector *term) {
  const size_t     n  = rows->n;
  const float     *c  = rows->centring + k;
  const clv_vector z0 = clv_vector_load(z + k), z1 = clv_vector_load(z + n + k);
  const clv_vector f00 = clv_vector_exp(term_at(c, n, to->moved, 2)), f10 = term_at(c, n, to->moved, 3);
  const clv_vector widen = term_at(c, n, to->moved, 6);
  const bent       bow   = bend_of(clv_vector_exp(clv_vector_fma(widen, z0, term_at(c, n, to->moved, 4))),
                                   clv_vector_exp(clv_vector_fma(widen, z0, term_at(c, n, to->moved, 5))), z1);
  const clv_vector both  = bow.low + bow.high;
  const clv_vector u0    = clv_vector_fma(f00, z0, term_at(c, n, to->moved, 0));
  const clv_vector u1    = clv_vector_fma(f10, z0, term_at(c, n, to->moved, 1)) + both;
  const clv_vector shift = to->rho * u0 + to->root * u1, turn = to->root * u0 - to->rho * u1;
  const individual at =
      history(to->mean[0] + to->sd[0] * u0, to->mean[1] + to->sd[1] * shift, clv_vector_load(rows->x + k),
              clv_vector_load(rows->t_x + k), clv_vector_load(rows->rest + k));
  const clv_vector by_a = to->sd[0] * at.by_lambda, by_b = to->sd[1] * at.by_mu, over = 1.0 / bow.slope;
  const clv_vector g0 = by_a + to->rho * by_b - u0, g1 = to->root * by_b - u1,
                   wide        = clv_vector_fma(g1, both, clv_vector_of(1.0));
  const clv_vector direct[PHI] = {at.by_lambda, at.by_mu, by_a * u0, by_b * shift, to->root * by_b * turn};
  const clv_vector push[CLV_CENTRING_VALUES] = {g0,
                                                g1,
                                                g0 * f00 * z0,
                                                g1 * z0,
                                                clv_vector_fma(bow.by_low, over, g1 * bow.low),
                                                clv_vector_fma(bow.by_high, over, g1 * bow.high),
                                                wide * z0};
  *(clv_vector *)(gradient + k)              = clv_vector_fma(f00, g0, clv_vector_fma(f10, g1, widen * wide));
  *(clv_vector *)(gradient + n + k)          = clv_vector_fma(bow.bend, over, bow.slope * g1);
  term[0] = at.value - 0.5 * (u0 * u0 + u1 * u1) + clv_vector_log(bow.slope);
  for (size_t p = 0; p < PHI; p++) {
    term[1 + p] = direct[p];
    for (size_t t = 0; t < CLV_CENTRING_VALUES; t++)
      term[1 + p] =
          clv_vector_fma(wide_load(c + (CLV_CENTRING_VALUES + PHI * t + p) * n), push[t], term[1 + p]);
  }
}

void CLV_KERNEL(clv_lognormal_latent)(const clv_lognormal_histories *rows, const clv_lognormal_scales *to,
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
