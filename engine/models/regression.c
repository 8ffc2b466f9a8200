#include "engine/models/regression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/coefficients.h"

enum {
  MOST          = CLV_SEGMENT_PARAMETER_MAX,
  SEGMENTS_MOST = CLV_SEGMENT_MAX,
  VALUES_MOST   = (SEGMENTS_MOST + 2) * MOST /* a population's beside the segments' */
};

struct clv_regression {
  clv_model          inner;   /* owned: the hierarchy */
  clv_shifted        shifted; /* owned */
  clv_coefficients   coefficients;
  clv_likelihood_ops stand_in;   /* the table of the likelihood that the hierarchy has */
  bool               is_wrapped; /* then sums are values and gradients that were finished before */
  bool               is_refined; /* from another, whose hierarchy it borrows */
  const char *const *parameter;
  size_t             first_value[MOST]; /* of each natural parameter among the hierarchy's values */
  size_t             n_dim, n_value;    /* of the hierarchy */
};

void clv_regression_free(clv_regression **self) {
  clv_regression *r = *self;
  *self             = NULL;
  if (r == NULL) return;
  if (!r->is_refined) clv_model_free(&r->inner);
  if (r->shifted.ops != NULL) r->shifted.ops->free(r->shifted.self);
  free(r);
}

/* ---- the likelihood that the hierarchy is built on ---- */

static const double NONE[CLV_EFFECT_MAX * CLV_COLUMN_MAX];

static size_t stand_in_n_block(const void *self) {
  const clv_regression *r = self;
  return r->shifted.ops->n_block(r->shifted.self);
}

/* The tail, a gradient in coefficients, has no room in the sums of a likelihood. */
static void stand_in_block(const void *self, size_t block, size_t n_chain, const double *theta, double *sum) {
  const clv_regression *r     = self;
  const size_t          n     = r->shifted.n_segment * r->coefficients.shifts.n_parameter;
  const size_t          width = r->shifted.n_segment * r->shifted.n_term;
  double                own[SEGMENTS_MOST * (1 + MOST) + CLV_EFFECT_MAX * CLV_COLUMN_MAX];
  for (size_t c = 0; c < n_chain; c++) {
    double *to = r->shifted.n_tail > 0 ? own : sum + c * width;
    if (to == own) memset(own, 0, (width + r->shifted.n_tail) * sizeof *own);
    r->shifted.ops->block(r->shifted.self, block, theta + c * n, NONE, to);
    for (size_t k = 0; to == own && k < width; k++) sum[c * width + k] += own[k];
  }
}

static double stand_in_finish(const void *self, size_t segment, const double *theta, const double *sum,
                              double *gradient) {
  const clv_regression *r = self;
  double                ignored[CLV_EFFECT_MAX * CLV_COLUMN_MAX];
  if (!r->is_wrapped)
    return r->shifted.ops->finish(r->shifted.self, segment, theta, NONE, sum, gradient, ignored);
  memcpy(gradient, sum + 1, r->coefficients.shifts.n_parameter * sizeof *gradient);
  return sum[0];
}

/* ---- the model ---- */

static size_t regression_n_dim(const void *self) {
  const clv_regression *r = self;
  return r->n_dim + r->coefficients.shifts.n_coefficient;
}

static size_t regression_n_sum(const void *self) {
  const clv_shifted *s = &((const clv_regression *)self)->shifted;
  return s->n_segment * s->n_term + s->n_tail;
}

/* Natural parameters of all segments, [n_segment][n_parameter], out of the hierarchy's values. */
static void segments_theta(const clv_regression *r, const double *phi, double *value, double *theta) {
  const size_t n = r->coefficients.shifts.n_parameter;
  r->inner.ops->constrain(r->inner.self, phi, value);
  for (size_t g = 0; g < r->shifted.n_segment; g++)
    for (size_t k = 0; k < n; k++) theta[g * n + k] = value[r->first_value[k] + g];
}

static void regression_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const clv_regression *r     = self;
  const size_t          n_dim = regression_n_dim(self), n_sum = regression_n_sum(self);
  double                value[VALUES_MOST], theta[SEGMENTS_MOST * MOST];
  for (size_t c = 0; c < n_chain; c++) {
    segments_theta(r, phi + c * n_dim, value, theta);
    r->shifted.ops->block(r->shifted.self, block, theta, phi + c * n_dim + r->n_dim, sum + c * n_sum);
  }
}

