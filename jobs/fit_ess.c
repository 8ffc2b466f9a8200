#include "jobs/fit_ess.h"

#include <math.h>

#include "comm/comm.h"
#include "engine/posterior/diagnostics.h"

enum { DRAWS_LEAST = 20 };
static const double EVERY = 3.0; /* seconds between looks */
static const double SHARE = 0.05;

void clv_fit_ess_look(clv_fit_ess *self, const double *history, size_t n_chain, size_t planned,
                      size_t n_value, size_t n_draw) {
  const double now   = clv_clock();
  double       least = INFINITY;
  if (history == NULL || n_draw < DRAWS_LEAST || now - self->at < EVERY) return;
  for (size_t seen = 0; seen < n_value && (seen == 0 || clv_clock() - now < SHARE * EVERY); seen++) {
    const clv_series series = {.data         = history + self->next++ % n_value,
                               .n_chain      = n_chain,
                               .n_draw       = n_draw,
                               .chain_stride = planned * n_value,
                               .draw_stride  = n_value};
    least                   = fmin(least, clv_ess_bulk(&series));
  }
  self->least = least, self->at = now;
}
