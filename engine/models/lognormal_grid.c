#include "engine/models/lognormal_grid.h"

#include <math.h>

#include "engine/models/lognormal_grid_kernel.h"
#include "engine/numerics/pinned.h"

static const double DROP             = 100.0; /* what is below e^-100 of the largest is nothing */
static const double DEVIATIONS       = 7.0;   /* to either side of the prior's mean: 3e-12 of it are beyond */
static const double STEP_GROWTH_MOST = 1.5; /* where nodes do not suffice; past it the rule is off by 3e-4 */
static const double LOG_2 = 0.69314718055994531, LOG_2_PI = 1.8378770664093453;

/* lambda^p e^(-lambda t) at a distance u above its mode is down by p (e^u - 1 - u): bounds from outside. */
static void window_of(clv_lognormal_term *term) {
  term->window[0] = -INFINITY, term->window[1] = INFINITY;
  if (!(term->t > 0.0)) return;
  if (!(term->power > 0.0)) {
    term->window[1] = clv_log(DROP / term->t);
    return;
  }
  const double q = DROP / term->power, mode = clv_log(term->power / term->t), root = sqrt(2.0 * q);
  term->window[1] = mode + fmin(root, clv_log(2.0 + q + clv_log1p(q)));
  term->window[0] = mode - (q <= 0.3 ? sqrt(3.0 * q) : 1.0 + q);
}

clv_lognormal_term clv_lognormal_term_of(bool with_mu, double power, double t) {
  clv_lognormal_term term = {.power = power, .t = t, .with_mu = with_mu};
  if (power > 0.0 && t > 0.0) term.most = power * (clv_log(power / t) - 1.0);
  window_of(&term);
  return term;
}

clv_lognormal_reach clv_lognormal_reach_none(void) {
  return (clv_lognormal_reach){.t_least    = INFINITY,
                               .t_positive = INFINITY,
                               .mode       = {INFINITY, -INFINITY},
                               .window     = {INFINITY, -INFINITY}};
}

void clv_lognormal_reach_add(clv_lognormal_reach *reach, const clv_lognormal_term *term) {
  reach->power   = fmax(reach->power, term->power);
  reach->t_least = fmin(reach->t_least, term->t);
  reach->t_most  = fmax(reach->t_most, term->t);
  if (term->t > 0.0) reach->t_positive = fmin(reach->t_positive, term->t);
  if (term->t > 0.0 && term->power > 0.0) {
    const double mode = clv_log(term->power / term->t);
    reach->mode[0] = fmin(reach->mode[0], mode), reach->mode[1] = fmax(reach->mode[1], mode);
  }
  reach->window[0] = fmin(reach->window[0], term->window[0]);
  reach->window[1] = fmax(reach->window[1], term->window[1]);
}

/* How far a posterior can lie from the prior's mean, below and above: not past where the likelihood is
 * largest, and not farther than its slope can pull. */
typedef struct pulls {
  double down[2], up[2];
} pulls;

static double pull(double distance, double slope, double sd) {
  return fmin(fmax(distance, 0.0), sd * sd * slope);
}

static pulls pulls_of(const clv_lognormal_prior *p, const clv_lognormal_reach *r) {
  pulls        out;
  double       low[2], high[2]; /* the outermost means */
  const double fall = -clv_log(r->t_most), rise = -clv_log(r->t_positive);
  for (size_t k = 0; k < 2; k++)
    low[k] = p->mean[k] - p->spread[k] * p->sd[k], high[k] = p->mean[k] + p->spread[k] * p->sd[k];
  out.up[0]   = pull(r->mode[1] - low[0], r->power, p->sd[0]);
  out.down[0] = pull(high[0] - r->mode[0], 1.0 + clv_exp(high[0]) * r->t_most, p->sd[0]);
  out.up[1]   = pull(rise - low[1], 1.0, p->sd[1]);
  out.down[1] = r->t_most > 0.0 ? pull(high[1] - fall, 1.0 + clv_exp(high[1]) * r->t_most, p->sd[1]) : 0.0;
  return out;
}

/* Nodes along one coordinate: step and extent. */
typedef struct axis {
  double low, high, wanted, step;
  size_t n;
} axis;

/* The longest 2^(-k/4) that is at most `wanted`, so that a lattice stays where it is while the parameters
 * move a little: nodes are multiples of the step. */
static double step_below(double wanted) {
  return clv_exp(-0.25 * LOG_2 * ceil(-4.0 * clv_log(wanted) / LOG_2 - 1e-9));
}

