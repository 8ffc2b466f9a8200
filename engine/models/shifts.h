#ifndef CLV_ENGINE_MODELS_SHIFTS_H
#define CLV_ENGINE_MODELS_SHIFTS_H

#include "comm/status.h"
#include "engine/models/data.h"
#include "engine/models/process.h"

/** Most processes that covariates act on in one model. */
enum { CLV_EFFECT_MAX = 3 };

/** How the covariates w of a customer shift his natural parameters: log theta[k], or theta[k] itself where an
 * effect adds, gains over the effects e direction_e[k] × gamma_e'w (docs/model_architecture.md). Each effect
 * has its own columns of w and its own coefficients, one after the other in gamma. A value type. */
typedef struct clv_shifts {
  size_t            n_parameter, n_effect, n_coefficient;
  const clv_effect *effect;                                  /* borrowed [n_effect], the model's */
  size_t            first[CLV_EFFECT_MAX + 1];               /* coefficients of e: [first[e], first[e + 1]) */
  uint32_t          column[CLV_EFFECT_MAX * CLV_COLUMN_MAX]; /* of w, for each coefficient */
} clv_shifts;

/** @param covariates  their columns on each process; others are not read. Not collective. */
clv_shifts clv_shifts_of(const clv_covariates *covariates, size_t n_parameter, const clv_effect *effect,
                         size_t n_effect);

/** theta of a customer with covariates w. Not collective. @param[out] shifted [n_parameter] */
void clv_shifts_theta(const clv_shifts *self, const double *gamma, const double *w, const double *theta,
                      double *shifted);

/** gamma_e'w, by which effect e shifts. Not collective. */
double clv_shifts_of_effect(const clv_shifts *self, size_t e, const double *gamma, const double *w);

/** The chain rule: adds to by_gamma [n_coefficient] what a gradient in log theta [n_parameter] (theta itself
 * where effects add) comes to. */
void clv_shifts_pull(const clv_shifts *self, const double *by_log_theta, const double *w, double *by_gamma);

#endif
