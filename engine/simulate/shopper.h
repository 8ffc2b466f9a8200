#ifndef CLV_ENGINE_SIMULATE_SHOPPER_H
#define CLV_ENGINE_SIMULATE_SHOPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/numerics/rng.h"

/** A shop whose truth is known: BG/NBD purchases and Gamma-Gamma amounts; times in weeks since the shop's
 * start. */
typedef struct clv_shop {
  double   r, alpha, a, b; /* BG/NBD, per week */
  double   p, q, v;        /* Gamma-Gamma */
  double   acquisition;    /* first purchases are uniform over [0, acquisition) */
  double   weeks, holdout; /* observed, and to be forecast */
  uint64_t seed;
} clv_shop;

/** One simulated customer: a generator of purchases. A value type. */
typedef struct clv_shopper {
  clv_rng rng;
  double  lambda, dropout, spend_rate, shape; /* own parameters: amounts are Gamma(shape, spend_rate) */
  double  first, next;                        /* weeks since the shop's start */
  bool    is_alive, is_first;
} clv_shopper;

/** Customer number `customer`: a pure function of the shop and the number. Not collective. */
clv_shopper clv_shopper_at(const clv_shop *shop, uint64_t customer);

/** The next purchase before the end of the holdout. False where there is none. Not collective.
 *  @param[out] time  weeks since the shop's start  @param[out] amount */
bool clv_shopper_buy(clv_shopper *self, const clv_shop *shop, double *time, double *amount);

/** What the customer spends on average. Not collective. */
double clv_shopper_mean_spend(const clv_shopper *self);

#endif
