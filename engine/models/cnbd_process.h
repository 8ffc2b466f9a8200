#ifndef CLV_ENGINE_MODELS_CNBD_PROCESS_H
#define CLV_ENGINE_MODELS_CNBD_PROCESS_H

#include "engine/models/process.h"

/** What an alive customer of a (M)BG/CNBD-k is given recency: S = sum over j < k of C(n+j-1, j) y^j, whose
 * terms are the odds of j phases of the gap under way being over, n = r + k x, y = (T-t_x) / (alpha+T). */
typedef struct clv_cnbd_stages {
  double log_sum;
  double by_n, by_y; /* derivatives of log_sum */
} clv_cnbd_stages;

/** Pure, pinned. k >= 1, n > 0, 0 <= y < 1. */
clv_cnbd_stages clv_cnbd_stages_of(int k, double n, double y);

#endif
