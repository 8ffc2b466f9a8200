#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_RULE_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_RULE_H

#include <stdbool.h>

#include "comm/status.h"
#include "engine/models/gamma_value_grid.h"

/** Many customers under one population: gamma_value_grid.h's integrals, some dozens of times faster.
 *
 *  Given a, the integral over u is the normal approximation at the mode times a factor that depends, for one
 *  population, on y = kappa e^-mode s^2 alone. That factor and the two moments of u are polynomials of
 *  v = (y - 1) / (y + 1), or of the same of sqrt y where s is long: interpolated at Chebyshev nodes, of a
 *  degree that leaves 1e-11 and 1e-9. So a row costs a mode and three polynomials, on vectors of rows. Rows
 *  lie on lattices over a that do not depend on the population, so what depends on a alone is tabulated. */
typedef struct clv_gamma_value_lattices clv_gamma_value_lattices;

enum { CLV_GAMMA_VALUE_TERMS = 64, CLV_GAMMA_VALUE_SUMS = 10, CLV_GAMMA_VALUE_LOT = 8 };

/** What holds for all customers of a population. */
typedef struct clv_gamma_value_rule {
  clv_gamma_value_prior           prior;
  const clv_gamma_value_lattices *lattices; /* borrowed */
  clv_isa                         isa;
  unsigned                        refine;
  double                          s, slope;     /* of e given a: sd, and slope of the mean */
  bool                            is_root;      /* polynomials are of sqrt y */
  size_t                          n;            /* coefficients; 0: s is too long for polynomials */
  double coefficient[CLV_GAMMA_VALUE_TERMS][3]; /* Chebyshev: log factor, E t / s^2, E t^2 / sd^2 */
} clv_gamma_value_rule;

/** Not collective: data of no one. */
clv_status clv_gamma_value_lattices_new(clv_gamma_value_lattices **out);
/** Accepts NULL, leaves NULL. */
void clv_gamma_value_lattices_free(clv_gamma_value_lattices **self);

/** Pure. @param lattices  outlive the rule  @param refine  halves the lattices' steps so many times and asks
 * more of the polynomials */
void clv_gamma_value_rule_make(const clv_gamma_value_lattices *lattices, const clv_gamma_value_prior *prior,
                               clv_isa isa, unsigned refine, clv_gamma_value_rule *out);

/** Each customer by himself: what out[i] is depends on record[i] alone. Customers for whom the rule does not
 * serve go through clv_gamma_value_integrate; mean_amount is not made. Pure.
 *  @param n  at most CLV_GAMMA_VALUE_LOT */
void clv_gamma_value_rule_apply(const clv_gamma_value_rule *rule, const clv_gamma_value_record *record,
                                size_t n, clv_gamma_value_result *out);

/** One customer under one population, as forecasts ask for: no polynomials are made, the inner integrals are
 * summed on vectors of rows. What clv_gamma_value_integrate makes, several times faster. Pure. */
void clv_gamma_value_alone(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                           clv_isa isa, clv_gamma_value_result *out);

#endif
