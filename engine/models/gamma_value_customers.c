#include "engine/models/gamma_value_customers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"

enum { SHAPE, MEAN = CLV_GAMMA_VALUE_MEAN, SD_SHAPE, SD_MEAN, RATIO };
enum { LOG_LIKELIHOOD, BY_A, BY_E, BY_AA, BY_EE, BY_AE };
static const double SHIFT_MOST = 500.0; /* as of the population's means: past it a trajectory has left */

struct clv_gamma_value_customers {
  size_t                    n_segment, n_block, n;
  uint32_t                 *segment;  /* owned [n] */
  clv_gamma_value_record   *record;   /* owned [n] */
  double                   *log_sums; /* owned [n_segment]: sums of the logs of all amounts, over all ranks */
  clv_gamma_value_lattices *lattices; /* owned */
  clv_isa                   isa;
  unsigned                  refine;      /* halves the lattices' steps so many times */
  bool                      is_borrower; /* of all of them: refined from another */
};

/* ---- making them ---- */

void clv_gamma_value_customers_free(clv_gamma_value_customers **self) {
  clv_gamma_value_customers *m = *self;
  *self                        = NULL;
  if (m == NULL) return;
  if (!m->is_borrower) {
    free(m->segment);
    free(m->record);
    free(m->log_sums);
    clv_gamma_value_lattices_free(&m->lattices);
  }
  free(m);
}

static clv_status records_fill(clv_gamma_value_customers *m, const clv_spends *spends) {
  clv_status st;
  m->n_segment = spends->n_segment;
  m->n_block   = (size_t)(spends->blocks.last_block - spends->blocks.first_block);
  m->n         = (size_t)(spends->blocks.last - spends->blocks.first);
  m->isa       = clv_isa_best();
  CLV_TRY(clv_alloc(m->n + 1, sizeof *m->segment, (void **)&m->segment));
  CLV_TRY(clv_alloc(m->n + 1, sizeof *m->record, (void **)&m->record));
  CLV_TRY(clv_calloc(m->n_segment, sizeof *m->log_sums, (void **)&m->log_sums));
  CLV_TRY(clv_gamma_value_lattices_new(&m->lattices));
  for (size_t i = 0; i < m->n; i++) {
    m->segment[i] = spends->segment == NULL ? 0 : spends->segment[i];
    m->record[i]  = clv_gamma_value_record_of(spends->x[i], spends->mean[i], spends->mean_log[i]);
  }
out:
  return st;
}

/* What the parameters do not move: exact sums over all ranks. */
static clv_status logs_sum(const clv_comm *comm, const clv_spends *spends, clv_gamma_value_customers *m) {
  clv_exact_sum *sum = NULL;
  clv_status     st  = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, clv_exact_sum_new(m->n_segment, &sum)));
  for (size_t i = 0; i < m->n; i++)
    clv_exact_sum_add_at(sum, m->segment[i], spends->x[i] * spends->mean_log[i]);
  CLV_TRY(clv_exact_sum_total(sum, comm, m->log_sums));
out:
  clv_exact_sum_free(&sum);
  return st;
}

clv_status clv_gamma_value_customers_new(const clv_comm *comm, const clv_spends *spends,
                                         clv_gamma_value_customers **out) {
  clv_gamma_value_customers *m  = NULL;
  clv_status                 st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) st = records_fill(m, spends);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(logs_sum(comm, spends, m));
  *out = m, m = NULL;
out:
  clv_gamma_value_customers_free(&m);
  return st;
}

clv_status clv_gamma_value_customers_refined(const clv_gamma_value_customers *self,
                                             clv_gamma_value_customers      **out) {
  clv_gamma_value_customers *m  = NULL;
  clv_status                 st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st < 0) return st;
  *m             = *self;
  m->is_borrower = true;
  m->refine++;
  *out = m;
  return CLV_OK;
}

/* ---- what they are ---- */

size_t clv_gamma_value_customers_n(const clv_gamma_value_customers *self) { return self->n; }
size_t clv_gamma_value_customers_n_block(const clv_gamma_value_customers *self) { return self->n_block; }

