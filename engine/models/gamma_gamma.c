#include "engine/models/gamma_gamma.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/counts.h"
#include "engine/models/gamma_gamma_batch_kernel.h"
#include "engine/models/regression.h"
#include "engine/models/spend_rows.h"
#include "engine/numerics/pinned.h"

enum { P, Q, V, N_PARAMETER };
enum { X_LOG, LOG, X_INVERSE, INVERSE, N_TERM }; /* sums of x log(w+v), log(w+v), x/(w+v), 1/(w+v) */

static const char *const PARAMETER[N_PARAMETER]  = {"p", "q", "v"};
static const char *const COORDINATE[N_PARAMETER] = {"log p", "log(q - 1)", "log(p v / (q - 1))"};

/* u = log p, log(q - 1), log of the population's mean spend p v / (q - 1): the ridge between p and v lies
 * along an axis. */
static void coordinates_natural(const double *u, double *theta, double *jacobian) {
  const double less = clv_exp(u[1]);
  theta[P]          = clv_exp(u[0]);
  theta[Q]          = 1.0 + less;
  theta[V]          = clv_exp(u[2] - u[0] + u[1]);
  if (jacobian == NULL) return;
  const double d[N_PARAMETER][N_PARAMETER] = {{1, 0, 0}, {0, less / theta[Q], 0}, {-1, 1, 1}};
  memcpy(jacobian, d, sizeof d);
}

static double coordinates_log_determinant(unsigned named, const double *u, double *gradient) {
  memset(gradient, 0, N_PARAMETER * sizeof *gradient);
  if ((named >> Q & 1u) == 0) return 0.0;
  gradient[1] = clv_sigmoid(-u[1]); /* d/du log((q - 1) / q) = 1 / q */
  return clv_log_sigmoid(u[1]);
}

static bool coordinates_from_slots(unsigned named, const double *slot, double *u) {
  u[0] = slot[P];
  u[1] = slot[Q];
  if ((named >> Q & 1u) != 0) {
    if (!(slot[Q] > 0.0)) return false; /* q > 1 */
    u[1] = clv_log(clv_expm1(slot[Q]));
  }
  u[2] = (named >> V & 1u) != 0 ? slot[V] + u[0] - u[1] : slot[V];
  return true;
}

const clv_coordinates CLV_GAMMA_GAMMA_COORDINATES = {
    .n               = N_PARAMETER,
    .parameter       = PARAMETER,
    .coordinate      = COORDINATE,
    .natural         = coordinates_natural,
    .log_determinant = coordinates_log_determinant,
    .from_slots      = coordinates_from_slots,
    .shapes          = 1u << P | 1u << Q,
};

/* What does not depend on the parameters, of one segment. */
typedef struct constants {
  double x_log_mean; /* sum of x log mean spend */
  double log_mean;   /* sum of log mean spend */
} constants;

typedef struct gamma_gamma {
  size_t          n_segment;
  clv_spend_rows *rows;     /* owned */
  constants      *constant; /* owned [n_segment], of rescaled spends */
  double          rescale;
  clv_counts     *counts; /* owned, of all ranks */
} gamma_gamma;

static size_t likelihood_n_block(const void *self) {
  return clv_spend_rows_n_block(((const gamma_gamma *)self)->rows);
}

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  const gamma_gamma *s = self;
  size_t             from, to;
  clv_spend_rows_block(s->rows, block, &from, &to);
  *first = from < to ? clv_spend_rows_segment(s->rows, from) : 0;
  *last  = from < to ? clv_spend_rows_segment(s->rows, to - 1) + 1 : 0;
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const gamma_gamma *s = self;
  size_t             from, to;
  clv_spend_rows_block(s->rows, block, &from, &to);
  for (size_t k = from; k < to; k++) {
    for (size_t c = 0; c < n_chain; c++) {
      const size_t         at    = c * s->n_segment + clv_spend_rows_segment(s->rows, k);
      const clv_spend_sums add   = clv_spend_rows_sums(s->rows, k, theta[at * N_PARAMETER + V] / s->rescale);
      double              *total = sum + at * N_TERM;
      total[X_LOG] += add.x_log;
      total[LOG] += add.log;
      total[X_INVERSE] += add.x_inverse;
      total[INVERSE] += add.inverse;
    }
  }
}

