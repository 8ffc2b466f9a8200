#include "engine/models/gamma_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/gamma_value_customers.h"
#include "engine/models/gamma_value_shifted.h"
#include "engine/models/hierarchy.h"
#include "engine/models/regression.h"
#include "engine/numerics/pinned.h"

enum { RATIO = 4, N_PARAMETER = CLV_GAMMA_VALUE_PARAMETERS };

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
  size_t                     n_segment;
  clv_gamma_value_customers *customers; /* owned */
} gamma_value;

static size_t likelihood_n_block(const void *self) {
  return clv_gamma_value_customers_n_block(((const gamma_value *)self)->customers);
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const gamma_value *m = self;
  size_t             first, last, end;
  clv_gamma_value_customers_block(m->customers, block, &first, &last);
  for (size_t i = first; i < last; i = end) {
    uint32_t segment;
    end = clv_gamma_value_customers_run(m->customers, i, last, &segment);
    for (size_t c = 0; c < n_chain; c++) {
      const size_t at = c * m->n_segment + segment;
      clv_gamma_value_customers_add(m->customers, i, end, theta + at * N_PARAMETER, NULL, NULL,
                                    sum + at * CLV_GAMMA_VALUE_SUM_TERMS);
    }
  }
}

static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  return clv_gamma_value_customers_finish(((const gamma_value *)self)->customers, segment, theta, sum,
                                          gradient);
}

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  const gamma_value *m = self;
  size_t             from, to;
  clv_gamma_value_customers_block(m->customers, block, &from, &to);
  *first = m->n_segment, *last = 0;
  while (from < to) {
    uint32_t segment;
    from = clv_gamma_value_customers_run(m->customers, from, to, &segment);
    if (segment < *first) *first = segment;
    if (segment + 1u > *last) *last = segment + 1u;
  }
}

static void likelihood_free(void *self) {
  gamma_value *m = self;
  if (m == NULL) return;
  clv_gamma_value_customers_free(&m->customers);
  free(m);
}

static clv_status likelihood_refined(const void *self, void **out) {
  const gamma_value *from = self;
  gamma_value       *m    = NULL;
  clv_status         st   = clv_calloc(1, sizeof *m, (void **)&m);
  if (st < 0) return st;
  m->n_segment = from->n_segment;
  CLV_TRY(clv_gamma_value_customers_refined(from->customers, &m->customers));
  *out = m, m = NULL;
out:
  likelihood_free(m);
  return st;
}

static const clv_likelihood_ops LIKELIHOOD = {
    .n_parameter = N_PARAMETER,
    .n_term      = CLV_GAMMA_VALUE_SUM_TERMS,
    .n_block     = likelihood_n_block,
    .block       = likelihood_block,
    .finish      = likelihood_finish,
    .touched     = likelihood_touched,
    .refined     = likelihood_refined,
    .free        = likelihood_free,
};

/* The segments are those of the spends: gamma_value_shifted.c asks for no others. */
static clv_status likelihood_new(const void *context, size_t n_segment, const uint32_t *segment,
                                 clv_likelihood *out) {
  const clv_gamma_value_source *from = context;
  gamma_value                  *m    = NULL;
  clv_status                    st   = CLV_OK;
  (void)segment;
  CLV_TRY(clv_comm_agree(from->comm, clv_calloc(1, sizeof *m, (void **)&m)));
  m->n_segment = n_segment;
  CLV_TRY(clv_gamma_value_customers_new(from->comm, from->spends, &m->customers));
  *out = (clv_likelihood){.ops = &LIKELIHOOD, .self = m, .n_segment = n_segment};
  m    = NULL;
out:
  likelihood_free(m);
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

/* The scale of the default priors: mean of the customers' means, the same on every rank. */
static clv_status typical_find(const clv_comm *comm, const clv_spends *spends, double *typical) {
  const size_t   n   = (size_t)(spends->blocks.last - spends->blocks.first);
  clv_exact_sum *sum = NULL;
  double         all[2];
  clv_status     st = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, clv_exact_sum_new(2, &sum)));
  for (size_t i = 0; i < n; i++) clv_exact_sum_add(sum, (double[]){spends->mean[i], 1.0});
  CLV_TRY(clv_exact_sum_total(sum, comm, all));
  *typical = all[0] > 0.0 ? all[0] / all[1] : spends->rescale_factor;
out:
  clv_exact_sum_free(&sum);
  return st;
}

clv_status clv_gamma_value_new(const clv_comm *comm, const clv_spends *spends, const clv_prior_texts *priors,
                               clv_model *out) {
  const clv_gamma_value_source from = {comm, spends};
  const clv_regression_plan    plan = {.covariates  = spends->covariates,
                                       .priors      = priors,
                                       .n_parameter = N_PARAMETER,
                                       .n_effect    = CLV_GAMMA_VALUE_SPEND.n_effect,
                                       .parameter   = PARAMETER,
                                       .effect      = CLV_GAMMA_VALUE_SPEND.effect,
                                       .data        = {.comm         = comm,
                                                       .blocks       = spends->blocks,
                                                       .n_segment    = spends->n_segment,
                                                       .segment      = spends->segment,
                                                       .make         = likelihood_new,
                                                       .make_shifted = clv_gamma_value_shifted_new,
                                                       .context      = &from}};
  clv_slot_default             slot[N_PARAMETER];
  clv_likelihood               likelihood = {0};
  clv_regression              *regression = NULL;
  clv_status                   st         = CLV_OK;
  double                       typical;
  CLV_TRY(typical_find(comm, spends, &typical));
  clv_gamma_value_slots(typical, slot);
  CLV_TRY(clv_regression_likelihood(&plan, &regression, &likelihood));
  CLV_TRY(clv_hierarchy_new(&likelihood,
                            &(clv_hierarchy_plan){.name        = "gamma_value",
                                                  .coordinates = &CLV_GAMMA_VALUE_COORDINATES,
                                                  .slot        = slot,
                                                  .priors      = priors,
                                                  .comm        = comm,
                                                  .pooled      = spends->pooled},
                            out));
  clv_regression_wrap(&regression, out);
out:
  clv_likelihood_free(&likelihood);
  clv_regression_free(&regression);
  return st;
}
