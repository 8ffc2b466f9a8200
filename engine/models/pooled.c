#include "engine/models/pooled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/segments.h"
#include "engine/models/whitening_fit.h"
#include "engine/numerics/pinned.h"

enum { MOST = CLV_SEGMENT_PARAMETER_MAX, DRAW_TRIES = 10000 };

static const char TAU_REASON[] =
    "one standard deviation between segments is a factor of e at most, and probably less";

/* The coordinate t of a standard deviation: log(tau / CLV_TAU_SD) = h(t), near t above 0 and near -t^2/2
 * below. In log tau a posterior that reaches down to tau = 0 has an exponential tail, in t a normal one, and
 * samplers are quicker there. With w = sqrt(1 + t^2) - t: h' = 1 + w/2. */
typedef struct spread {
  double log_tau, slope, bend; /* h' and h'' */
} spread;

static double spread_w(double t, double r) { return t > 0.0 ? 1.0 / (r + t) : r - t; }

static spread spread_at(double t) {
  const double r = sqrt(1.0 + t * t), w = spread_w(t, r);
  return (spread){.log_tau = clv_log(CLV_TAU_SD) + t + 0.25 * (t * w - clv_log(w)),
                  .slope   = 1.0 + 0.5 * w,
                  .bend    = -0.5 * w / r};
}

/* h is concave: Newton's steps end on one side of the root and approach it. */
static double spread_coordinate(double tau) {
  const double log_tau = clv_log(tau);
  double       t       = log_tau < 0.0 ? -sqrt(-2.0 * log_tau) : log_tau;
  for (int i = 0; i < 40; i++) {
    const spread at = spread_at(t);
    t -= (at.log_tau - log_tau) / at.slope;
  }
  return t;
}

/* phi: xi [n_segment][n], m [n], coordinates of tau [n]. */
typedef struct pooled {
  clv_likelihood likelihood; /* owned */
  clv_slots      slots;      /* of m */
  clv_prior      tau[MOST];
  unsigned       tau_named;
  clv_whitening *whitening;  /* owned [n_segment], or borrowed */
  bool           is_refined; /* from another, whose whitening it borrows */
} pooled;

static size_t n_parameter(const pooled *p) { return p->slots.coordinates->n; }

static const double *m_of(const pooled *p, const double *phi) {
  return phi + p->likelihood.n_segment * n_parameter(p);
}

static void tau_of(const pooled *p, const double *phi, double *tau) {
  const double *t = m_of(p, phi) + n_parameter(p);
  for (size_t i = 0; i < n_parameter(p); i++) tau[i] = clv_exp(spread_at(t[i]).log_tau);
}

static void pooled_place(const void *self, const double *phi, size_t g, double *u) {
  const pooled *p = self;
  const size_t  n = n_parameter(p);
  double        tau[MOST];
  clv_whitened  at;
  tau_of(p, phi, tau);
  clv_whitening_apply(&p->whitening[g], n, m_of(p, phi), tau, phi + g * n, &at);
  memcpy(u, at.u, n * sizeof *u);
}

static size_t pooled_n_dim(const void *self) {
  const pooled *p = self;
  return n_parameter(p) * (p->likelihood.n_segment + 2);
}

static clv_segments segments_of(const pooled *p) {
  return (clv_segments){.likelihood  = &p->likelihood,
                        .coordinates = p->slots.coordinates,
                        .self        = p,
                        .n_dim       = pooled_n_dim(p),
                        .place       = pooled_place};
}

static size_t pooled_n_sum(const void *self) {
  const clv_segments segments = segments_of(self);
  return clv_segments_n_sum(&segments);
}

static size_t pooled_n_block(const void *self) {
  const clv_segments segments = segments_of(self);
  return clv_segments_n_block(&segments);
}

static void pooled_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const clv_segments segments = segments_of(self);
  clv_segments_block(&segments, block, n_chain, phi, sum);
}

/* Priors of m and of tau in their coordinates. @param[in,out] by_m  added to  @param[in,out] by_tau  of the
 * rest in log tau, becomes that of all in t */
static double population_log_density(const pooled *p, const double *m, const double *tau, double *by_m,
                                     double *by_tau) {
  const size_t  n     = n_parameter(p);
  const double *t     = m + n;
  double        total = clv_slots_log_density(&p->slots, m, by_m);
  for (size_t i = 0; i < n; i++) {
    const spread at = spread_at(t[i]);
    double       d;
    total += clv_prior_log_density(&p->tau[i], tau[i], &d) + at.log_tau + clv_log(at.slope);
    by_tau[i] = (by_tau[i] + d * tau[i] + 1.0) * at.slope + at.bend / at.slope;
  }
  return total;
}

