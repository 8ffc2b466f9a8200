#ifndef CLV_ENGINE_MODELS_LOGNORMAL_CENTRING_H
#define CLV_ENGINE_MODELS_LOGNORMAL_CENTRING_H

#include "comm/comm.h"
#include "engine/models/latent_model.h"

/** How a customer's coordinates z stand to his standardised deviations u, of which the population's density
 * is N(0, I): u = mean(phi) + factor(phi) z, where mean and factor follow the mean and the covariance of the
 * customer's own posterior given phi: their values at phi_0, and their slopes there. So z is about N(0, I)
 * and about independent of phi: what centring and non-centring approach from two sides, customer by customer.
 * Any constants give the same posterior; these decide how fast it is explored. Terms of a customer: [0, 1]
 * mean of u; [2] log factor 00; [3] factor 10; [4] log factor 11; then the slopes of term t in phi's
 * coordinate k (mean 0, mean 1, log sd 0, log sd 1, correlation's) at 5 + 5 t + k. */
enum { CLV_CENTRING_VALUES = 5, CLV_CENTRING_PHI = 5, CLV_CENTRING_TERMS = 30 };

/** What a customer's history tells of theta = (log lambda, log mu): log-likelihood, slopes, and second
 * derivatives 00, 01, 11. */
typedef struct clv_told {
  double value, slope[2], bend[3];
} clv_told;

/** A family of histories: told(self, block, place, theta). Pure. */
typedef struct clv_teller {
  const void *self;
  void (*told)(const void *self, size_t block, size_t place, const double *theta, clv_told *out);
} clv_teller;

/** Constants of a block, [CLV_CENTRING_TERMS][CLV_LATENT_BLOCK]; places without a customer get an identity.
 * Moments by a grid of 17 × 17 points around the mode, slopes by differences. Not collective.
 *  @param phi  phi_0 [5] @param n  customers
 *  @param[in,out] volume  [1 + 5] Σ over customers of the logs of factors 00 and 11, and of their slopes */
void clv_centring_block(const clv_teller *teller, size_t block, size_t n, const double *phi, float *out,
                        double *volume);

/** A population to begin with: normal moments by EM with Laplace's approximation for each customer, over at
 * most 16 blocks spread over the portfolio. The same on any number of ranks. Collective.
 *  @param[in,out] phi  [5] in: means that are not far off; out: phi_0 */
clv_status clv_centring_population(const clv_comm *comm, const clv_teller *teller, const clv_blocks *blocks,
                                   double *phi);

#endif
