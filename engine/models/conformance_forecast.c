#include "engine/models/conformance_forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"

enum { N_POINT = 2, SEED = 20050224, PMF_MOST = 2000, TRIED_MOST = 200 };

/* Parameters of one part at the start points. */
typedef struct trial_point {
  double theta[N_POINT][CLV_PARAMETER_MAX];
  double log_likelihood[N_POINT];   /* the model's */
  bool   has_likelihood, is_scalar; /* no parameter differs by segment */
} trial_point;

/* Both kinds of tables, as far as they are alike. */
typedef struct part {
  const char        *name;
  size_t             n_parameter;
  const char *const *parameter;
  double (*log_likelihood)(const double *theta, const clv_customer *who);
  double (*gradient)(const double *theta, const clv_customer *who, double *by_theta);
} part;

static clv_status variable_find(const clv_model *model, const part *of, size_t k, size_t *at,
                                size_t *length) {
  const size_t n = model->ops->n_variable(model->self);
  *at            = 0;
  for (size_t i = 0; i < n; i++) {
    clv_variable v;
    model->ops->variable(model->self, i, &v);
    *length = v.length;
    if (strcmp(v.name, of->parameter[k]) == 0) return CLV_OK;
    *at += v.length;
  }
  return clv_fail(CLV_EUSAGE, "table %s: its parameter %s is no variable of the model", of->name,
                  of->parameter[k]);
}

static double likelihood_at(const clv_comm *comm, const clv_model *model, const double *phi, double *sum) {
  const clv_summand what = {.self    = model->self,
                            .n_block = model->ops->n_block == NULL ? 0 : model->ops->n_block(model->self),
                            .n_sum   = model->ops->n_sum(model->self),
                            .n_dim   = model->ops->n_dim(model->self),
                            .block   = model->ops->block};
  clv_accumulator  *sums = NULL;
  if (model->ops->log_likelihood == NULL || clv_accumulator_new(comm, &what, 1, &sums) < 0) return NAN;
  CLV_CHECK(clv_accumulator_evaluate(sums, 1, phi, sum) == CLV_OK);
  clv_accumulator_free(&sums);
  return model->ops->log_likelihood(model->self, phi, sum);
}

static clv_status points_make(const clv_comm *comm, const clv_model *model, const part *of,
                              trial_point *out) {
  const size_t dim = model->ops->n_dim(model->self), n_value = clv_model_n_value(model);
  double      *room = NULL;
  clv_status   st =
      clv_calloc(dim + n_value + model->ops->n_sum(model->self) + 1, sizeof *room, (void **)&room);
  *out = (trial_point){.is_scalar = true, .has_likelihood = model->ops->log_likelihood != NULL};
  if (st < 0) return st;
  for (uint32_t p = 0; p < N_POINT; p++) {
    clv_model_start(model, SEED, p, room);
    model->ops->constrain(model->self, room, room + dim);
    out->log_likelihood[p] = likelihood_at(comm, model, room, room + dim + n_value);
    for (size_t k = 0; k < of->n_parameter; k++) {
      size_t at = 0, length = 0;
      CLV_TRY(variable_find(model, of, k, &at, &length));
      out->theta[p][k] = room[dim + at];
      out->is_scalar   = out->is_scalar && length == 1;
    }
  }
out:
  free(room);
  return st;
}

/* ---- what both kinds promise ---- */

static double slope_at(const part *of, const double *theta, size_t k, const clv_customer *who) {
  double       moved[CLV_PARAMETER_MAX], wide[2];
  const double h = 1e-4 * (fabs(theta[k]) + 1e-3);
  memcpy(moved, theta, sizeof moved);
  for (int half = 0; half < 2; half++) {
    const double step = half ? 0.5 * h : h;
    moved[k]          = theta[k] + step;
    const double up   = of->log_likelihood(moved, who);
    moved[k]          = theta[k] - step;
    wide[half]        = (up - of->log_likelihood(moved, who)) / (2.0 * step);
  }
  return (4.0 * wide[1] - wide[0]) / 3.0;
}

static clv_status gradients_check(const part *of, const clv_forecast_trial *t, const trial_point *at) {
  for (size_t i = 0; i < t->n && i < TRIED_MOST; i++) {
    double       by_theta[CLV_PARAMETER_MAX];
    const double value = of->gradient(at->theta[0], &t->who[i], by_theta);
    if (!isfinite(value))
      return clv_fail(CLV_EUSAGE, "table %s: a customer's log-likelihood is %g", of->name, value);
    for (size_t k = 0; k < of->n_parameter; k++) {
      const double slope = slope_at(of, at->theta[0], k, &t->who[i]),
                   noise = 1e-11 * (1.0 + fabs(value)) / (1e-4 * (fabs(at->theta[0][k]) + 1e-3));
      if (!(fabs(slope - by_theta[k]) <= 1e-6 * (1.0 + fabs(slope)) + noise))
        return clv_fail(CLV_EUSAGE, "table %s: the gradient in %s is %.10g, finite differences give %.10g",
                        of->name, of->parameter[k], by_theta[k], slope);
    }
  }
  return CLV_OK;
}

