#include "engine/models/lognormal_population.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/numerics/pinned.h"

enum { MOST = CLV_LOGNORMAL_DIMENSIONS, PARAMETERS = CLV_LOGNORMAL_PARAMETERS, TRIES = 10000 };

/* How a parameter is laid on the line. */
typedef enum kind { MEAN, DEVIATION, CORRELATION, WITHIN } kind;

static const char *const TWO[]   = {"mean_log_lambda", "mean_log_mu", "sd_log_lambda", "sd_log_mu",
                                    "correlation"};
static const char *const THREE[] = {
    "mean_log_lambda", "mean_log_mu", "mean_log_spend",           "sd_log_lambda",        "sd_log_mu",
    "sd_log_spend",    "correlation", "correlation_lambda_spend", "correlation_mu_spend", "sd_log_amount"};

const char *const *clv_lognormal_population_names(size_t n) { return n == 2 ? TWO : THREE; }

static kind kind_of(size_t n, size_t i) {
  if (i < n) return MEAN;
  if (i < 2 * n) return DEVIATION;
  return i < 2 * n + n * (n - 1) / 2 ? CORRELATION : WITHIN;
}

clv_status clv_lognormal_population_make(size_t n, const double *centre, const clv_prior_texts *priors,
                                         clv_lognormal_population *out) {
  clv_lognormal_population made = {.n = n, .n_parameter = n == 2 ? 5 : PARAMETERS};
  const char *const       *name = clv_lognormal_population_names(n);
  clv_status               st   = CLV_OK;
  for (size_t i = 0; i < made.n_parameter; i++) {
    made.prior[i] = kind_of(n, i) == MEAN ? (clv_prior){CLV_PRIOR_NORMAL, {centre[i], 2.0, 0}}
                                          : (clv_prior){CLV_PRIOR_HALF_NORMAL, {2.0, 0, 0}};
    if (i < n) made.centre[i] = centre[i];
    for (size_t k = 0; priors != NULL && k < priors->n; k++) {
      if (strcmp(priors->item[k].name, name[i]) != 0) continue;
      CLV_TRY(clv_prior_parse(name[i], priors->item[k].text, &made.prior[i]));
      made.named |= 1u << i;
    }
  }
  *out = made;
out:
  return st;
}

/* The Cholesky factor of the correlations from partial ones, and their inverse by forward substitution. */
static void correlations_fill(size_t n, clv_lognormal_point *p) {
  double(*l)[MOST] = p->root, w[MOST][MOST] = {{0}};
  l[0][0] = 1.0, l[1][0] = p->partial[0], l[1][1] = sqrt(p->rest[0]);
  if (n == 3) {
    l[2][0] = p->partial[1];
    l[2][1] = p->partial[2] * sqrt(p->rest[1]);
    l[2][2] = sqrt(p->rest[1] * p->rest[2]);
  }
  for (size_t k = 0; k < n; k++)
    for (size_t i = k; i < n; i++) {
      double sum = i == k ? 1.0 : 0.0;
      for (size_t j = k; j < i; j++) sum -= l[i][j] * w[j][k];
      w[i][k] = sum / l[i][i];
    }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      p->inverse[i][j] = 0.0;
      for (size_t k = i > j ? i : j; k < n; k++) p->inverse[i][j] += w[k][i] * w[k][j];
    }
}

void clv_lognormal_population_at(const clv_lognormal_population *self, const double *phi,
                                 clv_lognormal_point *out) {
  const size_t n = self->n, n_correlation = n * (n - 1) / 2;
  *out = (clv_lognormal_point){.within = 0.0};
  for (size_t i = 0; i < n; i++) out->mean[i] = phi[i], out->sd[i] = clv_exp(phi[n + i]);
  for (size_t k = 0; k < n_correlation; k++) {
    const double s = clv_sigmoid(2.0 * phi[2 * n + k]), t = clv_sigmoid(-2.0 * phi[2 * n + k]);
    out->partial[k] = s - t, out->rest[k] = 4.0 * s * t;
  }
  if (n == 3) out->within = clv_exp(phi[PARAMETERS - 1]);
  correlations_fill(n, out);
}

/* Correlation of the second and third dimension. */
static double last_correlation(const clv_lognormal_point *at) {
  return at->root[1][0] * at->root[2][0] + at->root[1][1] * at->root[2][1];
}

