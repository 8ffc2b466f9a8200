#include "engine/models/prior.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"

enum { TEXT_MAX = 200 };

typedef struct family {
  const char *name;
  int         n_argument;
  unsigned    positive; /* bit i: argument i must be > 0 */
  const char *form;
} family;

/* In the order of clv_prior_family. */
static const family FAMILY[] = {
    {"normal", 2, 2u, "normal(mean, sd)"},
    {"half_normal", 1, 1u, "half_normal(sd)"},
    {"lognormal", 2, 2u, "lognormal(mean of log, sd of log)"},
    {"student_t", 3, 5u, "student_t(degrees, location, scale)"},
    {"cauchy", 2, 2u, "cauchy(location, scale)"},
    {"half_cauchy", 1, 1u, "half_cauchy(scale)"},
    {"gamma", 2, 3u, "gamma(shape, rate)"},
    {"inverse_gamma", 2, 3u, "inverse_gamma(shape, scale)"},
    {"beta", 2, 3u, "beta(a, b)"},
    {"exponential", 1, 1u, "exponential(rate)"},
    {"uniform", 2, 0u, "uniform(low, high)"},
};
enum { N_FAMILY = sizeof FAMILY / sizeof *FAMILY };

static const double HALF_LOG_2PI = 0.91893853320467274178, LOG_2 = 0.69314718055994530942,
                    PI = 3.14159265358979323846;

static clv_status complain(const char *name, const char *text, const char *why) {
  char   forms[640] = "";
  size_t used       = 0;
  for (int i = 0; i < N_FAMILY; i++) {
    const int n = snprintf(forms + used, sizeof forms - used, "%s%s", i == 0 ? "" : ", ", FAMILY[i].form);
    if (n > 0 && (size_t)n < sizeof forms - used) used += (size_t)n;
  }
  return clv_fail(CLV_EUSAGE, "model.priors.%s: '%.*s' %s; write one of %s", name, TEXT_MAX, text, why,
                  forms);
}

static const char *spaces_skip(const char *at) {
  while (isspace((unsigned char)*at)) at++;
  return at;
}

static int family_find(const char *at, size_t length) {
  for (int i = 0; i < N_FAMILY; i++)
    if (strlen(FAMILY[i].name) == length && strncmp(FAMILY[i].name, at, length) == 0) return i;
  return -1;
}

clv_status clv_prior_parse(const char *name, const char *text, clv_prior *out) {
  clv_prior prior = {.argument = {0.0}};
  if (strlen(text) > TEXT_MAX) return complain(name, text, "is too long");
  const char  *at     = spaces_skip(text);
  const size_t length = strcspn(at, "( \t");
  const int    which  = family_find(at, length);
  if (which < 0) return complain(name, text, "is no density that is known here");
  prior.family = (clv_prior_family)which;
  at           = spaces_skip(at + length);
  if (*at++ != '(') return complain(name, text, "lacks its arguments in parentheses");
  for (int i = 0; i < FAMILY[which].n_argument; i++) {
    char *end         = NULL;
    prior.argument[i] = strtod(at, &end);
    if (end == at || !isfinite(prior.argument[i]))
      return complain(name, text, "has an argument that is no finite number");
    if ((FAMILY[which].positive >> i & 1u) != 0 && !(prior.argument[i] > 0.0))
      return complain(name, text, "has a scale, shape or rate that is not positive");
    at = spaces_skip(end);
    if (*at++ != (i + 1 < FAMILY[which].n_argument ? ',' : ')'))
      return complain(name, text, "has another number of arguments than it should");
  }
  if (*spaces_skip(at) != '\0') return complain(name, text, "goes on behind the closing parenthesis");
  if (prior.family == CLV_PRIOR_UNIFORM && !(prior.argument[0] < prior.argument[1]))
    return complain(name, text, "has a lower bound that is not below the upper one");
  *out = prior;
  return CLV_OK;
}

clv_status clv_prior_names_check(const clv_prior_texts *priors, const char *const *name, size_t n) {
  char   valid[512] = "";
  size_t used       = 0;
  for (size_t i = 0; i < n; i++) {
    const int wrote = snprintf(valid + used, sizeof valid - used, "%s%s", i == 0 ? "" : ", ", name[i]);
    if (wrote > 0 && (size_t)wrote < sizeof valid - used) used += (size_t)wrote;
  }
  for (size_t k = 0; k < priors->n; k++) {
    size_t i = 0;
    while (i < n && strcmp(name[i], priors->item[k].name) != 0) i++;
    if (i == n)
      return clv_fail(CLV_EUSAGE, "model.priors.%.*s: there is no such parameter; the names are %s", TEXT_MAX,
                      priors->item[k].name, valid);
  }
  return CLV_OK;
}

