#ifndef CLV_ENGINE_MODELS_LOGNORMAL_POPULATION_H
#define CLV_ENGINE_MODELS_LOGNORMAL_POPULATION_H

#include "comm/status.h"
#include "engine/models/data.h"
#include "engine/models/lognormal_grid.h"
#include "engine/models/prior.h"
#include "engine/numerics/rng.h"

/** Customers' logarithms of lambda, mu and, with spend, of the median amount eta: multivariate normal, its
 *  correlations LKJ(2) (Lewandowski, Kurowicka & Joe 2009, by canonical partial correlations). With spend
 * also the deviation of the logs of one customer's amounts. */
enum { CLV_LOGNORMAL_DIMENSIONS = 3, CLV_LOGNORMAL_PARAMETERS = 10 };

typedef struct clv_lognormal_population {
  size_t    n;           /* dimensions: 2, or 3 with spend */
  size_t    n_parameter; /* 5 or 10 */
  clv_prior prior[CLV_LOGNORMAL_PARAMETERS];
  unsigned  named;                            /* bit i: the user gave prior i */
  double    centre[CLV_LOGNORMAL_DIMENSIONS]; /* of the means' default priors */
} clv_lognormal_population;

/** One set of parameters, in the forms that are needed. */
typedef struct clv_lognormal_point {
  double mean[CLV_LOGNORMAL_DIMENSIONS], sd[CLV_LOGNORMAL_DIMENSIONS];
  double partial[3], rest[3]; /* partial correlations r, and 1 - r^2 */
  double root[CLV_LOGNORMAL_DIMENSIONS]
             [CLV_LOGNORMAL_DIMENSIONS]; /* lower Cholesky factor of the correlations */
  double inverse[CLV_LOGNORMAL_DIMENSIONS][CLV_LOGNORMAL_DIMENSIONS]; /* of the correlations */
  double within; /* sd of one customer's log amounts; 0 */
} clv_lognormal_point;

/** Names in the order of values and coordinates: means, deviations, correlations, sd_log_amount. */
const char *const *clv_lognormal_population_names(size_t n);

/** @param centre  [n] see above  @return CLV_EUSAGE for a prior that cannot be read. Not collective. */
clv_status clv_lognormal_population_make(size_t n, const double *centre, const clv_prior_texts *priors,
                                         clv_lognormal_population *out);

/** Coordinates phi [n_parameter] (means, log deviations, inverse tanh of partial correlations, log) to the
 * point and to reported values. Pure. */
void clv_lognormal_population_at(const clv_lognormal_population *self, const double *phi,
                                 clv_lognormal_point *out);
void clv_lognormal_population_values(const clv_lognormal_population *self, const clv_lognormal_point *at,
                                     double *value);
/** Back: reported values to the point. Pure. @return false where they are no parameters */
bool clv_lognormal_population_of_values(size_t n, const double *value, clv_lognormal_point *out);

/** Log density of the priors on the coordinates' scale, with the Jacobian. @param[in,out] gradient  added to
 */
double clv_lognormal_population_prior(const clv_lognormal_population *self, const clv_lognormal_point *at,
                                      double *gradient);

/** Score of the multivariate normal by Fisher's identity. @param first [n] expected standardised deviations,
 * added up over customers  @param second [n][n] expected products less the correlations, added up
 *  @param[in,out] gradient  of the coordinates but the last with spend; added to */
void clv_lognormal_population_score(const clv_lognormal_population *self, const clv_lognormal_point *at,
                                    const double *first, const double *second, double *gradient);

/** A draw from the priors. @param[out] phi [n_parameter] */
void clv_lognormal_population_draw(const clv_lognormal_population *self, clv_rng *rng, double *phi);
/** A point to start from. */
void clv_lognormal_population_start(const clv_lognormal_population *self, clv_rng *rng, double *phi);

/** "name ~ density: why" of parameter i. */
void clv_lognormal_population_line(const clv_lognormal_population *self, size_t i, char *line, size_t size);

/** The two rates' part. Pure. */
clv_lognormal_prior clv_lognormal_population_rates(const clv_lognormal_point *at);

#endif
