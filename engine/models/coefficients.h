#ifndef CLV_ENGINE_MODELS_COEFFICIENTS_H
#define CLV_ENGINE_MODELS_COEFFICIENTS_H

#include "engine/models/model.h"
#include "engine/models/prior.h"
#include "engine/models/shifts.h"

/** Coefficients of covariates as a model's last coordinates: their names, scales and priors. Coordinates are
 * those of coded columns; reported values are per unit of the user's columns. Without covariates there are
 * none. A value type. */
typedef struct clv_coefficients {
  clv_shifts shifts;
  clv_prior  prior[CLV_EFFECT_MAX];                  /* of a coefficient of a coded column */
  bool       is_all[CLV_EFFECT_MAX];                 /* it has every covariate of the portfolio */
  double     scale[CLV_EFFECT_MAX * CLV_COLUMN_MAX]; /* [n_coefficient] */
} clv_coefficients;

/** What they are made of. Borrowed, but for `effect` during the constructor only. */
typedef struct clv_coefficients_plan {
  const clv_covariates  *covariates; /* NULL, or none that act on it: no coefficients */
  const clv_prior_texts *priors;     /* overrides by gamma_purchases and so on; may be NULL */
  size_t                 n_parameter, n_effect;
  const clv_effect      *effect;
} clv_coefficients_plan;

/** Not collective: the same on every rank. @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_coefficients_make(const clv_coefficients_plan *plan, clv_coefficients *out);

/** Log density of the priors. @param[in,out] by_gamma [n_coefficient] added to */
double clv_coefficients_prior(const clv_coefficients *self, const double *gamma, double *by_gamma);

/** One variable for each effect that has columns. */
size_t clv_coefficients_n_variable(const clv_coefficients *self);
void   clv_coefficients_variable(const clv_coefficients *self, size_t i, clv_variable *out);
void   clv_coefficients_constrain(const clv_coefficients *self, const double *gamma, double *value);
void   clv_coefficients_start(const clv_coefficients *self, clv_rng *rng, double *gamma);
void   clv_coefficients_draw(const clv_coefficients *self, clv_rng *rng, double *gamma);
/** As clv_model_ops.prior_line. */
int clv_coefficients_line(const clv_coefficients *self, size_t i, char *line, size_t size);

#endif
