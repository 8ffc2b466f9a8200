#include "engine/models/pareto_nbd_lognormal.h"

#include <math.h>
#include <stdlib.h>

#include "engine/models/lognormal_segments.h"
#include "engine/models/lognormal_terms.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/pinned.h"

enum { N = 2, N_PARAMETER = 5, SUMS = 6 };

typedef struct lognormal {
  unsigned               refine; /* halves the grid's steps so many times */
  clv_lognormal_segments segments;
  clv_lognormal_terms   *terms;       /* owned */
  bool                   is_borrower; /* of both: refined from another model */
} lognormal;

static size_t lognormal_n_dim(const void *self) {
  return clv_lognormal_segments_n_dim(&((const lognormal *)self)->segments);
}
static size_t lognormal_n_sum(const void *self) {
  return SUMS * ((const lognormal *)self)->segments.n_segment;
}
static size_t lognormal_n_block(const void *self) {
  return clv_lognormal_terms_n_block(((const lognormal *)self)->terms);
}

static void lognormal_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const lognormal *m = self;
  for (size_t c = 0; c < n_chain; c++)
    clv_lognormal_terms_block(m->terms, block, &m->segments, m->refine, phi + c * lognormal_n_dim(m),
                              sum + c * lognormal_n_sum(m));
}

static void lognormal_finish(const void *self, const double *phi, const double *sum, double *log_density,
                             double *gradient) {
  const lognormal *m   = self;
  double          *own = calloc(m->segments.n_segment * N_PARAMETER, sizeof *own), total = 0.0;
  *log_density = NAN;
  for (size_t g = 0; own != NULL && g < m->segments.n_segment; g++) {
    const double       *s = sum + g * SUMS, second[N * N] = {s[3], s[5], s[5], s[4]};
    double              phi_g[N_PARAMETER];
    clv_lognormal_point at;
    clv_lognormal_segments_place(&m->segments, phi, g, phi_g);
    clv_lognormal_population_at(&m->segments.population, phi_g, &at);
    clv_lognormal_population_score(&m->segments.population, &at, s + 1, second, own + g * N_PARAMETER);
    total += s[0];
  }
  if (own != NULL) total += clv_lognormal_segments_prior(&m->segments, phi, own, gradient);
  if (own != NULL && total != INFINITY) *log_density = total;
  free(own);
}

static double lognormal_log_likelihood(const void *self, const double *phi, const double *sum) {
  const lognormal *m     = self;
  double           total = 0.0;
  (void)phi;
  for (size_t g = 0; g < m->segments.n_segment; g++) total += sum[g * SUMS];
  return total;
}

static size_t lognormal_n_variable(const void *self) {
  return clv_lognormal_segments_n_variable(&((const lognormal *)self)->segments);
}

static void lognormal_variable(const void *self, size_t i, clv_variable *out) {
  clv_lognormal_segments_variable(&((const lognormal *)self)->segments, i, out);
}

static void lognormal_constrain(const void *self, const double *phi, double *value) {
  clv_lognormal_segments_constrain(&((const lognormal *)self)->segments, phi, value);
}

static void lognormal_start(const void *self, clv_rng *rng, double *phi) {
  clv_lognormal_segments_start(&((const lognormal *)self)->segments, rng, phi);
}

static void lognormal_prior_draw(const void *self, clv_rng *rng, double *phi) {
  clv_lognormal_segments_draw(&((const lognormal *)self)->segments, rng, phi);
}

static int lognormal_prior_line(const void *self, size_t i, char *line, size_t size) {
  return clv_lognormal_segments_line(&((const lognormal *)self)->segments, i, line, size);
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

clv_status clv_pareto_nbd_lognormal_new(const clv_purchase_data *data, clv_model *out) {
  lognormal *m   = NULL;
  double     age = 1.0;
  clv_status st  = CLV_OK;
  CLV_TRY(clv_mean_age(data->comm, data->cells, &age));
  const double centre[N] = {-clv_log(age), -clv_log(age)};
  st                     = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) st = clv_lognormal_terms_new(data->cells, &m->terms);
  CLV_TRY(clv_comm_agree(data->comm, st));
  CLV_TRY(clv_lognormal_segments_make(data->comm, N, centre, data->cells, data->priors, &m->segments));
  *out = (clv_model){.ops = &LOGNORMAL, .self = m};
  m    = NULL;
out:
  lognormal_free(m);
  return st;
}
