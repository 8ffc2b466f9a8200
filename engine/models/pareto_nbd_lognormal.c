#include "engine/models/pareto_nbd_lognormal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/lognormal_segments.h"
#include "engine/models/lognormal_terms.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/pinned.h"

typedef struct lognormal {
  unsigned               refine; /* halves the grid's steps so many times */
  clv_lognormal_segments segments;
  clv_coefficients       coefficients; /* of covariates */
  clv_lognormal_terms   *terms;        /* owned */
  bool                   is_borrower;  /* of both: refined from another model */
} lognormal;

static size_t n_segments_dim(const lognormal *m) { return clv_lognormal_segments_n_dim(&m->segments); }
static size_t n_segments_variable(const lognormal *m) {
  return clv_lognormal_segments_n_variable(&m->segments);
}

/* Of a segment. */
static size_t n_own_sum(const lognormal *m) { return clv_lognormal_terms_n_sum(m->segments.population.n); }

static size_t lognormal_n_dim(const void *self) {
  const lognormal *m = self;
  return n_segments_dim(m) + m->coefficients.shifts.n_coefficient;
}
static size_t lognormal_n_sum(const void *self) {
  const lognormal *m = self;
  return n_own_sum(m) * m->segments.n_segment + m->coefficients.shifts.n_coefficient;
}
static size_t lognormal_n_block(const void *self) {
  return clv_lognormal_terms_n_block(((const lognormal *)self)->terms);
}

static void lognormal_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const lognormal *m = self;
  for (size_t c = 0; c < n_chain; c++) {
    const clv_lognormal_view view = {&m->segments, &m->coefficients, m->refine, phi + c * lognormal_n_dim(m)};
    clv_lognormal_terms_block(m->terms, block, &view, sum + c * lognormal_n_sum(m));
  }
}

/* A segment's log-likelihood, and its gradient in the segment's coordinates. */
static double segment_finish(const lognormal *m, const double *phi, size_t g, const double *sum,
                             double *gradient) {
  const clv_lognormal_population *population = &m->segments.population;
  const size_t                    n          = population->n;
  double own[CLV_LOGNORMAL_PARAMETERS], second[CLV_LOGNORMAL_DIMENSIONS * CLV_LOGNORMAL_DIMENSIONS];
  clv_lognormal_point   at;
  clv_lognormal_moments moments;
  clv_lognormal_segments_place(&m->segments, phi, g, own);
  clv_lognormal_population_at(population, own, &at);
  clv_lognormal_terms_moments(n, sum, &moments);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) second[i * n + j] = moments.second[i][j];
  clv_lognormal_population_score(population, &at, moments.first, second, gradient);
  if (n == 3) gradient[population->n_parameter - 1] += moments.within;
  return sum[0];
}

static void lognormal_finish(const void *self, const double *phi, const double *sum, double *log_density,
                             double *gradient) {
  const lognormal *m = self;
  const size_t     n = m->segments.n_segment, width = m->segments.population.n_parameter;
  double *own = calloc(n * width, sizeof *own), total = 0.0, *by_gamma = gradient + n_segments_dim(m);
  *log_density = NAN;
  if (own == NULL) return;
  for (size_t g = 0; g < n; g++) total += segment_finish(m, phi, g, sum + g * n_own_sum(m), own + g * width);
  total += clv_lognormal_segments_prior(&m->segments, phi, own, gradient);
  memcpy(by_gamma, sum + n * n_own_sum(m), m->coefficients.shifts.n_coefficient * sizeof *by_gamma);
  total += clv_coefficients_prior(&m->coefficients, phi + n_segments_dim(m), by_gamma);
  if (total != INFINITY) *log_density = total;
  free(own);
}

static double lognormal_log_likelihood(const void *self, const double *phi, const double *sum) {
  const lognormal *m     = self;
  double           total = 0.0;
  (void)phi;
  for (size_t g = 0; g < m->segments.n_segment; g++) total += sum[g * n_own_sum(m)];
  return total;
}

static size_t lognormal_n_variable(const void *self) {
  const lognormal *m = self;
  return n_segments_variable(m) + clv_coefficients_n_variable(&m->coefficients);
}

static void lognormal_variable(const void *self, size_t i, clv_variable *out) {
  const lognormal *m = self;
  const size_t     n = n_segments_variable(m);
  if (i < n)
    clv_lognormal_segments_variable(&m->segments, i, out);
  else
    clv_coefficients_variable(&m->coefficients, i - n, out);
}

static void lognormal_constrain(const void *self, const double *phi, double *value) {
  const lognormal *m = self;
  clv_variable     v;
  clv_lognormal_segments_constrain(&m->segments, phi, value);
  for (size_t i = 0; i < n_segments_variable(m); i++) {
    clv_lognormal_segments_variable(&m->segments, i, &v);
    value += v.length;
  }
  clv_coefficients_constrain(&m->coefficients, phi + n_segments_dim(m), value);
}

static void lognormal_start(const void *self, clv_rng *rng, double *phi) {
  const lognormal *m = self;
  clv_lognormal_segments_start(&m->segments, rng, phi);
  clv_coefficients_start(&m->coefficients, rng, phi + n_segments_dim(m));
}

