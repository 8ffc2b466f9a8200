#ifndef CLV_ENGINE_MODELS_PRIOR_H
#define CLV_ENGINE_MODELS_PRIOR_H

#include "../../comm/status.h" /* relative: a plug-in is compiled without -I, see plugin.h */
#include "../numerics/rng.h"
#include "data.h"

typedef enum clv_prior_family {
  CLV_PRIOR_NORMAL,        /* normal(mean, sd) */
  CLV_PRIOR_HALF_NORMAL,   /* half_normal(sd) */
  CLV_PRIOR_LOGNORMAL,     /* lognormal(mean of log, sd of log) */
  CLV_PRIOR_STUDENT_T,     /* student_t(degrees, location, scale) */
  CLV_PRIOR_CAUCHY,        /* cauchy(location, scale) */
  CLV_PRIOR_HALF_CAUCHY,   /* half_cauchy(scale) */
  CLV_PRIOR_GAMMA,         /* gamma(shape, rate) */
  CLV_PRIOR_INVERSE_GAMMA, /* inverse_gamma(shape, scale) */
  CLV_PRIOR_BETA,          /* beta(a, b) */
  CLV_PRIOR_EXPONENTIAL,   /* exponential(rate) */
  CLV_PRIOR_UNIFORM        /* uniform(low, high) */
} clv_prior_family;

/** A univariate density. A value type. */
typedef struct clv_prior {
  clv_prior_family family;
  double           argument[3];
} clv_prior;

/** Read "lognormal(0, 1)". Not collective.
 *  @param name  whose prior it is, for the message
 *  @return CLV_EUSAGE with what was read and what is allowed */
clv_status clv_prior_parse(const char *name, const char *text, clv_prior *out);

/** Refuses a prior whose name is none of `name` [n], all parameters of the parts in use. Not collective.
 *  @return CLV_EUSAGE with the names that are valid */
clv_status clv_prior_names_check(const clv_prior_texts *priors, const char *const *name, size_t n);

/** Normalised log density at x (-INFINITY outside the support), and its derivative. Not collective. */
double clv_prior_log_density(const clv_prior *self, double x, double *derivative);

/** A random draw. Not collective. */
double clv_prior_draw(const clv_prior *self, clv_rng *rng);

/** "lognormal(0, 1)" into `text`. Not collective. */
void clv_prior_print(const clv_prior *self, char *text, size_t size);

#endif
