#include "engine/models/shifts.h"

#include <string.h>

#include "engine/numerics/pinned.h"

clv_shifts clv_shifts_of(const clv_covariates *covariates, size_t n_parameter, const clv_effect *effect,
                         size_t n_effect) {
  clv_shifts s = {.n_parameter = n_parameter, .n_effect = n_effect, .effect = effect};
  CLV_CHECK(n_effect <= CLV_EFFECT_MAX);
  for (size_t e = 0; e < n_effect; e++) {
    const size_t n = covariates->n_column[effect[e].on];
    CLV_CHECK(n <= CLV_COLUMN_MAX);
    if (n > 0) memcpy(s.column + s.n_coefficient, covariates->column[effect[e].on], n * sizeof *s.column);
    s.n_coefficient += n;
    s.first[e + 1] = s.n_coefficient;
  }
  return s;
}

double clv_shifts_of_effect(const clv_shifts *self, size_t e, const double *gamma, const double *w) {
  double eta = 0.0;
  for (size_t c = self->first[e]; c < self->first[e + 1]; c++) eta += gamma[c] * w[self->column[c]];
  return eta;
}

void clv_shifts_theta(const clv_shifts *self, const double *gamma, const double *w, const double *theta,
                      double *shifted) {
  double log_factor[CLV_PARAMETER_MAX] = {0.0}, term[CLV_PARAMETER_MAX] = {0.0};
  for (size_t e = 0; e < self->n_effect; e++) {
    const double eta = clv_shifts_of_effect(self, e, gamma, w);
    double      *to  = self->effect[e].adds ? term : log_factor;
    for (size_t k = 0; k < self->n_parameter; k++) to[k] += self->effect[e].direction[k] * eta;
  }
  for (size_t k = 0; k < self->n_parameter; k++)
    shifted[k] = (log_factor[k] == 0.0 ? theta[k] : theta[k] * clv_exp(log_factor[k])) + term[k];
}

void clv_shifts_pull(const clv_shifts *self, const double *by_log_theta, const double *w, double *by_gamma) {
  for (size_t e = 0; e < self->n_effect; e++) {
    double by_eta = 0.0;
    for (size_t k = 0; k < self->n_parameter; k++) by_eta += self->effect[e].direction[k] * by_log_theta[k];
    for (size_t c = self->first[e]; c < self->first[e + 1]; c++) by_gamma[c] += by_eta * w[self->column[c]];
  }
}