/* Differences between two points: what moves no parameter may be left out of either. */
static clv_status likelihoods_check(const part *of, const clv_forecast_trial *t, const trial_point *at) {
  double each = 0.0, size = 0.0;
  for (size_t i = 0; i < t->n; i++) {
    const double one = of->log_likelihood(at->theta[0], &t->who[i]),
                 two = of->log_likelihood(at->theta[1], &t->who[i]);
    each += one - two;
    size += fabs(one) + fabs(two);
  }
  const double whole = at->log_likelihood[0] - at->log_likelihood[1];
  if (!(fabs(each - whole) <= 1e-9 * (1.0 + size)))
    return clv_fail(
        CLV_EUSAGE,
        "table %s: between two points the customers' log-likelihoods change by %.10g, the model's by %.10g",
        of->name, each, whole);
  return CLV_OK;
}

/* ---- purchases ---- */

static clv_status counts_check(const clv_process_ops *p, const double *theta, double length) {
  double all = 0.0, mean = 0.0;
  for (uint32_t n = 0; n < PMF_MOST; n++) {
    const double one = p->pmf_new(theta, n, length);
    if (!(one >= 0.0 && one <= 1.0))
      return clv_fail(CLV_EUSAGE, "table %s: pmf_new is %g for %u purchases", p->name, one, n);
    all += one, mean += n * one;
  }
  const double expected = p->expected_new(theta, length);
  if (!(fabs(all - 1.0) < 1e-6))
    return clv_fail(CLV_EUSAGE, "table %s: pmf_new adds up to %.8g", p->name, all);
  if (!(fabs(mean - expected) < 1e-4 * (1.0 + expected)))
    return clv_fail(CLV_EUSAGE, "table %s: expected_new is %.8g, the mean of pmf_new %.8g", p->name, expected,
                    mean);
  return CLV_OK;
}

static clv_status alive_check(const clv_process_ops *p, const clv_forecast_trial *t, const double *theta) {
  for (size_t i = 0; i < t->n && i < TRIED_MOST; i++) {
    double       updated[CLV_PARAMETER_MAX] = {0};
    const double alive                      = p->p_alive(theta, &t->who[i]);
    p->update(theta, &t->who[i], updated);
    const double soon = p->expected(updated, 0.5 * t->length), later = p->expected(updated, t->length);
    const double less = p->discounted(updated, 0.01, t->length);
    if (!(alive >= 0.0 && alive <= 1.0))
      return clv_fail(CLV_EUSAGE, "table %s: p_alive is %g", p->name, alive);
    if (!(soon >= 0.0 && later >= soon && isfinite(later)))
      return clv_fail(CLV_EUSAGE, "table %s: expected purchases are %g and, over twice the time, %g", p->name,
                      soon, later);
    if (!(less >= 0.0 && less <= later * (1.0 + 1e-6) + 1e-9))
      return clv_fail(CLV_EUSAGE, "table %s: discounted purchases are %g, undiscounted ones %g", p->name,
                      less, later);
  }
  return CLV_OK;
}

/* ---- spend ---- */

static clv_status spends_check(const clv_spend_ops *s, const clv_forecast_trial *t, const double *theta) {
  for (size_t i = 0; i < t->n && i < TRIED_MOST; i++) {
    const double spend = s->expected(theta, &t->who[i]);
    if (!(spend >= 0.0))
      return clv_fail(CLV_EUSAGE,
                      "table %s: the expected spend is %g; infinity is allowed where it does not exist",
                      s->name, spend);
  }
  return CLV_OK;
}

/* ---- the report ---- */

static bool part_run(const clv_comm *comm, const clv_forecast_trial *t, const part *of, trial_point *at,
                     clv_conformance_report *report) {
  const clv_status st = points_make(comm, t->model, of, at);
  clv_conformance_add(report, "forecasts: parameters are variables", st);
  if (st < 0) return false;
  clv_conformance_add(report, "forecasts: gradient of a customer", gradients_check(of, t, at));
  if (t->is_all && at->has_likelihood && at->is_scalar)
    clv_conformance_add(report, "forecasts: likelihood is the model's", likelihoods_check(of, t, at));
  return true;
}

clv_status clv_conformance_forecast(const clv_comm *comm, const clv_forecast_trial *t,
                                    clv_conformance_report *report) {
  trial_point at;
  if (t->process != NULL) {
    const clv_process_ops *p  = t->process;
    const part             of = {p->name, p->n_parameter, p->parameter, p->log_likelihood, p->gradient};
    if (part_run(comm, t, &of, &at, report)) {
      clv_conformance_add(report, "forecasts: P(alive) and purchases", alive_check(p, t, at.theta[0]));
      clv_conformance_add(report, "forecasts: probabilities of counts",
                          counts_check(p, at.theta[0], t->length));
    }
  }
  if (t->spend != NULL) {
    const clv_spend_ops *s  = t->spend;
    const part           of = {s->name, s->n_parameter, s->parameter, s->log_likelihood, s->gradient};
    if (part_run(comm, t, &of, &at, report))
      clv_conformance_add(report, "forecasts: spend", spends_check(s, t, at.theta[0]));
  }
  return clv_conformance_fault(report);
}
