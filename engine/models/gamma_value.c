#include "engine/models/gamma_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/gamma_value_rule.h"
#include "engine/models/hierarchy.h"
#include "engine/numerics/pinned.h"

enum { SHAPE, MEAN, SD_SHAPE, SD_MEAN, RATIO, N_PARAMETER };
/* The log-likelihood, then posterior less prior moments: A, E, A^2, E^2, A E. */
enum { LOG_LIKELIHOOD, BY_A, BY_E, BY_AA, BY_EE, BY_AE, N_TERM };

static const char *const PARAMETER[N_PARAMETER]  = {"shape", "mean_amount", "sd_log_shape", "sd_log_mean",
                                                    "correlation_ratio"};
static const char *const COORDINATE[N_PARAMETER] = {"log shape", "log mean_amount", "log sd_log_shape",
                                                    "log sd_log_mean", "atanh of the correlation"};

static void coordinates_natural(const double *u, double *theta, double *jacobian) {
  for (int i = 0; i < N_PARAMETER; i++) theta[i] = clv_exp(i == RATIO ? 2.0 * u[i] : u[i]);
  for (int k = 0; jacobian != NULL && k < N_PARAMETER * N_PARAMETER; k++)
    jacobian[k] = k % (N_PARAMETER + 1) != 0 ? 0.0 : k / N_PARAMETER == RATIO ? 2.0 : 1.0;
}

static double coordinates_log_determinant(unsigned named, const double *u, double *gradient) {
  (void)u;
  memset(gradient, 0, N_PARAMETER * sizeof *gradient);
  return (named >> RATIO & 1u) != 0 ? 0.6931471805599453 : 0.0;
}

static bool coordinates_from_slots(unsigned named, const double *slot, double *u) {
  for (int i = 0; i < N_PARAMETER; i++) u[i] = slot[i];
  if ((named >> RATIO & 1u) != 0) u[RATIO] = 0.5 * slot[RATIO];
  return true;
}

const clv_coordinates CLV_GAMMA_VALUE_COORDINATES = {
    .n               = N_PARAMETER,
    .parameter       = PARAMETER,
    .coordinate      = COORDINATE,
    .natural         = coordinates_natural,
    .log_determinant = coordinates_log_determinant,
    .from_slots      = coordinates_from_slots,
};

typedef struct gamma_value {
  size_t                    n_segment, n_block, n_record;
  uint32_t                 *segment;  /* owned [n_record] */
  clv_gamma_value_record   *record;   /* owned [n_record] */
  double                   *log_sums; /* owned [n_segment]: sums of the logs of all amounts, over all ranks */
  clv_gamma_value_lattices *lattices; /* owned */
  double                    typical;  /* mean of the customers' means; 1 where there are none */
  clv_isa                   isa;
  unsigned                  refine;      /* halves the lattices' steps so many times */
  bool                      is_borrower; /* of all of them: refined from another */
} gamma_value;

static size_t likelihood_n_block(const void *self) { return ((const gamma_value *)self)->n_block; }

static void block_rows(const gamma_value *m, size_t block, size_t *first, size_t *last) {
  *first = block * CLV_BLOCK_SIZE;
  *last  = *first + CLV_BLOCK_SIZE < m->n_record ? *first + CLV_BLOCK_SIZE : m->n_record;
}

static void record_add(const clv_gamma_value_result *r, double rho, double *sum) {
  sum[LOG_LIKELIHOOD] += r->log_likelihood;
  sum[BY_A] += r->moment[0];
  sum[BY_E] += r->moment[1];
  sum[BY_AA] += r->moment[2] - 1.0;
  sum[BY_EE] += r->moment[3] - 1.0;
  sum[BY_AE] += r->moment[4] - rho;
}

static bool prior_is_usable(const clv_gamma_value_prior *p) {
  return p->sd[0] > 1e-6 && p->sd[0] < 1e3 && p->sd[1] > 1e-6 && p->sd[1] < 1e3 && p->rest > 1e-12 &&
         isfinite(p->mean[0]) && isfinite(p->mean[1]) && fabs(p->mean[0]) < 500.0 && fabs(p->mean[1]) < 500.0;
}