void clv_lognormal_population_values(const clv_lognormal_population *self, const clv_lognormal_point *at,
                                     double *value) {
  const size_t n = self->n;
  for (size_t i = 0; i < n; i++) value[i] = at->mean[i], value[n + i] = at->sd[i];
  value[2 * n] = at->partial[0];
  if (n == 2) return;
  value[2 * n + 1] = at->partial[1], value[2 * n + 2] = last_correlation(at), value[2 * n + 3] = at->within;
}

bool clv_lognormal_population_of_values(size_t n, const double *value, clv_lognormal_point *out) {
  clv_lognormal_point p = {.within = n == 3 ? value[PARAMETERS - 1] : 0.0};
  for (size_t i = 0; i < n; i++) {
    p.mean[i] = value[i], p.sd[i] = value[n + i];
    if (!(p.sd[i] > 0.0)) return false;
  }
  p.partial[0] = value[2 * n];
  p.rest[0]    = (1.0 - p.partial[0]) * (1.0 + p.partial[0]);
  if (n == 3) {
    p.partial[1] = value[2 * n + 1];
    p.rest[1]    = (1.0 - p.partial[1]) * (1.0 + p.partial[1]);
    p.partial[2] = (value[2 * n + 2] - p.partial[0] * p.partial[1]) / sqrt(p.rest[0] * p.rest[1]);
    p.rest[2]    = (1.0 - p.partial[2]) * (1.0 + p.partial[2]);
  }
  for (size_t k = 0; k < n * (n - 1) / 2; k++)
    if (!(p.rest[k] > 0.0)) return false;
  correlations_fill(n, &p);
  *out = p;
  return true;
}

/* Exponent of 1 - r^2 in the density of partial correlation k under LKJ(2), and the log of its constant:
 * 2 + (n - 1 - order) / 2 - 1. */
static double lkj_exponent(size_t n, size_t k, double *log_constant) {
  const bool is_plain = n == 3 && k < 2;
  *log_constant       = is_plain ? -0.16390063283767387 : -0.28768207245178090; /* 8 / (3 pi), 3 / 4 */
  return is_plain ? 1.5 : 1.0;
}

/* Of one correlation's coordinate, with the Jacobian 1 - r^2. */
static double correlation_prior(const clv_lognormal_population *self, size_t k, const clv_lognormal_point *at,
                                double *gradient) {
  const size_t i = 2 * self->n + k;
  const double r = at->partial[k], log_rest = clv_log(at->rest[k]);
  double       d, constant;
  if ((self->named >> i & 1u) == 0) {
    const double exponent = lkj_exponent(self->n, k, &constant);
    gradient[i] -= 2.0 * (exponent + 1.0) * r;
    return constant + (exponent + 1.0) * log_rest;
  }
  const double density = clv_prior_log_density(&self->prior[i], r, &d);
  gradient[i] += d * at->rest[k] - 2.0 * r;
  return density + log_rest;
}

double clv_lognormal_population_prior(const clv_lognormal_population *self, const clv_lognormal_point *at,
                                      double *gradient) {
  double total = 0.0, d;
  for (size_t i = 0; i < self->n_parameter; i++) switch (kind_of(self->n, i)) {
      case MEAN:
        total += clv_prior_log_density(&self->prior[i], at->mean[i], &d);
        gradient[i] += d;
        break;
      case CORRELATION:
        total += correlation_prior(self, i - 2 * self->n, at, gradient);
        break;
      default: {
        const double sd = i == PARAMETERS - 1 ? at->within : at->sd[i - self->n];
        total += clv_prior_log_density(&self->prior[i], sd, &d) + clv_log(sd);
        gradient[i] += d * sd + 1.0;
      }
    }
  return total;
}

/* d log density / d root, lower triangle, to the partial correlations' coordinates. */
static void root_chain(size_t n, const clv_lognormal_point *at, double g[MOST][MOST], double *gradient) {
  const double *r = at->partial, *q = at->rest;
  gradient[0] += q[0] * (g[1][0] - r[0] / sqrt(q[0]) * g[1][1]);
  if (n == 2) return;
  const double down = sqrt(q[1]), last = sqrt(q[2]);
  gradient[1] += q[1] * (g[2][0] - r[1] / down * (r[2] * g[2][1] + last * g[2][2]));
  gradient[2] += q[2] * (down * g[2][1] - r[2] * down / last * g[2][2]);
}

