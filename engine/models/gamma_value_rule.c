#include "engine/models/gamma_value_rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/gamma_value_rows_kernel.h"
#include "engine/numerics/pinned.h"

/* Lattice l has the step STEP_MOST 2^(-l / OCTAVE), over [A_LEAST, A_MOST]. */
enum {
  OCTAVE  = 4,
  LEVELS  = 6 * OCTAVE + 1,
  A_LEAST = -24,
  A_MOST  = 44,
  LANES   = 8,
  NODES   = CLV_GAMMA_VALUE_TERMS,
  CIRCLE  = 4 * NODES
};
/* As in gamma_value_grid.c. */
static const double STEP = 0.65, STEP_MOST = 0.4;
static const double FRACTION[OCTAVE] = {1.0, 0x1.306fe0a31b715p+0, 0x1.6a09e667f3bcdp+0,
                                        0x1.ae89f995ad3adp+0};
/* Rows whose log is this much below the largest are let go; that is looked at, so that the ends may be tried
 * closer. */
static const double NOTHING = -23.0, CLOSER = 0.9;
/* What the polynomials may leave of the log factor and of the moments; and how much less when refined. */
static const double LEFT[3] = {1e-11, 1e-9, 1e-9}, FINER = 1e-2;
/* Of s: from where on the polynomials are of sqrt y, and up to where there are any. */
static const double S_ROOT = 0.7, S_MOST = 2.5, S_LEAST = 1e-4;

struct clv_gamma_value_lattices {
  double  step[LEVELS];
  size_t  n[LEVELS];                    /* multiples of LANES */
  double *alpha[LEVELS], *peak[LEVELS]; /* owned [n] */
  double  cosine[CIRCLE];               /* of 2 pi k / CIRCLE */
};

/* cos(2 pi k / CIRCLE) by Taylor's series below pi / 4: the C library's has bits of its own. */
static double cosine_of(size_t k) {
  const size_t folded  = k > CIRCLE / 2 ? CIRCLE - k : k,
               acute   = folded > NODES ? CIRCLE / 2 - folded : folded;
  const bool   is_sine = acute > NODES / 2;
  const double x       = 3.141592653589793 / (2 * NODES) * (double)(is_sine ? NODES - acute : acute),
               first   = is_sine;
  double sum           = 0.0;
  for (int i = 10; i >= 0; i--) sum = 1.0 - sum * x * x / ((2 * i + 1 + first) * (2 * i + 2 + first));
  sum *= is_sine ? x : 1.0;
  return folded > NODES ? -sum : sum;
}

static clv_status lattice_fill(clv_gamma_value_lattices *self, size_t level) {
  const double step = STEP_MOST / ((double)(1u << level / OCTAVE) * FRACTION[level % OCTAVE]);
  const size_t n    = ((size_t)((A_MOST - A_LEAST) / step) / LANES + 1) * LANES;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_alloc(n, sizeof(double), (void **)&self->alpha[level]));
  CLV_TRY(clv_alloc(n, sizeof(double), (void **)&self->peak[level]));
  self->step[level] = step, self->n[level] = n;
  for (size_t k = 0; k < n; k++) {
    self->alpha[level][k] = clv_exp(A_LEAST + (double)k * step);
    self->peak[level][k]  = clv_gamma_value_peak(self->alpha[level][k]);
  }
out:
  return st;
}

clv_status clv_gamma_value_lattices_new(clv_gamma_value_lattices **out) {
  clv_gamma_value_lattices *self = NULL;
  clv_status                st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  for (size_t level = 0; level < LEVELS; level++) CLV_TRY(lattice_fill(self, level));
  for (size_t k = 0; k < CIRCLE; k++) self->cosine[k] = cosine_of(k);
  *out = self, self = NULL;
out:
  clv_gamma_value_lattices_free(&self);
  return st;
}

void clv_gamma_value_lattices_free(clv_gamma_value_lattices **self) {
  if (self == NULL || *self == NULL) return;
  for (size_t level = 0; level < LEVELS; level++) {
    free((*self)->alpha[level]);
    free((*self)->peak[level]);
  }
  free(*self);
  *self = NULL;
}

/* ---- the polynomials ---- */

/* Chebyshev coefficients from values at the nodes cos(pi (k + 1/2) / n). */
static void chebyshev_fit(const double *cosine, size_t n, const double (*value)[3], double (*c)[3]) {
  const size_t stride = NODES / n;
  for (size_t i = 0; i < n; i++) {
    double sum[3] = {0};
    for (size_t k = 0; k < n; k++) {
      const double weight = cosine[i * (2 * k + 1) * stride % CIRCLE];
      for (int j = 0; j < 3; j++) sum[j] += weight * value[k][j];
    }
    for (int j = 0; j < 3; j++) c[i][j] = sum[j] * (i == 0 ? 1.0 : 2.0) / (double)n;
  }
}

