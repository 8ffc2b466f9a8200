#ifndef CLV_ENGINE_MODELS_BETA_PAIR_H
#define CLV_ENGINE_MODELS_BETA_PAIR_H

#include <stdbool.h>

/** Coordinates of the two parameters a, b > 0 of a Beta distribution: u = logit(a / (a+b)), log(a+b), its
 * mean and how alike customers are. Bit 0 of `named` says that a's slot holds log a, bit 1 that b's holds log
 * b, as in clv_coordinates. Pure, pinned. */

/** @param[out] theta [2]  @param[out] jacobian d log theta[i] / d u[j]; may be NULL */
void clv_beta_pair_natural(const double u[2], double theta[2], double jacobian[2][2]);

/** log |d slots / d u|. @param[out] gradient [2] */
double clv_beta_pair_log_determinant(unsigned named, const double u[2], double gradient[2]);

/** The inverse map. False where no u gives these slots (a < a + b). @param[out] u [2] */
bool clv_beta_pair_from_slots(unsigned named, const double slot[2], double u[2]);

#endif