void clv_lognormal_population_score(const clv_lognormal_population *self, const clv_lognormal_point *at,
                                    const double *first, const double *second, double *gradient) {
  const size_t n                = self->n;
  double       half[MOST][MOST] = {{0}}, w[MOST][MOST] = {{0}}, g[MOST][MOST] = {{0}};
  for (size_t i = 0; i < n; i++) {
    double slope = 0.0;
    for (size_t j = 0; j < n; j++) {
      slope += at->inverse[i][j] * first[j];
      for (size_t k = 0; k < n; k++) half[i][j] += at->inverse[i][k] * second[k * n + j];
    }
    gradient[i] += slope / at->sd[i];
    gradient[n + i] += half[i][i];
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      for (size_t k = 0; k < n; k++) w[i][j] += 0.5 * half[i][k] * at->inverse[k][j];
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      for (size_t k = j; k < n; k++) g[i][j] += 2.0 * w[i][k] * at->root[k][j];
  root_chain(n, at, g, gradient + 2 * n);
}

static double correlation_draw(const clv_lognormal_population *self, size_t k, clv_rng *rng) {
  const size_t i = 2 * self->n + k;
  double       r = 2.0, constant;
  if ((self->named >> i & 1u) == 0) {
    const double shape = lkj_exponent(self->n, k, &constant) + 1.0;
    return 2.0 * clv_rng_beta(rng, shape, shape) - 1.0;
  }
  for (int t = 0; t < TRIES && !(fabs(r) < 1.0); t++) r = clv_prior_draw(&self->prior[i], rng);
  return fabs(r) < 1.0 ? r : NAN;
}

static double positive_draw(const clv_prior *prior, clv_rng *rng) {
  double sd = 0.0;
  for (int t = 0; t < TRIES && !(sd > 0.0); t++) sd = clv_prior_draw(prior, rng);
  return sd > 0.0 ? sd : NAN;
}

void clv_lognormal_population_draw(const clv_lognormal_population *self, clv_rng *rng, double *phi) {
  for (size_t i = 0; i < self->n_parameter; i++) switch (kind_of(self->n, i)) {
      case MEAN:
        phi[i] = clv_prior_draw(&self->prior[i], rng);
        break;
      case CORRELATION: {
        const double r = correlation_draw(self, i - 2 * self->n, rng);
        phi[i]         = 0.5 * (clv_log1p(r) - clv_log1p(-r));
        break;
      }
      default:
        phi[i] = clv_log(positive_draw(&self->prior[i], rng));
    }
}

void clv_lognormal_population_start(const clv_lognormal_population *self, clv_rng *rng, double *phi) {
  for (size_t i = 0; i < self->n_parameter; i++) {
    const double spread = 2.0 * clv_rng_uniform(rng) - 1.0;
    phi[i]              = i < self->n ? self->centre[i] + spread : 0.5 * spread;
  }
}

static const char *reason_of(size_t n, size_t i) {
  static const char *const MEANS[]      = {"0.02 to 50 purchases in the mean observed age at the median rate",
                                           "median lifetime from 0.02 to 50 mean observed ages",
                                           "median spend within a factor of 50 of the sample's"};
  static const char *const DEVIATIONS[] = {"rates of typical customers differ up to a factor of e^4",
                                           "dropout rates of typical customers differ up to a factor of e^4",
                                           "spends of typical customers differ up to a factor of e^4"};
  switch (kind_of(n, i)) {
    case MEAN:
      return MEANS[i];
    case DEVIATION:
      return DEVIATIONS[i - n];
    case CORRELATION:
      return "correlations near -1 and 1 are unlikely";
    default:
      return "a customer's amounts differ up to a factor of e^4";
  }
}

void clv_lognormal_population_line(const clv_lognormal_population *self, size_t i, char *line, size_t size) {
  const bool named       = (self->named >> i & 1u) != 0;
  char       density[96] = "LKJ(2)";
  if (kind_of(self->n, i) != CORRELATION || named) clv_prior_print(&self->prior[i], density, sizeof density);
  snprintf(line, size, "%s ~ %s: %s", clv_lognormal_population_names(self->n)[i], density,
           named ? "from the configuration" : reason_of(self->n, i));
}

clv_lognormal_prior clv_lognormal_population_rates(const clv_lognormal_point *at) {
  return (clv_lognormal_prior){.mean = {at->mean[0], at->mean[1]},
                               .sd   = {at->sd[0], at->sd[1]},
                               .rho  = at->partial[0],
                               .rest = at->rest[0]};
}