/* How many coefficients leave no more than that; 0 where they have not died away. */
static size_t terms_needed(const double (*c)[3], size_t n, unsigned refine) {
  const double share   = refine > 0 ? FINER : 1.0;
  double       tail[3] = {0};
  size_t       needed  = n;
  while (needed > 1) {
    bool enough = true;
    for (int j = 0; j < 3; j++) {
      tail[j] += fabs(c[needed - 1][j]);
      enough = enough && tail[j] <= LEFT[j] * share;
    }
    if (!enough) break;
    needed--;
  }
  return needed + 2 <= n ? needed : 0;
}

static clv_gamma_value_rule bare_rule(const clv_gamma_value_prior *prior, clv_isa isa) {
  return (clv_gamma_value_rule){.prior = *prior,
                                .isa   = isa,
                                .s     = prior->sd[1] * sqrt(prior->rest),
                                .slope = prior->rho * prior->sd[1] / prior->sd[0]};
}

void clv_gamma_value_rule_make(const clv_gamma_value_lattices *lattices, const clv_gamma_value_prior *prior,
                               clv_isa isa, unsigned refine, clv_gamma_value_rule *out) {
  double value[NODES][3];
  *out           = bare_rule(prior, isa);
  out->lattices  = lattices;
  out->refine    = refine;
  out->is_root   = out->s > S_ROOT;
  const size_t n = out->is_root || refine > 0 ? NODES : NODES / 2;
  if (!(out->s >= S_LEAST && out->s <= S_MOST)) return;
  for (size_t k = 0; k < n; k++) {
    const double v = lattices->cosine[(2 * k + 1) * (NODES / n) % CIRCLE], ratio = (1.0 + v) / (1.0 - v);
    clv_gamma_value_factor(out->s, out->is_root ? ratio * ratio : ratio, isa, refine + out->is_root,
                           value[k]);
  }
  chebyshev_fit(lattices->cosine, n, value, out->coefficient);
  out->n = terms_needed(out->coefficient, n, refine);
}

/* ---- customers ---- */

/* Where a customer's rows are looked for: a level and rows of its lattice. */
typedef struct place {
  size_t level;
  double first, n; /* whole numbers; n of LANES */
} place;

static place place_of(const clv_gamma_value_rule *rule, const clv_gamma_value_record *who, double mode,
                      double curvature) {
  const clv_gamma_value_lattices *l  = rule->lattices;
  const double                    sd = 1.0 / sqrt(curvature);
  place                           p  = {0};
  double                          ends[2];
  clv_gamma_value_row_ends(&rule->prior, who, mode, sd, ends);
  while (p.level < LEVELS && l->step[p.level] > STEP * sd) p.level++;
  p.level += OCTAVE * rule->refine;
  if (p.level >= LEVELS) return p;
  p.first = floor((mode - CLOSER * ends[0] - A_LEAST) / l->step[p.level]);
  p.n     = ceil(CLOSER * (ends[0] + ends[1]) / l->step[p.level] / LANES) * LANES;
  return p;
}

/* False where the lattices have no such rows. */
static bool span_of(const clv_gamma_value_lattices *l, const place *p, clv_gamma_value_span *out) {
  if (!(p->level < LEVELS && p->first >= 0.0 && p->n <= CLV_GAMMA_VALUE_ROWS &&
        p->first + p->n <= (double)l->n[p->level]))
    return false;
  const size_t at = (size_t)p->first;
  *out            = (clv_gamma_value_span){.first = A_LEAST + p->first * l->step[p->level],
                                           .step  = l->step[p->level],
                                           .n     = (size_t)p->n,
                                           .alpha = l->alpha[p->level] + at,
                                           .peak  = l->peak[p->level] + at};
  return true;
}

/* The curvature at the mode does not say it all: rows go on until they are nothing on either side. */
static bool place_suffices(const double *sum, place *p) {
  const double more  = ceil(0.5 * p->n / LANES) * LANES;
  const bool   above = sum[8] > NOTHING, below = sum[7] > NOTHING;
  if (below) p->first -= more;
  p->n += more * (above + below);
  return !above && !below;
}

