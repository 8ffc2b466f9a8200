#ifndef CLV_ENGINE_MODELS_LOGNORMAL_AMOUNTS_H
#define CLV_ENGINE_MODELS_LOGNORMAL_AMOUNTS_H

#include "engine/models/lognormal_population.h"

/** What is known of a customer's amounts. Given his median amount eta their logs are normal around log eta
 * with the standard deviation `within` of the population, so nothing else of them matters. */
typedef struct clv_lognormal_amounts {
  double n;        /* how many; 0: none is known */
  double mean_log; /* mean of their logs, in the user's currency */
  double ss;       /* squared deviations of the logs from it, added up */
} clv_lognormal_amounts;

/** The rates of a customer given his amounts. With (log lambda, log mu, log eta) normal, they are bivariate
 * normal again: the amounts move the means in proportion to their mean log, and narrow deviations by their
 * number alone. Without amounts it is the population's. Pure.
 *  @param mean [n] of the customer's three logarithms (two where spend is not modelled) */
clv_lognormal_prior clv_lognormal_amounts_prior(const clv_lognormal_point *at, const double *mean,
                                                const clv_lognormal_amounts *amounts);

/** log eta given the two rates and the amounts: normal with mean constant + slope (log rates less their
 * means), and this variance. Pure. */
typedef struct clv_lognormal_median {
  double constant, slope[2], variance;
} clv_lognormal_median;
clv_lognormal_median clv_lognormal_amounts_median(const clv_lognormal_point *at, const double *mean,
                                                  const clv_lognormal_amounts *amounts);

/** Log density of the amounts themselves, of `count` customers who have the same number and mean log; ss
 * theirs added up. Pure. @param mean  of log eta */
double clv_lognormal_amounts_density(const clv_lognormal_point *at, double mean,
                                     const clv_lognormal_amounts *amounts, double count);

/** Sums over customers with one prior, for the score (clv_lognormal_population_score). */
typedef struct clv_lognormal_moments {
  double count;
  double first[CLV_LOGNORMAL_DIMENSIONS]; /* expected standardised deviations */
  /* expected products less the correlations */
  double second[CLV_LOGNORMAL_DIMENSIONS][CLV_LOGNORMAL_DIMENSIONS];
  double within; /* gradient in log within */
} clv_lognormal_moments;

/** From the moments of the rates to those of all three. Pure.
 *  @param[in,out] m  count, and first and second of the rates (products as they are); all are set
 *  @param amounts  as for the density */
void clv_lognormal_amounts_moments(const clv_lognormal_point *at, double mean,
                                   const clv_lognormal_amounts *amounts, clv_lognormal_moments *m);

#endif
