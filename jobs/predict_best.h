#ifndef CLV_JOBS_PREDICT_BEST_H
#define CLV_JOBS_PREDICT_BEST_H

#include <stdint.h>

#include "comm/comm.h"

enum { CLV_BEST_MOST = 10, CLV_BEST_VALUES = 8, CLV_BEST_ID_MOST = 40 };

/** A customer who may be shown. */
typedef struct clv_best {
  double   key; /* larger is better */
  uint64_t index;
  double   value[CLV_BEST_VALUES];
  char     id[CLV_BEST_ID_MOST]; /* cut where it is longer */
} clv_best;

/** The best customers so far, best first; equal keys in the portfolio's order. A value type. */
typedef struct clv_best_list {
  clv_best item[CLV_BEST_MOST];
  size_t   n;
} clv_best_list;

/** Not collective. */
void clv_best_offer(clv_best_list *self, const clv_best *candidate);
/** The best of all ranks, on every rank. Collective. */
clv_status clv_best_share(clv_best_list *self, const clv_comm *comm);

#endif
