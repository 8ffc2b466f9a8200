#ifndef CLV_JOBS_FIT_FINER_H
#define CLV_JOBS_FIT_FINER_H

#include <stdbool.h>

#include "jobs/fit_place.h"

/** What approximating integrals costs a fit: the log density at some posterior draws against that of
 * model->ops->refined. */
typedef struct clv_finer {
  size_t  n_point, dim;
  double *phi; /* owned [n_point][dim] */
} clv_finer;

/** Each chain's last draw of these replaces what was kept before. Nothing is kept of a model that
 * approximates nothing. Not collective. @param phi [n_chain][n_draw][dim] */
clv_status clv_finer_keep(clv_finer *self, const clv_model *model, size_t n_chain, size_t n_draw,
                          const double *phi);

/** Says by how much the log density changes at the points kept; nothing where there are none. Collective over
 * shards.
 *  @param speaks  on one rank of all */
clv_status clv_finer_say(const clv_finer *self, const clv_fit_place *place, bool speaks);
void       clv_finer_free(clv_finer *self);

#endif
