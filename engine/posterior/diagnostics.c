#include "engine/posterior/diagnostics.h"

#include <gsl/gsl_fft_complex.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"

/* Draws of several chains, chain by chain: value[c * n + d]. */
typedef struct chains {
  double *value; /* owned */
  size_t  m, n;  /* chains, draws of each */
} chains;

static void chains_free(chains *c) { free(c->value); }

/* A copy; with `split` each chain becomes its first and last floor(n / 2) draws. False where memory is
 * refused or a draw is not finite. */
static bool chains_copy(const clv_series *s, bool split, chains *out) {
  const size_t half = s->n_draw / 2, n = split ? half : s->n_draw, m = split ? 2 * s->n_chain : s->n_chain;
  *out = (chains){.value = malloc((m * n + 1) * sizeof(double)), .m = m, .n = n};
  if (out->value == NULL) return false;
  for (size_t c = 0; c < m; c++) {
    const size_t chain = split ? c / 2 : c, first = split && c % 2 == 1 ? s->n_draw - half : 0;
    for (size_t d = 0; d < n; d++) {
      const double x = s->data[chain * s->chain_stride + (first + d) * s->draw_stride];
      if (!isfinite(x)) {
        chains_free(out);
        return false;
      }
      out->value[c * n + d] = x;
    }
  }
  return true;
}

static bool is_constant(const chains *c) {
  for (size_t i = 1; i < c->m * c->n; i++)
    if (fabs(c->value[i] - c->value[0]) >= 2.220446049250313e-16) return false;
  return true;
}

typedef struct ranked {
  double value;
  size_t index;
} ranked;

static int ranked_compare(const void *a, const void *b) {
  const double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
  return x < y ? -1 : x > y;
}

static int double_compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Values become normal scores of their average ranks over all chains. */
static bool rank_normalise(chains *c) {
  const size_t total = c->m * c->n;
  ranked      *order = malloc((total + 1) * sizeof *order);
  if (order == NULL) return false;
  for (size_t i = 0; i < total; i++) order[i] = (ranked){c->value[i], i};
  qsort(order, total, sizeof *order, ranked_compare);
  for (size_t first = 0, last; first < total; first = last) {
    for (last = first + 1; last < total && order[last].value == order[first].value;) last++;
    const double rank  = 0.5 * (double)(first + 1 + last);
    const double score = clv_normal_quantile((rank - 0.375) / ((double)total + 0.25));
    for (size_t i = first; i < last; i++) c->value[order[i].index] = score;
  }
  free(order);
  return true;
}

double clv_quantile(const double *value, size_t n, double probability) {
  double *copy = n == 0 ? NULL : malloc(n * sizeof *copy);
  if (copy == NULL) return NAN;
  memcpy(copy, value, n * sizeof *copy);
  qsort(copy, n, sizeof *copy, double_compare);
  const double at  = probability * (double)(n - 1);
  const size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
  const double result = copy[low] + (at - (double)low) * (copy[high] - copy[low]);
  free(copy);
  return result;
}

static bool fold(chains *c) {
  const double median = clv_quantile(c->value, c->m * c->n, 0.5);
  for (size_t i = 0; i < c->m * c->n; i++) c->value[i] = fabs(c->value[i] - median);
  return true;
}

static double mean_of(const double *x, size_t n) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  return sum / (double)n;
}

static double variance_of(const double *x, size_t n) {
  const double mean = mean_of(x, n);
  double       sum  = 0.0;
  for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum / (double)(n - 1);
}

/* Variance of the chains' means. */
static double variance_between(const chains *c, double *scratch) {
  for (size_t k = 0; k < c->m; k++) scratch[k] = mean_of(c->value + k * c->n, c->n);
  return variance_of(scratch, c->m);
}

static double rhat_of(const chains *c) {
  double  within = 0.0, n = (double)c->n;
  double *scratch = malloc((c->m + 1) * sizeof *scratch);
  if (scratch == NULL || c->n < 2 || is_constant(c)) {
    free(scratch);
    return NAN;
  }
  for (size_t k = 0; k < c->m; k++) within += variance_of(c->value + k * c->n, c->n);
  within /= (double)c->m;
  const double between = n * variance_between(c, scratch);
  free(scratch);
  return sqrt((between / within + n - 1.0) / n);
}

static size_t power_of_two(size_t n) {
  size_t p = 1;
  while (p < n) p *= 2;
  return p;
}

/* Autocovariance of one chain at all lags, divided by n, by FFT zero-padded against wrap-around. work [2 * 2
 * * power_of_two(n)] */
