#ifndef CLV_JOBS_PROGRESS_H
#define CLV_JOBS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/comm.h"

/** How far a job is, on stderr of rank 0: on a terminal one line that is redrawn, in a log single lines, as
 * clv_progress_is_due has them. No customer ids. */
typedef struct clv_progress clv_progress;

/** What a sampler can say beside "done of total"; a NaN is not shown. */
typedef struct clv_progress_facts {
  uint64_t divergences;
  double   step_size, ess;
  bool     is_sampling; /* divergences are shown */
} clv_progress_facts;

/** Not collective. @param label  a word such as "fit"; borrowed @param total  what `done` will reach; 0:
 * unknown
 *  @param quiet  print nothing  @param[out] out  owned by the caller */
clv_status clv_progress_new(const clv_comm *comm, const char *label, uint64_t total, bool quiet,
                            clv_progress **out);
/** Cheap enough to call every round: draws at most five times a second. Not collective. @param facts  may be
 * NULL */
void clv_progress_update(clv_progress *self, uint64_t done, const clv_progress_facts *facts);
/** The line at once, on a line of its own; also where the job is quiet, for somebody asked. Rank 0 prints.
 * Not collective. */
void clv_progress_tell(clv_progress *self, uint64_t done, const clv_progress_facts *facts);
/** The last line: how long it took. Not collective. */
void clv_progress_finish(clv_progress *self);
/** Ends a half-drawn line. Not collective; NULL is accepted. */
void clv_progress_free(clv_progress **self);

/** One line of at most `width` columns, without escape codes or a line end. Not collective.
 *  @param seconds  since the start; @param text [size] out */
typedef struct clv_progress_view {
  const char        *label;
  uint64_t           done, total;
  double             seconds;
  clv_progress_facts facts;
  size_t             width;
  bool               has_bar;
} clv_progress_view;
void clv_progress_format(const clv_progress_view *view, char *text, size_t size);

/** Whether a log gets a line now: at every tenth of the way, and where that is slow after the first minute
 * and after every ten without a line. Not collective.
 *  @param tenth  the last one a line was about
 *  @param silent  seconds since that line, or since the start */
bool clv_progress_is_due(const clv_progress_view *view, uint64_t tenth, double silent);

#endif