/* Values and gradients as the stand-in hands them on, [n_segment][1 + n_parameter]. @return the
 * log-likelihood */
static double segments_finish(const clv_regression *r, const double *phi, const double *sum, double *done,
                              double *by_gamma) {
  const clv_shifted *s = &r->shifted;
  const size_t       n = r->coefficients.shifts.n_parameter, tail = s->n_segment * s->n_term;
  double             value[VALUES_MOST], theta[SEGMENTS_MOST * MOST], total = 0.0;
  segments_theta(r, phi, value, theta);
  for (size_t c = 0; c < r->coefficients.shifts.n_coefficient; c++)
    by_gamma[c] = s->n_tail > 0 ? sum[tail + c] : 0.0;
  for (size_t g = 0; g < s->n_segment; g++) {
    double *to = done + g * (1 + n);
    to[0] = s->ops->finish(s->self, g, theta + g * n, phi + r->n_dim, sum + g * s->n_term, to + 1, by_gamma);
    total += to[0];
  }
  return total;
}

static void regression_finish(const void *self, const double *phi, const double *sum, double *log_density,
                              double *gradient) {
  const clv_regression *r        = self;
  double               *by_gamma = gradient + r->n_dim;
  double                done[SEGMENTS_MOST * (1 + MOST)];
  (void)segments_finish(r, phi, sum, done, by_gamma);
  r->inner.ops->finish(r->inner.self, phi, done, log_density, gradient);
  *log_density += clv_coefficients_prior(&r->coefficients, phi + r->n_dim, by_gamma);
  if (*log_density == INFINITY) *log_density = NAN;
}

static double regression_log_likelihood(const void *self, const double *phi, const double *sum) {
  const clv_regression *r = self;
  double                done[SEGMENTS_MOST * (1 + MOST)];
  double                by_gamma[CLV_EFFECT_MAX * CLV_COLUMN_MAX];
  return segments_finish(r, phi, sum, done, by_gamma);
}

static size_t regression_n_variable(const void *self) {
  const clv_regression *r = self;
  return r->inner.ops->n_variable(r->inner.self) + clv_coefficients_n_variable(&r->coefficients);
}

static void regression_variable(const void *self, size_t i, clv_variable *out) {
  const clv_regression *r = self;
  const size_t          n = r->inner.ops->n_variable(r->inner.self);
  if (i < n)
    r->inner.ops->variable(r->inner.self, i, out);
  else
    clv_coefficients_variable(&r->coefficients, i - n, out);
}

static void regression_constrain(const void *self, const double *phi, double *value) {
  const clv_regression *r = self;
  r->inner.ops->constrain(r->inner.self, phi, value);
  clv_coefficients_constrain(&r->coefficients, phi + r->n_dim, value + r->n_value);
}

static void regression_start(const void *self, clv_rng *rng, double *phi) {
  const clv_regression *r = self;
  r->inner.ops->start(r->inner.self, rng, phi);
  clv_coefficients_start(&r->coefficients, rng, phi + r->n_dim);
}

static void regression_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const clv_regression *r = self;
  r->inner.ops->prior_draw(r->inner.self, rng, phi);
  clv_coefficients_draw(&r->coefficients, rng, phi + r->n_dim);
}

static int regression_prior_line(const void *self, size_t i, char *line, size_t size) {
  const clv_regression *r = self;
  size_t                n = 0;
  if (r->inner.ops->prior_line(r->inner.self, i, line, size)) return 1;
  while (r->inner.ops->prior_line(r->inner.self, n, line, size)) n++;
  return clv_coefficients_line(&r->coefficients, i - n, line, size);
}

static size_t regression_n_block(const void *self) { return stand_in_n_block(self); }

static void regression_release(void *self) {
  clv_regression *r = self;
  clv_regression_free(&r);
}

static clv_status regression_refined(const void *self, clv_model *out);

static const clv_model_ops REGRESSION = {
    .abi            = CLV_MODEL_ABI,
    .name           = "regression",
    .n_dim          = regression_n_dim,
    .n_sum          = regression_n_sum,
    .n_block        = regression_n_block,
    .block          = regression_block,
    .finish         = regression_finish,
    .n_variable     = regression_n_variable,
    .variable       = regression_variable,
    .constrain      = regression_constrain,
    .start          = regression_start,
    .prior_draw     = regression_prior_draw,
    .prior_line     = regression_prior_line,
    .log_likelihood = regression_log_likelihood,
    .refined        = regression_refined,
    .free           = regression_release,
};