static void autocovariance(const double *x, size_t n, double *work, double *out) {
  const size_t padded = 2 * power_of_two(n);
  const double mean   = mean_of(x, n);
  memset(work, 0, 2 * padded * sizeof *work);
  for (size_t i = 0; i < n; i++) work[2 * i] = x[i] - mean;
  gsl_fft_complex_radix2_forward(work, 1, padded);
  for (size_t i = 0; i < padded; i++) {
    work[2 * i]     = work[2 * i] * work[2 * i] + work[2 * i + 1] * work[2 * i + 1];
    work[2 * i + 1] = 0.0;
  }
  gsl_fft_complex_radix2_inverse(work, 1, padded);
  for (size_t i = 0; i < n; i++) out[i] = work[2 * i] / (double)n;
}

/* Mean over chains of the autocovariances. @param[out] mean [n] */
static bool autocovariance_mean(const chains *c, double *mean) {
  double *work = malloc((4 * power_of_two(c->n) + c->n) * sizeof *work);
  if (work == NULL) return false;
  double *one = work + 4 * power_of_two(c->n);
  memset(mean, 0, c->n * sizeof *mean);
  for (size_t k = 0; k < c->m; k++) {
    autocovariance(c->value + k * c->n, c->n, work, one);
    for (size_t t = 0; t < c->n; t++) mean[t] += one[t];
  }
  for (size_t t = 0; t < c->n; t++) mean[t] /= (double)c->m;
  free(work);
  return true;
}

/* Geyer's initial positive, then monotone sequence of paired autocorrelations (Vehtari et al. 2021,
 * section 3.2). */
static double relaxation_time(const double *covariance, size_t n, double within, double variance,
                              double *rho) {
  size_t t    = 0, most;
  double even = 1.0, odd = 1.0 - (within - covariance[1]) / variance;
  memset(rho, 0, n * sizeof *rho);
  rho[0] = even;
  rho[1] = odd;
  while (t + 5 < n && isfinite(even + odd) && even + odd > 0.0) {
    t += 2;
    even = 1.0 - (within - covariance[t]) / variance;
    odd  = 1.0 - (within - covariance[t + 1]) / variance;
    if (even + odd >= 0.0) rho[t] = even, rho[t + 1] = odd;
  }
  most = t;
  if (even > 0.0) rho[most] = even; /* the last even one improves the estimate for antithetic chains */
  for (t = 2; t + 2 <= most; t += 2)
    if (rho[t] + rho[t + 1] > rho[t - 2] + rho[t - 1]) rho[t] = rho[t + 1] = 0.5 * (rho[t - 2] + rho[t - 1]);
  double sum = 0.0;
  for (t = 0; t < most; t++) sum += rho[t];
  return -1.0 + 2.0 * sum + rho[most];
}

static double ess_of(const chains *c) {
  double *covariance = malloc((2 * c->n + c->m + 1) * sizeof *covariance);
  double  result     = NAN;
  if (covariance == NULL || c->n < 3 || is_constant(c) || !autocovariance_mean(c, covariance)) goto out;
  double      *rho = covariance + c->n, *scratch = rho + c->n;
  const double n = (double)c->n, within = covariance[0] * n / (n - 1.0), total = n * (double)c->m;
  double       variance = covariance[0];
  if (c->m > 1) variance += variance_between(c, scratch);
  double tau = relaxation_time(covariance, c->n, within, variance, rho);
  if (tau < 1.0 / log10(total)) tau = 1.0 / log10(total);
  result = total / tau;
out:
  free(covariance);
  return result;
}

/* ---- the statistics ---- */

typedef enum scale { KEEP, RANKS, FOLDED_RANKS } scale;

static double with_chains(const clv_series *s, bool split, scale how, double (*statistic)(const chains *)) {
  chains c;
  double result = NAN;
  if (s->n_draw < 4 || !chains_copy(s, split, &c)) return NAN;
  if (is_constant(&c)) goto out;
  if (how == FOLDED_RANKS) fold(&c);
  if (how != KEEP && !rank_normalise(&c)) goto out;
  result = statistic(&c);
out:
  chains_free(&c);
  return result;
}

double clv_rhat_raw(const clv_series *s) { return with_chains(s, false, KEEP, rhat_of); }

double clv_rhat_rank(const clv_series *s) {
  const double bulk = with_chains(s, true, RANKS, rhat_of),
               tail = with_chains(s, true, FOLDED_RANKS, rhat_of);
  if (isnan(bulk) || isnan(tail)) return NAN;
  return bulk > tail ? bulk : tail;
}

double clv_ess_bulk(const clv_series *s) { return with_chains(s, true, RANKS, ess_of); }
double clv_ess_mean(const clv_series *s) { return with_chains(s, true, KEEP, ess_of); }
double clv_ess_raw(const clv_series *s) { return with_chains(s, false, KEEP, ess_of); }

double clv_ess_quantile(const clv_series *s, double probability) {
  chains all, c;
  double result = NAN;
  if (s->n_draw < 4 || !chains_copy(s, false, &all)) return NAN;
  const double cut = clv_quantile(all.value, all.m * all.n, probability);
  if (!is_constant(&all) && chains_copy(s, true, &c)) {
    for (size_t i = 0; i < c.m * c.n; i++) c.value[i] = c.value[i] <= cut ? 1.0 : 0.0;
    result = ess_of(&c);
    chains_free(&c);
  }
  chains_free(&all);
  return result;
}

