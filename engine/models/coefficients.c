#include "engine/models/coefficients.h"

#include <stdio.h>
#include <string.h>

static clv_status priors_fill(clv_coefficients *self, const clv_coefficients_plan *plan) {
  clv_status st = CLV_OK;
  for (size_t e = 0; e < plan->n_effect; e++) {
    char name[CLV_NAME_MAX];
    self->prior[e] = (clv_prior){CLV_PRIOR_NORMAL, {0.0, 1.0, 0.0}};
    snprintf(name, sizeof name, CLV_GAMMA "%s", clv_acts_on_name(plan->effect[e].on));
    for (size_t k = 0; plan->priors != NULL && k < plan->priors->n; k++)
      if (strcmp(plan->priors->item[k].name, name) == 0)
        CLV_TRY(clv_prior_parse(name, plan->priors->item[k].text, &self->prior[e]));
  }
out:
  return st;
}

clv_status clv_coefficients_make(const clv_coefficients_plan *plan, clv_coefficients *out) {
  const clv_covariates *covariates = plan->covariates;
  clv_coefficients      made       = {0};
  clv_status            st         = CLV_OK;
  if (covariates != NULL)
    made.shifts = clv_shifts_of(covariates, plan->n_parameter, plan->effect, plan->n_effect);
  for (size_t c = 0; c < made.shifts.n_coefficient; c++)
    made.scale[c] = covariates->scale[made.shifts.column[c]];
  for (size_t e = 0; e < made.shifts.n_effect; e++)
    made.is_all[e] = covariates->n_column[plan->effect[e].on] == covariates->n_all;
  if (made.shifts.n_coefficient > 0) CLV_TRY(priors_fill(&made, plan));
  *out = made;
out:
  return st;
}

double clv_coefficients_prior(const clv_coefficients *self, const double *gamma, double *by_gamma) {
  const clv_shifts *s     = &self->shifts;
  double            total = 0.0, slope;
  for (size_t e = 0; e < s->n_effect; e++)
    for (size_t c = s->first[e]; c < s->first[e + 1]; c++) {
      total += clv_prior_log_density(&self->prior[e], gamma[c], &slope);
      by_gamma[c] += slope;
    }
  return total;
}

/* Effects without columns have no variable. */
static size_t effect_find(const clv_coefficients *self, size_t i) {
  size_t e = 0;
  for (;; e++)
    if (self->shifts.first[e + 1] > self->shifts.first[e] && i-- == 0) return e;
}

size_t clv_coefficients_n_variable(const clv_coefficients *self) {
  size_t n = 0;
  for (size_t e = 0; e < self->shifts.n_effect; e++) n += self->shifts.first[e + 1] > self->shifts.first[e];
  return n;
}

void clv_coefficients_variable(const clv_coefficients *self, size_t i, clv_variable *out) {
  const size_t e  = effect_find(self, i);
  const char  *on = clv_acts_on_name(self->shifts.effect[e].on);
  *out            = (clv_variable){.length = self->shifts.first[e + 1] - self->shifts.first[e]};
  snprintf(out->name, sizeof out->name, CLV_GAMMA "%s", on);
  snprintf(out->dimension, sizeof out->dimension, CLV_COVARIATE_DIMENSION "%s%s", self->is_all[e] ? "" : "_",
           self->is_all[e] ? "" : on);
}

void clv_coefficients_constrain(const clv_coefficients *self, const double *gamma, double *value) {
  for (size_t c = 0; c < self->shifts.n_coefficient; c++) value[c] = gamma[c] / self->scale[c];
}

void clv_coefficients_start(const clv_coefficients *self, clv_rng *rng, double *gamma) {
  for (size_t c = 0; c < self->shifts.n_coefficient; c++) gamma[c] = 0.5 * (2.0 * clv_rng_uniform(rng) - 1.0);
}

void clv_coefficients_draw(const clv_coefficients *self, clv_rng *rng, double *gamma) {
  for (size_t e = 0; e < self->shifts.n_effect; e++)
    for (size_t c = self->shifts.first[e]; c < self->shifts.first[e + 1]; c++)
      gamma[c] = clv_prior_draw(&self->prior[e], rng);
}

int clv_coefficients_line(const clv_coefficients *self, size_t i, char *line, size_t size) {
  char text[128];
  if (i >= clv_coefficients_n_variable(self)) return 0;
  const size_t e = effect_find(self, i);
  clv_prior_print(&self->prior[e], text, sizeof text);
  snprintf(line, size,
           CLV_GAMMA
           "%s ~ %s, each: of numbers a standard deviation, of indicators and levels the whole step "
           "multiplies by e^gamma",
           clv_acts_on_name(self->shifts.effect[e].on), text);
  return 1;
}