/* Sum over customers of log Gamma(p x + q) - log Gamma(p x) + p x log x, over distinct x. */
static double counts_terms(const gamma_gamma *s, size_t segment, const double *theta, double *by_p,
                           double *by_q) {
  const uint32_t *x;
  const double   *count;
  const size_t    n     = clv_counts_values(s->counts, segment, &x, &count);
  double          total = 0.0;
  *by_p = *by_q = 0.0;
  for (size_t k = 0; k < n; k++) {
    const double xk = (double)x[k], px = theta[P] * xk, log_x = clv_log(xk);
    const double digamma_sum = clv_digamma(px + theta[Q]);
    total += count[k] * (clv_lgamma(px + theta[Q]) - clv_lgamma(px) + px * log_x);
    *by_p += count[k] * xk * (digamma_sum - clv_digamma(px) + log_x);
    *by_q += count[k] * digamma_sum;
  }
  return total;
}

/* Fader & Hardie 2013 (note 025), eq. 1a, summed over customers. Spends are rescaled inside; the density is
 * the user's. */
static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const gamma_gamma *s = self;
  const constants   *k = &s->constant[segment];
  const double       n = clv_counts_total(s->counts, segment), p = theta[P], q = theta[Q],
               v = theta[V] / s->rescale;
  double       by_p, by_q;
  const double terms = counts_terms(s, segment, theta, &by_p, &by_q), log_v = clv_log(v);
  gradient[P] = by_p + k->x_log_mean - sum[X_LOG];
  gradient[Q] = by_q - n * clv_digamma(q) + n * log_v - sum[LOG];
  gradient[V] = (n * q / v - p * sum[X_INVERSE] - q * sum[INVERSE]) / s->rescale;
  return terms + n * (q * log_v - clv_lgamma(q) - clv_log(s->rescale)) + p * k->x_log_mean - k->log_mean -
         p * sum[X_LOG] - q * sum[LOG];
}

static void likelihood_free(void *self) {
  gamma_gamma *s = self;
  if (s == NULL) return;
  clv_spend_rows_free(&s->rows);
  free(s->constant);
  clv_counts_free(&s->counts);
  free(s);
}

static const clv_likelihood_ops LIKELIHOOD = {
    .n_parameter = N_PARAMETER,
    .n_term      = N_TERM,
    .n_block     = likelihood_n_block,
    .block       = likelihood_block,
    .finish      = likelihood_finish,
    .touched     = likelihood_touched,
    .free        = likelihood_free,
};

static clv_status constants_sum(const clv_comm *comm, const clv_spends *spends, gamma_gamma *s) {
  const size_t   all = (size_t)(spends->blocks.last - spends->blocks.first);
  clv_exact_sum *sum = NULL;
  clv_status     st  = clv_exact_sum_new(2 * s->n_segment, &sum);
  if (st == CLV_OK) st = clv_calloc(s->n_segment, sizeof *s->constant, (void **)&s->constant);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t i = 0; i < all; i++) {
    const size_t g        = spends->segment == NULL ? 0 : spends->segment[i];
    const double log_mean = clv_log(spends->mean[i] / s->rescale);
    clv_exact_sum_add_at(sum, 2 * g, (double)spends->x[i] * log_mean);
    clv_exact_sum_add_at(sum, 2 * g + 1, log_mean);
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, (double *)s->constant));
out:
  clv_exact_sum_free(&sum);
  return st;
}

/* What a likelihood is made of, with whichever segments. */
typedef struct source {
  const clv_comm   *comm;
  const clv_spends *spends;
} source;

static clv_status likelihood_new(const void *context, size_t n_segment, const uint32_t *segment,
                                 clv_likelihood *out) {
  const source *from   = context;
  clv_spends    spends = *from->spends;
  gamma_gamma  *s      = NULL;
  clv_status    st     = clv_calloc(1, sizeof *s, (void **)&s);
  spends.segment = segment, spends.n_segment = n_segment;
  if (st == CLV_OK) {
    s->n_segment = n_segment;
    s->rescale   = spends.rescale_factor;
    st           = clv_spend_rows_new(&spends, &s->rows);
  }
  CLV_TRY(clv_comm_agree(from->comm, st));
  CLV_TRY(constants_sum(from->comm, &spends, s));
  CLV_TRY(clv_counts_new(from->comm, n_segment, (size_t)(spends.blocks.last - spends.blocks.first), segment,
                         spends.x, NULL, &s->counts));
  *out = (clv_likelihood){.ops = &LIKELIHOOD, .self = s, .n_segment = n_segment};
  s    = NULL;
out:
  likelihood_free(s);
  return st;
}

