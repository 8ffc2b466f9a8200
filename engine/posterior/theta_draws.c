#include "engine/posterior/theta_draws.h"

#include <stdlib.h>
#include <string.h>

struct clv_theta_draws {
  clv_theta_plan plan;
  double        *own; /* owned [n_draw][n_parameter]; NULL: covariates do not act */
  double         w[CLV_EFFECT_MAX * CLV_COLUMN_MAX]; /* whose `own` is: in order of coefficients */
  size_t         segment;
  bool           is_filled;
};

clv_status clv_theta_draws_new(const clv_theta_plan *plan, clv_theta_draws **out) {
  clv_theta_draws *self = NULL;
  clv_status       st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->plan = *plan;
  if (plan->shift.shifts != NULL)
    CLV_TRY(clv_alloc(plan->n_draw, plan->n_parameter * sizeof *self->own, (void **)&self->own));
  *out = self, self = NULL;
out:
  clv_theta_draws_free(&self);
  return st;
}

void clv_theta_draws_free(clv_theta_draws **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->own);
  free(*self);
  *self = NULL;
}

/* Whether `own` is this customer's; else his covariates are noted. */
static bool is_same(clv_theta_draws *self, size_t segment, const double *w) {
  const clv_shifts *shifts = self->plan.shift.shifts;
  bool              same   = self->is_filled && self->segment == segment;
  for (size_t c = 0; c < shifts->n_coefficient; c++) {
    const double value = w[shifts->column[c]];
    same               = same && self->w[c] == value;
    self->w[c]         = value;
  }
  self->segment   = segment;
  self->is_filled = true;
  return same;
}

clv_theta_view clv_theta_draws_of(clv_theta_draws *self, size_t segment, const double *w) {
  const clv_theta_plan *p      = &self->plan;
  const clv_shifts     *shifts = p->shift.shifts;
  const clv_theta_view  whole  = {p->theta + segment * p->n_parameter, p->n_segment * p->n_parameter};
  const clv_theta_view  own    = {self->own, p->n_parameter};
  if (shifts == NULL || w == NULL) return whole;
  if (is_same(self, segment, w)) return own;
  for (size_t s = 0; s < p->n_draw; s++)
    clv_shifts_theta(shifts, p->shift.gamma + s * shifts->n_coefficient, w, whole.at + s * whole.stride,
                     self->own + s * own.stride);
  return own;
}

void clv_draws_p_alive(const clv_theta_view *theta, size_t n, const clv_process_ops *process,
                       const clv_customer *who, double *alive) {
  if (process->p_alive_draws != NULL) {
    process->p_alive_draws(theta->at, theta->stride, n, who, alive);
    return;
  }
  for (size_t s = 0; s < n; s++) alive[s] = process->p_alive(theta->at + s * theta->stride, who);
}

void clv_draws_spend(const clv_theta_view *theta, size_t n, const clv_spend_ops *model,
                     const clv_customer *who, double *spend) {
  if (model->expected_draws != NULL) {
    model->expected_draws(theta->at, theta->stride, n, who, spend);
    return;
  }
  for (size_t s = 0; s < n; s++) spend[s] = model->expected(theta->at + s * theta->stride, who);
}
