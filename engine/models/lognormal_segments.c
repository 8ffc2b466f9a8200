#include "engine/models/lognormal_segments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/pooled.h"
#include "engine/numerics/pinned.h"

enum { MOST = CLV_LOGNORMAL_PARAMETERS, TRIES = 10000 };

static size_t n_parameter(const clv_lognormal_segments *s) { return s->population.n_parameter; }
static size_t n_mean(const clv_lognormal_segments *s) { return s->population.n; }

/* Pooled coordinates: the population's, log tau, then each segment's means. */
static size_t means_at(const clv_lognormal_segments *s, size_t g) {
  return n_parameter(s) + n_mean(s) * (1 + g);
}

static clv_status taus_fill(clv_lognormal_segments *s, const clv_prior_texts *priors) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < n_mean(s); i++) {
    char name[CLV_NAME_MAX];
    snprintf(name, sizeof name, CLV_TAU "%s", clv_lognormal_population_names(n_mean(s))[i]);
    s->tau[i] = (clv_prior){CLV_PRIOR_HALF_NORMAL, {1.0, 0, 0}};
    for (size_t k = 0; priors != NULL && k < priors->n; k++) {
      if (strcmp(priors->item[k].name, name) != 0) continue;
      CLV_TRY(clv_prior_parse(name, priors->item[k].text, &s->tau[i]));
      s->tau_named |= 1u << i;
    }
  }
out:
  return st;
}

/* Customers of each segment over all ranks. */
static void centred_fill(clv_lognormal_segments *s, const clv_cells *cells, const clv_comm *comm,
                         int64_t *customers) {
  for (size_t i = 0; i < (size_t)(cells->blocks.last - cells->blocks.first); i++)
    customers[cells->segment == NULL ? 0 : cells->segment[i]] +=
        cells->count == NULL ? 1 : (int64_t)cells->count[i];
  clv_comm_sum_i64(comm, customers, s->n_segment);
  for (size_t g = 0; g < s->n_segment; g++) s->is_centred[g] = customers[g] >= CLV_LOGNORMAL_CENTRED;
}

clv_status clv_lognormal_segments_make(const clv_comm *comm, size_t n, const double *centre,
                                       const clv_cells *cells, const clv_prior_texts *priors,
                                       clv_lognormal_segments *out) {
  clv_lognormal_segments made      = {.n_segment = cells->n_segment};
  int64_t               *customers = NULL;
  clv_status             st        = clv_calloc(made.n_segment, sizeof *customers, (void **)&customers);
  made.pooled                      = cells->pooled && cells->n_segment > 1;
  if (st == CLV_OK) st = clv_calloc(made.n_segment, sizeof *made.is_centred, (void **)&made.is_centred);
  if (st == CLV_OK) st = clv_lognormal_population_make(n, centre, priors, &made.population);
  if (st == CLV_OK) st = taus_fill(&made, priors);
  CLV_TRY(clv_comm_agree(comm, st));
  centred_fill(&made, cells, comm, customers);
  *out = made;
  made = (clv_lognormal_segments){0};
out:
  free(customers);
  clv_lognormal_segments_free(&made);
  return st;
}

void clv_lognormal_segments_free(clv_lognormal_segments *self) {
  free(self->is_centred);
  self->is_centred = NULL;
}

size_t clv_lognormal_segments_n_dim(const clv_lognormal_segments *self) {
  return self->pooled ? means_at(self, self->n_segment) : self->n_segment * n_parameter(self);
}

void clv_lognormal_segments_place(const clv_lognormal_segments *self, const double *phi, size_t g,
                                  double *own) {
  const size_t n = n_parameter(self);
  memcpy(own, self->pooled ? phi : phi + g * n, n * sizeof *own);
  if (!self->pooled) return;
  const double *mean = phi + means_at(self, g), *log_tau = phi + n;
  for (size_t i = 0; i < n_mean(self); i++)
    own[i] = self->is_centred[g] ? mean[i] : phi[i] + clv_exp(log_tau[i]) * mean[i];
}

static double own_priors(const clv_lognormal_segments *s, const double *phi, const double *own,
                         double *gradient) {
  const size_t n     = n_parameter(s);
  double       total = 0.0;
  for (size_t g = 0; g < s->n_segment; g++) {
    clv_lognormal_point at;
    memcpy(gradient + g * n, own + g * n, n * sizeof *own);
    clv_lognormal_population_at(&s->population, phi + g * n, &at);
    total += clv_lognormal_population_prior(&s->population, &at, gradient + g * n);
  }
  return total;
}

/* One segment's mean i: its normal density about M, and the chain rule. */
static double mean_pool(const clv_lognormal_segments *s, const double *phi, size_t g, size_t i, double slope,
                        double *gradient) {
  const size_t at = means_at(s, g) + i, spread = n_parameter(s) + i;
  const double tau = clv_exp(phi[spread]);
  if (!s->is_centred[g]) {
    gradient[at] = slope * tau - phi[at];
    gradient[i] += slope;
    gradient[spread] += slope * tau * phi[at];
    return -0.5 * phi[at] * phi[at];
  }
  const double off = (phi[at] - phi[i]) / tau;
  gradient[at]     = slope - off / tau;
  gradient[i] += off / tau;
  gradient[spread] += off * off - 1.0;
  return -0.5 * off * off - phi[spread];
}

