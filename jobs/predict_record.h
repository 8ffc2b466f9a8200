#ifndef CLV_JOBS_PREDICT_RECORD_H
#define CLV_JOBS_PREDICT_RECORD_H

#include "comm/comm.h"
#include "io/config.h"

/** How far an interrupted `clv predict` came: customers [0, done) are in the temporary files. Kept as a
 * checkpoint of two generations in checkpoint/predict. */
typedef struct clv_predict_record {
  char    *folder, *matters; /* owned; what the predictions depend on */
  char     data[72];         /* the portfolio's content */
  uint64_t generation, done;
  int64_t  at; /* end of the CSV behind them */
  double   saved_at;
} clv_predict_record;

/** Look for a record of the same portfolio, trace, configuration and version; done is 0 where there is none.
 * Collective. */
clv_status clv_predict_record_open(const clv_comm *comm, const clv_config *config, const char *content,
                                   clv_predict_record *out);
/** Customers [0, done) are durable. Collective. */
clv_status clv_predict_record_save(clv_predict_record *self, const clv_comm *comm, uint64_t done, int64_t at);
/** Nothing is unfinished any more. Not collective: one rank. */
void clv_predict_record_remove(clv_predict_record *self);
void clv_predict_record_free(clv_predict_record *self);

#endif