double clv_ess_median(const clv_series *s) { return clv_ess_quantile(s, 0.5); }

double clv_ess_tail(const clv_series *s) {
  const double low = clv_ess_quantile(s, 0.05), high = clv_ess_quantile(s, 0.95);
  if (isnan(low) || isnan(high)) return NAN;
  return low < high ? low : high;
}

/* Squared distances from the overall mean, whose mean is what the sd is about. */
static double ess_of_squares(const chains *c) {
  chains       square = {.value = malloc((c->m * c->n + 1) * sizeof(double)), .m = c->m, .n = c->n};
  const double mean   = mean_of(c->value, c->m * c->n);
  if (square.value == NULL) return NAN;
  for (size_t i = 0; i < c->m * c->n; i++) square.value[i] = (c->value[i] - mean) * (c->value[i] - mean);
  const double result = ess_of(&square);
  chains_free(&square);
  return result;
}

double clv_ess_sd(const clv_series *s) { return with_chains(s, true, KEEP, ess_of_squares); }

double clv_mcse_mean(const clv_series *s) {
  chains       c;
  const double ess = clv_ess_mean(s);
  if (s->n_draw < 4 || !chains_copy(s, false, &c)) return NAN;
  const double result = sqrt(variance_of(c.value, c.m * c.n) / ess);
  chains_free(&c);
  return result;
}

double clv_mcse_sd(const clv_series *s) {
  chains       c;
  const double ess = clv_ess_sd(s);
  if (s->n_draw < 4 || !chains_copy(s, false, &c)) return NAN;
  const size_t total  = c.m * c.n;
  const double mean   = mean_of(c.value, total);
  double       second = 0.0, fourth = 0.0;
  for (size_t i = 0; i < total; i++) {
    const double square = (c.value[i] - mean) * (c.value[i] - mean);
    second += square;
    fourth += square * square;
  }
  second /= (double)total;
  fourth /= (double)total;
  chains_free(&c);
  return sqrt((fourth - second * second) / ess / (4.0 * second));
}

/* Quantile of Beta(a, b) by bisection: GSL's own inverse does not converge for large, uneven arguments, and
 * aborts. */
static double beta_quantile(double probability, double a, double b) {
  double low = 0.0, high = 1.0;
  for (int i = 0; i < 60; i++) {
    const double middle                                          = 0.5 * (low + high);
    *(gsl_cdf_beta_P(middle, a, b) < probability ? &low : &high) = middle;
  }
  return 0.5 * (low + high);
}

/* Half the distance between two order statistics, found from the beta distribution of the quantile's rank. */
double clv_mcse_quantile(const clv_series *s, double probability) {
  chains       c;
  const double ess = clv_ess_quantile(s, probability);
  if (isnan(ess) || !chains_copy(s, false, &c)) return NAN;
  const size_t total = c.m * c.n;
  const double a = ess * probability + 1.0, b = ess * (1.0 - probability) + 1.0, size = (double)total;
  const double low = beta_quantile(0.1586553, a, b), high = beta_quantile(0.8413447, a, b);
  qsort(c.value, total, sizeof *c.value, double_compare);
  const double first = fmax(floor(low * size), 1.0), last = fmin(ceil(high * size), size);
  const double result = 0.5 * (c.value[(size_t)last - 1] - c.value[(size_t)first - 1]);
  chains_free(&c);
  return result;
}

double clv_e_bfmi(const double *energy, size_t n) {
  double change = 0.0;
  if (n < 2) return NAN;
  for (size_t i = 1; i < n; i++) change += (energy[i] - energy[i - 1]) * (energy[i] - energy[i - 1]);
  return change / (double)n / (variance_of(energy, n) * (double)(n - 1) / (double)n);
}

clv_status clv_summarise(const clv_series *s, clv_summary *out) {
  chains all;
  *out = (clv_summary){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  if (s->n_draw == 0 || !chains_copy(s, false, &all)) return CLV_OK;
  const size_t total = all.m * all.n;
  out->mean          = mean_of(all.value, total);
  out->sd            = total > 1 ? sqrt(variance_of(all.value, total)) : NAN;
  out->q05           = clv_quantile(all.value, total, 0.05);
  out->q50           = clv_quantile(all.value, total, 0.50);
  out->q95           = clv_quantile(all.value, total, 0.95);
  out->mcse_mean     = clv_mcse_mean(s);
  out->mcse_sd       = clv_mcse_sd(s);
  out->ess_bulk      = clv_ess_bulk(s);
  out->ess_tail      = clv_ess_tail(s);
  out->r_hat         = clv_rhat_rank(s);
  chains_free(&all);
  return CLV_OK;
}