/* Rows [first, last) are of one segment. */
static void run_add(const gamma_value *m, size_t first, size_t last, const double *theta, double *sum) {
  const clv_gamma_value_prior prior = clv_gamma_value_prior_of(theta);
  clv_gamma_value_rule        rule;
  if (!prior_is_usable(&prior)) { /* a trajectory that has left: a divergence */
    sum[LOG_LIKELIHOOD] = NAN;
    return;
  }
  clv_gamma_value_rule_make(m->lattices, &prior, m->isa, m->refine, &rule);
  for (size_t i = first; i < last; i += CLV_GAMMA_VALUE_LOT) {
    const size_t           n = last - i < CLV_GAMMA_VALUE_LOT ? last - i : CLV_GAMMA_VALUE_LOT;
    clv_gamma_value_result r[CLV_GAMMA_VALUE_LOT];
    clv_gamma_value_rule_apply(&rule, m->record + i, n, r);
    for (size_t k = 0; k < n; k++) record_add(&r[k], prior.rho, sum);
  }
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const gamma_value *m = self;
  size_t             first, last, end;
  block_rows(m, block, &first, &last);
  for (size_t i = first; i < last; i = end) {
    for (end = i + 1; end < last && m->segment[end] == m->segment[i];) end++;
    for (size_t c = 0; c < n_chain; c++) {
      const size_t at = c * m->n_segment + m->segment[i];
      run_add(m, i, end, theta + at * N_PARAMETER, sum + at * N_TERM);
    }
  }
}

/* By Fisher's identity: the score of the bivariate normal at the posterior moments. */
static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const gamma_value          *m   = self;
  const clv_gamma_value_prior p   = clv_gamma_value_prior_of(theta);
  const double                rho = p.rho, rest = p.rest;
  const double by_u  = sum[BY_AE] - rho * (sum[BY_AA] - 2.0 * rho * sum[BY_AE] + sum[BY_EE]) / rest;
  gradient[SHAPE]    = (sum[BY_A] - rho * sum[BY_E]) / (rest * p.sd[0] * theta[SHAPE]);
  gradient[MEAN]     = (sum[BY_E] - rho * sum[BY_A]) / (rest * p.sd[1] * theta[MEAN]);
  gradient[SD_SHAPE] = (sum[BY_AA] - rho * sum[BY_AE]) / (rest * theta[SD_SHAPE]);
  gradient[SD_MEAN]  = (sum[BY_EE] - rho * sum[BY_AE]) / (rest * theta[SD_MEAN]);
  gradient[RATIO]    = 0.5 * by_u / theta[RATIO];
  return sum[LOG_LIKELIHOOD] - m->log_sums[segment];
}

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  const gamma_value *m = self;
  size_t             from, to;
  block_rows(m, block, &from, &to);
  *first = m->n_segment, *last = 0;
  for (size_t i = from; i < to; i++) {
    if (m->segment[i] < *first) *first = m->segment[i];
    if (m->segment[i] + 1u > *last) *last = m->segment[i] + 1u;
  }
}

static void likelihood_free(void *self) {
  gamma_value *m = self;
  if (m == NULL) return;
  if (!m->is_borrower) {
    free(m->segment);
    free(m->record);
    free(m->log_sums);
    clv_gamma_value_lattices_free(&m->lattices);
  }
  free(m);
}

static clv_status likelihood_refined(const void *self, void **out) {
  gamma_value *m  = NULL;
  clv_status   st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st < 0) return st;
  *m             = *(const gamma_value *)self;
  m->is_borrower = true;
  m->refine++;
  *out = m;
  return CLV_OK;
}

static const clv_likelihood_ops LIKELIHOOD = {
    .n_parameter = N_PARAMETER,
    .n_term      = N_TERM,
    .n_block     = likelihood_n_block,
    .block       = likelihood_block,
    .finish      = likelihood_finish,
    .touched     = likelihood_touched,
    .refined     = likelihood_refined,
    .free        = likelihood_free,
};

