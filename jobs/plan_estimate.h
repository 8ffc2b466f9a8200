#ifndef CLV_JOBS_PLAN_ESTIMATE_H
#define CLV_JOBS_PLAN_ESTIMATE_H

#include "jobs/plan_size.h"
#include "jobs/rehearsal.h"

/** What a step is expected to take. */
typedef struct clv_plan_step {
  const char *job;
  double      seconds;
  double      bytes; /* memory of the largest rank */
} clv_plan_step;

enum { CLV_PLAN_STEPS_MOST = 5 };

typedef struct clv_plan {
  int           ranks;
  size_t        n_step;
  clv_plan_step step[CLV_PLAN_STEPS_MOST];
  double        seconds, bytes; /* of all steps; of the largest rank of any step */
  double        disk_bytes;     /* of the run directory */
} clv_plan;

/** What is not known of the size, from the simulated shops: customers at their transactions a customer,
 * distinct histories by how their number grew. Not collective. */
void clv_plan_size_complete(const clv_rehearsal *rehearsal, clv_plan_size *size);

/** Scale the rehearsal to a size and a number of ranks. Not collective: a pure function.
 *  @param pass  seconds of a gradient of all chains on one rank, measured on the portfolio itself; 0: scale
 */
void clv_plan_estimate(const clv_config *config, const clv_rehearsal *rehearsal, const clv_plan_size *size,
                       double pass, int ranks, clv_plan *out);

/** The number of ranks that is worth while: as many as the memory of a rank asks for, then doubled as long as
 * that saves three tenths of the time and the whole takes more than five minutes. Not collective.
 *  @param bytes_most  memory of a rank */
int clv_plan_ranks(const clv_config *config, const clv_rehearsal *rehearsal, const clv_plan_size *size,
                   double pass, double bytes_most);

#endif
