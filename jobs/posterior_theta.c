#include "jobs/posterior_theta.h"

#include <stdlib.h>
#include <string.h>

static const clv_trace_variable *variable_find(const clv_draws *draws, const char *name) {
  for (size_t i = 0; i < draws->n_variable; i++)
    if (strcmp(draws->variable[i].name, name) == 0) return &draws->variable[i];
  return NULL;
}

static clv_status parameter_take(const clv_draws *draws, const char *name, size_t k, clv_theta *to) {
  const clv_trace_variable *variable = variable_find(draws, name);
  const long                offset   = clv_draws_find(draws, name);
  const size_t              all      = draws->n_chain * draws->n_draw;
  if (variable == NULL || (variable->length != 1 && variable->length != to->n_segment))
    return clv_fail(CLV_EDATA,
                    "the trace has no variable '%s' for this model and portfolio; run clv fit again", name);
  for (size_t s = 0; s < to->n_draw; s++) {
    const double *row = draws->value + s * all / to->n_draw * draws->n_value + (size_t)offset;
    for (size_t g = 0; g < to->n_segment; g++)
      to->value[(s * to->n_segment + g) * to->n_parameter + k] = row[variable->length == 1 ? 0 : g];
  }
  return CLV_OK;
}

clv_status clv_theta_take(const clv_draws *draws, const char *const *name, size_t n_parameter,
                          size_t n_segment, size_t most, clv_theta *out) {
  const size_t all = draws->n_chain * draws->n_draw;
  clv_theta  theta = {.n_draw = all < most ? all : most, .n_segment = n_segment, .n_parameter = n_parameter};
  clv_status st    = CLV_OK;
  if (all == 0) return clv_fail(CLV_EDATA, "the trace holds no draws yet; let clv fit finish");
  CLV_TRY(clv_alloc(theta.n_draw, n_segment * n_parameter * sizeof *theta.value, (void **)&theta.value));
  for (size_t k = 0; k < n_parameter; k++) CLV_TRY(parameter_take(draws, name[k], k, &theta));
  *out  = theta;
  theta = (clv_theta){0};
out:
  clv_theta_free(&theta);
  return st;
}

void clv_theta_free(clv_theta *self) {
  free(self->value);
  *self = (clv_theta){0};
}

clv_status clv_theta_check(const clv_comm *comm, const char *trace, const clv_portfolio *portfolio) {
  char      *fitted = NULL;
  clv_status st     = clv_trace_attribute_read(comm, trace, "portfolio", &fitted);
  if (st < 0) return st;
  if (strcmp(fitted, clv_portfolio_facts_get(portfolio)->content) != 0)
    st = clv_fail(CLV_EDATA, "'%s' was fitted to another portfolio than the one beside it; run clv fit again",
                  trace);
  free(fitted);
  return st;
}
