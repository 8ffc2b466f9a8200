#include "engine/sampler/warmup.h"

#define EARLY_SWAP 10
#define FIRST_WINDOW 80
#define FINAL_FEWEST 50

/* Where the part that adapts the step size only begins. */
static int warmup_end_of_metric(int num_warmup) {
  int last = (int)(0.15 * num_warmup);
  if (last < FINAL_FEWEST) last = FINAL_FEWEST;
  if (last > num_warmup / 2) last = num_warmup / 2;
  return num_warmup - last;
}

/* Whether a window of the second part ends with `done` draws made. */
static bool warmup_window_ends(int early, int end, int done) {
  int width = FIRST_WINDOW, at = early + width;
  while (at < done) {
    width += width / 2;
    at += width;
  }
  return at == done && end - done >= FIRST_WINDOW;
}

clv_warmup_action clv_warmup_after(int num_warmup, int draw) {
  clv_warmup_action todo = {0};
  if (num_warmup < CLV_WARMUP_FEWEST || draw >= num_warmup) return todo;
  const int done = draw + 1, early = (int)(0.3 * num_warmup), end = warmup_end_of_metric(num_warmup);
  todo.adapt_step    = true;
  todo.collect       = done <= end;
  const bool window  = done > early && warmup_window_ends(early, end, done);
  todo.swap          = (done <= early && done % EARLY_SWAP == 0) || window;
  todo.adapt_metric  = todo.swap || done == end;
  todo.restart_steps = window || done == end;
  return todo;
}

clv_warmup_action clv_warmup_after_warm(int num_warmup, int draw) {
  clv_warmup_action todo = {0};
  if (num_warmup < CLV_WARMUP_FEWEST || draw >= num_warmup) return todo;
  const int done = draw + 1, walked = num_warmup / 4, end = num_warmup - num_warmup / 4;
  todo.adapt_step   = true;
  todo.collect      = done > walked && done <= end;
  todo.adapt_metric = todo.restart_steps = done == end;
  return todo;
}