/* The hierarchy reads values and gradients that were finished before, whoever made them. */
static clv_status regression_refined(const void *self, clv_model *out) {
  const clv_regression *from = self;
  clv_regression       *r    = NULL;
  clv_status            st   = CLV_OK;
  if (from->shifted.ops->refined == NULL) return CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *r, (void **)&r));
  *r              = *from;
  r->is_refined   = true;
  r->shifted.self = NULL;
  CLV_TRY(from->shifted.ops->refined(from->shifted.self, &r->shifted.self));
  *out = (clv_model){.ops = &REGRESSION, .self = r};
  r    = NULL;
out:
  clv_regression_free(&r);
  return st;
}

/* ---- making them ---- */

static clv_status regression_new(const clv_regression_plan *plan, const clv_coefficients *coefficients,
                                 clv_regression **out) {
  clv_regression *r  = NULL;
  clv_status      st = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *r, (void **)&r));
  r->coefficients = *coefficients;
  r->parameter    = plan->parameter;
  *out = r, r = NULL;
out:
  clv_regression_free(&r);
  return st;
}

static clv_status shifted_new(const clv_regression_plan *plan, clv_regression *r) {
  clv_shifted_plan data = plan->data;
  clv_status       st   = CLV_OK;
  data.shifts           = &r->coefficients.shifts;
  data.covariates       = plan->covariates;
  if (data.make_shifted != NULL) return data.make_shifted(&data, &r->shifted);
  CLV_TRY(clv_shifted_groups_new(&data, &r->shifted));
  if (r->shifted.ops == NULL) CLV_TRY(clv_comm_agree(data.comm, clv_shifted_rows_new(&data, &r->shifted)));
out:
  return st;
}

clv_status clv_regression_likelihood(const clv_regression_plan *plan, clv_regression **regression,
                                     clv_likelihood *out) {
  const clv_coefficients_plan of = {plan->covariates, plan->priors, plan->n_parameter, plan->n_effect,
                                    plan->effect};
  clv_regression             *r  = NULL;
  clv_coefficients            coefficients;
  clv_status                  st = CLV_OK;
  CLV_TRY(clv_coefficients_make(&of, &coefficients)); /* the same on every rank */
  if (coefficients.shifts.n_coefficient == 0)
    return plan->data.make(plan->data.context, plan->data.n_segment, plan->data.segment, out);
  CLV_CHECK(plan->data.n_segment <= SEGMENTS_MOST);
  CLV_TRY(clv_comm_agree(plan->data.comm, regression_new(plan, &coefficients, &r)));
  CLV_TRY(shifted_new(plan, r));
  r->stand_in = (clv_likelihood_ops){.n_parameter = plan->n_parameter,
                                     .n_term      = r->shifted.n_term,
                                     .n_block     = stand_in_n_block,
                                     .block       = stand_in_block,
                                     .finish      = stand_in_finish};
  *out        = (clv_likelihood){.ops = &r->stand_in, .self = r, .n_segment = plan->data.n_segment};
  *regression = r, r = NULL;
out:
  clv_regression_free(&r);
  return st;
}

void clv_regression_wrap(clv_regression **regression, clv_model *model) {
  clv_regression *r = *regression;
  if (r == NULL) return;
  const clv_model_ops *ops = model->ops;
  r->n_dim                 = ops->n_dim(model->self);
  r->n_value               = clv_model_n_value(model);
  for (size_t k = 0; k < r->coefficients.shifts.n_parameter; k++) {
    clv_variable v = {0};
    size_t       i = 0;
    for (;; i++) {
      ops->variable(model->self, i, &v);
      if (strcmp(v.name, r->parameter[k]) == 0) break;
      r->first_value[k] += v.length;
    }
    CLV_CHECK(v.length == r->shifted.n_segment);
  }
  CLV_CHECK(r->n_value <= VALUES_MOST);
  r->inner           = *model;
  r->is_wrapped      = true;
  r->stand_in.n_term = 1 + r->coefficients.shifts.n_parameter;
  *model             = (clv_model){.ops = &REGRESSION, .self = r};
  *regression        = NULL;
}