/* Mean of the customers' mean spends, in the user's currency: what the prior of the population's mean is
 * relative to. Collective. */
static clv_status typical_spend(const clv_comm *comm, const clv_spends *spends, double *typical) {
  clv_exact_sum *sum = NULL;
  double         total[2];
  clv_status     st = clv_comm_agree(comm, clv_exact_sum_new(2, &sum));
  if (st < 0) goto out;
  for (size_t i = 0; i < (size_t)(spends->blocks.last - spends->blocks.first); i++)
    clv_exact_sum_add(sum, (double[]){1.0, spends->mean[i] / spends->rescale_factor});
  CLV_TRY(clv_exact_sum_total(sum, comm, total));
  *typical = (total[0] > 0.0 && total[1] > 0.0 ? total[1] / total[0] : 1.0) * spends->rescale_factor;
out:
  clv_exact_sum_free(&sum);
  return st;
}

/* Default priors, relative to the sample. Collective. */
static clv_status hierarchy_new(const clv_comm *comm, const clv_spends *spends, const clv_prior_texts *priors,
                                clv_likelihood *likelihood, clv_model *out) {
  double     typical = 1.0;
  clv_status st      = CLV_OK;
  CLV_TRY(typical_spend(comm, spends, &typical));
  const clv_slot_default slot[N_PARAMETER] = {
      {{CLV_PRIOR_NORMAL, {1.0, 1.25, 0}},
       "p from 0.2 to 33: single amounts from erratic to nearly constant"},
      {{CLV_PRIOR_NORMAL, {1.0, 1.25, 0}},
       "q from 1.2 to 34: customers from very unlike to alike, with a finite mean"},
      {{CLV_PRIOR_NORMAL, {clv_log(typical), 1.0, 0}},
       "the population's mean spend within a factor of seven of the sample's"},
  };
  const clv_hierarchy_plan plan = {.name        = "gamma_gamma",
                                   .coordinates = &CLV_GAMMA_GAMMA_COORDINATES,
                                   .slot        = slot,
                                   .priors      = priors,
                                   .comm        = comm,
                                   .pooled      = spends->pooled};
  CLV_TRY(clv_comm_agree(comm, clv_hierarchy_new(likelihood, &plan, out)));
out:
  return st;
}

static void batch_gradient(const clv_batch_kind *kind, clv_isa isa, const clv_batch *batch, double *value,
                           double *by_log_theta) {
  (void)kind; /* there is one */
  CLV_KERNEL_PICK(clv_gamma_gamma_batch, isa)(batch, value, by_log_theta);
}

clv_status clv_gamma_gamma_new(const clv_comm *comm, const clv_spends *spends, const clv_prior_texts *priors,
                               clv_model *out) {
  const source              from       = {comm, spends};
  const clv_regression_plan plan       = {.covariates  = spends->covariates,
                                          .priors      = priors,
                                          .n_parameter = N_PARAMETER,
                                          .n_effect    = CLV_GAMMA_GAMMA_SPEND.n_effect,
                                          .parameter   = PARAMETER,
                                          .effect      = CLV_GAMMA_GAMMA_SPEND.effect,
                                          .data        = {.comm      = comm,
                                                          .blocks    = spends->blocks,
                                                          .n_segment = spends->n_segment,
                                                          .segment   = spends->segment,
                                                          .x         = spends->x,
                                                          .spend     = spends->mean,
                                                          .gradient  = CLV_GAMMA_GAMMA_SPEND.gradient,
                                                          .batch     = batch_gradient,
                                                          .shapes    = CLV_GAMMA_GAMMA_COORDINATES.shapes,
                                                          .make      = likelihood_new,
                                                          .context   = &from}};
  clv_likelihood            likelihood = {0};
  clv_regression           *regression = NULL;
  clv_status                st         = CLV_OK;
  CLV_TRY(clv_regression_likelihood(&plan, &regression, &likelihood));
  CLV_TRY(hierarchy_new(comm, spends, priors, &likelihood, out));
  clv_regression_wrap(&regression, out);
out:
  clv_likelihood_free(&likelihood);
  clv_regression_free(&regression);
  return st;
}