void clv_gamma_value_customers_block(const clv_gamma_value_customers *self, size_t block, size_t *first,
                                     size_t *last) {
  *first = block * CLV_BLOCK_SIZE;
  *last  = *first + CLV_BLOCK_SIZE < self->n ? *first + CLV_BLOCK_SIZE : self->n;
}

size_t clv_gamma_value_customers_run(const clv_gamma_value_customers *self, size_t first, size_t last,
                                     uint32_t *segment) {
  size_t end = first + 1;
  *segment   = self->segment[first];
  while (end < last && self->segment[end] == *segment) end++;
  return end;
}

/* ---- sums ---- */

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

/* Amounts know log mean only against their own: to move its mean is to move them the other way. */
static bool lot_shift(const double *shift, size_t n, clv_gamma_value_record *record) {
  for (size_t k = 0; k < n; k++) {
    if (!(fabs(shift[k]) < SHIFT_MOST)) return false;
    record[k].log_mean -= shift[k];
  }
  return true;
}

static double score_of_mean(const clv_gamma_value_prior *p, double by_a, double by_e) {
  return (by_e - p->rho * by_a) / (p->rest * p->sd[1]);
}

void clv_gamma_value_customers_add(const clv_gamma_value_customers *self, size_t first, size_t last,
                                   const double *theta, const double *shift, double *by_shift, double *sum) {
  const clv_gamma_value_prior prior = clv_gamma_value_prior_of(theta);
  bool                 is_usable    = prior_is_usable(&prior); /* or a trajectory has left: a divergence */
  clv_gamma_value_rule rule;
  if (is_usable) clv_gamma_value_rule_make(self->lattices, &prior, self->isa, self->refine, &rule);
  for (size_t i = first; i < last && is_usable; i += CLV_GAMMA_VALUE_LOT) {
    const size_t           n = last - i < CLV_GAMMA_VALUE_LOT ? last - i : CLV_GAMMA_VALUE_LOT;
    clv_gamma_value_record record[CLV_GAMMA_VALUE_LOT];
    clv_gamma_value_result r[CLV_GAMMA_VALUE_LOT];
    memcpy(record, self->record + i, n * sizeof *record);
    if (shift != NULL) is_usable = lot_shift(shift + (i - first), n, record);
    clv_gamma_value_rule_apply(&rule, record, n, r);
    for (size_t k = 0; k < n; k++) {
      record_add(&r[k], prior.rho, sum);
      if (shift != NULL) by_shift[i - first + k] = score_of_mean(&prior, r[k].moment[0], r[k].moment[1]);
    }
  }
  if (is_usable) return;
  sum[LOG_LIKELIHOOD] = NAN;
  for (size_t k = 0; shift != NULL && k < last - first; k++) by_shift[k] = NAN;
}

/* By Fisher's identity: the score of the bivariate normal at the posterior moments. */
double clv_gamma_value_customers_finish(const clv_gamma_value_customers *self, size_t segment,
                                        const double *theta, const double *sum, double *gradient) {
  const clv_gamma_value_prior p   = clv_gamma_value_prior_of(theta);
  const double                rho = p.rho, rest = p.rest;
  const double by_u  = sum[BY_AE] - rho * (sum[BY_AA] - 2.0 * rho * sum[BY_AE] + sum[BY_EE]) / rest;
  gradient[SHAPE]    = (sum[BY_A] - rho * sum[BY_E]) / (rest * p.sd[0] * theta[SHAPE]);
  gradient[MEAN]     = score_of_mean(&p, sum[BY_A], sum[BY_E]) / theta[MEAN];
  gradient[SD_SHAPE] = (sum[BY_AA] - rho * sum[BY_AE]) / (rest * theta[SD_SHAPE]);
  gradient[SD_MEAN]  = (sum[BY_EE] - rho * sum[BY_AE]) / (rest * theta[SD_MEAN]);
  gradient[RATIO]    = 0.5 * by_u / theta[RATIO];
  return sum[LOG_LIKELIHOOD] - self->log_sums[segment];
}