static bool rows_sum(const clv_gamma_value_rule *rule, const clv_gamma_value_record *who, place p,
                     clv_gamma_value_span *span, double *sum) {
  do {
    if (!span_of(rule->lattices, &p, span)) return false;
    if (!CLV_KERNEL_PICK(clv_gamma_value_rows, rule->isa)(rule, who, span, sum)) return false;
  } while (!place_suffices(sum, &p));
  return true;
}

static void result_of(const clv_gamma_value_prior *p, const double *sum, double step,
                      clv_gamma_value_result *out) {
  const double all = sum[1], da = p->sd[0], de = p->sd[1];
  out->log_likelihood = sum[0] + clv_log(all * step) - 0.9189385332046727 -
                        clv_log(da); /* 1 / (sd sqrt(2 pi)) of a's density */
  out->moment[0]   = sum[2] / (all * da);
  out->moment[1]   = sum[3] / (all * de);
  out->moment[2]   = sum[4] / (all * da * da);
  out->moment[3]   = sum[5] / (all * de * de);
  out->moment[4]   = sum[6] / (all * da * de);
  out->mean_amount = NAN;
}

void clv_gamma_value_rule_apply(const clv_gamma_value_rule *rule, const clv_gamma_value_record *record,
                                size_t n, clv_gamma_value_result *out) {
  double count[LANES], log_mean[LANES], gap[LANES], mode[LANES], curvature[LANES];
  for (size_t l = 0; l < LANES; l++) { /* lanes to spare repeat the first */
    const clv_gamma_value_record *r = &record[l < n ? l : 0];
    count[l] = r->n, log_mean[l] = r->log_mean, gap[l] = r->gap;
  }
  if (rule->n > 0)
    CLV_KERNEL_PICK(clv_gamma_value_modes, rule->isa)(rule, count, log_mean, gap, mode, curvature);
  for (size_t i = 0; i < n; i++) {
    clv_gamma_value_span span;
    double               sum[CLV_GAMMA_VALUE_SUMS];
    if (rule->n > 0 &&
        rows_sum(rule, &record[i], place_of(rule, &record[i], mode[i], curvature[i]), &span, sum))
      result_of(&rule->prior, sum, span.step, &out[i]);
    else
      clv_gamma_value_integrate(&rule->prior, &record[i], rule->isa, rule->refine, &out[i]);
  }
}

/* ---- one customer ---- */

/* His rows lie where they are wanted: first and n of the place count from the mode, in steps. */
static bool alone_sum(const clv_gamma_value_rule *rule, const clv_gamma_value_record *who, double mode,
                      double sd, double *sum) {
  const double step = fmin(STEP * sd, STEP_MOST);
  double       alpha[CLV_GAMMA_VALUE_ROWS], peak[CLV_GAMMA_VALUE_ROWS], ends[2];
  clv_gamma_value_row_ends(&rule->prior, who, mode, sd, ends);
  place p = {.first = floor(-CLOSER * ends[0] / step),
             .n     = ceil(CLOSER * (ends[0] + ends[1]) / step / LANES) * LANES};
  do {
    const double first = mode + p.first * step;
    if (!(p.n <= CLV_GAMMA_VALUE_ROWS && first > A_LEAST && first + p.n * step < A_MOST)) return false;
    const clv_gamma_value_span span = {first, step, (size_t)p.n, alpha, peak};
    CLV_KERNEL_PICK(clv_gamma_value_shapes, rule->isa)(first, step, span.n, alpha, peak);
    if (!CLV_KERNEL_PICK(clv_gamma_value_rows, rule->isa)(rule, who, &span, sum)) return false;
  } while (!place_suffices(sum, &p));
  return true;
}

void clv_gamma_value_alone(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                           clv_isa isa, clv_gamma_value_result *out) {
  const clv_gamma_value_rule rule = bare_rule(prior, isa);
  double n[LANES], log_mean[LANES], gap[LANES], mode[LANES], curvature[LANES], sum[CLV_GAMMA_VALUE_SUMS];
  for (size_t l = 0; l < LANES; l++) n[l] = record->n, log_mean[l] = record->log_mean, gap[l] = record->gap;
  CLV_KERNEL_PICK(clv_gamma_value_modes, isa)(&rule, n, log_mean, gap, mode, curvature);
  const double sd = 1.0 / sqrt(curvature[0]);
  if (!(rule.s >= S_LEAST && alone_sum(&rule, record, mode[0], sd, sum))) {
    clv_gamma_value_integrate(prior, record, isa, 0, out);
    return;
  }
  result_of(prior, sum, fmin(STEP * sd, STEP_MOST), out);
  out->mean_amount = clv_exp(record->log_mean) * sum[9] / sum[1];
}