static void lognormal_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const lognormal *m = self;
  clv_lognormal_segments_draw(&m->segments, rng, phi);
  clv_coefficients_draw(&m->coefficients, rng, phi + n_segments_dim(m));
}

static int lognormal_prior_line(const void *self, size_t i, char *line, size_t size) {
  const lognormal *m = self;
  size_t           n = 0;
  if (clv_lognormal_segments_line(&m->segments, i, line, size)) return 1;
  while (clv_lognormal_segments_line(&m->segments, n, line, size)) n++;
  return clv_coefficients_line(&m->coefficients, i - n, line, size);
}

static void lognormal_free(void *self) {
  lognormal *m = self;
  if (m != NULL && !m->is_borrower) {
    clv_lognormal_terms_free(&m->terms);
    clv_lognormal_segments_free(&m->segments);
  }
  free(m);
}

static clv_status lognormal_refined(const void *self, clv_model *out);

static const clv_model_ops LOGNORMAL = {
    .abi            = CLV_MODEL_ABI,
    .name           = "pareto_nbd_lognormal",
    .n_dim          = lognormal_n_dim,
    .n_sum          = lognormal_n_sum,
    .n_block        = lognormal_n_block,
    .block          = lognormal_block,
    .finish         = lognormal_finish,
    .n_variable     = lognormal_n_variable,
    .variable       = lognormal_variable,
    .constrain      = lognormal_constrain,
    .start          = lognormal_start,
    .prior_draw     = lognormal_prior_draw,
    .prior_line     = lognormal_prior_line,
    .log_likelihood = lognormal_log_likelihood,
    .refined        = lognormal_refined,
    .free           = lognormal_free,
};

static clv_status lognormal_refined(const void *self, clv_model *out) {
  lognormal *m  = NULL;
  clv_status st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st < 0) return st;
  *m             = *(const lognormal *)self;
  m->is_borrower = true;
  m->refine++;
  *out = (clv_model){.ops = &LOGNORMAL, .self = m};
  return CLV_OK;
}

/* Mean over customers of the mean logs of their amounts; 0 where there are none. Collective. */
static clv_status mean_log_spend(const clv_purchase_data *data, const clv_lognormal_amounts *amounts,
                                 double *mean) {
  clv_exact_sum *sum = NULL;
  double         total[2];
  clv_status     st = clv_comm_agree(data->comm, clv_exact_sum_new(2, &sum));
  if (st < 0) goto out;
  for (size_t i = 0; i < (size_t)(data->cells->blocks.last - data->cells->blocks.first); i++)
    if (amounts[i].n > 0.0) clv_exact_sum_add(sum, (double[]){1.0, amounts[i].mean_log});
  CLV_TRY(clv_exact_sum_total(sum, data->comm, total));
  *mean = total[0] > 0.0 ? total[1] / total[0] : 0.0;
out:
  clv_exact_sum_free(&sum);
  return st;
}

/* @param process  that of the model's dimensions  @param centre  [n] of the means' priors */
static clv_status lognormal_new(const clv_purchase_data *data, const clv_lognormal_amounts *amounts,
                                const clv_process_ops *process, const double *centre, clv_model *out) {
  const clv_coefficients_plan of = {data->cells->covariates, data->priors, process->n_parameter,
                                    process->n_effect, process->effect};
  lognormal                  *m  = NULL;
  clv_status                  st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) st = clv_coefficients_make(&of, &m->coefficients);
  if (st == CLV_OK) st = clv_lognormal_terms_new(data->cells, amounts, &m->terms);
  CLV_TRY(clv_comm_agree(data->comm, st));
  CLV_TRY(clv_lognormal_segments_make(data->comm, amounts == NULL ? 2 : 3, centre, data->cells, data->priors,
                                      &m->segments));
  *out = (clv_model){.ops = &LOGNORMAL, .self = m};
  m    = NULL;
out:
  lognormal_free(m);
  return st;
}

clv_status clv_pareto_nbd_lognormal_new(const clv_purchase_data *data, clv_model *out) {
  double     age = 1.0;
  clv_status st  = CLV_OK;
  CLV_TRY(clv_mean_age(data->comm, data->cells, &age));
  CLV_TRY(lognormal_new(data, NULL, &CLV_PARETO_NBD_LOGNORMAL_PROCESS,
                        (double[]){-clv_log(age), -clv_log(age)}, out));
out:
  return st;
}

clv_status clv_pareto_nbd_lognormal_spend_new(const clv_purchase_data     *data,
                                              const clv_lognormal_amounts *amounts, clv_model *out) {
  double     age = 1.0, spend = 0.0;
  clv_status st = CLV_OK;
  CLV_TRY(clv_mean_age(data->comm, data->cells, &age));
  CLV_TRY(mean_log_spend(data, amounts, &spend));
  CLV_TRY(lognormal_new(data, amounts, &CLV_LOGNORMAL_SPEND_PROCESS,
                        (double[]){-clv_log(age), -clv_log(age), spend}, out));
out:
  return st;
}