/* Likelihood's curvature where the posterior is largest, from above: there w = rate × t solves w = t e^(mean
 * - s^2 (w
 * - power)), so s^2 w is Lambert's W of s^2 t e^(mean + s^2 power), which is below log(1 + its argument). */
static double curvature_of(double mean, double variance, double power, double t) {
  const double log_argument = t > 0.0 ? clv_log(variance * t) + mean + variance * power : -INFINITY;
  return fmax(power, (log_argument > 30.0 ? log_argument : clv_log1p(clv_exp(log_argument))) / variance);
}

static axis axis_of(const clv_lognormal_prior *p, const pulls *pull, int k, const clv_lognormal_reach *reach,
                    unsigned refine) {
  const double sd = p->sd[k], ratio = p->rho * sd / p->sd[1 - k];
  const double conditional = sd * sd * p->rest, deviations = DEVIATIONS + (double)refine + p->spread[k];
  const double up   = fmax(0.0, fmax(ratio * pull->up[1 - k], -ratio * pull->down[1 - k]));
  const double down = fmax(0.0, fmax(ratio * pull->down[1 - k], -ratio * pull->up[1 - k]));
  axis         out  = {.low  = p->mean[k] - deviations * sd - pull->down[k] - down,
                       .high = p->mean[k] + deviations * sd + pull->up[k] + up};
  const double curvature =
      curvature_of(p->mean[k] + p->spread[k] * sd, conditional, k == 0 ? reach->power : 1.0, reach->t_most);
  out.wanted = 1.0 / sqrt(curvature + fmax(4.0, 1.0 / conditional));
  out.step   = step_below(out.wanted);
  for (unsigned i = 0; i < refine; i++) out.step *= 0.5;
  return out;
}

static void axis_clip(axis *a, double low, double high) {
  const double from = fmax(a->low, low), to = fmin(a->high, high);
  if (from < to) a->low = from, a->high = to;
}

/* @return false where `most` nodes are too few */
static bool axis_settle(axis *a, size_t most, size_t multiple) {
  const double length = a->high - a->low, room = (double)(most - multiple - 1);
  if (!(length > 0.0 && length < INFINITY && a->step > 0.0)) return false;
  if (length / a->step > room) a->step = length / room;
  if (!(a->step <= STEP_GROWTH_MOST * a->wanted)) return false;
  a->n = ((size_t)ceil(length / a->step) + multiple + 1) / multiple * multiple;
  if (a->n > most) a->n = most;
  return true;
}

static void nodes_fill(const axis *a, const clv_lognormal_prior *p, int k, double *z, double *natural,
                       double *standard) {
  const double first = floor(a->low / a->step);
  for (size_t i = 0; i < a->n; i++) {
    z[i]        = a->step * (first + (double)i);
    natural[i]  = clv_exp(z[i]);
    standard[i] = (z[i] - p->mean[k]) / p->sd[k];
  }
}

bool clv_lognormal_grid_place(clv_lognormal_grid *grid, const clv_lognormal_prior *prior,
                              const clv_lognormal_reach *reach, unsigned refine) {
  const pulls pull   = pulls_of(prior, reach);
  axis        row    = axis_of(prior, &pull, 0, reach, refine);
  axis        column = axis_of(prior, &pull, 1, reach, refine);
  axis_clip(&row, reach->window[0], reach->window[1]);
  axis_clip(&column, -INFINITY, reach->t_least > 0.0 ? clv_log(DROP / reach->t_least) : INFINITY);
  if (!(prior->rest > 0.0) || !axis_settle(&row, CLV_LOGNORMAL_ROWS, CLV_LOGNORMAL_LANES) ||
      !axis_settle(&column, CLV_LOGNORMAL_COLUMNS, 8))
    return false;
  grid->isa   = clv_isa_best();
  grid->n_row = row.n, grid->n_column = column.n;
  grid->step[0] = row.step, grid->step[1] = column.step;
  grid->log_weight = clv_log(row.step / prior->sd[0]) + clv_log(column.step / prior->sd[1]) - LOG_2_PI -
                     0.5 * clv_log(prior->rest);
  nodes_fill(&row, prior, 0, grid->z, grid->lambda, grid->a);
  nodes_fill(&column, prior, 1, grid->y, grid->mu, grid->b);
  CLV_KERNEL_PICK(clv_lognormal_mass, grid->isa)
  (grid, prior->rho, -0.5 / prior->rest, reach->is_plain ? 0.0 : 1.0);
  return true;
}

