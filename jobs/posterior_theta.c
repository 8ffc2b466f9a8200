#include "jobs/posterior_theta.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/pooled.h"
#include "engine/posterior/diagnostics.h"

static const clv_trace_variable *variable_find(const clv_draws *draws, const char *name) {
  for (size_t i = 0; i < draws->n_variable; i++)
    if (strcmp(draws->variable[i].name, name) == 0) return &draws->variable[i];
  return NULL;
}

static clv_status parameter_take(const clv_draws *draws, const char *name, size_t k, clv_theta *to) {
  const clv_trace_variable *variable = variable_find(draws, name);
  const long                offset   = clv_draws_find(draws, name);
  const size_t              all      = draws->n_chain * draws->n_draw;
  if (variable == NULL ||
      (variable->length != 1 && variable->length != to->n_segment && variable->length + 1 != to->n_segment))
    return clv_fail(CLV_EDATA,
                    "the trace has no variable '%s' for this model and portfolio; run clv fit again", name);
  for (size_t s = 0; s < to->n_draw; s++) {
    const double *row = draws->value + s * all / to->n_draw * draws->n_value + (size_t)offset;
    for (size_t g = 0; g < to->n_segment; g++)
      if (variable->length == 1 || g < variable->length)
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

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n > m && strcmp(text + n - m, end) == 0;
}

bool clv_theta_has_population(const clv_draws *draws) {
  for (size_t i = 0; i < draws->n_variable; i++)
    if (ends_with(draws->variable[i].name, CLV_POPULATION)) return true;
  return false;
}

static clv_status population_find(const clv_draws *draws, const char *name, long *centre, long *spread) {
  char text[CLV_NAME_MAX + sizeof CLV_POPULATION];
  snprintf(text, sizeof text, "%.32s" CLV_POPULATION, name);
  *centre = clv_draws_find(draws, text);
  snprintf(text, sizeof text, CLV_TAU "%.32s", name);
  *spread = clv_draws_find(draws, text);
  if (*centre >= 0 && *spread >= 0) return CLV_OK;
  return clv_fail(CLV_EDATA,
                  "the trace has no '%.64s', which a fit with model.pooling: partial has; run clv fit again",
                  text);
}

clv_status clv_theta_new_segment(const clv_draws *draws, const clv_coordinates *coordinates, uint64_t seed,
                                 unsigned part, clv_theta *theta) {
  const size_t n = theta->n_parameter, all = draws->n_chain * draws->n_draw;
  long         centre[CLV_SEGMENT_PARAMETER_MAX], spread[CLV_SEGMENT_PARAMETER_MAX];
  clv_status   st = CLV_OK;
  CLV_CHECK(coordinates != NULL && coordinates->n == n);
  for (size_t k = 0; k < n; k++)
    CLV_TRY(population_find(draws, coordinates->parameter[k], &centre[k], &spread[k]));
  for (size_t s = 0; s < theta->n_draw; s++) {
    const size_t  at  = s * all / theta->n_draw;
    const double *row = draws->value + at * draws->n_value;
    double        population[CLV_SEGMENT_PARAMETER_MAX], tau[CLV_SEGMENT_PARAMETER_MAX];
    clv_rng       rng = clv_rng_at(seed, CLV_RNG_SEGMENT, part, (uint32_t)(at / draws->n_draw),
                                   (uint32_t)(at % draws->n_draw));
    for (size_t k = 0; k < n; k++) population[k] = row[centre[k]], tau[k] = row[spread[k]];
    clv_pooled_new_segment(coordinates, population, tau, &rng,
                           theta->value + (s * theta->n_segment + theta->n_segment - 1) * n);
  }
out:
  return st;
}

double clv_draws_efficiency(const clv_draws *draws, size_t n_used) {
  double sum = 0.0, n = 0.0;
  for (size_t i = 0; i < draws->n_value; i++) {
    const clv_series series = {.data         = draws->value + i,
                               .n_chain      = draws->n_chain,
                               .n_draw       = draws->n_draw,
                               .chain_stride = draws->n_draw * draws->n_value,
                               .draw_stride  = draws->n_value};
    const double     ess    = clv_ess_mean(&series);
    if (!isnan(ess)) sum += ess, n += 1.0;
  }
  return n > 0.0 ? fmin(sum / n / (double)n_used, 1.0) : 1.0;
}

clv_status clv_theta_new_means(const clv_draws *draws, const char *const *name, uint64_t seed,
                               clv_theta *theta) {
  const size_t n = theta->n_parameter, all = draws->n_chain * draws->n_draw;
  long         centre, spread;
  clv_status   st = CLV_OK;
  for (size_t k = 0; k < n; k++) {
    if (variable_find(draws, name[k])->length == 1) continue; /* shared by the segments */
    CLV_TRY(population_find(draws, name[k], &centre, &spread));
    for (size_t s = 0; s < theta->n_draw; s++) {
      const size_t  at  = s * all / theta->n_draw;
      const double *row = draws->value + at * draws->n_value;
      clv_rng       rng = clv_rng_at(seed, CLV_RNG_SEGMENT, 2 + k, (uint32_t)(at / draws->n_draw),
                                     (uint32_t)(at % draws->n_draw));
      theta->value[(s * theta->n_segment + theta->n_segment - 1) * n + k] =
          row[centre] + row[spread] * clv_rng_normal(&rng);
    }
  }
out:
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
