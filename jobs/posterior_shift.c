#include "jobs/posterior_shift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const clv_trace_variable *variable_find(const clv_draws *draws, const char *name) {
  for (size_t i = 0; i < draws->n_variable; i++)
    if (strcmp(draws->variable[i].name, name) == 0) return &draws->variable[i];
  return NULL;
}

/* The same covariates in the same order, by their labels. */
static bool is_of_choice(const clv_trace_variable *v, const clv_portfolio *portfolio,
                         const clv_covariate_choice *choice, clv_acts_on on) {
  if (v == NULL) return choice->n[on] == 0;
  if (v->length != choice->n[on] || v->label == NULL) return false;
  for (size_t k = 0; k < v->length; k++)
    if (strcmp(v->label[k], clv_portfolio_covariate(portfolio, choice->column[on][k])->name) != 0)
      return false;
  return true;
}

static clv_status effect_take(const clv_draws *draws, const clv_portfolio *portfolio,
                              const clv_covariate_choice *choice, clv_acts_on on, const clv_theta *theta,
                              double *gamma, size_t stride) {
  const size_t all = draws->n_chain * draws->n_draw;
  char         name[CLV_TRACE_NAME_MAX];
  snprintf(name, sizeof name, CLV_GAMMA "%s", clv_acts_on_name(on));
  const clv_trace_variable *v = variable_find(draws, name);
  if (!is_of_choice(v, portfolio, choice, on))
    return clv_fail(
        CLV_EDATA,
        "the trace was fitted with other covariates on %s than model.covariates names; run clv fit "
        "again",
        clv_acts_on_name(on));
  for (size_t s = 0; v != NULL && s < theta->n_draw; s++)
    memcpy(gamma + s * stride,
           draws->value + s * all / theta->n_draw * draws->n_value + (size_t)clv_draws_find(draws, name),
           v->length * sizeof *gamma);
  return CLV_OK;
}

/* What draws are taken of. */
typedef struct part {
  size_t            n_parameter, n_effect;
  const clv_effect *effect;
} part;

static clv_status shift_take(const clv_draws *draws, const clv_portfolio *portfolio,
                             const clv_covariate_choice *choice, const part *of, const clv_theta *theta,
                             clv_posterior_shift *out) {
  clv_covariates columns = {.n = choice->n_all};
  clv_status     st      = CLV_OK;
  for (size_t on = 0; on < CLV_ON_N; on++)
    columns.n_column[on] = choice->n[on], columns.column[on] = choice->column[on];
  out->shifts    = clv_shifts_of(&columns, of->n_parameter, of->effect, of->n_effect);
  const size_t n = out->shifts.n_coefficient;
  CLV_TRY(clv_alloc(theta->n_draw * (n + 1), sizeof *out->gamma, (void **)&out->gamma));
  for (size_t e = 0; e < of->n_effect; e++)
    CLV_TRY(
        effect_take(draws, portfolio, choice, of->effect[e].on, theta, out->gamma + out->shifts.first[e], n));
  if (n > 0) out->shift = (clv_draw_shift){&out->shifts, out->gamma};
out:
  return st;
}

clv_status clv_posterior_shifts_take(const clv_draws *draws, const clv_portfolio *portfolio,
                                     const clv_config *config, const clv_process_ops *process,
                                     const clv_spend_ops *spend, const clv_theta *theta,
                                     clv_posterior_shift out[2]) {
  clv_covariate_choice choice;
  const part           purchases = {process->n_parameter, process->n_effect, process->effect};
  clv_status           st        = CLV_OK;
  out[0] = out[1] = (clv_posterior_shift){0};
  CLV_TRY(clv_covariate_choice_make(config, portfolio, &choice));
  CLV_TRY(shift_take(draws, portfolio, &choice, &purchases, theta, &out[0]));
  if (spend != NULL)
    CLV_TRY(shift_take(draws, portfolio, &choice, &(part){spend->n_parameter, spend->n_effect, spend->effect},
                       theta, &out[1]));
out:
  if (st < 0) clv_posterior_shifts_free(out);
  return st;
}

void clv_posterior_shifts_free(clv_posterior_shift self[2]) {
  for (size_t k = 0; k < 2; k++) {
    free(self[k].gamma);
    self[k].gamma = NULL;
  }
}

void clv_covariates_center(const clv_portfolio *portfolio, clv_customer_columns *c) {
  const size_t n = (size_t)clv_portfolio_facts_get(portfolio)->n_covariate;
  for (size_t k = 0; k < n; k++) {
    const double center = clv_portfolio_covariate(portfolio, k)->center;
    for (uint64_t i = 0; i < c->n; i++) c->covariate[i * n + k] -= center;
  }
}
