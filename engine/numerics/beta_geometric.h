#ifndef CLV_ENGINE_NUMERICS_BETA_GEOMETRIC_H
#define CLV_ENGINE_NUMERICS_BETA_GEOMETRIC_H

/** 1 + sum over i >= 1 of E[(1-p)^i] v^i with p ~ Beta(a, b), which is 2F1(1, b; a+b; v), 0 <= v < 1, by
 * Gauss's continued fraction (modified Lentz). Pure, pinned. */
double clv_beta_geometric_discounted(double a, double b, double v);

#endif