clv_lognormal_tilt clv_lognormal_tilt_of(const clv_lognormal_prior *prior, const double off[2]) {
  clv_lognormal_tilt tilt = {
      .by = {(off[0] - prior->rho * off[1]) / prior->rest, (off[1] - prior->rho * off[0]) / prior->rest}};
  tilt.log_front = -0.5 * (off[0] * tilt.by[0] + off[1] * tilt.by[1]);
  return tilt;
}

static const clv_lognormal_tilt UPRIGHT;

/* Columns that a time needs, a multiple of 8: beyond them e^(-mu t) is nothing. */
static size_t columns_of(const clv_lognormal_grid *grid, double t) {
  const size_t n = grid->n_column;
  if (!(t > 0.0)) return n;
  const double last = ceil((clv_log(DROP / t) - grid->y[0]) / grid->step[1]);
  return last < 1.0 ? 8 : last < (double)n ? ((size_t)last + 7) / 8 * 8 : n;
}

/* Rows [range[0], range[1]) that a term needs, multiples of 8. */
static void rows_of(const clv_lognormal_grid *grid, const clv_lognormal_term *term, size_t range[2]) {
  const double from = floor((term->window[0] - grid->z[0]) / grid->step[0]),
               to = ceil((term->window[1] - grid->z[0]) / grid->step[0]) + 1.0, n = (double)grid->n_row;
  range[0] = 0, range[1] = grid->n_row;
  if (from > 0.0) range[0] = (from < n ? (size_t)from : grid->n_row - 8) / 8 * 8;
  if (to < n) range[1] = to < 8.0 ? 8 : ((size_t)to + 7) / 8 * 8;
  if (range[0] >= range[1]) range[0] = range[1] - 8;
}

static void columns_fill(const clv_lognormal_grid *grid, const clv_lognormal_term *like, double tilt,
                         size_t range[3], clv_lognormal_rows *out) {
  const double          power = (like->with_mu ? 1.0 : 0.0);
  clv_lognormal_columns column;
  range[2] = columns_of(grid, like->t);
  CLV_KERNEL_PICK(clv_lognormal_decline, grid->isa)
  (grid, (double[3]){power, like->t, tilt}, range[2], &column);
  CLV_KERNEL_PICK(clv_lognormal_apply, grid->isa)(grid, range, &column, out);
}

void clv_lognormal_grid_columns(const clv_lognormal_grid *grid, bool with_mu, double t,
                                clv_lognormal_rows *out) {
  columns_fill(grid, &(clv_lognormal_term){.with_mu = with_mu, .t = t}, 0.0, (size_t[3]){0, grid->n_row, 0},
               out);
}

void clv_lognormal_grid_tilted_columns(const clv_lognormal_grid *grid, const clv_lognormal_term *term,
                                       size_t n, const clv_lognormal_tilt *tilt, clv_lognormal_rows *out) {
  enum { TOGETHER = CLV_LOGNORMAL_LANES };
  size_t range[3] = {grid->n_row, 0, 0};
  for (size_t k = 0; k < n; k++) {
    size_t its[2];
    rows_of(grid, &term[k], its);
    if (its[0] < range[0]) range[0] = its[0];
    if (its[1] > range[1]) range[1] = its[1];
  }
  range[0] = range[0] / TOGETHER * TOGETHER;
  range[1] = (range[1] + TOGETHER - 1) / TOGETHER * TOGETHER;
  columns_fill(grid, term, tilt->by[1], range, out);
}

void clv_lognormal_grid_tilted_term(const clv_lognormal_grid *grid, const clv_lognormal_term *term,
                                    const clv_lognormal_tilt *tilt, const clv_lognormal_rows *at,
                                    double *moment) {
  size_t range[2];
  rows_of(grid, term, range);
  CLV_KERNEL_PICK(clv_lognormal_moments, grid->isa)
  (grid, range, &(clv_lognormal_pulled){term, tilt->by[0]}, at, moment);
}

void clv_lognormal_grid_term(const clv_lognormal_grid *grid, const clv_lognormal_term *term,
                             const clv_lognormal_rows *at, double *moment) {
  clv_lognormal_grid_tilted_term(grid, term, &UPRIGHT, at, moment);
}

void clv_lognormal_grid_weigh(const clv_lognormal_grid *grid, const double *column, clv_lognormal_rows *out) {
  const size_t          range[3] = {0, grid->n_row, grid->n_column};
  clv_lognormal_columns all;
  for (size_t j = 0; j < grid->n_column; j++)
    all.value[0][j] = column[j], all.value[1][j] = all.value[2][j] = 0.0;
  CLV_KERNEL_PICK(clv_lognormal_apply, grid->isa)(grid, range, &all, out);
}