static void pooled_finish(const void *self, const double *phi, const double *sum, double *log_density,
                          double *gradient) {
  const pooled      *p        = self;
  const clv_segments segments = segments_of(p);
  const size_t       n = n_parameter(p), n_segment = p->likelihood.n_segment;
  const double      *m    = m_of(p, phi);
  double            *by_m = gradient + n_segment * n, *by_tau = by_m + n, tau[MOST], total = 0.0;
  tau_of(p, phi, tau);
  memset(by_m, 0, 2 * n * sizeof *by_m);
  for (size_t g = 0; g < n_segment; g++) {
    double       by_u[MOST];
    clv_whitened at;
    clv_whitening_apply(&p->whitening[g], n, m, tau, phi + g * n, &at);
    total += clv_segments_finish(&segments, g, at.u, sum, by_u) + at.log_prior;
    clv_whitening_gradient(&p->whitening[g], n, tau, phi + g * n, &at, by_u, gradient + g * n, by_m, by_tau);
  }
  total += population_log_density(p, m, tau, by_m, by_tau);
  /* where parameters overflow nothing is known, least of all that the density is boundless */
  *log_density = total == INFINITY ? NAN : total;
}

static double pooled_log_likelihood(const void *self, const double *phi, const double *sum) {
  const clv_segments segments = segments_of(self);
  return clv_segments_log_likelihood(&segments, phi, sum);
}

/* The segments' parameters, the typical segment's, the standard deviations. */
static size_t pooled_n_variable(const void *self) { return 3 * n_parameter(self); }

static void pooled_variable(const void *self, size_t i, clv_variable *out) {
  const pooled *p    = self;
  const size_t  n    = n_parameter(p);
  const char   *name = p->slots.coordinates->parameter[i % n];
  *out               = (clv_variable){.length = i < n ? p->likelihood.n_segment : 1};
  snprintf(out->name, sizeof out->name, "%s%s%s", i >= 2 * n ? CLV_TAU : "", name,
           i >= n && i < 2 * n ? CLV_POPULATION : "");
  if (i < n) snprintf(out->dimension, sizeof out->dimension, "segment");
}

static void pooled_constrain(const void *self, const double *phi, double *value) {
  const pooled      *p        = self;
  const clv_segments segments = segments_of(p);
  const size_t       n = n_parameter(p), n_segment = p->likelihood.n_segment;
  clv_segments_constrain(&segments, phi, value);
  p->slots.coordinates->natural(m_of(p, phi), value + n * n_segment, NULL);
  tau_of(p, phi, value + n * n_segment + n);
}

/* A prior with mass below zero is cut off there. NaN where it has next to none above. */
static double tau_draw(const clv_prior *prior, clv_rng *rng) {
  for (int t = 0; t < DRAW_TRIES; t++) {
    const double tau = clv_prior_draw(prior, rng);
    if (tau > 0.0) return tau;
  }
  return NAN;
}

static void pooled_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const pooled *p = self;
  const size_t  n = n_parameter(p), n_segment = p->likelihood.n_segment;
  double       *m = phi + n_segment * n, tau[MOST], e[MOST];
  clv_slots_draw(&p->slots, rng, m);
  for (size_t i = 0; i < n; i++) {
    tau[i]   = tau_draw(&p->tau[i], rng);
    m[n + i] = spread_coordinate(tau[i]);
  }
  for (size_t g = 0; g < n_segment; g++) {
    for (size_t i = 0; i < n; i++) e[i] = clv_rng_normal(rng);
    clv_whitening_invert(&p->whitening[g], n, m, tau, e, phi + g * n);
  }
}

/* The whitened coordinates have a posterior of about N(0, I): two standard deviations either way. */
static void pooled_start(const void *self, clv_rng *rng, double *phi) {
  const pooled *p = self;
  const size_t  n = n_parameter(p), n_segment = p->likelihood.n_segment;
  double       *m = phi + n_segment * n;
  clv_slots_start(&p->slots, rng, m);
  for (size_t i = 0; i < n; i++) m[n + i] = spread_coordinate(tau_draw(&p->tau[i], rng));
  for (size_t i = 0; i < n_segment * n; i++) phi[i] = 4.0 * clv_rng_uniform(rng) - 2.0;
}