static double pooled_priors(const clv_lognormal_segments *s, const double *phi, const double *own,
                            double *gradient) {
  const size_t        n = n_parameter(s), m = n_mean(s);
  clv_lognormal_point at;
  double              d, total;
  memset(gradient, 0, clv_lognormal_segments_n_dim(s) * sizeof *gradient);
  clv_lognormal_population_at(&s->population, phi, &at);
  total = clv_lognormal_population_prior(&s->population, &at, gradient);
  for (size_t i = 0; i < m; i++) {
    const double tau = clv_exp(phi[n + i]);
    total += clv_prior_log_density(&s->tau[i], tau, &d) + phi[n + i];
    gradient[n + i] += d * tau + 1.0;
  }
  for (size_t g = 0; g < s->n_segment; g++)
    for (size_t i = 0; i < n; i++) {
      if (i < m)
        total += mean_pool(s, phi, g, i, own[g * n + i], gradient);
      else
        gradient[i] += own[g * n + i];
    }
  return total - 0.91893853320467274 * (double)(s->n_segment * m); /* log sqrt(2 pi) */
}

double clv_lognormal_segments_prior(const clv_lognormal_segments *self, const double *phi, const double *own,
                                    double *gradient) {
  return self->pooled ? pooled_priors(self, phi, own, gradient) : own_priors(self, phi, own, gradient);
}

/* Pooled: the means of the segments, what they share, the typical segment's means, tau. */
size_t clv_lognormal_segments_n_variable(const clv_lognormal_segments *self) {
  return n_parameter(self) + (self->pooled ? 2 * n_mean(self) : 0);
}

void clv_lognormal_segments_variable(const clv_lognormal_segments *self, size_t i, clv_variable *out) {
  const size_t n = n_parameter(self), m = n_mean(self);
  const char  *name = clv_lognormal_population_names(m)[i < n ? i : (i - n) % m];
  *out              = (clv_variable){.length = 1};
  if (i < n && self->n_segment > 1 && (!self->pooled || i < m)) {
    out->length = self->n_segment;
    snprintf(out->dimension, sizeof out->dimension, "segment");
  }
  snprintf(out->name, sizeof out->name, "%s%s%s", i >= n + m ? CLV_TAU : "", name,
           i >= n && i < n + m ? CLV_POPULATION : "");
}

void clv_lognormal_segments_constrain(const clv_lognormal_segments *self, const double *phi, double *value) {
  const size_t n = n_parameter(self), m = n_mean(self), all = self->n_segment;
  for (size_t g = 0; g < all; g++) {
    double              own[MOST], one[MOST];
    clv_lognormal_point at;
    clv_lognormal_segments_place(self, phi, g, own);
    clv_lognormal_population_at(&self->population, own, &at);
    clv_lognormal_population_values(&self->population, &at, one);
    for (size_t i = 0; i < n; i++) {
      if (!self->pooled || i < m)
        value[i * all + g] = one[i];
      else
        value[m * all + i - m] = one[i];
    }
  }
  double *rest = value + m * all + n - m;
  for (size_t i = 0; self->pooled && i < m; i++) rest[i] = phi[i], rest[m + i] = clv_exp(phi[n + i]);
}

static double tau_draw(const clv_prior *prior, clv_rng *rng) {
  double tau = 0.0;
  for (int t = 0; t < TRIES && !(tau > 0.0); t++) tau = clv_prior_draw(prior, rng);
  return tau > 0.0 ? tau : NAN;
}

/* The population, tau, and each segment's means about it. */
static void pooled_draw(const clv_lognormal_segments *s, clv_rng *rng, double *phi, bool is_start) {
  const size_t n = n_parameter(s), m = n_mean(s);
  for (size_t i = 0; i < m; i++)
    phi[n + i] = is_start ? -1.0 + 0.5 * clv_rng_uniform(rng) : clv_log(tau_draw(&s->tau[i], rng));
  for (size_t g = 0; g < s->n_segment; g++)
    for (size_t i = 0; i < m; i++) {
      const double off        = clv_rng_normal(rng);
      phi[means_at(s, g) + i] = s->is_centred[g] ? phi[i] + clv_exp(phi[n + i]) * off : off;
    }
}

void clv_lognormal_segments_start(const clv_lognormal_segments *self, clv_rng *rng, double *phi) {
  const size_t n = self->pooled ? 1 : self->n_segment;
  for (size_t g = 0; g < n; g++)
    clv_lognormal_population_start(&self->population, rng, phi + g * n_parameter(self));
  if (self->pooled) pooled_draw(self, rng, phi, true);
}

void clv_lognormal_segments_draw(const clv_lognormal_segments *self, clv_rng *rng, double *phi) {
  const size_t n = self->pooled ? 1 : self->n_segment;
  for (size_t g = 0; g < n; g++)
    clv_lognormal_population_draw(&self->population, rng, phi + g * n_parameter(self));
  if (self->pooled) pooled_draw(self, rng, phi, false);
}

int clv_lognormal_segments_line(const clv_lognormal_segments *self, size_t i, char *line, size_t size) {
  const size_t n = n_parameter(self), m = n_mean(self);
  char         text[96];
  if (i >= n + (self->pooled ? m : 0)) return 0;
  if (i < n) {
    clv_lognormal_population_line(&self->population, i, line, size);
    return 1;
  }
  clv_prior_print(&self->tau[i - n], text, sizeof text);
  snprintf(line, size, CLV_TAU "%s ~ %s: %s", clv_lognormal_population_names(m)[i - n], text,
           (self->tau_named >> (i - n) & 1u) != 0 ? "from the configuration"
                                                  : "segments' medians differ up to a factor of e^2");
  return 1;
}
