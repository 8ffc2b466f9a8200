#include "engine/numerics/rng.h"

#include <math.h>

#include "comm/status.h"
#include "engine/numerics/pinned.h"

enum { PHILOX_ROUNDS = 10, UNUSED = 4 };

void clv_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < PHILOX_ROUNDS; round++) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u; /* Weyl steps: golden ratio, sqrt(3) - 1 */
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* counter: slot | draw | chain (16 bits), purpose (8), customer's high 8 | customer's low 32. Injective, so
 * no two names share a stream (a stream is 2^32 slots of four numbers). */
clv_rng clv_rng_at(uint64_t seed, clv_rng_purpose purpose, uint64_t customer, uint32_t chain, uint32_t draw) {
  CLV_CHECK(customer < (uint64_t)1 << 40 && chain < 1u << 16 && (uint32_t)purpose < 1u << 8);
  clv_rng self = {.key     = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                  .counter = {0, draw, chain | (uint32_t)purpose << 16 | (uint32_t)(customer >> 32) << 24,
                              (uint32_t)customer},
                  .used    = UNUSED};
  return self;
}

uint32_t clv_rng_u32(clv_rng *self) {
  if (self->used == UNUSED) {
    clv_philox(self->counter, self->key, self->block);
    self->counter[0]++;
    self->used = 0;
  }
  return self->block[self->used++];
}

uint64_t clv_rng_u64(clv_rng *self) {
  const uint64_t low = clv_rng_u32(self);
  return low | (uint64_t)clv_rng_u32(self) << 32;
}

double clv_rng_uniform(clv_rng *self) { return ((double)(clv_rng_u64(self) >> 12) + 0.5) * 0x1p-52; }

double clv_rng_normal(clv_rng *self) { return clv_normal_quantile(clv_rng_uniform(self)); }

int clv_rng_sign(clv_rng *self) { return (clv_rng_u32(self) & 1u) != 0 ? 1 : -1; }

double clv_rng_exponential(clv_rng *self) { return -clv_log(clv_rng_uniform(self)); }

/* Marsaglia & Tsang 2000, for shape >= 1. */
static double gamma_one_or_more(clv_rng *self, double shape) {
  const double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
  for (;;) {
    const double z = clv_rng_normal(self), t = 1.0 + c * z, u = clv_rng_uniform(self);
    if (!(t > 0.0)) continue;
    const double v = t * t * t;
    if (clv_log(u) < 0.5 * z * z + d - d * v + d * clv_log(v)) return d * v;
  }
}

double clv_rng_log_gamma(clv_rng *self, double shape) {
  if (!(shape > 0.0 && shape < INFINITY)) return NAN;
  if (shape >= 1.0) return clv_log(gamma_one_or_more(self, shape));
  /* Gamma(s) = Gamma(s + 1) U^(1/s), kept on the log scale so that tiny shapes do not underflow. */
  const double high = clv_log(gamma_one_or_more(self, shape + 1.0));
  return high + clv_log(clv_rng_uniform(self)) / shape;
}

double clv_rng_gamma(clv_rng *self, double shape, double rate) {
  return clv_exp(clv_rng_log_gamma(self, shape)) / rate;
}

double clv_rng_beta(clv_rng *self, double a, double b) {
  const double x = clv_rng_log_gamma(self, a), y = clv_rng_log_gamma(self, b);
  return clv_sigmoid(x - y);
}

static uint64_t poisson_small(clv_rng *self, double mean) {
  const double least   = clv_exp(-mean);
  double       product = clv_rng_uniform(self);
  uint64_t     n       = 0;
  while (product > least) product *= clv_rng_uniform(self), n++;
  return n;
}

/* Hörmann 1993, PTRS, for mean >= 10. */
static uint64_t poisson_large(clv_rng *self, double mean) {
  const double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b, log_mean = clv_log(mean);
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), accept = 0.9277 - 3.6224 / (b - 2.0);
  for (;;) {
    const double u = clv_rng_uniform(self) - 0.5, v = clv_rng_uniform(self), us = 0.5 - fabs(u);
    const double k = floor((2.0 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= accept) return (uint64_t)k;
    if (k < 0.0 || (us < 0.013 && v > us)) continue;
    if (clv_log(v * inverse_alpha / (a / (us * us) + b)) <= k * log_mean - mean - clv_lgamma(k + 1.0))
      return (uint64_t)k;
  }
}

uint64_t clv_rng_poisson(clv_rng *self, double mean) {
  if (!(mean > 0.0)) return 0;
  return mean < 10.0 ? poisson_small(self, mean) : poisson_large(self, mean);
}

uint64_t clv_rng_below(clv_rng *self, uint64_t n) {
  if (n <= 1) return 0;
  const uint64_t most = UINT64_MAX - UINT64_MAX % n;
  uint64_t       value;
  do value = clv_rng_u64(self);
  while (value >= most);
  return value % n;
}