static int pooled_prior_line(const void *self, size_t i, char *line, size_t size) {
  const pooled          *p           = self;
  const clv_coordinates *coordinates = p->slots.coordinates;
  const size_t           n           = n_parameter(p);
  char                   text[96];
  if (i >= 2 * n) return 0;
  if (i < n) {
    const int used = snprintf(line, size, "typical segment: ");
    clv_slots_line(&p->slots, i, line + used, size - (size_t)used);
    return 1;
  }
  clv_prior_print(&p->tau[i - n], text, sizeof text);
  snprintf(line, size, "%s%s, sd over segments of %s ~ %s: %s", CLV_TAU, coordinates->parameter[i - n],
           coordinates->coordinate[i - n], text,
           (p->tau_named >> (i - n) & 1u) != 0 ? "from the configuration" : TAU_REASON);
  return 1;
}

static void pooled_free(void *self) {
  pooled *p = self;
  if (p == NULL) return;
  clv_likelihood_free(&p->likelihood);
  if (!p->is_refined) free(p->whitening);
  free(p);
}

static clv_status pooled_refined(const void *self, clv_model *out);

static const clv_model_ops POOLED = {
    .abi            = CLV_MODEL_ABI,
    .name           = "partial pooling",
    .n_dim          = pooled_n_dim,
    .n_sum          = pooled_n_sum,
    .n_block        = pooled_n_block,
    .block          = pooled_block,
    .finish         = pooled_finish,
    .n_variable     = pooled_n_variable,
    .variable       = pooled_variable,
    .constrain      = pooled_constrain,
    .start          = pooled_start,
    .prior_draw     = pooled_prior_draw,
    .prior_line     = pooled_prior_line,
    .log_likelihood = pooled_log_likelihood,
    .refined        = pooled_refined,
    .free           = pooled_free,
};

static clv_status pooled_refined(const void *self, clv_model *out) {
  const pooled  *from  = self;
  pooled        *p     = NULL;
  clv_likelihood finer = {0};
  clv_status     st    = CLV_OK;
  CLV_TRY(clv_likelihood_refined(&from->likelihood, &finer));
  if (finer.ops == NULL) goto out;
  CLV_TRY(clv_calloc(1, sizeof *p, (void **)&p));
  *p            = *from;
  p->likelihood = finer, p->is_refined = true;
  finer = (clv_likelihood){0};
  *out  = (clv_model){.ops = &POOLED, .self = p};
out:
  clv_likelihood_free(&finer);
  return st;
}

static clv_status taus_fill(pooled *p, const clv_prior_texts *priors) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < n_parameter(p); i++) {
    char name[CLV_NAME_MAX];
    snprintf(name, sizeof name, CLV_TAU "%s", p->slots.coordinates->parameter[i]);
    p->tau[i] = (clv_prior){.family = CLV_PRIOR_HALF_NORMAL, .argument = {CLV_TAU_SD}};
    for (size_t k = 0; priors != NULL && k < priors->n; k++) {
      if (strcmp(priors->item[k].name, name) != 0) continue;
      CLV_TRY(clv_prior_parse(name, priors->item[k].text, &p->tau[i]));
      p->tau_named |= 1u << i;
    }
  }
out:
  return st;
}

clv_status clv_pooled_new(clv_likelihood *likelihood, const clv_slots *slots, const clv_hierarchy_plan *plan,
                          clv_model *out) {
  pooled    *p  = NULL;
  clv_status st = clv_calloc(1, sizeof *p, (void **)&p);
  if (st == CLV_OK) st = clv_calloc(likelihood->n_segment, sizeof *p->whitening, (void **)&p->whitening);
  if (st == CLV_OK) {
    p->slots = *slots;
    st       = taus_fill(p, plan->priors);
  }
  CLV_TRY(clv_comm_agree(plan->comm, st));
  CLV_TRY(clv_whitening_fit(plan->comm, likelihood, slots->coordinates, slots->middle, p->whitening));
  p->likelihood = *likelihood;
  *likelihood   = (clv_likelihood){0};
  *out          = (clv_model){.ops = &POOLED, .self = p};
  p             = NULL;
out:
  pooled_free(p);
  return st;
}

void clv_pooled_new_segment(const clv_coordinates *coordinates, const double *population, const double *tau,
                            clv_rng *rng, double *theta) {
  const size_t n          = coordinates->n;
  double       slot[MOST] = {0.0}, u[MOST] = {0.0};
  for (size_t i = 0; i < n; i++) slot[i] = clv_log(population[i]);
  const bool found = coordinates->from_slots((1u << n) - 1u, slot, u);
  for (size_t i = 0; i < n; i++) u[i] = found ? u[i] + tau[i] * clv_rng_normal(rng) : NAN;
  coordinates->natural(u, theta, NULL);
}