void clv_prior_print(const clv_prior *self, char *text, size_t size) {
  const family *f = &FAMILY[self->family];
  if (f->n_argument == 1) snprintf(text, size, "%s(%.4g)", f->name, self->argument[0]);
  if (f->n_argument == 2)
    snprintf(text, size, "%s(%.4g, %.4g)", f->name, self->argument[0], self->argument[1]);
  if (f->n_argument == 3)
    snprintf(text, size, "%s(%.4g, %.4g, %.4g)", f->name, self->argument[0], self->argument[1],
             self->argument[2]);
}

static double normal_log_density(double x, double mean, double sd, double *d) {
  const double z = (x - mean) / sd;
  *d             = -z / sd;
  return -0.5 * z * z - clv_log(sd) - HALF_LOG_2PI;
}

static double student_log_density(double x, double nu, double location, double scale, double *d) {
  const double z = (x - location) / scale, q = 1.0 + z * z / nu;
  *d = -(nu + 1.0) * z / (nu * scale * q);
  return clv_lgamma(0.5 * (nu + 1.0)) - clv_lgamma(0.5 * nu) - 0.5 * clv_log(nu * PI) - clv_log(scale) -
         0.5 * (nu + 1.0) * clv_log(q);
}

static double positive_log_density(const clv_prior *self, double x, double *d) {
  const double a = self->argument[0], b = self->argument[1];
  double       value;
  switch (self->family) {
    case CLV_PRIOR_HALF_NORMAL:
      return LOG_2 + normal_log_density(x, 0.0, a, d);
    case CLV_PRIOR_HALF_CAUCHY:
      return LOG_2 + student_log_density(x, 1.0, 0.0, a, d);
    case CLV_PRIOR_EXPONENTIAL:
      *d = -a;
      return clv_log(a) - a * x;
    case CLV_PRIOR_LOGNORMAL:
      value = normal_log_density(clv_log(x), a, b, d);
      *d    = (*d - 1.0) / x;
      return value - clv_log(x);
    case CLV_PRIOR_GAMMA:
      *d = (a - 1.0) / x - b;
      return a * clv_log(b) - clv_lgamma(a) + (a - 1.0) * clv_log(x) - b * x;
    default: /* inverse gamma */
      *d = (-a - 1.0 + b / x) / x;
      return a * clv_log(b) - clv_lgamma(a) - (a + 1.0) * clv_log(x) - b / x;
  }
}

double clv_prior_log_density(const clv_prior *self, double x, double *derivative) {
  const double a = self->argument[0], b = self->argument[1];
  double       ignored;
  double      *d = derivative == NULL ? &ignored : derivative;
  *d             = 0.0;
  switch (self->family) {
    case CLV_PRIOR_NORMAL:
      return normal_log_density(x, a, b, d);
    case CLV_PRIOR_STUDENT_T:
      return student_log_density(x, a, b, self->argument[2], d);
    case CLV_PRIOR_CAUCHY:
      return student_log_density(x, 1.0, a, b, d);
    case CLV_PRIOR_UNIFORM:
      return x >= a && x <= b ? -clv_log(b - a) : -INFINITY;
    case CLV_PRIOR_BETA:
      if (!(x > 0.0 && x < 1.0)) return -INFINITY;
      *d = (a - 1.0) / x - (b - 1.0) / (1.0 - x);
      return (a - 1.0) * clv_log(x) + (b - 1.0) * clv_log1p(-x) - clv_lbeta(a, b);
    default:
      return x > 0.0 ? positive_log_density(self, x, d) : -INFINITY;
  }
}

double clv_prior_draw(const clv_prior *self, clv_rng *rng) {
  const double a = self->argument[0], b = self->argument[1];
  switch (self->family) {
    case CLV_PRIOR_NORMAL:
      return a + b * clv_rng_normal(rng);
    case CLV_PRIOR_HALF_NORMAL:
      return a * fabs(clv_rng_normal(rng));
    case CLV_PRIOR_LOGNORMAL:
      return clv_exp(a + b * clv_rng_normal(rng));
    case CLV_PRIOR_STUDENT_T:
      return b + self->argument[2] * clv_rng_normal(rng) / sqrt(clv_rng_gamma(rng, 0.5 * a, 0.5 * a));
    case CLV_PRIOR_CAUCHY:
      return a + b * clv_rng_normal(rng) / clv_rng_normal(rng); /* ratio of normals */
    case CLV_PRIOR_HALF_CAUCHY:
      return a * fabs(clv_rng_normal(rng) / clv_rng_normal(rng));
    case CLV_PRIOR_GAMMA:
      return clv_rng_gamma(rng, a, b);
    case CLV_PRIOR_INVERSE_GAMMA:
      return 1.0 / clv_rng_gamma(rng, a, b);
    case CLV_PRIOR_BETA:
      return clv_rng_beta(rng, a, b);
    case CLV_PRIOR_EXPONENTIAL:
      return clv_rng_exponential(rng) / a;
    default:
      return a + (b - a) * clv_rng_uniform(rng);
  }
}
