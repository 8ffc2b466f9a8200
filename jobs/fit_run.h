#ifndef CLV_JOBS_FIT_RUN_H
#define CLV_JOBS_FIT_RUN_H

#include "io/trace.h"
#include "jobs/fit_ess.h"
#include "jobs/fit_finer.h"
#include "jobs/fit_sampler.h"
#include "jobs/job.h"
#include "jobs/kept_customers.h"
#include "jobs/progress.h"

/** Draws of a leg, per chain, at most. */
enum { CLV_FIT_LEG_DRAWS = 50 };

/** What the last round of a leg was like, for the line that a signal asks for. */
typedef struct clv_fit_seen {
  uint64_t           done;
  clv_progress_facts facts;
} clv_fit_seen;

/** A running fit: shared by the files fit*.c of this folder. */
typedef struct clv_fit_run {
  const clv_job_context *context;
  const clv_comm        *world;
  const clv_config      *config;
  clv_fit_place          place;    /* owned */
  clv_finer              finer;    /* owned */
  clv_kept_customers     kept;     /* owned: where customers are sampled, those whose draws the trace keeps */
  clv_fit_sampler        sampler;  /* owned */
  clv_trace             *trace;    /* owned */
  clv_progress          *progress; /* owned */
  char                  *portfolio_path, *trace_path, *checkpoint_folder, *matters; /* owned */
  size_t                 n_planned; /* draws a chain when all is done */
  size_t          n_value, n_row;   /* values of a draw: of the model, and with those of kept customers */
  size_t          n_warmup, n_draw; /* committed so far */
  int             num_warmup;       /* as run: a warm start needs fewer */
  double          cold_gradients;   /* that a full warm-up would take; 0: not known */
  double         *last_phi;         /* owned: the chains' positions after the last leg [chain][dim] */
  double         *value;            /* owned: a leg's values [chain][draw][n_row] */
  clv_trace_stat *stat;             /* owned, beside them */
  double         *history;          /* owned on rank 0: all draws [chain][n_planned][n_value] */
  uint64_t        generation, n_diverging;
  double          saved_at, began_at;
  double          save_seconds; /* in all, for n_save checkpoints */
  long            n_save;
  clv_fit_ess     ess;
  bool            is_finished; /* nothing is left to draw or to write */
  int             leg_draws;   /* of the next leg: as many as take a second or two */
  bool            is_asked;    /* on this rank: how far is it? */
  clv_fit_seen    seen;
} clv_fit_run;

/** One sentence on stderr, by rank 0, unless the job is quiet. Not collective. */
void clv_fit_say(const clv_fit_run *f, const char *sentence);

#endif
