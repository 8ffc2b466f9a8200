#ifndef CLV_ENGINE_NUMERICS_PANELS_H
#define CLV_ENGINE_NUMERICS_PANELS_H

#include <stdint.h>

/** Four functions of one number, each the sum of a great many terms, kept as interpolants at 16 Chebyshev
 * nodes on panels [k, k + 1] of the line. Where the nearest singularity lies a distance d off the line an
 * interpolant is wrong by (2 d + sqrt(4 d^2 + 1))^-16 (Trefethen 2013, Approximation Theory, theorem 8.2):
 * 2e-18 for log(w + exp(u)), whose d is pi. */
enum { CLV_PANEL_NODES = 16, CLV_PANEL_FUNCTIONS = 4 };

/** What the functions are on one panel. */
typedef struct clv_panel_fit {
  double coefficient[CLV_PANEL_NODES][CLV_PANEL_FUNCTIONS];
} clv_panel_fit;

/** Where a number lies: its panel, and the Chebyshev polynomials T_0 … T_15 there. */
typedef struct clv_panel_place {
  int64_t panel;
  double  basis[CLV_PANEL_NODES];
} clv_panel_place;

/** Pure. u must be finite and below 2^52 in size. */
void clv_panel_find(double u, clv_panel_place *place);

/** The numbers at which the functions have to be known. Pure. */
void clv_panel_nodes(int64_t panel, double u[CLV_PANEL_NODES]);

/** @param value [CLV_PANEL_NODES][CLV_PANEL_FUNCTIONS] at the nodes. Pure. */
void clv_panel_fit_values(const double value[][CLV_PANEL_FUNCTIONS], clv_panel_fit *fit);

/** The functions at `place`, which must be on the panel of the fit. Pure. */
void clv_panel_values(const clv_panel_fit *fit, const clv_panel_place *place,
                      double value[CLV_PANEL_FUNCTIONS]);

#endif
