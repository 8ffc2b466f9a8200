#ifndef CLV_ENGINE_MODELS_LOGNORMAL_GRID_H
#define CLV_ENGINE_MODELS_LOGNORMAL_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/numerics/isa.h"

/** The Pareto/NBD likelihood of a customer of known rates (Fader & Hardie 2005) is a sum of two terms,
 *
 *      lambda^x     mu e^(-(lambda + mu) t_x) / (lambda + mu)
 *      lambda^(x+1)    e^(-(lambda + mu) T)   / (lambda + mu)
 *
 *  Each is a function of log lambda times one of log mu, but for the divisor. With the divisor taken into the
 *  prior density, an integral over both is a bilinear form, and the part over log mu is shared by all terms
 * of one time. So a record costs nothing of its own: terms are few where histories share (x, t_x) or (x, T).
 *  (The chance to be alive at T is lambda^x e^(-(lambda + mu) T), the second term and the first at T
 * together.) */
enum { CLV_LOGNORMAL_ROWS = 384, CLV_LOGNORMAL_COLUMNS = 192 };

/** (log lambda, log mu) over customers: bivariate normal. */
typedef struct clv_lognormal_prior {
  double mean[2], sd[2], rho;
  double rest;      /* 1 - rho^2, without cancellation */
  double spread[2]; /* a lattice serves priors with means this many deviations from it, too */
} clv_lognormal_prior;

/** A prior whose means are elsewhere is this one times e^(log_front + by[0] a + by[1] b), with a and b
 * standardised by this one. */
typedef struct clv_lognormal_tilt {
  double by[2], log_front;
} clv_lognormal_tilt;

typedef struct clv_lognormal_term {
  double power; /* of lambda */
  double t;     /* of e^(-(lambda + mu) t) */
  double most;  /* log of the largest that lambda^power e^(-lambda t) can be; 0 where there is no largest */
  double window[2]; /* of log lambda: beyond it the term is below e^(most - 100) */
  bool   with_mu;   /* with a factor mu */
} clv_lognormal_term;

/** What the terms of one grid ask of it. Data alone. */
typedef struct clv_lognormal_reach {
  double power;                       /* largest */
  double t_least, t_positive, t_most; /* t_positive: the least that is not 0 */
  double mode[2];   /* of log lambda: where the terms are largest; [0] > [1]: none has a mode */
  double window[2]; /* the terms' together */
  bool   is_plain;  /* the divisor lambda + mu is left out */
} clv_lognormal_reach;

/** A uniform lattice, rows along log lambda and columns along log mu. Large: keep one at a time. */
typedef struct clv_lognormal_grid {
  size_t  n_row, n_column; /* multiples of 16 and of 8 */
  clv_isa isa;
  double  step[2];
  double  log_weight;            /* of a node: its area, with the density's normalising factor */
  double  z[CLV_LOGNORMAL_ROWS]; /* log lambda */
  double  lambda[CLV_LOGNORMAL_ROWS];
  double  a[CLV_LOGNORMAL_ROWS];    /* standardised by the prior */
  double  y[CLV_LOGNORMAL_COLUMNS]; /* log mu, mu, standardised */
  double  mu[CLV_LOGNORMAL_COLUMNS];
  double  b[CLV_LOGNORMAL_COLUMNS];
  double  mass[CLV_LOGNORMAL_COLUMNS * CLV_LOGNORMAL_ROWS]; /* [n_column][n_row]: density / (lambda + mu) */
} clv_lognormal_grid;

typedef struct clv_lognormal_columns {
  double value[3][CLV_LOGNORMAL_COLUMNS];
} clv_lognormal_columns;

typedef struct clv_lognormal_rows {
  double value[3][CLV_LOGNORMAL_ROWS];
} clv_lognormal_rows;

/** One distinct history: its terms, and what each is worth relative to the larger `most`. */
typedef struct clv_lognormal_record {
  uint32_t term[2];
  double   share[2];
  double   count;
} clv_lognormal_record;

/** lambda^power e^(-(lambda + mu) t) / (lambda + mu), with or without a factor mu. Pure. */
clv_lognormal_term clv_lognormal_term_of(bool with_mu, double power, double t);

/** Takes one more term in. Start from clv_lognormal_reach_none(). Pure. */
clv_lognormal_reach clv_lognormal_reach_none(void);
void                clv_lognormal_reach_add(clv_lognormal_reach *reach, const clv_lognormal_term *term);

/** Step and extent for these terms under this prior: no step is longer than the smallest conditional standard
 *  deviation, where the trapezoid rule is off by 5e-9. Fills nodes and mass. Pure.
 *  @param refine  halves the steps so many times, and widens the extent by a standard deviation each time
 *  @return false where that many nodes do not fit: a correlation within 0.003 of -1 or 1, a deviation of 10
 */
bool clv_lognormal_grid_place(clv_lognormal_grid *grid, const clv_lognormal_prior *prior,
                              const clv_lognormal_reach *reach, unsigned refine);

/** The part over log mu, shared by all terms of one time: sums with weights 1, b, b^2 of mu^dead e^(-mu t).
 *  Rows as `terms` need them. */
void clv_lognormal_grid_columns(const clv_lognormal_grid *grid, bool with_mu, double t,
                                clv_lognormal_rows *out);

/** One term's moments [8]: integral (of the likelihood over e^most), then times a, b, a^2, b^2, a b; two
 * zeros. Without the grid's weight. @param at  of the term's time */
void clv_lognormal_grid_term(const clv_lognormal_grid *grid, const clv_lognormal_term *term,
                             const clv_lognormal_rows *at, double *moment);

/** @param off [2]  how many deviations the other prior's means are from this one's. Pure. */
clv_lognormal_tilt clv_lognormal_tilt_of(const clv_lognormal_prior *prior, const double off[2]);

/** Both for the tilted prior, but for its front; moments are of a and b as the lattice has them. The part
 * over log mu is that of `n` terms of one time and kind, on the rows that they need. */
void clv_lognormal_grid_tilted_columns(const clv_lognormal_grid *grid, const clv_lognormal_term *term,
                                       size_t n, const clv_lognormal_tilt *tilt, clv_lognormal_rows *out);
void clv_lognormal_grid_tilted_term(const clv_lognormal_grid *grid, const clv_lognormal_term *term,
                                    const clv_lognormal_tilt *tilt, const clv_lognormal_rows *at,
                                    double *moment);

/** The same for a column of the caller's: rows value[0] = sum of mass times column [n_column]. */
void clv_lognormal_grid_weigh(const clv_lognormal_grid *grid, const double *column, clv_lognormal_rows *out);

#endif
