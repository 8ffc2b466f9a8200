#include "engine/models/lognormal_amounts.h"

#include <math.h>

#include "engine/numerics/pinned.h"

static const double LOG_2_PI = 1.8378770664093453;

/* Variance of the amounts' mean log around log eta, in units of that of log eta; infinite without amounts. */
static double noise_of(const clv_lognormal_point *at, const clv_lognormal_amounts *a) {
  const double ratio = at->within / at->sd[2];
  return ratio * ratio / a->n;
}

static double correlation_of(const clv_lognormal_point *at, size_t k) {
  return k == 0 ? at->root[2][0] : at->root[1][0] * at->root[2][0] + at->root[1][1] * at->root[2][1];
}

clv_lognormal_prior clv_lognormal_amounts_prior(const clv_lognormal_point *at, const double *mean,
                                                const clv_lognormal_amounts *amounts) {
  clv_lognormal_prior prior = clv_lognormal_population_rates(at);
  prior.mean[0] = mean[0], prior.mean[1] = mean[1];
  if (!(amounts->n > 0.0)) return prior;
  /* nothing cancels: every difference is a mixture of what is left without amounts and with eta known */
  const double noise = noise_of(at, amounts), known = 1.0 / (1.0 + noise), open = noise / (1.0 + noise);
  const double off = (amounts->mean_log - mean[2]) / at->sd[2];
  double       left[2];
  for (size_t k = 0; k < 2; k++) {
    const double r = correlation_of(at, k);
    left[k]        = open + known * (1.0 - r) * (1.0 + r);
    prior.mean[k] += at->sd[k] * r * known * off;
    prior.sd[k] = at->sd[k] * sqrt(left[k]);
  }
  const double both = left[0] * left[1], all = at->rest[0] * at->rest[1] * at->rest[2];
  prior.rho  = (at->partial[0] - correlation_of(at, 0) * correlation_of(at, 1) * known) / sqrt(both);
  prior.rest = (open * at->rest[0] + known * all) / both;
  return prior;
}

/* log eta, standardised, regressed on the two standardised logarithms: slopes; and how much the amounts take
 * over, between 0 and 1. */
typedef struct regressed {
  double slope[2], variance, share;
} regressed;

static regressed regressed_of(const clv_lognormal_point *at, const clv_lognormal_amounts *a) {
  regressed out = {.variance = at->root[2][2] * at->root[2][2]};
  out.slope[1]  = at->root[2][1] / at->root[1][1];
  out.slope[0]  = at->root[2][0] - out.slope[1] * at->root[1][0];
  if (a->n > 0.0) out.share = out.variance / (out.variance + noise_of(at, a));
  return out;
}

clv_lognormal_median clv_lognormal_amounts_median(const clv_lognormal_point *at, const double *mean,
                                                  const clv_lognormal_amounts *amounts) {
  const regressed      on  = regressed_of(at, amounts);
  clv_lognormal_median out = {.constant = mean[2],
                              .variance = (1.0 - on.share) * on.variance * at->sd[2] * at->sd[2]};
  if (amounts->n > 0.0) out.constant += on.share * (amounts->mean_log - mean[2]);
  for (size_t k = 0; k < 2; k++) out.slope[k] = (1.0 - on.share) * on.slope[k] * at->sd[2] / at->sd[k];
  return out;
}

double clv_lognormal_amounts_density(const clv_lognormal_point *at, double mean,
                                     const clv_lognormal_amounts *amounts, double count) {
  const double n = amounts->n, within = at->within * at->within;
  if (!(n > 0.0)) return 0.0;
  const double variance = at->sd[2] * at->sd[2] + within / n, off = amounts->mean_log - mean;
  const double one = -0.5 * (LOG_2_PI + clv_log(variance) + off * off / variance) -
                     0.5 * (n - 1.0) * (LOG_2_PI + clv_log(within)) - 0.5 * clv_log(n) -
                     n * amounts->mean_log;
  return count * one - 0.5 * amounts->ss / within;
}

/* First and second moments with log eta, given those of the rates. */
static void eta_fill(const regressed *on, double r, clv_lognormal_moments *m) {
  const double own    = 1.0 - on->share;
  double       linear = 0.0, square = 0.0;
  for (size_t k = 0; k < 2; k++) {
    double with = 0.0;
    linear += on->slope[k] * m->first[k];
    for (size_t j = 0; j < 2; j++) with += on->slope[j] * m->second[j][k];
    square += on->slope[k] * with;
    m->second[2][k] = m->second[k][2] = own * with + on->share * r * m->first[k];
  }
  m->first[2]     = own * linear + on->share * r * m->count;
  m->second[2][2] = own * (on->variance * m->count + own * square + 2.0 * on->share * r * linear) +
                    on->share * r * on->share * r * m->count;
}

void clv_lognormal_amounts_moments(const clv_lognormal_point *at, double mean,
                                   const clv_lognormal_amounts *amounts, clv_lognormal_moments *m) {
  const bool      known = amounts->n > 0.0;
  const regressed on    = regressed_of(at, amounts);
  const double    r     = known ? (amounts->mean_log - mean) / at->sd[2] : 0.0;
  const double    ratio = at->sd[2] / at->within;
  eta_fill(&on, r, m);
  const double off = r * r * m->count - 2.0 * r * m->first[2] + m->second[2][2];
  m->within        = 0.0;
  if (known)
    m->within = amounts->ss / (at->within * at->within) + amounts->n * (ratio * ratio * off - m->count);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++) {
      double correlation = 0.0;
      for (size_t k = 0; k <= (i < j ? i : j); k++) correlation += at->root[i][k] * at->root[j][k];
      m->second[i][j] -= m->count * correlation;
    }
}
