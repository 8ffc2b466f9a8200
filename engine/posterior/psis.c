#include "engine/posterior/psis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"

typedef struct ratio {
  double log_ratio;
  size_t draw;
} ratio;

struct clv_psis {
  size_t  n_draw;
  size_t  n_tail;
  ratio  *order;      /* owned [n_draw], ascending */
  double *log_weight; /* owned [n_draw] */
  double *tail;       /* owned [n_tail] exceedances */
  double *scratch;    /* owned, of the fit */
};

/* Points of the profile posterior that the fit averages over. */
static size_t fit_points(size_t n) { return 30 + (size_t)sqrt((double)n); }

static size_t tail_length(size_t n_draw, double r_eff) {
  const double s = (double)n_draw;
  return (size_t)ceil(fmin(0.2 * s, 3.0 * sqrt(s / r_eff)));
}

clv_status clv_psis_new(size_t n_draw, double r_eff, clv_psis **out) {
  clv_psis  *self = NULL;
  clv_status st   = CLV_OK;
  CLV_CHECK(n_draw >= 2 && r_eff > 0.0);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n_draw = n_draw;
  self->n_tail = tail_length(n_draw, r_eff);
  CLV_TRY(clv_calloc(n_draw, sizeof *self->order, (void **)&self->order));
  CLV_TRY(clv_calloc(n_draw, sizeof *self->log_weight, (void **)&self->log_weight));
  CLV_TRY(clv_calloc(self->n_tail + 1, sizeof *self->tail, (void **)&self->tail));
  CLV_TRY(clv_calloc(2 * fit_points(self->n_tail), sizeof *self->scratch, (void **)&self->scratch));
  *out = self, self = NULL;
out:
  clv_psis_free(&self);
  return st;
}

void clv_psis_free(clv_psis **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->order);
  free((*self)->log_weight);
  free((*self)->tail);
  free((*self)->scratch);
  free(*self);
  *self = NULL;
}

double clv_psis_threshold(size_t n_draw) { return fmin(1.0 - 1.0 / log10((double)n_draw), 0.7); }

static int ratio_compare(const void *a, const void *b) {
  const ratio *x = a, *y = b;
  if (x->log_ratio != y->log_ratio) return x->log_ratio < y->log_ratio ? -1 : 1;
  return x->draw < y->draw ? -1 : x->draw > y->draw; /* ties in a fixed order, for the same bits */
}

static double log_sum_exp(const double *value, size_t n) {
  double most = -INFINITY, sum = 0.0;
  for (size_t i = 0; i < n; i++) most = fmax(most, value[i]);
  if (!isfinite(most)) return most;
  for (size_t i = 0; i < n; i++) sum += clv_exp(value[i] - most);
  return most + clv_log(sum);
}

/* k(theta) of the profile likelihood: mean clv_log(1 - theta x). */
static double profile_shape(const double *x, size_t n, double theta) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += clv_log1p(-theta * x[i]);
  return sum / (double)n;
}

void clv_psis_fit(const double *x, size_t n, double *scratch, double *k, double *sigma) {
  const size_t m     = fit_points(n);
  const double count = (double)n, x_star = x[(size_t)floor(count / 4.0 + 0.5) - 1];
  double      *theta = scratch, *log_posterior = scratch + m, mean = 0.0;
  for (size_t j = 0; j < m; j++) {
    theta[j]           = 1.0 / x[n - 1] + (1.0 - sqrt((double)m / ((double)j + 0.5))) / (3.0 * x_star);
    const double shape = profile_shape(x, n, theta[j]);
    log_posterior[j]   = count * (clv_log(-theta[j] / shape) - shape - 1.0);
  }
  const double total = log_sum_exp(log_posterior, m);
  for (size_t j = 0; j < m; j++) mean += theta[j] * clv_exp(log_posterior[j] - total);
  *k     = profile_shape(x, n, mean);
  *sigma = -*k / mean;
  *k     = (*k * count + 5.0) / (count + 10.0);
}

/* Replace the largest n_tail log-weights (order ascending, largest weight scaled to 0) by expected order
 * statistics of the fitted tail. Draws that equal the last one below, as where a chain did not move, are no
 * tail: so does ArviZ. */
static double tail_smooth(clv_psis *self) {
  const double least =
      fmax(self->order[self->n_draw - self->n_tail - 1].log_ratio, clv_log(2.2250738585072014e-308));
  const double cutoff = clv_exp(least);
  size_t       n = self->n_tail, first = self->n_draw - n;
  double       k, sigma;
  for (; n > 0 && self->order[first].log_ratio <= least; n--) first++;
  if (n < 5) return INFINITY;
  for (size_t i = 0; i < n; i++) self->tail[i] = clv_exp(self->order[first + i].log_ratio) - cutoff;
  clv_psis_fit(self->tail, n, self->scratch, &k, &sigma);
  if (!isfinite(k)) return INFINITY;
  for (size_t i = 0; i < n; i++) {
    const double p = ((double)i + 0.5) / (double)n, gap = -clv_log1p(-p);
    const double quantile            = fabs(k) < 1e-12 ? sigma * gap : sigma * clv_expm1(k * gap) / k;
    self->order[first + i].log_ratio = fmin(0.0, clv_log(quantile + cutoff));
  }
  return k;
}

clv_psis_result clv_psis_loo(clv_psis *self, const double *log_likelihood) {
  const size_t    n      = self->n_draw;
  clv_psis_result result = {.elpd = NAN, .lpd = NAN, .k = NAN};
  for (size_t s = 0; s < n; s++) {
    if (!isfinite(log_likelihood[s])) return result;
    self->order[s] = (ratio){.log_ratio = -log_likelihood[s], .draw = s};
  }
  qsort(self->order, n, sizeof *self->order, ratio_compare);
  const double most = self->order[n - 1].log_ratio;
  for (size_t s = 0; s < n; s++) self->order[s].log_ratio -= most;
  result.k = tail_smooth(self);
  for (size_t s = 0; s < n; s++) self->log_weight[self->order[s].draw] = self->order[s].log_ratio;
  const double norm = log_sum_exp(self->log_weight, n);
  for (size_t s = 0; s < n; s++) self->log_weight[s] += log_likelihood[s] - norm;
  result.elpd = log_sum_exp(self->log_weight, n);
  result.lpd  = log_sum_exp(log_likelihood, n) - clv_log((double)n);
  return result;
}
