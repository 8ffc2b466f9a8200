/* Compiled once per instruction set. Philox and the normal quantile a vector of customers at a time,
 * operation for operation what rng.c and pinned.c do to one, so the bits are the same. */
#include "engine/numerics/normal_table.h"
#include "engine/numerics/vmath.h"
#include "engine/sampler/latent_kernel.h"

enum { ROUNDS = 10 };

static const uint64_t WORD = 0xffffffffu;

CLV_INLINE clv_mask mask_of(uint64_t x) { return x - (clv_mask){0}; }

/* Products of 32-bit words, one in each 64-bit lane. */
CLV_INLINE clv_mask words_product(clv_mask a, uint64_t b) {
#if defined(CLV_ISA_avx512)
  return (clv_mask)_mm512_mul_epu32((__m512i)a, (__m512i)mask_of(b));
#elif defined(CLV_ISA_avx2)
  return (clv_mask)_mm256_mul_epu32((__m256i)a, (__m256i)mask_of(b));
#else
  return (a & WORD) * b;
#endif
}

/* Philox4x32-10; see clv_philox. */
CLV_INLINE void philox(clv_mask c[4], uint64_t seed) {
  uint64_t k0 = seed & WORD, k1 = seed >> 32;
  for (int round = 0; round < ROUNDS; round++) {
    const clv_mask p0 = words_product(c[0], 0xD2511F53u), p1 = words_product(c[2], 0xCD9E8D57u);
    c[0] = (p1 >> 32) ^ c[1] ^ k0;
    c[1] = p1 & WORD;
    c[2] = (p0 >> 32) ^ c[3] ^ k1;
    c[3] = p0 & WORD;
    k0   = (k0 + 0x9E3779B9u) & WORD;
    k1   = (k1 + 0xBB67AE85u) & WORD;
  }
}

/* See clv_rng_uniform: 52 bits and a half. */
CLV_INLINE clv_vector uniform(clv_mask low, clv_mask high) {
  const clv_mask bits = (low | high << 32) >> 12;
  return (((clv_vector)(bits | 0x4330000000000000ULL) - 0x1p52) + 0.5) * 0x1p-52;
}

CLV_INLINE clv_vector rational(const double *over, const double *under, clv_vector x) {
  clv_vector a = clv_vector_of(over[CLV_NORMAL_TERMS - 1]), b = clv_vector_of(under[CLV_NORMAL_TERMS - 1]);
  for (size_t i = CLV_NORMAL_TERMS - 1; i-- > 0;) a = a * x + over[i], b = b * x + under[i];
  return a / b;
}

CLV_INLINE int any(clv_mask where) {
  uint64_t all = 0;
  for (int k = 0; k < CLV_VECTOR; k++) all |= where[k];
  return all != 0;
}

CLV_INLINE clv_vector root(clv_vector x) {
#if defined(CLV_ISA_avx512)
  return (clv_vector)_mm512_sqrt_pd((__m512d)x);
#elif defined(CLV_ISA_avx2)
  return (clv_vector)_mm256_sqrt_pd((__m256d)x);
#else
  for (int k = 0; k < CLV_VECTOR; k++) x[k] = sqrt(x[k]);
  return x;
#endif
}

/* See clv_normal_quantile; 0 < p < 1. */
CLV_INLINE clv_vector quantile(clv_vector p) {
  const clv_vector q     = p - 0.5;
  const clv_mask   below = (clv_mask)(q < 0.0), central = (clv_mask)(q <= 0.425) & (clv_mask)(q >= -0.425);
  const clv_vector middle = q * rational(CLV_NORMAL_A, CLV_NORMAL_B, 0.180625 - q * q);
  if (!any(~central)) return middle;
  const clv_vector tail = root(-clv_vector_log(clv_vector_pick(below, p, 1.0 - p)));
  const clv_mask   near = (clv_mask)(tail <= 5.0);
  clv_vector       z    = rational(CLV_NORMAL_C, CLV_NORMAL_D, tail - 1.6);
  if (any(~near)) z = clv_vector_pick(near, z, rational(CLV_NORMAL_E, CLV_NORMAL_F, tail - 5.0));
  return clv_vector_pick(central, middle, clv_vector_pick(below, -z, z));
}

/* A vector of customers from number `first` of the block on. */
CLV_INLINE void customers_draw(const clv_latent_name *name, size_t n_latent, size_t first, size_t width,
                               double *momentum) {
  static const uint64_t PLACE[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  clv_mask              customer;
  __builtin_memcpy(&customer, PLACE, sizeof customer);
  customer += name->customer + first;
  const uint64_t other = name->chain | name->purpose << 16;
  for (size_t pair = 0; 2 * pair < n_latent; pair++) {
    clv_mask c[4] = {mask_of(name->slot + pair), mask_of(name->draw), (customer >> 32 << 24) | other,
                     customer & WORD};
    philox(c, name->seed);
    double *at        = momentum + 2 * pair * width + first;
    *(clv_vector *)at = quantile(uniform(c[0], c[1]));
    if (2 * pair + 1 < n_latent) *(clv_vector *)(at + width) = quantile(uniform(c[2], c[3]));
  }
}

void CLV_KERNEL(clv_latent_normals)(const clv_latent_name *name, size_t n_latent, size_t n_customer,
                                    size_t width, double *momentum) {
  for (size_t i = 0; i < n_customer; i += CLV_VECTOR) customers_draw(name, n_latent, i, width, momentum);
  for (size_t l = 0; l < n_latent; l++)
    for (size_t i = n_customer; i < width; i++) momentum[l * width + i] = 0.0;
}
