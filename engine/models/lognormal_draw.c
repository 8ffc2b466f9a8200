#include "engine/models/lognormal_draw.h"

#include <math.h>

#include "comm/status.h"
#include "engine/numerics/pinned.h"

/* Nodes are at most a standard deviation apart, where a normal density exceeds its chords by 13 %. */
static const double EXCESS = 1.3;
enum { TRIES = 1000 };

/* A density known at uniform nodes. */
typedef struct chords {
  size_t        n;
  double        first, step;
  const double *value; /* [n] */
} chords;

/* A point under the chords; its height. */
static double chords_draw(const chords *c, clv_rng *rng, double *height) {
  double total = 0.0, sum = 0.0;
  size_t i = 0;
  CLV_CHECK(c->n >= 2);
  for (size_t k = 0; k + 1 < c->n; k++) total += c->value[k] + c->value[k + 1];
  const double wanted = clv_rng_uniform(rng) * total;
  for (; i + 2 < c->n; i++) {
    const double here = c->value[i] + c->value[i + 1];
    if (sum + here >= wanted) break;
    sum += here;
  }
  /* the inverse of a linear density's distribution function, from the larger end: nothing cancels */
  const double low = c->value[i], high = c->value[i + 1], u = clv_rng_uniform(rng);
  const double root = sqrt(low * low + u * (high - low) * (high + low)), below = low + root;
  const double at = below > 0.0 ? fmin(u * (low + high) / below, 1.0) : u;
  *height         = low + at * (high - low);
  return c->first + c->step * ((double)i + at);
}

/* The joint density at z and every column, and its sum: the marginal of z at a point between rows. */
typedef struct slice {
  const clv_lognormal_prior *prior;
  const clv_lognormal_term  *term;
  double                     z, front; /* the factor in z alone */
  bool                       is_plain;
} slice;

static double slice_at(const slice *s, double y) {
  const double mu = clv_exp(y), a = (s->z - s->prior->mean[0]) / s->prior->sd[0],
               b      = (y - s->prior->mean[1]) / s->prior->sd[1];
  const double square = (a * a - 2.0 * s->prior->rho * a * b + b * b) / s->prior->rest;
  return s->front * clv_exp(-0.5 * square - s->term->t * mu + (s->term->with_mu ? y : 0.0)) /
         (clv_exp(s->z) + mu);
}

static slice slice_of(const clv_lognormal_prior *prior, const clv_lognormal_term *term, bool is_plain,
                      double z) {
  return (slice){.is_plain = is_plain,
                 .prior    = prior,
                 .term     = term,
                 .z        = z,
                 .front    = clv_exp(term->power * z - term->t * clv_exp(z) - term->most)};
}

/* log lambda, and the density at it and every column. */
static double lambda_draw(const clv_lognormal_grid *grid, const slice *shape, clv_rng *rng, double *column) {
  const clv_lognormal_term *term = shape->term;
  clv_lognormal_rows        at;
  double                    height, z = NAN;
  clv_lognormal_grid_columns(grid, term->with_mu, term->t, &at);
  for (size_t i = 0; i < grid->n_row; i++)
    at.value[0][i] *= clv_exp(term->power * grid->z[i] - term->t * grid->lambda[i] - term->most);
  const chords marginal = {grid->n_row, grid->z[0], grid->step[0], at.value[0]};
  for (int t = 0; t < TRIES; t++) {
    double sum        = 0.0;
    z                 = chords_draw(&marginal, rng, &height);
    const slice there = slice_of(shape->prior, term, shape->is_plain, z);
    for (size_t j = 0; j < grid->n_column; j++) sum += column[j] = slice_at(&there, grid->y[j]);
    if (clv_rng_uniform(rng) * EXCESS * height <= sum) break;
  }
  return z;
}

void clv_lognormal_draw(const clv_lognormal_prior *prior, const clv_lognormal_term *term, bool is_plain,
                        clv_rng *rng, double rate[2]) {
  clv_lognormal_reach reach = clv_lognormal_reach_none();
  clv_lognormal_grid  grid;
  double              column[CLV_LOGNORMAL_COLUMNS], height, y = NAN;
  rate[0] = rate[1] = NAN;
  reach.is_plain    = is_plain;
  clv_lognormal_reach_add(&reach, term);
  if (!clv_lognormal_grid_place(&grid, prior, &reach, 0)) return;
  const slice  shape       = {.prior = prior, .term = term, .is_plain = is_plain};
  const double z           = lambda_draw(&grid, &shape, rng, column);
  const slice  there       = slice_of(prior, term, is_plain, z);
  const chords conditional = {grid.n_column, grid.y[0], grid.step[1], column};
  for (int t = 0; t < TRIES; t++) {
    y = chords_draw(&conditional, rng, &height);
    if (clv_rng_uniform(rng) * EXCESS * height <= slice_at(&there, y)) break;
  }
  rate[0] = clv_exp(z), rate[1] = clv_exp(y);
}
