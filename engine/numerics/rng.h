#ifndef CLV_ENGINE_NUMERICS_RNG_H
#define CLV_ENGINE_NUMERICS_RNG_H

#include <stdint.h>

/** What random numbers are for; part of their name, so that no two uses share a stream. Never renumber. */
typedef enum clv_rng_purpose {
  CLV_RNG_START      = 1,  /* start points */
  CLV_RNG_NUTS       = 2,  /* momentum, direction, choice within one transition */
  CLV_RNG_STEP_SIZE  = 3,  /* momentum of the initial step-size search */
  CLV_RNG_PRIOR      = 4,  /* prior(-predictive) draws */
  CLV_RNG_SIMULATE   = 5,  /* simulated customers */
  CLV_RNG_CUSTOMER   = 6,  /* customers' own parameters given a posterior draw */
  CLV_RNG_PREDICTIVE = 7,  /* posterior-predictive counts */
  CLV_RNG_SAMPLE     = 8,  /* choice of customers whose draws are kept */
  CLV_RNG_SEGMENT    = 9,  /* parameters of a segment that has not been seen, given a posterior draw */
  CLV_RNG_TRAITS     = 10, /* covariates of simulated customers */
  /* momenta of customers' own parameters, in transitions and in the search for a step size */
  CLV_RNG_LATENT      = 16,
  CLV_RNG_LATENT_STEP = 17
} clv_rng_purpose;

/** Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011). The numbers are a pure function of their name
 *  (seed, purpose, customer, chain, draw) and of how many were taken before: no state to save, any rank can
 * make them. A value type: copy freely; the struct is its whole state. */
typedef struct clv_rng {
  uint32_t key[2];
  uint32_t counter[4]; /* counter[0] is the slot, advanced by four numbers a step */
  uint32_t block[4];
  uint32_t used; /* of block */
  uint32_t pad;
} clv_rng;

/** Not collective. customer < 2^40, chain < 2^16, draw < 2^32. */
clv_rng clv_rng_at(uint64_t seed, clv_rng_purpose purpose, uint64_t customer, uint32_t chain, uint32_t draw);

uint32_t clv_rng_u32(clv_rng *self);
uint64_t clv_rng_u64(clv_rng *self);
/** Uniform on the open interval (0, 1), 53 bits. */
double clv_rng_uniform(clv_rng *self);
/** Standard normal by inverse CDF: always takes exactly one uniform. */
double clv_rng_normal(clv_rng *self);
/** -1 or +1. */
int clv_rng_sign(clv_rng *self);
/** Gamma(shape, rate), log of it (shape down to 1e-6 does not underflow), Beta(a, b), Exponential(1),
 * Poisson(mean), integer in [0, n). */
double   clv_rng_gamma(clv_rng *self, double shape, double rate);
double   clv_rng_log_gamma(clv_rng *self, double shape);
double   clv_rng_beta(clv_rng *self, double a, double b);
double   clv_rng_exponential(clv_rng *self);
uint64_t clv_rng_poisson(clv_rng *self, double mean);
uint64_t clv_rng_below(clv_rng *self, uint64_t n);

/** The bare block function, for known-answer tests. out = Philox4x32-10(counter, key). */
void clv_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
