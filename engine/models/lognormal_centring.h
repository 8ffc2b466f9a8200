#ifndef CLV_ENGINE_MODELS_LOGNORMAL_CENTRING_H
#define CLV_ENGINE_MODELS_LOGNORMAL_CENTRING_H

#include "comm/comm.h"
#include "engine/models/latent_model.h"

/** How a customer's coordinates z stand to his standardised deviations u, of which the population's density
 * is N(0, I). With h = √(1 + z1²):
 *    u0 = t0 + e^t2 z0
 *    u1 = t1 + t3 z0 + e^(t6 z0) (e^t4 (z1 - h) + e^t5 (z1 + h)) / 2
 * So log mu may be skew (e^t4 is the slope far below, e^t5 far above) and its spread may depend on log
 * lambda. The terms t follow the customer's own posterior given phi: their values are such that z is about
 * N(0, I) at phi_0, and their slopes in phi such that z stays as nearly independent of phi as this map can
 * make it. That is what centring and non-centring approach from two sides, customer by customer. Any
 * constants give the same posterior; these decide how fast it is explored. Of a customer: seven terms at
 * phi_0, then the slope of term t in phi's coordinate k (mean 0, mean 1, log sd 0, log sd 1, correlation's)
 * at 7 + 5 t + k. */
enum { CLV_CENTRING_VALUES = 7, CLV_CENTRING_PHI = 5, CLV_CENTRING_TERMS = 42 };

/** Sums over customers: Σ t2 and its slopes, which are the constant part of the map's log-Jacobian; the slope
 * of the marginal log-likelihood in phi; and, lower triangle row by row, the sum of its squares, which stands
 * for the information. */
enum { CLV_CENTRING_VOLUME = 0, CLV_CENTRING_SLOPE = 6, CLV_CENTRING_SQUARE = 11, CLV_CENTRING_SUMS = 26 };

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
 * Means over his posterior by a grid of 17 × 17 points around the mode; slopes by least squares: the part of
 * d log p(history, z | phi) / d phi that changes with z is made as small as it can be. Not collective.
 *  @param phi  phi_0 [5] @param n  customers @param[in,out] sum  [CLV_CENTRING_SUMS] */
void clv_centring_block(const clv_teller *teller, size_t block, size_t n, const double *phi, float *out,
                        double *sum);

/** A population to begin with: scoring steps on the marginal likelihood, by the grids of at most 8 blocks
 * spread over the portfolio. The same on any number of ranks. Collective.
 *  @param[in,out] phi  [5] in: where to begin; out: phi_0 */
clv_status clv_centring_population(const clv_comm *comm, const clv_teller *teller, const clv_blocks *blocks,
                                   double *phi);

/** Where the posterior is, from those sums and one step of Newton's from phi_0, and how wide.
 *  @param sum  of all customers @param[out] centre  [5] @param[out] factor  [5][5] lower, of the covariance
 */
void clv_centring_posterior(const double *sum, const double *phi, double *centre, double *factor);

#endif