static clv_status records_fill(gamma_value *m, const clv_spends *spends) {
  clv_status st;
  m->n_segment = spends->n_segment;
  m->n_block   = (size_t)(spends->blocks.last_block - spends->blocks.first_block);
  m->n_record  = (size_t)(spends->blocks.last - spends->blocks.first);
  CLV_TRY(clv_alloc(m->n_record + 1, sizeof *m->segment, (void **)&m->segment));
  CLV_TRY(clv_alloc(m->n_record + 1, sizeof *m->record, (void **)&m->record));
  CLV_TRY(clv_calloc(m->n_segment, sizeof *m->log_sums, (void **)&m->log_sums));
  for (size_t i = 0; i < m->n_record; i++) {
    m->segment[i] = spends->segment == NULL ? 0 : spends->segment[i];
    m->record[i]  = clv_gamma_value_record_of(spends->x[i], spends->mean[i], spends->mean_log[i]);
  }
out:
  return st;
}

/* What the parameters do not move, and the scale of the default priors: exact sums over all ranks. */
static clv_status scales_sum(const clv_comm *comm, const clv_spends *spends, gamma_value *m) {
  const size_t   n   = m->n_segment;
  clv_exact_sum *sum = NULL;
  double        *all = NULL;
  clv_status     st  = clv_exact_sum_new(n + 2, &sum);
  if (st == CLV_OK) st = clv_alloc(n + 2, sizeof *all, (void **)&all);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t i = 0; i < m->n_record; i++) {
    clv_exact_sum_add_at(sum, m->segment[i], spends->x[i] * spends->mean_log[i]);
    clv_exact_sum_add_at(sum, n, spends->mean[i]);
    clv_exact_sum_add_at(sum, n + 1, 1.0);
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, all));
  memcpy(m->log_sums, all, n * sizeof *all);
  m->typical = all[n] > 0.0 ? all[n] / all[n + 1] : spends->rescale_factor;
out:
  clv_exact_sum_free(&sum);
  free(all);
  return st;
}

void clv_gamma_value_slots(double typical, clv_slot_default *slot) {
  const clv_slot_default all[N_PARAMETER] = {
      {{CLV_PRIOR_NORMAL, {0.7, 1.0, 0}},
       "the median customer's shape from 0.3 to 15: single amounts from erratic to steady"},
      {{CLV_PRIOR_NORMAL, {clv_log(typical), 1.0, 0}},
       "the median customer's mean amount within a factor of seven of the sample's mean"},
      {{CLV_PRIOR_NORMAL, {-0.7, 0.75, 0}},
       "customers' shapes differ by factors of 1.1 to 9 for one standard deviation"},
      {{CLV_PRIOR_NORMAL, {-0.7, 0.75, 0}},
       "customers' mean amounts differ by factors of 1.1 to 9 for one standard deviation"},
      {{CLV_PRIOR_NORMAL, {0.0, 0.5, 0}}, "correlations from -0.76 to 0.76"},
  };
  memcpy(slot, all, sizeof all);
}

clv_status clv_gamma_value_new(const clv_comm *comm, const clv_spends *spends, const clv_prior_texts *priors,
                               clv_model *out) {
  clv_likelihood made = {.ops = &LIKELIHOOD, .n_segment = spends->n_segment};
  gamma_value   *m    = NULL;
  clv_status     st   = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) {
    m->isa = clv_isa_best();
    st     = records_fill(m, spends);
    if (st == CLV_OK) st = clv_gamma_value_lattices_new(&m->lattices);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(scales_sum(comm, spends, m));
  clv_slot_default slot[N_PARAMETER];
  clv_gamma_value_slots(m->typical, slot);
  const clv_hierarchy_plan plan = {.name        = "gamma_value",
                                   .coordinates = &CLV_GAMMA_VALUE_COORDINATES,
                                   .slot        = slot,
                                   .priors      = priors,
                                   .comm        = comm,
                                   .pooled      = spends->pooled};
  made.self = m, m = NULL;
  CLV_TRY(clv_hierarchy_new(&made, &plan, out));
out:
  clv_likelihood_free(&made);
  likelihood_free(m);
  return st;
}
