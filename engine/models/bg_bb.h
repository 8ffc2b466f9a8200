#ifndef CLV_ENGINE_MODELS_BG_BB_H
#define CLV_ENGINE_MODELS_BG_BB_H

#include "engine/models/likelihood.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

/** Most opportunities of a customer. */
enum { CLV_BG_BB_OPPORTUNITIES_MOST = 100000 };

/** BG/BB, customers integrated out (Fader, Hardie & Shang 2010, Marketing Science 29(6)): at each of n
 * opportunities an alive customer first leaves with probability theta ~ Beta(gamma, delta), and if he stays
 * buys with probability p ~ Beta(alpha, beta). t_x and T count opportunities. Overrides of priors by alpha,
 * beta, gamma, delta. As clv_purchases_new.
 *  @return CLV_EDATA where t_x or T are not whole numbers, or not x <= t_x <= T */
clv_status clv_bg_bb_new(const clv_purchase_data *data, clv_model *out);

/** Times are whole opportunities: a fraction of one brings no purchase. */
extern const clv_process_ops CLV_BG_BB_PROCESS;

extern const clv_coordinates CLV_BG_BB_COORDINATES;

/** The chance of no purchase at `idle` opportunities after the last one at t_x, given that the customer was
 * alive and had bought x times then, and its derivatives. */
typedef struct clv_bg_bb_silence {
  double chance;      /* in (0, 1] */
  double by_theta[4]; /* derivatives of its logarithm in alpha, beta, gamma, delta */
} clv_bg_bb_silence;

/** Pure; plain arithmetic, so the same bits everywhere. */
clv_bg_bb_silence clv_bg_bb_silence_of(const double *theta, double x, double t_x, double T);

#endif
